// Sends JSON to a webhook. Its URL is a secret: no error and no record has it, nor the response.
import { setTimeout as wait } from 'node:timers/promises'
import { HoldfastError } from '../../core/errors.ts'
import { notificationRetry, retryAfterDelay } from '../../core/retry.ts'
import type { RetryTiming } from '../../core/retry.ts'

const attemptMs = 10_000

export interface PostOptions {
  /** The name of the channel, for messages. */
  name: string
  /** Ends the attempts: it carries the budget of time. */
  signal: AbortSignal
  /** Default: the real one. */
  timing?: RetryTiming
}

/** @throws `denied`, `unreachable`, or the reason of `signal`. */
export async function postJson(url: URL, body: Record<string, unknown>, options: PostOptions): Promise<void> {
  const { signal } = options
  const sleep = (ms: number): Promise<void> => wait(ms, undefined, { signal })
  const timing = options.timing ?? { random: Math.random, sleep }
  await retryAfterDelay(notificationRetry, timing, () => postOnce(url, body, options))
}

async function postOnce(
  url: URL,
  body: Record<string, unknown>,
  { name, signal }: PostOptions,
): Promise<void> {
  let status: number
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': 'holdfast' },
      body: JSON.stringify(body),
      // Another address could be anyone's, and the message names sources.
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(attemptMs)]),
    })
    await response.body?.cancel()
    status = response.status
  } catch {
    signal.throwIfAborted()
    throw failure(name, 'the address did not respond', true)
  }
  if (status >= 200 && status < 300) return
  const isRetryable = status === 408 || status === 429 || status >= 500
  if (status === 401 || status === 403)
    throw new HoldfastError('denied', `the channel ${name} refused the notification: HTTP status ${status}`, {
      hint: 'renew the URL of the channel',
    })
  throw failure(name, `HTTP status ${status}`, isRetryable)
}

function failure(name: string, detail: string, retryable: boolean): HoldfastError {
  return new HoldfastError('unreachable', `the channel ${name} did not take the notification: ${detail}`, {
    hint: 'look at the address of the channel; the next run sends the notification again',
    retryable,
  })
}
