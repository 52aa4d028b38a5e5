// Headers of objects: those that a client may send with a write, and those that S3 returns.

import type { LockMode } from '../../../../core/store/object-store.ts'
import { AwsError } from '../../protocol/aws-error.ts'
import { periodMs, retentionOf } from '../lock/lock-rules.ts'
import type {
  RequestedLock,
  Bucket,
  Content,
  Encryption,
  EventHold,
  StoredHeaders,
  Lock,
  Version,
} from '../model.ts'
import { checksumHeader } from './checksum.ts'

type Headers = Readonly<Record<string, string>>

const storedNames = [
  'content-type',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'expires',
  'x-amz-website-redirect-location',
]
const maxMetadataBytes = 2048
const storageClasses = new Set([
  'STANDARD',
  'STANDARD_IA',
  'ONEZONE_IA',
  'INTELLIGENT_TIERING',
  'GLACIER',
  'DEEP_ARCHIVE',
  'GLACIER_IR',
  'REDUCED_REDUNDANCY',
])

export function readStoredHeaders(headers: Headers): StoredHeaders {
  const stored: StoredHeaders = {}
  for (const name of storedNames) if (headers[name] !== undefined) stored[name] = headers[name]
  // `aws-chunked` describes the framing of the payload, not the object.
  const encodings = (stored['content-encoding'] ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'aws-chunked')
  if (encodings.length > 0) stored['content-encoding'] = encodings.join(',')
  else delete stored['content-encoding']
  stored['content-type'] ??= 'binary/octet-stream'
  let metadataBytes = 0
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith('x-amz-meta-')) continue
    metadataBytes += Buffer.byteLength(name) - 'x-amz-meta-'.length + Buffer.byteLength(value)
    stored[name] = value
  }
  if (metadataBytes <= maxMetadataBytes) return stored
  throw new AwsError(
    400,
    'MetadataTooLarge',
    'Your metadata headers exceed the maximum allowed metadata size',
    { fields: { Size: String(metadataBytes), MaxSizeAllowed: String(maxMetadataBytes) } },
  )
}

export function readStorageClass(headers: Headers): string {
  const name = headers['x-amz-storage-class'] ?? 'STANDARD'
  if (storageClasses.has(name)) return name
  throw new AwsError(400, 'InvalidStorageClass', 'The storage class you specified is not valid')
}

/** S3 keeps these bytes in an archive: a HEAD succeeds, and a read needs a copy that was brought back. */
const archiveClasses: ReadonlySet<string> = new Set(['GLACIER', 'DEEP_ARCHIVE'])

/** Throws InvalidObjectState for a read of archived bytes. The sandbox brings no copies back. */
export function checkReadable({ storageClass }: Pick<Content, 'storageClass'>): void {
  if (!archiveClasses.has(storageClass)) return
  throw new AwsError(403, 'InvalidObjectState', "The operation is not valid for the object's storage class", {
    fields: { StorageClass: storageClass },
  })
}

/** Parses `x-amz-tagging`, a form. Throws InvalidTag. */
export function readTagging(text: string | undefined): [string, string][] {
  if (text === undefined || text === '') return []
  const tags = [...new URLSearchParams(text)].map(([name, value]): [string, string] => [name, value])
  checkTags(tags, 10)
  return tags
}

export function checkTags(tags: readonly [string, string][], max: number): void {
  if (tags.length > max) throw new AwsError(400, 'BadRequest', `Object tags cannot be greater than ${max}`)
  const hasInvalidTag = tags.some(
    ([name, value]) => name === '' || name.length > 128 || value.length > 256 || name.startsWith('aws:'),
  )
  if (hasInvalidTag || new Set(tags.map(([name]) => name)).size !== tags.length)
    throw new AwsError(
      400,
      'InvalidTag',
      'The tag provided was not a valid tag. This error can occur if the tag did not pass input validation.',
    )
}

export function hasLockHeaders(headers: Headers): boolean {
  return Object.keys(headers).some((name) => name.startsWith('x-amz-object-lock-'))
}

export function readRequestedLock(headers: Headers, nowMs: number): RequestedLock {
  const mode = headers['x-amz-object-lock-mode']
  const until = headers['x-amz-object-lock-retain-until-date']
  const legalHold = headers['x-amz-object-lock-legal-hold']
  const invalid = (message: string) => new AwsError(400, 'InvalidArgument', message)
  if ((mode === undefined) !== (until === undefined))
    throw invalid('x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied')
  if (legalHold !== undefined && legalHold !== 'ON' && legalHold !== 'OFF')
    throw invalid('Legal Hold must be either of "ON" or "OFF"')
  const retention =
    mode === undefined || until === undefined
      ? null
      : { mode: readLockMode(mode), untilMs: readRetainUntil(until, nowMs) }
  return { retention, legalHold: legalHold === 'ON', eventHold: readEventHoldHeaders(headers) }
}

