// Reads the statements of a policy document that concern an action. It decides nothing.
import type { PolicyDocument } from './policy-set.ts'

export type Statement = Record<string, unknown>

export function statementsOf(document: PolicyDocument): Statement[] {
  return listOf(document['Statement']).filter(
    (statement): statement is Statement => typeof statement === 'object' && statement !== null,
  )
}

export function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : value === undefined ? [] : [value]
}

/** The prefix of the action's service, in lower case. */
export function serviceOf(action: string): string {
  return action.slice(0, action.indexOf(':')).toLowerCase()
}

/** Whether `Action` or `NotAction` makes the statement one about `action`. */
export function concerns(statement: Statement, action: string): boolean {
  if (statement['Action'] !== undefined)
    return listOf(statement['Action']).some((pattern) => matches(String(pattern), action))
  return !listOf(statement['NotAction']).some((pattern) => matches(String(pattern), action))
}

/**
 * The Sid of the statement that denies the action on everything, in every context, or its number; null if there is
 * none.
 */
export function outrightDenial(document: PolicyDocument, action: string): string | null {
  for (const [index, statement] of statementsOf(document).entries()) {
    const isOutright =
      statement['Effect'] === 'Deny' &&
      statement['Condition'] === undefined &&
      listOf(statement['Resource']).includes('*') &&
      concerns(statement, action)
    if (isOutright) return typeof statement['Sid'] === 'string' ? statement['Sid'] : `statement ${index + 1}`
  }
  return null
}

/** True if a document allows any action. */
export function hasAllow(document: PolicyDocument): boolean {
  return statementsOf(document).some((statement) => statement['Effect'] === 'Allow')
}

/** True if a document has a statement that allows the action on some resource, under any conditions. */
export function mentionsAllow(document: PolicyDocument, action: string): boolean {
  return statementsOf(document).some(
    (statement) => statement['Effect'] === 'Allow' && concerns(statement, action),
  )
}

/** True if a limiting document (boundary, session policy) allows the action on less than everything. */
export function narrows(document: PolicyDocument, action: string): boolean {
  const allows = statementsOf(document).filter(
    (statement) => concerns(statement, action) && statement['Effect'] === 'Allow',
  )
  return !allows.some((statement) => listOf(statement['Resource']).includes('*'))
}

/** True if a document denies the action on everything except the resources that it names. */
export function deniesAllElse(document: PolicyDocument, action: string): boolean {
  return statementsOf(document).some(
    (statement) =>
      statement['Effect'] === 'Deny' &&
      statement['Condition'] === undefined &&
      statement['NotResource'] !== undefined &&
      concerns(statement, action),
  )
}

/**
 * Matches `*` and `?` as IAM does. Each star takes as little as it can, so that the time is bounded for any pattern.
 */
export function matches(pattern: string, action: string): boolean {
  const [glob, text] = [pattern.toLowerCase(), action.toLowerCase()]
  let star = -1
  let mark = 0
  let at = 0
  let index = 0
  while (index < text.length) {
    if (glob[at] === '*') {
      star = at++
      mark = index
    } else if (glob[at] === '?' || glob[at] === text[index]) {
      at++
      index++
    } else if (star >= 0) {
      at = star + 1
      index = ++mark
    } else {
      return false
    }
  }
  while (glob[at] === '*') at++
  return at === glob.length
}
