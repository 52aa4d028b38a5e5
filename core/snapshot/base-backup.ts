// A manifest's record of a PostgreSQL cluster that ran while it was backed up: the base from which a recovery
// replays WAL. The files of such a snapshot are of different moments. Only the WAL from `startLsn` to `stopLsn` makes
// one state of them.
import { z } from 'zod'
import { maxBackupLabelBytes, maxTablespaces, maxTablespaceLocationBytes } from '../limits.ts'
import { isSegmentBytes, isTimeline, lsnHex, parseLsn, parseLsnHex } from '../wal/lsn.ts'
import { isSystemId } from '../wal/wal-keys.ts'

/** A position in the WAL: 16 upper-case hexadecimal digits, as in the keys of the WAL. */
const lsn = z.string().refine((text) => parseLsnHex(text) !== null, 'not a position in the WAL')
/** Microseconds since 2000-01-01 by the clock of the cluster, in decimal text. */
const clusterTime = z.string().regex(/^(?:0|[1-9]\d{0,18})$/, 'not a time of PostgreSQL')

export const baseBackupSchema = z
  .strictObject({
    systemId: z.string().refine(isSystemId, 'not a system identifier'),
    timeline: z.number().refine(isTimeline, 'not a timeline'),
    /** Recovery begins to read WAL here. */
    startLsn: lsn,
    /** Before this position no recovery may end. */
    stopLsn: lsn,
    /** A recovery to an earlier time can't end at `stopLsn` or later. */
    stopTime: clusterTime,
    /** As `server_version_num`, e.g. 180004. */
    serverVersion: z.number().int().min(90_000).max(999_999),
    segmentBytes: z.number().refine(isSegmentBytes, 'not the size of a segment'),
    /** The text of the file `backup_label` of the snapshot. PostgreSQL doesn't start with a CR in it. */
    backupLabel: z
      .string()
      .max(maxBackupLabelBytes)
      .regex(/^[^\0\r]+\n$/),
    /** The directory `pg_tblspc/<oid>` of the snapshot has the files of the tablespace. */
    tablespaces: z
      .array(
        z.strictObject({
          oid: z.number().int().min(1).max(0xffff_ffff),
          location: z
            .string()
            .min(1)
            .max(maxTablespaceLocationBytes)
            .regex(/^[^\0]+$/),
        }),
      )
      .max(maxTablespaces),
    /** The minimum recovery point in `pg_control`, if the base comes from a standby; null if from a primary. */
    minRecoveryLsn: lsn.nullable(),
  })
  .refine(({ startLsn, stopLsn }) => startLsn < stopLsn, 'it ends before it begins')
  .refine(({ backupLabel, startLsn, timeline }) => {
    const label = parseBackupLabel(backupLabel)
    return label !== null && label.startLsn === startLsn && label.timeline === timeline
  }, 'it has the label of another base')
  .refine(
    ({ tablespaces }) => new Set(tablespaces.map(({ oid }) => oid)).size === tablespaces.length,
    'it names a tablespace twice',
  )

export type BaseBackup = z.infer<typeof baseBackupSchema>

export interface BackupLabel {
  startLsn: string
  timeline: number
  isFromStandby: boolean
}

/** The fields of `backup_label` that PostgreSQL reads; null if a line that it needs is missing or there twice. */
export function parseBackupLabel(text: string): BackupLabel | null {
  const start = onlyMatch(
    text,
    /^START WAL LOCATION: ([0-9A-F]{1,8}\/[0-9A-F]{1,8}) \(file [0-9A-F]{24}\)$/gm,
  )
  const timeline = onlyMatch(text, /^START TIMELINE: (\d{1,10})$/gm)
  const from = onlyMatch(text, /^BACKUP FROM: (primary|standby)$/gm)
  if (start === null || timeline === null || from === null) return null
  return {
    startLsn: lsnHex(parseLsn(start[1]!)),
    timeline: Number(timeline[1]),
    isFromStandby: from[1] === 'standby',
  }
}

function onlyMatch(text: string, pattern: RegExp): RegExpExecArray | null {
  const matches = [...text.matchAll(pattern)]
  return matches.length === 1 ? matches[0]! : null
}
