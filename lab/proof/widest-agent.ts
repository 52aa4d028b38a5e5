// The widest agent that a configuration accepts: as many services as one boundary has room for.
import { findMayProblem, limitAgent } from '../../guardrails/catalogue/agent-limits.ts'
import { examinedServices } from '../../guardrails/catalogue/judgements.ts'
import { agentSizeConflicts } from '../../infra/agent-size-conflicts.ts'
import type { HoldfastConfig } from '../../infra/config.ts'

type Agent = HoldfastConfig['agents'][number]

/** `may` names whole services, those with the shortest limits first. */
export function widestAgent(config: HoldfastConfig): Agent {
  const entries = examinedServices.map((service) => `${service}:*`)
  const bySize = entries
    .filter((entry) => findMayProblem(entry) === null)
    .map((entry) => ({ entry, chars: JSON.stringify(limitAgent([entry])).length }))
    .sort((first, second) => first.chars - second.chars)
    .map(({ entry }) => entry)
  const fits = (may: readonly string[]) =>
    agentSizeConflicts({ ...config, agents: [...config.agents, withTask(may)] }).length === 0
  let count = 0
  while (count < bySize.length && fits(bySize.slice(0, count + 1))) count++
  return withTask(bySize.slice(0, count))
}

function withTask(may: readonly string[]): Agent {
  return { name: 'widest', environment: 'staging', may: [...may], sessionSeconds: 900 }
}
