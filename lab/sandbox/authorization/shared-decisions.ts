// Lets requests share decisions: those whose statements have the same outcomes.

import { BoundedCache } from './bounded-cache.ts'
import type { AccessDecision } from './access.ts'
import type { Matches } from './inner-evaluator.ts'
import type { StatementOutcome } from './statement.ts'

const decisions = new BoundedCache<AccessDecision>(30_000)

/** Services for which the evaluator also reads the action or the resource outside of the policies. */
const specialServices = new Set(['iam', 'kms', 'sts'])

export interface DecisionFacts {
  action: string
  resource: string
  /** Null for an unsigned request. */
  principalArn: string | null
  resourceAccountId: string
  isWildcardOnly: boolean
  restrictsPublic: boolean
}

/** A key of everything that a decision depends on. */
export function decisionKey(matches: Matches, facts: DecisionFacts): string {
  const { action, resource, principalArn, resourceAccountId, isWildcardOnly, restrictsPublic } = facts
  let key = `${callerKind(principalArn)} ${resourceAccountId} ${isWildcardOnly ? '*' : ''}`
  for (const list of [matches.identity, matches.boundary, matches.session, matches.resource])
    key += list === null ? '\n-' : `\n${matchingIds(list)}`
  for (const level of matches.scps) key += `\ns${matchingIds(level)}`
  for (const level of matches.rcps) key += `\nr${matchingIds(level)}`
  // The public access block reads statements that don't match, too.
  if (restrictsPublic) key += `\npublic${(matches.resource ?? []).map(({ id }) => id).join()}\n${resource}`
  if (specialServices.has(action.slice(0, action.indexOf(':')).toLowerCase()))
    key += `\n${action}\n${resource}`
  return key
}

/** Account and kind of the caller (`arn:aws:sts::111111111111:assumed-role`): its name matters to statements only. */
function callerKind(principalArn: string | null): string {
  if (principalArn === null) return ''
  const slash = principalArn.indexOf('/')
  return slash < 0 ? principalArn : principalArn.slice(0, slash)
}

function matchingIds(outcomes: readonly StatementOutcome[]): string {
  let ids = ''
  for (const { id, effect } of outcomes) if (effect !== 'none') ids += `,${id}`
  return ids
}

/**
 * The earlier decision on an equal question; otherwise `decide` makes it. A question without a decision rejects each
 * time.
 */
export async function shareDecision(
  key: string,
  decide: () => Promise<AccessDecision>,
): Promise<AccessDecision> {
  const earlier = decisions.get(key)
  if (earlier !== undefined) return earlier
  const decision = await decide()
  decisions.set(key, decision)
  return decision
}
