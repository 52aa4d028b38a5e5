// Multipart uploads: begin, parts, completion. A completed object is dated when its upload began, as in S3.

import { createHash } from 'node:crypto'
import { AwsError } from '../../protocol/aws-error.ts'
import type { ServiceReply } from '../../protocol/service.ts'
import { childrenOf, expectOnly, parseXml, refuseXml, renderXml, textOf } from '../../protocol/xml.ts'
import type { XmlNode } from '../../protocol/xml.ts'
import { emptyReply, xmlReply } from '../call.ts'
import type { S3Call } from '../call.ts'
import type { Bucket, Checksum, Content, Part, Upload } from '../model.ts'
import {
  checksumHeader,
  createDigest,
  isChecksumAlgorithm,
  readClaimedChecksum,
  receivePayload,
} from '../objects/checksum.ts'
import type { ChecksumAlgorithm } from '../objects/checksum.ts'
import { streamContent } from '../objects/content-stream.ts'
import { s3Namespace } from '../objects/delete-objects.ts'
import { allowKey, checkCustomerKey } from '../objects/encryption.ts'
import { encryptionHeaders } from '../objects/headers.ts'
import { checkWriteConditions } from '../objects/preconditions.ts'
import {
  allowWrite,
  commitVersion,
  entityTooLarge,
  makeEtag,
  makeLock,
  readWrittenHeaders,
  requireDigest,
  versionHeaders,
} from '../objects/put-object.ts'

const largestPartBytes = 5 * 1024 ** 3
const smallestPartBytes = 5 * 1024 ** 2
const mostParts = 10_000
const longestCompletionBytes = 4 * 1024 * 1024

export async function createMultipartUpload(call: S3Call): Promise<ServiceReply> {
  const key = call.requireKey()
  const bucket = call.requireBucket()
  await allowWrite(call, bucket, key, false)
  const written = await readWrittenHeaders(call, bucket)
  const checksum = readUploadChecksum(call)
  const upload = call.catalog.transact(() =>
    call.catalog.createUpload({
      bucketId: bucket.id,
      key,
      initiatedMs: call.nowMs,
      initiator: call.request.principal.arn,
      headers: written.kept,
      storageClass: written.storageClass,
      encryption: written.encryption,
      checksum,
      tags: written.tags,
      acl: written.acl,
      askedLock: written.lock,
    }),
  )
  return xmlReply(
    200,
    renderXml('InitiateMultipartUploadResult', s3Namespace, [
      ['Bucket', bucket.name],
      ['Key', key],
      ['UploadId', upload.id],
    ]),
    {
      ...encryptionHeaders(upload.encryption),
      ...(checksum === null
        ? {}
        : { 'x-amz-checksum-algorithm': checksum.algorithm, 'x-amz-checksum-type': checksum.type }),
    },
  )
}

function readUploadChecksum(call: S3Call): Upload['checksum'] {
  const algorithm = call.header('x-amz-checksum-algorithm')?.toUpperCase() ?? null
  const asked = call.header('x-amz-checksum-type')?.toUpperCase() ?? null
  if (algorithm === null) {
    if (asked === null) return null
    throw new AwsError(
      400,
      'InvalidRequest',
      'The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.',
    )
  }
  if (!isChecksumAlgorithm(algorithm))
    throw new AwsError(
      400,
      'InvalidRequest',
      'Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]',
    )
  const type = asked ?? (algorithm === 'CRC64NVME' ? 'FULL_OBJECT' : 'COMPOSITE')
  if (type !== 'FULL_OBJECT' && type !== 'COMPOSITE')
    throw new AwsError(400, 'InvalidRequest', 'Value for x-amz-checksum-type header is invalid.')
  const isCrc = algorithm.startsWith('CRC')
  if ((type === 'FULL_OBJECT' && !isCrc) || (type === 'COMPOSITE' && algorithm === 'CRC64NVME')) {
    throw new AwsError(
      400,
      'InvalidRequest',
      `The ${type} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`,
    )
  }
  return { algorithm, type }
}

export function requireUpload(call: S3Call, bucket: Bucket, key: string): Upload {
  const id = call.query.get('uploadId') ?? ''
  const upload = call.catalog.findUpload(bucket.id, key, id)
  if (upload !== null) return upload
  throw new AwsError(
    404,
    'NoSuchUpload',
    'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
    { fields: { UploadId: id.slice(0, 256) } },
  )
}

export function readPartNumber(call: S3Call): number {
  const text = call.query.get('partNumber') ?? ''
  const number = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (number >= 1 && number <= mostParts) return number
  throw new AwsError(
    400,
    'InvalidArgument',
    'Part number must be an integer between 1 and 10000, inclusive',
    { fields: { ArgumentName: 'partNumber', ArgumentValue: text.slice(0, 32) } },
  )
}

