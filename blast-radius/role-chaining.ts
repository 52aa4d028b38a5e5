// Finds the roles of a recorded account that an identity can assume, one from another (role chaining), and adds their
// permissions to its own. A safeguard that one of the roles removes is removed for all.
import { HoldfastError } from '../core/errors.ts'
import type { Permission, PermissionSource } from './permissions.ts'
import { evaluatePolicies, mayAssume } from './policy-evaluator.ts'
import type { PolicySet, RecordedAccount } from './policy-set.ts'
import { mentionsAllow } from './statements.ts'

/** AWS sets no limit on role chaining; we stop here to bound the work. */
export const maxRoleChainingSteps = 3
/** Decisions on one role assuming another. AWS's default quota is 1,000 roles in an account. */
const maxDecisions = 20_000

export interface ReachableRole {
  set: PolicySet
  /** ARNs of the roles to assume, in order; the last is this role's. */
  path: string[]
  /** The conditions of every assumption on the path, in words. */
  conditions: string[]
}

/**
 * Every role that `from` can assume, by a shortest path of at most `maxRoleChainingSteps`.
 * @throws `invalid-input` for an account with too many roles.
 */
export async function reachableRoles(account: RecordedAccount, from: PolicySet): Promise<ReachableRole[]> {
  const reached = new Map<string, ReachableRole>()
  let frontier: ReachableRole[] = [{ set: from, path: [], conditions: [] }]
  let decisions = 0
  for (let step = 0; step < maxRoleChainingSteps && frontier.length > 0; step++) {
    const next: ReachableRole[] = []
    for (const { set, path, conditions } of frontier) {
      for (const [arn, trust] of account.trusts) {
        if (
          trust === null ||
          reached.has(arn) ||
          arn === from.principalArn ||
          !mayBeTrusted(set, JSON.stringify(trust))
        )
          continue
        if (++decisions > maxDecisions) {
          throw new HoldfastError(
            'invalid-input',
            'the account has too many roles that might assume each other',
            { hint: 'ask about a single role with --role and --live' },
          )
        }
        const required = await mayAssume(set, arn, trust)
        if (required === null) continue
        const name = arn.slice(arn.lastIndexOf('/') + 1)
        const role: ReachableRole = {
          set: { ...account.policiesOf(arn), scps: set.scps },
          path: [...path, arn],
          conditions: [...conditions, ...required.map((condition) => `${condition} (to become ${name})`)],
        }
        reached.set(arn, role)
        next.push(role)
      }
    }
    frontier = next
  }
  return [...reached.values()]
}

/**
 * Whether the trust could name the identity: by its ARN, its account, or `*`. A cheap test that avoids most
 * decisions.
 */
function mayBeTrusted({ principalArn, identity }: PolicySet, trust: string): boolean {
  const account = principalArn?.split(':')[4]
  if (principalArn === null || account === undefined) return false
  if (trust.includes(principalArn)) return true
  return (
    (trust.includes(account) || trust.includes('"*"')) &&
    identity.some(({ document }) => mentionsAllow(document, 'sts:AssumeRole'))
  )
}

/** The permissions of `set`, and those of the roles that it can assume, each with the path to its role. */
export async function evaluateWithRoleChaining(
  account: RecordedAccount,
  set: PolicySet,
): Promise<PermissionSource> {
  const direct = await evaluatePolicies(set)
  const reachable = await reachableRoles(account, set)
  const roles = await Promise.all(
    reachable.map(async ({ set: roleSet, path, conditions }) => {
      const source = await evaluatePolicies(roleSet)
      return { path, conditions, decide: (actions: readonly string[]) => source.decide(actions) }
    }),
  )
  return withRoleChaining(
    {
      ...direct,
      caveats: [
        ...direct.caveats,
        set.principalArn === null
          ? 'roles that members of the group may assume are not followed'
          : 'roles of other accounts that it may assume are not followed',
      ],
    },
    roles,
  )
}

/** A role that an identity reaches by role chaining. */
export interface ChainedRole {
  /** ARNs of the roles to assume, in order. */
  path: readonly string[]
  conditions: readonly string[]
  decide: (actions: readonly string[]) => Promise<Permission[]>
}

/**
 * The permissions of `direct`, and those that the roles add. Pass the roles with the shortest paths first.
 * @param needsAllResources whether to decide on an action for every role even if it is already allowed, to find all
 * its resources
 */
export function withRoleChaining(
  direct: PermissionSource,
  roles: readonly ChainedRole[],
  needsAllResources: (action: string) => boolean = () => false,
): PermissionSource {
  return {
    ...direct,
    decide: async (actions) => {
      const permissions = new Map(
        (await direct.decide(actions)).map((permission) => [permission.action, permission]),
      )
      for (const { path, conditions, decide } of roles) {
        const undecided = actions.filter(
          (action) => permissions.get(action)?.allowed !== true || needsAllResources(action),
        )
        for (const permission of await decide(undecided)) {
          if (!permission.allowed) continue
          const previous = permissions.get(permission.action)
          permissions.set(
            permission.action,
            previous?.allowed === true
              ? widen(previous, permission.resources)
              : withPath(permission, path, conditions),
          )
        }
      }
      return [...permissions.values()]
    },
  }
}

function widen(permission: Permission, resources: readonly string[]): Permission {
  const further = resources.filter((resource) => !permission.resources.includes(resource))
  return further.length === 0
    ? permission
    : { ...permission, furtherResources: [...new Set([...(permission.furtherResources ?? []), ...further])] }
}

function withPath(
  permission: Permission,
  through: readonly string[],
  conditions: readonly string[],
): Permission {
  return { ...permission, through, conditions: [...permission.conditions, ...conditions] }
}
