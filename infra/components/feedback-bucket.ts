// The feedback bucket, in which the notary lists missing objects for each writer. False feedback can only
// cause another upload.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import { feedbackBucketPolicy } from '../../guardrails/feedback-bucket-policy.ts'
import { feedbackBucketName } from '../../guardrails/names.ts'
import { renderPolicy } from '../../guardrails/policy.ts'
import { bucketNameInputs, keepPrivate } from './private-bucket.ts'
import type { VaultLocation } from '../../guardrails/names.ts'

/** Short, because the notary repeats feedback that a writer missed. */
const keptDays = 30

export class FeedbackBucket extends pulumi.ComponentResource {
  readonly bucket: aws.s3.Bucket
  readonly policy: aws.s3.BucketPolicy

  constructor(name: string, args: { location: VaultLocation }, options: pulumi.ComponentResourceOptions) {
    super('holdfast:vault:FeedbackBucket', name, {}, options)
    const protectedOptions = { parent: this, protect: true, retainOnDelete: true }
    this.bucket = new aws.s3.Bucket(
      name,
      bucketNameInputs(feedbackBucketName, args.location),
      protectedOptions,
    )
    const bucket = this.bucket.bucket
    const lifecycle = new aws.s3.BucketLifecycleConfiguration(
      name,
      {
        bucket,
        rules: [
          {
            id: 'forget',
            status: 'Enabled',
            filter: { prefix: '' },
            expiration: { days: keptDays },
            abortIncompleteMultipartUpload: { daysAfterInitiation: 1 },
          },
        ],
      },
      protectedOptions,
    )
    const settings = keepPrivate(name, bucket, protectedOptions)
    this.policy = new aws.s3.BucketPolicy(
      name,
      { bucket, policy: renderPolicy(feedbackBucketPolicy(args.location)) },
      { ...protectedOptions, dependsOn: [lifecycle, ...settings] },
    )
    this.registerOutputs({ bucket })
  }
}
