// What a store says of one version: size, time, digest and lock.
import { GetObjectRetentionCommand, HeadObjectCommand } from '@aws-sdk/client-s3'
import { HoldfastError, isHoldfastError } from '../core/errors.ts'
import type { LockMode, ObjectRef, ObjectState } from '../core/store/object-store.ts'
import type { S3Calls } from './s3-calls.ts'

/** @param readByte a GET of the version's first byte. */
export async function readVersionState(
  calls: S3Calls,
  bucket: string,
  ref: ObjectRef,
  readByte: () => Promise<unknown>,
): Promise<ObjectState> {
  const operation = `looking at s3://${bucket}/${ref.key}`
  const address = { Bucket: bucket, Key: ref.key, VersionId: ref.versionId }
  const ask = () =>
    calls.read(operation, () =>
      calls.connection.forReads.send(new HeadObjectCommand({ ...address, ChecksumMode: 'ENABLED' }), {
        abortSignal: calls.connection.deadline(0),
      }),
    )
  const head = await ask().catch(async (error: unknown) => {
    await explainHead(error, readByte)
    return ask()
  })
  const lastModifiedMs = head.LastModified?.getTime() ?? Number.NaN
  if (head.ContentLength === undefined || Number.isNaN(lastModifiedMs)) {
    throw new HoldfastError('unreachable', `${operation} failed: the answer lacks size or time`, {
      retryable: true,
    })
  }
  const digest = Buffer.from(head.ChecksumSHA256 ?? '', 'base64')
  return {
    bytes: head.ContentLength,
    lastModifiedMs,
    // Of an object in parts it would be a digest of digests, marked by its suffix.
    sha256: digest.length === 32 && !head.ChecksumSHA256!.includes('-') ? digest.toString('hex') : null,
    lock:
      head.ObjectLockMode !== undefined && head.ObjectLockRetainUntilDate !== undefined
        ? { mode: readLockMode(head.ObjectLockMode), untilMs: head.ObjectLockRetainUntilDate.getTime() }
        : await readLock(calls, bucket, ref),
  }
}

/**
 * A HEAD's error has no body: an expired session or a wrong secret reads as a bare 400 or 403, and a key that VersityGW
 * doesn't know as 404. A GET of one byte, which needs the same right, tells what it was; or, where it has renewed the
 * session, that it is over.
 */
async function explainHead(error: unknown, readByte: () => Promise<unknown>): Promise<void> {
  const saysTooLittle = isHoldfastError(error) && [400, 403, 404].includes(Number(error.context['status']))
  if (!saysTooLittle) throw error
  await readByte().catch((told: unknown) => {
    throw isHoldfastError(told, 'damaged') ? error : told
  })
}

/** HEAD leaves the lock out when there is none, and also when the caller may not see it. */
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
    // The second is what S3 says of a bucket without Object Lock.
    if (awsError === 'NoSuchObjectLockConfiguration' || awsError === 'InvalidRequest') return null
    throw error
  }
}

export function readLockMode(mode: string): LockMode {
  if (mode === 'COMPLIANCE' || mode === 'GOVERNANCE') return mode
  throw new HoldfastError('unsupported-format', 'the store names a mode of Object Lock that is not known', {
    hint: 'update holdfast',
  })
}
