// Sends JSON to a webhook. Its URL is a secret: no error and no record has it, nor the response.
import { request as requestHttp } from 'node:http'
import type { Agent as HttpAgent, IncomingMessage } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { Agent as HttpsAgent } from 'node:https'
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
  /** They know the proxy and the certificates of the environment, which Node's `fetch` reads neither of. */
  agents: { httpAgent: HttpAgent; httpsAgent: HttpsAgent }
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
  { name, signal, agents }: PostOptions,
): Promise<void> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(attemptMs)])
  const status = await statusOf(url, JSON.stringify(body), { agents, signal: limit }).catch(() => {
    signal.throwIfAborted()
    throw failure(name, 'the address did not respond', true)
  })
  if (status >= 200 && status < 300) return
  const isRetryable = status === 408 || status === 429 || status >= 500
  if (status === 401 || status === 403)
    throw new HoldfastError('denied', `the channel ${name} refused the notification: HTTP status ${status}`, {
      hint: 'renew the URL of the channel',
    })
  throw failure(name, `HTTP status ${status}`, isRetryable)
}

/** Follows no redirect: another address could be anyone's, and the message names sources. */
function statusOf(
  url: URL,
  body: string,
  { agents, signal }: Pick<PostOptions, 'agents' | 'signal'>,
): Promise<number> {
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'user-agent': 'holdfast',
  }
  return new Promise((resolve, reject) => {
    const receive = (response: IncomingMessage): void => {
      resolve(response.statusCode ?? 0)
      response.destroy()
    }
    const options = { method: 'POST', headers, signal }
    const sent =
      url.protocol === 'https:'
        ? requestHttps(url, { ...options, agent: agents.httpsAgent }, receive)
        : requestHttp(url, { ...options, agent: agents.httpAgent }, receive)
    sent.on('error', reject).end(body)
  })
}

function failure(name: string, detail: string, retryable: boolean): HoldfastError {
  return new HoldfastError('unreachable', `the channel ${name} did not take the notification: ${detail}`, {
    hint: 'look at the address of the channel; the next run sends the notification again',
    retryable,
  })
}
