// The vault bucket: versioning, Object Lock from its creation, and the settings that keep its content
// readable and private.
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

/**
 * Name of the component and of its bucket resource. It must stay stable, because a new name would replace the
 * bucket.
 */
export function vaultResourceName(location: VaultLocation, firstRegion: string): string {
  return location.region === firstRegion ? 'vault' : `vault-${location.region}`
}

export class VaultBucket extends pulumi.ComponentResource {
  readonly bucket: aws.s3.Bucket

  constructor(name: string, args: VaultBucketArgs, options: pulumi.ComponentResourceOptions) {
    super('holdfast:vault:VaultBucket', name, {}, options)
    // Settings are protected like the bucket, because deleting a settings resource also removes the setting
    // from the bucket.
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
        // No version expires by age. The rule removes multipart uploads that began before the policy denied
        // them.
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
    // Created last, because without an Organization it freezes all settings above.
    new aws.s3.BucketPolicy(
      name,
      { bucket, policy: renderPolicy(vaultBucketPolicy(args)) },
      { ...protectedOptions, dependsOn: [...locked, lifecycle, ...settings] },
    )
    this.registerOutputs({ bucket })
  }
}
