// The source of CopyObject and UploadPartCopy: found, checked and copied.

import { createHash } from 'node:crypto'
import { AwsError } from '../../protocol/aws-error.ts'
import { decodePercent, parseQuery } from '../../signature/query.ts'
import type { ObjectFiles } from '../../store/object-files.ts'
import type { FileDraft } from '../../store/object-files.ts'
import type { S3Call } from '../call.ts'
import type { Content } from '../model.ts'
import type { ByteRange } from './byte-range.ts'
import { createDigest } from './checksum.ts'
import type { ChecksumAlgorithm } from './checksum.ts'
import { streamContent } from './content-stream.ts'
import { allowKey, checkCustomerKey } from './encryption.ts'
import { findReadable } from './find-version.ts'
import { checkReadable } from './headers.ts'
import type { ReadableVersion } from './find-version.ts'
import { checkCopySource } from './preconditions.ts'

const maxCopyBytes = 5 * 1024 ** 3

export interface CopySource extends ReadableVersion {
  /** Whether the request names the version by its id. */
  isById: boolean
}

/** Finds the source, and checks that the caller may read it and that the request's conditions hold. */
export async function findSource(call: S3Call): Promise<CopySource> {
  const { headers } = call.request
  const { bucketName, key, versionId } = readCopySource(call.header('x-amz-copy-source') ?? '')
  const source = await findReadable(call, {
    bucket: call.findSourceBucket(bucketName),
    key,
    versionId,
    action: 's3:GetObject',
  })
  const { content, version } = source
  if (content.tags.length > 0 && readDirective(call, 'x-amz-tagging-directive') === 'COPY') {
    await call.allow(
      source.bucket,
      versionId === null ? 's3:GetObjectTagging' : 's3:GetObjectVersionTagging',
      key,
    )
  }
  checkCustomerKey(content.encryption, headers, 'x-amz-copy-source-server-side-encryption-customer')
  await allowKey(call, content.encryption, 'kms:Decrypt')
  checkCopySource(headers, content.etag, version.modifiedMs)
  checkReadable(content)
  return { ...source, isById: versionId !== null }
}

/** The version id of the source, where its bucket keeps versions. */
export function sourceHeaders({ bucket, version }: CopySource): Record<string, string> {
  return bucket.versioning === null ? {} : { 'x-amz-copy-source-version-id': version.versionId }
}

export function checkCopyBytes(bytes: number): void {
  if (bytes <= maxCopyBytes) return
  throw new AwsError(
    400,
    'InvalidRequest',
    'The specified copy source is larger than the maximum allowable size for a copy source: 5368709120',
  )
}

interface CopySourceName {
  bucketName: string
  key: string
  versionId: string | null
}

/** `[/]bucket/key[?versionId=…]`, percent-encoded. */
function readCopySource(source: string): CopySourceName {
  const [path = '', query = ''] = source.split('?', 2)
  const text = decodePercent(path).replace(/^\//, '')
  const slash = text.indexOf('/')
  const [bucketName, key] = [text.slice(0, Math.max(0, slash)), text.slice(slash + 1)]
  if (bucketName === '' || key === '' || bucketName.startsWith('arn:')) {
    throw new AwsError(
      400,
      'InvalidArgument',
      'Copy Source must mention the source bucket and key: sourcebucket/sourcekey',
      { fields: { ArgumentName: 'x-amz-copy-source', ArgumentValue: source.slice(0, 256) } },
    )
  }
  return {
    bucketName,
    key,
    versionId: parseQuery(query).find((entry) => entry.name === 'versionId')?.value ?? null,
  }
}

export function readDirective(call: S3Call, name: string): 'COPY' | 'REPLACE' {
  const value = call.header(name) ?? 'COPY'
  if (value === 'COPY' || value === 'REPLACE') return value
  throw new AwsError(400, 'InvalidArgument', `Unknown ${name} value.`, {
    fields: { ArgumentName: name, ArgumentValue: value.slice(0, 64) },
  })
}

/** A copy accepts only the full form `bytes=first-last`, unlike a GET. */
export function readCopyRange(call: S3Call, bytes: number): ByteRange {
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

interface CopiedBytes {
  md5: string
  checksum: { algorithm: ChecksumAlgorithm; type: 'FULL_OBJECT'; value: string } | null
}

/** Copies a range of an object into a file, and closes the file. */
export async function copyBytes(
  files: ObjectFiles,
  { content, range }: { content: Content; range: ByteRange },
  draft: FileDraft,
  algorithm: ChecksumAlgorithm | null,
): Promise<CopiedBytes> {
  const md5 = createHash('md5')
  const digest = algorithm === null ? null : createDigest(algorithm)
  if (range.last >= range.first) {
    for await (const part of streamContent(files, content, range) as AsyncIterable<Buffer>) {
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
