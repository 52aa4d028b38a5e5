import { describe, expect, test } from 'vitest'
import { HoldfastError } from '../../core/errors.ts'
import {
  damagedReadRetry,
  outageRetry,
  outlastOutage,
  renewedSessionRetry,
  rereadDamaged,
  retryAfterDelay,
  retryAtOnce,
  serviceCallRetry,
  truncatedReadRetry,
  uploadRetry,
} from '../../core/retry.ts'
import type { DelayedRetryPolicy } from '../../core/retry.ts'

const unreachable = new HoldfastError('unreachable', 'no reply', { retryable: true })
const conflict = new HoldfastError('conflict', 'the key exists')
const denied = new HoldfastError('denied', 'no')
/** The SDK has just learned the store's clock: another attempt may help, but nothing is away. */
const skewed = new HoldfastError('denied', 'no', { retryable: true })
const damaged = new HoldfastError('damaged', 'other bytes')
const unsupported = new HoldfastError('unsupported-format', 'version 9')
const truncated = new HoldfastError('unreachable', 'ended early', { context: { torn: true } })
const renewed = new HoldfastError('credentials', 'expired', { context: { renewed: true } })
const expired = new HoldfastError('credentials', 'expired')
const errors = { unreachable, conflict, denied, skewed, damaged, unsupported, truncated, renewed, expired }

async function runUntilGivenUp(policy: DelayedRetryPolicy, error: Error, random = () => 1) {
  const delays: number[] = []
  let calls = 0
  const sleep = (ms: number): Promise<void> => {
    delays.push(ms)
    return Promise.resolve()
  }
  const outcome = await retryAfterDelay(policy, { random, sleep }, () => {
    calls++
    return Promise.reject(error)
  }).catch((thrown: unknown) => thrown)
  return { calls, delays, outcome }
}

describe('a retry policy', () => {
  test.each([
    ['of uploads', uploadRetry, ['unreachable', 'conflict', 'skewed']],
    ['of damaged reads', damagedReadRetry, ['damaged', 'unsupported']],
    ['of truncated reads', truncatedReadRetry, ['truncated']],
    ['of expired sessions', renewedSessionRetry, ['renewed']],
    ['of service calls', serviceCallRetry, ['unreachable', 'skewed']],
    ['of outages', outageRetry, ['unreachable']],
  ])('%s retries exactly its own failures', (_name, policy, retried) => {
    expect(
      Object.keys(errors).filter((name) => policy.isRetryable(errors[name as keyof typeof errors])),
    ).toEqual(retried)
    expect(policy.isRetryable(new TypeError('a defect'))).toBe(false)
  })

  test.each([
    ['of uploads', uploadRetry, unreachable, [400, 800, 1600, 3200, 6400, 12_800, 20_000]],
    ['of truncated reads', truncatedReadRetry, truncated, [100, 200, 400, 800]],
    ['of service calls', serviceCallRetry, unreachable, [200, 400]],
  ])(
    '%s doubles the delay up to its maximum, and then throws the last error',
    async (_name, policy, error, delays) => {
      expect(await runUntilGivenUp(policy, error)).toEqual({
        calls: policy.maxAttempts,
        delays,
        outcome: error,
      })
    },
  )

  test('with full jitter shortens each delay at random; without jitter no random number is used', async () => {
    expect((await runUntilGivenUp(truncatedReadRetry, truncated, () => 0.5)).delays).toEqual([
      50, 100, 200, 400,
    ])
    const noRandom = (): number => {
      throw new Error('random was called')
    }
    expect((await runUntilGivenUp(serviceCallRetry, unreachable, noRandom)).delays).toEqual([200, 400])
  })
})

describe('a retry', () => {
  test('throws an error that its policy does not retry at once', async () => {
    expect(await runUntilGivenUp(uploadRetry, denied)).toEqual({ calls: 1, delays: [], outcome: denied })
  })

  test('returns the result of the first attempt that succeeds', async () => {
    let calls = 0
    const call = (): Promise<number> => (++calls < 3 ? Promise.reject(damaged) : Promise.resolve(calls))
    await expect(retryAtOnce(damagedReadRetry, call)).resolves.toBe(3)
  })

  test('of a damaged read ends after three fetches', async () => {
    let fetches = 0
    await expect(rereadDamaged(() => (fetches++, Promise.reject(damaged)))).rejects.toBe(damaged)
    expect(fetches).toBe(3)
  })

  test('ends with the reason for which its delay was aborted', async () => {
    const sleep = (): Promise<void> => Promise.reject(new Error('aborted'))
    await expect(
      retryAfterDelay(uploadRetry, { random: () => 1, sleep }, () => Promise.reject(unreachable)),
    ).rejects.toThrow('aborted')
  })
})

describe('a read during an outage', () => {
  /** @param jumpMs how much time passes with each call, beside the waits. */
  async function readUntil(isBack: (nowMs: number) => boolean, error: Error, jumpMs = 0) {
    let [nowMs, calls] = [0, 0]
    const waits: number[] = []
    const timing = {
      random: () => 0.5,
      nowMs: () => nowMs,
      sleep: (ms: number) => {
        nowMs += ms
        return Promise.resolve()
      },
      onWait: (_: unknown, waitedMs: number) => waits.push(waitedMs),
    }
    const outcome = await outlastOutage(outageRetry, timing, () => {
      calls++
      nowMs += jumpMs
      return isBack(nowMs) ? Promise.resolve('bytes') : Promise.reject(error)
    }).catch((thrown: unknown) => thrown)
    return { outcome, nowMs, calls, waits }
  }

  test('goes on when the store is back after minutes, and reports each wait', async () => {
    const { outcome, calls, waits } = await readUntil((nowMs) => nowMs > 4 * 60_000, unreachable)
    expect(outcome).toBe('bytes')
    expect(waits).toHaveLength(calls - 1)
    expect(waits.at(-1)).toBeGreaterThan(3.9 * 60_000)
  })

  test('ends with the error after five minutes, and at once where waiting does not help', async () => {
    const { outcome, nowMs } = await readUntil(() => false, unreachable)
    expect(outcome).toBe(unreachable)
    expect(nowMs).toBeGreaterThanOrEqual(5 * 60_000)
    expect(nowMs).toBeLessThan(5.5 * 60_000)
    expect(await readUntil(() => false, denied)).toMatchObject({ outcome: denied, calls: 1 })
  })

  test('is tried several times more after the machine has slept', async () => {
    expect(await readUntil(() => false, unreachable, 3_600_000)).toMatchObject({
      calls: outageRetry.minAttempts,
    })
  })
})
