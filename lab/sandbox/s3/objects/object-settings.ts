// Settings of an object beside its bytes: attributes, tags, access control list, encryption.

import { kmsEncryptionKeys } from '../../condition-keys/s3.ts'
import { AwsError } from '../../protocol/aws-error.ts'
import type { ServiceReply } from '../../protocol/service.ts'
import { childOf, childrenOf, expectOnly, parseXml, refuseXml, textOf } from '../../protocol/xml.ts'
import type { XmlElement } from '../../protocol/xml.ts'
import { readAcl } from '../buckets/acl-operations.ts'
import { renderAcl } from '../buckets/acl.ts'
import type { S3Call } from '../call.ts'
import { protectedByLock, reasonAgainstDeletion } from '../lock/lock-rules.ts'
import type { Content } from '../model.ts'
import { emptyReply, xmlReply } from '../reply.ts'
import { allowKey, checkCustomerKey, makeEncryption } from './encryption.ts'
import { findRequestedVersion, findVersion } from './find-version.ts'
import type { ReadableVersion } from './find-version.ts'
import { checkTags, httpDate, versionHeaders } from './headers.ts'

const maxDocumentBytes = 64 * 1024
const attributeNames = ['ETag', 'Checksum', 'ObjectParts', 'StorageClass', 'ObjectSize']

/** Changes the current content record of a version, in one transaction. */
function change(
  call: S3Call,
  { bucket, version }: ReadableVersion,
  edit: (content: Content) => Content,
): void {
  call.catalog.transact(() => {
    const current = call.catalog.findVersion(bucket.id, version.key, version.versionId)
    if (current === null || current.content === null)
      throw new AwsError(404, 'NoSuchVersion', 'The specified version does not exist.')
    call.catalog.updateContent(current.order, edit(current.content))
  })
}

export async function getObjectAttributes(call: S3Call): Promise<ServiceReply> {
  const requestedNames = new Set(
    (call.header('x-amz-object-attributes') ?? '')
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  )
  const readable = await findRequestedVersion(call, 's3:GetObject')
  const { bucket, version, content } = readable
  await call.allow(
    bucket,
    call.query.has('versionId') ? 's3:GetObjectVersionAttributes' : 's3:GetObjectAttributes',
    version.key,
  )
  if (requestedNames.size === 0 || [...requestedNames].some((name) => !attributeNames.includes(name)))
    throw new AwsError(400, 'InvalidArgument', 'Invalid attribute name specified.', {
      fields: { ArgumentName: 'x-amz-object-attributes' },
    })
  checkCustomerKey(content.encryption, call.request.headers)
  const elements: XmlElement[] = []
  if (requestedNames.has('ETag')) elements.push(['ETag', content.etag])
  if (requestedNames.has('Checksum') && content.checksum !== null)
    elements.push([
      'Checksum',
      [
        [`Checksum${content.checksum.algorithm}`, content.checksum.value],
        ['ChecksumType', content.checksum.type],
      ],
    ])
  if (requestedNames.has('ObjectParts') && content.partCount !== null)
    elements.push(['ObjectParts', renderParts(call, content)])
  if (requestedNames.has('StorageClass')) elements.push(['StorageClass', content.storageClass])
  if (requestedNames.has('ObjectSize')) elements.push(['ObjectSize', content.bytes])
  return xmlReply('GetObjectAttributesResponse', elements, {
    'last-modified': httpDate(version.modifiedMs),
    ...versionHeaders(bucket, version),
  })
}

function renderParts(call: S3Call, content: Content): XmlElement[] {
  const marker = Number(call.header('x-amz-part-number-marker') ?? 0)
  const maxParts = Math.min(Number(call.header('x-amz-max-parts') ?? 1000), 1000)
  const after = content.segments.filter((segment) => segment.partNumber > marker)
  const page = after.slice(0, maxParts)
  const isTruncated = after.length > page.length
  return [
    ['PartsCount', content.partCount],
    ['PartNumberMarker', marker],
    ['NextPartNumberMarker', isTruncated ? page.at(-1)?.partNumber : null],
    ['MaxParts', maxParts],
    ['IsTruncated', isTruncated],
    // S3 lists parts only for objects with checksums; otherwise it returns just their number.
    ...(content.checksum === null
      ? []
      : page.map((segment): XmlElement => [
          'Part',
          [
            ['PartNumber', segment.partNumber],
            ['Size', segment.bytes],
            [`Checksum${content.checksum?.algorithm ?? ''}`, segment.checksum],
          ],
        ])),
  ]
}

