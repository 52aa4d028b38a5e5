// The toolkit bucket, with the tool, its configuration and the runbook. It is locked like the vault.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import { toolkitBucketName } from '../../guardrails/names.ts'
import { renderPolicy } from '../../guardrails/policy.ts'
import { toolkitBucketPolicy } from '../../guardrails/toolkit-bucket-policy.ts'
import { bucketNameInputs, keepLocked, keepPrivate } from './private-bucket.ts'
import { keyBeside } from '../toolkit.ts'
import type { ToolkitFile } from '../toolkit.ts'
import type { VaultLocation } from '../../guardrails/names.ts'

export interface ToolkitBucketArgs {
  location: VaultLocation
  lockMode: 'COMPLIANCE' | 'GOVERNANCE'
  retentionDays: number
  files: readonly ToolkitFile[]
  /** Texts that only a deployment knows, by the names of their files. */
  lateFiles: Readonly<Record<LateFile, pulumi.Output<string>>>
}

/** The public keys that verify receipts and reports, and the declared settings and roles, for a check to compare. */
type LateFile = keyof typeof lateFiles
const lateFiles = {
  'notary.pem': { name: 'notary-key', contentType: 'application/x-pem-file' },
  'reports.pem': { name: 'report-key', contentType: 'application/x-pem-file' },
  'expected.json': { name: 'expected', contentType: 'application/json' },
} as const

export class ToolkitBucket extends pulumi.ComponentResource {
  constructor(name: string, args: ToolkitBucketArgs, options: pulumi.ComponentResourceOptions) {
    super('holdfast:vault:ToolkitBucket', name, {}, options)
    const protectedOptions = { parent: this, protect: true, retainOnDelete: true }
    const created = new aws.s3.Bucket(
      name,
      { ...bucketNameInputs(toolkitBucketName, args.location), objectLockEnabled: true },
      protectedOptions,
    )
    const bucket = created.bucket
    const locked = keepLocked(name, bucket, args, protectedOptions)
    const settings = keepPrivate(name, bucket, protectedOptions)
    const policy = new aws.s3.BucketPolicy(
      name,
      { bucket, policy: renderPolicy(toolkitBucketPolicy(args.location)) },
      { ...protectedOptions, dependsOn: [...locked, ...settings] },
    )
    for (const { name: file, key, contentType, content } of args.files) {
      new aws.s3.BucketObjectv2(
        `${name}-${file}`,
        {
          bucket,
          key,
          contentType,
          checksumAlgorithm: 'SHA256',
          ...('text' in content
            ? { content: content.text }
            : { source: new pulumi.asset.FileAsset(content.file) }),
        },
        // Retained but not protected, because new content gets a new key, and the old object stays in the
        // bucket.
        { parent: this, protect: false, retainOnDelete: true, dependsOn: [policy] },
      )
    }
    const [file] = args.files
    for (const fileName of file === undefined ? [] : (Object.keys(lateFiles) as LateFile[])) {
      const content = args.lateFiles[fileName]
      new aws.s3.BucketObjectv2(
        `${name}-${lateFiles[fileName].name}`,
        {
          bucket,
          key: content.apply((text) => keyBeside(file!, fileName, text)),
          contentType: lateFiles[fileName].contentType,
          checksumAlgorithm: 'SHA256',
          content,
        },
        { parent: this, protect: false, retainOnDelete: true, dependsOn: [policy] },
      )
    }
    this.registerOutputs({})
  }
}
