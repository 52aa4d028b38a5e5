// Everything that would weaken the vault, as data: each is tried by everybody, and denied to all but those whose duty it is.
import {
  frozenAccountActions,
  frozenBucketActions,
  frozenMachineActions,
  frozenRoleActions,
  frozenRuleActions,
  frozenTopicActions,
} from '../../guardrails/frozen-actions.ts'
import {
  administratorRoleName,
  agentBoundaryName,
  agentRoleArn,
  alarmBusArn,
  alarmTopicArn,
  approvalPolicyArn,
  approverRoleName,
  auditBucketName,
  breakGlassRoleName,
  bucketArn,
  duties,
  dutyRoleArn,
  feedbackBucketName,
  feedbackPrefix,
  forwarderRoleArn,
  keyPrefixes,
  quarantineExecutionArn,
  quarantineMachineArn,
  quarantineName,
  quarantineStarterName,
  responderRoleName,
  roleArn,
  rolePaths,
  sourcePrefix,
  toolkitBucketName,
  vaultBucketName,
} from '../../guardrails/names.ts'
import type { VaultLocation } from '../../guardrails/names.ts'
import { packPrefix } from '../../core/store/vault-keys.ts'
import { namesIn, targetsOf } from './targets.ts'
import type { Subject } from './principals.ts'

export interface Weakening {
  what: string
  action: string
  resource: string
  accountId: string
  context: Record<string, string | string[]>
  /** Names of the subjects whose duty it is. */
  duty: readonly string[]
  /** Tried by this subject alone; by everybody if null. */
  only: string | null
  /** Whose own account it is: without an Organization nothing binds its owners. Null: it holds in any case. */
  ownerWithoutOrganization: 'owner and root' | 'root' | null
}

export interface WeakeningPlace {
  place: VaultLocation
  productionAccountId: string
  /** Every place with a vault, and the sources whose backups lie there. */
  vaults: readonly { place: VaultLocation; sources: readonly string[] }[]
  agentNames: readonly string[]
  detached: boolean
}

const noneMatch = { 's3:if-none-match': '*' }

type Row = [
  what: string,
  action: string,
  key: string,
  context?: Record<string, string>,
  duty?: readonly string[],
]

const objectRows: Row[] = [
  ['deletes a version', 's3:DeleteObjectVersion', 'manifests/x', {}, ['custodian']],
  ['writes a delete marker', 's3:DeleteObject', 'manifests/x'],
  ['bypasses a lock in GOVERNANCE', 's3:BypassGovernanceRetention', 'manifests/x'],
  ['overwrites an object', 's3:PutObject', 'manifests/x'],
  [
    'uploads in parts, dated by the first',
    's3:PutObject',
    'manifests/x',
    { ...noneMatch, 's3:ObjectCreationOperation': 'false' },
  ],
  [
    'uploads with a lock of its own',
    's3:PutObject',
    'packs/x',
    { ...noneMatch, 's3:object-lock-mode': 'COMPLIANCE' },
  ],
  [
    'uploads with a legal hold',
    's3:PutObject',
    'packs/x',
    { ...noneMatch, 's3:object-lock-legal-hold': 'ON' },
  ],
  [
    'uploads with an event hold',
    's3:PutObject',
    'packs/x',
    { ...noneMatch, 's3:object-lock-event-hold': 'ON' },
  ],
  [
    'uploads under a key that only it has',
    's3:PutObject',
    'packs/x',
    { ...noneMatch, 's3:x-amz-server-side-encryption-customer-algorithm': 'AES256' },
  ],
  [
    'uploads under a key that someone can delete',
    's3:PutObject',
    'packs/x',
    { ...noneMatch, 's3:x-amz-server-side-encryption': 'aws:kms' },
  ],
  [
    'says until when a version is locked',
    's3:PutObjectRetention',
    'packs/x',
    { 's3:object-lock-remaining-retention-days': '1' },
    ['custodian'],
  ],
  [
    'locks for a hundred years',
    's3:PutObjectRetention',
    'packs/x',
    { 's3:object-lock-remaining-retention-days': '36500' },
  ],
  ['puts an event hold', 's3:PutObjectRetention', 'packs/x', { 's3:object-lock-event-hold': 'ON' }],
  ['puts or lifts a legal hold', 's3:PutObjectLegalHold', 'packs/x'],
  ['encrypts an object anew', 's3:UpdateObjectEncryption', 'packs/x'],
  ['replicates into the vault', 's3:ReplicateObject', 'packs/x'],
  ['replicates deletions', 's3:ReplicateDelete', 'packs/x'],
  ['replicates tags', 's3:ReplicateTags', 'packs/x'],
  ['opens an object to others', 's3:PutObjectAcl', 'packs/x'],
  ['opens a version to others', 's3:PutObjectVersionAcl', 'packs/x'],
  ['reads an object', 's3:GetObject', 'packs/x', {}, duties],
  ['reads a version', 's3:GetObjectVersion', 'packs/x', {}, duties],
  ["reads an object's attributes", 's3:GetObjectAttributes', 'packs/x', {}, duties],
  ["reads a version's attributes", 's3:GetObjectVersionAttributes', 'packs/x', {}, duties],
  ['reads in plain text', 's3:GetObjectVersion', 'packs/x', { 'aws:SecureTransport': 'false' }],
  ['writes in plain text', 's3:PutObject', 'packs/x', { ...noneMatch, 'aws:SecureTransport': 'false' }],
]

