import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { followWal, isOnPath, pathOf } from '../../../core/recovery/wal-chain.ts'
import type { WalPartName } from '../../../core/wal/wal-keys.ts'
import { propertyRuns } from '../../fixtures/property-runs.ts'

/** Small enough that a test can look at every byte. */
const segmentBytes = 16
const size = 64n

function part(timeline: number, start: bigint, end: bigint): WalPartName {
  return { source: 'rental-db', systemId: '7', timeline, start, end, id: '01KN35E000B6GR48QH7ECGPZ10' }
}

function follow(parts: readonly WalPartName[], start: bigint, branch: bigint | null = null) {
  const path = branch === null ? pathOf(1, []) : pathOf(2, [{ timeline: 1, end: branch }])
  const sorted = parts.toSorted((a, b) => Number(a.start - b.start))
  return followWal(path, { timeline: 1, lsn: start, segmentBytes }, (timeline) =>
    sorted.filter((candidate) => candidate.timeline === timeline),
  )
}

describe('one timeline', () => {
  test('a chain begins at the border of the segment, and ends at the first gap', () => {
    const parts = [part(1, 16n, 24n), part(1, 24n, 32n), part(1, 33n, 40n)]
    expect(follow(parts, 20n)).toMatchObject({ end: 32n, timeline: 1 })
    expect(follow([part(1, 17n, 32n)], 20n)).toMatchObject({ end: 16n, links: [] })
  })

  test('a whole segment is taken rather than the parts in it', () => {
    const parts = [part(1, 16n, 20n), part(1, 16n, 32n), part(1, 20n, 32n), part(1, 32n, 34n)]
    expect(follow(parts, 16n).links.map(({ part: { start, end } }) => [start, end])).toEqual([
      [16n, 32n],
      [32n, 34n],
    ])
  })
})

describe('a branch', () => {
  test('bytes of the ancestor past the branch are not of the history', () => {
    const chain = follow([part(1, 16n, 32n), part(2, 20n, 30n)], 16n, 20n)
    expect(chain.links.map(({ part: { timeline }, start, end }) => [timeline, start, end])).toEqual([
      [1, 16n, 20n],
      [2, 20n, 30n],
    ])
  })

  test('the first segment of a timeline brings what the ancestor lacks of it', () => {
    const chain = follow([part(1, 0n, 16n), part(2, 16n, 32n)], 0n, 20n)
    expect(chain).toMatchObject({ end: 32n, timeline: 2 })
  })

  test('a part that claims to be from before the branch is not taken', () => {
    expect(follow([part(1, 0n, 8n), part(2, 0n, 32n)], 0n, 20n)).toMatchObject({ end: 8n, timeline: 1 })
  })

  test('the ancestor belongs to the history up to the branch', () => {
    const path = pathOf(2, [{ timeline: 1, end: 20n }])
    expect(isOnPath(path, 1, 20n)).toBe(true)
    expect(isOnPath(path, 1, 21n)).toBe(false)
    expect(isOnPath(path, 2, 99n)).toBe(true)
    expect(isOnPath(path, 3, 0n)).toBe(false)
  })
})

test('the chain ends where the first byte is missing', () => {
  const range = fc
    .tuple(fc.bigInt(0n, size - 1n), fc.bigInt(1n, 24n), fc.constantFrom(1, 2))
    .map(([start, bytes, timeline]) => part(timeline, start, start + bytes))
  fc.assert(
    fc.property(
      fc.array(range, { maxLength: 14 }),
      fc.bigInt(0n, 20n),
      fc.bigInt(17n, 50n),
      (parts, start, branch) => {
        const first = branch - (branch % BigInt(segmentBytes))
        const has = (timeline: number, lsn: bigint): boolean =>
          parts.some(
            (candidate) =>
              candidate.timeline === timeline &&
              (timeline === 1 || candidate.start >= first) &&
              candidate.start <= lsn &&
              lsn < candidate.end,
          )
        let end = start - (start % BigInt(segmentBytes))
        while (end < branch && has(1, end)) end++
        if (end >= first) while (has(2, end)) end++
        const chain = follow(parts, start, branch)
        expect(chain.end).toBe(end)
        // Links follow each other without a gap, and each part has the bytes of its link.
        let position = start - (start % BigInt(segmentBytes))
        for (const link of chain.links) {
          expect(link.start).toBe(position)
          expect(link.part.start <= link.start && link.end <= link.part.end).toBe(true)
          expect(link.part.timeline === 1 && link.end > branch).toBe(false)
          position = link.end
        }
        expect(position).toBe(end)
      },
    ),
    { numRuns: propertyRuns * 2 },
  )
})
