// The requirements on every object store of a vault: one suite for the port, run on each implementation.
import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { endOfTime } from '../../core/snapshot/point-in-time.ts'
import { maxListingLagMs } from '../../core/snapshot/snapshot-choice.ts'
import type { LockDefault, ObjectRef, ObjectStore, ObjectVersion } from '../../core/store/object-store.ts'

/**
 * A difference between a store and AWS. The suite then asserts that it does just that; docs/stores.md says what it
 * costs. `marker-conflict`: a key below a delete marker counts as existing. `unlocked-by-default`: the bucket's
 * default retention is not written to each version, so that `holdfast verify` reports every object as not locked.
 * `time-moves`: a version gets the time at which another one, or a delete marker, was laid over it, so that points in
 * time are lost if a caller does that. `conditions-ignored`: a PUT under `If-None-Match: *` over a key that exists
 * adds a version. `no-checksums`: HEAD shows none. `creates-buckets`: a PUT to a bucket that does not exist makes it,
 * without versions.
 */
export type Deviation =
  | 'marker-conflict'
  | 'unlocked-by-default'
  | 'time-moves'
  | 'conditions-ignored'
  | 'no-checksums'
  | 'creates-buckets'

/** How far the `Date` of a reply may be behind the version's time. A writer that may list doesn't rely on it. */
const maxDateLagMs = 1000

export interface ConformanceTarget {
  store: ObjectStore
  /** The retention that the bucket gives to every new version. */
  retention: LockDefault['retention']
  /** Everything is written below this prefix, which nothing else uses; it ends in `/`. */
  prefix: string
  /** One more version of a key, past the port, which can't overwrite. Gives its version id. */
  overwrite(key: string, body: Uint8Array): Promise<string>
  /** A delete marker over a key, past the port. Gives its version id. */
  hide(key: string): Promise<string>
  /** An object in two parts, past the port. Gives its version id; absent if the store knows no parts. */
  putInParts?(key: string): Promise<string>
  /** Advances the store's clock. */
  passSeconds(seconds: number): Promise<void> | void
  /** Versions that are written to one key, more than fit two pages. */
  versionsOfOneKey: number
  deviations?: readonly Deviation[]
  /** Stores that must be refused, by the code that says why. */
  refused?: Partial<Record<'denied' | 'credentials' | 'not-found', ObjectStore[]>>
  close(): Promise<void> | void
}

