// The questions of a vault to a store, one question a row of docs/stores.md: each is put to a live endpoint,
// and answered by what it does.
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  DeleteBucketCommand,
  DeleteBucketPolicyCommand,
  DeleteObjectsCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectLegalHoldCommand,
} from '@aws-sdk/client-s3'
import { aDay, describeRefusal, isRefused } from './probed-bucket.ts'
import type { ProbedBucket } from './probed-bucket.ts'

export interface Question {
  id: string
  text: string
  /** Where AWS's documentation says that it is so of S3; never measured here. */
  page: string
  ask: (bucket: ProbedBucket) => Promise<boolean>
}

const dayMs = 86_400_000
const lock = 'S3 User Guide: Locking objects with Object Lock'
const considerations = 'S3 User Guide: Object Lock considerations'
const versioning = 'S3 User Guide: How S3 Versioning works'
const conditional = 'S3 User Guide: How to prevent object overwrites with conditional writes'
const policies = 'IAM User Guide: Policy evaluation logic'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64')

export const questions: Question[] = [
  {
    id: 'versions',
    text: 'An overwrite keeps the older version',
    page: versioning,
    async ask(bucket) {
      const key = bucket.newKey()
      const first = await bucket.put(key, 'first')
      await bucket.put(key, 'second')
      return (await bucket.read(key, first)) === 'first'
    },
  },
  {
    id: 'markers',
    text: 'A DELETE without a version id adds a delete marker, also over a locked version',
    page: considerations,
    async ask(bucket) {
      const { key, versionId } = await bucket.putLocked('COMPLIANCE')
      await bucket.delete(key)
      return (await bucket.list(key)).markers === 1 && (await bucket.read(key, versionId)) === 'locked'
    },
  },
  {
    id: 'time-stays',
    text: 'A version keeps its time when newer versions are added',
    page: versioning,
    async ask(bucket) {
      const key = bucket.newKey()
      const versionId = await bucket.put(key, 'first')
      const before = (await bucket.list(key)).timeOf(versionId)
      await sleep(1_500)
      await bucket.put(key, 'second')
      await bucket.delete(key)
      return before !== undefined && (await bucket.list(key)).timeOf(versionId) === before
    },
  },
  {
    id: 'if-none-match',
    text: '`If-None-Match: *` refuses a key that exists',
    page: conditional,
    async ask(bucket) {
      const key = bucket.newKey()
      await bucket.put(key, 'first', { IfNoneMatch: '*' })
      return isRefused(bucket.put(key, 'second', { IfNoneMatch: '*' }))
    },
  },
  {
    id: 'if-none-match-race',
    text: 'Of eight such writes at once, one succeeds',
    page: conditional,
    async ask(bucket) {
      const key = bucket.newKey()
      const refused = await Promise.all(
        Array.from({ length: 8 }, (_, index) =>
          isRefused(bucket.put(key, String(index), { IfNoneMatch: '*' })),
        ),
      )
      return refused.filter((isOne) => !isOne).length === 1
    },
  },
  {
    id: 'if-none-match-marker',
    text: '… and over a delete marker it succeeds',
    page: conditional,
    async ask(bucket) {
      const key = bucket.newKey()
      await bucket.put(key, 'first')
      await bucket.delete(key)
      return !(await isRefused(bucket.put(key, 'second', { IfNoneMatch: '*' })))
    },
  },
  {
    id: 'checksum',
    text: 'Bytes that do not match their SHA-256 are refused',
    page: 'S3 User Guide: Checking object integrity in Amazon S3',
    ask: (bucket) =>
      isRefused(bucket.put(bucket.newKey(), 'other bytes', { ChecksumSHA256: sha256('bytes') })),
  },
  {
    id: 'checksum-kept',
    text: '… and HEAD returns the SHA-256',
    page: 'S3 API Reference: HeadObject',
    async ask(bucket) {
      const key = bucket.newKey()
      const versionId = await bucket.put(key, 'bytes', { ChecksumSHA256: sha256('bytes') })
      return (await bucket.head(key, versionId)).ChecksumSHA256 === sha256('bytes')
    },
  },
  {
    id: 'compliance',
    text: 'COMPLIANCE: no delete by version id, bypass or not',
    page: lock,
    async ask(bucket) {
      const { key, versionId } = await bucket.putLocked('COMPLIANCE')
      return (
        (await isRefused(bucket.delete(key, versionId))) && isRefused(bucket.delete(key, versionId, true))
      )
    },
  },
  {
    id: 'compliance-many',
    text: '… nor as one of many (DeleteObjects)',
    page: lock,
    async ask(bucket) {
      const { key, versionId } = await bucket.putLocked('COMPLIANCE')
      const command = new DeleteObjectsCommand({
        Bucket: bucket.name,
        Delete: { Objects: [{ Key: key, VersionId: versionId }] },
        BypassGovernanceRetention: true,
      })
      await bucket.client.send(command).catch(() => undefined)
      return (await bucket.list(key)).versions === 1
    },
  },
  {
    id: 'compliance-shorter',
    text: '… the lock is never made shorter, nor made GOVERNANCE',
    page: lock,
    async ask(bucket) {
      const { key, versionId, untilMs } = await bucket.putLocked('COMPLIANCE')
      return (
        (await isRefused(
          bucket.retain(key, versionId, { mode: 'COMPLIANCE', untilMs: untilMs - 10_000 }, true),
        )) && isRefused(bucket.retain(key, versionId, { mode: 'GOVERNANCE', untilMs: untilMs }, true))
      )
    },
  },
  {
    id: 'longer',
    text: '… but it can be made longer',
    page: lock,
    async ask(bucket) {
      const { key, versionId, untilMs } = await bucket.putLocked('COMPLIANCE')
      await bucket.retain(key, versionId, { mode: 'COMPLIANCE', untilMs: untilMs + 10_000 })
      return (await bucket.head(key, versionId)).ObjectLockRetainUntilDate?.getTime() === untilMs + 10_000
    },
  },
  {
    id: 'governance',
    text: 'GOVERNANCE: no delete and no shorter lock without the bypass',
    page: lock,
    async ask(bucket) {
      const { key, versionId, untilMs } = await bucket.putLocked('GOVERNANCE')
      return (
        (await isRefused(bucket.delete(key, versionId))) &&
        isRefused(bucket.retain(key, versionId, { mode: 'GOVERNANCE', untilMs: untilMs - 10_000 }))
      )
    },
  },
  {
    id: 'bypass',
    text: '… with it, an identity with the right can delete',
    page: lock,
    async ask(bucket) {
      // Below the default of the bucket where that counts for every version.
      return withoutDefault(bucket, async () => {
        const { key, versionId } = await bucket.putLocked('GOVERNANCE')
        return !(await isRefused(bucket.delete(key, versionId, true)))
      })
    },
  },
  {
    id: 'legal-hold',
    text: 'A legal hold keeps a version',
    page: lock,
    async ask(bucket) {
      const key = bucket.newKey()
      return withoutDefault(bucket, async () => {
        const versionId = await bucket.put(key, 'held')
        const hold = (Status: 'ON' | 'OFF'): Promise<unknown> =>
          bucket.client.send(
            new PutObjectLegalHoldCommand({
              Bucket: bucket.name,
              Key: key,
              VersionId: versionId,
              LegalHold: { Status },
            }),
          )
        await hold('ON')
        try {
          return await isRefused(bucket.delete(key, versionId, true))
        } finally {
          await hold('OFF').catch(() => undefined)
        }
      })
    },
  },
  {
    id: 'default',
    text: 'A default retention protects versions uploaded without one',
    page: lock,
    async ask(bucket) {
      const key = bucket.newKey()
      return isRefused(bucket.delete(key, await bucket.put(key, 'by default')))
    },
  },
  {
    id: 'default-written',
    text: '… is recorded on each version, from its upload on',
    page: lock,
    async ask(bucket) {
      const key = bucket.newKey()
      const { ObjectLockRetainUntilDate: until } = await bucket.head(key, await bucket.put(key, 'by default'))
      return until !== undefined && Math.abs(until.getTime() - Date.now() - dayMs) < 120_000
    },
  },
  {
    id: 'default-stays',
    text: '… and still protects them when the default is removed',
    page: considerations,
    async ask(bucket) {
      const key = bucket.newKey()
      const versionId = await bucket.put(key, 'by default')
      return withoutDefault(bucket, () => isRefused(bucket.delete(key, versionId)))
    },
  },
  {
    id: 'suspend',
    text: "Versioning can't be suspended with Object Lock",
    page: considerations,
    ask: (bucket) =>
      isRefused(
        bucket.client.send(
          new PutBucketVersioningCommand({
            Bucket: bucket.name,
            VersioningConfiguration: { Status: 'Suspended' },
          }),
        ),
      ),
  },
  {
    id: 'delete-bucket',
    text: "A bucket that holds versions can't be deleted",
    page: 'S3 User Guide: Deleting a general purpose bucket',
    async ask(bucket) {
      await bucket.put(bucket.newKey(), 'x')
      return isRefused(bucket.client.send(new DeleteBucketCommand({ Bucket: bucket.name })))
    },
  },
  {
    id: 'policy-condition',
    text: 'A bucket policy can require `If-None-Match` (condition `s3:if-none-match`) of the credentials used',
    page: 'S3 User Guide: Enforce conditional writes on Amazon S3 buckets',
    ask: (bucket) =>
      underPolicy(
        bucket,
        's3:PutObject',
        { Null: { 's3:if-none-match': 'true' } },
        async () =>
          (await isRefused(bucket.put(bucket.newKey(), 'x'))) &&
          !(await isRefused(bucket.put(bucket.newKey(), 'x', { IfNoneMatch: '*' }))),
      ),
  },
  {
    id: 'policy-deny',
    text: "A bucket policy's deny binds the store's most powerful credentials",
    page: policies,
    ask: (bucket) =>
      underPolicy(bucket, 's3:DeleteObject', {}, () => isRefused(bucket.delete(bucket.newKey()))),
  },
  {
    id: 'policy-removed',
    text: '… which can still remove the policy',
    page: 'S3 API Reference: DeleteBucketPolicy',
    ask: (bucket) =>
      underPolicy(bucket, 's3:DeleteBucketPolicy', {}, async () => !(await isRefused(removePolicy(bucket)))),
  },
  {
    id: 'date',
    text: "Each reply has the store's time",
    page: 'S3 API Reference: Common response headers',
    async ask(bucket) {
      const command = new PutObjectCommand({ Bucket: bucket.name, Key: bucket.newKey(), Body: 'x' })
      let date: string | undefined
      command.middlewareStack.add(
        (next) => async (args) => {
          const result = await next(args)
          date = (result.response as { headers: Record<string, string> }).headers['date']
          return result
        },
        { step: 'deserialize', name: 'date' },
      )
      await bucket.client.send(command)
      return Math.abs(Date.parse(date ?? '') - Date.now()) < 900_000
    },
  },
]