export async function getObjectTagging(call: S3Call): Promise<ServiceReply> {
  const { bucket, version, content } = await findRequestedVersion(call, 's3:GetObjectTagging')
  const tags = content.tags.map(([name, value]): XmlElement => [
    'Tag',
    [
      ['Key', name],
      ['Value', value],
    ],
  ])
  return xmlReply('Tagging', [['TagSet', tags]], versionHeaders(bucket, version))
}

export async function putObjectTagging(call: S3Call): Promise<ServiceReply> {
  const root = parseXml(await call.readDocument(maxDocumentBytes), 'Tagging')
  const readable = await findRequestedVersion(call, 's3:PutObjectTagging')
  expectOnly(root, 'TagSet')
  const tags = childrenOf(childOf(root, 'TagSet') ?? refuseXml(), 'Tag').map((tag): [string, string] => [
    textOf(tag, 'Key') ?? refuseXml(),
    textOf(tag, 'Value') ?? refuseXml(),
  ])
  checkTags(tags, 10)
  change(call, readable, (content) => ({ ...content, tags }))
  return emptyReply(200, versionHeaders(readable.bucket, readable.version))
}

export async function deleteObjectTagging(call: S3Call): Promise<ServiceReply> {
  const readable = await findRequestedVersion(call, 's3:DeleteObjectTagging')
  change(call, readable, (content) => ({ ...content, tags: [] }))
  return emptyReply(204, versionHeaders(readable.bucket, readable.version))
}

export async function getObjectAcl(call: S3Call): Promise<ServiceReply> {
  const { bucket, version, content } = await findRequestedVersion(call, 's3:GetObjectAcl')
  return xmlReply(
    'AccessControlPolicy',
    renderAcl(bucket.accountId, content.acl),
    versionHeaders(bucket, version),
  )
}

export async function putObjectAcl(call: S3Call): Promise<ServiceReply> {
  const readable = await findRequestedVersion(call, 's3:PutObjectAcl')
  const acl = await readAcl(call, readable.bucket)
  change(call, readable, (content) => ({ ...content, acl }))
  return emptyReply(200, versionHeaders(readable.bucket, readable.version))
}

/**
 * Changes the encryption to SSE-KMS. Object Lock forbids it for a protected version.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/update-sse-encryption.html
 */
export async function updateObjectEncryption(call: S3Call): Promise<ServiceReply> {
  const key = call.requireKey()
  const bucket = call.requireBucket()
  const root = parseXml(await call.readDocument(maxDocumentBytes, true), 'ObjectEncryption')
  const kms = childOf(root, 'SSE-KMS')
  const arn = kms === null ? null : textOf(kms, 'KMSKeyArn')
  const versionId = call.query.get('versionId') ?? null
  await call.allow(bucket, 's3:UpdateObjectEncryption', key, kms === null ? {} : kmsEncryptionKeys(arn))
  const invalid = (message: string) => new AwsError(400, 'InvalidRequest', message)
  if (kms === null)
    throw invalid(
      'Requests that modify an object encryption configuration require a valid new encryption type. Valid values are SSEKMS. Modify the request to specify SSE-KMS for the updated encryption type, and then try again.',
    )
  if (arn === null || !arn.startsWith('arn:aws:kms:'))
    throw invalid(
      "Requests that modify an object's encryption type to SSE-KMS require an AWS KMS key Amazon Resource Name (ARN). Modify the request to specify a KMS key ARN, and then try again.",
    )
  const encryption = makeEncryption(call, bucket, 'aws:kms', arn)
  await allowKey(call, encryption, 'kms:GenerateDataKey')
  const version = findVersion(call, bucket, key, versionId)
  if (version === null || version.content === null)
    throw new AwsError(
      404,
      versionId === null ? 'NoSuchKey' : 'NoSuchVersion',
      'The specified object does not exist.',
    )
  if (version.content.encryption.customerKeyMd5 !== null)
    throw invalid(
      "The UpdateObjectEncryption operation doesn't support source objects with the encryption type DSSE-KMS or SSE-C. Only source objects encrypted with SSE-S3 or SSE-KMS are supported.",
    )
  const reason = reasonAgainstDeletion(version.lock, call.nowMs, false)
  if (reason !== null) {
    call.recordLock('s3:UpdateObjectEncryption', bucket, key, reason)
    throw protectedByLock()
  }
  change(call, { bucket, version, content: version.content }, (content) => ({ ...content, encryption }))
  return emptyReply(200)
}
