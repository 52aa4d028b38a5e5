import { expect, test } from 'vitest'
import type { RecoveryChoice } from '../../../core/recovery/recovery-choice.ts'
import { recoveryPlanRecord, renderRecoveryPlan } from '../../../restore-cli/render/recovery-report.ts'
import { handmadeBase } from '../../fixtures/handmade-base.ts'

const choice: RecoveryChoice = {
  base: {
    ref: {
      ...{ id: '01KN35E000B6GR48QH7ECGPZ10', source: 'rental-db', key: '', versionId: 'v1', timeMs: 0 },
      ...{ bytes: 1, isHidden: false, flags: [] },
    },
    postgres: handmadeBase({}),
  },
  ...{ target: { kind: 'end' }, timeline: 1, path: [], links: [], endLsn: 0x200_0000n, last: null },
  ...{ proof: 'end', gap: null, otherTimelines: [] },
}

test('a plan that ends before missing WAL says so, and does not claim everything', () => {
  expect(renderRecoveryPlan(choice)).toContain('everything that the vault holds')
  const gap = 'WAL of timeline 1 is missing from 0/2002000 to 0/2003000'
  const text = renderRecoveryPlan({ ...choice, gap })
  expect(text).toMatch(
    /^warning: the vault has later WAL that the recovery can't reach: WAL of timeline 1 is missing/,
  )
  expect(text).not.toContain('everything that the vault holds')
  expect([recoveryPlanRecord(choice)['gap'], recoveryPlanRecord({ ...choice, gap })['gap']]).toEqual([
    null,
    gap,
  ])
})
