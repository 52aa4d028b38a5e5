// The table of S3's operations: which method, level and subresource mean which operation, and the function that
// serves it.
//
// To add an operation, write its function in the folder of its subject and add one row here. A document that the
// sandbox only stores is one entry of buckets/stored-documents.ts instead.

import type { Operation } from './operation.ts'
import { AwsError } from '../protocol/aws-error.ts'
import { getBucketAcl, putBucketAcl } from './buckets/acl-operations.ts'
import { createBucket, deleteBucket, getBucketLocation, headBucket, listBuckets } from './buckets/buckets.ts'
import { deleteEncryption, getEncryption, putEncryption } from './buckets/encryption.ts'
import { deleteOwnership, getOwnership, putOwnership } from './buckets/ownership.ts'
import { deletePolicy, getPolicy, getPolicyStatus, putPolicy } from './buckets/policy.ts'
import {
  deletePublicAccessBlock,
  getPublicAccessBlock,
  putPublicAccessBlock,
} from './buckets/public-access.ts'
import { documentOperations } from './buckets/stored-documents.ts'
import { getVersioning, putVersioning } from './buckets/versioning.ts'
import type { S3Call } from './call.ts'
import { controlPrefix, serveControl } from './control.ts'
import { listObjectVersions, listObjects, listObjectsV2 } from './listing/list-objects.ts'
import {
  getLegalHold,
  getLockConfiguration,
  getRetention,
  putLegalHold,
  putLockConfiguration,
  putRetention,
} from './lock/lock-operations.ts'
import { completeMultipartUpload } from './multipart/complete.ts'
import { listMultipartUploads, listParts } from './multipart/list-uploads.ts'
import { uploadPart, uploadPartCopy } from './multipart/parts.ts'
import { abortMultipartUpload, createMultipartUpload } from './multipart/uploads.ts'
import { copyObject } from './objects/copy-object.ts'
import { deleteObject, deleteObjects } from './objects/delete-objects.ts'
import { getObject } from './objects/get-object.ts'
import {
  deleteObjectTagging,
  getObjectAcl,
  getObjectAttributes,
  getObjectTagging,
  putObjectAcl,
  putObjectTagging,
  updateObjectEncryption,
} from './objects/object-settings.ts'
import { putObject } from './objects/put-object.ts'
import { operation } from './operation.ts'