/** With a policy that denies everybody `action` under `Condition`, which is gone afterwards. */
async function underPolicy(
  bucket: ProbedBucket,
  action: string,
  Condition: object,
  ask: () => Promise<boolean>,
): Promise<boolean> {
  const isKnown = !(await isRefused(setPolicy(bucket, action, Condition)))
  try {
    return isKnown && (await ask())
  } finally {
    if (isKnown)
      await removePolicy(bucket)
        // Where a deny of this binds every identity, another policy can still take its place.
        .catch(() => setPolicy(bucket, 's3:GetBucketWebsite', {}).then(() => removePolicy(bucket)))
        .catch((error: unknown) => bucket.refusals.push(`to remove a policy: ${describeRefusal(error)}`))
  }
}

/** Sets the policy that denies every identity `action` under `Condition`. */
function setPolicy(bucket: ProbedBucket, action: string, Condition: object): Promise<unknown> {
  const isOfBucket = action.includes('Bucket')
  const Resource = `arn:aws:s3:::${bucket.name}${isOfBucket ? '' : '/*'}`
  const policy = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Deny', Principal: '*', Action: action, Resource, Condition }],
  }
  return bucket.client.send(
    new PutBucketPolicyCommand({ Bucket: bucket.name, Policy: JSON.stringify(policy) }),
  )
}

function removePolicy(bucket: ProbedBucket): Promise<unknown> {
  return bucket.client.send(new DeleteBucketPolicyCommand({ Bucket: bucket.name }))
}

async function withoutDefault(bucket: ProbedBucket, ask: () => Promise<boolean>): Promise<boolean> {
  await bucket.setDefault(null)
  try {
    return await ask()
  } finally {
    await bucket.setDefault(aDay)
  }
}
