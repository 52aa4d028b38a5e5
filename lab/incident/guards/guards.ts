// Every guard by name, and the same cloud without it: what a drill takes away to see whether anyone notices. This works on
// what the program declared; the program itself knows no way to leave a guard out.
import { HoldfastError } from '../../../core/errors.ts'
import { looseners } from './guard-removal.ts'
import type { CloudDeclaration, NamedPolicy, PolicyDocument } from '../../sandbox/declaration.ts'

export interface Guard {
  name: string
  /** What is no longer true without it. */
  description: string
  /** Statements that are it, wholly or in part; they go from every policy. */
  sids: readonly string[]
}

export const guards: readonly Guard[] = [
  { name: 'object-lock', description: 'versions in the vault can be locked at all', sids: [] },
  { name: 'compliance', description: 'locks are in COMPLIANCE, where nobody can undo them', sids: [] },
  {
    name: 'default-retention',
    description: 'every version is locked from its first moment, without a word of the writer',
    sids: [],
  },
  {
    name: 'deny-delete',
    description: 'nobody writes a delete marker; only the custodian deletes versions',
    sids: ['DenyDeleteMarkers', 'DenyVersionDeletes'],
  },
  { name: 'deny-bypass', description: 'nobody may bypass a lock in GOVERNANCE', sids: ['DenyBypass'] },
  { name: 'if-none-match', description: 'no upload goes over an existing key', sids: ['RequireIfNoneMatch'] },
  {
    name: 'deny-lock-headers',
    description: 'nobody but the custodian says how long a version is locked: a header overrides the default',
    sids: ['DenyLockHeaders', 'DenyRetentionWrites'],
  },
  { name: 'retention-cap', description: 'no lock ends later than the cap', sids: ['CapRetention'] },
  {
    name: 'legal-holds',
    description: 'nobody puts or lifts a legal hold',
    sids: ['DenyLegalHoldHeader', 'DenyLegalHolds'],
  },
  {
    name: 'event-holds',
    description: 'nobody puts an event hold, which rolls a lock on without limit',
    sids: ['DenyEventHoldHeader', 'DenyEventHolds'],
  },
  {
    name: 'customer-keys',
    description: 'nothing is encrypted under a key that only the caller has (SSE-C)',
    sids: ['DenyCustomerKeys'],
  },
  {
    name: 'foreign-keys',
    description: 'nothing is encrypted under a key that someone can delete',
    sids: ['DenyForeignKeys'],
  },
  {
    name: 'encryption-updates',
    description: 'no object is encrypted anew under another key',
    sids: ['DenyEncryptionUpdates'],
  },
  {
    name: 'replication',
    description: 'nothing comes in as a replica, with a lock of its own',
    sids: ['DenyReplicas'],
  },
  { name: 'tls-only', description: 'nothing is read or written in plain text', sids: ['DenyPlainText'] },
  {
    name: 'per-source-prefix',
    description: 'a writer writes below its own source only',
    sids: ['DenyOtherSources'],
  },
  {
    name: 'writer-without-read',
    description: "a writer can't read or list what is in the vault",
    sids: ['DenyReadsExceptReaders'],
  },
  {
    name: 'feedback-separation',
    description: 'a writer reads feedback on its own source only, and writes none',
    sids: ['DenyFeedbackWrites', 'DenyFeedbackOfOthers'],
  },
  {
    name: 'trust-conditions',
    description:
      'who assumes a role is that very workload or person, not another of the same account or issuer',
    sids: [],
  },
  { name: 'second-factor', description: 'a human shows a second factor', sids: ['DenyWithoutSecondFactor'] },
  {
    name: 'session-tag-denial',
    description: 'nobody chooses the tags of the own session',
    sids: ['DenySessionTags'],
  },
  { name: 'source-identity', description: 'an agent acts on behalf of somebody', sids: ['DenyNameless'] },
  {
    name: 'agent-boundary',
    description: "an agent can't destroy, whatever its task allows",
    sids: ['DenyDestruction', 'DenyDestructionByAgents'],
  },
  {
    name: 'boundary-stays',
    description: "nobody in production takes an agent's boundary off",
    sids: ['KeepAgentBoundary', 'KeepAgentBoundaryPolicy'],
  },
  {
    name: 'environment-boundary',
    description: "an agent can't touch another environment",
    sids: ['DenyOtherEnvironments'],
  },
  { name: 'separate-account', description: 'the vault is in an account of its own', sids: [] },
  {
    name: 'frozen-bucket-policy',
    description: "nobody changes the buckets' policies and settings, root included",
    sids: ['FreezeVaultBucket'],
  },
  {
    name: 'frozen-ways-in',
    description: 'nobody opens another way to the bucket, such as an access point',
    sids: ['FreezeOtherWaysIn'],
  },
  {
    name: 'frozen-roles',
    description: 'nobody changes what notary, custodian, restorer and drill may do, or who becomes them',
    sids: ['FreezeRoles'],
  },
  {
    name: 'alarms-stay',
    description: "nobody silences an alarm, in the vault's account or in production",
    sids: ['FreezeAlarms', 'KeepAlarms', 'KeepAlarmForwarder'],
  },
  {
    name: 'quarantine',
    description: "what ends an agent's sessions stays, and no agent starts it for another",
    sids: ['KeepQuarantine', 'DenyQuarantine'],
  },
  {
    name: 'audit-trail',
    description: 'nobody but CloudTrail writes history, and nobody deletes it',
    sids: ['DenyAllButTrails'],
  },
  {
    name: 'delays',
    description: 'no deletion in production is final at once where AWS can delay it',
    sids: ['KeepRecycleBin', 'KeepKeyWindow', 'KeepSecretWindow', 'DenyForcedSecretDeletion'],
  },
  {
    name: 'membership',
    description: 'no account leaves the organization or is closed',
    sids: ['StayInOrganization'],
  },
]

