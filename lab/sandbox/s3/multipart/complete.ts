// CompleteMultipartUpload: makes an object out of the parts that the client names.

import { createHash } from 'node:crypto'
import { AwsError } from '../../protocol/aws-error.ts'
import type { ServiceReply } from '../../protocol/service.ts'
import { childrenOf, expectOnly, parseXml, refuseXml, textOf } from '../../protocol/xml.ts'
import type { XmlNode } from '../../protocol/xml.ts'
import type { S3Call } from '../call.ts'
import type { Checksum, Content, Part, Upload } from '../model.ts'
import { createDigest, readClaimedChecksum } from '../objects/checksum.ts'
import { streamContent } from '../objects/content-stream.ts'
import { allowKey, checkCustomerKey } from '../objects/encryption.ts'
import { encryptionHeaders, versionHeaders } from '../objects/headers.ts'
import { checkWriteConditions } from '../objects/preconditions.ts'
import { allowWrite, commitVersion, makeLock } from '../objects/write-object.ts'
import { xmlReply } from '../reply.ts'
import { requireUpload } from './uploads.ts'

const minPartBytes = 5 * 1024 ** 2
const maxParts = 10_000
const maxCompletionBytes = 4 * 1024 * 1024

interface ListedPart {
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
  // `body.read` verifies no digest, because the digest in the headers is that of the object, not of this
  // document.
  const document = await call.request.body.read(maxCompletionBytes)
  const parts = chooseParts(
    upload,
    call.catalog.listParts(upload.id),
    readListedParts(parseXml(document, 'CompleteMultipartUpload'), upload),
  )
  const content = await assemble(call, upload, parts)
  const committed = commitVersion(call, bucket.name, key, (current) => {
    requireUpload(call, current, key)
    const stored = new Set(call.catalog.listParts(upload.id).map(({ file }) => file))
    for (const { file } of parts) if (!stored.delete(file)) throw invalidPart()
    call.catalog.deleteUpload(upload.id)
    return {
      content,
      lock: makeLock(upload.requestedLock, current, upload.initiatedMs),
      modifiedMs: upload.initiatedMs,
      order: upload.order,
      unused: [...stored],
    }
  })
  return xmlReply(
    'CompleteMultipartUploadResult',
    [
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
    ],
    { ...versionHeaders(committed.bucket, committed.version), ...encryptionHeaders(upload.encryption) },
  )
}

function readListedParts(root: XmlNode, upload: Upload): ListedPart[] {
  expectOnly(root, 'Part')
  const parts = childrenOf(root, 'Part').map((part): ListedPart => {
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
  if (parts.length === 0 || parts.length > maxParts) refuseXml()
  return parts
}

const invalidPart = () =>
  new AwsError(
    400,
    'InvalidPart',
    "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
  )

function chooseParts(upload: Upload, stored: Part[], named: ListedPart[]): Part[] {
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
    if (part.bytes >= minPartBytes) continue
    throw new AwsError(
      400,
      'EntityTooSmall',
      'Your proposed upload is smaller than the minimum allowed size',
      {
        fields: {
          ProposedSize: String(part.bytes),
          MinSizeAllowed: String(minPartBytes),
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

// A composite is the checksum of the parts' checksums. A checksum of the whole object reads every byte again,
// so that no wrong part checksum can pass.
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
