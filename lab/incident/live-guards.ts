// The guards that bring a database back to the second. The drill takes one out, to see which claims fall without it.
import type { ClaimName } from './claims.ts'

export interface LiveGuard {
  name: 'wal-stream' | 'steady-stream' | 'point-in-time'
  /** The property that is lost without it, as a clause. */
  description: string
  /** The claims that fall without it, and no other. */
  consequences: readonly ClaimName[]
}

export const liveGuards: readonly LiveGuard[] = [
  {
    name: 'wal-stream',
    description: 'a process streams the WAL of the database into the vault',
    consequences: ['live-backup-complete', 'last-commits-come-back', 'dropped-table-comes-back'],
  },
  {
    name: 'steady-stream',
    description: 'the stream runs until the wipe',
    consequences: ['last-commits-come-back'],
  },
  {
    name: 'point-in-time',
    description: 'a restore takes the WAL up to a time alone',
    consequences: ['dropped-table-comes-back'],
  },
]

export function findLiveGuard(name: string | null): LiveGuard | null {
  return liveGuards.find((guard) => guard.name === name) ?? null
}