/** Ordered: `findOperation` takes the first of two rows that fit a request equally well. */
const operations: readonly Operation[] = [
  // Objects
  operation('PutObject', 'PUT object', putObject),
  operation('GetObject', 'GET object', getObject),
  operation('HeadObject', 'HEAD object', getObject),
  operation('DeleteObject', 'DELETE object', deleteObject),
  operation('DeleteObjects', 'POST bucket?delete', deleteObjects),
  operation('CopyObject', 'PUT object', copyObject, 'x-amz-copy-source'),
  // Object Lock
  operation('GetObjectRetention', 'GET object?retention', getRetention),
  operation('PutObjectRetention', 'PUT object?retention', putRetention),
  operation('GetObjectLegalHold', 'GET object?legal-hold', getLegalHold),
  operation('PutObjectLegalHold', 'PUT object?legal-hold', putLegalHold),
  operation('GetObjectLockConfiguration', 'GET bucket?object-lock', getLockConfiguration),
  operation('PutObjectLockConfiguration', 'PUT bucket?object-lock', putLockConfiguration),
  // Listings
  operation('ListObjects', 'GET bucket', listObjects),
  operation('ListObjectsV2', 'GET bucket?list-type=2', listObjectsV2),
  operation('ListObjectVersions', 'GET bucket?versions', listObjectVersions),
  // Buckets
  operation('ListBuckets', 'GET account', listBuckets),
  operation('CreateBucket', 'PUT bucket', createBucket),
  operation('DeleteBucket', 'DELETE bucket', deleteBucket),
  operation('HeadBucket', 'HEAD bucket', headBucket),
  operation('GetBucketLocation', 'GET bucket?location', getBucketLocation),
  operation('GetBucketVersioning', 'GET bucket?versioning', getVersioning),
  operation('PutBucketVersioning', 'PUT bucket?versioning', putVersioning),
  operation('GetBucketPolicy', 'GET bucket?policy', getPolicy),
  operation('PutBucketPolicy', 'PUT bucket?policy', putPolicy),
  operation('DeleteBucketPolicy', 'DELETE bucket?policy', deletePolicy),
  operation('GetBucketPolicyStatus', 'GET bucket?policyStatus', getPolicyStatus),
  operation('GetBucketEncryption', 'GET bucket?encryption', getEncryption),
  operation('PutBucketEncryption', 'PUT bucket?encryption', putEncryption),
  operation('DeleteBucketEncryption', 'DELETE bucket?encryption', deleteEncryption),
  operation('GetPublicAccessBlock', 'GET bucket?publicAccessBlock', getPublicAccessBlock),
  operation('PutPublicAccessBlock', 'PUT bucket?publicAccessBlock', putPublicAccessBlock),
  operation('DeletePublicAccessBlock', 'DELETE bucket?publicAccessBlock', deletePublicAccessBlock),
  operation('GetBucketOwnershipControls', 'GET bucket?ownershipControls', getOwnership),
  operation('PutBucketOwnershipControls', 'PUT bucket?ownershipControls', putOwnership),
  operation('DeleteBucketOwnershipControls', 'DELETE bucket?ownershipControls', deleteOwnership),
  operation('GetBucketAcl', 'GET bucket?acl', getBucketAcl),
  operation('PutBucketAcl', 'PUT bucket?acl', putBucketAcl),
  // Multipart uploads
  operation('CreateMultipartUpload', 'POST object?uploads', createMultipartUpload),
  operation('UploadPart', 'PUT object?uploadId&partNumber', uploadPart),
  operation('UploadPartCopy', 'PUT object?uploadId&partNumber', uploadPartCopy, 'x-amz-copy-source'),
  operation('CompleteMultipartUpload', 'POST object?uploadId', completeMultipartUpload),
  operation('AbortMultipartUpload', 'DELETE object?uploadId', abortMultipartUpload),
  operation('ListParts', 'GET object?uploadId', listParts),
  operation('ListMultipartUploads', 'GET bucket?uploads', listMultipartUploads),
  // Settings of an object
  operation('GetObjectAttributes', 'GET object?attributes', getObjectAttributes),
  operation('GetObjectTagging', 'GET object?tagging', getObjectTagging),
  operation('PutObjectTagging', 'PUT object?tagging', putObjectTagging),
  operation('DeleteObjectTagging', 'DELETE object?tagging', deleteObjectTagging),
  operation('GetObjectAcl', 'GET object?acl', getObjectAcl),
  operation('PutObjectAcl', 'PUT object?acl', putObjectAcl),
  operation('UpdateObjectEncryption', 'PUT object?encryption', updateObjectEncryption),
  ...documentOperations,
]

const control: Operation = {
  name: 'S3Control',
  level: 'object',
  method: '*',
  query: [],
  header: null,
  serve: serveControl,
}

/**
 * Subresources of S3 that the sandbox doesn't emulate. A request with one must fail, because it is not the
 * plain operation.
 */
const notEmulated = [
  'abac',
  'annotation',
  'metadataConfiguration',
  'metadataTable',
  'rename',
  'renameObject',
  'restore',
  'select',
  'session',
  'torrent',
]
const subresources: ReadonlySet<string> = new Set([
  ...operations.flatMap(({ query: [first] }) =>
    first === undefined || first.value !== null ? [] : [first.name],
  ),
  ...notEmulated,
])

/** The most specific operation that fits. Throws NotImplemented, or MethodNotAllowed. */
export function findOperation(call: S3Call): Operation {
  if (call.request.path.startsWith(controlPrefix)) return control
  const level = call.bucketName === null ? 'account' : call.key === null ? 'bucket' : 'object'
  let match: Operation | null = null
  for (const operation of operations) {
    if (operation.level !== level || operation.method !== call.request.method || !fits(operation, call))
      continue
    if (match === null || weight(operation) > weight(match)) match = operation
  }
  const subresource = [...call.query.keys()].find(
    (name) => subresources.has(name) && !namesQuery(match, name),
  )
  if (subresource !== undefined)
    throw new AwsError(
      501,
      'NotImplemented',
      'A header you provided implies functionality that is not implemented',
      { fields: { Header: subresource } },
    )
  if (match === null) {
    throw new AwsError(
      405,
      'MethodNotAllowed',
      'The specified method is not allowed against this resource.',
      { fields: { Method: call.request.method, ResourceType: level.toUpperCase() } },
    )
  }
  return match
}

function fits({ query, header }: Operation, call: S3Call): boolean {
  if (header !== null && call.header(header) === null) return false
  return query.every(({ name, value }) =>
    value === null ? call.query.has(name) : call.query.get(name) === value,
  )
}

function namesQuery(operation: Operation | null, name: string): boolean {
  return operation !== null && operation.query.some((parameter) => parameter.name === name)
}

function weight({ query, header }: Operation): number {
  return query.length * 2 + (header === null ? 0 : 1)
}
