// Rows on AWS's own services in the audit: trails deliver and rules forward, each only for the accounts that it was
// made for.
import { nativeCopyLogGroupName, nativeCopyRuleName } from '../../guardrails/native-backups.ts'
import {
  alarmBusArn,
  alarmBusName,
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
  writeLogGroupName,
  writeRuleName,
} from '../../guardrails/names.ts'
import { firstLocationOf, locationsOf, productionAccountsOf } from '../../infra/config.ts'
import type { HoldfastConfig } from '../../infra/config.ts'
import type { RecordedResource } from '../../infra/recording.ts'
import type { CloudDeclaration } from '../sandbox/declaration.ts'
import { exampleAccounts } from '../sandbox/loader/example-config.ts'
import type { Subject } from './principals.ts'
import type { ProofRow } from './proof-row.ts'
import { findResourcePolicy } from './resource-policies.ts'
import { servicePrincipal } from './row-maker.ts'

export function serviceRows(
  config: HoldfastConfig,
  declaration: CloudDeclaration,
  resources: readonly RecordedResource[],
  principals: readonly Subject[],
): ProofRow[] {
  return [
    ...trailRows(config, declaration),
    ...forwardRows(config, resources, principals),
    ...topicRows(config, resources, principals),
    ...logRows(config, principals),
    ...ruleLogRows(config, resources),
    ...quarantineRows(config),
  ]
}

function row(
  group: 'duty' | 'ways-in' | 'weakening',
  requesterName: string,
  action: string,
  details: Pick<ProofRow, 'principal' | 'resource' | 'resourceAccountId' | 'circumstance'> &
    Partial<ProofRow>,
): ProofRow {
  return {
    group,
    who: requesterName,
    actions: [action],
    context: {},
    expected: group === 'duty' ? 'allowed' : 'denied',
    ...details,
  }
}

/** The accounts whose trails the configuration lets deliver. */
function trailAccounts(config: HoldfastConfig): string[] {
  return config.detached
    ? [config.vaultAccountId, ...productionAccountsOf(config)]
    : [config.managementAccountId]
}

