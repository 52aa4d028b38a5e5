import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { dayMs } from '../../../core/snapshot/retention.ts'
import { listSnapshots } from '../../../core/snapshot/snapshot.ts'
import { parsePackKey } from '../../../core/store/vault-keys.ts'
import { verifyLive } from '../../../engine/verify/verify-live.ts'
import type { LiveVerification } from '../../../engine/verify/verify-live.ts'
import { FaultyStore } from '../../fixtures/faulty-store.ts'
import { randomBytes } from '../../fixtures/manual-clock.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'

/** Three daily snapshots: each has all files of the one before it, and another one. */
async function makeDays(): Promise<ProtectedSource> {
  const source = new ProtectedSource()
  for (let day = 0; day < 3; day++) {
    writeFileSync(join(source.directory, `day-${day}`), randomBytes(100_000, day))
    await source.backup()
    source.store.nowMs += dayMs
    source.clock.time += dayMs
  }
  return source
}

async function verifyAll(source: ProtectedSource, store = new FaultyStore(source.store)) {
  const verifications: LiveVerification[] = []
  const options = { store, clock: source.clock, random: source.random, readData: true }
  const snapshots = await listSnapshots(source.store, source.source)
  for await (const verification of verifyLive({ ...options, snapshots, nowMs: source.store.nowMs }))
    verifications.push(verification)
  return verifications
}

const outcomesOf = (verifications: LiveVerification[]): string[] =>
  verifications.map(({ outcome }) => outcome)

test('all live snapshots are verified, newest first, and each pack is looked at once and read whole once', async () => {
  const source = await makeDays()
  const store = new FaultyStore(source.store)
  const [looks, reads] = [new Map<string, number>(), new Map<string, number>()]
  store.onHead = ({ key }, state) => {
    looks.set(key, (looks.get(key) ?? 0) + 1)
    return state
  }
  store.onRead = ({ key }, bytes) => {
    const isWhole = source.store.versions.find((version) => version.key === key)!.body.length === bytes.length
    if (isWhole && parsePackKey(key) !== null) reads.set(key, (reads.get(key) ?? 0) + 1)
    return bytes
  }
  const verifications = await verifyAll(source, store)
  expect(outcomesOf(verifications)).toEqual(['verified', 'verified', 'verified'])
  expect(verifications.map(({ ref }) => ref.timeMs)).toEqual(
    verifications.map(({ ref }) => ref.timeMs).sort((a, b) => b - a),
  )
  const packs = source.store.versions.filter(({ key }) => parsePackKey(key) !== null)
  expect(packs.length).toBeGreaterThan(6)
  expect(Object.fromEntries(reads)).toEqual(Object.fromEntries(packs.map(({ key }) => [key, 1])))
  expect([...looks.values()].every((count) => count === 1)).toBe(true)
})

test('a pack that several snapshots need is reported by each of them, with its files', async () => {
  const source = await makeDays()
  const first = source.store.versions.find(
    ({ key, body }) => parsePackKey(key) !== null && body.length > 100_000,
  )!
  source.store.versions = source.store.versions.filter((version) => version !== first)
  const verifications = await verifyAll(source)
  expect(
    verifications.map((verification) =>
      verification.outcome === 'verified'
        ? verification.result.files.map(({ path }) => path.toString())
        : verification.outcome,
    ),
  ).toEqual([['day-0'], ['day-0'], ['day-0']])
})

test('a snapshot whose manifest is damaged stops no other one; one whose guarantee has ended is left out', async () => {
  const source = await makeDays()
  const [oldest, middle] = await listSnapshots(source.store, source.source)
  source.store.versions.find(({ key }) => key === middle!.key)!.body.fill(0)
  expect(outcomesOf(await verifyAll(source))).toEqual(['verified', 'unreadable', 'verified'])
  source.store.nowMs = oldest!.timeMs + 30 * dayMs + 1
  expect(outcomesOf(await verifyAll(source))).toEqual(['verified', 'unreadable', 'skipped'])
})
