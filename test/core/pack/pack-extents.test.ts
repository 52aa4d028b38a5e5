import { describe, expect, test } from 'vitest'
import { codec } from '../../../core/pack/pack-footer.ts'
import { PackExtents, PlannedFrame } from '../../../core/pack/pack-extents.ts'
import { seededRandom } from '../../fixtures/manual-clock.ts'
import { maxChunksPerPack } from '../../../core/limits.ts'

const frame = { codec: codec.raw, offset: 16, storedBytes: 40, rawBytes: 40, firstChunk: 1, chunkCount: 2 }

describe('the extents of a pack', () => {
  test.each([0, 1, 16, 17, 5000])('keep %i entries as they were added, and no memory besides', (count) => {
    const extents = new PackExtents()
    const [chunk, file, offset] = [maxChunksPerPack - 1, 2 ** 32 - 1, 2 ** 50]
    for (let index = 0; index < count; index++) extents.add(chunk - index, file - index, offset + index)
    extents.trim()
    const numbers = Array.from({ length: count }, (_, index) => index)
    expect([...extents.chunks]).toEqual(numbers.map((index) => chunk - index))
    expect([...extents.files]).toEqual(numbers.map((index) => file - index))
    expect([...extents.offsets]).toEqual(numbers.map((index) => offset + index))
  })

  test('come in the order of their chunks, those of a chunk as they were added, without those that nobody wants', () => {
    const extents = new PackExtents()
    const random = seededRandom(7)
    for (let index = 0; index < 1000; index++) extents.add(Math.floor(random() * 100), index % 10, index)
    const expected = Array.from({ length: 1000 }, (_, index) => index)
      .filter((index) => index % 10 !== 3)
      .sort((a, b) => extents.chunks[a]! - extents.chunks[b]! || a - b)
    expect([...extents.sortByChunk(100, (file) => file !== 3)]).toEqual(expected)
    expect(extents.sortByChunk(100, () => false).length).toBe(0)
  })

  test('of a frame tell of each chunk where its bytes go', () => {
    const extents = new PackExtents()
    for (const [chunk, file, offset] of [
      [2, 5, 10],
      [1, 5, 0],
      [2, 6, 0],
      [3, 7, 0],
      [0, 8, 0],
    ] as const)
      extents.add(chunk, file, offset)
    const order = extents.sortByChunk(4, () => true)
    const planned = new PlannedFrame(frame, { extents, order }, 1, 4)
    const chunks = [
      { chunk: 1, extents: [{ file: 5, offset: 0 }] },
      {
        chunk: 2,
        extents: [
          { file: 5, offset: 10 },
          { file: 6, offset: 0 },
        ],
      },
    ]
    expect([planned.chunkCount, planned.extentCount, planned.chunks]).toEqual([2, 3, chunks])
    const fewer = planned.only(new Set([2, 3]))
    expect([fewer.frame, fewer.chunkCount, fewer.extentCount, fewer.chunks]).toEqual([
      frame,
      1,
      2,
      chunks.slice(1),
    ])
  })
})
