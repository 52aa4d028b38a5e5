// Ends every session of a role that was issued before a point in time: the only way to end one early.
import { policy } from './policy.ts'
import type { Policy } from './policy.ts'

/** The inline policy's name: putting it again moves the point in time, and adds nothing. */
export const revocationPolicyName = 'holdfast-revoked-sessions'

/**
 * @param issuedBefore ISO 8601 in UTC.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html
 */
export function revocationPolicy(issuedBefore: string): Policy {
  return policy({
    Sid: 'RevokeOlderSessions',
    Effect: 'Deny',
    Action: ['*'],
    Resource: ['*'],
    Condition: { DateLessThan: { 'aws:TokenIssueTime': issuedBefore } },
  })
}
