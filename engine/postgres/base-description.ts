// The description of a base backup, from the label that the server wrote at its start and the position at its end.
import { HoldfastError } from '../../core/errors.ts'
import { parseBackupLabel } from '../../core/snapshot/base-backup.ts'
import type { BaseBackup } from '../../core/snapshot/base-backup.ts'
import { lsnHex } from '../../core/wal/lsn.ts'

export interface BaseEnd {
  readonly timeline: number
  readonly lsn: bigint
  /** In microseconds since 2000, as PostgreSQL stores it, by the clock of the commits. */
  readonly time: string
}

/**
 * @param backupLabel text of the file `backup_label`; null if the server sent none.
 * @throws `unsupported-format` for a label of an unknown form; `conflict` if the server changed its timeline meanwhile.
 */
export function describeBase(
  backupLabel: string | null,
  end: BaseEnd,
  server: Pick<BaseBackup, 'systemId' | 'serverVersion' | 'segmentBytes' | 'tablespaces'>,
): BaseBackup {
  const label = backupLabel === null ? null : parseBackupLabel(backupLabel)
  if (backupLabel === null || label === null)
    throw new HoldfastError('unsupported-format', 'the server wrote a backup_label of an unknown form')
  if (end.timeline !== label.timeline)
    throw new HoldfastError(
      'conflict',
      `the server changed from timeline ${label.timeline} to ${end.timeline}`,
      { hint: 'back up again: a base of two timelines is of no use', retryable: true },
    )
  const stopLsn = lsnHex(end.lsn)
  return {
    ...server,
    timeline: label.timeline,
    startLsn: label.startLsn,
    stopLsn,
    stopTime: end.time,
    backupLabel,
    minRecoveryLsn: label.isFromStandby ? stopLsn : null,
  }
}
