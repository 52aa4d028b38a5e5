// The table of S3's operations: which method, level and subresource mean which action.

import { AwsError } from '../protocol/aws-error.ts'
import { createBucket, deleteBucket, getBucketLocation, headBucket, listBuckets } from './buckets/buckets.ts'
import * as settings from './buckets/settings.ts'
import { documentOperations } from './buckets/stored-documents.ts'
import type { S3Call } from './call.ts'
import { controlPrefix, handleControl } from './control.ts'
import { listObjectVersions, listObjects, listObjectsV2 } from './listing/list-objects.ts'
import {
  getLegalHold,
  getLockConfiguration,
  getRetention,
  putLegalHold,
  putLockConfiguration,
  putRetention,
} from './lock/lock-operations.ts'
import { listMultipartUploads, listParts } from './multipart/list-uploads.ts'
import {
  abortMultipartUpload,
  completeMultipartUpload,
  createMultipartUpload,
  uploadPart,
} from './multipart/uploads.ts'
import { copyObject, uploadPartCopy } from './objects/copy-object.ts'
import { deleteObject, deleteObjects } from './objects/delete-objects.ts'
import { getObject } from './objects/get-object.ts'
import * as object from './objects/object-settings.ts'
import { putObject } from './objects/put-object.ts'
import type { Operation } from './operation.ts'

const operations: Operation[] = [
  { name: 'PutObject', level: 'object', method: 'PUT', handle: putObject },
  { name: 'GetObject', level: 'object', method: 'GET', handle: getObject },
  { name: 'HeadObject', level: 'object', method: 'HEAD', handle: getObject },
  { name: 'DeleteObject', level: 'object', method: 'DELETE', handle: deleteObject },
  { name: 'DeleteObjects', level: 'bucket', method: 'POST', query: ['delete'], handle: deleteObjects },
  { name: 'GetObjectRetention', level: 'object', method: 'GET', query: ['retention'], handle: getRetention },
  { name: 'PutObjectRetention', level: 'object', method: 'PUT', query: ['retention'], handle: putRetention },
  { name: 'GetObjectLegalHold', level: 'object', method: 'GET', query: ['legal-hold'], handle: getLegalHold },
  { name: 'PutObjectLegalHold', level: 'object', method: 'PUT', query: ['legal-hold'], handle: putLegalHold },
  {
    name: 'GetObjectLockConfiguration',
    level: 'bucket',
    method: 'GET',
    query: ['object-lock'],
    handle: getLockConfiguration,
  },
  {
    name: 'PutObjectLockConfiguration',
    level: 'bucket',
    method: 'PUT',
    query: ['object-lock'],
    handle: putLockConfiguration,
  },
  { name: 'ListObjects', level: 'bucket', method: 'GET', handle: listObjects },
  { name: 'ListObjectsV2', level: 'bucket', method: 'GET', query: ['list-type=2'], handle: listObjectsV2 },
  {
    name: 'ListObjectVersions',
    level: 'bucket',
    method: 'GET',
    query: ['versions'],
    handle: listObjectVersions,
  },
  { name: 'ListBuckets', level: 'account', method: 'GET', handle: listBuckets },
  { name: 'CreateBucket', level: 'bucket', method: 'PUT', handle: createBucket },
  { name: 'DeleteBucket', level: 'bucket', method: 'DELETE', handle: deleteBucket },
  { name: 'HeadBucket', level: 'bucket', method: 'HEAD', handle: headBucket },
  {
    name: 'GetBucketLocation',
    level: 'bucket',
    method: 'GET',
    query: ['location'],
    handle: getBucketLocation,
  },
  {
    name: 'GetBucketVersioning',
    level: 'bucket',
    method: 'GET',
    query: ['versioning'],
    handle: settings.getVersioning,
  },
  {
    name: 'PutBucketVersioning',
    level: 'bucket',
    method: 'PUT',
    query: ['versioning'],
    handle: settings.putVersioning,
  },
  { name: 'GetBucketPolicy', level: 'bucket', method: 'GET', query: ['policy'], handle: settings.getPolicy },
  { name: 'PutBucketPolicy', level: 'bucket', method: 'PUT', query: ['policy'], handle: settings.putPolicy },
  {
    name: 'DeleteBucketPolicy',
    level: 'bucket',
    method: 'DELETE',
    query: ['policy'],
    handle: settings.deletePolicy,
  },
  {
    name: 'GetBucketPolicyStatus',
    level: 'bucket',
    method: 'GET',
    query: ['policyStatus'],
    handle: settings.getPolicyStatus,
  },
  {
    name: 'GetBucketEncryption',
    level: 'bucket',
    method: 'GET',
    query: ['encryption'],
    handle: settings.getEncryption,
  },
  {
    name: 'PutBucketEncryption',
    level: 'bucket',
    method: 'PUT',
    query: ['encryption'],
    handle: settings.putEncryption,
  },
  {
    name: 'DeleteBucketEncryption',
    level: 'bucket',
    method: 'DELETE',
    query: ['encryption'],
    handle: settings.deleteEncryption,
  },
  {
    name: 'GetPublicAccessBlock',
    level: 'bucket',
    method: 'GET',
    query: ['publicAccessBlock'],
    handle: settings.getPublicAccessBlock,
  },
  {
    name: 'PutPublicAccessBlock',
    level: 'bucket',
    method: 'PUT',
    query: ['publicAccessBlock'],
    handle: settings.putPublicAccessBlock,
  },
  {
    name: 'DeletePublicAccessBlock',
    level: 'bucket',
    method: 'DELETE',
    query: ['publicAccessBlock'],
    handle: settings.deletePublicAccessBlock,
  },
  {
    name: 'GetBucketOwnershipControls',
    level: 'bucket',
    method: 'GET',
    query: ['ownershipControls'],
    handle: settings.getOwnership,
  },
  {
    name: 'PutBucketOwnershipControls',
    level: 'bucket',
    method: 'PUT',
    query: ['ownershipControls'],
    handle: settings.putOwnership,
  },
  {
    name: 'DeleteBucketOwnershipControls',
    level: 'bucket',
    method: 'DELETE',
    query: ['ownershipControls'],
    handle: settings.deleteOwnership,
  },
  { name: 'GetBucketAcl', level: 'bucket', method: 'GET', query: ['acl'], handle: settings.getBucketAcl },
  { name: 'PutBucketAcl', level: 'bucket', method: 'PUT', query: ['acl'], handle: settings.putBucketAcl },
  { name: 'CopyObject', level: 'object', method: 'PUT', header: 'x-amz-copy-source', handle: copyObject },
  {
    name: 'CreateMultipartUpload',
    level: 'object',
    method: 'POST',
    query: ['uploads'],
    handle: createMultipartUpload,
  },
  {
    name: 'UploadPart',
    level: 'object',
    method: 'PUT',
    query: ['uploadId', 'partNumber'],
    handle: uploadPart,
  },
  {
    name: 'UploadPartCopy',
    level: 'object',
    method: 'PUT',
    query: ['uploadId', 'partNumber'],
    header: 'x-amz-copy-source',
    handle: uploadPartCopy,
  },
  {
    name: 'CompleteMultipartUpload',
    level: 'object',
    method: 'POST',
    query: ['uploadId'],
    handle: completeMultipartUpload,
  },
  {
    name: 'AbortMultipartUpload',
    level: 'object',
    method: 'DELETE',
    query: ['uploadId'],
    handle: abortMultipartUpload,
  },
  { name: 'ListParts', level: 'object', method: 'GET', query: ['uploadId'], handle: listParts },
  {
    name: 'ListMultipartUploads',
    level: 'bucket',
    method: 'GET',
    query: ['uploads'],
    handle: listMultipartUploads,
  },
  {
    name: 'GetObjectAttributes',
    level: 'object',
    method: 'GET',
    query: ['attributes'],
    handle: object.getObjectAttributes,
  },
  {
    name: 'GetObjectTagging',
    level: 'object',
    method: 'GET',
    query: ['tagging'],
    handle: object.getObjectTagging,
  },
  {
    name: 'PutObjectTagging',
    level: 'object',
    method: 'PUT',
    query: ['tagging'],
    handle: object.putObjectTagging,
  },
  {
    name: 'DeleteObjectTagging',
    level: 'object',
    method: 'DELETE',
    query: ['tagging'],
    handle: object.deleteObjectTagging,
  },
  { name: 'GetObjectAcl', level: 'object', method: 'GET', query: ['acl'], handle: object.getObjectAcl },
  { name: 'PutObjectAcl', level: 'object', method: 'PUT', query: ['acl'], handle: object.putObjectAcl },
  {
    name: 'UpdateObjectEncryption',
    level: 'object',
    method: 'PUT',
    query: ['encryption'],
    handle: object.updateObjectEncryption,
  },
  ...documentOperations,
]

