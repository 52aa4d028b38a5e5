// The steps that every write of an object shares: permission, lock, encryption, and the commit.

import { randomBytes } from 'node:crypto'
import { headerLockKeys, writeKeys } from '../../condition-keys/s3.ts'
import { AwsError } from '../../protocol/aws-error.ts'
import type { RequestBody, ServiceRequest } from '../../protocol/service.ts'
import type { FileDraft } from '../../store/object-files.ts'
import { checkAclHeaders } from '../buckets/acl.ts'
import type { S3Call } from '../call.ts'
import { defaultRetention } from '../lock/lock-rules.ts'
import type {
  RequestedLock,
  Bucket,
  Checksum,
  Content,
  Encryption,
  StoredHeaders,
  Lock,
  Version,
} from '../model.ts'
import { readClaimedChecksum, readContentMd5, receivePayload } from './checksum.ts'
import type { ChecksumAlgorithm, VerifiedPayload } from './checksum.ts'
import { allowKey, readEncryption } from './encryption.ts'
import {
  hasLockHeaders,
  readRequestedLock,
  readStoredHeaders,
  readStorageClass,
  readTagging,
} from './headers.ts'
import { checkWrite } from './preconditions.ts'

const maxPutBytes = 5 * 1024 ** 3

/** The settings of the new object in the headers of a write. */
export interface WrittenHeaders {
  headers: StoredHeaders
  storageClass: string
  encryption: Encryption
  lock: RequestedLock
  tags: [string, string][]
  acl: string
}

/**
 * Requires every permission that the headers of a write need. `createsObject` is AWS's
 * s3:ObjectCreationOperation: true for PutObject, CopyObject and CompleteMultipartUpload, false for the other
 * steps of an upload.
 */
export async function allowWrite(
  call: S3Call,
  bucket: Bucket,
  key: string,
  createsObject: boolean,
): Promise<void> {
  const { headers, nowMs } = call.request
  const lock = headerLockKeys(headers, nowMs)
  const context = writeKeys(headers, nowMs, createsObject)
  await call.allow(bucket, 's3:PutObject', key, context)
  const names = Object.keys(headers)
  if (names.some((name) => /^x-amz-object-lock-(mode|retain|event)/.test(name)))
    await call.allow(bucket, 's3:PutObjectRetention', key, lock)
  if (headers['x-amz-object-lock-legal-hold'] !== undefined)
    await call.allow(bucket, 's3:PutObjectLegalHold', key, lock)
  if (headers['x-amz-tagging'] !== undefined) await call.allow(bucket, 's3:PutObjectTagging', key, context)
  if (names.some((name) => name === 'x-amz-acl' || name.startsWith('x-amz-grant-')))
    await call.allow(bucket, 's3:PutObjectAcl', key, context)
  // If-Match needs s3:GetObject, because the comparison reveals something about the object.
  // https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
  if (createsObject && headers['if-match'] !== undefined) await call.allow(bucket, 's3:GetObject', key)
}

/** Throws S3's errors for invalid headers, and AccessDenied for a KMS key that the caller may not use. */
export async function readWrittenHeaders(call: S3Call, bucket: Bucket): Promise<WrittenHeaders> {
  const { headers } = call.request
  const encryption = readEncryption(call, bucket)
  if (hasLockHeaders(headers) && !bucket.lockEnabled)
    throw new AwsError(400, 'InvalidRequest', 'Bucket is missing Object Lock Configuration')
  const written = {
    headers: readStoredHeaders(headers),
    storageClass: readStorageClass(headers),
    encryption,
    lock: readRequestedLock(headers, call.nowMs),
    tags: readTagging(headers['x-amz-tagging']),
    acl: checkAclHeaders(call, bucket),
  }
  if (written.lock.eventHold !== null && written.lock.retention === null && bucket.lockDefault === null) {
    throw new AwsError(400, 'InvalidRequest', 'An event hold needs a retention mode')
  }
  await allowKey(call, encryption, 'kms:GenerateDataKey')
  return written
}

