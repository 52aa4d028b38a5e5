// GetObject and HeadObject.

import { listKeys, versionKeys } from '../../condition-keys/s3.ts'
import { AwsError, denyAccess } from '../../protocol/aws-error.ts'
import type { ServiceReply } from '../../protocol/service.ts'
import { emptyReply } from '../call.ts'
import type { S3Call } from '../call.ts'
import type { Bucket, Content, Version } from '../model.ts'
import { readRange } from './byte-range.ts'
import type { ByteRange } from './byte-range.ts'
import { streamContent } from './content-stream.ts'
import { allowKey, checkCustomerKey } from './encryption.ts'
import { checksumHeaders, contentHeaders, httpDate, lockHeaders } from './headers.ts'
import { checkRead, notModifiedHeaders } from './preconditions.ts'
import { versionHeaders } from './put-object.ts'

export interface ReadableVersion {
  bucket: Bucket
  version: Version
  content: Content
}

/**
 * The version that a request names, once the caller may have it. What isn't there is 404 for those who may list the bucket
 * and 403 for others, so that nobody learns which keys exist.
 */
export async function findReadable(
  call: S3Call,
  bucket: Bucket,
  key: string,
  versionId: string | null,
  action: string,
): Promise<ReadableVersion> {
  const version = lookUp(call, bucket, key, versionId)
  await call.allow(
    bucket,
    versionId === null ? action : versionedAction(action),
    key,
    versionKeys(version?.content?.tags ?? [], versionId),
  )
  if (version === null || (version.content === null && versionId === null)) {
    const listable = await call.isAllowed(bucket, 's3:ListBucket', null, listKeys(new Map([['prefix', key]])))
    if (!listable) throw denyAccess()
    throw missing(bucket, key, versionId, version)
  }
  if (version.content === null) {
    throw new AwsError(
      405,
      'MethodNotAllowed',
      'The specified method is not allowed against this resource.',
      {
        fields: { Method: call.request.method, ResourceType: 'DeleteMarker' },
        headers: {
          allow: 'DELETE',
          'x-amz-delete-marker': 'true',
          'last-modified': httpDate(version.modifiedMs),
          ...versionHeaders(bucket, version),
        },
      },
    )
  }
  return { bucket, version, content: version.content }
}

/** s3:GetObjectTagging becomes s3:GetObjectVersionTagging, and so on; retention and legal hold have one action only. */
function versionedAction(action: string): string {
  return action.endsWith('Retention') || action.endsWith('LegalHold') || action.endsWith('Encryption')
    ? action
    : action.replace('Object', 'ObjectVersion')
}

export function lookUp(call: S3Call, bucket: Bucket, key: string, versionId: string | null): Version | null {
  if (versionId === null) return call.catalog.currentVersion(bucket.id, key)
  if (versionId === '')
    throw new AwsError(400, 'InvalidArgument', 'Version id cannot be the empty string', {
      fields: { ArgumentName: 'versionId', ArgumentValue: '' },
    })
  if (versionId.length > 1024) throw invalidVersionId('')
  return call.catalog.findVersion(bucket.id, key, versionId)
}

// Opaque as they are, they have a form. One of another store's passes for an id that this one no longer has.
export function isVersionId(text: string): boolean {
  return text === 'null' || /^[\w.-]{20,64}$/.test(text)
}

export function invalidVersionId(given: string): AwsError {
  return new AwsError(400, 'InvalidArgument', 'Invalid version id specified', {
    fields: { ArgumentName: 'versionId', ArgumentValue: given },
  })
}

/** InvalidArgument for what can't be a version id: asked after the permission, as for one that is not there. */
export function missing(
  bucket: Bucket,
  key: string,
  versionId: string | null,
  marker: Version | null,
): AwsError {
  if (versionId !== null && !isVersionId(versionId)) return invalidVersionId(versionId)
  if (versionId !== null)
    return new AwsError(404, 'NoSuchVersion', 'The specified version does not exist.', {
      fields: { Key: key, VersionId: versionId },
    })
  const headers = marker === null ? {} : { 'x-amz-delete-marker': 'true', ...versionHeaders(bucket, marker) }
  return new AwsError(404, 'NoSuchKey', 'The specified key does not exist.', {
    fields: { Key: key },
    headers,
  })
}

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
  const bucket = call.requireBucket()
  const found = await findReadable(
    call,
    bucket,
    call.requireKey(),
    call.query.get('versionId') ?? null,
    's3:GetObject',
  )
  const { version, content } = found
  checkCustomerKey(content.encryption, headers)
  await allowKey(call, content.encryption, 'kms:Decrypt')
  if (checkRead(headers, content.etag, version.modifiedMs) === 'not-modified') {
    return emptyReply(304, {
      ...notModifiedHeaders(content.etag, version.modifiedMs),
      ...versionHeaders(bucket, version),
    })
  }
  const part = readPartNumber(call, content)
  const range = part ?? readRange(call.header('range'), content.bytes)
  const reply: Record<string, string> = {
    ...contentHeaders(version, content),
    ...versionHeaders(bucket, version),
    ...(await visibleLock(call, found)),
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
