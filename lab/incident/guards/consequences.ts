// What falls with a guard in a drill of the walls, besides its own claim: as data, held to by `npx vitest run --project guards`.
import type { ClaimName } from '../claims.ts'

const fromProduction: readonly ClaimName[] = [
  'vault-unreadable-from-production',
  'vault-undeletable-from-production',
  'vault-locks-untouchable-from-production',
  'vault-unwritable-from-production',
  'vault-configuration-untouchable-from-production',
]
const rootLoosens: readonly ClaimName[] = ['vault-root-cannot-loosen']
const agentsDestroy: readonly ClaimName[] = ['production-safe-from-agents']
const rolesMixed: readonly ClaimName[] = ['roles-for-their-own-alone']
/** Somebody did add, or hide. */
const contentChanged: readonly ClaimName[] = ['nothing-hidden-or-added', 'disk-agrees']
/** Nothing is locked. */
const nothingLocked: readonly ClaimName[] = [
  'vault-locks-every-version',
  'duties-possible',
  'writers-confined',
  'locks-unchanged',
  'disk-agrees',
  'locks-hold-without-any-policy',
  'unexpired-versions-stay',
  'client-clock-changes-nothing',
  'guard-compliance',
]

/** By the guard's name. A guard that isn't here takes no other claim along: another wall holds, and its own claim tells. */
export const consequences: Readonly<Record<string, readonly ClaimName[]>> = {
  'object-lock': [...nothingLocked, 'guard-default-retention'],
  // A lock that can be bypassed is one that its own root takes off once no policy forbids it.
  compliance: [
    'vault-locks-every-version',
    'writers-confined',
    'locks-hold-without-any-policy',
    'unexpired-versions-stay',
  ],
  'default-retention': nothingLocked,
  'deny-delete': [...rootLoosens, ...contentChanged, 'expired-versions-only-by-custodian'],
  'if-none-match': ['vault-unwritable-from-production', ...rootLoosens, ...contentChanged],
  'deny-lock-headers': [...rootLoosens, 'writers-confined'],
  'retention-cap': ['unexpired-versions-stay'],
  'legal-holds': rootLoosens,
  'customer-keys': ['vault-unwritable-from-production', ...rootLoosens],
  'foreign-keys': rootLoosens,
  'per-source-prefix': ['vault-unwritable-from-production', ...contentChanged],
  'writer-without-read': ['vault-unreadable-from-production', ...rootLoosens],
  // What a trust policy asks for is a condition of it, a source identity too.
  'trust-conditions': [...rolesMixed, 'guard-source-identity'],
  'second-factor': rolesMixed,
  'session-tag-denial': rolesMixed,
  // The boundary of agents holds these walls as well.
  'agent-boundary': [
    ...agentsDestroy,
    'calls-elsewhere-refused',
    'guard-source-identity',
    'guard-environment-boundary',
    'guard-quarantine',
  ],
  'boundary-stays': ['calls-elsewhere-refused'],
  'environment-boundary': agentsDestroy,
  // Whoever may reconfigure takes the default lock away, for what is written afterwards.
  'frozen-bucket-policy': [
    ...rootLoosens,
    'expired-versions-only-by-custodian',
    'unexpired-versions-stay',
    'client-clock-changes-nothing',
    'guard-default-retention',
  ],
  'frozen-ways-in': rootLoosens,
  membership: ['calls-elsewhere-refused'],
  // Then production's root is the vault's, and the vault account's control policies bind nobody who matters.
  'separate-account': [
    'vault-in-account-of-its-own',
    ...fromProduction,
    'calls-elsewhere-refused',
    ...rootLoosens,
    'writers-confined',
    'locks-unchanged',
    ...contentChanged,
    'locks-hold-without-any-policy',
    'expired-versions-only-by-custodian',
    'unexpired-versions-stay',
    'client-clock-changes-nothing',
    'guard-default-retention',
    'guard-frozen-bucket-policy',
    'guard-frozen-ways-in',
    'guard-frozen-roles',
    'guard-alarms-stay',
  ],
}
