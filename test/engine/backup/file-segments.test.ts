import { expect, test } from 'vitest'
import { joinContents, problemOfSegments, upToGap } from '../../../engine/backup/file-segments.ts'
import { segmentBytes } from '../../../engine/backup/source-reader.ts'
import type { ItemContent } from '../../../engine/backup/source-reader.ts'

const segment = (bytes: number, kind?: 'changed' | 'vanished' | 'unreadable'): ItemContent => ({
  digests: new Uint8Array(32),
  lengths: bytes === 0 ? [] : [bytes],
  newStats: null,
  problem: kind === undefined ? null : { kind, detail: kind },
})

test('a file whose content is missing in part is missing, whatever else changed', () => {
  expect(problemOfSegments([segment(1), null])).toBeNull()
  expect(problemOfSegments([segment(1), segment(1, 'changed')])?.kind).toBe('changed')
  expect(problemOfSegments([segment(1, 'changed'), segment(0, 'unreadable'), segment(1)])?.kind).toBe(
    'unreadable',
  )
  expect(problemOfSegments([])).toBeNull()
})

test('behind a segment that came short nothing is kept: it would lie where it never was', () => {
  const full = segment(segmentBytes)
  const size = 2 * segmentBytes + 10
  expect(upToGap([full, full, segment(10)], size)).toHaveLength(3)
  expect(upToGap([full, segment(segmentBytes - 1, 'changed'), segment(10)], size)).toHaveLength(2)
  expect(upToGap([segment(0, 'changed'), full, segment(10)], size)).toHaveLength(1)
  expect(upToGap([full, full, segment(9, 'changed')], size)).toHaveLength(3)
  expect(upToGap([segment(5)], 5)).toHaveLength(1)
  expect(upToGap([], 0)).toEqual([])
})

test('parts of a segment are joined in their order; what is missing outweighs what changed', () => {
  const joined = joinContents(segment(3, 'changed'), segment(4, 'vanished'))
  expect([joined.lengths, joined.digests.length, joined.problem?.kind, joined.newStats]).toEqual([
    [3, 4],
    64,
    'vanished',
    null,
  ])
})
