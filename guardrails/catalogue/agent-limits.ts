// Limits an agent to the actions of its declaration: no action of tier 1, and of tier 2 only actions that it
// names without `*`.
import { compactPatterns, patternIncludes } from './action-pattern.ts'
import { coverNames } from './cover-names.ts'
import { isExamined } from './judgements.ts'
import { judgeKnown, knownActionsOf, matchActions, tierOf } from './known-names.ts'

/**
 * Services by which a caller changes its identity, or the permissions of others. No agent's task includes them,
 * not even a read.
 */
export const identityServices = [
  'account',
  'ds',
  'iam',
  'identitystore',
  'identitystore-auth',
  'mpa',
  'organizations',
  'rolesanywhere',
  'signin',
  'sso',
  'sso-directory',
  'sso-oauth',
  'sts',
] as const

export interface AgentLimits {
  /** Patterns for the Allow of the boundary. */
  allowed: readonly string[]
  /**
   * Patterns for its Deny: what `allowed` matches and the agent may not do. They match no action that it may
   * do.
   */
  denied: readonly string[]
}

/** @param may actions and patterns that `findMayProblem` has no problem with */
export function limitAgent(may: readonly string[]): AgentLimits {
  const allowed = compactPatterns(may)
  const named = new Set(may.filter((entry) => !entry.includes('*')).map((entry) => entry.toLowerCase()))
  const denied = servicesOf(may).flatMap((service) => {
    const patterns = allowed.filter((entry) => entry.includes('*') && serviceOf(entry) === service)
    const isMatched = (action: string) => patterns.some((pattern) => patternIncludes(pattern, action))
    const isNamed = (action: string) => named.has(action.toLowerCase())
    const actions = knownActionsOf(service)
    const included = actions.filter(
      (action) => isMatched(action) && tierOf(action) !== null && !isNamed(action),
    )
    const excluded = actions.filter(
      (action) => isNamed(action) || (isMatched(action) && tierOf(action) === null),
    )
    return coverNames(included, excluded)
  })
  return { allowed, denied }
}

/** Patterns of all actions of tier 1 of the services. They match no other action that is known. */
export function tierOnePatterns(services: readonly string[]): string[] {
  return services.flatMap((service) => {
    const actions = knownActionsOf(service)
    return coverNames(
      actions.filter((action) => tierOf(action) === 1),
      actions.filter((action) => tierOf(action) !== 1),
    )
  })
}

/** The services that the entries name, each once, sorted. */
export function servicesOf(may: readonly string[]): string[] {
  return [...new Set(may.map(serviceOf))].sort()
}

/** Why an agent can't be given the entry, and what to write instead; null if it can. */
export function findMayProblem(entry: string, may: readonly string[] = [entry]): string | null {
  const service = serviceOf(entry)
  if (identityServices.some((name) => name === service))
    return 'must not be an action on identities, the organization or the account: remove it'
  if (!isExamined(service))
    return `the catalogue has not examined the service ${service}: name a service of docs/catalogue.md`
  const actions = matchActions(entry)
  if (actions.length === 0) return 'AWS has no such action: correct the name'
  if (!entry.includes('*')) {
    const judgement = judgeKnown(actions[0]!)
    if (judgement.verdict !== 'destructive' || judgement.tier === 2) return null
    return `no agent may do it (${judgement.loss}: ${judgement.lost}): remove it, and let people do it with break-glass`
  }
  const named = new Set(may.map((action) => action.toLowerCase()))
  const granted = actions.filter((action) => tierOf(action) === null || named.has(action.toLowerCase()))
  if (granted.length > 0) return null
  const example = actions.find((action) => tierOf(action) === 2)
  return example === undefined
    ? 'no agent may do any of these actions: remove it, and let people do them with break-glass'
    : `grants nothing, because each action that it matches overwrites or executes: name them without \`*\`, such as ${example}`
}

function serviceOf(entry: string): string {
  return entry.slice(0, entry.indexOf(':')).toLowerCase()
}
