// What AWS itself may do for the audit: trails deliver, rules forward, and each only for whom it was made.
import {
  alarmBusArn,
  alarmTopicArn,
  auditBucketName,
  bucketArn,
  forwarderRoleArn,
  quarantineMachineArn,
  quarantineName,
  quarantineStarterName,
  roleArn,
  rolePaths,
  trailArn,
} from '../../guardrails/names.ts'
import { locationsOf } from '../../infra/config.ts'
import type { HoldfastConfig } from '../../infra/config.ts'
import type { RecordedResource } from '../../infra/recording.ts'
import type { CloudDeclaration } from '../sandbox/declaration.ts'
import type { Principal } from '../sandbox/identity/principal.ts'
import type { Subject } from './principals.ts'
import type { ProofRow } from './proof-row.ts'
import { findResourcePolicy } from './resource-policies.ts'

export function serviceRows(
  config: HoldfastConfig,
  declaration: CloudDeclaration,
  resources: readonly RecordedResource[],
  cast: readonly Subject[],
): ProofRow[] {
  return [
    ...trailRows(config, declaration),
    ...forwardRows(config, resources, cast),
    ...topicRows(config, resources, cast),
    ...logRows(config, cast),
    ...quarantineRows(config),
  ]
}

const service = (name: string): Principal => ({
  kind: 'service',
  accountId: null,
  arn: `${name}.amazonaws.com`,
})

function row(
  group: 'duty' | 'ways-in' | 'weakening',
  who: string,
  action: string,
  more: Pick<ProofRow, 'principal' | 'resource' | 'resourceAccountId' | 'circumstance'> & Partial<ProofRow>,
): ProofRow {
  return {
    group,
    who,
    actions: [action],
    context: {},
    expected: group === 'duty' ? 'allowed' : 'denied',
    ...more,
  }
}

/** Accounts whose trail delivers, by the configuration. */
function trailAccounts(config: HoldfastConfig): string[] {
  return config.detached ? [config.vaultAccountId, config.productionAccountId] : [config.managementAccountId]
}

function trailRows(config: HoldfastConfig, { accounts, roles }: CloudDeclaration): ProofRow[] {
  const place = { accountId: config.vaultAccountId, region: config.region }
  const bucket = bucketArn(auditBucketName(place))
  const outsider = accounts.find(({ name }) => name === 'outsider')!.id
  const rights: [string, string][] = [
    ['s3:GetBucketAcl', bucket],
    ['s3:PutObject', `${bucket}/AWSLogs/x`],
  ]
  const trails = trailAccounts(config).map((id) => [id, true] as const)
  const delivery = [...trails, [outsider, false] as const].flatMap(([id, isOurs]) =>
    rights.map(([action, resource]) =>
      row(isOurs ? 'duty' : 'weakening', 'trail', action, {
        principal: service('cloudtrail'),
        resource,
        resourceAccountId: place.accountId,
        circumstance: `of the account ${id}`,
        context: { 'aws:SourceArn': trailArn(id, config.region) },
      }),
    ),
  )
  const logs = roles
    .filter(({ name }) => name === 'holdfast-trail-logs')
    .flatMap(({ arn, accountId }) =>
      [accountId, outsider].map((id) =>
        row(id === accountId ? 'duty' : 'ways-in', 'trail', 'sts:AssumeRole', {
          principal: service('cloudtrail'),
          resource: arn,
          resourceAccountId: accountId,
          circumstance: `of the account ${id}`,
          context: { 'aws:SourceArn': trailArn(id, config.region) },
        }),
      ),
    )
  return [...delivery, ...logs]
}

