// The access control list of a bucket: read and replaced.

import { aclKeys } from '../../condition-keys/s3.ts'
import { AwsError } from '../../protocol/aws-error.ts'
import type { ServiceReply } from '../../protocol/service.ts'
import { childOf, childrenOf, expectOnly, parseXml, refuseXml, textOf } from '../../protocol/xml.ts'
import type { S3Call } from '../call.ts'
import { maxBucketDocumentBytes } from '../call.ts'
import type { Bucket } from '../model.ts'
import { emptyReply, xmlReply } from '../reply.ts'
import { checkAcl, checkAclHeaders, renderAcl } from './acl.ts'

export async function getBucketAcl(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:GetBucketAcl')
  return xmlReply(
    'AccessControlPolicy',
    renderAcl(bucket.accountId, call.catalog.readConfiguration(bucket.id, 'acl') ?? 'private'),
  )
}

export async function putBucketAcl(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  const acl = call.header('x-amz-acl')
  await call.allow(bucket, 's3:PutBucketAcl', null, aclKeys(acl))
  call.catalog.writeConfiguration(bucket.id, 'acl', await readAcl(call, bucket))
  return emptyReply(200)
}

/**
 * Reads an access control list from a header, or from a document. Of a document only grants to the groups
 * that mean everyone matter.
 */
export async function readAcl(call: S3Call, bucket: Bucket): Promise<string> {
  const document = await call.readDocument(maxBucketDocumentBytes)
  const hasHeaders = Object.keys(call.request.headers).some(
    (name) => name === 'x-amz-acl' || name.startsWith('x-amz-grant-'),
  )
  if (hasHeaders) {
    if (document.length > 0)
      throw new AwsError(400, 'UnexpectedContent', 'This request does not support content.')
    return checkAclHeaders(call, bucket)
  }
  if (document.length === 0)
    throw new AwsError(400, 'MissingSecurityHeader', 'Your request was missing a required header')
  const root = parseXml(document, 'AccessControlPolicy')
  expectOnly(root, 'Owner', 'AccessControlList')
  const grants = childrenOf(childOf(root, 'AccessControlList') ?? refuseXml(), 'Grant')
  const toEveryone = grants.some((grant) =>
    /global\/(AllUsers|AuthenticatedUsers)$/.test(textOf(childOf(grant, 'Grantee') ?? '', 'URI') ?? ''),
  )
  return checkAcl(
    call,
    bucket,
    toEveryone ? 'public-read' : grants.length <= 1 ? 'bucket-owner-full-control' : 'custom',
    toEveryone,
  )
}
