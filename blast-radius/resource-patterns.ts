// The resources on which to decide an action: those that the policies name, and `*`.
import { HoldfastError } from '../core/errors.ts'
import type { NamedDocument, PolicyDocument, PolicySet } from './policy-set.ts'
import { overlaps } from './resource-types.ts'
import { listOf, matches, serviceOf, statementsOf } from './statements.ts'
import type { Statement } from './statements.ts'

/** AWS's quotas allow fewer, so more can't come from AWS. */
const maxPatterns = 500

/**
 * `*`, and every resource pattern that can match a resource of the action: if one document allows everything and
 * another only one bucket, the action is allowed on that bucket.
 * @param types patterns of the resources that the action takes; null if unknown: every resource of its service
 * @throws `invalid-input` for more patterns than policies can have.
 */
export function candidatePatterns(
  set: PolicySet,
  action: string,
  types: readonly string[] | null = null,
): string[] {
  const documents = [...set.identity, set.boundary, set.session, ...set.scps].flatMap((named) =>
    named === null ? [] : [named.document],
  )
  const service = serviceOf(action)
  const isConcerned = (pattern: string) =>
    types === null ? isOfService(pattern, service) : types.some((type) => overlaps(pattern, type))
  const patterns = new Set(['*', ...documents.flatMap(resourcesOf).map(withoutVariables).filter(isConcerned)])
  if (patterns.size > maxPatterns) {
    throw new HoldfastError(
      'invalid-input',
      `the policies name more than ${maxPatterns} resources of ${service}`,
      { hint: "use IAM's own simulator: pass --live" },
    )
  }
  return [...patterns]
}

/**
 * The set as it speaks about one resource: each pattern that matches the resource is replaced by its ARN, because the
 * evaluator reads some wildcards more narrowly than AWS. A variable counts as any value only where that allows more.
 */
export function pinResources(set: PolicySet, arn: string): PolicySet {
  const pin = <Named extends NamedDocument | null>(named: Named): Named =>
    named === null ? named : { ...named, document: pinDocument(named.document, arn) }
  return {
    ...set,
    identity: set.identity.map(pin),
    boundary: pin(set.boundary),
    session: pin(set.session),
    scps: set.scps.map(pin),
  }
}

function pinDocument(document: PolicyDocument, arn: string): PolicyDocument {
  const pinStatement = (statement: Statement): Statement => {
    const isAllow = statement['Effect'] === 'Allow'
    const pinned = { ...statement }
    for (const [element, isGenerous] of [
      ['Resource', isAllow],
      ['NotResource', !isAllow],
    ] as const) {
      if (statement[element] === undefined) continue
      pinned[element] = listOf(statement[element]).map((pattern) =>
        matches(isGenerous ? withoutVariables(String(pattern)) : String(pattern), arn) ? arn : pattern,
      )
    }
    return pinned
  }
  return { ...document, Statement: statementsOf(document).map(pinStatement) }
}

/** A pattern that isn't a whole ARN, such as `arn:*`, may mean any service. */
function isOfService(pattern: string, service: string): boolean {
  const named = /^arn:[^:]*:([^:]*):/.exec(pattern)?.[1]
  return named === undefined ? pattern.includes('*') : matches(named, service)
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
