// Simulates a live role in IAM, with the roles of its account that it may assume, one from another (role chaining).
// IAM's simulator ignores trust policies, so we read those ourselves.
import type { IdentityService } from '../aws/identity-service.ts'
import { isHoldfastError } from '../core/errors.ts'
import { isSafeguardReadable } from './live-safeguards.ts'
import { readLiveRole } from './live-permissions.ts'
import type { LiveOptions, LiveRole } from './live-permissions.ts'
import type { PermissionSource } from './permissions.ts'
import { asDocument } from './policy-set.ts'
import type { PolicyDocument } from './policy-set.ts'
import { maxRoleChainingSteps, withRoleChaining } from './role-chaining.ts'
import { readTrust } from './trust-policy.ts'

/** Each role costs a call for every service of the catalogue, and IAM's simulator is slow. */
const maxRoles = 25

interface ReachedRole {
  role: LiveRole
  path: string[]
  conditions: string[]
}

/**
 * @throws `denied`, `not-found`, `credentials`, `unreachable` for the role itself; other roles that can't be read
 * become caveats.
 */
export async function simulatedPermissions(
  iam: IdentityService,
  roleArn: string,
  options: LiveOptions,
): Promise<PermissionSource> {
  const role = await readLiveRole(iam, roleArn, options)
  const caveats = [
    'policies of resources (bucket, key) may grant more, or deny',
    "resource control policies are not part of IAM's simulation",
    'roles of other accounts that it may assume are not followed',
  ]
  const reached = await followRoles(iam, role, options, caveats)
  const source: PermissionSource = {
    basis: "IAM's simulator",
    subject: role.arn,
    caveats,
    decide: (actions) => role.decide(actions),
  }
  return withRoleChaining(
    source,
    reached.map(({ role: { arn, decide }, path, conditions }) => ({
      path,
      conditions,
      decide: async (actions) =>
        (await unlessUnreadable(
          () => decide(actions),
          `permissions of ${arn}, which it may assume`,
          caveats,
        )) ?? [],
    })),
    isSafeguardReadable,
  )
}

async function followRoles(
  iam: IdentityService,
  start: LiveRole,
  options: LiveOptions,
  caveats: string[],
): Promise<ReachedRole[]> {
  const trusts = await unlessUnreadable(
    () => iam.listRoles(),
    'roles that it may assume (iam:ListRoles)',
    caveats,
  )
  if (trusts === null) return []
  const account = new Map(
    trusts.map(({ arn, trustJson }) => [arn, asDocument(trustJson, `the trust of ${arn}`)]),
  )
  account.delete(start.arn)
  const reached: ReachedRole[] = []
  let frontier: ReachedRole[] = [{ role: start, path: [], conditions: [] }]
  for (let step = 0; step < maxRoleChainingSteps && frontier.length > 0; step++) {
    const next: ReachedRole[] = []
    for (const { role, path, conditions } of frontier) {
      const targets =
        path.length === 0
          ? await assumable(role, account)
          : await unlessUnreadable(
              () => assumable(role, account),
              `roles that ${role.arn} may assume`,
              caveats,
            )
      for (const [arn, required] of targets ?? []) {
        if (reached.length === maxRoles) {
          caveats.push(`it may assume more than ${maxRoles} roles, and only these are followed`)
          return reached
        }
        account.delete(arn)
        const target = await unlessUnreadable(
          () => readLiveRole(iam, arn, options),
          `permissions of ${arn}, which it may assume`,
          caveats,
        )
        if (target === null) continue
        const name = arn.slice(arn.lastIndexOf('/') + 1)
        const reachedRole = {
          role: target,
          path: [...path, arn],
          conditions: [...conditions, ...required.map((condition) => `${condition} (to become ${name})`)],
        }
        reached.push(reachedRole)
        next.push(reachedRole)
      }
    }
    frontier = next
  }
  return reached
}

/** The roles of `account` that `role` may assume, with the conditions. */
async function assumable(
  role: LiveRole,
  account: ReadonlyMap<string, PolicyDocument>,
): Promise<[arn: string, conditions: string[]][]> {
  const trusting = [...account].flatMap(([arn, trust]) => {
    const reading = readTrust(trust, role.arn)
    return reading === null ? [] : [{ arn, reading }]
  })
  const rights = await role.decideAssumption(trusting.map(({ arn }) => arn))
  return trusting.flatMap(({ arn, reading }): [string, string[]][] => {
    const { permission, ruledOut } = rights.get(arn)!
    if (permission.allowed) return [[arn, [...reading.conditions, ...permission.conditions]]]
    return reading.byName && !ruledOut ? [[arn, reading.conditions]] : []
  })
}

/**
 * Null, and a caveat, if our credentials may not read it, or if a listed role is gone or too large to simulate.
 * @param subject names the information in the caveat.
 */
async function unlessUnreadable<Result>(
  read: () => Promise<Result>,
  subject: string,
  caveats: string[],
): Promise<Result | null> {
  try {
    return await read()
  } catch (error) {
    if (!isHoldfastError(error, 'denied', 'not-found', 'invalid-input')) throw error
    caveats.push(
      error.code === 'denied'
        ? `${subject}: reading was denied`
        : `${subject}: could not be read (${error.message})`,
    )
    return null
  }
}
