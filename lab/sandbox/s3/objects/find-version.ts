// Finds the version of an object that a request names, and checks that the caller may use it.

import { listKeys, versionKeys } from '../../condition-keys/s3.ts'
import { AwsError, denyAccess } from '../../protocol/aws-error.ts'
import type { S3Call } from '../call.ts'
import type { Bucket, Content, Version } from '../model.ts'
import { httpDate, versionHeaders } from './headers.ts'

export interface ReadableVersion {
  bucket: Bucket
  version: Version
  content: Content
}

/** The version that a request reads, or whose settings it changes. */
export interface VersionTarget {
  bucket: Bucket
  key: string
  /** Null for the current version. */
  versionId: string | null
  /** The action on a current version (`s3:GetObject`). The action on a version by id is derived from it. */
  action: string
}

/** The version that the request itself names. */
export function findRequestedVersion(call: S3Call, action: string): Promise<ReadableVersion> {
  const bucket = call.requireBucket()
  const key = call.requireKey()
  return findReadable(call, { bucket, key, versionId: call.query.get('versionId') ?? null, action })
}

/**
 * The version that a request names, if the caller may read it. A missing version is 404 for callers that may
 * list the bucket and 403 for others, so that a caller without ListBucket can't learn which keys exist.
 */
export async function findReadable(call: S3Call, target: VersionTarget): Promise<ReadableVersion> {
  const { bucket, key, versionId, action } = target
  const version = findVersion(call, bucket, key, versionId)
  await call.allow(
    bucket,
    versionId === null ? action : versionedAction(action),
    key,
    versionKeys(version?.content?.tags ?? [], versionId),
  )
  if (version === null || (version.content === null && versionId === null)) {
    const listable = await call.isAllowed(bucket, 's3:ListBucket', null, listKeys(new Map([['prefix', key]])))
    if (!listable) throw denyAccess()
    throw missingVersion(bucket, key, versionId, version)
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

/**
 * s3:GetObjectTagging becomes s3:GetObjectVersionTagging, and so on. Retention and legal hold have one action
 * for both.
 */
function versionedAction(action: string): string {
  return action.endsWith('Retention') || action.endsWith('LegalHold') || action.endsWith('Encryption')
    ? action
    : action.replace('Object', 'ObjectVersion')
}

export function findVersion(
  call: S3Call,
  bucket: Bucket,
  key: string,
  versionId: string | null,
): Version | null {
  if (versionId === null) return call.catalog.currentVersion(bucket.id, key)
  if (versionId === '')
    throw new AwsError(400, 'InvalidArgument', 'Version id cannot be the empty string', {
      fields: { ArgumentName: 'versionId', ArgumentValue: '' },
    })
  if (versionId.length > 1024) throw invalidVersionId('')
  return call.catalog.findVersion(bucket.id, key, versionId)
}

// Version ids are opaque, but have a form. An id of another store counts as the id of a version that is gone.
export function isVersionId(text: string): boolean {
  return text === 'null' || /^[\w.-]{20,64}$/.test(text)
}

export function invalidVersionId(versionId: string): AwsError {
  return new AwsError(400, 'InvalidArgument', 'Invalid version id specified', {
    fields: { ArgumentName: 'versionId', ArgumentValue: versionId },
  })
}

/**
 * The error for a version that is not there. A malformed version id is InvalidArgument, after the permission
 * check as well.
 */
export function missingVersion(
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
