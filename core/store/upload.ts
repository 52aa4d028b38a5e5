// Every upload has a key that was never used before. A 412 proves that a key exists, not which bytes it
// holds, and a lost reply proves nothing: both mean a new key, never success.
import type { Clock, Random } from '../clock.ts'
import { HoldfastError } from '../errors.ts'
import { retryAfterDelay, uploadRetry } from '../retry.ts'
import type { ObjectStore, PutReply } from './object-store.ts'

export interface UploadAttempt {
  key: string
  body: Uint8Array
  sha256: string
}

export interface UploadEnvironment {
  store: ObjectStore
  clock: Clock
  random: Random
  signal?: AbortSignal
}

/**
 * Uploads until the store has acknowledged one attempt. Each call of `nextAttempt` must return a key that was
 * never used. Retries as `uploadRetry` says; any other error is thrown at once.
 */
export async function putUnderNewKey(
  { store, clock, random, signal }: UploadEnvironment,
  nextAttempt: () => UploadAttempt,
): Promise<UploadAttempt & PutReply> {
  const put = async (): Promise<UploadAttempt & PutReply> => {
    signal?.throwIfAborted()
    const attempt = nextAttempt()
    const reply = await store.putIfAbsent(attempt.key, attempt.body, attempt.sha256)
    return { ...attempt, ...reply }
  }
  try {
    return await retryAfterDelay(uploadRetry, { random, sleep: (ms) => clock.sleep(ms, signal) }, put)
  } catch (error) {
    throw uploadRetry.isRetryable(error) ? gaveUp(store.name, error) : error
  }
}

function gaveUp(storeName: string, error: unknown): HoldfastError {
  const { code, message, hint, retryable } = error as HoldfastError
  return new HoldfastError(
    code,
    `gave up on an upload to ${storeName} after ${uploadRetry.maxAttempts} attempts: ${message}`,
    { ...(hint === undefined ? {} : { hint }), retryable, cause: error },
  )
}
