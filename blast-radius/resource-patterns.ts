// On what an action could be allowed: the resources that the policies themselves speak of, and everything.
import { HoldfastError } from '../core/errors.ts'
import type { PolicyDocument, PolicySet } from './policy-set.ts'

/** AWS's quotas leave room for fewer; more are no policies of AWS. */
const mostPatterns = 500

/**
 * `*`, and every resource pattern that limits the service of `action`: where one document allows everything and another
 * one bucket, the answer lies on that bucket. @throws `invalid-input` for more patterns than policies can have.
 */
export function candidatePatterns(set: PolicySet, action: string): string[] {
  const documents = [...set.identity, set.boundary, set.session, ...set.scps].flatMap((named) =>
    named === null ? [] : [named.document],
  )
  const service = action.split(':')[0]!.toLowerCase()
  const patterns = new Set(['*'])
  for (const pattern of documents.flatMap(resourcesOf)) {
    const concerned = /^arn:[^:]*:([^:]*):/.exec(pattern)?.[1]?.toLowerCase()
    if (concerned === service || concerned === '*') patterns.add(plain(pattern))
  }
  if (patterns.size > mostPatterns) {
    throw new HoldfastError(
      'invalid-input',
      `the policies name more than ${mostPatterns} resources of ${service}`,
      { hint: "ask IAM's own simulator with --live" },
    )
  }
  return [...patterns]
}

function resourcesOf(document: PolicyDocument): string[] {
  return [document['Statement']].flat().flatMap((statement) => {
    if (typeof statement !== 'object' || statement === null) return []
    const { Resource, NotResource } = statement as { Resource?: unknown; NotResource?: unknown }
    return [Resource, NotResource].flat().filter((each) => typeof each === 'string')
  })
}

/** A variable can have any value, so it stands for any. */
function plain(pattern: string): string {
  return pattern.replace(/\$\{[^}]*\}/g, '*')
}
