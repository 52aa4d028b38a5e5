// Who may become a role, read from its trust alone: IAM's simulator doesn't take trusts. It errs on the side of "may": a
// condition is one that the caller can meet, and is said.
import type { PolicyDocument } from './policy-set.ts'
import { concerns, listOf, statementsOf } from './statements.ts'
import type { Statement } from './statements.ts'

export interface TrustReading {
  /** The trust names the role itself or everybody, so that it needs no right of its own; else it names the account. */
  byName: boolean
  /** What has to be met, in words. */
  conditions: string[]
}

/** How the trust lets `principalArn`, a role, become what it belongs to; null if it doesn't. */
export function readTrust(trust: PolicyDocument, principalArn: string): TrustReading | null {
  const speaking = statementsOf(trust).filter((each) => concerns(each, 'sts:AssumeRole'))
  const denies = speaking.filter((each) => each['Effect'] === 'Deny' && matchOf(each, principalArn) !== null)
  if (denies.some((each) => conditionsOf(each).length === 0)) return null
  const ways = speaking
    .filter((each) => each['Effect'] === 'Allow')
    .flatMap((each) => {
      const match = matchOf(each, principalArn)
      return match === null ? [] : [{ byName: match === 'name', conditions: conditionsOf(each) }]
    })
  // The way that asks for least: no condition, and no right.
  const [way] = ways.sort(
    (one, other) =>
      one.conditions.length - other.conditions.length || Number(other.byName) - Number(one.byName),
  )
  if (way === undefined) return null
  return {
    ...way,
    conditions: [...way.conditions, ...denies.map((each) => `not (${conditionsOf(each).join(' and ')})`)],
  }
}

function matchOf(statement: Statement, principalArn: string): 'name' | 'account' | null {
  const { Principal: principal, NotPrincipal: excluded } = statement
  if (excluded !== undefined)
    return namesOf(excluded).some((each) => isSame(each, principalArn)) ? null : 'name'
  const names = namesOf(principal)
  if (names.some((each) => each === '*' || isSame(each, principalArn))) return 'name'
  const [, partition, , , account] = principalArn.split(':')
  return names.some((each) => each === account || each === `arn:${partition!}:iam::${account!}:root`)
    ? 'account'
    : null
}

/** Principals that AWS's IAM knows; services and identity providers are nobody's role. */
function namesOf(principal: unknown): string[] {
  if (principal === '*') return ['*']
  if (typeof principal !== 'object' || principal === null) return []
  return listOf((principal as Record<string, unknown>)['AWS']).filter((each) => typeof each === 'string')
}

/** The role's ARN, or that of a session of it. */
function isSame(name: string, principalArn: string): boolean {
  if (name === principalArn) return true
  const [, partition, , , account] = principalArn.split(':')
  return name.startsWith(
    `arn:${partition!}:sts::${account!}:assumed-role/${principalArn.slice(principalArn.lastIndexOf('/') + 1)}/`,
  )
}

function conditionsOf(statement: Statement): string[] {
  const condition = statement['Condition']
  if (typeof condition !== 'object' || condition === null) return []
  return Object.entries(condition).flatMap(([operator, keys]) =>
    (typeof keys === 'object' && keys !== null ? Object.entries(keys as Record<string, unknown>) : []).map(
      ([key, values]) => `${operator} ${key} ${listOf(values).map(String).join(' or ')}`,
    ),
  )
}
