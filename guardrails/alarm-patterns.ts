// EventBridge patterns that raise an alarm on calls recorded by CloudTrail. CloudTrail records denied and
// successful calls alike, so one pattern covers both. The patterns come from the same catalogue and judgements as
// the denies.
import { catalogue } from './catalogue.ts'
import { expandTier } from './catalogue/judgements.ts'
import { tierOf } from './catalogue/known-names.ts'
import { accountActions } from './delegation-policies.ts'
import {
  frozenBucketActions,
  frozenCheckActions,
  frozenMeasureActions,
  frozenProviderActions,
  frozenRoleActions,
  frozenRuleActions,
  frozenTopicActions,
} from './frozen-actions.ts'
import {
  anyAgentArn,
  approvalPolicyArn,
  auditBucketName,
  breakGlassRoleName,
  checkRoleArn,
  restoreTestMachineRoleName,
  feedbackBucketName,
  quarantineName,
  roleArn,
  rolePaths,
  schedulerRoleName,
  taskRuleName,
  vaultBucketName,
} from './names.ts'
import { nativeBackupRoleArn, nativeRestoreRoleArn } from './native-backups.ts'
import type { NativeBackup } from './native-backups.ts'
import type { VaultLocation } from './names.ts'

type Match =
  | string
  | boolean
  | { prefix: string }
  | { suffix: string }
  | { wildcard: string }
  | { exists: boolean }
  | { 'anything-but': readonly string[] }
export type EventPattern = {
  [key: string]: EventPattern | readonly Match[] | readonly EventPattern[]
  /** Alternatives. */
  $or?: readonly EventPattern[]
}

export type AlarmAccount = 'vault' | 'production' | 'management'

export interface AlarmPattern {
  /** Kebab-case; part of the names of rules. */
  name: string
  /** The first sentence that on-call reads. */
  sentence: string
  /** The accounts in which CloudTrail may record the call. */
  accounts: readonly AlarmAccount[]
  pattern: EventPattern
}

/**
 * AWS's quota for the text of a pattern.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
 */
export const patternQuotaChars = 2048

export interface AlarmScope {
  vault: VaultLocation
  /** Empty: production is not in AWS, so nothing there can raise an alarm. */
  productionAccountId: string
  /** The services that some agent may use. */
  agentServices: readonly string[]
  /** The backups of AWS Backup. */
  native?: readonly NativeBackup[]
}

export function alarmPatterns(scope: AlarmScope): AlarmPattern[] {
  const accountId = scope.productionAccountId
  const inProduction = () => [
    ...agentAlarms(accountId),
    ...taskAlarms(accountId, scope.agentServices),
    quarantineAlarm(),
    ...breakGlassAlarms(accountId),
  ]
  return [
    ...(accountId === '' ? [] : inProduction()),
    ...vaultBucketAlarms(scope.vault),
    ...vaultAccountAlarms(scope.vault),
    ...organizationAlarms(scope.vault),
    ...((scope.native ?? []).length === 0 ? [] : [nativeAlarm(accountId, scope.vault.accountId)]),
  ]
}

// CloudTrail records API operations, IAM policies name actions. These are the operations of the actions whose
// names differ.
const operations: Readonly<Record<string, readonly Match[]>> = {
  's3:DeleteObjectVersion': ['DeleteObject', 'DeleteObjects'],
  's3:DeleteObject': ['DeleteObject', 'DeleteObjects'],
  's3:PutLifecycleConfiguration': ['PutBucketLifecycle', 'DeleteBucketLifecycle'],
  's3:PutReplicationConfiguration': ['PutBucketReplication', 'DeleteBucketReplication'],
  's3:PutEncryptionConfiguration': ['PutBucketEncryption', 'DeleteBucketEncryption'],
  's3:PutBucketPublicAccessBlock': ['PutBucketPublicAccessBlock', 'DeleteBucketPublicAccessBlock'],
  's3:PutBucketOwnershipControls': ['PutBucketOwnershipControls', 'DeleteBucketOwnershipControls'],
  's3:PutBucketCORS': ['PutBucketCors', 'DeleteBucketCors'],
  's3:PutBucketWebsite': ['PutBucketWebsite'],
  's3:PutAccelerateConfiguration': ['PutAccelerateConfiguration'],
  's3:CreateBucketMetadataTableConfiguration': [{ prefix: 'CreateBucketMetadata' }],
  's3:PutIntelligentTieringConfiguration': [
    'PutBucketIntelligentTieringConfiguration',
    'DeleteBucketIntelligentTieringConfiguration',
  ],
  's3:PutInventoryConfiguration': ['PutBucketInventoryConfiguration', 'DeleteBucketInventoryConfiguration'],
  // Neither is an operation: IAM checks both as part of another request.
  's3:BypassGovernanceRetention': [],
  'iam:PassRole': [],
  'account:CloseAccount': ['CloseAccount'],
}