export async function uploadPart(call: S3Call): Promise<ServiceReply> {
  const key = call.requireKey()
  const { request, files } = call
  const { body, headers } = request
  const bucket = call.requireBucket()
  await allowWrite(call, bucket, key, false)
  const number = readPartNumber(call)
  const upload = requireUpload(call, bucket, key)
  checkCustomerKey(upload.encryption, headers)
  if (body.bytes === null)
    throw new AwsError(411, 'MissingContentLength', 'You must provide the Content-Length HTTP header.')
  if (body.bytes > largestPartBytes) throw entityTooLarge(body.bytes)
  checkPartChecksum(upload, readClaimedChecksum(headers)?.algorithm ?? null)
  requireDigest(call, bucket)
  const draft = files.create()
  try {
    const { md5, checksum } = await receivePayload(
      body,
      headers,
      (part) => draft.write(part),
      upload.checksum?.algorithm ?? null,
    )
    if (draft.bytes !== body.bytes)
      throw new AwsError(
        400,
        'IncompleteBody',
        'You did not provide the number of bytes specified by the Content-Length HTTP header',
      )
    draft.close()
    const part = {
      number,
      bytes: draft.bytes,
      etag: makeEtag(md5, upload.encryption),
      modifiedMs: call.nowMs,
      file: draft.id,
      checksum: checksum?.value ?? null,
    }
    storePart(call, bucket, upload, part)
    return emptyReply(200, {
      etag: `"${part.etag}"`,
      ...encryptionHeaders(upload.encryption),
      ...(checksum === null ? {} : { [checksumHeader(checksum.algorithm)]: checksum.value }),
    })
  } catch (error) {
    draft.discard()
    throw error
  }
}

function checkPartChecksum(upload: Upload, algorithm: ChecksumAlgorithm | null): void {
  if (algorithm === null || upload.checksum === null || upload.checksum.algorithm === algorithm) return
  throw new AwsError(
    400,
    'InvalidRequest',
    `Checksum Type mismatch occurred, expected checksum Type: ${upload.checksum.algorithm.toLowerCase()}, actual checksum Type: ${algorithm.toLowerCase()}`,
  )
}

/** Puts a part in the place of an earlier one with its number. Throws NoSuchUpload if the upload has ended meanwhile. */
export function storePart(call: S3Call, bucket: Bucket, upload: Upload, part: Part): void {
  const replaced = call.catalog.transact(() => {
    requireUpload(call, bucket, upload.key)
    return call.catalog.putPart(upload.id, part)
  })
  if (replaced !== null) call.files.remove([replaced])
}

interface NamedPart {
  number: number
  etag: string
  checksum: string | null
}

export async function completeMultipartUpload(call: S3Call): Promise<ServiceReply> {
  const key = call.requireKey()
  const { headers } = call.request
  const bucket = call.requireBucket()
  await allowWrite(call, bucket, key, true)
  checkWriteConditions(headers)
  const upload = requireUpload(call, bucket, key)
  checkCustomerKey(upload.encryption, headers)
  await allowKey(call, upload.encryption, 'kms:Decrypt')
  // The digest in the headers is of the object, not of this document.
  const document = await call.request.body.read(longestCompletionBytes)
  const parts = chooseParts(
    upload,
    call.catalog.listParts(upload.id),
    readNamedParts(parseXml(document, 'CompleteMultipartUpload'), upload),
  )
  const content = await assemble(call, upload, parts)
  const committed = commitVersion(call, bucket.name, key, (current) => {
    requireUpload(call, current, key)
    const stored = new Set(call.catalog.listParts(upload.id).map(({ file }) => file))
    for (const { file } of parts) if (!stored.delete(file)) throw invalidPart()
    call.catalog.deleteUpload(upload.id)
    return {
      content,
      lock: makeLock(upload.askedLock, current, upload.initiatedMs),
      modifiedMs: upload.initiatedMs,
      order: upload.order,
      unused: [...stored],
    }
  })
  return xmlReply(
    200,
    renderXml('CompleteMultipartUploadResult', s3Namespace, [
      ['Location', `http://${headers.host ?? 'localhost'}${call.request.path}`],
      ['Bucket', bucket.name],
      ['Key', key],
      ['ETag', `"${content.etag}"`],
      ...(content.checksum === null
        ? []
        : ([
            [`Checksum${content.checksum.algorithm}`, content.checksum.value],
            ['ChecksumType', content.checksum.type],
          ] as [string, string][])),
    ]),
    { ...versionHeaders(committed.bucket, committed.version), ...encryptionHeaders(upload.encryption) },
  )
}

