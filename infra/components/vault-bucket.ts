// The vault bucket: versions, Object Lock from birth, and every setting that keeps its content there, readable and private.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import { vaultBucketName } from '../../guardrails/names.ts'
import { renderPolicy } from '../../guardrails/policy.ts'
import { vaultBucketPolicy } from '../../guardrails/vault-bucket-policy.ts'
import { keepLocked, keepPrivate } from './private-bucket.ts'
import type { VaultLocation } from '../../guardrails/names.ts'

export interface VaultBucketArgs {
  location: VaultLocation
  lockMode: 'COMPLIANCE' | 'GOVERNANCE'
  retentionDays: number
  retentionCapDays: number
  detached: boolean
}

/** The component's name, and its bucket's: another one for a bucket that is there would replace it. */
export function vaultResourceName(location: VaultLocation, firstRegion: string): string {
  return location.region === firstRegion ? 'vault' : `vault-${location.region}`
}

export class VaultBucket extends pulumi.ComponentResource {
  readonly bucket: aws.s3.Bucket

  constructor(name: string, args: VaultBucketArgs, options: pulumi.ComponentResourceOptions) {
    super('holdfast:vault:VaultBucket', name, {}, options)
    // What `pulumi destroy` may not touch and `pulumi state` may not lose: a settings resource that goes takes its setting with it.
    const protectedOptions = { parent: this, protect: true, retainOnDelete: true }
    this.bucket = new aws.s3.Bucket(
      name,
      { bucket: vaultBucketName(args.location), objectLockEnabled: true },
      protectedOptions,
    )
    const bucket = this.bucket.bucket
    const locked = keepLocked(name, bucket, args, protectedOptions)
    const lifecycle = new aws.s3.BucketLifecycleConfiguration(
      name,
      {
        bucket,
        // Nothing expires by age. Multipart is denied; this is for what was begun before the policy was there.
        rules: [
          {
            id: 'abort-multipart-uploads',
            status: 'Enabled',
            filter: { prefix: '' },
            abortIncompleteMultipartUpload: { daysAfterInitiation: 1 },
          },
        ],
      },
      { ...protectedOptions, dependsOn: locked },
    )
    const settings = keepPrivate(name, bucket, protectedOptions)
    // Last: without an Organization it freezes everything before it.
    new aws.s3.BucketPolicy(
      name,
      { bucket, policy: renderPolicy(vaultBucketPolicy(args)) },
      { ...protectedOptions, dependsOn: [...locked, lifecycle, ...settings] },
    )
    this.registerOutputs({ bucket })
  }
}