function operationsOf(actions: readonly string[]): Match[] {
  const names = actions.flatMap((action): Match[] => {
    const recordedNames = operations[action]
    if (recordedNames !== undefined) return [...recordedNames]
    return [nameMatch(action.slice(action.indexOf(':') + 1))]
  })
  return [...new Map(names.map((name) => [JSON.stringify(name), name])).values()]
}

function nameMatch(pattern: string): Match {
  if (!pattern.includes('*')) return pattern
  const start = pattern.slice(0, -1)
  return pattern.endsWith('*') && !start.includes('*') ? { prefix: start } : { wildcard: pattern }
}

/** Services that CloudTrail calls by another name than IAM. */
const eventSources: Readonly<Record<string, string>> = { cloudwatch: 'monitoring' }

function sourcesOf(actions: readonly string[]): string[] {
  const services = actions
    .map((action) => action.slice(0, action.indexOf(':')))
    .map((service) => eventSources[service] ?? service)
  return [...new Set(services)].sort().map((service) => `${service}.amazonaws.com`)
}

// A caller of events:PutEvents chooses the type and the detail, but only AWS can use a source that begins
// with `aws.`. Without this prefix an agent could forge an attempt by another agent.
const fromAws = { source: [{ prefix: 'aws.' }] } as const
const recordedCall = { ...fromAws, 'detail-type': ['AWS API Call via CloudTrail'] } as const

function callPattern(actions: readonly string[], details: EventPattern = {}): EventPattern {
  return {
    ...recordedCall,
    detail: { eventSource: sourcesOf(actions), eventName: operationsOf(actions), ...details },
  }
}

function byRole(...arn: Match[]): EventPattern {
  return { userIdentity: { sessionContext: { sessionIssuer: { arn } } } }
}

/**
 * The common prefix of the alarms on an agent's attempts. The quarantine starts from the rules with this
 * prefix.
 */
export const agentAlarmPrefix = 'agent-'

/** One pattern for each kind of loss, because a single pattern would exceed AWS's quota. */
function agentAlarms(accountId: string): AlarmPattern[] {
  const losses = [...new Set(catalogue.map(({ loss }) => loss))]
  return [
    deniedAgentAlarm(accountId),
    ...losses.map((loss) => ({
      name: `${agentAlarmPrefix}${loss}`,
      sentence: `An agent tried to destroy or weaken: ${loss}. Check what its session did before, even if the call was denied.`,
      accounts: ['production'] as const,
      pattern: callPattern(
        catalogue.filter((row) => row.loss === loss).map(({ action }) => action),
        byRole({ prefix: anyAgentArn(accountId).slice(0, -1) }),
      ),
    })),
  ]
}

/**
 * The judgements of tier 1 of the agents' services, in as many rules as AWS's quota needs. Calls of an agent to other
 * services are denied, and another alarm reports each of those.
 */
function taskAlarms(accountId: string, agentServices: readonly string[]): AlarmPattern[] {
  const ofService = agentServices
    .map((service): EventPattern => {
      const eventName = operationsOf([...expandTier(service, 1), ...renamedActions(service)])
      return { eventSource: sourcesOf([`${service}:`]), eventName }
    })
    .filter(({ eventName }) => (eventName as readonly Match[]).length > 0)
  const pack = (services: readonly EventPattern[]): EventPattern => ({
    ...recordedCall,
    detail: { $or: services, ...byRole({ prefix: anyAgentArn(accountId).slice(0, -1) }) },
  })
  const packs: EventPattern[][] = []
  for (const service of ofService.flatMap(splitNames)) {
    const last = packs.at(-1)
    if (last !== undefined && JSON.stringify(pack([...last, service])).length <= patternQuotaChars)
      last.push(service)
    else packs.push([service])
  }
  return packs.map((services, index) => ({
    name: `${agentAlarmPrefix}task-${index + 1}`,
    sentence:
      "An agent tried a destructive action of one of its tasks' services. Check what its session did before, even if the call was denied.",
    accounts: ['production'],
    pattern: pack(services),
  }))
}

/** Actions of tier 1 that CloudTrail records by another name. */
function renamedActions(service: string): string[] {
  return Object.keys(operations).filter((action) => action.startsWith(`${service}:`) && tierOf(action) === 1)
}

