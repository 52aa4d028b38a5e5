// The toolkit bucket's policy: roles can add and read the tool, its configuration and the runbook, but no
// principal can delete them.
import { bucketArn, toolkitBucketName } from './names.ts'
import { policy } from './policy.ts'
import type { Policy } from './policy.ts'
import type { VaultLocation } from './names.ts'

export function toolkitBucketPolicy(location: VaultLocation): Policy {
  const bucket = bucketArn(toolkitBucketName(location))
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
    ...Object.entries(forbiddenActions).map(([Sid, Action]) => ({
      Sid,
      ...base,
      Action: [Action],
      Resource: [objects],
    })),
  )
}

/** The Sids equal those of the vault's policy, because each is the same guard. */
const forbiddenActions = {
  DenyDeleteMarkers: 's3:DeleteObject',
  DenyVersionDeletes: 's3:DeleteObjectVersion',
  DenyBypass: 's3:BypassGovernanceRetention',
  DenyLegalHolds: 's3:PutObjectLegalHold',
  DenyRetentionWrites: 's3:PutObjectRetention',
  DenyEncryptionUpdates: 's3:UpdateObjectEncryption',
} as const
