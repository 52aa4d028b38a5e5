// Conditional requests (RFC 9110, as S3 reads it) for reads, writes and deletes.

import { AwsError } from '../../protocol/aws-error.ts'
import type { Version } from '../model.ts'
import { httpDate } from './headers.ts'

type Headers = Readonly<Record<string, string>>

const failed = (condition: string) =>
  new AwsError(412, 'PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', {
    fields: { Condition: condition },
  })
const notImplemented = (header: string) =>
  new AwsError(501, 'NotImplemented', 'A header you provided implies functionality that is not implemented', {
    fields: { Header: header },
  })

/** Refuses conditions that S3 doesn't support for writes, before any lookup. */
export function checkWriteConditions(headers: Headers): void {
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = headers
  if (ifNoneMatch !== undefined && ifNoneMatch !== '*') throw notImplemented('If-None-Match')
  if (ifMatch !== undefined && ifNoneMatch !== undefined) throw notImplemented('If-None-Match')
  if (headers['if-modified-since'] !== undefined || headers['if-unmodified-since'] !== undefined)
    throw notImplemented('If-Modified-Since')
}

/**
 * @param current the latest version, or delete marker. Throws PreconditionFailed, or NoSuchKey for If-Match
 * without an object.
 */
export function checkWrite(headers: Headers, current: Version | null, key: string): void {
  const content = current?.content ?? null
  // A delete marker is not an object, so an If-None-Match write over it succeeds.
  if (headers['if-none-match'] === '*' && content !== null) throw failed('If-None-Match')
  const ifMatch = headers['if-match']
  if (ifMatch === undefined) return
  if (content === null)
    throw new AwsError(404, 'NoSuchKey', 'The specified key does not exist.', { fields: { Key: key } })
  if (!matchesEtag(ifMatch, content.etag)) throw failed('If-Match')
}

/** The conditions of DeleteObject and of each entry of DeleteObjects: ETag (or `*`), time and size of the object. */
export interface DeleteCondition {
  etag: string | null
  lastModified: string | null
  bytes: string | null
}

export function checkDelete(condition: DeleteCondition, target: Version | null, key: string): void {
  const { etag, lastModified, bytes } = condition
  if (etag === null && lastModified === null && bytes === null) return
  const content = target?.content ?? null
  if (target === null || content === null)
    throw new AwsError(404, 'NoSuchKey', 'The specified key does not exist.', { fields: { Key: key } })
  if (etag !== null && !matchesEtag(etag, content.etag)) throw failed('If-Match')
  if (
    lastModified !== null &&
    Math.floor(Date.parse(lastModified) / 1000) !== Math.floor(target.modifiedMs / 1000)
  )
    throw failed('x-amz-if-match-last-modified-time')
  if (bytes !== null && Number(bytes) !== content.bytes) throw failed('x-amz-if-match-size')
}

/** `not-modified` means a 304. Throws PreconditionFailed. */
export function checkRead(headers: Headers, etag: string, modifiedMs: number): 'proceed' | 'not-modified' {
  const modifiedSecond = Math.floor(modifiedMs / 1000) * 1000
  if (headers['if-match'] !== undefined) {
    if (!matchesEtag(headers['if-match'], etag)) throw failed('If-Match')
  } else if (isBefore(headers['if-unmodified-since'], modifiedSecond)) {
    throw failed('If-Unmodified-Since')
  }
  if (headers['if-none-match'] !== undefined)
    return matchesEtag(headers['if-none-match'], etag) ? 'not-modified' : 'proceed'
  const since = Date.parse(headers['if-modified-since'] ?? '')
  return !Number.isNaN(since) && modifiedSecond <= since ? 'not-modified' : 'proceed'
}

/** `x-amz-copy-source-if-…`: S3 returns 412 for any of these that fails. */
export function checkCopySource(headers: Headers, etag: string, modifiedMs: number): void {
  const plain: Record<string, string> = {}
  for (const name of ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since']) {
    const value = headers[`x-amz-copy-source-${name}`]
    if (value !== undefined) plain[name] = value
  }
  if (checkRead(plain, etag, modifiedMs) === 'not-modified') throw failed('x-amz-copy-source-If-None-Match')
}

function isBefore(date: string | undefined, ms: number): boolean {
  const parsed = Date.parse(date ?? '')
  return !Number.isNaN(parsed) && parsed < ms
}

function matchesEtag(header: string, etag: string): boolean {
  return header
    .split(',')
    .map((part) =>
      part
        .trim()
        .replace(/^W\//, '')
        .replace(/^"(.*)"$/, '$1'),
    )
    .some((part) => part === '*' || part === etag)
}

export function notModifiedHeaders(etag: string, modifiedMs: number): Record<string, string> {
  return { etag: `"${etag}"`, 'last-modified': httpDate(modifiedMs) }
}
