// GetObject and HeadObject.

import { AwsError } from '../../protocol/aws-error.ts'
import type { ServiceReply } from '../../protocol/service.ts'
import type { S3Call } from '../call.ts'
import type { Content } from '../model.ts'
import { emptyReply } from '../reply.ts'
import { readRange } from './byte-range.ts'
import type { ByteRange } from './byte-range.ts'
import { streamContent } from './content-stream.ts'
import { allowKey, checkCustomerKey } from './encryption.ts'
import { findRequestedVersion } from './find-version.ts'
import type { ReadableVersion } from './find-version.ts'
import { checkReadable, checksumHeaders, contentHeaders, lockHeaders, versionHeaders } from './headers.ts'
import { checkRead, notModifiedHeaders } from './preconditions.ts'

const overrides = [
  'content-type',
  'content-language',
  'expires',
  'cache-control',
  'content-disposition',
  'content-encoding',
]

export async function getObject(call: S3Call): Promise<ServiceReply> {
  const { headers, method, principal } = call.request
  const readable = await findRequestedVersion(call, 's3:GetObject')
  const { bucket, version, content } = readable
  checkCustomerKey(content.encryption, headers)
  await allowKey(call, content.encryption, 'kms:Decrypt')
  if (checkRead(headers, content.etag, version.modifiedMs) === 'not-modified') {
    return emptyReply(304, {
      ...notModifiedHeaders(content.etag, version.modifiedMs),
      ...versionHeaders(bucket, version),
    })
  }
  if (method === 'GET') checkReadable(content)
  const part = readPartNumber(call, content)
  const range = part ?? readRange(call.header('range'), content.bytes)
  const reply: Record<string, string> = {
    ...contentHeaders(version, content),
    ...versionHeaders(bucket, version),
    ...(await visibleLock(call, readable)),
    ...(call.header('x-amz-checksum-mode')?.toUpperCase() === 'ENABLED' && range === null
      ? checksumHeaders(content)
      : {}),
    ...(part !== null && content.partCount !== null
      ? { 'x-amz-mp-parts-count': String(content.partCount) }
      : {}),
  }
  for (const name of overrides) {
    const value = call.query.get(`response-${name}`)
    if (value === undefined) continue
    if (principal.kind === 'anonymous')
      throw new AwsError(
        400,
        'InvalidRequest',
        'Request specific response headers cannot be used for anonymous GET requests.',
      )
    reply[name] = value
  }
  const span = range ?? { first: 0, last: content.bytes - 1 }
  reply['content-length'] = String(span.last - span.first + 1)
  if (range !== null) reply['content-range'] = `bytes ${range.first}-${range.last}/${content.bytes}`
  const status = range === null ? 200 : 206
  if (method === 'HEAD' || content.bytes === 0) return { status, headers: reply }
  return { status, headers: reply, body: streamContent(call.files, content, span) }
}

function readPartNumber(call: S3Call, content: Content): ByteRange | null {
  const text = call.query.get('partNumber')
  if (text === undefined) return null
  if (call.header('range') !== null)
    throw new AwsError(
      400,
      'InvalidRequest',
      'Cannot specify both Range header and partNumber query parameter',
    )
  const number = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (number < 1 || number > 10_000)
    throw new AwsError(
      400,
      'InvalidArgument',
      'Part number must be an integer between 1 and 10000, inclusive',
      { fields: { ArgumentName: 'partNumber', ArgumentValue: text.slice(0, 32) } },
    )
  const before = content.segments.slice(0, number - 1).reduce((sum, segment) => sum + segment.bytes, 0)
  const segment = content.segments[number - 1]
  if (segment === undefined)
    throw new AwsError(416, 'InvalidPartNumber', 'The requested partnumber is not satisfiable', {
      fields: { PartNumberRequested: String(number), ActualPartCount: String(content.segments.length) },
    })
  return segment.bytes === 0 ? null : { first: before, last: before + segment.bytes - 1 }
}

async function visibleLock(
  call: S3Call,
  { bucket, version }: ReadableVersion,
): Promise<Record<string, string>> {
  const { lock, key } = version
  const retention = lock.mode !== null && (await call.isAllowed(bucket, 's3:GetObjectRetention', key))
  const legalHold = lock.legalHold && (await call.isAllowed(bucket, 's3:GetObjectLegalHold', key))
  return lockHeaders(lock, call.nowMs, { retention, legalHold })
}
