// ListObjects, ListObjectsV2 and ListObjectVersions.

import { listKeys } from '../../condition-keys/s3.ts'
import { AwsError } from '../../protocol/aws-error.ts'
import type { ServiceReply } from '../../protocol/service.ts'
import type { XmlElement } from '../../protocol/xml.ts'
import { encodePercent } from '../../signature/query.ts'
import { canonicalId } from '../buckets/acl.ts'
import type { S3Call } from '../call.ts'
import { keyBytes, orderOf } from '../catalog/catalog.ts'
import type { Bucket, Content, Version } from '../model.ts'
import { isoMillisecond, isoSecond } from '../objects/headers.ts'
import { xmlReply } from '../reply.ts'
import { startAfter, walkKeys } from './key-walk.ts'
import type { Page } from './key-walk.ts'

const maxPageSize = 1000

export interface ListParameters {
  prefix: string
  delimiter: string
  maxKeys: number
  /**
   * Escapes as `encoding-type=url` demands: everything but the slash and unreserved characters; a space
   * becomes a plus.
   */
  encode: (text: string) => string
  encodingType: string | null
}

export function readListParameters(call: S3Call, maxName = 'max-keys'): ListParameters {
  const encodingType = call.query.get('encoding-type') ?? null
  if (encodingType !== null && encodingType !== 'url')
    throw invalid('Invalid Encoding Method specified in Request', 'encoding-type', encodingType)
  const max = call.query.get(maxName) ?? String(maxPageSize)
  if (!/^\d{1,10}$/.test(max) || Number(max) > 2_147_483_647)
    throw invalid(`Argument ${maxName} must be an integer between 0 and 2147483647`, maxName, max)
  return {
    prefix: call.query.get('prefix') ?? '',
    delimiter: call.query.get('delimiter') ?? '',
    maxKeys: Math.min(Number(max), maxPageSize),
    encodingType,
    encode:
      encodingType === null
        ? (text) => text
        : (text) => encodePercent(text).replaceAll('%2F', '/').replaceAll('%20', '+'),
  }
}

export function invalid(message: string, name: string, value: string): AwsError {
  return new AwsError(400, 'InvalidArgument', message, {
    fields: { ArgumentName: name, ArgumentValue: value.slice(0, 1024) },
  })
}

export async function listObjects(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:ListBucket', null, listKeys(call.query))
  const parameters = readListParameters(call)
  const { prefix, delimiter, maxKeys, encode, encodingType } = parameters
  const marker = call.query.get('marker') ?? ''
  const page = walkObjects(call, bucket, parameters, marker)
  const next = page.isTruncated && delimiter !== '' ? lastName(page) : null
  return xmlReply('ListBucketResult', [
    ['Name', bucket.name],
    ['Prefix', encode(prefix)],
    ['Marker', encode(marker)],
    ['NextMarker', next === null ? null : encode(next)],
    ['MaxKeys', maxKeys],
    ['Delimiter', delimiter === '' ? null : encode(delimiter)],
    ['EncodingType', encodingType],
    ['IsTruncated', page.isTruncated],
    ...renderItems(bucket, page, encode, true),
  ])
}

export async function listObjectsV2(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:ListBucket', null, listKeys(call.query))
  const parameters = readListParameters(call)
  const { prefix, delimiter, maxKeys, encode, encodingType } = parameters
  const token = call.query.get('continuation-token') ?? null
  const startAfterKey = call.query.get('start-after') ?? null
  const page = walkObjects(
    call,
    bucket,
    parameters,
    token === null ? (startAfterKey ?? '') : readToken(token),
  )
  return xmlReply('ListBucketResult', [
    ['Name', bucket.name],
    ['Prefix', encode(prefix)],
    ['StartAfter', startAfterKey === null ? null : encode(startAfterKey)],
    ['ContinuationToken', token],
    ['NextContinuationToken', page.isTruncated ? makeToken(lastName(page) ?? '') : null],
    ['KeyCount', page.items.length],
    ['MaxKeys', maxKeys],
    ['Delimiter', delimiter === '' ? null : encode(delimiter)],
    ['EncodingType', encodingType],
    ['IsTruncated', page.isTruncated],
    ...renderItems(bucket, page, encode, call.query.get('fetch-owner') === 'true'),
  ])
}

function walkObjects(
  call: S3Call,
  bucket: Bucket,
  { prefix, delimiter, maxKeys }: ListParameters,
  marker: string,
): Page<Version> {
  return walkKeys<Version>({
    prefix,
    delimiter,
    maxKeys,
    start: startAfter(marker, null, prefix, delimiter),
    entriesIn: (range) => call.catalog.objectsIn(bucket.id, range),
    positionOf: (version) => ({ key: keyBytes(version.key), order: null }),
  })
}

function renderItems(
  bucket: Bucket,
  page: Page<Version>,
  encode: (text: string) => string,
  withOwner: boolean,
): XmlElement[] {
  const owner: XmlElement = ['Owner', [['ID', canonicalId(bucket.accountId)]]]
  const elements: XmlElement[] = []
  for (const item of page.items) {
    if ('commonPrefix' in item || item.entry.content === null) continue
    const { key, modifiedMs, content } = item.entry
    elements.push([
      'Contents',
      [
        ['Key', encode(key)],
        ['LastModified', isoSecond(modifiedMs)],
        ...renderContent(content),
        ...(withOwner ? [owner] : []),
        ['StorageClass', content.storageClass],
      ],
    ])
  }
  return [...elements, ...renderPrefixes(page, encode)]
}

