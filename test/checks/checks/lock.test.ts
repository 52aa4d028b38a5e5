import { expect, test } from 'vitest'
import { lock } from '../../../checks/checks/lock.ts'
import type { Lock } from '../../../core/snapshot/retention.ts'
import { CheckedSource } from './source-checks.ts'

test.each<[Lock | null, RegExp | null]>([
  [{ mode: 'COMPLIANCE', days: 40 }, null],
  [{ mode: 'COMPLIANCE', days: 31 }, null],
  [{ mode: 'COMPLIANCE', days: 30 }, /30 days, which leaves no time/],
  [{ mode: 'GOVERNANCE', days: 40 }, /GOVERNANCE, not COMPLIANCE/],
  [null, /no Object Lock/],
])('of the default retention %j', async (retention, reason) => {
  const source = new CheckedSource()
  source.checks = [lock]
  await source.nights(1)
  source.memory.retention = retention
  const night = await source.run()
  expect(night.red).toEqual(reason === null ? {} : { lock: 'failed' })
  if (reason !== null) expect(night.findings('lock')).toEqual([expect.stringMatching(reason)])
})