export function readLockMode(mode: string): LockMode {
  if (mode === 'COMPLIANCE' || mode === 'GOVERNANCE') return mode
  throw new AwsError(400, 'InvalidArgument', 'Unknown wormMode directive.')
}

export function readRetainUntil(text: string, nowMs: number): number {
  const untilMs = /^\d{4}-\d\d-\d\d([T ]|$)/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(untilMs))
    throw new AwsError(400, 'InvalidArgument', 'The retain until date must be provided in ISO 8601 format')
  if (untilMs <= nowMs)
    throw new AwsError(400, 'InvalidArgument', 'The retain until date must be in the future!')
  return untilMs
}

function readEventHoldHeaders(headers: Headers): EventHold | null {
  const hold = headers['x-amz-object-lock-event-hold']
  const [days, years] = ['days', 'years'].map(
    (unit) => headers[`x-amz-object-lock-event-hold-duration-${unit}`],
  )
  if (hold === undefined || hold === 'OFF') return null
  if (hold !== 'ON') throw new AwsError(400, 'InvalidArgument', 'Event Hold must be either of "ON" or "OFF"')
  return makeEventHold(days ?? null, years ?? null)
}

export function makeEventHold(days: string | null, years: string | null): EventHold {
  const isCount = (text: string | null, max: number) =>
    text !== null && /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= max
  if (
    (days === null) === (years === null) ||
    (days !== null && !isCount(days, 36_500)) ||
    (years !== null && !isCount(years, 100))
  ) {
    throw new AwsError(400, 'InvalidArgument', 'An event hold needs a duration: either days or years')
  }
  const [dayCount, yearCount] = [days === null ? null : Number(days), years === null ? null : Number(years)]
  return { days: dayCount, years: yearCount, durationMs: periodMs(dayCount, yearCount) }
}

export function httpDate(ms: number): string {
  return new Date(Math.floor(ms / 1000) * 1000).toUTCString()
}

/** The time format of listings: whole seconds, with `.000`. */
export function isoSecond(ms: number): string {
  return new Date(Math.floor(ms / 1000) * 1000).toISOString()
}

/** The time format of listings of MinIO and Ceph RGW. */
export function isoMillisecond(ms: number): string {
  return new Date(ms).toISOString()
}

export function encryptionHeaders({
  algorithm,
  kmsKeyId,
  customerKeyMd5,
}: Encryption): Record<string, string> {
  if (customerKeyMd5 !== null) {
    return {
      'x-amz-server-side-encryption-customer-algorithm': algorithm,
      'x-amz-server-side-encryption-customer-key-md5': customerKeyMd5,
    }
  }
  return {
    'x-amz-server-side-encryption': algorithm,
    ...(kmsKeyId === null ? {} : { 'x-amz-server-side-encryption-aws-kms-key-id': kmsKeyId }),
  }
}

export function checksumHeaders(content: Pick<Content, 'checksum'>): Record<string, string> {
  if (content.checksum === null) return {}
  return {
    [checksumHeader(content.checksum.algorithm)]: content.checksum.value,
    'x-amz-checksum-type': content.checksum.type,
  }
}

/** The lock headers that the caller may see: S3 shows a lock only to callers that may read it. */
export function lockHeaders(
  lock: Lock,
  nowMs: number,
  visible: { retention: boolean; legalHold: boolean },
): Record<string, string> {
  const retention = retentionOf(lock, nowMs)
  return {
    ...(visible.retention && retention !== null
      ? {
          'x-amz-object-lock-mode': retention.mode,
          'x-amz-object-lock-retain-until-date': new Date(retention.untilMs).toISOString(),
        }
      : {}),
    ...(visible.retention && lock.eventHold !== null ? { 'x-amz-object-lock-event-hold': 'ON' } : {}),
    ...(visible.legalHold && lock.legalHold ? { 'x-amz-object-lock-legal-hold': 'ON' } : {}),
  }
}

export function versionHeaders(bucket: Bucket, version: Pick<Version, 'versionId'>): Record<string, string> {
  return bucket.versioning === null ? {} : { 'x-amz-version-id': version.versionId }
}

export function contentHeaders(version: Version, content: Content): Record<string, string> {
  return {
    ...content.headers,
    etag: `"${content.etag}"`,
    'last-modified': httpDate(version.modifiedMs),
    'accept-ranges': 'bytes',
    ...encryptionHeaders(content.encryption),
    ...(content.storageClass === 'STANDARD' ? {} : { 'x-amz-storage-class': content.storageClass }),
    ...(content.tags.length === 0 ? {} : { 'x-amz-tagging-count': String(content.tags.length) }),
  }
}
