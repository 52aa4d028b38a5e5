// Attempts to delete or hide the objects of a vault.
import {
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import type { S3Client } from '@aws-sdk/client-s3'
import { versionOf } from './attack.ts'
import type { Attack, AttackTarget } from './attack.ts'

const remove = (
  name: string,
  description: string,
  run: Attack['run'],
  details: Partial<Attack> = {},
): Attack => ({
  name,
  wall: 'deletions',
  control: 'plain',
  description,
  run,
  ...details,
})

/** Throws the first error of the response, because DeleteObjects reports errors per object with status 200. */
async function removeMany(
  s3: S3Client,
  { bucket, victim }: AttackTarget,
  versionId: string | undefined,
): Promise<void> {
  const answer = await s3.send(
    new DeleteObjectsCommand({
      Bucket: bucket,
      BypassGovernanceRetention: true,
      Delete: { Objects: [{ Key: victim.key, VersionId: versionId }] },
    }),
  )
  const refused = answer.Errors?.[0]
  if (refused !== undefined)
    throw Object.assign(new Error(refused.Message), {
      name: refused.Code ?? 'unknown',
      $metadata: answer.$metadata,
    })
}

export const deletionAttacks: readonly Attack[] = [
  remove(
    'delete-version',
    'delete a version',
    ({ s3 }, target) => s3.send(new DeleteObjectCommand(versionOf(target))),
    { stoppedByLock: true },
  ),
  remove(
    'delete-version-bypassing',
    'delete a version, bypassing governance',
    ({ s3 }, target) =>
      s3.send(new DeleteObjectCommand({ ...versionOf(target), BypassGovernanceRetention: true })),
    { control: 'governed', stoppedByLock: true },
  ),
  remove(
    'delete-many',
    'delete versions in one request, bypassing governance',
    ({ s3 }, target) => removeMany(s3, target, target.victim.versionId),
    {
      control: 'governed',
      stoppedByLock: true,
    },
  ),
  remove('hide-object', 'hide an object behind a delete marker', ({ s3 }, { bucket, victim }) =>
    s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: victim.key })),
  ),
  remove('hide-many', 'hide objects in one request', ({ s3 }, target) => removeMany(s3, target, undefined), {
    control: 'governed',
  }),
  remove(
    'recreate-over-marker',
    'hide an object and put another in its place',
    async ({ s3 }, { bucket, victim }) => {
      await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: victim.key }))
      await s3.send(new PutObjectCommand({ Bucket: bucket, Key: victim.key, Body: 'gone', IfNoneMatch: '*' }))
    },
  ),
  remove(
    'delete-bucket',
    'delete the bucket',
    ({ s3 }, { bucket }) => s3.send(new DeleteBucketCommand({ Bucket: bucket })),
    { pastAuthorization: ['BucketNotEmpty'] },
  ),
]
