// CopyObject and UploadPartCopy: a read of one object and a write of another, each allowed for itself.

import { createHash } from 'node:crypto'
import { AwsError } from '../../protocol/aws-error.ts'
import type { ServiceReply } from '../../protocol/service.ts'
import { renderXml } from '../../protocol/xml.ts'
import { decodePercent, parseQuery } from '../../signature/query.ts'
import type { FileDraft } from '../../store/object-files.ts'
import { xmlReply } from '../call.ts'
import type { S3Call } from '../call.ts'
import type { Content } from '../model.ts'
import { readPartNumber, requireUpload, storePart } from '../multipart/uploads.ts'
import type { ByteRange } from './byte-range.ts'
import { createDigest, isChecksumAlgorithm } from './checksum.ts'
import type { ChecksumAlgorithm } from './checksum.ts'
import { streamContent } from './content-stream.ts'
import { s3Namespace } from './delete-objects.ts'
import { allowKey, checkCustomerKey } from './encryption.ts'
import { findReadable } from './get-object.ts'
import type { ReadableVersion } from './get-object.ts'
import { encryptionHeaders, isoSecond } from './headers.ts'
import { checkCopySource, checkWriteConditions } from './preconditions.ts'
import {
  allowWrite,
  commitVersion,
  makeEtag,
  makeLock,
  readWrittenHeaders,
  versionHeaders,
} from './put-object.ts'

const largestCopyBytes = 5 * 1024 ** 3

export async function copyObject(call: S3Call): Promise<ServiceReply> {
  const key = call.requireKey()
  const { headers } = call.request
  const bucket = call.requireBucket()
  await allowWrite(call, bucket, key, true)
  checkWriteConditions(headers)
  const source = await findSource(call)
  if (source.content.bytes > largestCopyBytes)
    throw new AwsError(
      400,
      'InvalidRequest',
      'The specified copy source is larger than the maximum allowable size for a copy source: 5368709120',
    )
  const [metadata, tagging] = ['x-amz-metadata-directive', 'x-amz-tagging-directive'].map((name) =>
    readDirective(call, name),
  )
  const written = await readWrittenHeaders(call, bucket)
  const isSame = source.bucket.id === bucket.id && source.version.key === key && !source.named
  const changes =
    metadata === 'REPLACE' ||
    ['x-amz-storage-class', 'x-amz-website-redirect-location', 'x-amz-server-side-encryption'].some(
      (name) => headers[name] !== undefined,
    )
  if (isSame && !changes)
    throw new AwsError(
      400,
      'InvalidRequest',
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    )
  const algorithm = readAlgorithm(call) ?? source.content.checksum?.algorithm ?? null
  const draft = call.files.create()
  try {
    const { md5, checksum } = await copyBytes(
      call,
      source.content,
      { first: 0, last: source.content.bytes - 1 },
      draft,
      algorithm,
    )
    const etag = makeEtag(md5, written.encryption)
    const { version, bucket: current } = commitVersion(call, bucket.name, key, (current) => {
      const modifiedMs = call.nowMs
      const content: Content = {
        bytes: draft.bytes,
        etag,
        partCount: null,
        segments: [{ file: draft.id, bytes: draft.bytes, partNumber: 1, checksum: null }],
        headers: metadata === 'REPLACE' ? written.kept : source.content.headers,
        storageClass: written.storageClass,
        encryption: written.encryption,
        checksum,
        tags: tagging === 'REPLACE' ? written.tags : source.content.tags,
        acl: written.acl,
      }
      return { content, lock: makeLock(written.lock, current, modifiedMs), modifiedMs, order: null }
    })
    const body = renderXml('CopyObjectResult', s3Namespace, [
      ['LastModified', isoSecond(version.modifiedMs)],
      ['ETag', `"${etag}"`],
      ...(checksum === null
        ? []
        : ([
            ['ChecksumType', checksum.type],
            [`Checksum${checksum.algorithm}`, checksum.value],
          ] as [string, string][])),
    ])
    return xmlReply(200, body, {
      ...versionHeaders(current, version),
      ...encryptionHeaders(written.encryption),
      ...(source.bucket.versioning === null
        ? {}
        : { 'x-amz-copy-source-version-id': source.version.versionId }),
    })
  } catch (error) {
    draft.discard()
    throw error
  }
}

