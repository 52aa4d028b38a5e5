// Every retry of the product: which failures are worth another attempt, how many attempts there are, and the
// delay before each. A new place that retries takes a policy from this file, or adds one here.
import type { Random } from './clock.ts'
import { isHoldfastError } from './errors.ts'

export interface RetryPolicy {
  /** The first call included. */
  readonly maxAttempts: number
  isRetryable(error: unknown): boolean
}

export interface DelayedRetryPolicy extends RetryPolicy {
  readonly delay: {
    /** Doubled before each attempt: twice this before the second. */
    readonly baseMs: number
    readonly maxMs: number
    /** `full`: uniform between 0 and the delay, so that many clients don't come back at the same moment. */
    readonly jitter: 'full' | 'none'
  }
}

/** A PUT, each time under a new key. A conflict (412) only proves that the key is taken. */
export const uploadRetry: DelayedRetryPolicy = {
  maxAttempts: 8,
  delay: { baseMs: 200, maxMs: 20_000, jitter: 'full' },
  isRetryable: (error) => isHoldfastError(error) && (error.retryable || error.code === 'conflict'),
}

/** An extension of a lock, or a deletion: the same call again does no harm. */
export const custodyRetry: DelayedRetryPolicy = {
  maxAttempts: 8,
  delay: { baseMs: 200, maxMs: 20_000, jitter: 'full' },
  isRetryable: (error) => isHoldfastError(error) && error.retryable,
}

/**
 * Bytes can be corrupted on the way while they are intact in the vault: a fetch is repeated before an object
 * counts as damaged.
 */
export const damagedReadRetry: RetryPolicy = {
  maxAttempts: 3,
  isRetryable: (error) => isHoldfastError(error, 'damaged', 'unsupported-format'),
}

/**
 * A body that ended early, or that was not the requested range. The SDK has already retried what came before
 * the body.
 */
export const truncatedReadRetry: DelayedRetryPolicy = {
  maxAttempts: 5,
  delay: { baseMs: 50, maxMs: 5_000, jitter: 'full' },
  isRetryable: (error) => isHoldfastError(error) && error.context['torn'] === true,
}

/**
 * A read of a store that has responded before: a restore of hours must not end with an outage of minutes. A store
 * that never responded more likely has a wrong address, and fails at once.
 */
export interface OutageRetryPolicy extends Pick<DelayedRetryPolicy, 'delay' | 'isRetryable'> {
  readonly patienceMs: number
  /** Attempts that are made although the patience is over: the machine may have slept meanwhile. */
  readonly minAttempts: number
}

export const outageRetry: OutageRetryPolicy = {
  patienceMs: 5 * 60_000,
  minAttempts: 8,
  delay: { baseMs: 250, maxMs: 10_000, jitter: 'full' },
  // No other code means an outage: a denial can be retryable too, once, after the SDK has learned the store's clock.
  isRetryable: (error) => isHoldfastError(error, 'unreachable', 'throttled') && error.retryable,
}

/** A read after its session has expired: once more, if new credentials could be obtained. */
export const renewedSessionRetry: RetryPolicy = {
  maxAttempts: 2,
  isRetryable: (error) => isHoldfastError(error, 'credentials') && error.context['renewed'] === true,
}

/** A call of an AWS service that is signed here and not by a client of the SDK. */
export const serviceCallRetry: DelayedRetryPolicy = {
  maxAttempts: 3,
  delay: { baseMs: 100, maxMs: Infinity, jitter: 'none' },
  isRetryable: (error) => isHoldfastError(error) && error.retryable,
}

/** A notification. The receiver may get it twice, which is better than never. */
export const notificationRetry: DelayedRetryPolicy = {
  maxAttempts: 4,
  delay: { baseMs: 500, maxMs: 10_000, jitter: 'full' },
  isRetryable: (error) => isHoldfastError(error) && error.retryable,
}

/**
 * Limits of the SDK's own retries, which are exponential with jitter. A PUT has one attempt: see
 * `uploadRetry`.
 */
export const sdkAttempts = { read: truncatedReadRetry.maxAttempts, put: 1, serviceCall: 3 } as const

/** A source file that changes while it is read is read again this often before it counts as changed. */
export const maxFileReads = 3

/**
 * A backup pass starts again if the cache was damaged, if packs grew too old while it ran, or if entries moved
 * out of its way.
 */
export const maxBackupPasses = 4

/** A source in which entries always move is backed up all the same, and its snapshot is incomplete. */
export const maxWalks = 3

/** @throws the error of the last attempt, or the first error that isn't retryable. */
export async function retryAtOnce<Result>(policy: RetryPolicy, call: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call()
    } catch (error) {
      if (attempt === policy.maxAttempts || !policy.isRetryable(error)) throw error
    }
  }
}

/** @param read fetches and checks; it is called again when the fetched bytes don't check. */
export async function rereadDamaged<Result>(read: () => Promise<Result>): Promise<Result> {
  return retryAtOnce(damagedReadRetry, read)
}

/** As arguments, so that a test or a simulation decides how time passes. */
export interface RetryTiming {
  readonly random: Random
  /** Rejects with the signal's reason if it is aborted first. */
  sleep(ms: number): Promise<void>
}

/** @throws as `retryAtOnce`, or what `timing.sleep` rejects with. */
export async function retryAfterDelay<Result>(
  policy: DelayedRetryPolicy,
  timing: RetryTiming,
  call: () => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call()
    } catch (error) {
      if (attempt === policy.maxAttempts || !policy.isRetryable(error)) throw error
    }
    await timing.sleep(delayMsAfter(attempt, policy, timing.random))
  }
}

export interface OutageTiming extends RetryTiming {
  nowMs(): number
  /** Called before each wait. */
  onWait(error: unknown, waitedMs: number): void
}

/** @throws the error of the last attempt, the first error that isn't retryable, or what `timing.sleep` rejects with. */
export async function outlastOutage<Result>(
  policy: OutageRetryPolicy,
  timing: OutageTiming,
  call: () => Promise<Result>,
): Promise<Result> {
  const startMs = timing.nowMs()
  for (let attempt = 1; ; attempt++) {
    try {
      return await call()
    } catch (error) {
      const waitedMs = timing.nowMs() - startMs
      const isOver = attempt >= policy.minAttempts && waitedMs >= policy.patienceMs
      if (isOver || !policy.isRetryable(error)) throw error
      timing.onWait(error, waitedMs)
    }
    await timing.sleep(delayMsAfter(attempt, policy, timing.random))
  }
}

function delayMsAfter(attempt: number, { delay }: Pick<DelayedRetryPolicy, 'delay'>, random: Random): number {
  const delayMs = Math.min(delay.maxMs, delay.baseMs * 2 ** attempt)
  return delay.jitter === 'full' ? random() * delayMs : delayMs
}
