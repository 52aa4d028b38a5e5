// What an intruder tries on a bucket, as data: each row is one real, signed request. More rows, more walls to hit.
import {
  AbortMultipartUploadCommand, CopyObjectCommand, CreateMultipartUploadCommand, DeleteBucketCommand, DeleteBucketPolicyCommand,
  DeleteObjectCommand, DeleteObjectsCommand, DeletePublicAccessBlockCommand, GetBucketPolicyCommand, GetObjectCommand,
  GetObjectLockConfigurationCommand, GetObjectRetentionCommand, HeadObjectCommand, ListObjectsV2Command, ListObjectVersionsCommand,
  PutBucketEncryptionCommand, PutBucketLifecycleConfigurationCommand, PutBucketPolicyCommand, PutBucketVersioningCommand,
  PutObjectCommand, PutObjectLegalHoldCommand, PutObjectLockConfigurationCommand, PutObjectRetentionCommand,
} from '@aws-sdk/client-s3'
import type { S3Client } from '@aws-sdk/client-s3'

export interface AttackTarget {
  bucket: string
  /** An object version that exists and is locked as its bucket locks. */
  victim: { key: string; versionId: string }
  /** A key below a source's prefix that nothing was ever stored under. */
  freshKey: string
  /** The time that dates of locks are reckoned from: the server's. */
  nowMs: number
}

export type Wall = 'reads' | 'deletions' | 'locks' | 'writes' | 'configuration'

export interface Attack {
  /** Stable, kebab-case. */
  name: string
  wall: Wall
  /** What was tried, as a reader of the report would say it. */
  what: string
  /** True if Object Lock alone must stop it, whoever asks: also the vault account's own root. */
  stoppedByLock?: true
  /** Which control bucket shows that the request is well-formed: a versioned one, or one with a lock that can be bypassed. */
  control: 'plain' | 'governed'
  /** Errors that come after authorization, so that they too show what the caller was allowed to do. */
  pastAuthorization?: string[]
  run(client: S3Client, target: AttackTarget): Promise<unknown>
}

const dayMs = 86_400_000
const victimOf = ({ bucket, victim }: AttackTarget) => ({ Bucket: bucket, Key: victim.key, VersionId: victim.versionId })
const inDays = ({ nowMs }: AttackTarget, days: number) => new Date(nowMs + days * dayMs)

const reads: Attack[] = [
  { name: 'list-objects', wall: 'reads', control: 'plain', what: 'list the objects',
    run: (client, { bucket }) => client.send(new ListObjectsV2Command({ Bucket: bucket })) },
  { name: 'list-versions', wall: 'reads', control: 'plain', what: 'list every version',
    run: (client, { bucket }) => client.send(new ListObjectVersionsCommand({ Bucket: bucket })) },
  { name: 'read-version', wall: 'reads', control: 'plain', what: 'read a version by its id',
    run: async (client, target) => (await client.send(new GetObjectCommand(victimOf(target)))).Body?.transformToByteArray() },
  { name: 'read-current', wall: 'reads', control: 'plain', what: 'read an object by its name',
    run: async (client, { bucket, victim }) =>
      (await client.send(new GetObjectCommand({ Bucket: bucket, Key: victim.key }))).Body?.transformToByteArray() },
  { name: 'head-version', wall: 'reads', control: 'plain', what: 'ask for an object\'s size and checksum',
    run: (client, target) => client.send(new HeadObjectCommand(victimOf(target))) },
  { name: 'read-retention', wall: 'reads', control: 'governed', what: 'ask until when a version is locked',
    run: (client, target) => client.send(new GetObjectRetentionCommand(victimOf(target))) },
  { name: 'read-lock-default', wall: 'reads', control: 'governed', what: 'ask for the bucket\'s lock',
    run: (client, { bucket }) => client.send(new GetObjectLockConfigurationCommand({ Bucket: bucket })) },
  { name: 'read-bucket-policy', wall: 'reads', control: 'plain', what: 'read the bucket policy', pastAuthorization: ['NoSuchBucketPolicy'],
    run: (client, { bucket }) => client.send(new GetBucketPolicyCommand({ Bucket: bucket })) },
]

const deletions: Attack[] = [
  { name: 'delete-version', wall: 'deletions', control: 'plain', what: 'delete a version', stoppedByLock: true,
    run: (client, target) => client.send(new DeleteObjectCommand(victimOf(target))) },
  { name: 'delete-version-bypassing', wall: 'deletions', control: 'governed', what: 'delete a version, bypassing governance', stoppedByLock: true,
    run: (client, target) => client.send(new DeleteObjectCommand({ ...victimOf(target), BypassGovernanceRetention: true })) },
  { name: 'delete-many', wall: 'deletions', control: 'governed', what: 'delete versions in one request, bypassing governance', stoppedByLock: true,
    run: async (client, { bucket, victim }) => {
      const answer = await client.send(new DeleteObjectsCommand({
        Bucket: bucket, BypassGovernanceRetention: true, Delete: { Objects: [{ Key: victim.key, VersionId: victim.versionId }] },
      }))
      const refused = answer.Errors?.[0]
      if (refused !== undefined) throw Object.assign(new Error(refused.Message), { name: refused.Code ?? 'unknown', $metadata: answer.$metadata })
    } },
  { name: 'hide-object', wall: 'deletions', control: 'plain', what: 'hide an object behind a delete marker',
    run: (client, { bucket, victim }) => client.send(new DeleteObjectCommand({ Bucket: bucket, Key: victim.key })) },
  { name: 'delete-bucket', wall: 'deletions', control: 'plain', what: 'delete the bucket', pastAuthorization: ['BucketNotEmpty'],
    run: (client, { bucket }) => client.send(new DeleteBucketCommand({ Bucket: bucket })) },
]

