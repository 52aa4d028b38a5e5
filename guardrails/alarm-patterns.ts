// EventBridge patterns that raise an alarm on calls recorded by CloudTrail. CloudTrail records denied and
// successful calls alike, so one pattern covers both. The patterns come from the same catalogue as the
// denies.
import { catalogue } from './catalogue.ts'
import { frozenBucketActions, frozenRoleActions } from './frozen-actions.ts'
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
import type { VaultLocation } from './names.ts'

type Match =
  | string
  | boolean
  | { prefix: string }
  | { suffix: string }
  | { exists: boolean }
  | { 'anything-but': readonly string[] }
export type EventPattern = { [key: string]: EventPattern | readonly Match[] }

export interface AlarmPattern {
  /** Kebab-case; part of the names of rules. */
  name: string
  /** The first sentence that on-call reads. */
  sentence: string
  /** The account in which CloudTrail records the call. */
  account: 'vault' | 'production'
  pattern: EventPattern
}

/**
 * AWS's quota for the text of a pattern.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
 */
export const patternQuotaChars = 2048

export interface AlarmScope {
  vault: VaultLocation
  productionAccountId: string
}

export function alarmPatterns(scope: AlarmScope): AlarmPattern[] {
  const accountId = scope.productionAccountId
  return [
    ...agentAlarms(accountId),
    quarantineAlarm(),
    ...breakGlassAlarms(accountId),
    ...vaultBucketAlarms(scope.vault),
    ...vaultAccountAlarms(scope.vault),
  ]
}

// CloudTrail records API operations, IAM policies name actions. These are the operations of the actions whose
// names differ.
const operations: Readonly<Record<string, readonly string[]>> = {
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
    const name = action.slice(action.indexOf(':') + 1)
    return [name.endsWith('*') ? { prefix: name.slice(0, -1) } : name]
  })
  return [...new Map(names.map((name) => [JSON.stringify(name), name])).values()]
}

function sourcesOf(actions: readonly string[]): string[] {
  const services = actions.map((action) => action.slice(0, action.indexOf(':')))
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
  return losses.map((loss) => ({
    name: `${agentAlarmPrefix}${loss}`,
    sentence: `An agent tried to destroy or weaken: ${loss}. Check what its session did before, even if the call was denied.`,
    account: 'production',
    pattern: callPattern(
      catalogue.filter((row) => row.loss === loss).map(({ action }) => action),
      byRole({ prefix: anyAgentArn(accountId).slice(0, -1) }),
    ),
  }))
}

/**
 * The agent's alarm has already paged on-call. This alarm tells on-call that the sessions are still valid.
 */
function quarantineAlarm(): AlarmPattern {
  return {
    name: 'quarantine-failed',
    sentence:
      'An agent tried a destructive action, and the quarantine failed to end its sessions: run `holdfast agent-session revoke`.',
    account: 'production',
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
      account: 'production',
      pattern: callPattern(['sts:AssumeRole'], { requestParameters: { roleArn: [arn] } }),
    },
    {
      name: 'break-glass-approved',
      sentence:
        'A person approved a break-glass session, or tried to. The event holds the approved person and the end time.',
      account: 'production',
      pattern: callPattern(['iam:CreatePolicyVersion', 'iam:SetDefaultPolicyVersion'], {
        requestParameters: { policyArn: [approvalPolicyArn(accountId)] },
      }),
    },
    {
      name: 'break-glass-acts',
      sentence: 'A break-glass session made a change.',
      account: 'production',
      pattern: { ...recordedCall, detail: { readOnly: [false], ...byRole(arn) } },
    },
  ]
}

/**
 * The patterns name no resource, because every resource of these services in the vault's account belongs to
 * Holdfast.
 */
const checkChanges = [
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
  'events:DeleteRule',
  'events:DisableRule',
  'events:PutRule',
  'events:PutTargets',
  'events:RemoveTargets',
  'events:DeleteEventBus',
  'events:RemovePermission',
  'sns:DeleteTopic',
  'sns:SetTopicAttributes',
  'sns:Unsubscribe',
  'monitoring:DeleteAlarms',
  'monitoring:DisableAlarmActions',
  'monitoring:PutMetricAlarm',
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
      account: 'vault',
      pattern: deletion('DeleteObject', { bucketName: [vaultBucket], versionId: [{ exists: false }] }),
    },
    {
      name: 'delete-many',
      sentence:
        'A caller tried to delete many objects of the vault in one request; Holdfast never does that.',
      account: 'vault',
      pattern: deletion('DeleteObjects', { bucketName: [vaultBucket] }),
    },
    {
      name: 'vault-configuration',
      sentence: "A caller tried to change the configuration of the vault's buckets.",
      account: 'vault',
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
      sentence: 'A caller tried to change the permissions or the trust of a role of the vault.',
      account: 'vault',
      pattern: callPattern([...frozenRoleActions, 'iam:CreateRole'], {
        requestParameters: { roleName: [{ prefix: 'holdfast-' }] },
      }),
    },
    {
      name: 'vault-alarms',
      sentence: 'A caller tried to change the alarms themselves.',
      account: 'vault',
      pattern: callPattern(alarmChanges, {
        requestParameters: { name: exceptTaskRule, rule: exceptTaskRule },
      }),
    },
    {
      name: 'vault-checks',
      sentence:
        'A caller tried to change the checks that run, the filter that counts a pass, or their network.',
      account: 'vault',
      pattern: callPattern(checkChanges),
    },
    {
      name: 'vault-tasks',
      sentence:
        "A caller started a container task in the vault's account by hand, or tried to: only schedules and restore tests start tasks.",
      account: 'vault',
      pattern: callPattern(['ecs:RunTask', 'ecs:StartTask', 'ecs:CreateService'], byRole(...exceptStarters)),
    },
    {
      name: 'vault-root',
      sentence: "The root user of the vault's account made a call or signed in.",
      account: 'vault',
      pattern: {
        ...fromAws,
        'detail-type': ['AWS API Call via CloudTrail', 'AWS Console Sign In via CloudTrail'],
        detail: { userIdentity: { type: ['Root'] } },
      },
    },
  ]
}
