// The state that a recovery brings back: that of a time, of a position in the WAL, or the last one in the vault.
import { HoldfastError } from '../errors.ts'
import { parseExactPointInTime } from '../snapshot/point-in-time.ts'
import { lsnText, parseLsn } from '../wal/lsn.ts'
import { exactTimeText, postgresTimeOf } from './postgres-time.ts'

/** A record of the WAL that a recovery looks for, and ends behind. */
export type RecordTarget = { kind: 'xid'; xid: number } | { kind: 'name'; name: string }

/**
 * `time` and `lsn` are inclusive: what was committed just then is recovered. `base` is the first moment at which the
 * files of the base are one state.
 */
export type RecoveryTarget =
  | { kind: 'end' }
  | { kind: 'base' }
  | { kind: 'time'; timeUs: bigint }
  | { kind: 'lsn'; lsn: bigint }
  | RecordTarget

export interface TargetFlags {
  pointInTime?: string
  lsn?: string
  xid?: string
  /** The name of a restore point. */
  name?: string
}

/** PostgreSQL's own limit, without the final NUL. */
const restorePointNameBytes = 63
const option = { pointInTime: '--point-in-time', lsn: '--lsn', xid: '--xid', name: '--name' } as const

/** @throws `invalid-input` for a time without a zone, another text than an LSN, a number or a name, or two targets. */
export function parseRecoveryTarget(flags: TargetFlags): RecoveryTarget {
  const targets = (Object.keys(option) as (keyof TargetFlags)[]).filter((name) => flags[name] !== undefined)
  if (targets.length > 1)
    throw new HoldfastError(
      'invalid-input',
      `two targets given: ${option[targets[0]!]} and ${option[targets[1]!]}`,
      {
        hint: 'pass one of them',
      },
    )
  const { pointInTime, lsn, xid, name } = flags
  if (lsn !== undefined) return { kind: 'lsn', lsn: parseLsn(lsn) }
  if (xid !== undefined) return { kind: 'xid', xid: parseXid(xid) }
  if (name !== undefined) return { kind: 'name', name: parseName(name) }
  if (pointInTime === undefined) return { kind: 'end' }
  return { kind: 'time', timeUs: postgresTimeOf(parseExactPointInTime(pointInTime)) }
}

/** The WAL has the lower 32 bits of what `pg_current_xact_id()` gives. */
function parseXid(text: string): number {
  const xid = /^[0-9]{1,20}$/.test(text) ? BigInt(text) : 0n
  const low = Number(BigInt.asUintN(32, xid))
  if (low >= 3 && xid < 2n ** 64n) return low
  throw new HoldfastError('invalid-input', '--xid is no id of a transaction', {
    hint: 'pass what pg_current_xact_id() gave in the transaction',
  })
}

function parseName(name: string): string {
  // Another character would end the line of the configuration.
  if (name !== '' && Buffer.byteLength(name) <= restorePointNameBytes && !/\p{Cc}/u.test(name)) return name
  throw new HoldfastError('invalid-input', '--name is no name of a restore point', {
    hint: `pass what pg_create_restore_point() got: ${restorePointNameBytes} bytes at most, and no control characters`,
  })
}

export function targetText(target: RecoveryTarget): string {
  switch (target.kind) {
    case 'time':
      return exactTimeText(target.timeUs)
    case 'base':
      return 'the end of the base'
    case 'lsn':
      return `the position ${lsnText(target.lsn)}`
    case 'xid':
      return `the end of transaction ${target.xid}`
    case 'name':
      return `the restore point ${JSON.stringify(target.name)}`
    case 'end':
      return 'the end of the WAL in the vault'
  }
}
