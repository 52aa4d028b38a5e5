// Reads the state of one version: size, time, digest and lock.
import { GetObjectRetentionCommand, HeadObjectCommand } from '@aws-sdk/client-s3'
import type { HeadObjectCommandOutput } from '@aws-sdk/client-s3'
import { HoldfastError, isHoldfastError } from '../core/errors.ts'
import type { LockMode, ObjectRef, ObjectState } from '../core/store/object-store.ts'
import type { S3Calls } from './s3-calls.ts'
import { sanitizeServerText } from './server-text.ts'

/** @param readByte a GET of the version's first byte. */
export async function readVersionState(
  calls: S3Calls,
  bucket: string,
  ref: ObjectRef,
  readByte: () => Promise<unknown>,
): Promise<ObjectState> {
  const operation = `looking at s3://${bucket}/${ref.key}`
  const address = { Bucket: bucket, Key: ref.key, VersionId: ref.versionId }
  const readHead = () =>
    calls.read(operation, () =>
      calls.connection.forReads.send(new HeadObjectCommand({ ...address, ChecksumMode: 'ENABLED' }), {
        abortSignal: calls.connection.deadline(0),
      }),
    )
  const head = await readHead().catch(async (error: unknown) => {
    await explainHead(error, readByte)
    return readHead()
  })
  const lastModifiedMs = head.LastModified?.getTime() ?? Number.NaN
  if (head.ContentLength === undefined || Number.isNaN(lastModifiedMs)) {
    throw new HoldfastError('unreachable', `${operation} failed: the response lacks size or time`, {
      retryable: true,
    })
  }
  const digest = Buffer.from(head.ChecksumSHA256 ?? '', 'base64')
  return {
    bytes: head.ContentLength,
    lastModifiedMs,
    // A multipart object has a digest of digests, which its suffix marks.
    sha256: digest.length === 32 && !head.ChecksumSHA256!.includes('-') ? digest.toString('hex') : null,
    lock:
      head.ObjectLockMode !== undefined && head.ObjectLockRetainUntilDate !== undefined
        ? { mode: readLockMode(head.ObjectLockMode), untilMs: head.ObjectLockRetainUntilDate.getTime() }
        : await readLock(calls, bucket, ref),
    archive: archiveOf(head),
    serverTimeMs: timeOf(calls.connection.headOf(head).headers['date']),
  }
}

const archiveClasses: ReadonlySet<string> = new Set(['GLACIER', 'DEEP_ARCHIVE'])

/**
 * A copy that was brought back can be read until it expires. INTELLIGENT_TIERING names its archive tier in a header
 * of its own.
 */
function archiveOf({ StorageClass, ArchiveStatus, Restore }: HeadObjectCommandOutput): string | null {
  if (Restore?.includes('ongoing-request="false"') === true) return null
  if (ArchiveStatus !== undefined) return sanitizeServerText(ArchiveStatus)
  return StorageClass !== undefined && archiveClasses.has(StorageClass) ? StorageClass : null
}

function timeOf(date: string | undefined): number | null {
  const timeMs = Date.parse(date ?? '')
  return Number.isNaN(timeMs) ? null : timeMs
}

/**
 * The error of a HEAD has no body. An expired session or a wrong secret is only a 400 or 403. VersityGW even responds
 * 404 to an unknown access key. So we GET one byte, which needs the same permission, and throw its more precise
 * error. If the GET succeeds (perhaps with a renewed session), this returns.
 */
async function explainHead(error: unknown, readByte: () => Promise<unknown>): Promise<void> {
  const isVague = isHoldfastError(error) && [400, 403, 404].includes(Number(error.context['status']))
  if (!isVague) throw error
  await readByte().catch((precise: unknown) => {
    throw isHoldfastError(precise, 'damaged') ? error : precise
  })
}

/** Reads the lock separately, because HEAD omits it both if there is none and if the caller may not read it. */
async function readLock(
  calls: S3Calls,
  bucket: string,
  ref: ObjectRef,
): Promise<{ mode: LockMode; untilMs: number } | null | undefined> {
  const command = new GetObjectRetentionCommand({ Bucket: bucket, Key: ref.key, VersionId: ref.versionId })
  try {
    const { Retention } = await calls.read(`reading the lock of s3://${bucket}/${ref.key}`, () =>
      calls.connection.forReads.send(command, { abortSignal: calls.connection.deadline(0) }),
    )
    if (Retention?.Mode === undefined || Retention.RetainUntilDate === undefined) return null
    return { mode: readLockMode(Retention.Mode), untilMs: Retention.RetainUntilDate.getTime() }
  } catch (error) {
    if (isHoldfastError(error, 'denied')) return undefined
    const awsError = isHoldfastError(error) ? error.context['awsError'] : undefined
    // InvalidRequest is S3's error for a bucket without Object Lock.
    if (awsError === 'NoSuchObjectLockConfiguration' || awsError === 'InvalidRequest') return null
    throw error
  }
}

export function readLockMode(mode: string): LockMode {
  if (mode === 'COMPLIANCE' || mode === 'GOVERNANCE') return mode
  throw new HoldfastError('unsupported-format', 'the store names an unknown mode of Object Lock', {
    hint: 'update holdfast',
  })
}
