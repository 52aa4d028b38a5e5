// DeleteObject and DeleteObjects. Without a version id they add a delete marker; with one they remove the
// version, if Object Lock allows it.

import { deleteKeys } from '../../condition-keys/s3.ts'
import { AwsError, denyAccess } from '../../protocol/aws-error.ts'
import type { ServiceReply } from '../../protocol/service.ts'
import { childrenOf, expectOnly, parseXml, refuseXml, textOf } from '../../protocol/xml.ts'
import type { XmlElement } from '../../protocol/xml.ts'
import type { S3Call } from '../call.ts'
import { protectedByLock, reasonAgainstDeletion } from '../lock/lock-rules.ts'
import { noLock } from '../model.ts'
import type { Bucket } from '../model.ts'
import { emptyReply, xmlReply } from '../reply.ts'
import { invalidVersionId, isVersionId, findVersion } from './find-version.ts'
import { checkDelete } from './preconditions.ts'
import type { DeleteCondition } from './preconditions.ts'

const maxDeleteBytes = 2 * 1024 * 1024
const maxDeletes = 1000

interface Deleted {
  versionId: string | null
  /** Whether the deletion made a delete marker, or removed one. */
  isMarker: boolean
  markerVersionId: string | null
}

interface DeleteTarget {
  key: string
  versionId: string | null
  condition: DeleteCondition
}

export async function deleteObject(call: S3Call): Promise<ServiceReply> {
  const { headers } = call.request
  const bucket = call.requireBucket()
  const target = {
    key: call.requireKey(),
    versionId: call.query.get('versionId') ?? null,
    condition: {
      etag: headers['if-match'] ?? null,
      lastModified: headers['x-amz-if-match-last-modified-time'] ?? null,
      bytes: headers['x-amz-if-match-size'] ?? null,
    },
  }
  const deleted = await deleteOne(call, bucket, target)
  return emptyReply(204, {
    ...(deleted.isMarker ? { 'x-amz-delete-marker': 'true' } : {}),
    ...(deleted.versionId === null ? {} : { 'x-amz-version-id': deleted.versionId }),
  })
}

async function deleteOne(
  call: S3Call,
  bucket: Bucket,
  { key, versionId, condition }: DeleteTarget,
): Promise<Deleted> {
  const action = versionId === null ? 's3:DeleteObject' : 's3:DeleteObjectVersion'
  await call.allow(bucket, action, key, deleteKeys(versionId, condition.etag))
  const bypass = call.flag('x-amz-bypass-governance-retention')
  if (bypass) await call.allow(bucket, 's3:BypassGovernanceRetention', key)
  if (condition.etag !== null)
    await call.allow(bucket, versionId === null ? 's3:GetObject' : 's3:GetObjectVersion', key)
  return versionId === null
    ? hide(call, bucket.name, key, condition)
    : destroy(call, bucket, { key, versionId, condition }, bypass)
}

// A deletion without a version id: adds a marker if the bucket keeps versions, removes the object if it never
// did.
function hide(call: S3Call, bucketName: string, key: string, condition: DeleteCondition): Deleted {
  const { catalog, files } = call
  const { orphans, deleted } = catalog.transact(() => {
    const bucket = call.findBucket(bucketName)
    checkDelete(condition, catalog.currentVersion(bucket.id, key), key)
    if (bucket.versioning === null)
      return {
        orphans: catalog.removeVersion(bucket.id, key, 'null'),
        deleted: { versionId: null, isMarker: false, markerVersionId: null },
      }
    const { version, orphans } = catalog.addVersion(
      { bucketId: bucket.id, key, content: null, lock: noLock, modifiedMs: call.nowMs, order: null },
      bucket.versioning === 'Enabled',
    )
    return {
      orphans,
      deleted: { versionId: version.versionId, isMarker: true, markerVersionId: version.versionId },
    }
  })
  files.remove(orphans)
  return deleted
}

function destroy(
  call: S3Call,
  bucket: Bucket,
  { key, versionId, condition }: DeleteTarget & { versionId: string },
  bypass: boolean,
): Deleted {
  const { catalog, files } = call
  const { orphans, isMarker } = catalog.transact(() => {
    const version = findVersion(call, bucket, key, versionId)
    if (version === null && !isVersionId(versionId)) throw invalidVersionId(versionId)
    checkDelete(condition, version, key)
    const reason = version === null ? null : reasonAgainstDeletion(version.lock, call.nowMs, bypass)
    if (reason !== null) {
      call.recordLock('s3:DeleteObjectVersion', bucket, key, reason)
      throw protectedByLock()
    }
    return {
      orphans: catalog.removeVersion(bucket.id, key, versionId),
      isMarker: version !== null && version.content === null,
    }
  })
  files.remove(orphans)
  return { versionId, isMarker, markerVersionId: isMarker ? versionId : null }
}

/** Each key has a decision of its own. A failure is listed in the reply and doesn't stop the other deletions. */
export async function deleteObjects(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  if (call.request.principal.kind === 'anonymous') throw denyAccess()
  const { targets, quiet } = readTargets(parseXml(await call.readDocument(maxDeleteBytes, true), 'Delete'))
  const results: XmlElement[] = []
  for (const target of targets) {
    const { key, versionId } = target
    try {
      if (Buffer.byteLength(key) > 1024) throw new AwsError(400, 'KeyTooLongError', 'Your key is too long')
      const deleted = await deleteOne(call, bucket, target)
      if (quiet) continue
      results.push([
        'Deleted',
        [
          ['Key', key],
          ['VersionId', versionId],
          ['DeleteMarker', deleted.isMarker ? true : null],
          ['DeleteMarkerVersionId', deleted.markerVersionId],
        ],
      ])
    } catch (error) {
      if (!(error instanceof AwsError)) throw error
      results.push([
        'Error',
        [
          ['Key', key],
          ['VersionId', versionId],
          ['Code', error.code],
          ['Message', error.message],
        ],
      ])
    }
  }
  return xmlReply('DeleteResult', results)
}

function readTargets(root: ReturnType<typeof parseXml>): { targets: DeleteTarget[]; quiet: boolean } {
  expectOnly(root, 'Object', 'Quiet')
  const objects = childrenOf(root, 'Object')
  if (objects.length === 0 || objects.length > maxDeletes) refuseXml()
  const targets = objects.map((object) => {
    expectOnly(object, 'Key', 'VersionId', 'ETag', 'LastModifiedTime', 'Size')
    const key = textOf(object, 'Key') ?? ''
    if (key === '') refuseXml()
    const condition = {
      etag: textOf(object, 'ETag'),
      lastModified: textOf(object, 'LastModifiedTime'),
      bytes: textOf(object, 'Size'),
    }
    return { key, versionId: textOf(object, 'VersionId'), condition }
  })
  return { targets, quiet: textOf(root, 'Quiet')?.toLowerCase() === 'true' }
}
