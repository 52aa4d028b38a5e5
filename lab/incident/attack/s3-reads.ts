// Attempts to read or list the objects of a vault, or to learn its guards.
import {
  CopyObjectCommand,
  GetBucketAclCommand,
  GetBucketPolicyCommand,
  GetBucketVersioningCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  GetObjectLegalHoldCommand,
  GetObjectLockConfigurationCommand,
  GetObjectRetentionCommand,
  GetObjectTaggingCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
} from '@aws-sdk/client-s3'
import { versionOf } from './attack.ts'
import type { Attack } from './attack.ts'

const read = (
  name: string,
  description: string,
  run: Attack['run'],
  details: Partial<Attack> = {},
): Attack => ({
  name,
  wall: 'reads',
  control: 'plain',
  description,
  run,
  ...details,
})

export const readAttacks: readonly Attack[] = [
  read('list-objects', 'list the objects', ({ s3 }, { bucket }) =>
    s3.send(new ListObjectsV2Command({ Bucket: bucket })),
  ),
  read('list-versions', 'list every version', ({ s3 }, { bucket }) =>
    s3.send(new ListObjectVersionsCommand({ Bucket: bucket })),
  ),
  read('list-uploads', 'list unfinished uploads', ({ s3 }, { bucket }) =>
    s3.send(new ListMultipartUploadsCommand({ Bucket: bucket })),
  ),
  read('head-bucket', 'ask whether the bucket is there', ({ s3 }, { bucket }) =>
    s3.send(new HeadBucketCommand({ Bucket: bucket })),
  ),
  read('read-version', 'read a version by its id', async ({ s3 }, target) =>
    (await s3.send(new GetObjectCommand(versionOf(target)))).Body?.transformToByteArray(),
  ),
  read('read-current', 'read an object by its name', async ({ s3 }, { bucket, victim }) =>
    (await s3.send(new GetObjectCommand({ Bucket: bucket, Key: victim.key }))).Body?.transformToByteArray(),
  ),
  read('head-version', "ask for an object's size and checksum", ({ s3 }, target) =>
    s3.send(new HeadObjectCommand(versionOf(target))),
  ),
  read('read-attributes', "ask for an object's attributes", ({ s3 }, target) =>
    s3.send(
      new GetObjectAttributesCommand({ ...versionOf(target), ObjectAttributes: ['Checksum', 'ObjectSize'] }),
    ),
  ),
  read('read-tags', "read an object's tags", ({ s3 }, target) =>
    s3.send(new GetObjectTaggingCommand(versionOf(target))),
  ),
  read('copy-out', 'copy an object into a bucket of its own', ({ s3 }, { bucket, victim, loot, freshKey }) =>
    s3.send(
      new CopyObjectCommand({
        Bucket: loot,
        Key: `stolen/${freshKey}`,
        CopySource: `${bucket}/${encodeURIComponent(victim.key)}?versionId=${victim.versionId}`,
      }),
    ),
  ),
  read(
    'read-retention',
    'ask until when a version is locked',
    ({ s3 }, target) => s3.send(new GetObjectRetentionCommand(versionOf(target))),
    { control: 'governed' },
  ),
  read(
    'read-legal-hold',
    'ask whether a version is held',
    ({ s3 }, target) => s3.send(new GetObjectLegalHoldCommand(versionOf(target))),
    { control: 'governed' },
  ),
  read(
    'read-lock-default',
    "ask for the bucket's lock",
    ({ s3 }, { bucket }) => s3.send(new GetObjectLockConfigurationCommand({ Bucket: bucket })),
    {
      control: 'governed',
      // Only an allowed caller gets this error.
      pastAuthorization: ['ObjectLockConfigurationNotFoundError'],
    },
  ),
  read('read-versioning', 'ask whether versions are kept', ({ s3 }, { bucket }) =>
    s3.send(new GetBucketVersioningCommand({ Bucket: bucket })),
  ),
  read('read-bucket-acl', "read the bucket's access control list", ({ s3 }, { bucket }) =>
    s3.send(new GetBucketAclCommand({ Bucket: bucket })),
  ),
  read(
    'read-bucket-policy',
    'read the bucket policy',
    ({ s3 }, { bucket }) => s3.send(new GetBucketPolicyCommand({ Bucket: bucket })),
    {
      pastAuthorization: ['NoSuchBucketPolicy'],
    },
  ),
]
