// The production layer: the roles of agents, break-glass, responders and the administrator, delayed deletion,
// and alarms.
import * as aws from '@pulumi/aws'
import { agentAlarmPrefix, alarmPatterns } from '../guardrails/alarm-patterns.ts'
import type { AlarmPattern } from '../guardrails/alarm-patterns.ts'
import { nativeCopyRuleName } from '../guardrails/native-backups.ts'
import { nativeCopies } from '../guardrails/native-copies.ts'
import { approvalPolicy, approverPolicy, breakGlassPolicy } from '../guardrails/break-glass-policy.ts'
import {
  administratorRoleName,
  agentRoleArn,
  approvalPolicyArn,
  approvalPolicyName,
  approverRoleName,
  breakGlassRoleName,
  responderRoleName,
  roleArn,
  rolePaths,
} from '../guardrails/names.ts'
import { renderPolicy } from '../guardrails/policy.ts'
import { responderPolicy } from '../guardrails/quarantine.ts'
import {
  administratorTrustPolicy,
  breakGlassTrustPolicy,
  namedHumanTrustPolicy,
} from '../guardrails/trust-policies.ts'
import { accountProvider } from './account-provider.ts'
import { assertAlarmsOutsideProduction, assertRegionsEnabled } from './account-reads.ts'
import { declareAgent } from './components/agent-role.ts'
import { AgentQuarantine } from './components/agent-quarantine.ts'
import { AlarmForwarder } from './components/alarm-forwarder.ts'
import { AuditTrail } from './components/audit-trail.ts'
import { DelayedDeletion } from './components/delayed-deletion.ts'
import { NativePlans } from './components/native-plans.ts'
import { ScopedRole } from './components/scoped-role.ts'
import { agentServicesOf, alarmRegionsOf, firstLocationOf, locationsOf } from './config.ts'
import type { HoldfastConfig } from './config.ts'

export async function deployProductionLayer(config: HoldfastConfig): Promise<Record<string, unknown>> {
  const accountId = config.productionAccountId
  const vault = firstLocationOf(config)
  const provider = accountProvider('production', accountId, config.region)
  await assertRegionsEnabled(config, 'productionAccountId', ['regions', 'alarmRegions'], { provider })
  await assertAlarmsOutsideProduction(config, { provider })
  for (const agent of config.agents) {
    declareAgent({ ...config, ...agent, agentName: agent.name }, { provider })
  }
  // Protected: what limits agents, delays deletions, and tells of attempts. Agents' own roles come and go with tasks.
  const options = { providers: [provider], protect: true }
  deployBreakGlass(config, provider)
  deployResponder(config, provider)
  const productionRegions = [...new Set([config.region, ...config.regions, ...config.alarmRegions])]
  const delayedDeletion = new DelayedDeletion(
    'delays',
    {
      days: config.recycleBinDays,
      unlockDelayDays: config.unlockDelayDays,
      regions: productionRegions,
      isEnforced: !config.detached,
    },
    options,
  )
  const patterns = alarmPatterns({ ...config, vault, agentServices: agentServicesOf(config) }).filter(
    ({ accounts }) => accounts.includes('production'),
  )
  const regions = alarmRegionsOf(config)
  const forwarder = new AlarmForwarder(
    'production-forwarder',
    { vault, accountId, regions, patterns: [...patterns, ...deployNative(config, provider)] },
    options,
  )
  if (config.quarantineAgents) {
    const rules = patterns
      .filter(({ name }) => name.startsWith(agentAlarmPrefix))
      .map(({ name }) => `holdfast-${name}`)
    new AgentQuarantine('quarantine', { accountId, regions, rules, rulesOf: forwarder }, options)
  }
  if (config.detached)
    new AuditTrail(
      'production-trail',
      { vault, accountId, ofOrganization: false, dataEvents: config.dataEvents },
      options,
    )
  if (config.administrators.length > 0) deployAdministrator(config, provider)
  return { ...describeProduction(config), delays: delayedDeletion.report, brakes: delayedDeletion.safeguards }
}

