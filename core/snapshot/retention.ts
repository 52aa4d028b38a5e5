// Decides how long packs may be reused, and whether a bucket's lock covers the guaranteed retention. All
// times are the server's.
import { countOf } from '../count-text.ts'
import { HoldfastError } from '../errors.ts'
import type { LockDefault, LockMode } from '../store/object-store.ts'

export const dayMs = 86_400_000

/**
 * A commit takes at most this long, with all attempts. The lock of every pack must cover the guaranteed
 * retention from its end.
 */
export const maxCommitMs = 3_600_000

/**
 * How content that doesn't change stays locked. `upload`: a writer uploads it again, once in a generation. `extend`: a
 * writer reuses its packs, and the custodian extends their locks.
 */
export type Renewal = 'upload' | 'extend'

export interface Lock {
  mode: LockMode
  days: number
}

/**
 * The period in which packs may be reused. A new generation begins when the lock changes or the old one has
 * reached its days.
 */
export interface Generation {
  name: string
  startMs: number
  lock: Lock | null
}

/**
 * The end of the lock that the bucket's default gives to an object uploaded at `uploadedMs`; null without a
 * lock.
 */
export function lockedUntilMs(uploadedMs: number, lock: Lock | null): number | null {
  return lock === null ? null : uploadedMs + lock.days * dayMs
}

/**
 * Returns the lock under which a backup may run.
 * @throws `vault-unsafe` if the bucket has no lock or a shorter one than the guaranteed retention, unless
 *   `allowUnlocked`.
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
      `${bucketName} has no Object Lock with a default retention: any role that may delete could delete this backup`,
      {
        hint: 'back up to a vault that `pulumi up` made, or pass --allow-unlocked for a trial whose snapshots are not protected',
      },
    )
  }
  if (lock.days <= promiseDays) {
    throw new HoldfastError(
      'vault-unsafe',
      `${bucketName} locks for ${countOf(lock.days, 'day')}, which leaves no time beyond the guaranteed ${countOf(promiseDays, 'day')}`,
      {
        hint: "raise the bucket's default retention to the guaranteed days plus one generation (e.g. 30 + 10 days), or lower --promise-days",
        context: { lockDays: lock.days, promiseDays },
      },
    )
  }
  return lock
}

/**
 * Continues `last`, or begins a new generation: when there is none, when the lock changed, when its days are
 * over.
 */
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

/**
 * True if a snapshot that commits at `nowMs` may reuse a pack: the pack's lock must cover the guaranteed
 * retention.
 */
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

/**
 * A writer renews a pack no longer than this. Then it uploads the content again, without what has changed since: else a
 * pack of which one chunk is in use would stay for ever.
 */
export const maxRenewalDays = 90

/**
 * The begin of a pack's lock, for a writer that relies on the custodian: the last snapshot that names the pack counts
 * as its upload. The custodian keeps a pack for the guaranteed retention of the snapshots that name it. So a writer
 * may not rely on more, however long a generation is.
 */
export function renewedMs(
  pack: { uploadedMs: number; lock: Lock | null },
  namedMs: number,
  promiseDays: number,
): number {
  if (pack.lock === null || namedMs - pack.uploadedMs > maxRenewalDays * dayMs) return pack.uploadedMs
  const generationDays = pack.lock.days - promiseDays
  return Math.max(pack.uploadedMs, namedMs - Math.max(0, generationDays - promiseDays) * dayMs)
}

export function sameLock(a: Lock | null, b: Lock | null): boolean {
  return a?.mode === b?.mode && a?.days === b?.days
}
