import { HoldfastError } from '../../../core/errors.ts'
import { declaredOf } from './declared-inputs.ts'
import type { RecordedResource } from '../../../infra/recording.ts'
import type { DeclaredBucket } from '../declaration.ts'
import type { Declared, EmulatedType } from './declared-inputs.ts'

/** The buckets of the program, each put together from the resources that hold its settings. */
export function readBuckets(resources: readonly RecordedResource[], region: string): DeclaredBucket[] {
  const buckets = declaredOf(resources, 'aws:s3/bucket:Bucket').map(
    ({ accountId, region: own, inputs }): DeclaredBucket => ({
      accountId,
      name: inputs.bucket,
      region: own ?? region,
      versioning: inputs.objectLockEnabled ? 'Enabled' : null,
      objectLock: { enabled: inputs.objectLockEnabled, default: null },
      encryption: null,
      publicAccessBlock: null,
      ownership: null,
      policy: null,
      lifecycleRules: [],
      tags: inputs.tags,
    }),
  )
  const owner = settle(buckets)
  for (const each of declaredOf(resources, 'aws:s3/bucketVersioning:BucketVersioning')) {
    owner(each).versioning = each.inputs.versioningConfiguration.status
  }
  for (const each of declaredOf(
    resources,
    'aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration',
  )) {
    const { mode, days } = each.inputs.rule.defaultRetention
    owner(each).objectLock = { enabled: true, default: { mode, days } }
  }
  for (const each of declaredOf(
    resources,
    'aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration',
  )) {
    const { sseAlgorithm, kmsMasterKeyId } = each.inputs.rules[0].applyServerSideEncryptionByDefault
    owner(each).encryption = { algorithm: sseAlgorithm, kmsKeyId: kmsMasterKeyId ?? null }
  }
  for (const each of declaredOf(resources, 'aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock')) {
    const { bucket: _, ...block } = each.inputs
    owner(each).publicAccessBlock = block
  }
  for (const each of declaredOf(resources, 'aws:s3/bucketOwnershipControls:BucketOwnershipControls')) {
    owner(each).ownership = each.inputs.rule.objectOwnership
  }
  for (const each of declaredOf(
    resources,
    'aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration',
  )) {
    owner(each).lifecycleRules = each.inputs.rules
  }
  for (const each of declaredOf(resources, 'aws:s3/bucketPolicy:BucketPolicy'))
    owner(each).policy = each.inputs.policy
  return buckets
}

/** Finds the bucket that a setting belongs to; each kind of setting may be there once per bucket. */
function settle(buckets: DeclaredBucket[]) {
  const seen = new Set<string>()
  return <Type extends EmulatedType>(
    setting: Declared<Type> & { inputs: { bucket: string } },
  ): DeclaredBucket => {
    const found = buckets.find(
      ({ name, accountId }) => name === setting.inputs.bucket && accountId === setting.accountId,
    )
    const mark = `${setting.type} ${setting.inputs.bucket}`
    if (found === undefined || seen.has(mark)) {
      const what =
        found === undefined ? "is for a bucket that isn't declared in its account" : 'is there twice'
      throw new HoldfastError('internal', `${setting.type} of ${setting.inputs.bucket} ${what}`)
    }
    seen.add(mark)
    return found
  }
}
