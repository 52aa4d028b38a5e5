// What an identity can do through others: the roles of a recorded account that it can assume, one from another, and all of
// their permissions with its own. A brake that one of them takes off is off for the other.
import { HoldfastError } from '../core/errors.ts'
import type { Permission, PermissionSource } from './permissions.ts'
import { evaluatePolicies, mayAssume } from './policy-evaluator.ts'
import type { PolicySet, RecordedAccount } from './policy-set.ts'
import { mentionsAllow } from './statements.ts'

/** AWS has no limit; sessions get an hour each. */
export const mostHops = 3
/** Questions of who may become whom; an account has 1,000 roles unless AWS raised it. */
const mostQuestions = 20_000

export interface ReachableRole {
  set: PolicySet
  /** ARNs of the roles assumed, in order; the last is its own. */
  path: string[]
  /** What has to be met on the way, in words. */
  conditions: string[]
}

/** Every role that `from` can become, by a shortest path of at most `mostHops`. @throws `invalid-input` for an account too large to ask about. */
export async function reachableRoles(account: RecordedAccount, from: PolicySet): Promise<ReachableRole[]> {
  const reached = new Map<string, ReachableRole>()
  let frontier: ReachableRole[] = [{ set: from, path: [], conditions: [] }]
  let questions = 0
  for (let hop = 0; hop < mostHops && frontier.length > 0; hop++) {
    const next: ReachableRole[] = []
    for (const { set, path, conditions } of frontier) {
      for (const [arn, trust] of account.trusts) {
        if (
          trust === null ||
          reached.has(arn) ||
          arn === from.principalArn ||
          !isWorthAsking(set, JSON.stringify(trust))
        )
          continue
        if (++questions > mostQuestions) {
          throw new HoldfastError(
            'invalid-input',
            'the account has too many roles that might be assumed one from another',
            { hint: 'ask about single roles with --live' },
          )
        }
        const asked = await mayAssume(set, arn, trust)
        if (asked === null) continue
        const name = arn.slice(arn.lastIndexOf('/') + 1)
        const role: ReachableRole = {
          set: { ...account.policiesOf(arn), scps: set.scps },
          path: [...path, arn],
          conditions: [...conditions, ...asked.map((each) => `${each} (to become ${name})`)],
        }
        reached.set(arn, role)
        next.push(role)
      }
    }
    frontier = next
  }
  return [...reached.values()]
}

/** Whether the trust could be about the identity at all: by its ARN, its account, or everybody. Spares most questions. */
function isWorthAsking({ principalArn, identity }: PolicySet, trust: string): boolean {
  const account = principalArn?.split(':')[4]
  if (principalArn === null || account === undefined) return false
  if (trust.includes(principalArn)) return true
  return (
    (trust.includes(account) || trust.includes('"*"')) &&
    identity.some(({ document }) => mentionsAllow(document, 'sts:AssumeRole'))
  )
}

/** The permissions of `set`, and what the roles that it can become add: each with the way to it. */
export async function evaluateWithHops(account: RecordedAccount, set: PolicySet): Promise<PermissionSource> {
  const own = await evaluatePolicies(set)
  const roles = await reachableRoles(account, set)
  const hops = await Promise.all(
    roles.map(async ({ set: other, path, conditions }) => {
      const source = await evaluatePolicies(other)
      return { path, conditions, decide: (actions: readonly string[]) => source.decide(actions) }
    }),
  )
  return withHops(
    { ...own, caveats: [...own.caveats, 'roles of other accounts that it may assume are not followed'] },
    hops,
  )
}

export interface Hop {
  /** ARNs of the roles assumed, in order. */
  path: readonly string[]
  conditions: readonly string[]
  decide: (actions: readonly string[]) => Promise<Permission[]>
}

/**
 * `own`, and what the roles add whose ways are given, the shortest first.
 * @param isAskedOfAll whether an action that is allowed already is asked about nevertheless, for what else it is allowed on
 */
export function withHops(
  own: PermissionSource,
  hops: readonly Hop[],
  isAskedOfAll: (action: string) => boolean = () => false,
): PermissionSource {
  return {
    ...own,
    decide: async (actions) => {
      const permissions = new Map(
        (await own.decide(actions)).map((permission) => [permission.action, permission]),
      )
      for (const { path, conditions, decide } of hops) {
        const asked = actions.filter(
          (action) => permissions.get(action)?.allowed !== true || isAskedOfAll(action),
        )
        for (const permission of await decide(asked)) {
          if (!permission.allowed) continue
          const known = permissions.get(permission.action)
          permissions.set(
            permission.action,
            known?.allowed === true
              ? widen(known, permission.resources)
              : withWay(permission, path, conditions),
          )
        }
      }
      return [...permissions.values()]
    },
  }
}

function widen(permission: Permission, resources: readonly string[]): Permission {
  const further = resources.filter((each) => !permission.resources.includes(each))
  return further.length === 0
    ? permission
    : { ...permission, furtherResources: [...new Set([...(permission.furtherResources ?? []), ...further])] }
}

function withWay(
  permission: Permission,
  through: readonly string[],
  conditions: readonly string[],
): Permission {
  return { ...permission, through, conditions: [...permission.conditions, ...conditions] }
}
