import fc from 'fast-check'
import { expect, test } from 'vitest'
import { divideUnits } from '../../../core/restore-plan/shards.ts'

function loadsOf(weights: readonly number[], shards: Uint16Array, count: number): number[] {
  const loads = Array.from({ length: count }, () => 0)
  weights.forEach((weight, unit) => (loads[shards[unit]!]! += weight))
  return loads
}

test('each unit belongs to one shard, and no shard has much more than its share', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.nat(100), fc.nat(10_000)), { maxLength: 200 }),
      fc.integer({ min: 1, max: 40 }),
      (weights, count) => {
        const shards = divideUnits(weights, count)
        expect([...shards].every((shard) => shard < count)).toBe(true)
        const mean = weights.reduce((sum, weight) => sum + weight, 0) / count
        const large = weights.filter((weight) => weight > mean / 32)
        const small = Math.max(0, ...weights.filter((weight) => weight <= mean / 32))
        // The largest go first, to the lightest shard: at most 4/3 of the best division (Graham 1969).
        const best = Math.max(mean, ...large)
        expect(Math.max(...loadsOf(weights, shards, count))).toBeLessThanOrEqual(
          Math.max(mean + small, best * 2),
        )
        if (large.length === 0)
          expect(Math.max(...loadsOf(weights, shards, count))).toBeLessThanOrEqual(mean + small / 2 + 1e-6)
      },
    ),
  )
})

test('small units that are neighbours stay together', () => {
  const weights = Array.from({ length: 800 }, () => 16)
  const shards = [...divideUnits(weights, 8)]
  expect(shards).toEqual([...shards].sort((a, b) => a - b))
  expect(loadsOf(weights, Uint16Array.from(shards), 8)).toEqual(Array.from({ length: 8 }, () => 1600))
})

test('forty packs for eight shards are five for each', () => {
  const weights = Array.from({ length: 40 }, () => 16)
  expect(loadsOf(weights, divideUnits(weights, 8), 8)).toEqual(Array.from({ length: 8 }, () => 80))
})

test('a unit larger than a share has a shard of its own, and the others share the rest', () => {
  const weights = [...Array.from({ length: 60 }, () => 1), 40]
  const shards = divideUnits(weights, 4)
  expect(loadsOf(weights, shards, 4).sort((a, b) => a - b)).toEqual([20, 20, 20, 40])
  // The whole division follows from the weights alone.
  expect(divideUnits(weights, 4)).toEqual(shards)
})
