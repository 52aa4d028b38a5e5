import { expect, test } from 'vitest'
import { highWater } from '../../../checks/checks/high-water.ts'
import { encodeReport, reportKey } from '../../../checks/reports/report.ts'
import { writeReport } from '../../../checks/reports/report-store.ts'
import { StateDirectory } from '../../../checks/source-state.ts'
import { dayMs } from '../../../core/snapshot/retention.ts'
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from '../../restore-cli/command-line.ts'
import type { MemoryStore } from '../../fixtures/memory-store.ts'
import { CheckedSource } from './source-checks.ts'
import type { Night } from './source-checks.ts'

async function watched(): Promise<{ source: CheckedSource; folder: string; first: Night }> {
  const source = new CheckedSource()
  source.checks = [highWater]
  const folder = makeFolder()
  source.states = new StateDirectory(folder, 'memory://vault')
  await source.nights(3)
  return { source, folder, first: await source.run() }
}

/** As a store, or a proxy before it, that leaves versions out of a listing. */
function hide({ versions }: MemoryStore, id: string): () => void {
  const index = versions.findIndex(({ key }) => key.endsWith(id))
  const [hidden] = versions.splice(index, 1)
  return () => void versions.splice(index, 0, hidden!)
}

test('the first run has nothing to compare with, and the second one passes', async () => {
  const { source, first } = await watched()
  expect(first.red).toEqual({})
  expect(first.source.outcomes[0]!.summary).toMatch(/first run for files/)
  const second = await source.run()
  expect(second.red).toEqual({})
  expect(second.source.outcomes[0]!.summary).toMatch(/^3 snapshots of files that earlier runs saw/)
})

test('a hidden newest snapshot is red each night until it is listed again', async () => {
  const { source, first } = await watched()
  const { id } = first.source.mark!
  const unhide = hide(source.memory, id)
  for (let night = 0; night < 2; night++) {
    const outcome = await source.run()
    expect(outcome.red).toEqual({ 'high-water': 'failed' })
    expect(outcome.findings('high-water')).toEqual([
      expect.stringMatching(`^${id}: .*an earlier run on this machine saw it`),
    ])
    await source.nights(1)
  }
  unhide()
  expect((await source.run()).red).toEqual({})
})

test('a vault that was rolled back as a whole is red, and an older snapshot is missed too', async () => {
  const { source } = await watched()
  source.memory.versions.splice(2)
  expect((await source.run()).source.outcomes[0]).toMatchObject({ status: 'failed', findingCount: 2 })
})

test('snapshots whose locks are over may go', async () => {
  const { source } = await watched()
  source.pass(41 * dayMs)
  await source.backUp()
  await source.run()
  source.memory.versions.splice(0, 4)
  expect((await source.run()).red).toEqual({})
})

test('an operator who knows that the snapshot was bogus ends it', async () => {
  const { source, first } = await watched()
  const { id } = first.source.mark!
  hide(source.memory, id)
  expect((await source.run({ ignored: new Set([id]) })).red).toEqual({})
})

test('a run without a state compares with the last report in the vault', async () => {
  const { source } = await watched()
  source.states = null
  await writeReport(source.memory, (await source.run()).report)
  source.pass(dayMs)
  expect((await source.run()).red).toEqual({})
  hide(source.memory, (await source.run()).source.mark!.id)
  const night = await source.run()
  expect(night.red).toEqual({ 'high-water': 'failed' })
  expect(night.findings('high-water')[0]).toMatch(/the run [0-9A-Z]{26} saw it/)
})

test('a state that was lost is noticed by the report of the run that had one, and begun anew', async () => {
  const { source, folder, first } = await watched()
  await writeReport(source.memory, first.report)
  for (const name of readdirSync(folder)) rmSync(join(folder, name))
  const night = await source.run()
  expect(night.red).toEqual({ 'high-water': 'unknown' })
  expect(night.findings('high-water')).toEqual([expect.stringMatching(/there is no state of an earlier run/)])
  expect((await source.run()).red).toEqual({})
})

test('a state that is corrupt is noticed without a report, and begun anew', async () => {
  const { source, folder } = await watched()
  for (const name of readdirSync(folder)) writeFileSync(join(folder, name), 'x'.repeat(200))
  expect((await source.run()).red).toEqual({ 'high-water': 'unknown' })
  expect((await source.run()).red).toEqual({})
})

test('a newer object that is no usable report is no silence: a report of another version, or rubbish', async () => {
  const { source, first } = await watched()
  await writeReport(source.memory, first.report)
  const text = encodeReport(first.report).toString()
  const later = { ...first.report, run: first.report.run.replace(/.{4}$/, 'ZZZZ') }
  for (const body of [text.replace('"formatVersion":1', '"formatVersion":2'), 'rubbish']) {
    const version = source.memory.add(reportKey(later), Buffer.from(body))
    const night = await source.run()
    expect(night.red).toEqual({ 'high-water': 'unknown' })
    expect(night.findings('high-water')[0]).toMatch(/a version that this program does not know|not JSON/)
    source.memory.versions = source.memory.versions.filter((candidate) => candidate !== version)
  }
})

test('a clock of the store that was turned back is no proof: every age would be wrong', async () => {
  const { source } = await watched()
  source.memory.listingLagMs = -2 * dayMs
  source.pass(-dayMs)
  const night = await source.run()
  expect(night.red).toEqual({ 'high-water': 'unknown' })
  expect(night.findings('high-water')[0]).toMatch(
    /the store's clock says 2026-04-03T00:00:00Z, and said 2026-04-04/,
  )
})