/** Statements whose loss alone changes no answer, and what else holds. They stay: each is for the day the other goes. */
export const defenceInDepth: Readonly<Record<string, string>> = {
  DenyOtherAccounts:
    'a stranger needs an allow in the bucket policy, which has none, and the perimeter policy denies it as well',
  DenyMultipart: "RequireIfNoneMatch rules multipart out: its first step can't carry the header",
  DenyAclWrites: 'BucketOwnerEnforced switches ACLs off',
  DenyVault: 'another account is let in by the bucket or role there, and none of them does',
  VaultDataStaysInside: "DenyOtherAccounts says the same in the bucket's own policy",
  VaultRolesStayInside: 'trust policies name their principals, all of them inside',
}

/** @throws HoldfastError `invalid-input` for a guard that doesn't exist. */
export function findGuard(name: string): Guard {
  const guard = guards.find((known) => known.name === name)
  if (guard === undefined) {
    throw new HoldfastError('invalid-input', `there is no guard named ${JSON.stringify(name)}`, {
      hint: `name one of ${guards.map((known) => known.name).join(', ')}`,
    })
  }
  return guard
}

/**
 * The declaration without one guard; `declaration` itself is left as it is.
 * @throws HoldfastError `invalid-input` for a guard that doesn't exist; `internal` if taking it away changes nothing.
 */
export function removeGuard(declaration: CloudDeclaration, name: string): CloudDeclaration {
  const guard = findGuard(name)
  const changed = structuredClone(declaration)
  dropStatements(changed, new Set(guard.sids))
  looseners[guard.name]?.(changed)
  if (JSON.stringify(changed) === JSON.stringify(declaration)) {
    throw new HoldfastError(
      'internal',
      `the guard ${guard.name} isn't in what the program declares: taking it away changed nothing`,
    )
  }
  return changed
}

/** Takes statements out of every document of the cloud, wherever one has such a Sid; control policies left empty go too. */
function dropStatements(cloud: CloudDeclaration, sids: ReadonlySet<string>): void {
  const trim = (document: PolicyDocument | null | undefined) => {
    if (document === null || document === undefined) return
    document['Statement'] = (document['Statement'] as { Sid?: string }[]).filter(
      (statement) => !sids.has(statement.Sid ?? ''),
    )
  }
  for (const bucket of cloud.buckets) trim(bucket.policy)
  for (const key of cloud.keys) trim(key.policy)
  for (const role of cloud.roles) {
    for (const document of [
      role.trust,
      role.boundary?.document,
      ...role.policies.map((policy) => policy.document),
    ])
      trim(document)
  }
  for (const account of cloud.accounts) {
    for (const level of [...account.scps, ...account.rcps]) for (const { document } of level) trim(document)
    account.scps = account.scps.map((level) => level.filter(isNotEmpty))
    account.rcps = account.rcps.map((level) => level.filter(isNotEmpty))
  }
}

function isNotEmpty({ document }: NamedPolicy): boolean {
  return (document['Statement'] as unknown[]).length > 0
}