export async function weakeningsOf({
  place,
  productionAccountId,
  vaults,
  agentNames,
  detached,
}: WeakeningPlace): Promise<Weakening[]> {
  const row = (what: string, action: string, resource: string, more: Partial<Weakening> = {}): Weakening => ({
    what,
    action,
    resource,
    accountId: place.accountId,
    context: {},
    duty: [],
    only: null,
    ownerWithoutOrganization: null,
    ...more,
  })
  const frozen = [
    ...[bucketArn(auditBucketName(place))].flatMap((bucket) =>
      frozenBucketActions.map((action) =>
        row("changes the audit bucket's configuration", action, bucket, {
          ownerWithoutOrganization: 'owner and root',
        }),
      ),
    ),
    ...duties.flatMap((duty) =>
      frozenRoleActions.map((action) =>
        row('changes what a role may do, or who becomes it', action, dutyRoleArn(place.accountId, duty), {
          ownerWithoutOrganization: 'owner and root',
        }),
      ),
    ),
    ...(await accountRows(place)).map(([action, resource]) =>
      row('opens another way to the bucket', action, resource, {
        ownerWithoutOrganization: 'owner and root',
      }),
    ),
  ]
  const history = [
    's3:PutObject',
    's3:DeleteObject',
    's3:DeleteObjectVersion',
    's3:BypassGovernanceRetention',
    's3:PutObjectRetention',
    's3:PutObjectLegalHold',
  ].map((action) =>
    row('makes up or deletes history', action, `${bucketArn(auditBucketName(place))}/AWSLogs/x`),
  )
  const plainHistory = row(
    'reads history in plain text',
    's3:GetObject',
    `${bucketArn(auditBucketName(place))}/AWSLogs/x`,
    { context: { 'aws:SecureTransport': 'false' } },
  )
  const toolkit = bucketArn(toolkitBucketName(place))
  const toolkits = [
    ...[
      's3:DeleteObject',
      's3:DeleteObjectVersion',
      's3:BypassGovernanceRetention',
      's3:PutObjectRetention',
      's3:PutObjectLegalHold',
      's3:UpdateObjectEncryption',
    ].map((action) =>
      row('takes away what a restore begins with', action, `${toolkit}/${keyPrefixes.toolkit}x`),
    ),
    row('reads the toolkit in plain text', 's3:GetObject', `${toolkit}/${keyPrefixes.toolkit}x`, {
      context: { 'aws:SecureTransport': 'false' },
    }),
    row('adds to the toolkit', 's3:PutObject', `${toolkit}/${keyPrefixes.toolkit}x`, {
      duty: ownersOf('vault'),
    }),
    row('reads the toolkit', 's3:GetObject', `${toolkit}/${keyPrefixes.toolkit}x`, {
      duty: ['restorer', ...ownersOf('vault')],
    }),
    ...frozenBucketActions.map((action) =>
      row("changes the toolkit bucket's configuration", action, toolkit, {
        ownerWithoutOrganization: 'owner and root',
      }),
    ),
  ]
  const production = { accountId: productionAccountId, ownerWithoutOrganization: 'owner and root' } as const
  const inProduction = (service: string, rest: string) =>
    `arn:aws:${service}:${place.region}:${productionAccountId}:${rest}`
  const delays = [
    ...['rbin:DeleteRule', 'rbin:UnlockRule', 'rbin:UpdateRule'].map((action) =>
      row('empties the Recycle Bin', action, inProduction('rbin', 'rule/some'), production),
    ),
    row('deletes a key within days', 'kms:ScheduleKeyDeletion', inProduction('kms', 'key/some'), {
      ...production,
      context: { 'kms:ScheduleKeyDeletionPendingWindowInDays': '7' },
    }),
    row(
      'deletes a secret within days',
      'secretsmanager:DeleteSecret',
      inProduction('secretsmanager', 'secret:some-AbCdEf'),
      { ...production, context: { 'secretsmanager:RecoveryWindowInDays': '7' } },
    ),
    row(
      'deletes a secret at once',
      'secretsmanager:DeleteSecret',
      inProduction('secretsmanager', 'secret:some-AbCdEf'),
      { ...production, context: { 'secretsmanager:ForceDeleteWithoutRecovery': 'true' } },
    ),
  ]
  const boundaries = agentNames.flatMap((name) =>
    ['iam:DeleteRolePermissionsBoundary', 'iam:PutRolePermissionsBoundary'].map((action) =>
      row("takes an agent's boundary off", action, agentRoleArn(productionAccountId, name), {
        accountId: productionAccountId,
        ownerWithoutOrganization: 'owner and root',
      }),
    ),
  )
  const agents =
    agentNames.length === 0
      ? []
      : [
          'iam:CreatePolicyVersion',
          'iam:DeletePolicy',
          'iam:DeletePolicyVersion',
          'iam:SetDefaultPolicyVersion',
        ].map((action) =>
          row(
            'changes the boundary of agents',
            action,
            `arn:aws:iam::${productionAccountId}:policy/${agentBoundaryName}`,
            {
              accountId: productionAccountId,
              ownerWithoutOrganization: 'owner and root',
            },
          ),
        )
  return [
    ...vaults.flatMap((each) => vaultRows(each, vaults, row)),
    ...history,
    plainHistory,
    ...toolkits,
    ...alarmRows(place, productionAccountId, row),
    ...responseRows(place, productionAccountId, agentNames, row),
    ...frozen,
    ...delays,
    ...boundaries,
    ...agents,
    ...(await membershipRows(place.accountId, productionAccountId, detached)),
  ]
}

