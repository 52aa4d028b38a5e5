// The parts of a policy document, read without deciding anything: which statements speak of an action.
import type { PolicyDocument } from './policy-set.ts'

export type Statement = Record<string, unknown>

export function statementsOf(document: PolicyDocument): Statement[] {
  return listOf(document['Statement']).filter(
    (each): each is Statement => typeof each === 'object' && each !== null,
  )
}

export function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : value === undefined ? [] : [value]
}

/** Whether `Action` or `NotAction` makes the statement one about `action`. */
export function concerns(statement: Statement, action: string): boolean {
  if (statement['Action'] !== undefined)
    return listOf(statement['Action']).some((pattern) => matches(String(pattern), action))
  return !listOf(statement['NotAction']).some((pattern) => matches(String(pattern), action))
}

/** True if a document denies the action on everything, whatever the request's context. */
export function deniesOutright(document: PolicyDocument, action: string): boolean {
  return statementsOf(document).some(
    (each) =>
      each['Effect'] === 'Deny' &&
      each['Condition'] === undefined &&
      concerns(each, action) &&
      listOf(each['Resource']).includes('*'),
  )
}

/** True if a document has a statement that allows the action on something, under whatever conditions. */
export function mentionsAllow(document: PolicyDocument, action: string): boolean {
  return statementsOf(document).some((each) => each['Effect'] === 'Allow' && concerns(each, action))
}

/** True if a document that limits others leaves the action less than everything. */
export function narrows(document: PolicyDocument, action: string): boolean {
  const speaking = statementsOf(document).filter((each) => concerns(each, action))
  const allows = speaking.filter((each) => each['Effect'] === 'Allow')
  return !allows.some((each) => listOf(each['Resource']).includes('*'))
}

/** True if a document denies the action on everything but what it names. */
export function deniesAllElse(document: PolicyDocument, action: string): boolean {
  return statementsOf(document).some(
    (each) =>
      each['Effect'] === 'Deny' &&
      each['Condition'] === undefined &&
      each['NotResource'] !== undefined &&
      concerns(each, action),
  )
}

/** `*` and `?` as IAM has them: each star takes as little as it can, so that no pattern takes long. */
export function matches(pattern: string, action: string): boolean {
  const [wanted, text] = [pattern.toLowerCase(), action.toLowerCase()]
  let star = -1
  let mark = 0
  let at = 0
  let index = 0
  while (index < text.length) {
    if (wanted[at] === '*') {
      star = at++
      mark = index
    } else if (wanted[at] === '?' || wanted[at] === text[index]) {
      at++
      index++
    } else if (star >= 0) {
      at = star + 1
      index = ++mark
    } else {
      return false
    }
  }
  while (wanted[at] === '*') at++
  return at === wanted.length
}
