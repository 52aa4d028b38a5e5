import { HoldfastError } from '../../../core/errors.ts'
import { declaredOf } from './declared-inputs.ts'
import type { RecordedResource } from '../../../infra/recording.ts'
import type { DeclaredBucket } from '../declaration.ts'
import type { Declared, EmulatedType } from './declared-inputs.ts'

/** The buckets of the program. Each is put together from the resources that hold its settings. */
export function readBuckets(resources: readonly RecordedResource[], region: string): DeclaredBucket[] {
  const buckets = declaredOf(resources, 'aws:s3/bucket:Bucket').map(
    ({ accountId, region: declaredRegion, inputs }): DeclaredBucket => ({
      accountId,
      name: inputs.bucket,
      region: declaredRegion ?? region,
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
  for (const setting of declaredOf(resources, 'aws:s3/bucketVersioning:BucketVersioning')) {
    owner(setting).versioning = setting.inputs.versioningConfiguration.status
  }
  for (const setting of declaredOf(
    resources,
    'aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration',
  )) {
    const { mode, days } = setting.inputs.rule.defaultRetention
    owner(setting).objectLock = { enabled: true, default: { mode, days } }
  }
  for (const setting of declaredOf(
    resources,
    'aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration',
  )) {
    const { sseAlgorithm, kmsMasterKeyId } = setting.inputs.rules[0].applyServerSideEncryptionByDefault
    owner(setting).encryption = { algorithm: sseAlgorithm, kmsKeyId: kmsMasterKeyId ?? null }
  }
  for (const setting of declaredOf(resources, 'aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock')) {
    const { bucket: _, ...block } = setting.inputs
    owner(setting).publicAccessBlock = block
  }
  for (const setting of declaredOf(resources, 'aws:s3/bucketOwnershipControls:BucketOwnershipControls')) {
    owner(setting).ownership = setting.inputs.rule.objectOwnership
  }
  for (const setting of declaredOf(
    resources,
    'aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration',
  )) {
    owner(setting).lifecycleRules = setting.inputs.rules
  }
  for (const setting of declaredOf(resources, 'aws:s3/bucketPolicy:BucketPolicy'))
    owner(setting).policy = setting.inputs.policy
  return buckets
}

/** Finds the bucket of a setting. Each kind of setting may occur once per bucket. */
function settle(buckets: DeclaredBucket[]) {
  const settled = new Set<string>()
  return <Type extends EmulatedType>(
    setting: Declared<Type> & { inputs: { bucket: string } },
  ): DeclaredBucket => {
    const bucket = buckets.find(
      ({ name, accountId }) => name === setting.inputs.bucket && accountId === setting.accountId,
    )
    const mark = `${setting.type} ${setting.inputs.bucket}`
    if (bucket === undefined || settled.has(mark)) {
      const problem =
        bucket === undefined ? "is for a bucket that isn't declared in its account" : 'is there twice'
      throw new HoldfastError('internal', `${setting.type} of ${setting.inputs.bucket} ${problem}`)
    }
    settled.add(mark)
    return bucket
  }
}
