// CopyObject: a read of one object and a write of another; the caller needs the permission for each.

import { AwsError } from '../../protocol/aws-error.ts'
import type { ServiceReply } from '../../protocol/service.ts'
import type { XmlElement } from '../../protocol/xml.ts'
import type { S3Call } from '../call.ts'
import type { Content } from '../model.ts'
import { xmlReply } from '../reply.ts'
import { isChecksumAlgorithm } from './checksum.ts'
import type { ChecksumAlgorithm } from './checksum.ts'
import { checkCopyBytes, copyBytes, findSource, readDirective, sourceHeaders } from './copy-source.ts'
import { encryptionHeaders, isoSecond, versionHeaders } from './headers.ts'
import { checkWriteConditions } from './preconditions.ts'
import {
  allowWrite,
  commitVersion,
  makeContent,
  makeEtag,
  makeLock,
  readWrittenHeaders,
} from './write-object.ts'

export async function copyObject(call: S3Call): Promise<ServiceReply> {
  const key = call.requireKey()
  const bucket = call.requireBucket()
  await allowWrite(call, bucket, key, true)
  checkWriteConditions(call.request.headers)
  const source = await findSource(call)
  checkCopyBytes(source.content.bytes)
  const replacesMetadata = readDirective(call, 'x-amz-metadata-directive') === 'REPLACE'
  const replacesTags = readDirective(call, 'x-amz-tagging-directive') === 'REPLACE'
  const written = await readWrittenHeaders(call, bucket)
  const isSame = source.bucket.id === bucket.id && source.version.key === key && !source.isById
  if (isSame && !replacesMetadata) requireChange(call)
  const algorithm = readAlgorithm(call) ?? source.content.checksum?.algorithm ?? null
  return call.files.withDraft(async (draft) => {
    const range = { first: 0, last: source.content.bytes - 1 }
    const { md5, checksum } = await copyBytes(
      call.files,
      { content: source.content, range },
      draft,
      algorithm,
    )
    const etag = makeEtag(md5, written.encryption)
    const content: Content = {
      ...makeContent(written, draft, etag, checksum),
      headers: replacesMetadata ? written.headers : source.content.headers,
      tags: replacesTags ? written.tags : source.content.tags,
    }
    const committed = commitVersion(call, bucket.name, key, (current) => {
      const modifiedMs = call.nowMs
      return { content, lock: makeLock(written.lock, current, modifiedMs), modifiedMs, order: null }
    })
    const elements: XmlElement[] = [
      ['LastModified', isoSecond(committed.version.modifiedMs)],
      ['ETag', `"${etag}"`],
    ]
    if (checksum !== null)
      elements.push(['ChecksumType', checksum.type], [`Checksum${checksum.algorithm}`, checksum.value])
    return xmlReply('CopyObjectResult', elements, {
      ...versionHeaders(committed.bucket, committed.version),
      ...encryptionHeaders(written.encryption),
      ...sourceHeaders(source),
    })
  })
}

/** Throws InvalidRequest for a copy of an object to itself that changes nothing. */
function requireChange({ request }: S3Call): void {
  const changing = ['x-amz-storage-class', 'x-amz-website-redirect-location', 'x-amz-server-side-encryption']
  if (changing.some((name) => request.headers[name] !== undefined)) return
  throw new AwsError(
    400,
    'InvalidRequest',
    "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
  )
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
