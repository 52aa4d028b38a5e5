import * as aws from '@pulumi/aws'
import type * as pulumi from '@pulumi/pulumi'

/** Settings of every bucket: encryption with S3's own keys, no ACLs, no public access. */
export function keepPrivate(
  name: string,
  bucket: pulumi.Input<string>,
  options: pulumi.CustomResourceOptions,
): pulumi.Resource[] {
  return [
    new aws.s3.BucketServerSideEncryptionConfiguration(
      name,
      { bucket, rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: 'AES256' } }] },
      options,
    ),
    new aws.s3.BucketPublicAccessBlock(
      name,
      {
        bucket,
        blockPublicAcls: true,
        blockPublicPolicy: true,
        ignorePublicAcls: true,
        restrictPublicBuckets: true,
      },
      options,
    ),
    new aws.s3.BucketOwnershipControls(
      name,
      { bucket, rule: { objectOwnership: 'BucketOwnerEnforced' } },
      options,
    ),
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
