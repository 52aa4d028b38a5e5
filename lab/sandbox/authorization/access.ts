// A question to the authorizer and its decision: the types that the services and the authorizer share.

import type { Principal } from '../identity/principal.ts'

/** Condition keys and their values, spelled as in AWS's service reference (`s3:if-none-match`). */
export type ConditionContext = Record<string, string | string[]>

/** A request as IAM sees it. */
export interface AccessRequest {
  principal: Principal
  /** `s3:PutObject`. */
  action: string
  /** ARN of the resource, `*` where the action has none. */
  resource: string
  /** The account that owns the resource. */
  resourceAccountId: string
  /** The resource's own policy (bucket policy, trust policy, key policy), null if it has none. */
  resourcePolicy: Record<string, unknown> | null
  context: ConditionContext
}

export interface AccessDecision {
  allowed: boolean
  /**
   * `allowed`, `explicit-deny` or `implicit-deny`, and the kind of policy that decided. Only the log carries
   * it, never a reply.
   */
  result: string
  /** The deciding statement: the policy's name and the `Sid`, or the index; null if no statement matched. */
  statement: { policy: string; sid: string } | null
}

export interface Authorizer {
  /**
   * Rejects if the evaluator dropped a context key of the request, because a missing key could turn a deny
   * into an allow.
   */
  authorize(request: AccessRequest): Promise<AccessDecision>
}
