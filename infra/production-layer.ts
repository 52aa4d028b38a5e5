// The production layer: who works there, and what none of them can do. Agents, break-glass, the administrator.
import * as aws from '@pulumi/aws'
import { alarmPatterns } from '../guardrails/alarm-patterns.ts'
import { agentBoundary, agentPolicy } from '../guardrails/agent-policies.ts'
import { breakGlassPolicy } from '../guardrails/break-glass-policy.ts'
import {
  administratorRoleName,
  agentBoundaryName,
  agentEnvironmentTag,
  agentRoleArn,
  agentRoleName,
  breakGlassRoleName,
  roleArn,
  rolePaths,
} from '../guardrails/names.ts'
import { renderPolicy } from '../guardrails/policy.ts'
import { administratorTrustPolicy, agentTrustPolicy, breakGlassTrustPolicy } from '../guardrails/trust-policies.ts'
import { accountProvider } from './account-provider.ts'
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
  new ScopedRole(
    'break-glass',
    {
      roleName: breakGlassRoleName,
      path: rolePaths.production,
      description: 'Destructive actions: second factor, a reason, one hour',
      trust: breakGlassTrustPolicy(accountId, config.breakGlass),
      policy: breakGlassPolicy(vault),
    },
    { providers: [provider] },
  )
  const delayed = new DelayedDeletion('delays', { days: config.recycleBinDays, unlockDelayDays: config.unlockDelayDays }, { providers: [provider] })
  const patterns = alarmPatterns({ vault, productionAccountId: accountId }).filter(({ account }) => account === 'production')
  new AlarmForwarder('production-forwarder', { vault, accountId, regions: alarmRegionsOf(config), patterns }, { providers: [provider] })
  if (config.detached) new AuditTrail('production-trail', { vault, accountId, ofOrganization: false }, { providers: [provider] })
  if (config.administrators.length > 0) deployAdministrator(config, provider)
  return { ...describeProduction(config), delays: delayed.report }
}

/** Production's administrator may do everything there is to do in production. That is the point: the vault doesn't care. */
function deployAdministrator(config: HoldfastConfig, provider: aws.Provider): void {
  const role = new aws.iam.Role(
    'administrator',
    {
      name: administratorRoleName,
      path: rolePaths.production,
      description: 'Administrator of production; has no way into the vault',
      assumeRolePolicy: renderPolicy(administratorTrustPolicy(config.productionAccountId, config.administrators)),
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
  const administrator = config.administrators.length > 0 ? roleArn(accountId, rolePaths.production, administratorRoleName) : null
  return {
    formatVersion: 1,
    layer: 'production',
    region: config.region,
    productionAccountId: accountId,
    agents: Object.fromEntries(
      config.agents.map(({ name, environment }) => [name, { environment, roleArn: agentRoleArn(accountId, name) }]),
    ),
    breakGlass: roleArn(accountId, rolePaths.production, breakGlassRoleName),
    administrator,
  }
}
