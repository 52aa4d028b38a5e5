// Every request that would weaken the vault. Every subject tries each one; only the subjects whose duty it is are
// allowed.
import {
  frozenAccountActions,
  frozenBucketActions,
  frozenRoleActions,
  lastingCredentialActions,
} from '../../guardrails/frozen-actions.ts'
import {
  auditBucketName,
  bucketArn,
  checkRoleArn,
  duties,
  dutyRoleArn,
  forwarderRoleArn,
  keyPrefixes,
  taskExecutionRoleName,
  toolkitBucketName,
  writerRoleArn,
} from '../../guardrails/names.ts'
import type { VaultLocation } from '../../guardrails/names.ts'
import { delegatedRoleWeakenings, delegationWeakenings } from './delegation-weakenings.ts'
import {
  agentBoundaryWeakenings,
  delayWeakenings,
  productionAlarmWeakenings,
  responseWeakenings,
  vaultAlarmWeakenings,
} from './production-weakenings.ts'
import { nativeWeakenings } from './native-rows.ts'
import { namesIn, targetsOf } from './targets.ts'
import { vaultWeakenings } from './vault-weakenings.ts'
import type { VaultWithSources } from './vault-weakenings.ts'
import { lostWithoutOrganization, makeWeakeningsIn, ownersOf } from './weakening.ts'
import type { Weakening } from './weakening.ts'

export interface WeakeningScope {
  readonly place: VaultLocation
  /** None if production is not in AWS. */
  readonly productionAccountIds: readonly string[]
  readonly vaults: readonly VaultWithSources[]
  readonly agentNames: readonly string[]
  readonly detached: boolean
  /** Whether AWS Backup copies into the vault's account. */
  readonly hasNative: boolean
}

export async function weakeningsOf({
  place,
  productionAccountIds,
  vaults,
  agentNames,
  detached,
  hasNative,
}: WeakeningScope): Promise<Weakening[]> {
  const inProduction = async (accountId: string) => [
    ...productionAlarmWeakenings(place, accountId),
    ...responseWeakenings(place, accountId, agentNames),
    ...(await delegationWeakenings(place, accountId)),
    ...(await nativeWeakenings(place, accountId, hasNative)),
    ...delayWeakenings(accountId, place.region),
    ...agentBoundaryWeakenings(accountId, agentNames),
  ]
  return [
    ...vaults.flatMap((vault) => vaultWeakenings(vault, vaults)),
    ...historyWeakenings(place),
    ...toolkitWeakenings(place),
    ...vaultAlarmWeakenings(place),
    ...(await frozenWeakenings(place)),
    ...delegatedRoleWeakenings(place),
    ...(await membershipWeakenings([place.accountId, ...productionAccountIds], detached)),
    ...(await Promise.all(productionAccountIds.map(inProduction))).flat(),
  ]
}

function historyWeakenings(place: VaultLocation): Weakening[] {
  const weaken = makeWeakeningsIn(place.accountId)
  const log = `${bucketArn(auditBucketName(place))}/AWSLogs/x`
  return [
    ...[
      's3:PutObject',
      's3:DeleteObject',
      's3:DeleteObjectVersion',
      's3:BypassGovernanceRetention',
      's3:PutObjectRetention',
      's3:PutObjectLegalHold',
    ].map((action) => weaken('makes up or deletes history', action, log)),
    weaken('reads history in plain text', 's3:GetObject', log, {
      context: { 'aws:SecureTransport': 'false' },
    }),
  ]
}

function toolkitWeakenings(place: VaultLocation): Weakening[] {
  const weaken = makeWeakeningsIn(place.accountId)
  const bucket = bucketArn(toolkitBucketName(place))
  const object = `${bucket}/${keyPrefixes.toolkit}x`
  return [
    ...[
      's3:DeleteObject',
      's3:DeleteObjectVersion',
      's3:BypassGovernanceRetention',
      's3:PutObjectRetention',
      's3:PutObjectLegalHold',
      's3:UpdateObjectEncryption',
    ].map((action) => weaken('takes away the toolkit that a restore needs', action, object)),
    weaken('reads the toolkit in plain text', 's3:GetObject', object, {
      context: { 'aws:SecureTransport': 'false' },
    }),
    weaken('adds to the toolkit', 's3:PutObject', object, { duty: ownersOf('vault') }),
    weaken('reads the toolkit', 's3:GetObject', object, { duty: ['restorer', ...ownersOf('vault')] }),
    ...frozenBucketActions.map((action) =>
      weaken("changes the toolkit bucket's configuration", action, bucket, lostWithoutOrganization),
    ),
  ]
}

async function frozenWeakenings(place: VaultLocation): Promise<Weakening[]> {
  const weaken = makeWeakeningsIn(place.accountId)
  const accountTargets = await Promise.all(
    frozenAccountActions.map(async (action) => {
      const targets = await targetsOf(action, place.accountId, place.region, namesIn('vault', place))
      return targets.map(({ arn }) => ({ action, arn }))
    }),
  )
  return [
    ...frozenBucketActions.map((action) =>
      weaken(
        "changes the audit bucket's configuration",
        action,
        bucketArn(auditBucketName(place)),
        lostWithoutOrganization,
      ),
    ),
    ...duties.flatMap((duty) =>
      frozenRoleActions.map((action) =>
        weaken(
          "changes a role's permissions or trust",
          action,
          dutyRoleArn(place.accountId, duty),
          lostWithoutOrganization,
        ),
      ),
    ),
    ...[
      writerRoleArn(place.accountId, 'some'),
      forwarderRoleArn(place.accountId),
      checkRoleArn(place.accountId, taskExecutionRoleName),
    ].flatMap((role) =>
      ['iam:DeleteRole', 'iam:DeleteRolePolicy'].map((action) =>
        weaken('deletes a role that backups, alarms or checks need', action, role, lostWithoutOrganization),
      ),
    ),
    ...['kms:DisableKey', 'kms:ScheduleKeyDeletion'].map((action) =>
      weaken(
        'takes a signing key away',
        action,
        `arn:aws:kms:${place.region}:${place.accountId}:key/some`,
        lostWithoutOrganization,
      ),
    ),
    ...lastingCredentialActions.map((action) =>
      weaken(
        'makes a credential that outlasts every session',
        action,
        `arn:aws:iam::${place.accountId}:user/some`,
        lostWithoutOrganization,
      ),
    ),
    ...accountTargets
      .flat()
      .map(({ action, arn }) =>
        weaken('opens another way to the bucket', action, arn, lostWithoutOrganization),
      ),
  ]
}

/** The first two act on the caller's own account; the others belong to the management account. */
const membershipActions = [
  'account:CloseAccount',
  'organizations:LeaveOrganization',
  'organizations:CloseAccount',
  'organizations:DeletePolicy',
  'organizations:DetachPolicy',
  'organizations:DisablePolicyType',
  'organizations:MoveAccount',
  'organizations:RemoveAccountFromOrganization',
  'organizations:UpdatePolicy',
]

async function membershipWeakenings(accountIds: readonly string[], detached: boolean): Promise<Weakening[]> {
  const weakenings: Weakening[] = []
  for (const accountId of accountIds) {
    const weaken = makeWeakeningsIn(accountId)
    for (const action of detached ? membershipActions.slice(0, 2) : membershipActions) {
      const [target] = await targetsOf(action, accountId, 'us-east-1', () => 'some')
      weakenings.push(weaken('leaves, closes or detaches', action, target!.arn, lostWithoutOrganization))
    }
  }
  return weakenings
}
