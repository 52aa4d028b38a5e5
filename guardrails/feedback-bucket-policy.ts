// The feedback bucket's policy: only the notary can write, and a writer can read only the feedback on its own
// source.
import {
  anyWriterArn,
  bucketArn,
  dutyRoleArn,
  feedbackBucketName,
  feedbackPrefix,
  sourceTag,
} from './names.ts'
import { policy, principalTag } from './policy.ts'
import type { Policy } from './policy.ts'
import type { VaultLocation } from './names.ts'

export function feedbackBucketPolicy(location: VaultLocation): Policy {
  const bucket = bucketArn(feedbackBucketName(location))
  const objects = `${bucket}/*`
  const base = { Effect: 'Deny', Principal: '*' } as const
  return policy(
    {
      Sid: 'DenyPlainText',
      ...base,
      Action: ['s3:*'],
      Resource: [bucket, objects],
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    },
    {
      Sid: 'DenyOtherAccounts',
      ...base,
      Action: ['s3:*'],
      Resource: [bucket, objects],
      Condition: { StringNotEquals: { 'aws:PrincipalAccount': location.accountId } },
    },
    {
      Sid: 'DenyFeedbackWrites',
      ...base,
      Action: ['s3:PutObject'],
      Resource: [objects],
      Condition: { ArnNotEquals: { 'aws:PrincipalArn': dutyRoleArn(location.accountId, 'notary') } },
    },
    {
      Sid: 'DenyFeedbackOfOthers',
      ...base,
      Action: ['s3:GetObject', 's3:GetObjectVersion'],
      NotResource: [`${bucket}/${feedbackPrefix(principalTag(sourceTag))}*`],
      Condition: { ArnLike: { 'aws:PrincipalArn': anyWriterArn(location.accountId) } },
    },
  )
}
