// The state that a recovery brings back: that of a time, of a position in the WAL, or the last one in the vault.
import { HoldfastError } from '../errors.ts'
import { parseExactPointInTime } from '../snapshot/point-in-time.ts'
import { lsnText, parseLsn } from '../wal/lsn.ts'
import { exactTimeText, postgresTimeOf } from './postgres-time.ts'

/**
 * `time` and `lsn` are inclusive: what was committed just then is recovered. `base` is the first moment at which the
 * files of the base are one state.
 */
export type RecoveryTarget =
  { kind: 'end' } | { kind: 'base' } | { kind: 'time'; timeUs: bigint } | { kind: 'lsn'; lsn: bigint }

export interface TargetFlags {
  pointInTime?: string
  lsn?: string
}

/** @throws `invalid-input` for a time without a zone, or for another text than an LSN. */
export function parseRecoveryTarget({ pointInTime, lsn }: TargetFlags): RecoveryTarget {
  if (pointInTime !== undefined && lsn !== undefined)
    throw new HoldfastError('invalid-input', 'two targets given: --point-in-time and --lsn', {
      hint: 'pass one of them',
    })
  if (lsn !== undefined) return { kind: 'lsn', lsn: parseLsn(lsn) }
  if (pointInTime === undefined) return { kind: 'end' }
  return { kind: 'time', timeUs: postgresTimeOf(parseExactPointInTime(pointInTime)) }
}

export function targetText(target: RecoveryTarget): string {
  if (target.kind === 'time') return exactTimeText(target.timeUs)
  if (target.kind === 'base') return 'the end of the base'
  return target.kind === 'lsn' ? `the position ${lsnText(target.lsn)}` : 'the end of the WAL in the vault'
}
