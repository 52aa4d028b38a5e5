// UploadPart and UploadPartCopy.

import { AwsError } from '../../protocol/aws-error.ts'
import type { ServiceReply } from '../../protocol/service.ts'
import type { XmlElement } from '../../protocol/xml.ts'
import type { FileDraft } from '../../store/object-files.ts'
import type { S3Call } from '../call.ts'
import type { Bucket, Part, Upload } from '../model.ts'
import { checksumHeader, readClaimedChecksum } from '../objects/checksum.ts'
import type { ChecksumAlgorithm, VerifiedPayload } from '../objects/checksum.ts'
import {
  checkCopyBytes,
  copyBytes,
  findSource,
  readCopyRange,
  sourceHeaders,
} from '../objects/copy-source.ts'
import { checkCustomerKey } from '../objects/encryption.ts'
import { encryptionHeaders, isoSecond } from '../objects/headers.ts'
import { allowWrite, makeEtag, receiveInto, requireDigest, requireLength } from '../objects/write-object.ts'
import { emptyReply, xmlReply } from '../reply.ts'
import { requireUpload } from './uploads.ts'

const maxParts = 10_000

function readPartNumber(call: S3Call): number {
  const text = call.query.get('partNumber') ?? ''
  const number = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (number >= 1 && number <= maxParts) return number
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
  const bucket = call.requireBucket()
  await allowWrite(call, bucket, key, false)
  const number = readPartNumber(call)
  const upload = requireUpload(call, bucket, key)
  checkCustomerKey(upload.encryption, request.headers)
  requireLength(request.body)
  checkPartChecksum(upload, readClaimedChecksum(request.headers)?.algorithm ?? null)
  requireDigest(call, bucket)
  return files.withDraft(async (draft) => {
    const payload = await receiveInto(draft, request, upload.checksum?.algorithm ?? null)
    const part = makePart(call, upload, { number, draft, ...payload })
    storePart(call, bucket, upload, part)
    const { checksum } = payload
    return emptyReply(200, {
      etag: `"${part.etag}"`,
      ...encryptionHeaders(upload.encryption),
      ...(checksum === null ? {} : { [checksumHeader(checksum.algorithm)]: checksum.value }),
    })
  })
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
  checkCopyBytes(range.last - range.first + 1)
  return call.files.withDraft(async (draft) => {
    const algorithm = upload.checksum?.algorithm ?? null
    const bytes = await copyBytes(call.files, { content: source.content, range }, draft, algorithm)
    const part = makePart(call, upload, { number, draft, ...bytes })
    storePart(call, bucket, upload, part)
    const elements: XmlElement[] = [
      ['LastModified', isoSecond(part.modifiedMs)],
      ['ETag', `"${part.etag}"`],
    ]
    if (bytes.checksum !== null) elements.push([`Checksum${bytes.checksum.algorithm}`, bytes.checksum.value])
    return xmlReply('CopyPartResult', elements, {
      ...encryptionHeaders(upload.encryption),
      ...sourceHeaders(source),
    })
  })
}

interface ReceivedPart extends VerifiedPayload {
  number: number
  draft: FileDraft
}

function makePart(call: S3Call, upload: Upload, { number, draft, md5, checksum }: ReceivedPart): Part {
  return {
    number,
    bytes: draft.bytes,
    etag: makeEtag(md5, upload.encryption),
    modifiedMs: call.nowMs,
    file: draft.id,
    checksum: checksum?.value ?? null,
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

/**
 * Stores a part, and replaces an earlier part with its number. Throws NoSuchUpload if the upload has ended in
 * the meantime.
 */
function storePart(call: S3Call, bucket: Bucket, upload: Upload, part: Part): void {
  const replaced = call.catalog.transact(() => {
    requireUpload(call, bucket, upload.key)
    return call.catalog.putPart(upload.id, part)
  })
  if (replaced !== null) call.files.remove([replaced])
}
