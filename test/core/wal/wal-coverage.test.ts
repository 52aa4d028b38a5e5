import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { coverRange, walGaps, walRuns } from '../../../core/wal/wal-coverage.ts'
import { propertyRuns } from '../../fixtures/property-runs.ts'

const line = { source: 'rental-db', systemId: '7512345678901234567', timeline: 1, id: 'x' }
const part = (start: number, end: number, id = `${start}-${end}`) => ({
  ...line,
  start: BigInt(start),
  end: BigInt(end),
  id,
})
const names = (parts: readonly { id: string }[]) => parts.map(({ id }) => id)

describe('the runs of a line', () => {
  test('join parts that touch or overlap, and name the gaps between', () => {
    const runs = walRuns([part(0, 10), part(5, 8), part(10, 20), part(20, 20), part(30, 40)])
    expect(runs).toEqual([
      { start: 0n, end: 20n },
      { start: 30n, end: 40n },
    ])
    expect(walGaps(runs)).toEqual([{ start: 20n, end: 30n }])
    expect(walRuns([part(7, 7)])).toEqual([])
  })
})

describe('the cover of a range', () => {
  test('takes a segment rather than its parts, and names others of the same range', () => {
    const parts = [part(0, 16), part(0, 16, 'again'), part(0, 4), part(4, 16)]
    const cover = coverRange(parts, { start: 0n, end: 16n })
    expect([names(cover.parts), names(cover.twins), cover.missing]).toEqual([['0-16'], ['again'], []])
  })

  test('names what is missing at the start, between and at the end', () => {
    const cover = coverRange([part(2, 4), part(6, 8)], { start: 0n, end: 10n })
    expect(names(cover.parts)).toEqual(['2-4', '6-8'])
    expect(cover.missing).toEqual([
      { start: 0n, end: 2n },
      { start: 4n, end: 6n },
      { start: 8n, end: 10n },
    ])
  })

  test('holds each byte that any part has, and no other', () => {
    const anyRange = fc
      .tuple(fc.nat(30), fc.nat(12))
      .map(([start, length]) => [start, start + length] as const)
    fc.assert(
      fc.property(fc.array(anyRange, { maxLength: 12 }), (ranges) => {
        const parts = ranges
          .map(([start, end], index) => part(start, end, String(index)))
          .sort((a, b) => Number(a.start - b.start))
        const cover = coverRange(parts, { start: 0n, end: 40n })
        const holds = (list: readonly { start: bigint; end: bigint }[], at: number): boolean =>
          list.some(({ start, end }) => start <= at && at < end)
        for (let at = 0; at < 40; at++) {
          expect(holds(cover.parts, at)).toBe(holds(parts, at))
          expect(holds(cover.missing, at)).toBe(!holds(parts, at))
          expect(holds(walRuns(parts), at)).toBe(holds(parts, at))
        }
      }),
      { numRuns: propertyRuns },
    )
  })
})