export async function uploadPartCopy(call: S3Call): Promise<ServiceReply> {
  const key = call.requireKey()
  const bucket = call.requireBucket()
  await allowWrite(call, bucket, key, false)
  const number = readPartNumber(call)
  const upload = requireUpload(call, bucket, key)
  checkCustomerKey(upload.encryption, call.request.headers)
  const source = await findSource(call)
  const range = readCopyRange(call, source.content.bytes)
  if (range.last - range.first + 1 > largestCopyBytes)
    throw new AwsError(
      400,
      'InvalidRequest',
      'The specified copy source is larger than the maximum allowable size for a copy source: 5368709120',
    )
  const draft = call.files.create()
  try {
    const { md5, checksum } = await copyBytes(
      call,
      source.content,
      range,
      draft,
      upload.checksum?.algorithm ?? null,
    )
    const part = {
      number,
      bytes: draft.bytes,
      etag: makeEtag(md5, upload.encryption),
      modifiedMs: call.nowMs,
      file: draft.id,
      checksum: checksum?.value ?? null,
    }
    storePart(call, bucket, upload, part)
    const body = renderXml('CopyPartResult', s3Namespace, [
      ['LastModified', isoSecond(part.modifiedMs)],
      ['ETag', `"${part.etag}"`],
      ...(checksum === null
        ? []
        : ([[`Checksum${checksum.algorithm}`, checksum.value]] as [string, string][])),
    ])
    return xmlReply(200, body, {
      ...encryptionHeaders(upload.encryption),
      ...(source.bucket.versioning === null
        ? {}
        : { 'x-amz-copy-source-version-id': source.version.versionId }),
    })
  } catch (error) {
    draft.discard()
    throw error
  }
}

/** The source as the caller may read it, its conditions checked. `named`: by a version id. */
async function findSource(call: S3Call): Promise<ReadableVersion & { named: boolean }> {
  const { headers } = call.request
  const { name, key, versionId } = readCopySource(call.header('x-amz-copy-source') ?? '')
  const found = await findReadable(call, call.findSourceBucket(name), key, versionId, 's3:GetObject')
  const { content, version } = found
  if (content.tags.length > 0 && readDirective(call, 'x-amz-tagging-directive') === 'COPY') {
    await call.allow(
      found.bucket,
      versionId === null ? 's3:GetObjectTagging' : 's3:GetObjectVersionTagging',
      key,
    )
  }
  checkCustomerKey(content.encryption, headers, 'x-amz-copy-source-server-side-encryption-customer')
  await allowKey(call, content.encryption, 'kms:Decrypt')
  checkCopySource(headers, content.etag, version.modifiedMs)
  return { ...found, named: versionId !== null }
}

/** `[/]bucket/key[?versionId=…]`, percent-encoded. */
function readCopySource(source: string): { name: string; key: string; versionId: string | null } {
  const [path = '', query = ''] = source.split('?', 2)
  const text = decodePercent(path).replace(/^\//, '')
  const slash = text.indexOf('/')
  const [name, key] = [text.slice(0, Math.max(0, slash)), text.slice(slash + 1)]
  if (name === '' || key === '' || name.startsWith('arn:')) {
    throw new AwsError(
      400,
      'InvalidArgument',
      'Copy Source must mention the source bucket and key: sourcebucket/sourcekey',
      { fields: { ArgumentName: 'x-amz-copy-source', ArgumentValue: source.slice(0, 256) } },
    )
  }
  return {
    name,
    key,
    versionId: parseQuery(query).find((entry) => entry.name === 'versionId')?.value ?? null,
  }
}

function readDirective(call: S3Call, name: string): 'COPY' | 'REPLACE' {
  const value = call.header(name) ?? 'COPY'
  if (value === 'COPY' || value === 'REPLACE') return value
  throw new AwsError(400, 'InvalidArgument', `Unknown ${name} value.`, {
    fields: { ArgumentName: name, ArgumentValue: value.slice(0, 64) },
  })
}

function readAlgorithm(call: S3Call): ChecksumAlgorithm | null {
  const name = call.header('x-amz-checksum-algorithm')?.toUpperCase() ?? null
  if (name === null || isChecksumAlgorithm(name)) return name
  throw new AwsError(
    400,
    'InvalidRequest',
    'Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]',
  )
}

// Of a copied range only the full form is allowed, unlike in a GET.
function readCopyRange(call: S3Call, bytes: number): ByteRange {
  const header = call.header('x-amz-copy-source-range')
  if (header === null) return { first: 0, last: bytes - 1 }
  const match = /^bytes=(\d{1,16})-(\d{1,16})$/.exec(header)
  const [first, last] = [Number(match?.[1]), Number(match?.[2])]
  if (match === null || last < first)
    throw new AwsError(
      400,
      'InvalidArgument',
      'The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy',
    )
  if (last >= bytes)
    throw new AwsError(
      400,
      'InvalidRange',
      `The requested range is not valid for the request. Source size: ${bytes}`,
    )
  return { first, last }
}

interface Copied {
  md5: string
  checksum: { algorithm: ChecksumAlgorithm; type: 'FULL_OBJECT'; value: string } | null
}

async function copyBytes(
  call: S3Call,
  content: Content,
  range: ByteRange,
  draft: FileDraft,
  algorithm: ChecksumAlgorithm | null,
): Promise<Copied> {
  const md5 = createHash('md5')
  const digest = algorithm === null ? null : createDigest(algorithm)
  if (range.last >= range.first) {
    for await (const part of streamContent(call.files, content, range) as AsyncIterable<Buffer>) {
      md5.update(part)
      digest?.update(part)
      draft.write(part)
    }
  }
  draft.close()
  const checksum =
    algorithm === null || digest === null
      ? null
      : { algorithm, type: 'FULL_OBJECT' as const, value: await digest.digest() }
  return { md5: md5.digest('hex'), checksum }
}
