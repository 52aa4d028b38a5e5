// The versioning state of a bucket.

import { AwsError } from '../../protocol/aws-error.ts'
import type { ServiceReply } from '../../protocol/service.ts'
import { expectOnly, parseXml, textOf } from '../../protocol/xml.ts'
import type { S3Call } from '../call.ts'
import { maxBucketDocumentBytes } from '../call.ts'
import { emptyReply, xmlReply } from '../reply.ts'

export async function getVersioning(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:GetBucketVersioning')
  return xmlReply('VersioningConfiguration', [['Status', bucket.versioning]])
}

export async function putVersioning(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:PutBucketVersioning')
  const root = parseXml(await call.readDocument(maxBucketDocumentBytes), 'VersioningConfiguration')
  expectOnly(root, 'Status', 'MfaDelete', 'MFADelete')
  const status = textOf(root, 'Status')
  if (status !== 'Enabled' && status !== 'Suspended')
    throw new AwsError(
      400,
      'IllegalVersioningConfigurationException',
      'The Versioning element must be specified',
    )
  if ((textOf(root, 'MfaDelete') ?? textOf(root, 'MFADelete') ?? 'Disabled') !== 'Disabled')
    throw new AwsError(501, 'NotImplemented', 'MFA Delete is not implemented')
  call.catalog.transact(() => {
    const current = call.findBucket(bucket.name)
    if (status === 'Suspended' && current.lockEnabled) {
      call.recordLock('s3:PutBucketVersioning', bucket, '', 'Object Lock keeps versioning on')
      throw new AwsError(
        409,
        'InvalidBucketState',
        'An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.',
      )
    }
    call.catalog.updateBucket({ ...current, versioning: status })
  })
  return emptyReply(200)
}
