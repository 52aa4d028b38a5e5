import { describe, expect, test } from 'vitest'
import { HoldfastError, isHoldfastError } from '../../../core/errors.ts'
import { putUnderNewKey } from '../../../core/store/upload.ts'
import type { UploadAttempt } from '../../../core/store/upload.ts'
import { sha256Of } from '../../fixtures/handmade-vault.ts'
import { ManualClock, seededRandom } from '../../fixtures/manual-clock.ts'
import { MemoryStore } from '../../fixtures/memory-store.ts'

function setUp(): {
  store: MemoryStore
  clock: ManualClock
  keys: string[]
  put: (signal?: AbortSignal) => ReturnType<typeof putUnderNewKey>
} {
  const store = new MemoryStore()
  const clock = new ManualClock()
  const keys: string[] = []
  const body = Buffer.from('body')
  const nextAttempt = (): UploadAttempt => {
    keys.push(`key-${keys.length}`)
    return { key: keys.at(-1)!, body, sha256: sha256Of(body).toString('hex') }
  }
  return {
    store,
    clock,
    keys,
    put: (signal) =>
      putUnderNewKey(
        { store, clock, random: seededRandom(1), ...(signal === undefined ? {} : { signal }) },
        nextAttempt,
      ),
  }
}

describe('an upload', () => {
  test("answers the key, the version and the server's time of the attempt that was acknowledged", async () => {
    const { store, clock, put } = setUp()
    await expect(put()).resolves.toMatchObject({ key: 'key-0', versionId: 'v1', serverTimeMs: store.nowMs })
    expect(clock.sleeps).toEqual([])
  })

  test('of a key that exists is never success: it goes under the next key', async () => {
    const { store, put } = setUp()
    store.add('key-0', Buffer.from('body'))
    store.add('key-1', Buffer.from('other'))
    await expect(put()).resolves.toMatchObject({ key: 'key-2' })
    expect(store.versions.map(({ key }) => key)).toEqual(['key-0', 'key-1', 'key-2'])
  })

  test('whose reply was lost goes under a new key, and both versions stay', async () => {
    const { store, put } = setUp()
    let replies = 0
    store.afterPut = () => {
      if (++replies === 1)
        throw new HoldfastError('unreachable', 'the connection was reset', { retryable: true })
    }
    await expect(put()).resolves.toMatchObject({ key: 'key-1', versionId: 'v2' })
    expect(store.versions.map(({ key, versionId }) => [key, versionId])).toEqual([
      ['key-0', 'v1'],
      ['key-1', 'v2'],
    ])
  })

  test('that is throttled is tried again, after longer and longer pauses of the clock, within bounds', async () => {
    const { store, clock, keys, put } = setUp()
    store.beforePut = (key) => {
      if (key !== 'key-6') throw new HoldfastError('throttled', 'slow down', { retryable: true })
    }
    await expect(put()).resolves.toMatchObject({ key: 'key-6' })
    expect(new Set(keys).size).toBe(7)
    clock.sleeps.forEach((ms, index) => {
      expect(ms).toBeGreaterThanOrEqual(0)
      expect(ms).toBeLessThanOrEqual(Math.min(20_000, 200 * 2 ** (index + 1)))
    })
    expect(Math.max(...clock.sleeps)).toBeGreaterThan(200)
  })

  test.each([
    ['what it refuses', new HoldfastError('denied', 'no')],
    ['expired credentials', new HoldfastError('credentials', 'expired')],
    ['a bucket that keeps no versions', new HoldfastError('vault-unsafe', 'no versions')],
    ['a defect', new TypeError('a defect')],
  ])('is not tried again after %s: that is thrown as it is, at once', async (_, error) => {
    const { store, clock, keys, put } = setUp()
    store.beforePut = () => {
      throw error
    }
    await expect(put()).rejects.toBe(error)
    expect([keys.length, clock.sleeps.length]).toEqual([1, 0])
  })

  test.each(['throttled', 'unreachable', 'conflict'] as const)(
    'gives up in the end, with the code that it failed with: %s',
    async (code) => {
      const { store, keys, put } = setUp()
      store.beforePut = () => {
        throw new HoldfastError(code, 'not now', { retryable: code !== 'conflict', hint: 'wait' })
      }
      const thrown = await put().catch((error: unknown) => error)
      expect(isHoldfastError(thrown, code)).toBe(true)
      expect(thrown).toMatchObject({ hint: 'wait', cause: { message: 'not now' } })
      expect((thrown as Error).message).toContain('8 attempts')
      expect(new Set(keys).size).toBe(8)
    },
  )

  test('ends between two attempts when it is interrupted', async () => {
    const { store, keys, put } = setUp()
    const stop = new AbortController()
    const reason = new HoldfastError('interrupted', 'stopped')
    store.beforePut = () => {
      stop.abort(reason)
      throw new HoldfastError('throttled', 'slow down', { retryable: true })
    }
    await expect(put(stop.signal)).rejects.toBe(reason)
    await expect(put(stop.signal)).rejects.toBe(reason)
    expect(keys.length).toBe(1)
  })
})
