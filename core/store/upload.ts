// Every upload has a key that was never used before. A 412 proves that a key exists, not what it holds, and a lost
// reply proves nothing: both mean a new key, never success.
import type { Clock, Random } from '../clock.ts'
import { HoldfastError, isHoldfastError } from '../errors.ts'
import type { ObjectStore, PutReply } from './object-store.ts'

const attempts = 8
const firstDelayMs = 200
const longestDelayMs = 20_000

export interface UploadAttempt {
  key: string
  body: Uint8Array
  sha256: string
}

/**
 * Puts what `nextAttempt` makes until the store has acknowledged one. `nextAttempt` must answer a key that was never
 * used, each time it is called. Retries what is retryable, with full jitter; anything else is thrown at once.
 */
export async function putUnderNewKey(
  environment: { store: ObjectStore; clock: Clock; random: Random; signal?: AbortSignal },
  nextAttempt: () => UploadAttempt,
): Promise<UploadAttempt & PutReply> {
  const { store, clock, random, signal } = environment
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted()
    const next = nextAttempt()
    try {
      const reply = await store.putIfAbsent(next.key, next.body, next.sha256)
      return { ...next, ...reply }
    } catch (error) {
      const again = isHoldfastError(error) && (error.retryable || error.code === 'conflict')
      if (!again) throw error
      if (attempt === attempts) {
        throw new HoldfastError(
          error.code,
          `gave up on an upload to ${store.name} after ${attempts} attempts: ${error.message}`,
          {
            ...(error.hint === undefined ? {} : { hint: error.hint }),
            retryable: error.retryable,
            cause: error,
          },
        )
      }
      await clock.sleep(random() * Math.min(longestDelayMs, firstDelayMs * 2 ** attempt), signal)
    }
  }
}
