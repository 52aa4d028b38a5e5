// Asks the authorizer about any action, also of services that the sandbox doesn't emulate: IAM, KMS,
// Organizations and others.

import { localCallerKeys } from '../condition-keys/global.ts'
import type { CloudDeclaration } from '../declaration.ts'
import type { Principal } from '../identity/principal.ts'
import type { AccessDecision, AccessRequest, Authorizer, ConditionContext } from './access.ts'

export interface EvaluationTarget {
  accountId: string
  policy: AccessRequest['resourcePolicy']
}

export interface EvaluationQuestion {
  principal: Principal
  /** `kms:ScheduleKeyDeletion`. */
  action: string
  /** The resource's ARN; `*` for an action that has no resource. */
  resource: string
  context?: ConditionContext
  /** Owner and policy of the resource, where they differ from the declared ones. */
  target?: Partial<EvaluationTarget>
}

/** Rejects with `invalid-input` for an action that AWS doesn't have. */
export function evaluate(
  authorizer: Authorizer & { declaration: CloudDeclaration },
  { principal, action, resource, context = {}, target = {} }: EvaluationQuestion,
): Promise<AccessDecision> {
  const declared = findTarget(authorizer.declaration, principal, action, resource)
  return authorizer.authorize({
    principal,
    action,
    resource,
    resourceAccountId: target.accountId ?? declared.accountId,
    resourcePolicy: target.policy !== undefined ? target.policy : declared.policy,
    context: { ...localCallerKeys, ...context },
  })
}

/** The declared owner and policy of a resource. The caller owns a resource whose ARN names no account. */
function findTarget(
  declaration: CloudDeclaration,
  principal: Principal,
  action: string,
  resource: string,
): EvaluationTarget {
  const [, , service = '', , account = ''] = resource.split(':')
  if (service === 's3' && account === '') {
    const bucket = declaration.buckets.find(
      ({ name }) => resource.slice('arn:aws:s3:::'.length).split('/')[0] === name,
    )
    if (bucket !== undefined) return { accountId: bucket.accountId, policy: bucket.policy }
  }
  const accountId = account === '' ? (principal.accountId ?? '') : account
  if (service === 'kms') {
    const key = declaration.keys.find(({ arn }) => arn === resource)
    return { accountId, policy: key?.policy ?? defaultKeyPolicy(accountId) }
  }
  // A trust policy governs only who may assume a role. Changing the role depends on identity policies alone.
  const isTrust = service === 'iam' && /^sts:/i.test(action)
  return {
    accountId,
    policy: isTrust ? (declaration.roles.find(({ arn }) => arn === resource)?.trust ?? null) : null,
  }
}

// "When you create a KMS key programmatically and don't specify a key policy, AWS KMS applies the default":
// the account's IAM policies decide.
// https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
const keyPolicies = new Map<string, Record<string, unknown>>()

function defaultKeyPolicy(accountId: string): Record<string, unknown> {
  const policy = keyPolicies.get(accountId)
  if (policy !== undefined) return policy
  const document = {
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'EnableIamUserPermissions',
        Effect: 'Allow',
        Principal: { AWS: `arn:aws:iam::${accountId}:root` },
        Action: 'kms:*',
        Resource: '*',
      },
    ],
  }
  keyPolicies.set(accountId, document)
  return document
}