const retain = (name: string, what: string, mode: 'COMPLIANCE' | 'GOVERNANCE', days: number, bypass: boolean, byLock: boolean): Attack => ({
  name, wall: 'locks', control: 'governed', what, ...(byLock ? { stoppedByLock: true } : {}),
  run: (client, target) => client.send(new PutObjectRetentionCommand({
    ...victimOf(target), BypassGovernanceRetention: bypass, Retention: { Mode: mode, RetainUntilDate: inDays(target, days) },
  })),
})

const locks: Attack[] = [
  retain('shorten-lock', 'end a lock tomorrow', 'GOVERNANCE', 1, true, true),
  retain('loosen-lock', 'turn a lock into one that can be bypassed', 'GOVERNANCE', 3_000, true, true),
  retain('extend-lock', 'lock a version for a hundred years, as a bill', 'GOVERNANCE', 36_500, true, false),
  { name: 'hold-legally', wall: 'locks', control: 'governed', what: 'put a legal hold on a version',
    run: (client, target) => client.send(new PutObjectLegalHoldCommand({ ...victimOf(target), LegalHold: { Status: 'ON' } })) },
]

const writes: Attack[] = [
  { name: 'overwrite-object', wall: 'writes', control: 'plain', what: 'lay a new version over an object',
    run: (client, { bucket, victim }) => client.send(new PutObjectCommand({ Bucket: bucket, Key: victim.key, Body: 'gone' })) },
  { name: 'add-object', wall: 'writes', control: 'plain', what: 'add an object of its own',
    run: (client, { bucket, freshKey }) => client.send(new PutObjectCommand({ Bucket: bucket, Key: freshKey, Body: 'bogus' })) },
  { name: 'add-conditionally', wall: 'writes', control: 'plain', what: 'add an object as a writer would',
    run: (client, { bucket, freshKey }) =>
      client.send(new PutObjectCommand({ Bucket: bucket, Key: `${freshKey}-2`, Body: 'bogus', IfNoneMatch: '*' })) },
  { name: 'copy-object', wall: 'writes', control: 'plain', what: 'copy an object over another',
    run: (client, { bucket, victim, freshKey }) =>
      client.send(new CopyObjectCommand({ Bucket: bucket, Key: `${freshKey}-3`, CopySource: `${bucket}/${encodeURIComponent(victim.key)}` })) },
  { name: 'start-multipart', wall: 'writes', control: 'plain', what: 'start an upload in parts, to back-date an object',
    run: async (client, { bucket, freshKey }) => {
      const Key = `${freshKey}-4`
      const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key }))
      await client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId }))
    } },
]

const everybodyMay = (bucket: string) => JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { AWS: '*' }, Action: 's3:*', Resource: [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`] }],
})

const configuration: Attack[] = [
  { name: 'suspend-versioning', wall: 'configuration', control: 'plain', what: 'suspend versioning', stoppedByLock: true,
    run: (client, { bucket }) =>
      client.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Suspended' } })) },
  { name: 'weaken-lock-default', wall: 'configuration', control: 'governed', what: 'lock new objects for one day only',
    run: (client, { bucket }) => client.send(new PutObjectLockConfigurationCommand({
      Bucket: bucket, ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled', Rule: { DefaultRetention: { Mode: 'GOVERNANCE', Days: 1 } } },
    })) },
  { name: 'expire-by-lifecycle', wall: 'configuration', control: 'plain', what: 'let a lifecycle rule expire everything after a day',
    run: (client, { bucket }) => client.send(new PutBucketLifecycleConfigurationCommand({
      Bucket: bucket, LifecycleConfiguration: { Rules: [{
        ID: 'gone', Status: 'Enabled', Filter: { Prefix: '' }, Expiration: { Days: 1 }, NoncurrentVersionExpiration: { NoncurrentDays: 1 },
      }] },
    })) },
  { name: 'open-bucket-policy', wall: 'configuration', control: 'plain', what: 'put a policy that allows everything to everyone',
    run: (client, { bucket }) => client.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy: everybodyMay(bucket) })) },
  { name: 'drop-bucket-policy', wall: 'configuration', control: 'plain', what: 'delete the bucket policy',
    run: (client, { bucket }) => client.send(new DeleteBucketPolicyCommand({ Bucket: bucket })) },
  { name: 'change-encryption', wall: 'configuration', control: 'plain', what: 'encrypt new objects with a key of its own',
    run: (client, { bucket }) => client.send(new PutBucketEncryptionCommand({
      Bucket: bucket, ServerSideEncryptionConfiguration: { Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }] },
    })) },
  { name: 'allow-public-access', wall: 'configuration', control: 'plain', what: 'drop the public access block',
    run: (client, { bucket }) => client.send(new DeletePublicAccessBlockCommand({ Bucket: bucket })) },
]

export const s3Attacks: readonly Attack[] = [...reads, ...deletions, ...locks, ...writes, ...configuration]
