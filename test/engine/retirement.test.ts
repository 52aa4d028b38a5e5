import { describe, expect, test } from 'vitest'
import { sha256Hex } from '../../core/digest.ts'
import { readRetirement } from '../../engine/retirement.ts'
import type { Retirement } from '../../engine/retirement.ts'
import { renderRetirement, retirementRecord } from '../../restore-cli/render/retirement-report.ts'
import { MemoryStore } from '../fixtures/memory-store.ts'

const dayMs = 86_400_000
const startMs = Date.UTC(2026, 3, 1)
const signal = new AbortController().signal

async function fill(keys: readonly string[]): Promise<MemoryStore> {
  const store = new MemoryStore()
  for (const key of keys) {
    await store.putIfAbsent(key, Buffer.from(key), sha256Hex(Buffer.from(key)))
    store.nowMs += dayMs
  }
  return store
}

const read = (store: MemoryStore): Promise<Retirement> =>
  readRetirement(store, { quietMs: 3 * dayMs, signal, onProgress: () => {} })
const keys = ['sources/a/manifests/1', 'sources/b/manifests/1', 'receipts/a/1/1', 'reports/2026/04/01/x.json']

describe('a vault to retire', () => {
  test('first needs some days without a write, then the end of its last lock, then is free', async () => {
    const store = await fill(keys)
    expect(await read(store)).toMatchObject({
      step: 'stop-writers',
      lockedVersions: 4,
      lastWrittenMs: startMs + 3 * dayMs,
      lastLockEndsMs: startMs + 43 * dayMs,
    })
    store.nowMs = startMs + 6 * dayMs
    expect(await read(store)).toMatchObject({ step: 'wait', emptyableFromMs: startMs + 43 * dayMs })
    store.nowMs = startMs + 42 * dayMs
    expect(await read(store)).toMatchObject({ step: 'wait', lockedVersions: 1 })
    store.nowMs = startMs + 43 * dayMs + 1
    expect(await read(store)).toMatchObject({
      step: 'unprotect',
      lockedVersions: 0,
      lastLockEndsMs: null,
      emptyableFromMs: store.nowMs,
    })
  })

  test('is reported by source, and other objects by their top folder', async () => {
    const { sources, versions } = await read(await fill(keys))
    expect(sources.map(({ name, versions: count }) => [name, count])).toEqual([
      ['a', 2],
      ['b', 1],
      ['reports/', 1],
    ])
    expect(versions).toBe(4)
  })

  test('waits for the one lock that was extended', async () => {
    const store = await fill(keys)
    store.nowMs = startMs + 50 * dayMs
    store.versions[1]!.lock = { mode: 'COMPLIANCE', days: 400 }
    expect(await read(store)).toMatchObject({
      step: 'wait',
      lockedVersions: 1,
      lastLockEndsMs: startMs + 401 * dayMs,
    })
  })

  test('that is empty is free at once', async () => {
    expect(await read(new MemoryStore())).toMatchObject({
      step: 'unprotect',
      versions: 0,
      lastWrittenMs: null,
    })
  })

  test("whose locks can't be read is an error", async () => {
    const store = await fill(keys)
    const head = store.headVersion.bind(store)
    store.headVersion = async (ref) => ({ ...(await head(ref)), lock: undefined })
    await expect(read(store)).rejects.toMatchObject({ code: 'denied' })
  })

  test('is not changed by the report, and no key of it controls a terminal', async () => {
    const store = await fill([...keys, 'evil\u001b[2J/x'])
    const before = store.versions.length
    const retirement = await read(store)
    expect(renderRetirement(retirement, store.name)).not.toContain('\u001b')
    expect(retirementRecord(retirement, store.name)).toMatchObject({
      step: 'stop-writers',
      lastWritten: '2026-04-05T00:00:00Z',
      sources: { length: 4 },
    })
    expect(store.versions).toHaveLength(before)
    expect(store.requests.put).toBe(before)
  })

  test('has its step marked in the report', async () => {
    const store = await fill(keys)
    store.nowMs = startMs + 6 * dayMs
    const text = renderRetirement(await read(store), store.name)
    expect(text).toMatch(/^x 1\. Stop/m)
    expect(text).toMatch(/^> 2\. Wait .*until 2026-05-14T00:00:00Z \(37 d from now\)/m)
    expect(text).toMatch(/^ {2}3\. Unprotect/m)
  })
})
