// Decides again, without one guard, every question that the authorizer got during the attacks. If no decision changes,
// then the attacks would go the same way without the guard: each request, each response and each claim would be equal.
import { guards } from '../../../../guardrails/guards.ts'
import { guardRemovers, removeGuard } from '../../../../lab/incident/guards/guard-removal.ts'
import { createAuthorizer } from '../../../../lab/sandbox/authorization/authorizer.ts'
import type { CloudDeclaration, PolicyDocument } from '../../../../lab/sandbox/declaration.ts'
import { exampleConfig } from '../../../../lab/sandbox/loader/example-config.ts'
import type { AskedQuestion } from './small-drill.ts'

/** Whether an attack would go another way without the guard, or may do so. */
export async function changesAttacks(name: string, questions: readonly AskedQuestion[]): Promise<boolean> {
  const declaration = questions[0]!.declaration
  const without = removeGuard(declaration, name)
  // Beyond the decisions, attacks depend on buckets, accounts and alarms, and attackers read the trust policies.
  if (guardRemovers[name] !== undefined || trustOf(without) !== trustOf(declaration)) return true
  const drop = statementDropper(new Set(guards.find((guard) => guard.name === name)!.sids))
  let nowMs = 0
  const authorizer = await createAuthorizer(without, { nowMs: () => nowMs, region: exampleConfig.region })
  for (const { request, allowed, atMs } of questions) {
    nowMs = atMs
    const { principal, resourcePolicy } = request
    const { session } = principal
    const decision = await authorizer.authorize({
      ...request,
      resourcePolicy: resourcePolicy === null ? null : drop(resourcePolicy),
      principal:
        session === undefined
          ? principal
          : { ...principal, session: { ...session, policies: session.policies.map(drop) } },
    })
    if (decision.allowed !== allowed) return true
  }
  return false
}

function trustOf({ roles }: CloudDeclaration): string {
  return JSON.stringify(roles.map(({ arn, trust }) => [arn, trust]))
}

/** Returns equal documents for equal ones, because the authorizer compiles each document once. */
function statementDropper(sids: ReadonlySet<string>): (document: PolicyDocument) => PolicyDocument {
  const remainders = new Map<string, PolicyDocument>()
  return (document) => {
    const text = JSON.stringify(document)
    let remainder = remainders.get(text)
    if (remainder === undefined) {
      const statements = document['Statement'] as { Sid?: string }[]
      remainder = { ...document, Statement: statements.filter(({ Sid }) => !sids.has(Sid ?? '')) }
      remainders.set(text, remainder)
    }
    return remainder
  }
}
