// The permissions that one request for a role needs: up to three, each decided with the whole context.

import type { ConditionContext } from '../authorization/access.ts'
import type { DeclaredRole } from '../declaration.ts'
import type { AwsError } from '../protocol/aws-error.ts'
import type { ServiceHost, ServiceRequest } from '../protocol/service.ts'

/**
 * `base`, and an action each for a source identity and for tags, whether the request gives them or a session inherits
 * them.
 */
export function listPermissions(base: string, sourceIdentity: unknown, tags: object): string[] {
  const actions = [base]
  if (typeof sourceIdentity === 'string') actions.push('sts:SetSourceIdentity')
  if (Object.keys(tags).length > 0) actions.push('sts:TagSession')
  return actions
}

export interface RoleDemand {
  role: DeclaredRole
  actions: readonly string[]
  keys: ConditionContext
}

/** Throws the error of `refuse` unless the role's trust policy and the caller's policies allow every action. */
export async function requirePermissions(
  host: ServiceHost,
  request: ServiceRequest,
  { role, actions, keys }: RoleDemand,
  refuse: (action: string) => AwsError,
): Promise<void> {
  for (const action of actions) {
    const decision = await host.authorize(request, {
      action,
      resource: role.arn,
      resourceAccountId: role.accountId,
      resourcePolicy: role.trust,
      context: keys,
    })
    if (!decision.allowed) throw refuse(action)
  }
}
