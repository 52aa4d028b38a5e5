import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  packsOf,
  putCost,
  renewalDays,
  renewByExtension,
  renewByUpload,
  restoreCost,
} from '../../../../lab/bench/cost/cost.ts'
import type { Vault } from '../../../../lab/bench/cost/cost.ts'

const prices = {
  storageGibMonth: 0.023,
  per1000Puts: 0.005,
  per1000Gets: 0.0004,
  internetGib: 0.09,
  otherRegionGib: 0.02,
}
const vault: Vault = {
  liveBytes: 2 ** 40,
  packBytes: 2 ** 24,
  promiseDays: 30,
  generationDays: 10,
  dailyChange: 0.02,
}

describe('what a vault costs', () => {
  test('a first backup is a PUT for each pack', () => {
    expect(packsOf(vault)).toBe(65_536)
    expect(putCost(packsOf(vault), prices)).toBeCloseTo(0.33, 2)
    expect(putCost(packsOf({ ...vault, packBytes: 2 ** 26 }), prices)).toBeCloseTo(0.08, 2)
    expect(putCost(packsOf({ ...vault, packBytes: 8192 }), prices)).toBeCloseTo(671.09, 2)
    expect(packsOf({ liveBytes: 1, packBytes: 2 ** 24 })).toBe(1)
  })

  test('what a pack holds is uploaded again after exactly one generation', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 400 }),
        fc.integer({ min: 1, max: 365 }),
        (promiseDays, generationDays) => {
          expect(renewalDays({ promiseDays, generationDays })).toBe(generationDays)
        },
      ),
    )
  })

  test('without changes, uploading again keeps as many copies as generations fit into a lock', () => {
    expect(renewByUpload({ ...vault, dailyChange: 0 }, prices).storedBytes / vault.liveBytes).toBeCloseTo(4)
    expect(
      renewByUpload({ ...vault, dailyChange: 0, generationDays: 30 }, prices).storedBytes / vault.liveBytes,
    ).toBeCloseTo(2)
  })

  test('extending locks keeps one copy and what changed while its lock ran', () => {
    expect(renewByExtension({ ...vault, dailyChange: 0 }, prices).storedBytes).toBe(vault.liveBytes)
    const changing = renewByExtension(vault, prices)
    expect(changing.storedBytes / vault.liveBytes).toBeCloseTo(1.8)
    expect(changing.storagePerMonth).toBeCloseTo(1.8 * 1024 * 0.023)
    // 65,536 packs thrice a month, and 2 % of them each day.
    expect(changing.putsPerMonth).toBeCloseTo(65_536 * 3 + 65_536 * 0.02 * 30)
  })

  test('extending never stores more than uploading again', () => {
    const days = fc.integer({ min: 1, max: 365 })
    fc.assert(
      fc.property(
        days,
        days,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (promiseDays, generationDays, dailyChange) => {
          const each = { ...vault, promiseDays, generationDays, dailyChange }
          expect(renewByExtension(each, prices).storedBytes).toBeLessThanOrEqual(
            renewByUpload(each, prices).storedBytes * (1 + 1e-9),
          )
        },
      ),
    )
  })

  test('a restore is a GET a pack, and its way out', () => {
    const cost = restoreCost(vault, prices)
    expect(cost.gets).toBe(65_536)
    expect(cost.sameRegion).toBeCloseTo(0.026, 3)
    expect(cost.otherRegion).toBeCloseTo(20.51, 2)
    expect(cost.internet).toBeCloseTo(92.19, 2)
  })

  test('a large pack takes several GETs', () => {
    expect(restoreCost({ ...vault, packBytes: 2 ** 26 }, prices).gets).toBe(65_536)
  })
})
