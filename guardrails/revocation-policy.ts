// Ends every session of a role that was issued before a given time. AWS has no other way to end a session
// early.
import { policy } from './policy.ts'
import type { Policy } from './policy.ts'

/** The inline policy's name. It is fixed, so a second revocation replaces the first one with a later time. */
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