function readNamedParts(root: XmlNode, upload: Upload): NamedPart[] {
  expectOnly(root, 'Part')
  const parts = childrenOf(root, 'Part').map((part): NamedPart => {
    expectOnly(
      part,
      'PartNumber',
      'ETag',
      'ChecksumCRC32',
      'ChecksumCRC32C',
      'ChecksumCRC64NVME',
      'ChecksumSHA1',
      'ChecksumSHA256',
    )
    const [number, etag] = [textOf(part, 'PartNumber') ?? '', textOf(part, 'ETag')]
    if (!/^\d{1,5}$/.test(number) || etag === null) refuseXml()
    const checksum = upload.checksum === null ? null : textOf(part, `Checksum${upload.checksum.algorithm}`)
    return { number: Number(number), etag: etag.replace(/^"(.*)"$/, '$1'), checksum }
  })
  if (parts.length === 0 || parts.length > mostParts) refuseXml()
  return parts
}

const invalidPart = () =>
  new AwsError(
    400,
    'InvalidPart',
    "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
  )

function chooseParts(upload: Upload, stored: Part[], named: NamedPart[]): Part[] {
  const byNumber = new Map(stored.map((part) => [part.number, part]))
  const chosen = named.map(({ number, etag, checksum }, at) => {
    const previous = named[at - 1]
    if (previous !== undefined && previous.number >= number)
      throw new AwsError(
        400,
        'InvalidPartOrder',
        'The list of parts was not in ascending order. The parts list must be specified in order by part number.',
      )
    const part = byNumber.get(number)
    if (part === undefined || part.etag !== etag || (checksum !== null && checksum !== part.checksum))
      throw invalidPart()
    if (upload.checksum?.type === 'COMPOSITE' && checksum === null) {
      throw new AwsError(
        400,
        'InvalidRequest',
        `The upload was created using a ${upload.checksum.algorithm.toLowerCase()} checksum. The complete request must include the checksum for each part. It was missing for part ${number} in the request.`,
      )
    }
    return part
  })
  for (const part of chosen.slice(0, -1)) {
    if (part.bytes >= smallestPartBytes) continue
    throw new AwsError(
      400,
      'EntityTooSmall',
      'Your proposed upload is smaller than the minimum allowed size',
      {
        fields: {
          ProposedSize: String(part.bytes),
          MinSizeAllowed: String(smallestPartBytes),
          PartNumber: String(part.number),
          ETag: part.etag,
        },
      },
    )
  }
  return chosen
}

async function assemble(call: S3Call, upload: Upload, parts: Part[]): Promise<Content> {
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0)
  const expectedBytes = call.header('x-amz-mp-object-size')
  if (expectedBytes !== null && expectedBytes !== String(bytes))
    throw new AwsError(
      400,
      'InvalidRequest',
      'The provided x-amz-mp-object-size header value does not match what was computed.',
    )
  const md5 = createHash('md5')
  for (const part of parts) md5.update(Buffer.from(part.etag, 'hex'))
  const content: Content = {
    bytes,
    etag: `${md5.digest('hex')}-${parts.length}`,
    partCount: parts.length,
    segments: parts.map((part) => ({
      file: part.file,
      bytes: part.bytes,
      partNumber: part.number,
      checksum: part.checksum,
    })),
    headers: upload.headers,
    storageClass: upload.storageClass,
    encryption: upload.encryption,
    checksum: null,
    tags: upload.tags,
    acl: upload.acl,
  }
  const checksum = upload.checksum === null ? null : await combineChecksums(call, upload.checksum, content)
  const claimed = readClaimedChecksum(call.request.headers)
  if (
    claimed !== null &&
    checksum !== null &&
    claimed.algorithm === checksum.algorithm &&
    claimed.value !== checksum.value
  ) {
    throw new AwsError(
      400,
      'BadDigest',
      `The ${claimed.algorithm} you specified did not match the calculated checksum.`,
    )
  }
  return { ...content, checksum }
}

// Of a composite: the checksum of the parts' checksums. Of the whole object: every byte is read again, which nothing can fool.
async function combineChecksums(
  call: S3Call,
  { algorithm, type }: NonNullable<Upload['checksum']>,
  content: Content,
): Promise<Checksum> {
  const digest = createDigest(algorithm)
  if (type === 'COMPOSITE') {
    for (const { checksum } of content.segments) digest.update(Buffer.from(checksum ?? '', 'base64'))
    return { algorithm, type, value: `${await digest.digest()}-${content.segments.length}` }
  }
  for await (const part of streamContent(call.files, content, { first: 0, last: content.bytes - 1 }))
    digest.update(part as Buffer)
  return { algorithm, type, value: await digest.digest() }
}

export async function abortMultipartUpload(call: S3Call): Promise<ServiceReply> {
  const key = call.requireKey()
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:AbortMultipartUpload', key)
  const orphans = call.catalog.transact(() => {
    const upload = requireUpload(call, bucket, key)
    const files = call.catalog.listParts(upload.id).map((part) => part.file)
    call.catalog.deleteUpload(upload.id)
    return files
  })
  call.files.remove(orphans)
  return emptyReply(204)
}