const control: Operation = { name: 'S3Control', level: 'object', method: '*', handle: handleControl }

// Subresources that S3 has and the sandbox doesn't: a request for one must not be taken for the plain operation.
const subresources = new Set([
  'accelerate',
  'acl',
  'analytics',
  'annotation',
  'attributes',
  'cors',
  'delete',
  'encryption',
  'intelligent-tiering',
  'inventory',
  'legal-hold',
  'lifecycle',
  'location',
  'logging',
  'metadataConfiguration',
  'metadataTable',
  'metrics',
  'notification',
  'object-lock',
  'ownershipControls',
  'policy',
  'policyStatus',
  'publicAccessBlock',
  'rename',
  'renameObject',
  'replication',
  'requestPayment',
  'restore',
  'retention',
  'select',
  'session',
  'tagging',
  'torrent',
  'uploadId',
  'uploads',
  'versioning',
  'versions',
  'website',
  'abac',
])

/** The most specific operation that fits. Throws NotImplemented, or MethodNotAllowed. */
export function findOperation(call: S3Call): Operation {
  if (call.request.path.startsWith(controlPrefix)) return control
  const level = call.bucketName === null ? 'account' : call.key === null ? 'bucket' : 'object'
  let best: Operation | null = null
  for (const operation of operations) {
    if (operation.level !== level || operation.method !== call.request.method || !fits(operation, call))
      continue
    if (best === null || weight(operation) > weight(best)) best = operation
  }
  const unknown = [...call.query.keys()].find((name) => subresources.has(name) && !namesQuery(best, name))
  if (unknown !== undefined)
    throw new AwsError(
      501,
      'NotImplemented',
      'A header you provided implies functionality that is not implemented',
      { fields: { Header: unknown } },
    )
  if (best === null) {
    throw new AwsError(
      405,
      'MethodNotAllowed',
      'The specified method is not allowed against this resource.',
      { fields: { Method: call.request.method, ResourceType: level.toUpperCase() } },
    )
  }
  return best
}

function fits(operation: Operation, call: S3Call): boolean {
  if (operation.header !== undefined && call.header(operation.header) === null) return false
  return (operation.query ?? []).every((part) => {
    const [name = '', value] = part.split('=')
    return value === undefined ? call.query.has(name) : call.query.get(name) === value
  })
}

function namesQuery(operation: Operation | null, name: string): boolean {
  return (operation?.query ?? []).some((part) => part.split('=')[0] === name)
}

function weight({ query, header }: Operation): number {
  return (query?.length ?? 0) * 2 + (header === undefined ? 0 : 1)
}
