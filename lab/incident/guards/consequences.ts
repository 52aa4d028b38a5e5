// The claims that fall with a guard besides its own claim, as data. Tests compare it with a drill without the guard.
import type { ClaimName } from '../claims.ts'

const fromProduction: readonly ClaimName[] = [
  'vault-unreadable-from-production',
  'vault-undeletable-from-production',
  'vault-locks-untouchable-from-production',
  'vault-unwritable-from-production',
  'vault-configuration-untouchable-from-production',
]
const rootLoosens: readonly ClaimName[] = ['vault-root-cannot-loosen']
const deployerDeletes: readonly ClaimName[] = ['deployers-shell-tears-nothing-down']
const agentsDestroy: readonly ClaimName[] = ['production-safe-from-agents']
const rolesMixed: readonly ClaimName[] = ['roles-for-their-own-alone']
/** An attack added or hid an object. */
const contentChanged: readonly ClaimName[] = ['nothing-hidden-or-added', 'disk-agrees']
/** No version is locked. */
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

/** Claims by the guard's name. A guard without an entry costs only its own claim, because another guard still holds. */
export const consequences: Readonly<Record<string, readonly ClaimName[]>> = {
  'object-lock': [...nothingLocked, 'guard-default-retention'],
  // Without a policy, the account's root user can remove a lock that can be bypassed.
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
  // The source identity is a condition of the trust policy.
  'trust-conditions': [...rolesMixed, 'guard-source-identity'],
  'second-factor': rolesMixed,
  'session-tag-denial': rolesMixed,
  // The boundary of agents holds these walls as well.
  'agent-boundary': [
    ...agentsDestroy,
    'wide-agent-limited',
    'calls-elsewhere-refused',
    'guard-source-identity',
    'guard-environment-boundary',
    'guard-quarantine',
  ],
  'agent-services': [...agentsDestroy, 'calls-elsewhere-refused'],
  'delegated-administrators': ['delegated-administrators-kept-out'],
  'alarms-stay': ['alarms-not-blinded', ...deployerDeletes],
  'parts-stay': deployerDeletes,
  'frozen-roles': deployerDeletes,
  'native-backups': ['calls-elsewhere-refused', ...deployerDeletes],
  'flood-alarms': ['flood-raises-alarm'],
  'boundary-stays': ['calls-elsewhere-refused'],
  'environment-boundary': agentsDestroy,
  // A principal that may reconfigure the bucket removes the default lock of later versions.
  'frozen-bucket-policy': [
    ...rootLoosens,
    ...deployerDeletes,
    'expired-versions-only-by-custodian',
    'unexpired-versions-stay',
    'client-clock-changes-nothing',
    'guard-default-retention',
  ],
  'frozen-ways-in': [...rootLoosens, ...deployerDeletes],
  membership: ['calls-elsewhere-refused'],
  // In a shared account production's root user owns the vault, and the vault account's control policies don't bind it.
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
    'guard-parts-stay',
    'guard-lasting-credentials',
    'guard-native-backups',
    'alarms-not-blinded',
    ...deployerDeletes,
  ],
}
