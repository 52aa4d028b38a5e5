// The judgement of each action of the services that were examined: destructive, exempt for a reason, or a read.
import { compactPatterns, patternIncludes } from './action-pattern.ts'
import { parseJudgements } from './judgement-rows.ts'
import rows from './judgements.json' with { type: 'json' }
import type { DestructiveRow, ServiceRows, Tier } from './judgement-rows.ts'

const judgements = parseJudgements(rows)
const nothingExamined: ServiceRows = { destructive: [], exempt: [], reads: [] }

export interface Destructive extends Omit<DestructiveRow, 'actions'> {
  verdict: 'destructive'
  /** The pattern that decided, without the service's prefix. */
  pattern: string
}

export type ActionJudgement =
  | Destructive
  | { verdict: 'exempt'; reason: string; pattern: string }
  | { verdict: 'read'; pattern: string }
  | { verdict: 'unexamined' }

/** Prefixes of the services all of whose actions are judged, sorted. */
export const examinedServices: readonly string[] = [...judgements.keys()]

export function isExamined(service: string): boolean {
  return judgements.has(service.toLowerCase())
}

/**
 * The strictest judgement that matches: tier 1, tier 2, exempt, read. Policies deny by the same patterns, so that a
 * judgement says what they do.
 * @param action as in a policy, without wildcards: `ec2:DeleteVolume`
 */
export function judgeAction(action: string): ActionJudgement {
  const { service, name } = splitAction(action)
  if (!/^[A-Za-z0-9]{1,128}$/.test(name)) return { verdict: 'unexamined' }
  const { destructive, exempt, reads } = rowsOf(service)
  for (const tier of [1, 2]) {
    for (const row of destructive) {
      const pattern = row.tier === tier ? findPattern(row.actions, name) : undefined
      if (pattern !== undefined) {
        const { actions: _, ...facts } = row
        return { verdict: 'destructive', ...facts, pattern }
      }
    }
  }
  for (const row of exempt) {
    const pattern = findPattern(row.exempt, name)
    if (pattern !== undefined) return { verdict: 'exempt', reason: row.reason, pattern }
  }
  const pattern = findPattern(reads, name)
  return pattern === undefined ? { verdict: 'unexamined' } : { verdict: 'read', pattern }
}

/** The rows of one service, in the order of judgements.json; empty for a service that wasn't examined. */
export function rowsOf(service: string): ServiceRows {
  return judgements.get(service.toLowerCase()) ?? nothingExamined
}

/**
 * Patterns of the service's actions of this tier, with its prefix and as few as possible, sorted. They match no
 * exempt action and no read.
 */
export function expandTier(service: string, tier: Tier): string[] {
  const patterns = rowsOf(service)
    .destructive.filter((row) => row.tier === tier)
    .flatMap(({ actions }) => actions)
  return compactPatterns(patterns).map((pattern) => `${service}:${pattern}`)
}

/** `service:Name` in its parts; the name is empty if there is no colon. */
function splitAction(action: string): { service: string; name: string } {
  const colon = action.indexOf(':')
  return colon < 0
    ? { service: action, name: '' }
    : { service: action.slice(0, colon), name: action.slice(colon + 1) }
}

function findPattern(patterns: readonly string[], name: string): string | undefined {
  return patterns.find((pattern) => patternIncludes(pattern, name))
}
