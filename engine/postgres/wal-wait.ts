// Waits until the vault has the WAL that a base backup needs. A writer can't list the vault, so that the server's word
// decides: its archiver counts a segment only after `wal-push` has succeeded, and the slot of a stream moves only after
// the vault's acknowledgement.
import type { Clock } from '../../core/clock.ts'
import type { BaseBackup } from '../../core/snapshot/base-backup.ts'
import { parseLsn, parseLsnHex, segmentName } from '../../core/wal/lsn.ts'
import type { PostgresSession } from './session.ts'

export interface WalWait {
  clock: Clock
  signal: AbortSignal | undefined
  waitMs: number
}

/** The slots of `holdfast postgres stream`. */
export const slotPrefix = 'holdfast'
const pollMs = 500
const segmentPattern = /^[0-9A-F]{24}/

/** The archiver's settings are null for a role that may not see them. */
const walState = `
  select pg_is_in_recovery()::text as standby,
         (select setting from pg_settings where name = 'archive_mode') as mode,
         (select setting from pg_settings where name = 'archive_command') as command,
         archiver.last_archived_wal as archived,
         archiver.last_failed_wal as failed,
         (select max(restart_lsn)::text from pg_replication_slots
           where slot_type = 'physical' and starts_with(slot_name, '${slotPrefix}')) as streamed
  from pg_stat_archiver archiver`

/** Null if the vault has the WAL up to the end of the base; else the reason why that is unknown. */
export async function awaitWal(
  session: PostgresSession,
  base: BaseBackup,
  { clock, signal, waitMs }: WalWait,
): Promise<string | null> {
  const stopLsn = parseLsnHex(base.stopLsn)!
  const lastSegment = segmentName(base.timeline, stopLsn - 1n, base.segmentBytes)
  const deadlineMs = clock.nowMs() + waitMs
  for (;;) {
    const state = await session.row(walState)
    const { archived, failed, streamed } = state
    if (streamed !== null && parseLsn(streamed!) >= stopLsn) return null
    const archivedSegment = segmentPattern.exec(archived ?? '')?.[0]
    const isPushed = pushesWal(state)
    if (isPushed && archivedSegment !== undefined && isSameLineAndBehind(lastSegment, archivedSegment))
      return null
    if (!isPushed && streamed === null) return missingWay(state)
    if (clock.nowMs() >= deadlineMs) {
      const trouble = failed === null ? '' : `, and archiving ${failed} has failed before`
      return `the vault doesn't have ${lastSegment} yet, which the base needs${trouble}`
    }
    await clock.sleep(pollMs, signal)
  }
}

function isSameLineAndBehind(segment: string, archived: string): boolean {
  return archived.slice(0, 8) === segment.slice(0, 8) && archived >= segment
}

/** A server that archives elsewhere says nothing about this vault. */
function pushesWal({ standby, mode, command }: Record<string, string | null>): boolean {
  const archives = standby === 'true' ? mode === 'always' : mode === 'on' || mode === 'always'
  return archives && (command === null || command!.includes('wal-push'))
}

function missingWay({ standby }: Record<string, string | null>): string {
  return standby === 'true'
    ? 'the server is a standby, and can not tell whether the WAL of its primary is in the vault'
    : 'nothing sends the WAL of this server to the vault: neither archive_command with `holdfast wal-push`, nor a slot of `holdfast postgres stream`'
}
