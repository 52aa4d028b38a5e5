import * as aws from '@pulumi/aws'
import type * as pulumi from '@pulumi/pulumi'
import type { VaultLocation } from '../../guardrails/names.ts'

/** The inputs that name a bucket; without a namespace, so that a bucket in the global one stays as it is. */
export function bucketNameInputs(
  nameOf: (location: VaultLocation) => string,
  location: VaultLocation,
): Pick<aws.s3.BucketArgs, 'bucket' | 'bucketNamespace'> {
  const bucket = nameOf(location)
  return location.namespace === 'account-regional'
    ? { bucket, bucketNamespace: location.namespace }
    : { bucket }
}

export const noPublicAccess = {
  blockPublicAcls: true,
  blockPublicPolicy: true,
  ignorePublicAcls: true,
  restrictPublicBuckets: true,
}
export const ownerEnforced = 'BucketOwnerEnforced'
/** Keys that S3 holds: no administrator can delete them. */
export const ownKeys = 'AES256'

/** Settings of every bucket: encryption with S3's own keys, no ACLs, no public access. */
export function keepPrivate(
  name: string,
  bucket: pulumi.Input<string>,
  options: pulumi.CustomResourceOptions,
): pulumi.Resource[] {
  return [
    new aws.s3.BucketServerSideEncryptionConfiguration(
      name,
      {
        bucket,
        rules: [
          {
            applyServerSideEncryptionByDefault: { sseAlgorithm: ownKeys },
            // Named, because a configuration without it may open a new bucket to keys that only a caller holds.
            blockedEncryptionTypes: ['SSE-C'],
          },
        ],
      },
      options,
    ),
    new aws.s3.BucketPublicAccessBlock(name, { bucket, ...noPublicAccess }, options),
    new aws.s3.BucketOwnershipControls(name, { bucket, rule: { objectOwnership: ownerEnforced } }, options),
  ]
}

/** Versioning, and a default retention that locks each version when it is written. */
export function keepLocked(
  name: string,
  bucket: pulumi.Input<string>,
  lock: { lockMode: 'COMPLIANCE' | 'GOVERNANCE'; retentionDays: number },
  options: pulumi.CustomResourceOptions,
): pulumi.Resource[] {
  const versioning = new aws.s3.BucketVersioning(
    name,
    { bucket, versioningConfiguration: { status: 'Enabled' } },
    options,
  )
  const retention = { mode: lock.lockMode, days: lock.retentionDays }
  return [
    versioning,
    new aws.s3.BucketObjectLockConfiguration(
      name,
      { bucket, objectLockEnabled: 'Enabled', rule: { defaultRetention: retention } },
      { ...options, dependsOn: [versioning] },
    ),
  ]
}
