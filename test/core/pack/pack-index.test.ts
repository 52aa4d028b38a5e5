import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { maxFooterBytes, maxFrameRawBytes } from '../../../core/limits.ts'
import { decodeIndex, encodeIndex, planIndex } from '../../../core/pack/pack-index.ts'
import type { IndexChunk, IndexedPack } from '../../../core/pack/pack-index.ts'
import { flip } from '../../fixtures/faulty-store.ts'
import { sha256Of } from '../../fixtures/handmade-vault.ts'
import { propertyRuns } from '../../fixtures/property-runs.ts'
import { acceptedPrefixes, refusalOf } from '../../fixtures/refusal.ts'

const packName = (number: number): string => sha256Of(Buffer.from(`pack ${number}`)).toString('hex')

describe('an index', () => {
  const packs = [
    { sha256: packName(1), footer: Buffer.from('footer one') },
    { sha256: packName(2), footer: Buffer.alloc(300, 2) },
    { sha256: packName(3), footer: Buffer.alloc(0) },
  ]
  const bytes = encodeIndex(packs)

  test('is the same when it is read again', () => {
    expect(decodeIndex(bytes, 'it')).toEqual(packs)
    expect(decodeIndex(encodeIndex([]), 'it')).toEqual([])
  })

  test('cut off at any length, followed by anything, or of another version, is refused', () => {
    expect(acceptedPrefixes(bytes, (prefix) => decodeIndex(prefix, 'it'))).toEqual([])
    expect(refusalOf(() => decodeIndex(Buffer.concat([bytes, Buffer.alloc(1)]), 'it'))?.code).toBe('damaged')
    expect(refusalOf(() => decodeIndex(flip(bytes, 8, 2), 'it'))?.code).toBe('unsupported-format')
    expect(refusalOf(() => decodeIndex(flip(bytes, 0), 'it'))?.code).toBe('damaged')
  })

  test('of random bytes is refused, or is what it says', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (random) => {
        const dressed = Buffer.concat([bytes.subarray(0, 10), random])
        if (refusalOf(() => decodeIndex(dressed, 'it')) === null)
          expect(encodeIndex(decodeIndex(dressed, 'it')).equals(dressed)).toBe(true)
      }),
      { numRuns: propertyRuns },
    )
  })
})

describe('the plan of an index', () => {
  const packNumbers = fc.uniqueArray(fc.nat(30), { maxLength: 20 })
  const indexed = (numbers: number[], footerBytes: number[]): IndexedPack[] =>
    numbers.map((number) => ({
      sha256: packName(number),
      footerBytes: footerBytes[number % footerBytes.length]!,
    }))
  const sizes = fc.array(
    fc.oneof(fc.integer({ min: 100, max: 5000 }), fc.integer({ min: 100_000, max: maxFooterBytes })),
    { minLength: 1, maxLength: 5 },
  )

  test('covers each needed pack, by a chunk that is kept or by exactly one that is written, and each fits into a frame', () => {
    fc.assert(
      fc.property(
        packNumbers,
        fc.array(packNumbers, { maxLength: 12 }),
        sizes,
        (neededChunks, groups, footerBytes) => {
          const old: IndexChunk[] = groups.map((group, number) => ({
            sha256: packName(1000 + number),
            packs: indexed(group, footerBytes),
          }))
          const want = indexed(neededChunks, footerBytes)
          const { keep, write } = planIndex(want, old)
          const keptPacks = keep.flatMap((chunk) => chunk.packs.map((pack) => pack.sha256))
          const written = write.flatMap((group) => group.map((pack) => pack.sha256))
          expect(new Set([...keptPacks, ...written])).toEqual(
            new Set([...keptPacks, ...want.map((pack) => pack.sha256)]),
          )
          expect(new Set(written).size).toBe(written.length)
          expect(written.filter((name) => keptPacks.includes(name))).toEqual([])
          for (const chunk of keep) expect(old).toContain(chunk)
          for (const group of write) {
            const total = group.reduce((sum, pack) => sum + 32 + 4 + pack.footerBytes, 16)
            expect(total).toBeLessThan(maxFrameRawBytes)
          }
        },
      ),
      { numRuns: propertyRuns },
    )
  })

  test('keeps what is still needed, drops a chunk of which less than half is, and merges small ones when they are many', () => {
    const packs = Array.from({ length: 40 }, (_, number) => ({ sha256: packName(number), footerBytes: 1000 }))
    const two = [
      { sha256: 'a', packs: packs.slice(0, 4) },
      { sha256: 'b', packs: packs.slice(4, 8) },
    ]
    expect(planIndex(packs.slice(0, 8), two)).toEqual({ keep: two, write: [] })
    expect(planIndex(packs.slice(2, 5), two)).toEqual({ keep: [two[0]], write: [[packs[4]]] })
    const many = packs.slice(0, 12).map((pack) => ({ sha256: pack.sha256, packs: [pack] }))
    expect(planIndex(packs.slice(0, 12), many.slice(0, 8)).keep).toHaveLength(8)
    expect(planIndex(packs.slice(0, 12), many)).toEqual({ keep: [], write: [packs.slice(0, 12)] })
  })
})
