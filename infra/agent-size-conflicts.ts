// Agents whose policies would be larger than AWS takes. AWS would refuse them halfway through a deployment.
import { agentBoundary } from '../guardrails/agent-policies.ts'
import { limitAgent, servicesOf, tierOnePatterns } from '../guardrails/catalogue/agent-limits.ts'
import { productionPolicy } from '../guardrails/organization-policies.ts'
import { quotaChars, renderPolicy } from '../guardrails/policy.ts'
import type { HoldfastConfig } from './config.ts'

type Config = Omit<HoldfastConfig, 'lockMode'>

/** One line per policy that is too large, beginning with the key to change. */
export function agentSizeConflicts(config: Config): string[] {
  return [
    ...config.agents.flatMap((agent) => boundaryConflicts(config, agent)),
    ...controlPolicyConflicts(config),
  ]
}

export function boundaryConflicts(
  config: Pick<Config, 'vaultAccountId' | 'region' | 'environmentTag'>,
  { name, may }: Pick<Config['agents'][number], 'name' | 'may'>,
): string[] {
  const vault = { accountId: config.vaultAccountId, region: config.region }
  const chars = renderPolicy(agentBoundary(vault, { may, environmentTag: config.environmentTag })).length
  if (chars <= quotaChars.managedPolicy) return []
  const largest = largestOf(
    servicesOf(may),
    (service) => limitAgent(may.filter((entry) => entry.startsWith(`${service}:`))).denied,
  )
  return [
    `holdfast:agents: the boundary of ${name} would have ${chars} characters, and AWS takes ${quotaChars.managedPolicy}; ` +
      `name the actions of ${largest} that its task needs without \`*\`, or split the agent`,
  ]
}

function controlPolicyConflicts(config: Config): string[] {
  if (config.detached || config.productionAccountId === '') return []
  const services = servicesOf(config.agents.flatMap(({ may }) => may))
  const chars = renderPolicy(productionPolicy(config.productionAccountId, services)).length
  if (chars <= config.controlPolicyChars) return []
  const largest = largestOf(services, (service) => tierOnePatterns([service]))
  return [
    `holdfast:agents: what all agents together may use makes a control policy of ${chars} characters, and AWS takes ${config.controlPolicyChars}; ` +
      `let agents use fewer services: ${largest} need the most`,
  ]
}

/** Up to three services, the one with the longest patterns first. */
function largestOf(services: readonly string[], patternsOf: (service: string) => readonly string[]): string {
  return services
    .map((service) => ({ service, chars: patternsOf(service).join().length }))
    .sort((first, second) => second.chars - first.chars)
    .slice(0, 3)
    .map(({ service }) => service)
    .join(', ')
}