/** The lock of a new version: from the request's headers, or the bucket's default counted from `madeMs`. */
export function makeLock(requested: RequestedLock, bucket: Bucket, madeMs: number): Lock {
  const retention = requested.retention ?? defaultRetention(bucket.lockDefault, madeMs)
  return {
    mode: retention?.mode ?? null,
    untilMs: retention?.untilMs ?? null,
    legalHold: requested.legalHold,
    eventHold: requested.eventHold,
  }
}

/** The ETag is the MD5 under SSE-S3; otherwise it is random, so that it reveals nothing of the content. */
export function makeEtag(md5: string, encryption: Encryption): string {
  return encryption.algorithm === 'AES256' && encryption.customerKeyMd5 === null
    ? md5
    : randomBytes(16).toString('hex')
}

/** The content of an object that lies in one file. */
export function makeContent(
  written: WrittenHeaders,
  file: { id: string; bytes: number },
  etag: string,
  checksum: Checksum | null,
): Content {
  return {
    bytes: file.bytes,
    etag,
    partCount: null,
    segments: [{ file: file.id, bytes: file.bytes, partNumber: 1, checksum: null }],
    headers: written.headers,
    storageClass: written.storageClass,
    encryption: written.encryption,
    checksum,
    tags: written.tags,
    acl: written.acl,
  }
}

/** Throws MissingContentLength, or EntityTooLarge. */
export function requireLength({ bytes }: RequestBody): void {
  if (bytes === null)
    throw new AwsError(411, 'MissingContentLength', 'You must provide the Content-Length HTTP header.')
  if (bytes <= maxPutBytes) return
  throw new AwsError(400, 'EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size', {
    fields: { ProposedSize: String(bytes), MaxSizeAllowed: String(maxPutBytes) },
  })
}

/** Receives the request's payload into a file, and closes the file. Throws IncompleteBody, or BadDigest. */
export async function receiveInto(
  draft: FileDraft,
  { body, headers }: ServiceRequest,
  alsoCompute: ChecksumAlgorithm | null = null,
): Promise<VerifiedPayload> {
  const payload = await receivePayload(body, headers, (part) => draft.write(part), alsoCompute)
  if (draft.bytes !== body.bytes)
    throw new AwsError(
      400,
      'IncompleteBody',
      'You did not provide the number of bytes specified by the Content-Length HTTP header',
    )
  draft.close()
  return payload
}

interface MadeVersion {
  content: Content
  lock: Lock
  modifiedMs: number
  /** Null for the next position. */
  order: number | null
  /** Files that no record names once the version is there. */
  unused?: string[]
}

/**
 * Makes a version of complete, closed files. One transaction decides preconditions, lock and version id, so
 * that of two writers with `If-None-Match: *` only one succeeds.
 */
export function commitVersion(
  call: S3Call,
  bucketName: string,
  key: string,
  make: (bucket: Bucket) => MadeVersion,
): { version: Version; bucket: Bucket } {
  const { catalog, files } = call
  const { version, orphans, bucket, unused } = catalog.transact(() => {
    const bucket = call.findBucket(bucketName)
    checkWrite(call.request.headers, catalog.currentVersion(bucket.id, key), key)
    const { content, lock, modifiedMs, order, unused = [] } = make(bucket)
    return {
      bucket,
      unused,
      ...catalog.addVersion(
        { bucketId: bucket.id, key, content, lock, modifiedMs, order },
        bucket.versioning === 'Enabled',
      ),
    }
  })
  files.remove([...orphans, ...unused])
  return { version, bucket }
}

/**
 * S3 requires a digest where a retention period applies.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
 */
export function requireDigest(call: S3Call, bucket: Bucket): void {
  const { headers } = call.request
  if (!hasLockHeaders(headers) && bucket.lockDefault === null) return
  if (readContentMd5(headers) !== null || readClaimedChecksum(headers) !== null) return
  throw new AwsError(
    400,
    'InvalidRequest',
    'Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters',
  )
}
