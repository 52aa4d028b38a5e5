import { expect, test } from 'vitest'
import { freshness } from '../../../checks/checks/freshness.ts'
import { dayMs } from '../../../core/snapshot/retention.ts'
import { manifestKey } from '../../../core/store/vault-keys.ts'
import { ulid } from 'ulid'
import { CheckedSource, hourMs } from './source-checks.ts'

async function fresh(): Promise<CheckedSource> {
  const source = new CheckedSource()
  source.checks = [freshness]
  await source.nights(2)
  return source
}

test('a good snapshot of this day passes, and the same one is red when it is older than the objective', async () => {
  const source = await fresh()
  source.pass(26 * hourMs)
  expect((await source.run()).red).toEqual({})
  source.pass(1000)
  const night = await source.run()
  expect(night.red).toEqual({ freshness: 'failed' })
  expect(night.findings('freshness')[0]).toMatch(
    /^files: the newest good snapshot of files is of 2026-04-03T00:00:00Z, 1 d 2 h old/,
  )
})

test('garbage under manifests/ feeds no freshness, however new it is', async () => {
  const source = await fresh()
  for (let day = 0; day < 2; day++) {
    source.pass(dayMs)
    source.memory.add(manifestKey('files', ulid(source.memory.nowMs)), Buffer.from('x'))
  }
  const night = await source.run()
  expect(night.red).toEqual({ freshness: 'failed' })
  expect(
    night.findings('freshness').filter((text) => text.includes("doesn't begin as a manifest")),
  ).toHaveLength(2)
})

test.each<[string, (source: CheckedSource) => Promise<unknown>, RegExp]>([
  ['an incomplete one', (source) => source.backUp(4, { complete: false }), /it is incomplete/],
  ['an emptied one', (source) => source.backUp(0), /it has collapsed: 0 files with 0 bytes/],
  ['one with less than half of the files', (source) => source.backUp(1), /it has collapsed: 1 file with/],
])('%s does not count, and does as soon as an operator accepts it', async (_, backUp, reason) => {
  const source = await fresh()
  source.pass(27 * hourMs)
  await backUp(source)
  const night = await source.run()
  expect(night.red).toEqual({ freshness: 'failed' })
  expect(night.findings('freshness')[1]).toMatch(reason)
  const { id } = night.source.mark!
  expect((await source.run({ accepted: new Set([id]) })).red).toEqual({})
})

test('a source without a snapshot is red', async () => {
  const source = new CheckedSource()
  source.checks = [freshness]
  const night = await source.run()
  expect(night.findings('freshness')).toEqual(['files: the vault has no snapshot of it'])
})

test('a snapshot that is newer than the clock of the store is no proof', async () => {
  const source = await fresh()
  source.memory.listingLagMs = -2 * hourMs
  source.pass(-hourMs)
  expect((await source.run()).red).toEqual({ freshness: 'unknown' })
})
