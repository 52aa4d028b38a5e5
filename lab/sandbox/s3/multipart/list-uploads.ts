// ListMultipartUploads and ListParts.

import { listKeys } from '../../condition-keys/s3.ts'
import type { ServiceReply } from '../../protocol/service.ts'
import type { XmlElement } from '../../protocol/xml.ts'
import { canonicalId } from '../buckets/acl.ts'
import type { S3Call } from '../call.ts'
import { keyBytes } from '../catalog/catalog.ts'
import { startAfter, walkKeys } from '../listing/key-walk.ts'
import { invalid, lastName, readListParameters, renderPrefixes } from '../listing/list-objects.ts'
import type { Upload } from '../model.ts'
import { isoSecond } from '../objects/headers.ts'
import { xmlReply } from '../reply.ts'
import { requireUpload } from './uploads.ts'

const maxPageSize = 1000

export async function listMultipartUploads(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:ListBucketMultipartUploads', null, listKeys(call.query))
  const { prefix, delimiter, maxKeys, encode, encodingType } = readListParameters(call, 'max-uploads')
  const keyMarker = call.query.get('key-marker') ?? ''
  const idMarker = keyMarker === '' ? '' : (call.query.get('upload-id-marker') ?? '')
  const position =
    idMarker === '' ? null : (call.catalog.findUpload(bucket.id, keyMarker, idMarker)?.order ?? null)
  const page = walkKeys<Upload>({
    prefix,
    delimiter,
    maxKeys,
    start: startAfter(keyMarker, position, prefix, delimiter),
    entriesIn: (range) => call.catalog.uploadsIn(bucket.id, range),
    positionOf: (upload) => ({ key: keyBytes(upload.key), order: upload.order }),
  })
  const last = page.isTruncated ? page.items.at(-1) : undefined
  return xmlReply('ListMultipartUploadsResult', [
    ['Bucket', bucket.name],
    ['KeyMarker', encode(keyMarker)],
    ['UploadIdMarker', idMarker],
    ['NextKeyMarker', last === undefined ? null : encode(lastName(page) ?? '')],
    ['NextUploadIdMarker', last !== undefined && 'entry' in last ? last.entry.id : null],
    ['Prefix', encode(prefix)],
    ['Delimiter', delimiter === '' ? null : encode(delimiter)],
    ['EncodingType', encodingType],
    ['MaxUploads', maxKeys],
    ['IsTruncated', page.isTruncated],
    ...page.items.flatMap((item): XmlElement[] =>
      'entry' in item ? [['Upload', renderUpload(item.entry, encode, bucket.accountId)]] : [],
    ),
    ...renderPrefixes(page, encode),
  ])
}

function renderUpload(upload: Upload, encode: (text: string) => string, accountId: string): XmlElement[] {
  return [
    ['Key', encode(upload.key)],
    ['UploadId', upload.id],
    ['Initiator', [['ID', upload.initiator]]],
    ['Owner', [['ID', canonicalId(accountId)]]],
    ['StorageClass', upload.storageClass],
    ['Initiated', isoSecond(upload.initiatedMs)],
    ...(upload.checksum === null
      ? []
      : ([
          ['ChecksumAlgorithm', upload.checksum.algorithm],
          ['ChecksumType', upload.checksum.type],
        ] satisfies XmlElement[])),
  ]
}

export async function listParts(call: S3Call): Promise<ServiceReply> {
  const key = call.requireKey()
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:ListMultipartUploadParts', key)
  const upload = requireUpload(call, bucket, key)
  const maxParts = Math.min(readCount(call, 'max-parts', maxPageSize), maxPageSize)
  const marker = readCount(call, 'part-number-marker', 0)
  const parts = maxParts === 0 ? [] : call.catalog.listParts(upload.id, marker, maxParts + 1)
  const page = parts.slice(0, maxParts)
  const isTruncated = parts.length > page.length
  return xmlReply('ListPartsResult', [
    ['Bucket', bucket.name],
    ['Key', key],
    ['UploadId', upload.id],
    ['Initiator', [['ID', upload.initiator]]],
    ['Owner', [['ID', canonicalId(bucket.accountId)]]],
    ['StorageClass', upload.storageClass],
    ['PartNumberMarker', marker],
    ['NextPartNumberMarker', isTruncated ? (page.at(-1)?.number ?? null) : null],
    ['MaxParts', maxParts],
    ['IsTruncated', isTruncated],
    ...(upload.checksum === null
      ? []
      : ([
          ['ChecksumAlgorithm', upload.checksum.algorithm],
          ['ChecksumType', upload.checksum.type],
        ] satisfies XmlElement[])),
    ...page.map((part): XmlElement => [
      'Part',
      [
        ['PartNumber', part.number],
        ['LastModified', isoSecond(part.modifiedMs)],
        ['ETag', `"${part.etag}"`],
        ['Size', part.bytes],
        ...(upload.checksum === null
          ? []
          : ([[`Checksum${upload.checksum.algorithm}`, part.checksum]] satisfies XmlElement[])),
      ],
    ]),
  ])
}

function readCount(call: S3Call, name: string, otherwise: number): number {
  const text = call.query.get(name)
  if (text === undefined || text === '') return otherwise
  if (!/^\d{1,10}$/.test(text) || Number(text) > 2_147_483_647)
    throw invalid(`Argument ${name} must be an integer between 0 and 2147483647`, name, text)
  return Number(text)
}
