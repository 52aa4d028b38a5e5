// The policies of the keys with which the notary signs receipts, and the checks their reports. In KMS nothing is
// allowed that a key's policy doesn't allow, not even to the account's root user: so they need no deny. They let no
// principal change them.
import { dutyRoleArn, notaryKeyAlias, reportKeyAlias } from './names.ts'
import { policy } from './policy.ts'
import type { Policy } from './policy.ts'

/** One key for each role, because a role could sign a statement of any type with a key that it may use. */
export const signingKeys = {
  notary: { alias: notaryKeyAlias, sid: 'SignReceipts' },
  drill: { alias: reportKeyAlias, sid: 'SignReports' },
} as const
export type SigningDuty = keyof typeof signingKeys

/**
 * Only the duty's role may sign. No principal may change this policy or grant a use of the key. An administrator
 * may disable or delete the key, in an organization after a thaw only. Then no new receipts or reports appear, which
 * alarms notice, and the public key in the toolkit still verifies all earlier ones.
 */
export function signingKeyPolicy(accountId: string, duty: SigningDuty): Policy {
  // In a key's policy, the account stands for each principal whose own policy allows the call too.
  const account = { AWS: `arn:aws:iam::${accountId}:root` }
  return policy(
    {
      Sid: 'KeepKey',
      Effect: 'Allow',
      Principal: account,
      Action: [
        'kms:DescribeKey',
        'kms:GetKeyPolicy',
        'kms:GetKeyRotationStatus',
        'kms:GetPublicKey',
        'kms:ListGrants',
        'kms:ListKeyPolicies',
        'kms:ListResourceTags',
        'kms:TagResource',
        'kms:UntagResource',
        'kms:UpdateKeyDescription',
        'kms:CreateAlias',
        'kms:UpdateAlias',
        'kms:DeleteAlias',
        'kms:EnableKey',
        'kms:DisableKey',
        'kms:ScheduleKeyDeletion',
        'kms:CancelKeyDeletion',
      ],
      Resource: ['*'],
    },
    {
      Sid: signingKeys[duty].sid,
      Effect: 'Allow',
      Principal: account,
      Action: ['kms:Sign'],
      Resource: ['*'],
      Condition: { ArnEquals: { 'aws:PrincipalArn': dutyRoleArn(accountId, duty) } },
    },
  )
}