type MakeRow = (what: string, action: string, resource: string, more?: Partial<Weakening>) => Weakening

/** What ends an agent's sessions, and what approves that the glass is broken: it stays, and nobody else does it. */
function responseRows(
  place: VaultLocation,
  accountId: string,
  agentNames: readonly string[],
  row: MakeRow,
): Weakening[] {
  const inProduction = (name: string) => roleArn(accountId, rolePaths.production, name)
  const kept = { accountId, ownerWithoutOrganization: 'owner and root' } as const
  const owners = ownersOf('production')
  const others = [
    administratorRoleName,
    approverRoleName,
    breakGlassRoleName,
    quarantineName,
    responderRoleName,
  ].map(inProduction)
  const machine = quarantineMachineArn(accountId, place.region)
  const run = `${quarantineExecutionArn(accountId).replace('*', place.region).replace('*', 'some')}`
  return [
    ...[quarantineName, quarantineStarterName].flatMap((name) =>
      frozenRoleActions.map((action) => row('stops the quarantine', action, inProduction(name), kept)),
    ),
    ...frozenMachineActions.map((action) =>
      row('stops the quarantine', action, action === 'states:StopExecution' ? run : machine, kept),
    ),
    ...['iam:DeleteRolePermissionsBoundary', 'iam:PutRolePermissionsBoundary'].map((action) =>
      row('takes the approval off break-glass', action, inProduction(breakGlassRoleName), kept),
    ),
    row('approves break-glass', 'iam:CreatePolicyVersion', approvalPolicyArn(accountId), {
      accountId,
      duty: ['approver', ...owners],
    }),
    row('starts a quarantine', 'states:StartExecution', machine, {
      accountId,
      duty: ['quarantine-starter', 'agent unbounded', ...owners],
    }),
    ...agentNames.map((name) =>
      row("writes a policy on an agent's role", 'iam:PutRolePolicy', agentRoleArn(accountId, name), {
        accountId,
        duty: ['quarantine', 'responder', ...owners],
      }),
    ),
    ...['quarantine', 'responder'].flatMap((only) => [
      ...others.map((arn) =>
        row("writes a policy on a role that is no agent's", 'iam:PutRolePolicy', arn, { accountId, only }),
      ),
      ...agentNames.slice(0, 1).flatMap((name) =>
        frozenRoleActions
          .filter((action) => action !== 'iam:PutRolePolicy')
          .map((action) =>
            row('does more to an agent than end its sessions', action, agentRoleArn(accountId, name), {
              accountId,
              only,
            }),
          ),
      ),
    ]),
  ]
}

