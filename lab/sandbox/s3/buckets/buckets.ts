// Operations on buckets: create, list, find, delete.

import { listKeys } from '../../condition-keys/s3.ts'
import { AwsError, denyAccess } from '../../protocol/aws-error.ts'
import type { ServiceReply } from '../../protocol/service.ts'
import { expectOnly, parseXml, textOf } from '../../protocol/xml.ts'
import type { XmlElement } from '../../protocol/xml.ts'
import type { S3Call } from '../call.ts'
import { emptyReply, xmlReply } from '../reply.ts'
import { canonicalId } from './acl.ts'

export async function listBuckets(call: S3Call): Promise<ServiceReply> {
  const { accountId } = call.request.principal
  if (accountId === null) throw denyAccess()
  const decision = await call.stores.host.authorize(call.request, {
    action: 's3:ListAllMyBuckets',
    resource: '*',
    resourceAccountId: accountId,
    resourcePolicy: null,
  })
  if (!decision.allowed) throw denyAccess()
  const buckets = call.catalog.listBuckets(accountId).map((bucket): XmlElement => [
    'Bucket',
    [
      ['Name', bucket.name],
      ['CreationDate', new Date(bucket.createdMs).toISOString()],
      ['BucketRegion', bucket.region],
    ],
  ])
  return xmlReply('ListAllMyBucketsResult', [
    ['Owner', [['ID', canonicalId(accountId)]]],
    ['Buckets', buckets],
  ])
}

export async function createBucket(call: S3Call): Promise<ServiceReply> {
  const name = call.bucketName ?? ''
  const { accountId } = call.request.principal
  if (accountId === null) throw denyAccess()
  const wantsLock = call.flag('x-amz-bucket-object-lock-enabled')
  const newBucket = { accountId, name }
  await allowOnNewBucket(call, newBucket, 's3:CreateBucket')
  if (wantsLock) {
    await allowOnNewBucket(call, newBucket, 's3:PutBucketObjectLockConfiguration')
    await allowOnNewBucket(call, newBucket, 's3:PutBucketVersioning')
  }
  if (!isBucketName(name))
    throw new AwsError(400, 'InvalidBucketName', 'The specified bucket is not valid.', {
      fields: { BucketName: name.slice(0, 128) },
    })
  const region = call.request.signature.region ?? 'us-east-1'
  await checkLocation(call, region)
  const existing = call.catalog.findBucket(name)
  if (existing !== null) {
    if (existing.accountId === accountId)
      throw new AwsError(
        409,
        'BucketAlreadyOwnedByYou',
        'Your previous request to create the named bucket succeeded and you already own it.',
        { fields: { BucketName: name } },
      )
    throw new AwsError(
      409,
      'BucketAlreadyExists',
      'The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.',
      { fields: { BucketName: name } },
    )
  }
  call.catalog.transact(() => {
    const bucket = call.catalog.createBucket({
      name,
      accountId,
      region,
      createdMs: call.nowMs,
      versioning: wantsLock ? 'Enabled' : null,
      lockEnabled: wantsLock,
      lockDefault: null,
    })
    call.catalog.writeConfiguration(
      bucket.id,
      'ownershipControls',
      call.header('x-amz-object-ownership') ?? 'BucketOwnerEnforced',
    )
    call.catalog.writeConfiguration(
      bucket.id,
      'publicAccessBlock',
      JSON.stringify({
        blockPublicAcls: true,
        ignorePublicAcls: true,
        blockPublicPolicy: true,
        restrictPublicBuckets: true,
      }),
    )
  })
  return emptyReply(200, { location: `/${name}` })
}

async function allowOnNewBucket(
  call: S3Call,
  { accountId, name }: { accountId: string; name: string },
  action: string,
): Promise<void> {
  const decision = await call.stores.host.authorize(call.request, {
    action,
    resource: `arn:aws:s3:::${name}`,
    resourceAccountId: accountId,
    resourcePolicy: null,
  })
  if (!decision.allowed) throw denyAccess()
}

async function checkLocation(call: S3Call, region: string): Promise<void> {
  const document = await call.readDocument(64 * 1024)
  const location = document.length === 0 ? null : readLocation(document)
  if ((location ?? 'us-east-1') === region) return
  throw new AwsError(
    400,
    'IllegalLocationConstraintException',
    `The ${location ?? 'unspecified'} location constraint is incompatible for the region specific endpoint this request was sent to.`,
  )
}

function readLocation(document: Buffer): string | null {
  const root = parseXml(document, 'CreateBucketConfiguration')
  expectOnly(root, 'LocationConstraint', 'Location', 'Bucket', 'Tags')
  return textOf(root, 'LocationConstraint')
}

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
function isBucketName(name: string): boolean {
  return (
    /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) &&
    !name.includes('..') &&
    !/^\d+\.\d+\.\d+\.\d+$/.test(name)
  )
}

export async function deleteBucket(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:DeleteBucket')
  const orphans = call.catalog.transact(() => call.catalog.deleteBucket(bucket.id))
  if (orphans === null)
    throw new AwsError(
      409,
      'BucketNotEmpty',
      'The bucket you tried to delete is not empty. You must delete all versions in the bucket.',
      { fields: { BucketName: bucket.name } },
    )
  call.files.remove(orphans)
  return emptyReply(204)
}

export async function headBucket(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:ListBucket', null, listKeys(call.query))
  return emptyReply(200, { 'x-amz-bucket-region': bucket.region, 'x-amz-access-point-alias': 'false' })
}

export async function getBucketLocation(call: S3Call): Promise<ServiceReply> {
  // Any region may ask, because a client finds the bucket's region by this operation.
  const bucket = call.findBucket(call.bucketName ?? '')
  await call.allow(bucket, 's3:GetBucketLocation')
  return xmlReply('LocationConstraint', bucket.region === 'us-east-1' ? '' : bucket.region)
}