export function describeObjectStore(name: string, open: () => Promise<ConformanceTarget>): void {
  describe(name, () => {
    let target: ConformanceTarget
    let store: ObjectStore
    let next = 0

    beforeAll(async () => {
      target = await open()
      store = target.store
    })
    afterAll(() => target.close())

    const deviates = (deviation: Deviation): boolean => target.deviations?.includes(deviation) ?? false
    const shownDigest = (text: string): string | null =>
      deviates('no-checksums') ? null : sha256(bytesOf(text))
    const newKey = (suffix = ''): string => `${target.prefix}${String(next++).padStart(6, '0')}${suffix}`
    const put = async (key: string, body: Uint8Array): Promise<ObjectRef & { serverTimeMs: number }> => ({
      key,
      ...(await store.putIfAbsent(key, body, sha256(body))),
    })
    const list = async (prefix: string): Promise<ObjectVersion[]> => {
      const versions: ObjectVersion[] = []
      for await (const version of store.listVersions(prefix)) versions.push(version)
      return versions
    }
    const read = async (ref: ObjectRef, offset: number, bytes: number): Promise<string> =>
      Buffer.from(await store.getRange(ref, offset, bytes)).toString()

    describe('an upload', () => {
      test("gives the version and the store's time, and reads back", async () => {
        const ref = await put(newKey(), bytesOf('hello'))
        expect(ref.versionId).toMatch(/./)
        expect(await read(ref, 0, 5)).toBe('hello')
        const state = await store.headVersion(ref)
        expect(state).toMatchObject({ bytes: 5, sha256: shownDigest('hello') })
        // LastModified is given to the second.
        expect(Math.abs(state.lastModifiedMs - ref.serverTimeMs)).toBeLessThanOrEqual(2_000)
      })

      test("is locked from the start as the bucket's default says", async () => {
        const ref = await put(newKey(), bytesOf('locked'))
        const { lock } = await store.headVersion(ref)
        if (target.retention === null || deviates('unlocked-by-default')) return void expect(lock).toBeNull()
        expect(lock?.mode).toBe(target.retention.mode)
        const days = (lock!.untilMs - ref.serverTimeMs) / 86_400_000
        expect(Math.abs(days - target.retention.days)).toBeLessThan(0.01)
      })

      test('to a key that exists is a conflict, and changes nothing', async () => {
        const first = await put(newKey(), bytesOf('first'))
        if (deviates('conditions-ignored')) {
          const second = await put(first.key, bytesOf('second'))
          expect([await read(first, 0, 5), await read(second, 0, 6)]).toEqual(['first', 'second'])
          return
        }
        for (const body of ['second', 'first']) {
          await expect(put(first.key, bytesOf(body))).rejects.toMatchObject({ code: 'conflict' })
        }
        expect((await list(first.key)).map(({ versionId }) => versionId)).toEqual([first.versionId])
        expect(await read(first, 0, 5)).toBe('first')
      })

      test('over a delete marker succeeds, as on S3, and the version below stays', async () => {
        const first = await put(newKey(), bytesOf('first'))
        await target.hide(first.key)
        if (deviates('marker-conflict')) {
          await expect(put(first.key, bytesOf('again'))).rejects.toMatchObject({ code: 'conflict' })
          return void expect(await read(first, 0, 5)).toBe('first')
        }
        const second = await put(first.key, bytesOf('again'))
        expect([await read(first, 0, 5), await read(second, 0, 5)]).toEqual(['first', 'again'])
        expect(await list(first.key)).toHaveLength(3)
      })

      test('whose bytes are not those of its checksum is refused, and nothing is kept', async () => {
        const key = newKey()
        await expect(store.putIfAbsent(key, bytesOf('torn'), sha256(bytesOf('whole')))).rejects.toMatchObject(
          { name: 'HoldfastError' },
        )
        expect(await list(key)).toEqual([])
      })

      test('at the same time as others to one key succeeds for one at most', async () => {
        const key = newKey()
        const results = await Promise.allSettled(
          Array.from({ length: 8 }, (_, index) => put(key, bytesOf(`writer ${index}`))),
        )
        const fulfilled = results.filter((result) => result.status === 'fulfilled')
        const codes = results.flatMap((result) =>
          result.status === 'rejected' ? [(result.reason as { code: string }).code] : [],
        )
        const successes = deviates('conditions-ignored') ? 8 : 1
        expect(fulfilled).toHaveLength(successes)
        expect(codes.every((code) => code === 'conflict' || code === 'throttled')).toBe(true)
        expect(await list(key)).toHaveLength(successes)
      })

      test.each([[0], [1], [65_537], [6 * 1024 * 1024 + 1]])(
        'of %d bytes comes back byte for byte',
        async (bytes) => {
          const body = randomBytes(bytes)
          const ref = await put(newKey(), body)
          expect((await store.headVersion(ref)).bytes).toBe(bytes)
          expect(sha256(await store.getRange(ref, 0, bytes))).toBe(sha256(body))
        },
      )
    })

    describe('a range', () => {
      const text = 'abcdefghijklmnopqrstuvwxyz'
      let ref: ObjectRef

      beforeAll(async () => {
        ref = await put(newKey(), bytesOf(text))
      })

      test.each([
        [0, 1],
        [0, 26],
        [25, 1],
        [10, 5],
        [26, 0],
        [0, 0],
      ])('from %d, %d bytes long, is exactly that', async (offset, bytes) => {
        expect(await read(ref, offset, bytes)).toBe(text.slice(offset, offset + bytes))
      })

      test.each([
        [0, 27],
        [20, 7],
        [26, 1],
        [1000, 1],
      ])('from %d, %d bytes long, which the object does not have, is damage', async (offset, bytes) => {
        await expect(store.getRange(ref, offset, bytes)).rejects.toMatchObject({ code: 'damaged' })
      })

      test('is of the version that was named, whatever lies over it', async () => {
        const old = await put(newKey(), bytesOf('old bytes'))
        const overlaid = { key: old.key, versionId: await target.overwrite(old.key, bytesOf('new bytes')) }
        await target.hide(old.key)
        expect([await read(old, 0, 9), await read(overlaid, 0, 9)]).toEqual(['old bytes', 'new bytes'])
        expect((await store.headVersion(old)).sha256).toBe(shownDigest('old bytes'))
      })

      test('can be asked for many times at once', async () => {
        const body = randomBytes(1024 * 1024)
        const many = await put(newKey(), body)
        const ranges = await Promise.all(
          Array.from({ length: 64 }, (_, index) => store.getRange(many, index * 16_384, 16_384)),
        )
        expect(sha256(Buffer.concat(ranges))).toBe(sha256(body))
      })

      test('of what is not there is not found', async () => {
        const marked = await put(newKey(), bytesOf('x'))
        const marker = { key: marked.key, versionId: await target.hide(marked.key) }
        for (const absent of [
          { key: newKey(), versionId: ref.versionId },
          { key: marked.key, versionId: ref.versionId },
          marker,
        ]) {
          await expect(store.getRange(absent, 0, 1)).rejects.toMatchObject({ code: 'not-found' })
          await expect(store.headVersion(absent)).rejects.toMatchObject({ code: 'not-found' })
        }
      })
    })

    describe('a listing', () => {
      test('below a prefix that nothing has is empty', async () => {
        expect(await list(`${target.prefix}nothing/`)).toEqual([])
      })

      test('begins behind a text, which needs not be a key', async () => {
        const base = newKey('/')
        for (const name of ['a', 'b', 'c']) await put(`${base}${name}-1`, bytesOf(name))
        const keys: string[] = []
        for await (const { key } of store.listVersions(base, `${base}b`)) keys.push(key.slice(base.length))
        expect(keys).toEqual(['b-1', 'c-1'])
        for await (const { key } of store.listVersions(base, `${base}c-1`)) keys.push(key)
        expect(keys).toHaveLength(2)
      })

      test('has keys of the prefix alone, in the order of their bytes, whatever characters they are of', async () => {
        const base = newKey('/')
        const names = [
          'a',
          'a b',
          'a+b',
          'c/1',
          'a%20b',
          'a&b<c>"\'',
          'aa',
          'ü',
          '日本',
          '\u{1F600}',
          '\uFF61',
          '~',
          'UPPER',
        ]
        for (const name of names) await put(base + name, bytesOf(name))
        await put(`${base.slice(0, -1)}0`, bytesOf('beside'))
        const listed = await list(base)
        expect(listed.map(({ key }) => key)).toEqual(
          names.map((name) => base + name).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
        )
        for (const { key, versionId, bytes } of listed)
          expect(base + (await read({ key, versionId }, 0, bytes))).toBe(key)
      })

      test('shows every version and every delete marker of a key, the latest first', async () => {
        const first = await put(newKey(), bytesOf('1'))
        const ids = [
          first.versionId,
          await target.overwrite(first.key, bytesOf('22')),
          await target.hide(first.key),
        ].reverse()
        const listed = await list(first.key)
        expect(new Set(listed.map(({ versionId }) => versionId))).toEqual(new Set(ids))
        expect(listed.filter(({ isLatest }) => isLatest).map(({ versionId }) => versionId)).toEqual([ids[0]])
        expect(listed.map(({ isDeleteMarker }) => isDeleteMarker)).toEqual([true, false, false])
        expect(listed.map(({ bytes }) => bytes)).toEqual([0, 2, 1])
        expect(listed.every(({ isMultipart }) => !isMultipart)).toBe(true)
      })

      test('gives a version the time of its upload, also after others were laid over it', async () => {
        const first = await put(newKey(), bytesOf('1'))
        const timeOf = async (): Promise<number> =>
          (await list(first.key)).find(({ versionId }) => versionId === first.versionId)!.lastModifiedMs
        const before = await timeOf()
        await target.passSeconds(2)
        await target.overwrite(first.key, bytesOf('2'))
        await target.hide(first.key)
        if (deviates('time-moves')) return void expect(await timeOf()).toBeGreaterThan(before)
        expect(await timeOf()).toBe(before)
        // The time in a header has whole seconds.
        expect((await store.headVersion(first)).lastModifiedMs).toBe(Math.floor(before / 1000) * 1000)
      })

      test('shows each upload within ten seconds, with a time that its reply is at most a second behind', async () => {
        for (let count = 0; count < 3; count++) {
          const reply = await put(newKey(), bytesOf('1'))
          let versions = await list(reply.key)
          for (let seconds = 0; versions.length === 0 && seconds < maxListingLagMs / 1000; seconds++) {
            await target.passSeconds(1)
            versions = await list(reply.key)
          }
          expect(versions).toMatchObject([{ versionId: reply.versionId }])
          expect(versions[0]!.lastModifiedMs).toBeLessThanOrEqual(
            endOfTime(reply.serverTimeMs) + maxDateLagMs,
          )
          expect(reply.serverTimeMs - versions[0]!.lastModifiedMs).toBeLessThan(60_000)
        }
      })

      test('marks what was uploaded in parts, whose time can lie', async ({ skip }) => {
        if (target.putInParts === undefined) return skip()
        const key = newKey()
        const versionId = await target.putInParts(key)
        expect(await list(key)).toMatchObject([{ versionId, isMultipart: true }])
      })

      test('of thousands of versions of one key misses none, and none twice', async () => {
        const first = await put(newKey(), bytesOf('0'))
        const neighbour = await put(`${first.key}x`, bytesOf('n'))
        const ids = [first.versionId]
        for (let written = 1; written < target.versionsOfOneKey;) {
          const batch = Math.min(32, target.versionsOfOneKey - written)
          ids.push(
            ...(await Promise.all(
              Array.from({ length: batch }, (_, index) =>
                target.overwrite(first.key, bytesOf(String(written + index))),
              ),
            )),
          )
          written += batch
        }
        const marker = await target.hide(first.key)
        const listed = await list(first.key)
        expect(listed).toHaveLength(target.versionsOfOneKey + 2)
        expect(new Set(listed.map(({ versionId }) => versionId))).toEqual(
          new Set([...ids, marker, neighbour.versionId]),
        )
        expect(listed.at(-1)?.key).toBe(neighbour.key)
      })

      test('names the folders below a prefix, also those whose objects are hidden', async () => {
        const base = newKey('/')
        for (const name of ['a/1', 'a/2', 'b c/1', 'd/e/f', 'file']) await put(base + name, bytesOf(name))
        const hidden = await put(`${base}hidden/1`, bytesOf('x'))
        await target.hide(hidden.key)
        expect((await store.listFolders(base)).sort()).toEqual(['a', 'b c', 'd', 'hidden'])
      })
    })

    test("the bucket's lock is what it gives to every new version", async () => {
      const lockDefault = await store.lockDefault()
      expect(lockDefault.retention).toEqual(target.retention)
      const { serverTimeMs } = await put(newKey(), bytesOf('now'))
      expect(Math.abs(lockDefault.serverTimeMs - serverTimeMs)).toBeLessThan(60_000)
    })

    test.each(['denied', 'credentials', 'not-found'] as const)(
      'whoever is refused hears why: `%s`',
      async (code) => {
        const ref = await put(newKey(), bytesOf('x'))
        for (const refused of target.refused?.[code] ?? []) {
          const calls: (() => Promise<unknown>)[] = [
            ...(code === 'not-found' && deviates('creates-buckets')
              ? []
              : [() => refused.putIfAbsent(newKey(), bytesOf('x'), sha256(bytesOf('x')))]),
            () => refused.getRange(ref, 0, 1),
            () => refused.headVersion(ref),
            () => refused.listFolders(target.prefix),
            () => refused.lockDefault(),
          ]
          for (const call of calls) await expect(call()).rejects.toMatchObject({ code, retryable: false })
        }
      },
    )
  })
}

function sha256(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('hex')
}

function bytesOf(text: string): Uint8Array {
  return Buffer.from(text)
}
