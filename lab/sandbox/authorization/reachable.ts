// Finds the roles that a principal can reach by assuming one role from another (role chaining).

import { secondFactorKeys } from '../condition-keys/sts.ts'
import type { DeclaredRole } from '../declaration.ts'
import type { Principal } from '../identity/principal.ts'
import { listPermissions } from '../sts/session-permissions.ts'
import type { ConditionContext } from './access.ts'
import type { PolicyAuthorizer } from './authorizer.ts'
import { isRecord, listOf, statementsOf } from './check-policy.ts'
import { evaluate } from './evaluate.ts'

export interface ReachablePrincipal {
  roleArn: string
  /** A session of the role, as AssumeRole would make it. */
  principal: Principal
  /** ARNs of the roles in the order in which they are assumed; the last is `roleArn`. */
  path: string[]
}

export interface ReachOptions {
  /** Whether the principal also holds a second factor. */
  secondFactor?: boolean
}

type Attempt = Record<string, string>

const tagPrefix = 'aws:RequestTag/'

// The keys whose values the caller chooses in AssumeRole. The search assumes that an attacker knows the
// values that the trust policy requires.
const choosable = /^(sts:(externalid|rolesessionname|sourceidentity)|aws:requesttag\/.+)$/i

/**
 * Every role that `from` can assume within `depth` role-chaining steps, each by a shortest path. The
 * authorizer decides each step on identity policies, trust, boundaries, SCPs and RCPs. A root user can't
 * assume roles.
 */
export async function principalsReachable(
  authorizer: PolicyAuthorizer,
  from: Principal,
  depth: number,
  options: ReachOptions = {},
): Promise<ReachablePrincipal[]> {
  const reached = new Map<string, ReachablePrincipal>()
  let frontier: { principal: Principal; path: string[] }[] = [{ principal: from, path: [] }]
  for (let step = 0; step < depth && frontier.length > 0; step++) {
    const next: ReachablePrincipal[] = []
    for (const { principal, path } of frontier) {
      for (const role of authorizer.declaration.roles) {
        if (reached.has(role.arn) || role.arn === from.session?.roleArn) continue
        const session = await tryRole(authorizer, principal, role, options)
        if (session === null) continue
        const reachable = { roleArn: role.arn, principal: session, path: [...path, role.arn] }
        reached.set(role.arn, reachable)
        next.push(reachable)
      }
    }
    frontier = next
  }
  return [...reached.values()]
}

async function tryRole(
  authorizer: PolicyAuthorizer,
  caller: Principal,
  role: DeclaredRole,
  options: ReachOptions,
): Promise<Principal | null> {
  if (caller.kind !== 'role-session') return null
  const factor = options.secondFactor === true ? secondFactorKeys : {}
  for (const attempt of listAttempts(role)) {
    const inheritedIdentity = caller.session?.sourceIdentity ?? null
    const requestedIdentity = attempt['sts:SourceIdentity'] ?? null
    if (inheritedIdentity !== null && requestedIdentity !== null && inheritedIdentity !== requestedIdentity)
      continue
    const context: ConditionContext = {
      'sts:RoleSessionName': 'reached',
      ...attempt,
      ...factor,
    }
    if (inheritedIdentity !== null) context['sts:SourceIdentity'] = inheritedIdentity
    const tagKeys = Object.keys(attempt)
      .filter((key) => key.startsWith(tagPrefix))
      .map((key) => key.slice(tagPrefix.length))
    if (tagKeys.length > 0) context['aws:TagKeys'] = tagKeys
    const actions = listPermissions('sts:AssumeRole', context['sts:SourceIdentity'], tagKeys)
    const decisions = await Promise.all(
      actions.map((action) =>
        evaluate(authorizer, { principal: caller, action, resource: role.arn, context }),
      ),
    )
    if (decisions.every(({ allowed }) => allowed)) return sessionOf(authorizer, caller, role, context)
  }
  return null
}

function sessionOf(
  authorizer: PolicyAuthorizer,
  caller: Principal,
  role: DeclaredRole,
  context: ConditionContext,
): Principal {
  const name = String(context['sts:RoleSessionName'])
  const source = context['sts:SourceIdentity']
  return {
    kind: 'role-session',
    accountId: role.accountId,
    arn: `arn:aws:sts::${role.accountId}:assumed-role/${role.name}/${name}`,
    session: {
      roleArn: role.arn,
      sessionName: name,
      sourceIdentity: typeof source === 'string' ? source : null,
      tags: Object.fromEntries(
        Object.entries(context)
          .filter(([key]) => key.startsWith(tagPrefix))
          .map(([key, value]) => [key.slice(tagPrefix.length), String(value)]),
      ),
      policies: [],
      issuedMs: authorizer.nowMs(),
      chainDepth: (caller.session?.chainDepth ?? 0) + 1,
      multiFactor: null,
      federated: {},
    },
  }
}

// The first attempt sets no key. Each further attempt satisfies the conditions of one statement of the trust
// policy.
function listAttempts({ trust }: DeclaredRole): Attempt[] {
  const attempts: Attempt[] = [{}]
  for (const { Condition } of statementsOf(trust)) {
    if (!isRecord(Condition)) continue
    const attempt: Attempt = {}
    for (const [operator, keys] of Object.entries(Condition)) {
      if (!isRecord(keys)) continue
      if (/^null$/i.test(operator)) {
        // The condition requires a value, but any value will do.
        for (const [key, isAbsent] of Object.entries(keys)) {
          if (choosable.test(key) && listOf(isAbsent).every((item) => String(item) === 'false'))
            attempt[spellKey(key)] ??= 'reached'
        }
      }
      if (!/equals|like/i.test(operator) || /not/i.test(operator)) continue
      for (const [key, values] of Object.entries(keys)) {
        const spelled = choosable.test(key) ? spellKey(key) : null
        if (spelled !== null) attempt[spelled] ??= String(listOf(values)[0]).replaceAll(/[*?]/g, 'x')
      }
    }
    if (Object.keys(attempt).length > 0) attempts.push(attempt)
  }
  return attempts
}

function spellKey(key: string): string {
  const names = ['sts:ExternalId', 'sts:RoleSessionName', 'sts:SourceIdentity']
  return (
    names.find((name) => name.toLowerCase() === key.toLowerCase()) ??
    `${tagPrefix}${key.slice(key.indexOf('/') + 1)}`
  )
}