const maxNamesPerPattern = 30

/** A service with many names fits no single pattern. */
function splitNames({ eventSource, eventName }: EventPattern): EventPattern[] {
  const names = eventName as readonly Match[]
  const parts = Math.ceil(names.length / maxNamesPerPattern)
  return Array.from({ length: parts }, (_, part) => ({
    eventSource: eventSource!,
    eventName: names.slice(part * maxNamesPerPattern, (part + 1) * maxNamesPerPattern),
  }))
}

/**
 * Depends on no list of actions, so that it also covers an action that AWS adds. It doesn't start the quarantine,
 * because a denied call may be harmless.
 */
function deniedAgentAlarm(accountId: string): AlarmPattern {
  return {
    name: 'denied-agent-call',
    sentence:
      'An agent tried a call that is no read, and AWS denied it. Check whether its task needs it, or what it tries.',
    accounts: ['production'],
    pattern: {
      ...recordedCall,
      detail: {
        readOnly: [false],
        // The services spell a denial differently.
        errorCode: [
          { prefix: 'AccessDenied' },
          { suffix: 'AccessDenied' },
          { suffix: 'AccessDeniedException' },
          { suffix: 'UnauthorizedOperation' },
          { suffix: 'UnauthorizedAccess' },
          { prefix: 'NotAuthorized' },
          { prefix: 'AuthorizationError' },
          { prefix: 'Forbidden' },
        ],
        ...byRole({ prefix: anyAgentArn(accountId).slice(0, -1) }),
      },
    },
  }
}

/**
 * The agent's alarm has already paged on-call. This alarm tells on-call that the sessions are still valid.
 */
function quarantineAlarm(): AlarmPattern {
  return {
    name: 'quarantine-failed',
    sentence:
      'An agent tried a destructive action, and the quarantine failed to end its sessions: run `holdfast agent-session revoke`.',
    accounts: ['production'],
    pattern: {
      ...fromAws,
      'detail-type': ['Step Functions Execution Status Change'],
      detail: {
        status: ['FAILED', 'TIMED_OUT', 'ABORTED'],
        stateMachineArn: [{ suffix: `:stateMachine:${quarantineName}` }],
      },
    },
  }
}

function breakGlassAlarms(accountId: string): AlarmPattern[] {
  const arn = roleArn(accountId, rolePaths.production, breakGlassRoleName)
  return [
    {
      name: 'break-glass-assumed',
      sentence: "A person opened a break-glass session, or tried to. The session's tags hold the reason.",
      accounts: ['production'],
      pattern: callPattern(['sts:AssumeRole'], { requestParameters: { roleArn: [arn] } }),
    },
    {
      name: 'break-glass-approved',
      sentence:
        'A person approved a break-glass session, or tried to. The event holds the approved person and the end time.',
      accounts: ['production'],
      pattern: callPattern(['iam:CreatePolicyVersion', 'iam:SetDefaultPolicyVersion'], {
        requestParameters: { policyArn: [approvalPolicyArn(accountId)] },
      }),
    },
    {
      name: 'break-glass-acts',
      sentence: 'A break-glass session made a change.',
      accounts: ['production'],
      pattern: { ...recordedCall, detail: { readOnly: [false], ...byRole(arn) } },
    },
  ]
}

/**
 * The patterns name no resource, because every resource of these services in the vault's account belongs to
 * Holdfast.
 */
const checkChanges = [
  ...frozenCheckActions,
  'ecs:RegisterTaskDefinition',
  'ecs:DeregisterTaskDefinition',
  'states:UpdateStateMachine',
  'states:DeleteStateMachine',
  'states:StopExecution',
  'scheduler:UpdateSchedule',
  'scheduler:DeleteSchedule',
  'scheduler:DeleteScheduleGroup',
  'logs:PutMetricFilter',
  'logs:DeleteMetricFilter',
  'elasticfilesystem:PutFileSystemPolicy',
  'elasticfilesystem:DeleteFileSystemPolicy',
  'elasticfilesystem:CreateAccessPoint',
  'elasticfilesystem:CreateMountTarget',
  'elasticfilesystem:ModifyMountTargetSecurityGroups',
  'ec2:CreateVpcEndpoint',
  'ec2:ModifyVpcEndpoint',
  'ec2:AuthorizeSecurityGroupEgress',
  'ec2:AuthorizeSecurityGroupIngress',
  'ec2:ModifySecurityGroupRules',
  'ec2:AttachInternetGateway',
  'ec2:CreateRoute',
  'ec2:ReplaceRoute',
  'ec2:AssociateRouteTable',
  'ec2:ReplaceRouteTableAssociation',
  'ec2:CreateVpcPeeringConnection',
  'route53resolver:UpdateFirewallConfig',
  'route53resolver:CreateFirewallRule',
  'route53resolver:UpdateFirewallRule',
  'route53resolver:DeleteFirewallRule',
  'route53resolver:UpdateFirewallDomains',
  'route53resolver:ImportFirewallDomains',
  'route53resolver:DisassociateFirewallRuleGroup',
]