/** What somebody is woken by: in the vault's account frozen, in production as far as it only takes away. */
function alarmRows(place: VaultLocation, productionAccountId: string, row: MakeRow): Weakening[] {
  const owner = { ownerWithoutOrganization: 'owner and root' } as const
  const rule = (accountId: string) => `arn:aws:events:${place.region}:${accountId}:rule/holdfast-agent-data`
  const centralRule = `arn:aws:events:${place.region}:${place.accountId}:rule/holdfast-alarms/holdfast-agent-data`
  const targets: Record<string, string> = {
    'cloudwatch:DeleteAlarms': `arn:aws:cloudwatch:${place.region}:${place.accountId}:alarm:holdfast-silence-some`,
    'cloudwatch:DisableAlarmActions': `arn:aws:cloudwatch:${place.region}:${place.accountId}:alarm:holdfast-silence-some`,
    'events:DeleteEventBus': alarmBusArn(place),
    'sns:DeleteTopic': alarmTopicArn(place),
    'sns:SetTopicAttributes': alarmTopicArn(place),
    'sns:Unsubscribe': alarmTopicArn(place),
  }
  const production = { ...owner, accountId: productionAccountId }
  return [
    ...frozenTopicActions.map((action) => row('silences the alarms', action, targets[action]!, owner)),
    ...frozenRuleActions.flatMap((action) =>
      [rule(place.accountId), centralRule].map((arn) => row('silences an alarm', action, arn, owner)),
    ),
    ...[...frozenRuleActions, 'events:PutRule', 'events:PutTargets'].map((action) =>
      row('silences an alarm of production', action, rule(productionAccountId), production),
    ),
    ...frozenRoleActions.map((action) =>
      row('stops the forwarder of alarms', action, forwarderRoleArn(productionAccountId), production),
    ),
  ]
}

