import { expect, test } from 'vitest'
import { dueShares, integrity } from '../../../checks/checks/integrity.ts'
import { dayMs } from '../../../core/snapshot/retention.ts'
import { FaultyStore, flip } from '../../fixtures/faulty-store.ts'
import type { StoredVersion } from '../../fixtures/memory-store.ts'
import { CheckedSource, checkedStore } from './source-checks.ts'

async function sound(): Promise<CheckedSource> {
  const source = new CheckedSource()
  source.checks = [integrity]
  await source.nights(3)
  return source
}

const packsOf = (source: CheckedSource): StoredVersion[] =>
  source.memory.versions.filter(({ key }) => key.includes('/packs/'))

test('a sound vault passes', async () => {
  const source = await sound()
  const night = await source.run({ readDays: 1 })
  expect(night.red).toEqual({})
  expect(night.source.outcomes[0]!.summary).toMatch(
    /^6 objects needed by live snapshots of files: asked for 6, read 6 back/,
  )
})

test.each<[string, (pack: StoredVersion, source: CheckedSource) => void, RegExp]>([
  ['lost', (pack, { memory }) => void memory.versions.splice(memory.versions.indexOf(pack), 1), /is missing/],
  ['of another size', (pack) => void (pack.body = pack.body.subarray(1)), /has \d+ bytes?, not \d+/],
  ['of other bytes', (pack) => void (pack.body = flip(pack.body, 9)), /another SHA-256/],
  ['in an archive', (pack) => void (pack.archive = 'GLACIER'), /in GLACIER/],
  ['not locked', (pack) => void (pack.lock = null), /not locked/],
  [
    'locked for too short a time',
    (pack) => void (pack.lock = { mode: 'COMPLIANCE', days: 29 }),
    /before the guaranteed/,
  ],
  ['no longer locked', (pack) => void (pack.lock = { mode: 'COMPLIANCE', days: 1 }), /its lock ended/],
  [
    'locked by GOVERNANCE',
    (pack) => void (pack.lock = { mode: 'GOVERNANCE', days: 40 }),
    /GOVERNANCE, not COMPLIANCE/,
  ],
])('a pack that is %s is red, each night until it is sound', async (_, harm, reason) => {
  const source = await sound()
  const [pack] = packsOf(source)
  const before = { ...pack! }
  source.pass(dayMs)
  harm(pack!, source)
  for (let night = 0; night < 2; night++) {
    const outcome = await source.run({ readDays: 0 })
    expect(outcome.red).toEqual({ integrity: 'failed' })
    expect(outcome.findings('integrity')).toEqual([expect.stringMatching(reason)])
    expect(outcome.findings('integrity')[0]!.startsWith(before.key)).toBe(true)
  }
  if (!source.memory.versions.includes(pack!)) source.memory.versions.push(pack!)
  delete pack!.archive
  Object.assign(pack!, before)
  expect((await source.run({ readDays: 0 })).red).toEqual({})
})

test('GOVERNANCE is sound for a vault of trials', async () => {
  const source = await sound()
  for (const version of source.memory.versions) version.lock = { mode: 'GOVERNANCE', days: 40 }
  expect((await source.run({ lockMode: 'GOVERNANCE' })).red).toEqual({})
})

test('bytes that rotted below an intact checksum are found within the days of a rotation, and stay red', async () => {
  const source = await sound()
  const faulty = new FaultyStore(source.memory)
  const [pack] = packsOf(source)
  faulty.onRead = ({ key }, bytes) => (key === pack!.key ? flip(bytes, 3) : bytes)
  source.store = checkedStore(source.memory, faulty)
  const statuses: string[] = []
  for (let day = 0; day < 7; day++) {
    source.pass(dayMs)
    statuses.push((await source.run({ readDays: 7 })).source.outcomes[0]!.status)
  }
  expect(statuses.filter((status) => status === 'failed')).toHaveLength(1)
})

test('a role that sees no locks, and a store without checksums of which no byte is read, are no proof', async () => {
  for (const hidden of [{ lock: undefined }, { sha256: null }]) {
    const source = await sound()
    const faulty = new FaultyStore(source.memory)
    faulty.onHead = (_, state) => ({ ...state, ...hidden })
    source.store = checkedStore(source.memory, faulty)
    expect((await source.run({ readDays: 0 })).red).toEqual({ integrity: 'unknown' })
  }
})

test('objects of a snapshot that an operator ignores are not asked for', async () => {
  const source = await sound()
  const bogus = await source.backUp(4)
  const [pack] = bogus.manifest.packs
  source.memory.versions = source.memory.versions.filter(({ key }) => key !== pack!.key)
  expect((await source.run()).red).toEqual({ integrity: 'failed' })
  expect((await source.run({ ignored: new Set([bogus.id]) })).red).toEqual({})
})

test('every share is due once in its days, a missed night is caught up, and a second run of a day reads nothing', () => {
  const day = (number: number): number => number * dayMs
  expect([...dueShares(null, day(10), 7)]).toEqual([3])
  expect([...dueShares(10, day(10), 7)]).toEqual([])
  expect([...dueShares(10, day(12), 7)]).toEqual([4, 5])
  expect(dueShares(10, day(100), 7).size).toBe(7)
  expect([...dueShares(20, day(10), 7)]).toEqual([])
  expect([...dueShares(null, day(10), 0)]).toEqual([])
})
