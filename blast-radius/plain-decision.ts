// Decisions that policy documents show without an evaluation: no document allows the action, one denies it on
// everything, or all that must allow it do so on everything. A wide policy concerns thousands of actions, and most of
// them are decided here.
import type { Permission } from './permissions.ts'
import type { NamedDocument, PolicyDocument, PolicySet } from './policy-set.ts'
import { concerns, hasAllow, listOf, mentionsAllow, outrightDenial, statementsOf } from './statements.ts'
import type { Statement } from './statements.ts'

/** Null if statements with conditions or with narrower resources take part in the decision. */
export function plainDecision(set: PolicySet, action: string): Permission | null {
  const denial = plainDenial(set, action)
  if (denial !== null) return denial
  if (documentsOf(set).some(({ document }) => mentionsDeny(document, action))) return null
  const isAllowed =
    set.identity.some(({ document }) => allowsOutright(document, action)) &&
    limitsOf(set).every(({ document }) => allowsOutright(document, action))
  return isAllowed ? { action, allowed: true, resources: ['*'], conditions: [], deniedBy: null } : null
}

/** Null if some request could be allowed. */
export function plainDenial(set: PolicySet, action: string): Permission | null {
  for (const { name, document } of documentsOf(set)) {
    const sid = outrightDenial(document, action)
    if (sid !== null) return denied(action, `${name} ${sid}`)
  }
  const isMentioned =
    set.identity.some(({ document }) => mentionsAllow(document, action)) &&
    limitsOf(set).every(({ document }) => mentionsAllow(document, action))
  return isMentioned ? null : denied(action, null)
}

export function denied(action: string, deniedBy: string | null): Permission {
  return { action, allowed: false, resources: [], conditions: [], deniedBy }
}

/** Service control policies first, because a report should name the widest denial. */
function documentsOf({ identity, boundary, session, scps }: PolicySet): NamedDocument[] {
  return [...scps, ...identity, ...[boundary, session].filter((named) => named !== null)]
}

/**
 * The documents that must allow the action, beside an identity's policy. A service control policy without an Allow
 * stands beside the one of Organizations that allows everything.
 */
function limitsOf({ boundary, session, scps }: PolicySet): NamedDocument[] {
  return [boundary, session, ...scps.filter(({ document }) => hasAllow(document))].filter(
    (named) => named !== null,
  )
}

function mentionsDeny(document: PolicyDocument, action: string): boolean {
  return statementsOf(document).some(
    (statement) => statement['Effect'] === 'Deny' && concerns(statement, action),
  )
}

/** False if each allow of the action names narrower resources than `*`, so that no other resource is allowed. */
export function mayReachAll({ identity }: PolicySet, action: string): boolean {
  return identity.some(({ document }) =>
    statementsOf(document).some(
      (statement) =>
        statement['Effect'] === 'Allow' &&
        concerns(statement, action) &&
        (statement['NotResource'] !== undefined || listOf(statement['Resource']).includes('*')),
    ),
  )
}

function allowsOutright(document: PolicyDocument, action: string): boolean {
  return statementsOf(document).some((statement) => isOutrightAllow(statement) && concerns(statement, action))
}

function isOutrightAllow(statement: Statement): boolean {
  return (
    statement['Effect'] === 'Allow' &&
    statement['Condition'] === undefined &&
    listOf(statement['Resource']).includes('*')
  )
}

/**
 * A text that is equal for two actions of a service if the same statements of the set concern them: on resources of
 * the same types, the set then decides equally on both.
 */
export function statementsKey(set: PolicySet, action: string): string {
  return documentsOf(set)
    .map(({ document }) =>
      statementsOf(document).flatMap((statement, index) => (concerns(statement, action) ? [index] : [])),
    )
    .join(' ')
}
