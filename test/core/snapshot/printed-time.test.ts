import { describe, expect, test } from 'vitest'
import { chooseSnapshot } from '../../../core/snapshot/snapshot-choice.ts'
import { HoldfastError } from '../../../core/errors.ts'
import { timeText } from '../../../core/time-text.ts'
import { write } from '../../fixtures/backup-steps.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'

/** A source whose clock is the store's: sleeping lets the store's time pass. */
function makeSource(startMs: number): ProtectedSource {
  const source = new ProtectedSource()
  source.store.nowMs = Date.UTC(2026, 3, 24, 10) + startMs
  source.clock.sleep = (ms) => {
    source.clock.sleeps.push(ms)
    source.store.nowMs += Math.ceil(ms)
    return Promise.resolve()
  }
  return source
}

async function chosen(source: ProtectedSource, timeMs: number): Promise<string> {
  const store = Object.assign(source.store, { serverTimeMs: source.store.nowMs })
  const request = { source: source.source, pointInTime: timeText(timeMs) }
  return (await chooseSnapshot(store, request, source.clock)).snapshot.id
}

describe.each([
  [false, true],
  [false, false],
  [true, true],
  [true, false],
])('on a store that lists milliseconds: %s, for a writer that may list: %s', (listsMilliseconds, mayList) => {
  test.each([0, 1, 300, 950, 999])(
    'each reported time restores its snapshot, of backups one after the other from %i ms on',
    async (startMs) => {
      const source = makeSource(startMs)
      source.store.listsMilliseconds = listsMilliseconds
      const reported: { id: string; timeMs: number }[] = []
      for (const content of ['v1', 'v2', 'v3', 'v4']) {
        write(source, 'f', content)
        source.store.deniesLooks = !mayList
        reported.push((await source.backup()).snapshot!)
        source.store.deniesLooks = false
        source.store.nowMs += 90
        expect(await chosen(source, reported.at(-1)!.timeMs)).toBe(reported.at(-1)!.id)
      }
      for (const { id, timeMs } of reported) expect(await chosen(source, timeMs)).toBe(id)
    },
  )
})

describe('where the time of a reply lags behind the version', () => {
  test.each([0, 300, 999])(
    'a role that may list reports its own snapshot, from %i ms on',
    async (startMs) => {
      const source = makeSource(startMs)
      source.store.dateLagMs = 1000
      const reported: { id: string; timeMs: number }[] = []
      for (const content of ['v1', 'v2', 'v3']) {
        write(source, 'f', content)
        reported.push((await source.backup()).snapshot!)
        source.store.nowMs += 90
      }
      for (const { id, timeMs } of reported) expect(await chosen(source, timeMs)).toBe(id)
    },
  )

  test.each(['denied', 'unreachable', 'interrupted'] as const)(
    'a snapshot counts, and has the time of the reply, if its listing is %s',
    async (code) => {
      const source = makeSource(300)
      source.store.dateLagMs = 1000
      const list = source.store.listVersions.bind(source.store)
      source.store.listVersions = (prefix) => {
        if (!prefix.endsWith('/')) throw new HoldfastError(code, 'no listing')
        return list(prefix)
      }
      write(source, 'f', 'v1')
      const { snapshot, cacheNote } = await source.backup()
      const manifest = source.store.versions.find(({ versionId }) => versionId === snapshot!.versionId)!
      expect(snapshot!.timeMs).toBe(manifest.lastModifiedMs + 300 - 1000)
      expect(cacheNote).toBeNull()
    },
  )
})

test('a time whose listing still lags is asked again when it no longer can', async () => {
  const source = makeSource(300)
  source.store.listsMilliseconds = true
  source.store.listingLagMs = 4_000
  for (const content of ['v1', 'v2']) {
    write(source, 'f', content)
    const { id, timeMs } = (await source.backup()).snapshot!
    expect(await chosen(source, timeMs)).toBe(id)
  }
  source.clock.sleeps.length = 0
  source.store.nowMs += 60_000
  await chosen(source, source.store.nowMs - 30_000)
  expect(source.clock.sleeps).toEqual([])
})

test('a whole second with snapshots of two writers that may not list is ambiguous, and each listed time is not', async () => {
  const source = makeSource(300)
  source.store.listsMilliseconds = true
  // Else each would report the milliseconds.
  source.store.deniesLooks = true
  write(source, 'f', 'v1')
  const first = (await source.backup()).snapshot!
  source.store.nowMs += 400
  const second = (await source.backup({ cacheDirectory: `${source.cacheDirectory}-2` })).snapshot!
  source.store.deniesLooks = false
  source.store.nowMs += 20_000
  expect(second.timeMs).toBe(first.timeMs)
  await expect(chosen(source, first.timeMs)).rejects.toMatchObject({ code: 'ambiguous' })
  expect(await chosen(source, first.timeMs + 300)).toBe(first.id)
  expect(await chosen(source, first.timeMs + 700)).toBe(second.id)
  expect(await chosen(source, first.timeMs + 1000)).toBe(second.id)
})
