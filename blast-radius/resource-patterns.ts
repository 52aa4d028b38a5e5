// The resources on which to decide an action: those that the policies name, and `*`.
import { HoldfastError } from '../core/errors.ts'
import type { PolicyDocument, PolicySet } from './policy-set.ts'

/** AWS's quotas allow fewer, so more can't come from AWS. */
const maxPatterns = 500

/**
 * `*`, and every resource pattern of the action's service: if one document allows everything and another only one
 * bucket, the action is allowed on that bucket. @throws `invalid-input` for more patterns than policies can have.
 */
export function candidatePatterns(set: PolicySet, action: string): string[] {
  const documents = [...set.identity, set.boundary, set.session, ...set.scps].flatMap((named) =>
    named === null ? [] : [named.document],
  )
  const service = action.split(':')[0]!.toLowerCase()
  const patterns = new Set(['*'])
  for (const pattern of documents.flatMap(resourcesOf)) {
    const concerned = /^arn:[^:]*:([^:]*):/.exec(pattern)?.[1]?.toLowerCase()
    if (concerned === service || concerned === '*') patterns.add(withoutVariables(pattern))
  }
  if (patterns.size > maxPatterns) {
    throw new HoldfastError(
      'invalid-input',
      `the policies name more than ${maxPatterns} resources of ${service}`,
      { hint: "use IAM's own simulator: pass --live" },
    )
  }
  return [...patterns]
}

function resourcesOf(document: PolicyDocument): string[] {
  return [document['Statement']].flat().flatMap((statement) => {
    if (typeof statement !== 'object' || statement === null) return []
    const { Resource, NotResource } = statement as { Resource?: unknown; NotResource?: unknown }
    return [Resource, NotResource].flat().filter((pattern) => typeof pattern === 'string')
  })
}

/** Replaces policy variables by `*`, because a variable can have any value. */
function withoutVariables(pattern: string): string {
  return pattern.replace(/\$\{[^}]*\}/g, '*')
}
