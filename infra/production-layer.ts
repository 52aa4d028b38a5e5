// The production layer: the roles of agents, break-glass, responders and the administrator, delayed deletion,
// and alarms.
import * as aws from '@pulumi/aws'
import { agentAlarmPrefix, alarmPatterns } from '../guardrails/alarm-patterns.ts'
import { agentBoundary, agentPolicy } from '../guardrails/agent-policies.ts'
import { approvalPolicy, approverPolicy, breakGlassPolicy } from '../guardrails/break-glass-policy.ts'
import {
  administratorRoleName,
  agentBoundaryName,
  agentEnvironmentTag,
  agentRoleArn,
  agentRoleName,
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
  agentTrustPolicy,
  breakGlassTrustPolicy,
  namedHumanTrustPolicy,
} from '../guardrails/trust-policies.ts'
import { accountProvider } from './account-provider.ts'
import { AgentQuarantine } from './components/agent-quarantine.ts'
import { AlarmForwarder } from './components/alarm-forwarder.ts'
import { AuditTrail } from './components/audit-trail.ts'
import { DelayedDeletion } from './components/delayed-deletion.ts'
import { ScopedRole } from './components/scoped-role.ts'
import { alarmRegionsOf } from './config.ts'
import type { HoldfastConfig } from './config.ts'

export function deployProductionLayer(config: HoldfastConfig): Record<string, unknown> {
  const accountId = config.productionAccountId
  const vault = { accountId: config.vaultAccountId, region: config.region }
  const provider = accountProvider('production', accountId, config.region)
  const boundary = new aws.iam.Policy(
    'agent-boundary',
    {
      name: agentBoundaryName,
      description: 'What no agent can do, whatever its task',
      policy: renderPolicy(agentBoundary(vault, config.environmentTag)),
    },
    { provider, protect: true, retainOnDelete: true },
  )
  for (const agent of config.agents) {
    new ScopedRole(
      `agent-${agent.name}`,
      {
        roleName: agentRoleName(agent.name),
        path: rolePaths.agents,
        description: `Agent of ${agent.environment}`,
        trust: agentTrustPolicy(accountId, config.launchers),
        policy: agentPolicy(agent.may),
        boundary: boundary.arn,
        tags: { [agentEnvironmentTag]: agent.environment },
      },
      { providers: [provider] },
    )
  }
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
    { providers: [provider] },
  )
  const patterns = alarmPatterns({ vault, productionAccountId: accountId }).filter(
    ({ account }) => account === 'production',
  )
  const regions = alarmRegionsOf(config)
  const forwarder = new AlarmForwarder(
    'production-forwarder',
    { vault, accountId, regions, patterns },
    { providers: [provider] },
  )
  if (config.quarantineAgents) {
    const rules = patterns
      .filter(({ name }) => name.startsWith(agentAlarmPrefix))
      .map(({ name }) => `holdfast-${name}`)
    new AgentQuarantine(
      'quarantine',
      { accountId, regions, rules, rulesOf: forwarder },
      { providers: [provider] },
    )
  }
  if (config.detached)
    new AuditTrail('production-trail', { vault, accountId, ofOrganization: false }, { providers: [provider] })
  if (config.administrators.length > 0) deployAdministrator(config, provider)
  return { ...describeProduction(config), delays: delayedDeletion.report, brakes: delayedDeletion.safeguards }
}

function deployBreakGlass(config: HoldfastConfig, provider: aws.Provider): void {
  const accountId = config.productionAccountId
  const options = { providers: [provider] }
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
      policy: breakGlassPolicy({ accountId: config.vaultAccountId, region: config.region }),
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
    { providers: [provider] },
  )
}

/** Production's administrator may do everything in production, because the vault's safety doesn't depend on limits there. */
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
