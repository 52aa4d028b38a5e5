// How long a pack may be reused, and whether a bucket keeps what is promised. All times are the server's.
import { HoldfastError } from '../errors.ts'
import type { LockDefault, LockMode } from '../store/object-store.ts'

export const dayMs = 86_400_000

/** A commit that was decided may take so long, with every attempt at it: what it names must keep the promise from then on. */
export const maxCommitMs = 3_600_000

export interface Lock {
  mode: LockMode
  days: number
}

/** The period in which packs are shared: a new one begins when the lock changes or the old one has run its days. */
export interface Generation {
  name: string
  startMs: number
  lock: Lock | null
}

/** The end of the lock that the bucket's default gives to an object put at `uploadedMs`; null without a lock. */
export function lockedUntilMs(uploadedMs: number, lock: Lock | null): number | null {
  return lock === null ? null : uploadedMs + lock.days * dayMs
}

/**
 * The lock under which a backup may run.
 * @throws `vault-unsafe` if the bucket doesn't lock, or for less than is promised, unless `allowUnlocked`.
 */
export function acceptLock(
  bucketName: string,
  lockDefault: LockDefault,
  promiseDays: number,
  allowUnlocked: boolean,
): Lock | null {
  const lock = lockDefault.retention
  if (allowUnlocked) return lock
  if (lock === null) {
    throw new HoldfastError(
      'vault-unsafe',
      `${bucketName} has no Object Lock with a default retention: anyone who may delete could delete this backup`,
      {
        hint: 'back up to a vault that `pulumi up` made, or pass --allow-unlocked for a trial whose snapshots are not protected',
      },
    )
  }
  if (lock.days <= promiseDays) {
    throw new HoldfastError(
      'vault-unsafe',
      `${bucketName} locks for ${lock.days} days, which leaves no time beyond the ${promiseDays} days promised`,
      {
        hint: "raise the bucket's default retention to the promise plus one generation (e.g. 30 + 10 days), or lower --promise-days",
        context: { lockDays: lock.days, promiseDays },
      },
    )
  }
  return lock
}

/** Continues `last`, or begins a new generation: when there is none, when the lock changed, when its days are over. */
export function currentGeneration(
  last: Generation | null,
  lock: Lock | null,
  promiseDays: number,
  nowMs: number,
): Generation {
  if (last !== null && sameLock(last.lock, lock)) {
    if (lock === null || nowMs + maxCommitMs < last.startMs + (lock.days - promiseDays) * dayMs) return last
  }
  const timestamp = new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, '')
  const suffix = lock === null ? 'unlocked-0d' : `${lock.mode.toLowerCase()}-${lock.days}d`
  return { name: `${timestamp}-${suffix}`, startMs: nowMs, lock }
}

/** Whether a pack's chunks may be named by a snapshot whose commit is decided at `nowMs`: its lock must cover the promise. */
export function mayReuse(
  pack: { uploadedMs: number; lock: Lock | null },
  lock: Lock | null,
  promiseDays: number,
  nowMs: number,
): boolean {
  if (lock === null) return true
  if (pack.lock === null || (lock.mode === 'COMPLIANCE' && pack.lock.mode !== 'COMPLIANCE')) return false
  return lockedUntilMs(pack.uploadedMs, pack.lock)! >= nowMs + maxCommitMs + promiseDays * dayMs
}

export function sameLock(a: Lock | null, b: Lock | null): boolean {
  return a?.mode === b?.mode && a?.days === b?.days
}