function forwardRows(
  config: HoldfastConfig,
  resources: readonly RecordedResource[],
  cast: readonly Subject[],
): ProofRow[] {
  const place = { accountId: config.vaultAccountId, region: config.region }
  const resourcePolicy = findResourcePolicy(resources, alarmBusArn(place))
  const put = (subject: Subject, group: 'duty' | 'weakening') =>
    row(group, subject.name, 'events:PutEvents', {
      principal: subject.principal,
      resource: alarmBusArn(place),
      resourceAccountId: place.accountId,
      circumstance: 'on the bus of alarms',
      resourcePolicy,
    })
  const rule = (accountId: string, name: string) =>
    `arn:aws:events:${config.region}:${accountId}:rule/${name}`
  const forwarders = [config.vaultAccountId, config.productionAccountId]
  return [
    ...cast.flatMap((subject) => {
      if (forwarders.some((id) => subject.role?.arn === forwarderRoleArn(id))) return [put(subject, 'duty')]
      // The owners of the vault's account may try their alarms.
      return subject.account === 'vault' && ['root', 'owner'].includes(subject.kind)
        ? []
        : [put(subject, 'weakening')]
    }),
    ...forwarders.flatMap((accountId) => {
      const from = (sourceAccount: string, sourceArn: string, isRight: boolean) =>
        row(isRight ? 'duty' : 'ways-in', 'rule', 'sts:AssumeRole', {
          principal: service('events'),
          resource: forwarderRoleArn(accountId),
          resourceAccountId: accountId,
          circumstance: `${sourceArn} for ${sourceAccount}`,
          context: { 'aws:SourceAccount': sourceAccount, 'aws:SourceArn': sourceArn },
        })
      return [
        from(accountId, rule(accountId, 'holdfast-agent-data'), true),
        from(accountId, rule(accountId, 'another'), false),
        from('999999999999', rule(accountId, 'holdfast-agent-data'), false),
      ]
    }),
  ]
}

/** Whoever could speak on the topic could cry wolf until nobody listens. */
function topicRows(
  config: HoldfastConfig,
  resources: readonly RecordedResource[],
  cast: readonly Subject[],
): ProofRow[] {
  return locationsOf(config).flatMap((place) => {
    const more = {
      resource: alarmTopicArn(place),
      resourceAccountId: place.accountId,
      resourcePolicy: findResourcePolicy(resources, alarmTopicArn(place)),
    }
    const speak = (by: string, account: string, isRight: boolean) =>
      row(isRight ? 'duty' : 'weakening', by, 'sns:Publish', {
        ...more,
        principal: service(by),
        circumstance: `for the account ${account}`,
        context: { 'aws:SourceAccount': account },
      })
    return [
      ...['events', 'cloudwatch'].flatMap((by) => [
        speak(by, place.accountId, true),
        speak(by, config.productionAccountId, false),
      ]),
      ...cast
        .filter((subject) => !(subject.account === 'vault' && ['root', 'owner'].includes(subject.kind)))
        .map((subject) =>
          row('weakening', subject.name, 'sns:Publish', {
            ...more,
            principal: subject.principal,
            circumstance: 'on the topic of alarms',
          }),
        ),
    ]
  })
}

function logRows(config: HoldfastConfig, cast: readonly Subject[]): ProofRow[] {
  return trailAccounts(config).flatMap((id) => {
    const subject = cast.find(({ role }) => role?.arn === roleArn(id, rolePaths.audit, 'holdfast-trail-logs'))
    if (subject === undefined) return []
    const stream = `arn:aws:logs:${config.region}:${id}:log-group:/holdfast/audit:log-stream:x`
    return [
      row('duty', subject.name, 'logs:PutLogEvents', {
        principal: subject.principal,
        resource: stream,
        resourceAccountId: id,
        circumstance: '',
      }),
    ]
  })
}

/** A rule of an agent's alarm starts the machine, the machine becomes the role that writes; neither for another rule, machine or account. */
function quarantineRows(config: HoldfastConfig): ProofRow[] {
  if (!config.quarantineAgents) return []
  const accountId = config.productionAccountId
  const rule = (name: string) => `arn:aws:events:${config.region}:${accountId}:rule/${name}`
  const machine = quarantineMachineArn(accountId, config.region)
  const become = (
    who: string,
    by: string,
    roleName: string,
    source: string,
    sourceAccount: string,
    isRight: boolean,
  ) =>
    row(isRight ? 'duty' : 'ways-in', who, 'sts:AssumeRole', {
      principal: service(by),
      resource: roleArn(accountId, rolePaths.production, roleName),
      resourceAccountId: accountId,
      circumstance: `${source} for ${sourceAccount}`,
      context: { 'aws:SourceAccount': sourceAccount, 'aws:SourceArn': source },
    })
  return [
    become('rule', 'events', quarantineStarterName, rule('holdfast-agent-data'), accountId, true),
    become('rule', 'events', quarantineStarterName, rule('holdfast-break-glass-acts'), accountId, false),
    become('rule', 'events', quarantineStarterName, rule('holdfast-agent-data'), '999999999999', false),
    become('state machine', 'states', quarantineName, machine, accountId, true),
    become('state machine', 'states', quarantineName, `${machine}-other`, accountId, false),
    become('state machine', 'states', quarantineName, machine, '999999999999', false),
  ]
}
