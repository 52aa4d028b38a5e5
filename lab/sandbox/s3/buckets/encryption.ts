// The default encryption of a bucket.

import { AwsError } from '../../protocol/aws-error.ts'
import type { ServiceReply } from '../../protocol/service.ts'
import { childOf, expectOnly, parseXml, refuseXml, textOf } from '../../protocol/xml.ts'
import type { S3Call } from '../call.ts'
import { maxBucketDocumentBytes } from '../call.ts'
import { emptyReply, xmlReply } from '../reply.ts'

export async function getEncryption(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:GetEncryptionConfiguration')
  const document = call.catalog.readConfiguration(bucket.id, 'encryption')
  const { algorithm, kmsKeyId } =
    document === null
      ? { algorithm: 'AES256', kmsKeyId: null }
      : (JSON.parse(document) as { algorithm: string; kmsKeyId: string | null })
  return xmlReply('ServerSideEncryptionConfiguration', [
    [
      'Rule',
      [
        [
          'ApplyServerSideEncryptionByDefault',
          [
            ['SSEAlgorithm', algorithm],
            ['KMSMasterKeyID', kmsKeyId],
          ],
        ],
        ['BucketKeyEnabled', false],
      ],
    ],
  ])
}

export async function putEncryption(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:PutEncryptionConfiguration')
  const root = parseXml(await call.readDocument(maxBucketDocumentBytes), 'ServerSideEncryptionConfiguration')
  expectOnly(root, 'Rule')
  const rule = childOf(root, 'Rule') ?? refuseXml()
  expectOnly(rule, 'ApplyServerSideEncryptionByDefault', 'BucketKeyEnabled', 'BlockedEncryptionTypes')
  const byDefault = childOf(rule, 'ApplyServerSideEncryptionByDefault')
  const algorithm = byDefault === null ? 'AES256' : (textOf(byDefault, 'SSEAlgorithm') ?? '')
  const kmsKeyId = byDefault === null ? null : textOf(byDefault, 'KMSMasterKeyID')
  if (!['AES256', 'aws:kms', 'aws:kms:dsse'].includes(algorithm)) refuseXml()
  if (algorithm === 'AES256' && kmsKeyId !== null)
    throw new AwsError(
      400,
      'InvalidArgument',
      'a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse',
    )
  call.catalog.writeConfiguration(bucket.id, 'encryption', JSON.stringify({ algorithm, kmsKeyId }))
  return emptyReply(200)
}

/** Returns the bucket to SSE-S3, because since 2023 every bucket has encryption. */
export async function deleteEncryption(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:PutEncryptionConfiguration')
  call.catalog.deleteConfiguration(bucket.id, 'encryption')
  return emptyReply(204)
}
