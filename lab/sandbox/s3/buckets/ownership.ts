// The object ownership of a bucket.

import type { ServiceReply } from '../../protocol/service.ts'
import { childOf, parseXml, refuseXml, textOf } from '../../protocol/xml.ts'
import type { S3Call } from '../call.ts'
import { maxBucketDocumentBytes } from '../call.ts'
import { emptyReply, xmlReply } from '../reply.ts'
import { ownershipOf } from './acl.ts'

export async function getOwnership(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:GetBucketOwnershipControls')
  return xmlReply('OwnershipControls', [['Rule', [['ObjectOwnership', ownershipOf(call, bucket)]]]])
}

export async function putOwnership(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:PutBucketOwnershipControls')
  const root = parseXml(await call.readDocument(maxBucketDocumentBytes), 'OwnershipControls')
  const rule = childOf(root, 'Rule') ?? refuseXml()
  const ownership = textOf(rule, 'ObjectOwnership') ?? ''
  if (!['BucketOwnerEnforced', 'BucketOwnerPreferred', 'ObjectWriter'].includes(ownership)) refuseXml()
  call.catalog.writeConfiguration(bucket.id, 'ownershipControls', ownership)
  return emptyReply(200)
}

export async function deleteOwnership(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:PutBucketOwnershipControls')
  // A bucket without ownership controls behaves as before S3 had them: the writer of an object owns it.
  call.catalog.writeConfiguration(bucket.id, 'ownershipControls', 'ObjectWriter')
  return emptyReply(204)
}
