// The public access block of a bucket.

import { AwsError } from '../../protocol/aws-error.ts'
import type { ServiceReply } from '../../protocol/service.ts'
import { expectOnly, parseXml, refuseXml, textOf } from '../../protocol/xml.ts'
import type { XmlNode } from '../../protocol/xml.ts'
import type { S3Call } from '../call.ts'
import { maxBucketDocumentBytes } from '../call.ts'
import { emptyReply, xmlReply } from '../reply.ts'
import { publicAccessBlockOf } from './acl.ts'

const blockNames = [
  'BlockPublicAcls',
  'IgnorePublicAcls',
  'BlockPublicPolicy',
  'RestrictPublicBuckets',
] as const

export async function getPublicAccessBlock(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:GetBucketPublicAccessBlock')
  const block = publicAccessBlockOf(call, bucket)
  if (block === null)
    throw new AwsError(
      404,
      'NoSuchPublicAccessBlockConfiguration',
      'The public access block configuration was not found',
      { fields: { BucketName: bucket.name } },
    )
  return xmlReply('PublicAccessBlockConfiguration', [
    ['BlockPublicAcls', block.blockPublicAcls],
    ['IgnorePublicAcls', block.ignorePublicAcls],
    ['BlockPublicPolicy', block.blockPublicPolicy],
    ['RestrictPublicBuckets', block.restrictPublicBuckets],
  ])
}

export async function putPublicAccessBlock(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:PutBucketPublicAccessBlock')
  const root = parseXml(await call.readDocument(maxBucketDocumentBytes), 'PublicAccessBlockConfiguration')
  expectOnly(root, ...blockNames)
  const [blockPublicAcls, ignorePublicAcls, blockPublicPolicy, restrictPublicBuckets] = blockNames.map(
    (name) => readFlag(root, name),
  )
  call.catalog.writeConfiguration(
    bucket.id,
    'publicAccessBlock',
    JSON.stringify({ blockPublicAcls, ignorePublicAcls, blockPublicPolicy, restrictPublicBuckets }),
  )
  return emptyReply(200)
}

function readFlag(root: XmlNode, name: string): boolean {
  const text = textOf(root, name)?.toLowerCase() ?? 'false'
  if (text !== 'true' && text !== 'false') refuseXml()
  return text === 'true'
}

export async function deletePublicAccessBlock(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:PutBucketPublicAccessBlock')
  call.catalog.deleteConfiguration(bucket.id, 'publicAccessBlock')
  return emptyReply(204)
}
