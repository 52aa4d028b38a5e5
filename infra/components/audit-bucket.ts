// The audit bucket, which receives the trails. It is locked and in the vault's account, so that production
// can't delete its own logs.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import { auditBucketPolicy } from '../../guardrails/audit-policies.ts'
import { auditBucketName } from '../../guardrails/names.ts'
import { renderPolicy } from '../../guardrails/policy.ts'
import { bucketNameInputs, keepLocked, keepPrivate } from './private-bucket.ts'
import type { VaultLocation } from '../../guardrails/names.ts'

export interface AuditBucketArgs {
  location: VaultLocation
  lockMode: 'COMPLIANCE' | 'GOVERNANCE'
  retentionDays: number
  trailArns: readonly string[]
}

export class AuditBucket extends pulumi.ComponentResource {
  readonly policy: aws.s3.BucketPolicy

  constructor(name: string, args: AuditBucketArgs, options: pulumi.ComponentResourceOptions) {
    super('holdfast:audit:AuditBucket', name, {}, options)
    const protectedOptions = { parent: this, protect: true, retainOnDelete: true }
    const created = new aws.s3.Bucket(
      name,
      { ...bucketNameInputs(auditBucketName, args.location), objectLockEnabled: true },
      protectedOptions,
    )
    const bucket = created.bucket
    const locked = keepLocked(name, bucket, args, protectedOptions)
    const settings = keepPrivate(name, bucket, protectedOptions)
    this.policy = new aws.s3.BucketPolicy(
      name,
      { bucket, policy: renderPolicy(auditBucketPolicy(args.location, args.trailArns)) },
      { ...protectedOptions, dependsOn: [...locked, ...settings] },
    )
    this.registerOutputs({})
  }
}
