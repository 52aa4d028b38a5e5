// The vault bucket: versioning, Object Lock from its creation, and the settings that keep its content
// readable and private.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import { vaultBucketName } from '../../guardrails/names.ts'
import { renderPolicy } from '../../guardrails/policy.ts'
import { vaultBucketPolicy } from '../../guardrails/vault-bucket-policy.ts'
import type { StorageClass } from '../../guardrails/vault-bucket-policy.ts'
import {
  bucketNameInputs,
  keepLocked,
  keepPrivate,
  noPublicAccess,
  ownerEnforced,
  ownKeys,
} from './private-bucket.ts'
import type { VaultLocation } from '../../guardrails/names.ts'

export interface VaultBucketArgs {
  location: VaultLocation
  lockMode: 'COMPLIANCE' | 'GOVERNANCE'
  retentionDays: number
  retentionCapDays: number
  detached: boolean
  storageClasses: readonly StorageClass[]
}

const abortRule = { id: 'abort-multipart-uploads', status: 'Enabled', abortDays: 1 }

/** The settings that a check compares with the live bucket, by the names of aws/live-configuration.ts. */
export function expectedSettings(args: VaultBucketArgs): Record<string, unknown> {
  return {
    versioning: 'Enabled',
    objectLock: { mode: args.lockMode, days: args.retentionDays },
    policy: vaultBucketPolicy(args),
    publicAccessBlock: noPublicAccess,
    ownership: ownerEnforced,
    encryption: ownKeys,
    lifecycle: {
      [abortRule.id]: { status: abortRule.status, abortDays: abortRule.abortDays, otherActions: [] },
    },
    replication: null,
  }
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
  readonly policy: aws.s3.BucketPolicy

  constructor(name: string, args: VaultBucketArgs, options: pulumi.ComponentResourceOptions) {
    super('holdfast:vault:VaultBucket', name, {}, options)
    // Settings are protected like the bucket, because deleting a settings resource also removes the setting
    // from the bucket.
    const protectedOptions = { parent: this, protect: true, retainOnDelete: true }
    this.bucket = new aws.s3.Bucket(
      name,
      { ...bucketNameInputs(vaultBucketName, args.location), objectLockEnabled: true },
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
            id: abortRule.id,
            status: abortRule.status,
            filter: { prefix: '' },
            abortIncompleteMultipartUpload: { daysAfterInitiation: abortRule.abortDays },
          },
        ],
      },
      { ...protectedOptions, dependsOn: locked },
    )
    const settings = keepPrivate(name, bucket, protectedOptions)
    const events = this.reportObjects(name, bucket, protectedOptions)
    // Created last, because without an Organization it freezes all settings above.
    this.policy = new aws.s3.BucketPolicy(
      name,
      { bucket, policy: renderPolicy(vaultBucketPolicy(args)) },
      { ...protectedOptions, dependsOn: [...locked, lifecycle, ...settings, events] },
    )
    this.registerOutputs({ bucket })
  }

  /** EventBridge gets an event for each created object: the alarms on floods count them. */
  private reportObjects(
    name: string,
    bucket: pulumi.Input<string>,
    options: pulumi.CustomResourceOptions,
  ): pulumi.Resource {
    const formerName = name.replace(/^vault/, 'writes')
    const formerParent = pulumi.createUrn(formerName, 'holdfast:audit:WriteAlarms')
    return new aws.s3.BucketNotification(
      name,
      { bucket, eventbridge: true },
      { ...options, aliases: [{ name: formerName, parent: formerParent }] },
    )
  }
}