function trailRows(config: HoldfastConfig, { accounts, roles }: CloudDeclaration): ProofRow[] {
  const place = firstLocationOf(config)
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
        principal: servicePrincipal('cloudtrail'),
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
          principal: servicePrincipal('cloudtrail'),
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
  principals: readonly Subject[],
): ProofRow[] {
  const place = firstLocationOf(config)
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
  const forwarders = [
    config.vaultAccountId,
    ...productionAccountsOf(config),
    ...(config.detached ? [] : [config.managementAccountId]),
  ]
  return [
    ...principals.flatMap((subject) => {
      if (forwarders.some((id) => subject.role?.arn === forwarderRoleArn(id))) return [put(subject, 'duty')]
      // Owners of the vault's account may test their alarms.
      return subject.account === 'vault' && ['root', 'owner'].includes(subject.kind)
        ? []
        : [put(subject, 'weakening')]
    }),
    ...forwarders.flatMap((accountId) => {
      const from = (sourceAccount: string, sourceArn: string, isRight: boolean) =>
        row(isRight ? 'duty' : 'ways-in', 'rule', 'sts:AssumeRole', {
          principal: servicePrincipal('events'),
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

/** A principal that could publish on the topic could send false alarms until on-call ignores them all. */
function topicRows(
  config: HoldfastConfig,
  resources: readonly RecordedResource[],
  principals: readonly Subject[],
): ProofRow[] {
  const [foreignId = exampleAccounts.outsider] = productionAccountsOf(config)
  return locationsOf(config).flatMap((place) => {
    const topic = {
      resource: alarmTopicArn(place),
      resourceAccountId: place.accountId,
      resourcePolicy: findResourcePolicy(resources, alarmTopicArn(place)),
    }
    const speak = (by: string, account: string, isRight: boolean) =>
      row(isRight ? 'duty' : 'weakening', by, 'sns:Publish', {
        ...topic,
        principal: servicePrincipal(by),
        circumstance: `for the account ${account}`,
        context: { 'aws:SourceAccount': account },
      })
    return [
      ...['events', 'cloudwatch'].flatMap((by) => [
        speak(by, place.accountId, true),
        speak(by, foreignId, false),
      ]),
      ...principals
        .filter((subject) => !(subject.account === 'vault' && ['root', 'owner'].includes(subject.kind)))
        .map((subject) =>
          row('weakening', subject.name, 'sns:Publish', {
            ...topic,
            principal: subject.principal,
            circumstance: 'on the topic of alarms',
          }),
        ),
    ]
  })
}

/** Only its own rule may write a log that alarms count. */
function ruleLogRows(config: HoldfastConfig, resources: readonly RecordedResource[]): ProofRow[] {
  const logs = locationsOf(config).map((place) => ({
    ...place,
    logGroupName: writeLogGroupName,
    ownRule: writeRuleName,
  }))
  if (config.native.length > 0) {
    logs.push({
      ...firstLocationOf(config),
      logGroupName: nativeCopyLogGroupName,
      ownRule: `${alarmBusName}/${nativeCopyRuleName}`,
    })
  }
  return logs.flatMap(({ accountId, region, logGroupName, ownRule }) => {
    const logGroup = `arn:aws:logs:${region}:${accountId}:log-group:${logGroupName}`
    return [ownRule, 'another'].flatMap((rule) =>
      ['events', 'delivery.logs'].map((service) =>
        row(rule === ownRule ? 'duty' : 'weakening', 'rule', 'logs:PutLogEvents', {
          principal: servicePrincipal(service),
          resource: `${logGroup}:log-stream:x`,
          resourceAccountId: accountId,
          resourcePolicy: findResourcePolicy(resources, `${logGroup}:*`),
          circumstance: `${rule}, by ${service}`,
          context: { 'aws:SourceArn': `arn:aws:events:${region}:${accountId}:rule/${rule}` },
        }),
      ),
    )
  })
}

function logRows(config: HoldfastConfig, principals: readonly Subject[]): ProofRow[] {
  return trailAccounts(config).flatMap((id) => {
    const subject = principals.find(
      ({ role }) => role?.arn === roleArn(id, rolePaths.audit, 'holdfast-trail-logs'),
    )
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

/**
 * The alarm rule on an agent starts the machine, and the machine assumes the role that writes the policy; no other
 * caller can.
 */
function quarantineRows(config: HoldfastConfig): ProofRow[] {
  if (!config.quarantineAgents) return []
  const accountId = config.productionAccountId
  const ruleArn = (name: string) => `arn:aws:events:${config.region}:${accountId}:rule/${name}`
  const machineArn = quarantineMachineArn(accountId, config.region)
  const assume = (
    caller: (typeof callers)[keyof typeof callers],
    sourceArn: string,
    sourceAccount: string,
  ) => {
    const isAllowed = sourceArn === caller.allowedArn && sourceAccount === accountId
    return row(isAllowed ? 'duty' : 'ways-in', caller.name, 'sts:AssumeRole', {
      principal: servicePrincipal(caller.service),
      resource: roleArn(accountId, rolePaths.production, caller.roleName),
      resourceAccountId: accountId,
      circumstance: `${sourceArn} for ${sourceAccount}`,
      context: { 'aws:SourceAccount': sourceAccount, 'aws:SourceArn': sourceArn },
    })
  }
  const callers = {
    rule: {
      name: 'rule',
      service: 'events',
      roleName: quarantineStarterName,
      allowedArn: ruleArn('holdfast-agent-data'),
    },
    machine: {
      name: 'state machine',
      service: 'states',
      roleName: quarantineName,
      allowedArn: machineArn,
    },
  }
  return [
    assume(callers.rule, ruleArn('holdfast-agent-data'), accountId),
    assume(callers.rule, ruleArn('holdfast-break-glass-acts'), accountId),
    assume(callers.rule, ruleArn('holdfast-agent-data'), '999999999999'),
    assume(callers.machine, machineArn, accountId),
    assume(callers.machine, `${machineArn}-other`, accountId),
    assume(callers.machine, machineArn, '999999999999'),
  ]
}
