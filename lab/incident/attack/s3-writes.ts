// Attempts to write into a vault: over an object, beside it, back-dated, or under locks and keys of the intruder's
// choice.
import { createHash, randomBytes } from 'node:crypto'
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectTaggingCommand,
  PutObjectAclCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import type { PutObjectCommandInput } from '@aws-sdk/client-s3'
import { inDays, versionOf } from './attack.ts'
import type { Attack, AttackTarget } from './attack.ts'

const write = (
  name: string,
  description: string,
  run: Attack['run'],
  details: Partial<Attack> = {},
): Attack => ({
  name,
  wall: 'writes',
  control: 'plain',
  description,
  run,
  ...details,
})

/** An upload as a writer makes it, with changes to the request, and with a new key for each attempt. */
const add = (
  name: string,
  description: string,
  inputOf: (target: AttackTarget) => Partial<PutObjectCommandInput>,
  details: Partial<Attack> = {},
): Attack =>
  write(
    name,
    description,
    ({ s3 }, target) =>
      s3.send(
        new PutObjectCommand({
          Bucket: target.bucket,
          Key: `${target.freshKey}-${name}`,
          Body: 'bogus',
          IfNoneMatch: '*',
          ...inputOf(target),
        }),
      ),
    details,
  )

function customerKey(): Partial<PutObjectCommandInput> {
  const key = randomBytes(32)
  return {
    SSECustomerAlgorithm: 'AES256',
    SSECustomerKey: key.toString('base64'),
    SSECustomerKeyMD5: createHash('md5').update(key).digest('base64'),
  }
}

/** Number of small objects, one of them at a location where readers look for a snapshot. */
const floodObjects = 12

export const writeAttacks: readonly Attack[] = [
  write('overwrite-object', 'lay a new version over an object', ({ s3 }, { bucket, victim }) =>
    s3.send(new PutObjectCommand({ Bucket: bucket, Key: victim.key, Body: 'gone' })),
  ),
  write('add-object', 'add an object of its own', ({ s3 }, { bucket, freshKey }) =>
    s3.send(new PutObjectCommand({ Bucket: bucket, Key: freshKey, Body: 'bogus' })),
  ),
  add('add-conditionally', 'add an object as a writer would', () => ({})),
  write('add-many', `add ${floodObjects} objects as a writer would`, async ({ s3 }, { bucket, freshKey }) => {
    for (let index = 0; index < floodObjects; index++) {
      await s3.send(
        new PutObjectCommand({
          Bucket: bucket,
          Key: `${freshKey}-flood-${index}`,
          Body: randomBytes(4_096),
          IfNoneMatch: '*',
        }),
      )
    }
  }),
  // The bucket refuses every caller, because the key exists and no marker hides it.
  write(
    'overwrite-conditionally',
    'lay a new version over an object as a writer would',
    async ({ s3 }, target) => {
      const { bucket, victim } = target
      await s3.send(new PutObjectCommand({ Bucket: bucket, Key: victim.key, Body: 'gone', IfNoneMatch: '*' }))
    },
    { refusals: ['PreconditionFailed'], pastAuthorization: ['PreconditionFailed'] },
  ),
  write('copy-object', 'copy an object over another', ({ s3 }, { bucket, victim, freshKey }) =>
    s3.send(
      new CopyObjectCommand({
        Bucket: bucket,
        Key: `${freshKey}-copied`,
        CopySource: `${bucket}/${encodeURIComponent(victim.key)}`,
      }),
    ),
  ),
  write(
    'back-date-by-parts',
    'add an object in parts, which is dated by the first request',
    async ({ s3 }, { bucket, freshKey }) => {
      const object = { Bucket: bucket, Key: `${freshKey}-in-parts` }
      const { UploadId } = await s3.send(new CreateMultipartUploadCommand(object))
      const { ETag } = await s3.send(
        new UploadPartCommand({ ...object, UploadId, PartNumber: 1, Body: 'bogus' }),
      )
      await s3.send(
        new CompleteMultipartUploadCommand({
          ...object,
          UploadId,
          MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] },
        }),
      )
    },
  ),
  add(
    'add-under-short-lock',
    'add an object locked for a day',
    (target) => ({ ObjectLockMode: 'GOVERNANCE', ObjectLockRetainUntilDate: inDays(target, 1) }),
    { control: 'governed' },
  ),
  add(
    'add-under-long-lock',
    'add an object locked for a hundred years, to raise the bill',
    (target) => ({ ObjectLockMode: 'COMPLIANCE', ObjectLockRetainUntilDate: inDays(target, 36_500) }),
    { control: 'governed' },
  ),
  add(
    'add-under-legal-hold',
    'add an object under a legal hold',
    () => ({ ObjectLockLegalHoldStatus: 'ON' }),
    { control: 'governed' },
  ),
  add(
    'add-under-event-hold',
    'add an object under an event hold',
    (target) => ({
      ObjectLockMode: 'GOVERNANCE',
      ObjectLockRetainUntilDate: inDays(target, 50),
      ObjectLockEventHold: 'ON',
      ObjectLockEventHoldDurationYears: 10,
    }),
    { control: 'governed' },
  ),
  add('add-under-customer-key', 'add an object under a key that only the caller has (SSE-C)', customerKey),
  add(
    'add-under-foreign-key',
    'add an object under a key that its owner can delete',
    ({ foreignKeyArn }) => ({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: foreignKeyArn }),
  ),
  add('add-publicly', 'add an object that everyone may read', () => ({ ACL: 'public-read' }), {
    pastAuthorization: ['AccessControlListNotSupported'],
  }),
  write(
    'publish-object',
    'let everyone read an object',
    ({ s3 }, target) => s3.send(new PutObjectAclCommand({ ...versionOf(target), ACL: 'public-read' })),
    {
      pastAuthorization: ['AccessControlListNotSupported'],
    },
  ),
  write('tag-object', 'tag a version', ({ s3 }, target) =>
    s3.send(
      new PutObjectTaggingCommand({
        ...versionOf(target),
        Tagging: { TagSet: [{ Key: 'expire', Value: 'yes' }] },
      }),
    ),
  ),
  write('untag-object', 'drop the tags of a version', ({ s3 }, target) =>
    s3.send(new DeleteObjectTaggingCommand(versionOf(target))),
  ),
]
