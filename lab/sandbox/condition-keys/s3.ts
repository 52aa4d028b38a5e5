// Keys of S3, grouped by the part of a request that they come from.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html

import type { ConditionContext } from '../authorization/access.ts'
import type { AccessQuestion, ServiceRequest } from '../protocol/service.ts'
import { remainingDays } from '../s3/lock/lock-rules.ts'

type Headers = Readonly<Record<string, string>>

/** Keys of every request. https://docs.aws.amazon.com/AmazonS3/latest/API/bucket-policy-s3-sigv4-conditions.html */
export function s3RequestKeys(request: ServiceRequest, question: AccessQuestion): Record<string, string> {
  const { signature } = request
  return {
    's3:ResourceAccount': question.resourceAccountId,
    ...(request.secureTransport ? { 's3:TlsVersion': '1.3' } : {}),
    ...(signature.contentSha256 === null ? {} : { 's3:x-amz-content-sha256': signature.contentSha256 }),
    ...(signature.signedMs === null
      ? {}
      : {
          's3:signatureversion': 'AWS4-HMAC-SHA256',
          's3:authType': signature.type === 'query' ? 'REST-QUERY-STRING' : 'REST-HEADER',
          's3:signatureAge': String(Math.max(0, request.nowMs - signature.signedMs)),
        }),
  }
}

/** Headers of a write whose names are also the names of keys. */
const writeHeaders = [
  'if-match',
  'if-none-match',
  'x-amz-acl',
  'x-amz-copy-source',
  'x-amz-grant-full-control',
  'x-amz-grant-read',
  'x-amz-grant-read-acp',
  'x-amz-grant-write',
  'x-amz-grant-write-acp',
  'x-amz-metadata-directive',
  'x-amz-server-side-encryption',
  'x-amz-server-side-encryption-aws-kms-key-id',
  'x-amz-server-side-encryption-customer-algorithm',
  'x-amz-storage-class',
  'x-amz-website-redirect-location',
] as const

/** PutObject, CopyObject and the operations of a multipart upload. */
export function writeKeys(headers: Headers, nowMs: number, createsObject: boolean): ConditionContext {
  const context: ConditionContext = {
    ...headerLockKeys(headers, nowMs),
    's3:ObjectCreationOperation': String(createsObject),
  }
  for (const name of writeHeaders) if (headers[name] !== undefined) context[`s3:${name}`] = headers[name]
  const tags = [...new URLSearchParams(headers['x-amz-tagging'] ?? '')]
  for (const [name, value] of tags) context[`s3:RequestObjectTag/${name}`] = value
  if (tags.length > 0) context['s3:RequestObjectTagKeys'] = tags.map(([name]) => name)
  return context
}

/** DeleteObject and each entry of DeleteObjects. */
export function deleteKeys(versionId: string | null, ifMatch: string | null): ConditionContext {
  return {
    ...(versionId !== null && { 's3:VersionId': versionId }),
    ...(ifMatch !== null && { 's3:if-match': ifMatch }),
  }
}

/** Operations on a version that exists: its tags, and the id that the request names. */
export function versionKeys(
  tags: readonly (readonly [string, string])[],
  versionId: string | null,
): ConditionContext {
  return {
    ...Object.fromEntries(tags.map(([name, value]) => [`s3:ExistingObjectTag/${name}`, value])),
    ...(versionId !== null && { 's3:VersionId': versionId }),
  }
}

/** Listings: only the parameters that the request carries. */
export function listKeys(query: ReadonlyMap<string, string>): ConditionContext {
  const context: ConditionContext = {}
  for (const name of ['prefix', 'delimiter', 'max-keys']) {
    const value = query.get(name)
    if (value !== undefined) context[`s3:${name}`] = value
  }
  return context
}

/** PutBucketAcl. */
export function aclKeys(acl: string | null): ConditionContext {
  return acl === null ? {} : { 's3:x-amz-acl': acl }
}

/** UpdateObjectEncryption to SSE-KMS. */
export function kmsEncryptionKeys(keyArn: string | null): ConditionContext {
  return {
    's3:x-amz-server-side-encryption': 'aws:kms',
    ...(keyArn !== null && { 's3:x-amz-server-side-encryption-aws-kms-key-id': keyArn }),
  }
}

/**
 * The lock fields of a request, from headers or from a document; null or undefined if the request doesn't set
 * them.
 */
export interface RequestedLockFields {
  mode?: string | null | undefined
  retainUntil?: string | null | undefined
  legalHold?: string | null | undefined
  eventHold?: string | null | undefined
  eventHoldDays?: string | null | undefined
  eventHoldYears?: string | null | undefined
}

/** Includes values that S3 refuses, because the policy decides before S3 reads them. */
export function lockKeys(lock: RequestedLockFields, nowMs: number): ConditionContext {
  const context: ConditionContext = {}
  const take = (key: string, value: string | null | undefined) => {
    if (value !== null && value !== undefined) context[key] = value
  }
  take('s3:object-lock-mode', lock.mode)
  take('s3:object-lock-retain-until-date', lock.retainUntil)
  take('s3:object-lock-legal-hold', lock.legalHold)
  take('s3:object-lock-event-hold', lock.eventHold)
  take('s3:object-lock-event-hold-duration-days', lock.eventHoldDays ?? daysOf(lock.eventHoldYears))
  const untilMs = Date.parse(lock.retainUntil ?? '')
  if (!Number.isNaN(untilMs))
    context['s3:object-lock-remaining-retention-days'] = String(remainingDays(untilMs, nowMs))
  return context
}

export function headerLockKeys(headers: Headers, nowMs: number): ConditionContext {
  const fields: RequestedLockFields = {
    mode: headers['x-amz-object-lock-mode'],
    retainUntil: headers['x-amz-object-lock-retain-until-date'],
    legalHold: headers['x-amz-object-lock-legal-hold'],
    eventHold: headers['x-amz-object-lock-event-hold'],
    eventHoldDays: headers['x-amz-object-lock-event-hold-duration-days'],
    eventHoldYears: headers['x-amz-object-lock-event-hold-duration-years'],
  }
  return lockKeys(fields, nowMs)
}

function daysOf(years: string | null | undefined): string | undefined {
  return years !== null && years !== undefined && /^\d+$/.test(years)
    ? String(Number(years) * 365)
    : undefined
}
