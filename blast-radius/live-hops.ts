// What a role can do through others, as IAM says it now: the roles of its account that it may assume, one from another, each
// asked about at IAM's simulator. Who may become a role is read from its trust.
import type { IdentityService } from '../aws/identity-service.ts'
import { isHoldfastError } from '../core/errors.ts'
import { isBrakeReadable } from './live-safeguards.ts'
import { readLiveRole } from './live-permissions.ts'
import type { LiveOptions, LiveRole } from './live-permissions.ts'
import type { PermissionSource } from './permissions.ts'
import { asDocument } from './policy-set.ts'
import type { PolicyDocument } from './policy-set.ts'
import { mostHops, withHops } from './role-hops.ts'
import { readTrust } from './trust-policy.ts'

/** Each costs a call for every service of the catalogue, and IAM's simulator is slow. */
const mostRoles = 25

interface ReachedRole {
  role: LiveRole
  path: string[]
  conditions: string[]
}

/** @throws `denied`, `not-found`, `credentials`, `unreachable` about the role itself; what can't be read of others is a caveat. */
export async function askIam(
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
  return withHops(
    source,
    reached.map(({ role: { arn, decide }, path, conditions }) => ({
      path,
      conditions,
      decide: async (actions) =>
        (await unlessUnreadable(() => decide(actions), `what ${arn} may do, which it may assume`, caveats)) ??
        [],
    })),
    isBrakeReadable,
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
  for (let hop = 0; hop < mostHops && frontier.length > 0; hop++) {
    const next: ReachedRole[] = []
    for (const { role, path, conditions } of frontier) {
      const ways =
        path.length === 0
          ? await assumable(role, account)
          : await unlessUnreadable(
              () => assumable(role, account),
              `roles that ${role.arn} may assume`,
              caveats,
            )
      for (const [arn, asked] of ways ?? []) {
        if (reached.length === mostRoles) {
          caveats.push(`it may assume more than ${mostRoles} roles, and the others are not followed`)
          return reached
        }
        account.delete(arn)
        const other = await unlessUnreadable(
          () => readLiveRole(iam, arn, options),
          `what ${arn} may do, which it may assume`,
          caveats,
        )
        if (other === null) continue
        const name = arn.slice(arn.lastIndexOf('/') + 1)
        const found = {
          role: other,
          path: [...path, arn],
          conditions: [...conditions, ...asked.map((each) => `${each} (to become ${name})`)],
        }
        reached.push(found)
        next.push(found)
      }
    }
    frontier = next
  }
  return reached
}

/** The roles of `account` that `role` may become, and what has to be met. */
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

/** Null, and a caveat, where the one who asks may not look, or where what was listed is gone or too large to ask about. */
async function unlessUnreadable<Answer>(
  ask: () => Promise<Answer>,
  what: string,
  caveats: string[],
): Promise<Answer | null> {
  try {
    return await ask()
  } catch (error) {
    if (!isHoldfastError(error, 'denied', 'not-found', 'invalid-input')) throw error
    caveats.push(
      error.code === 'denied'
        ? `${what}: reading it was denied`
        : `${what}: it could not be read (${error.message})`,
    )
    return null
  }
}
