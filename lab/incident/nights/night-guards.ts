// The guards of the nights, by name: checks, and rules of the custodian. The drill takes one out by the options of the
// real command, to see which claims fall without it.
import { checks } from '../../../checks/registry.ts'
import type { ClaimName } from '../claims.ts'

export interface NightGuard {
  name: string
  /** The property that is lost without it, as a clause. */
  description: string
  /** The claims that fall without it, and no other. */
  consequences: readonly ClaimName[]
}

export const nightGuards: readonly NightGuard[] = [
  {
    name: 'freshness-check',
    description: 'a check asks each night for the age of the newest good snapshot',
    consequences: [
      'stopped-backups-turn-red',
      'garbage-turns-red',
      'emptied-source-turns-red',
      'incomplete-snapshots-turn-red',
    ],
  },
  {
    name: 'tamper-check',
    description: 'a check asks each night for objects that no backup wrote',
    consequences: ['garbage-turns-red'],
  },
  {
    name: 'good-snapshots',
    description: 'an incomplete or collapsed snapshot is no proof of a backup, unless an operator accepts it',
    consequences: ['emptied-source-turns-red', 'incomplete-snapshots-turn-red'],
  },
  {
    name: 'last-good-snapshot',
    description: 'the custodian never lets the last good snapshot of a source run out',
    consequences: ['silent-source-stays-restorable'],
  },
  {
    name: 'receipts',
    description: "only the notary's receipt makes a newer snapshot the last good one",
    consequences: ['silent-source-stays-restorable'],
  },
]

export function findNightGuard(name: string | null): NightGuard | null {
  return nightGuards.find((guard) => guard.name === name) ?? null
}

/** @param accepted ids of snapshots that an operator would accept without the guard. */
export function checkFlags(without: string | null, accepted: readonly string[]): string[] {
  const absent = /^(freshness|tamper)-check$/.exec(without ?? '')?.[1]
  // The check of the configuration needs a file with what the program declared.
  const asked = checks.map(({ id }) => id).filter((id) => id !== absent && id !== 'configuration')
  return [
    ...(absent === undefined ? [] : ['--only', ...asked]),
    ...(without === 'good-snapshots' ? ['--accept', ...accepted] : []),
  ]
}

/** @param keyFile with the public key of the notary. */
export function custodianFlags(without: string | null, source: string, keyFile: string): string[] {
  return [
    ...(without === 'last-good-snapshot' ? ['--retired', source] : []),
    ...(without === 'receipts' ? [] : ['--notary-key', keyFile]),
  ]
}