const alarmChanges = [
  ...frozenRuleActions,
  ...frozenTopicActions,
  // PutMetricData is no management event, so CloudTrail doesn't record it here.
  ...frozenMeasureActions.filter((action) => action !== 'cloudwatch:PutMetricData'),
  'cloudwatch:PutMetricAlarm',
  'events:PutRule',
  'events:PutTargets',
  'sns:ConfirmSubscription',
  'sns:Subscribe',
]

/** A new source adds its own, and the alarm reports it. */
const providerChanges = [
  ...frozenProviderActions,
  'iam:AddClientIDToOpenIDConnectProvider',
  'iam:CreateOpenIDConnectProvider',
  'rolesanywhere:CreateProfile',
  'rolesanywhere:CreateTrustAnchor',
]

function vaultBucketAlarms(location: VaultLocation): AlarmPattern[] {
  // The region ends the name, so one prefix matches the bucket in every region.
  const [vaultBucket, ...otherBuckets] = [vaultBucketName, feedbackBucketName, auditBucketName].map(
    (nameOf): Match => ({ prefix: nameOf({ ...location, region: '' }) }),
  ) as [Match, ...Match[]]
  const deletion = (eventName: string, requestParameters: EventPattern): EventPattern => ({
    ...recordedCall,
    detail: { eventSource: ['s3.amazonaws.com'], eventName: [eventName], requestParameters },
  })
  return [
    {
      name: 'delete-marker',
      sentence:
        'A caller tried to hide a version in the vault behind a delete marker. The data is still there: restores read versions.',
      accounts: ['vault'],
      pattern: deletion('DeleteObject', { bucketName: [vaultBucket], versionId: [{ exists: false }] }),
    },
    {
      name: 'delete-many',
      sentence:
        'A caller tried to delete many objects of the vault in one request; Holdfast never does that.',
      accounts: ['vault'],
      pattern: deletion('DeleteObjects', { bucketName: [vaultBucket] }),
    },
    {
      name: 'vault-configuration',
      sentence: "A caller tried to change the configuration of the vault's buckets.",
      accounts: ['vault'],
      pattern: callPattern([...frozenBucketActions, 's3:PutMetricsConfiguration'], {
        requestParameters: { bucketName: [vaultBucket, ...otherBuckets] },
      }),
    },
  ]
}

function vaultAccountAlarms({ accountId }: VaultLocation): AlarmPattern[] {
  // Step Functions manages a rule of its own, which tells it when a task has ended.
  const exceptTaskRule: readonly Match[] = [{ exists: false }, { 'anything-but': [taskRuleName] }]
  const starterArns = [schedulerRoleName, restoreTestMachineRoleName].map((name) =>
    checkRoleArn(accountId, name),
  )
  // `exists: false` matches the root user and IAM users, because no role issued their session.
  const exceptStarters: Match[] = [{ exists: false }, { 'anything-but': starterArns }]
  return [
    {
      name: 'vault-roles',
      sentence:
        "A caller tried to change the permissions or the trust of a role of the vault, or a stack set or Identity Center made a role in the vault's account.",
      accounts: ['vault'],
      pattern: callPattern([...frozenRoleActions, 'iam:CreateRole'], {
        requestParameters: {
          roleName: ['holdfast-', 'AWSReservedSSO_', 'stacksets-exec-'].map((prefix) => ({ prefix })),
        },
      }),
    },
    {
      name: 'vault-own-contacts',
      sentence: "A caller in the vault's account tried to change its contacts or its regions.",
      accounts: ['vault'],
      pattern: callPattern(accountActions),
    },
    {
      name: 'vault-identity-providers',
      sentence: "A caller tried to change an identity provider or a trust anchor of the vault's account.",
      accounts: ['vault'],
      pattern: callPattern(providerChanges),
    },
    {
      name: 'vault-alarms',
      sentence: 'A caller tried to change the alarms themselves.',
      accounts: ['vault'],
      pattern: callPattern(alarmChanges, {
        requestParameters: { name: exceptTaskRule, rule: exceptTaskRule },
      }),
    },
    {
      name: 'vault-checks',
      sentence:
        'A caller tried to change the checks that run, the filter that counts a pass, or their network.',
      accounts: ['vault'],
      pattern: callPattern(checkChanges),
    },
    {
      name: 'vault-tasks',
      sentence:
        "A caller started a container task in the vault's account by hand, or tried to: only schedules and restore tests start tasks.",
      accounts: ['vault'],
      pattern: callPattern(['ecs:RunTask', 'ecs:StartTask', 'ecs:CreateService'], byRole(...exceptStarters)),
    },
    {
      name: 'vault-root',
      sentence: "The root user of the vault's account made a call or signed in.",
      accounts: ['vault'],
      pattern: {
        ...fromAws,
        'detail-type': ['AWS API Call via CloudTrail', 'AWS Console Sign In via CloudTrail'],
        detail: { userIdentity: { type: ['Root'] } },
      },
    },
  ]
}

