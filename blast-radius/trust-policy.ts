// Reads from a trust policy which principals may assume a role, because IAM's simulator ignores trust policies. It
// errs towards "may": we assume that the caller can meet every condition, and list the conditions.
import type { PolicyDocument } from './policy-set.ts'
import { concerns, listOf, statementsOf } from './statements.ts'
import type { Statement } from './statements.ts'

export interface TrustReading {
  /**
   * True if the trust names the role or `*`: the role then needs no permission of its own. False: it names the
   * account.
   */
  byName: boolean
  /** Conditions that the caller must meet, in words. */
  conditions: string[]
}

/** How the trust allows the role `principalArn` to assume the trust's role; null if it doesn't. */
export function readTrust(trust: PolicyDocument, principalArn: string): TrustReading | null {
  const statements = statementsOf(trust).filter((statement) => concerns(statement, 'sts:AssumeRole'))
  const denies = statements.filter(
    (statement) => statement['Effect'] === 'Deny' && matchOf(statement, principalArn) !== null,
  )
  if (denies.some((statement) => conditionsOf(statement).length === 0)) return null
  const grants = statements
    .filter((statement) => statement['Effect'] === 'Allow')
    .flatMap((statement) => {
      const match = matchOf(statement, principalArn)
      return match === null ? [] : [{ byName: match === 'name', conditions: conditionsOf(statement) }]
    })
  // Take the grant that is easiest to use: the fewest conditions, then no permission of its own.
  const [grant] = grants.sort(
    (a, b) => a.conditions.length - b.conditions.length || Number(b.byName) - Number(a.byName),
  )
  if (grant === undefined) return null
  return {
    ...grant,
    conditions: [
      ...grant.conditions,
      ...denies.map((statement) => `not (${conditionsOf(statement).join(' and ')})`),
    ],
  }
}

function matchOf(statement: Statement, principalArn: string): 'name' | 'account' | null {
  const { Principal: principal, NotPrincipal: excluded } = statement
  if (excluded !== undefined)
    return namesOf(excluded).some((name) => isSame(name, principalArn)) ? null : 'name'
  const names = namesOf(principal)
  if (names.some((name) => name === '*' || isSame(name, principalArn))) return 'name'
  const [, partition, , , account] = principalArn.split(':')
  return names.some((name) => name === account || name === `arn:${partition!}:iam::${account!}:root`)
    ? 'account'
    : null
}

/** The IAM principals only, because no role is a service or an identity provider. */
function namesOf(principal: unknown): string[] {
  if (principal === '*') return ['*']
  if (typeof principal !== 'object' || principal === null) return []
  return listOf((principal as Record<string, unknown>)['AWS']).filter((name) => typeof name === 'string')
}

/** Whether `name` is the role's ARN, or that of one of its sessions. */
function isSame(name: string, principalArn: string): boolean {
  if (name === principalArn) return true
  // A session belongs to a role; a user of the same name has none.
  if (!principalArn.includes(':role/')) return false
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
