import * as aws from '@pulumi/aws'
import type * as pulumi from '@pulumi/pulumi'

/** What both buckets have in common: encrypted by S3's own keys, no ACLs, nothing public. */
export function keepPrivate(name: string, bucket: pulumi.Input<string>, options: pulumi.CustomResourceOptions): pulumi.Resource[] {
  return [
    new aws.s3.BucketServerSideEncryptionConfiguration(
      name,
      { bucket, rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: 'AES256' } }] },
      options,
    ),
    new aws.s3.BucketPublicAccessBlock(
      name,
      { bucket, blockPublicAcls: true, blockPublicPolicy: true, ignorePublicAcls: true, restrictPublicBuckets: true },
      options,
    ),
    new aws.s3.BucketOwnershipControls(name, { bucket, rule: { objectOwnership: 'BucketOwnerEnforced' } }, options),
  ]
}