/** Recorded in the account of the caller: the management account, or the account of a delegated administrator. */
const fromOrganization: readonly AlarmAccount[] = ['management', 'production']

/** No control policy binds the management account, so alarms are all that watches its administrators. */
function organizationAlarms({ accountId }: VaultLocation): AlarmPattern[] {
  const ofVault = (requestParameters: EventPattern) => ({ requestParameters })
  return [
    {
      name: 'delegated-administrator',
      sentence:
        'A caller tried to make an account a delegated administrator, or to open the organization to a service or to root sessions.',
      accounts: fromOrganization,
      pattern: callPattern([
        'iam:EnableOrganizationsRootCredentialsManagement',
        'iam:EnableOrganizationsRootSessions',
        'organizations:EnableAWSServiceAccess',
        'organizations:PutResourcePolicy',
        'organizations:RegisterDelegatedAdministrator',
      ]),
    },
    {
      name: 'control-policies',
      sentence: 'A caller tried to change the control policies of the organization, or its accounts.',
      accounts: fromOrganization,
      pattern: callPattern(policyChanges),
    },
    {
      name: 'vault-root-session',
      sentence: "A caller tried to open a root session in the vault's account from another account.",
      accounts: fromOrganization,
      pattern: callPattern(
        ['sts:AssumeRoot'],
        ofVault({ targetPrincipal: [accountId, { prefix: `arn:aws:iam::${accountId}:` }] }),
      ),
    },
    {
      name: 'vault-assignment',
      sentence: "A caller tried to let people into the vault's account by Identity Center.",
      accounts: fromOrganization,
      pattern: callPattern(
        ['sso:CreateAccountAssignment', 'sso:ProvisionPermissionSet'],
        ofVault({ targetId: [accountId] }),
      ),
    },
    {
      name: 'vault-contacts',
      sentence:
        "A caller tried to change the contacts, the root user's mail or the regions of the vault's account.",
      accounts: fromOrganization,
      pattern: callPattern(accountActions, ofVault({ accountId: [accountId] })),
    },
  ]
}

const policyChanges = [
  'organizations:AttachPolicy',
  'organizations:CloseAccount',
  'organizations:CreatePolicy',
  'organizations:DeletePolicy',
  'organizations:DetachPolicy',
  'organizations:DisablePolicyType',
  'organizations:LeaveOrganization',
  'organizations:MoveAccount',
  'organizations:RemoveAccountFromOrganization',
  'organizations:UpdatePolicy',
]

const failedStates = ['ABORTED', 'EXPIRED', 'FAILED', 'PARTIAL']

/**
 * AWS Backup reports its jobs itself, each with the role that it used. A restore job has a status, the others a state.
 * @see https://docs.aws.amazon.com/aws-backup/latest/devguide/eventbridge.html
 */
function nativeAlarm(productionAccountId: string, vaultAccountId: string): AlarmPattern {
  return {
    name: 'native-failed',
    sentence: 'A job of AWS Backup failed: a backup, its copy into the vault, or a restore test.',
    accounts: ['production', 'vault'],
    pattern: {
      source: ['aws.backup'],
      'detail-type': ['Backup Job State Change', 'Copy Job State Change', 'Restore Job State Change'],
      detail: {
        iamRoleArn: [nativeBackupRoleArn(productionAccountId), nativeRestoreRoleArn(vaultAccountId)],
        $or: [{ state: failedStates }, { status: failedStates }],
      },
    },
  }
}