function renderContent(content: Content): XmlElement[] {
  const checksum: XmlElement[] =
    content.checksum === null
      ? []
      : [
          ['ChecksumAlgorithm', content.checksum.algorithm],
          ['ChecksumType', content.checksum.type],
        ]
  return [['ETag', `"${content.etag}"`], ...checksum, ['Size', content.bytes]]
}

export function renderPrefixes(page: Page<{ key: string }>, encode: (text: string) => string): XmlElement[] {
  return page.items.flatMap((item): XmlElement[] =>
    'commonPrefix' in item ? [['CommonPrefixes', [['Prefix', encode(item.commonPrefix)]]]] : [],
  )
}

export function lastName(page: Page<{ key: string }>): string | null {
  const last = page.items.at(-1)
  return last === undefined ? null : 'commonPrefix' in last ? last.commonPrefix : last.entry.key
}

// Opaque to clients, because S3 specifies no content of a token.
function makeToken(key: string): string {
  return Buffer.from(`1:${key}`).toString('base64')
}

function readToken(token: string): string {
  const text = Buffer.from(token, 'base64').toString('utf8')
  if (!text.startsWith('1:') || makeToken(text.slice(2)) !== token)
    throw invalid('The continuation token provided is incorrect', 'continuation-token', token)
  return text.slice(2)
}

export async function listObjectVersions(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:ListBucketVersions', null, listKeys(call.query))
  const { prefix, delimiter, maxKeys, encode, encodingType } = readListParameters(call)
  const keyMarker = call.query.get('key-marker') ?? ''
  const versionIdMarker = call.query.get('version-id-marker') ?? ''
  const page = walkKeys<Version>({
    prefix,
    delimiter,
    maxKeys,
    start: startAfter(
      keyMarker,
      readVersionMarker(call, bucket, keyMarker, versionIdMarker),
      prefix,
      delimiter,
    ),
    entriesIn: (range) => call.catalog.versionsIn(bucket.id, range),
    positionOf: (version) => ({ key: keyBytes(version.key), order: version.order }),
  })
  const last = page.isTruncated ? page.items.at(-1) : undefined
  const { lagMs = 0, milliseconds = false } = call.stores.host.listing
  const shownUntilMs = call.nowMs - lagMs
  const timeText = milliseconds ? isoMillisecond : isoSecond
  return xmlReply('ListVersionsResult', [
    ['Name', bucket.name],
    ['Prefix', encode(prefix)],
    ['KeyMarker', encode(keyMarker)],
    ['VersionIdMarker', versionIdMarker],
    ['NextKeyMarker', last === undefined ? null : encode(lastName(page) ?? '')],
    ['NextVersionIdMarker', last !== undefined && 'entry' in last ? last.entry.versionId : null],
    ['MaxKeys', maxKeys],
    ['Delimiter', delimiter === '' ? null : encode(delimiter)],
    ['EncodingType', encodingType],
    ['IsTruncated', page.isTruncated],
    ...page.items.flatMap((item): XmlElement[] =>
      'entry' in item && item.entry.modifiedMs <= shownUntilMs
        ? [renderVersion(bucket, item.entry, encode, timeText)]
        : [],
    ),
    ...renderPrefixes(page, encode),
  ])
}

// Continues by the order in the version id, so that a page can follow a version that was deleted in the
// meantime.
function readVersionMarker(
  call: S3Call,
  bucket: Bucket,
  keyMarker: string,
  versionIdMarker: string,
): number | null {
  if (versionIdMarker === '') {
    if (call.query.has('version-id-marker') && call.query.has('key-marker') && keyMarker !== '')
      throw invalid('A version-id marker cannot be empty.', 'version-id-marker', '')
    return null
  }
  if (keyMarker === '')
    throw invalid(
      'A version-id marker cannot be specified without a key marker.',
      'version-id-marker',
      versionIdMarker,
    )
  const order =
    versionIdMarker === 'null'
      ? (call.catalog.findVersion(bucket.id, keyMarker, 'null')?.order ?? null)
      : orderOf(versionIdMarker)
  if (order === null) throw invalid('Invalid version id specified', 'version-id-marker', versionIdMarker)
  return order
}

function renderVersion(
  bucket: Bucket,
  version: Version,
  encode: (text: string) => string,
  timeText: (ms: number) => string,
): XmlElement {
  const { key, versionId, isLatest, modifiedMs, content } = version
  const head: XmlElement[] = [
    ['Key', encode(key)],
    ['VersionId', versionId],
    ['IsLatest', isLatest],
    ['LastModified', timeText(modifiedMs)],
  ]
  const owner: XmlElement = ['Owner', [['ID', canonicalId(bucket.accountId)]]]
  if (content === null) return ['DeleteMarker', [...head, owner]]
  return ['Version', [...head, ...renderContent(content), ['StorageClass', content.storageClass], owner]]
}
