// Examines one guard at a time, with all others removed, because another guard may cover the same request.
import type { AccessDecision } from '../../sandbox/authorization/access.ts'
import { createAuthorizer } from '../../sandbox/authorization/authorizer.ts'
import type { PolicyAuthorizer } from '../../sandbox/authorization/authorizer.ts'
import { evaluate } from '../../sandbox/authorization/evaluate.ts'
import type { CloudDeclaration, NamedPolicy, PolicyDocument } from '../../sandbox/declaration.ts'
import { guardRemovers } from './guard-removal.ts'
import type { Guard } from '../../../guardrails/guards.ts'
import { principalCalled, resourceCalled } from './probe-principals.ts'
import type { Case } from './probe-principals.ts'

export interface Examiner {
  declaration: CloudDeclaration
  authorizer: PolicyAuthorizer
}

export interface IsolatedProbes {
  readonly probes: readonly Case[]
  /** The time of the evaluation. */
  readonly nowMs: number
}

export async function makeExaminer(declaration: CloudDeclaration, nowMs: number): Promise<Examiner> {
  return { declaration, authorizer: await createAuthorizer(declaration, { nowMs: () => nowMs }) }
}

export function probe(
  { declaration, authorizer }: Examiner,
  { who: principalName, action, on, context }: Case,
): Promise<AccessDecision> {
  const resource = resourceCalled(declaration, on)
  return evaluate(authorizer, {
    principal: principalCalled(declaration, principalName, authorizer.nowMs()),
    action,
    resource: resource.arn,
    context: {
      ...resource.context,
      ...context,
    },
  })
}

/**
 * Whether the statement alone refuses one of the probes. All other denies are removed, and a role that lacks the
 * permission gets it.
 */
export async function standsAlone(
  declaration: CloudDeclaration,
  guard: Guard,
  sid: string,
  { probes, nowMs }: IsolatedProbes,
): Promise<boolean> {
  if (!JSON.stringify(declaration).includes(`"Sid":${JSON.stringify(sid)}`)) return false
  const alone = keepOnly(declaration, sid)
  const loosened = structuredClone(alone)
  guardRemovers[guard.name]?.(loosened)
  for (const cloud of [alone, loosened]) {
    const examiner = await makeExaminer(cloud, nowMs)
    for (const row of probes) {
      const decision = await probe(examiner, row)
      if (!decision.allowed && decision.statement?.sid === sid) return true
    }
  }
  return false
}

/** The declaration with one deny, by its Sid, and no other. */
function keepOnly(declaration: CloudDeclaration, sid: string): CloudDeclaration {
  const cloud = structuredClone(declaration)
  const trim = (document: PolicyDocument | null | undefined) => {
    if (document === null || document === undefined) return
    document['Statement'] = (document['Statement'] as { Sid?: string; Effect?: string }[]).filter(
      ({ Sid, Effect }) => Effect !== 'Deny' || Sid === sid,
    )
  }
  for (const bucket of cloud.buckets) trim(bucket.policy)
  for (const key of cloud.keys) trim(key.policy)
  for (const role of cloud.roles) {
    for (const document of [
      role.trust,
      role.boundary?.document,
      ...role.policies.map((policy) => policy.document),
    ])
      trim(document)
    role.policies = role.policies.filter(saysSomething)
  }
  for (const account of cloud.accounts) {
    for (const level of [...account.scps, ...account.rcps]) for (const { document } of level) trim(document)
    account.scps = account.scps.map((level) => level.filter(saysSomething))
    account.rcps = account.rcps.map((level) => level.filter(saysSomething))
  }
  for (const bucket of cloud.buckets)
    if (bucket.policy !== null && !saysSomething({ document: bucket.policy })) bucket.policy = null
  return cloud
}

function saysSomething({ document }: Pick<NamedPolicy, 'document'>): boolean {
  return (document['Statement'] as unknown[]).length > 0
}
