import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { packsOf, putCost, renewalDays, renew, restoreCost } from '../../../../lab/bench/cost/cost.ts'
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

describe('the cost of a vault', () => {
  test('a first backup is a PUT for each pack', () => {
    expect(packsOf(vault)).toBe(65_536)
    expect(putCost(packsOf(vault), prices)).toBeCloseTo(0.33, 2)
    expect(putCost(packsOf({ ...vault, packBytes: 2 ** 26 }), prices)).toBeCloseTo(0.08, 2)
    expect(putCost(packsOf({ ...vault, packBytes: 8192 }), prices)).toBeCloseTo(671.09, 2)
    expect(packsOf({ liveBytes: 1, packBytes: 2 ** 24 })).toBe(1)
  })

  test('the content of a pack is uploaded again after exactly one generation', () => {
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

  const stored = (changes: Partial<Vault>, way: Parameters<typeof renew>[2]): number =>
    renew({ ...vault, ...changes }, prices, way).storedBytes / vault.liveBytes

  test('without changes, uploading again keeps as many copies as generations fit into a lock and the grace period', () => {
    expect(stored({ dailyChange: 0 }, { renewal: 'upload', changes: 'together' })).toBeCloseTo(4.3, 1)
    expect(
      stored({ dailyChange: 0, generationDays: 30 }, { renewal: 'upload', changes: 'together' }),
    ).toBeCloseTo(2.1, 1)
  })

  test('extended locks keep one copy, replaced bytes until their lock ends, and the copy before the renewal', () => {
    expect(stored({ dailyChange: 0 }, { renewal: 'extend', changes: 'together' })).toBeLessThan(1.5)
    expect(stored({}, { renewal: 'extend', changes: 'together' })).toBeLessThan(2)
    expect(stored({}, { renewal: 'extend', changes: 'spread' })).toBeLessThan(3.4)
    expect(stored({}, { renewal: 'upload', changes: 'together' })).toBeGreaterThan(4.2)
  })

  test('the cost of a month is that of the stored bytes, and of uploads and extensions', () => {
    const renewal = renew(vault, prices, { renewal: 'extend', changes: 'together' })
    expect(renewal.storagePerMonth).toBeCloseTo((renewal.storedBytes / 2 ** 30) * 0.023)
    expect(renewal.requestsPerMonth).toBeCloseTo((renewal.putsPerMonth / 1000) * 0.005)
    // Each pack thrice to four times a month, and 2 % of them each day.
    expect(renewal.putsPerMonth / 65_536).toBeGreaterThan(3)
    expect(renewal.putsPerMonth / 65_536).toBeLessThan(5)
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