/** Of one vault: its objects, its feedback, its configuration. */
function vaultRows(
  { place, sources }: WeakeningPlace['vaults'][number],
  vaults: WeakeningPlace['vaults'],
  row: MakeRow,
): Weakening[] {
  const vault = bucketArn(vaultBucketName(place))
  const feedback = bucketArn(feedbackBucketName(place))
  const objects = sources.flatMap((source) =>
    objectRows.map(([what, action, key, context = {}, duty = []]) =>
      row(what, action, `${vault}/${sourcePrefix(source)}${key}`, { context, duty }),
    ),
  )
  const writers = (source: string) => [`writer ${source}`]
  const feedbacks = sources.flatMap((source) => [
    row('writes feedback', 's3:PutObject', `${feedback}/${feedbackPrefix(source)}x`, {
      context: noneMatch,
      duty: ['notary'],
    }),
    row('reads feedback in plain text', 's3:GetObject', `${feedback}/${feedbackPrefix(source)}x`, {
      context: { 'aws:SecureTransport': 'false' },
    }),
    row('reads the feedback of a source', 's3:GetObject', `${feedback}/${feedbackPrefix(source)}x`, {
      duty: [...writers(source), ...ownersOf('vault')],
    }),
    row('lists the feedback of a source', 's3:ListBucket', feedback, {
      context: { 's3:prefix': feedbackPrefix(source) },
      duty: [...writers(source), ...ownersOf('vault')],
    }),
    // Whoever owns the vault's account may add, as long as nothing is overwritten: it can't make the writers' data look otherwise.
    row('adds to a source', 's3:PutObject', `${vault}/${packPrefix(source)}x`, {
      context: noneMatch,
      duty: [...writers(source), ...ownersOf('vault')],
    }),
    row('adds a receipt', 's3:PutObject', `${vault}/${keyPrefixes.receipts}${source}/x/y`, {
      context: noneMatch,
      duty: ['notary', ...ownersOf('vault')],
    }),
  ])
  // Also of a source that isn't there: a configuration may have one source alone.
  const elsewhere = [
    row(
      'reads the feedback of another source',
      's3:GetObject',
      `${feedback}/${feedbackPrefix('no-such-source')}x`,
      {
        duty: ownersOf('vault'),
      },
    ),
    row('lists the feedback of another source', 's3:ListBucket', feedback, {
      context: { 's3:prefix': feedbackPrefix('no-such-source') },
      duty: ownersOf('vault'),
    }),
  ]
  // A writer writes in one region, where its source's backups lie.
  const strayed = vaults
    .filter((other) => other.place.region !== place.region)
    .flatMap((other) => other.sources)
    .map((source) =>
      row('adds to a source in another region', 's3:PutObject', `${vault}/${packPrefix(source)}x`, {
        context: noneMatch,
        duty: ownersOf('vault'),
      }),
    )
  // The owner's root can always change a bucket's policy: only a control policy of the organization binds it.
  const frozen = [vault, feedback].flatMap((bucket) =>
    frozenBucketActions.map((action) =>
      row("changes a bucket's configuration", action, bucket, {
        ownerWithoutOrganization:
          bucket === vault ? (/BucketPolicy$/.test(action) ? 'root' : null) : 'owner and root',
      }),
    ),
  )
  const listing = [row('lists versions', 's3:ListBucketVersions', vault, { duty: duties })]
  const widened = [
    `${vault}/${packPrefix('other')}x`,
    `${vault}/${keyPrefixes.receipts}other/x/y`,
    `${feedback}/${feedbackPrefix('other')}x`,
  ].flatMap((resource) => [
    row('adds beside its own source', 's3:PutObject', resource, {
      context: noneMatch,
      only: 'writer widened',
    }),
    row('reads beside its own source', 's3:GetObject', resource, { only: 'writer widened' }),
    row('reads a version beside its own source', 's3:GetObjectVersion', resource, { only: 'writer widened' }),
  ])
  return [...objects, ...listing, ...feedbacks, ...elsewhere, ...strayed, ...frozen, ...widened]
}

function ownersOf(account: 'vault' | 'production'): string[] {
  return account === 'vault'
    ? ['vault root', 'vault-administrator, made by hand']
    : ['production root', 'production-owner, made by hand', 'administrator']
}

async function accountRows(place: VaultLocation): Promise<[string, string][]> {
  const rows = await Promise.all(
    frozenAccountActions.map(async (action): Promise<[string, string][]> =>
      (await targetsOf(action, place.accountId, place.region, namesIn('vault', place))).map(({ arn }) => [
        action,
        arn,
      ]),
    ),
  )
  return rows.flat()
}

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

// The two that an account can do to itself are tried on both; the others are the management account's, and tried from members.
async function membershipRows(
  vaultId: string,
  productionId: string,
  detached: boolean,
): Promise<Weakening[]> {
  const rows: Weakening[] = []
  for (const accountId of [vaultId, productionId]) {
    for (const action of detached ? membershipActions.slice(0, 2) : membershipActions) {
      const [target] = await targetsOf(action, accountId, 'us-east-1', () => 'some')
      rows.push({
        what: 'leaves, closes or detaches',
        action,
        resource: target!.arn,
        accountId,
        context: {},
        duty: [],
        only: null,
        ownerWithoutOrganization: 'owner and root',
      })
    }
  }
  return rows
}

/** Whether the subject owns what the weakening is about, and nothing but an Organization could hold it back. */
export function isLostToOwner(
  weakening: Weakening,
  subject: Subject,
  accountName: 'vault' | 'production',
): boolean {
  const { ownerWithoutOrganization: owner } = weakening
  if (owner === null || subject.account !== accountName) return false
  const isOwner = ownersOf(accountName).some(
    (name) => subject.name === name || subject.name.endsWith(` > ${name}`),
  )
  return owner === 'root' ? subject.kind === 'root' : isOwner
}
