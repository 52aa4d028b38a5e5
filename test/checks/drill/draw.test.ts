import { expect, test } from 'vitest'
import { drawSource, drawTime } from '../../../checks/drill/draw.ts'
import { dayMs } from '../../../core/snapshot/retention.ts'
import type { SnapshotRef } from '../../../core/snapshot/snapshot-list.ts'

const seeds = Array.from({ length: 300 }, (_, index) => `seed-${index}`)
const nowMs = 100 * dayMs
const options = { nowMs, guaranteedDays: 30 }

function refs(days: readonly number[], flags: string[] = []): SnapshotRef[] {
  return days.map((day) => ({
    ...{ id: String(day), source: 's', key: 'k', versionId: 'v', bytes: 1, isHidden: false, flags },
    timeMs: day * dayMs,
  }))
}

test('a seed decides the source, in any order of the listing, and every source has its turn', () => {
  const sources = ['a', 'b', 'c']
  for (const seed of seeds) expect(drawSource(seed, ['c', 'a', 'b'])).toBe(drawSource(seed, sources))
  const counts = sources.map((source) => seeds.filter((seed) => drawSource(seed, sources) === source).length)
  for (const count of counts) expect(count).toBeGreaterThan(60)
})

test('a seed decides the time, between the first snapshot that is guaranteed and the newest', () => {
  const times = seeds.map((seed) => drawTime(seed, refs([10, 69, 72, 99]), options)!)
  expect(times).toEqual(seeds.map((seed) => drawTime(seed, refs([10, 69, 72, 99]), options)))
  expect(Math.min(...times)).toBeGreaterThanOrEqual(72 * dayMs)
  expect(Math.min(...times)).toBeLessThan(74 * dayMs)
  expect(Math.max(...times)).toBeLessThanOrEqual(99 * dayMs)
  expect(Math.max(...times)).toBeGreaterThan(97 * dayMs)
})

test('the time of a silent source is that of its newest snapshot', () => {
  expect(drawTime('x', refs([10, 20]), options)).toBe(20 * dayMs)
})

test('versions that a thief of the writer may have added count for nothing', () => {
  const list = [...refs([75], ['written twice']), ...refs([80]), ...refs([99], ['written twice'])]
  expect(drawTime('x', list, options)).toBe(80 * dayMs)
  expect(drawTime('x', refs([75], ['written twice']), options)).toBeNull()
  expect(drawTime('x', [], options)).toBeNull()
})
