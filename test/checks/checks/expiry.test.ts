import { expect, test } from 'vitest'
import { expiry } from '../../../checks/checks/expiry.ts'
import { integrity } from '../../../checks/checks/integrity.ts'
import { StateDirectory } from '../../../checks/source-state.ts'
import { dayMs } from '../../../core/snapshot/retention.ts'
import { makeTemporaryDirectory } from '../../fixtures/temporary-directory.ts'
import { CheckedSource } from './source-checks.ts'

async function silentFor(days: number): Promise<CheckedSource> {
  const source = new CheckedSource()
  source.checks = [expiry]
  await source.nights(1)
  source.pass(days * dayMs)
  return source
}

test.each([
  [29, {}, null],
  [30, { expiry: 'failed' }, /ends in 10 d, and there is no newer/],
  [39, { expiry: 'failed' }, /ends in 1 d/],
  [41, { expiry: 'failed' }, /its first lock ended on/],
  [90, { expiry: 'failed' }, /its first lock ended on/],
])('a source that is silent for %i days under locks of 40', async (days, red, reason) => {
  const source = await silentFor(days)
  const night = await source.run()
  expect(night.red).toEqual(red)
  if (reason !== null) expect(night.findings('expiry')).toEqual([expect.stringMatching(reason)])
})

test('a lock that the custodian extended since the last run is looked at again, and remembered', async () => {
  const source = await silentFor(1)
  source.checks = [integrity, expiry]
  source.states = new StateDirectory(makeTemporaryDirectory(), 'memory://')
  expect((await source.run({ readDays: 0 })).red).toEqual({})
  source.pass(35 * dayMs)
  for (const version of source.memory.versions) version.lock = { mode: 'COMPLIANCE', days: 80 }
  expect((await source.run({ readDays: 0 })).red).toEqual({})
  source.pass(dayMs)
  source.memory.requests.head = 0
  source.checks = [expiry]
  expect((await source.run({ readDays: 0 })).red).toEqual({})
  expect(source.memory.requests.head).toBe(0)
})

test('newer garbage and an emptied snapshot do not renew it, and a good one does', async () => {
  const source = await silentFor(35)
  await source.backUp(0)
  expect((await source.run()).red).toEqual({ expiry: 'failed' })
  await source.backUp()
  expect((await source.run()).red).toEqual({})
})

test('the first lock counts, of whichever object', async () => {
  const source = await silentFor(1)
  source.memory.versions[0]!.lock = { mode: 'COMPLIANCE', days: 9 }
  expect((await source.run()).findings('expiry')).toEqual([expect.stringContaining('ends in 8 d')])
})

test('a source without a good snapshot is red', async () => {
  const source = new CheckedSource()
  source.checks = [expiry]
  await source.backUp(4, { complete: false })
  expect((await source.run()).red).toEqual({ expiry: 'failed' })
})
