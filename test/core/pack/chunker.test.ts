import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findCut, maxChunkBytes, minChunkBytes } from '../../../core/pack/chunker.ts'
import { randomBytes } from '../../fixtures/manual-clock.ts'
import { slowPropertyRuns } from '../../fixtures/property-runs.ts'

const mib = 1024 * 1024
const noise = randomBytes(24 * mib, 11)

function cutsOf(data: Uint8Array, from = 0, to = data.length): number[] {
  const cuts: number[] = []
  for (let start = from; start < to;) {
    const end = findCut(data, start, to)
    expect(end).toBeGreaterThan(start)
    cuts.push(end)
    start = end
  }
  return cuts
}

function lengthsOf(cuts: number[], from = 0): number[] {
  return cuts.map((cut, index) => cut - (cuts[index - 1] ?? from))
}

describe('cuts', () => {
  test('cover the data without a gap, each chunk within its limits but the last, which may be short', () => {
    fc.assert(
      fc.property(fc.nat(20 * mib), fc.nat(4 * mib), (from, bytes) => {
        const to = Math.min(noise.length, from + bytes)
        const cuts = cutsOf(noise, from, to)
        if (to > from) expect(cuts.at(-1)).toBe(to)
        const lengths = lengthsOf(cuts, from)
        for (const length of lengths) expect(length).toBeLessThanOrEqual(maxChunkBytes)
        for (const length of lengths.slice(0, -1)) expect(length).toBeGreaterThan(minChunkBytes)
      }),
      { numRuns: slowPropertyRuns },
    )
  })

  test('come at the longest chunk where nothing in the data says so, and never in what is short', () => {
    const zeros = new Uint8Array(5 * mib)
    expect(lengthsOf(cutsOf(zeros)).every((length) => length <= maxChunkBytes)).toBe(true)
    expect(findCut(zeros, 0, minChunkBytes)).toBe(minChunkBytes)
    expect(findCut(zeros, 7, 8)).toBe(8)
  })

  test('of random data have about the size they are meant to have', () => {
    const average = noise.length / cutsOf(noise).length
    expect(average).toBeGreaterThan(350 * 1024)
    expect(average).toBeLessThan(900 * 1024)
  })

  test('depend on nothing before the chunk: the same bytes elsewhere are cut alike', () => {
    const part = noise.subarray(3 * mib, 9 * mib)
    const elsewhere = Buffer.concat([Buffer.alloc(12_345, 1), part])
    expect(cutsOf(elsewhere, 12_345).map((cut) => cut - 12_345)).toEqual(cutsOf(part))
  })

  test('after an insertion or a removal are soon the same again', () => {
    const data = noise.subarray(0, 16 * mib)
    const before = new Set(cutsOf(data))
    for (const [at, shift] of [
      [0, 1],
      [5 * mib, 1],
      [5 * mib, 100_000],
      [9 * mib, -1],
      [9 * mib, -50_000],
    ] as const) {
      const changed =
        shift > 0
          ? Buffer.concat([data.subarray(0, at), Buffer.alloc(shift, 0x5a), data.subarray(at)])
          : Buffer.concat([data.subarray(0, at), data.subarray(at - shift)])
      const cuts = cutsOf(changed)
      const unchangedCuts = cuts.filter((cut) => (cut <= at ? before.has(cut) : before.has(cut - shift)))
      const moved = cuts.filter((cut) => !unchangedCuts.includes(cut))
      expect(
        moved.length,
        `${shift} bytes at ${at} moved ${moved.length} of ${cuts.length} cuts`,
      ).toBeLessThanOrEqual(8)
      for (const cut of moved) expect(Math.abs(cut - at)).toBeLessThan(8 * mib)
    }
  })
})