/** Returns the events that the vault's alarms on missing copies count. */
function deployNative(config: HoldfastConfig, provider: aws.Provider): AlarmPattern[] {
  const locations = locationsOf(config)
  const { native } = config
  if (native.length === 0) return []
  new NativePlans('native', { locations, native }, { providers: [provider] })
  return [
    {
      name: nativeCopyRuleName.replace(/^holdfast-/, ''),
      sentence: 'AWS Backup completed a copy into an air-gapped vault.',
      accounts: ['production'],
      pattern: nativeCopies(locations),
    },
  ]
}

function deployBreakGlass(config: HoldfastConfig, provider: aws.Provider): void {
  const accountId = config.productionAccountId
  const options = { providers: [provider], protect: true }
  const approval =
    config.approvers.length === 0
      ? null
      : new aws.iam.Policy(
          'break-glass-approval',
          {
            name: approvalPolicyName,
            description: 'For whom and until when break-glass is approved; as deployed, for nobody',
            policy: renderPolicy(approvalPolicy(null)),
          },
          { provider, protect: true, retainOnDelete: true },
        )
  new ScopedRole(
    'break-glass',
    {
      roleName: breakGlassRoleName,
      path: rolePaths.production,
      description: 'Destructive actions in production: needs a second factor and a reason, lasts one hour',
      trust: breakGlassTrustPolicy(accountId, config.breakGlass),
      policy: breakGlassPolicy(firstLocationOf(config)),
      ...(approval === null ? {} : { boundary: approval.arn }),
    },
    options,
  )
  if (approval === null) return
  new ScopedRole(
    'approver',
    {
      roleName: approverRoleName,
      path: rolePaths.production,
      description: 'Approves break-glass sessions; has no destructive permission',
      trust: namedHumanTrustPolicy(accountId, config.approvers),
      policy: approverPolicy(accountId),
    },
    options,
  )
}

function deployResponder(config: HoldfastConfig, provider: aws.Provider): void {
  if (config.responders.length === 0) return
  new ScopedRole(
    'responder',
    {
      roleName: responderRoleName,
      path: rolePaths.production,
      description: 'Ends the sessions of agents',
      trust: namedHumanTrustPolicy(config.productionAccountId, config.responders),
      policy: responderPolicy(config.productionAccountId),
    },
    { providers: [provider], protect: true },
  )
}

/**
 * Production's administrator may do everything in production, because the vault's safety doesn't depend on limits
 * there.
 */
function deployAdministrator(config: HoldfastConfig, provider: aws.Provider): void {
  const role = new aws.iam.Role(
    'administrator',
    {
      name: administratorRoleName,
      path: rolePaths.production,
      description: 'Administrator of production; has no access to the vault',
      assumeRolePolicy: renderPolicy(
        administratorTrustPolicy(config.productionAccountId, config.administrators),
      ),
      maxSessionDuration: 3600,
    },
    { provider },
  )
  new aws.iam.RolePolicyAttachment(
    'administrator',
    { role: role.name, policyArn: 'arn:aws:iam::aws:policy/AdministratorAccess' },
    { provider },
  )
}

function describeProduction(config: HoldfastConfig): Record<string, unknown> {
  const accountId = config.productionAccountId
  const role = (people: readonly string[], name: string) =>
    people.length > 0 ? roleArn(accountId, rolePaths.production, name) : null
  return {
    formatVersion: 1,
    layer: 'production',
    region: config.region,
    productionAccountId: accountId,
    agents: Object.fromEntries(
      config.agents.map(({ name, environment, sessionSeconds }) => [
        name,
        { environment, roleArn: agentRoleArn(accountId, name), sessionSeconds },
      ]),
    ),
    quarantineAgents: config.quarantineAgents,
    breakGlass: role(config.breakGlass, breakGlassRoleName),
    // The approver's role and the policy that it writes. Null if no approvers are configured.
    approval:
      config.approvers.length === 0
        ? null
        : { policyArn: approvalPolicyArn(accountId), approver: role(config.approvers, approverRoleName) },
    responder: role(config.responders, responderRoleName),
    administrator: role(config.administrators, administratorRoleName),
  }
}
