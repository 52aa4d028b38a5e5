import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeContentList, foldContent, maxInlineChunks } from '../../../core/tree/content-list.ts'
import { flip } from '../../fixtures/faulty-store.ts'
import { sha256Of } from '../../fixtures/handmade-vault.ts'
import { propertyRuns } from '../../fixtures/property-runs.ts'
import { acceptedPrefixes, refusalOf } from '../../fixtures/refusal.ts'

function chunksOf(count: number, seed = 0): { digests: Buffer; lengths: number[] } {
  const numbers = Array.from({ length: count }, (_, index) => index + seed)
  return {
    digests: Buffer.concat(numbers.map((number) => sha256Of(Buffer.from(String(number))))),
    lengths: numbers.map((number) => 1 + (number % 5000)),
  }
}

/** Folds, and reads all of it again. */
function foldAndRead(chunks: { digests: Buffer; lengths: number[] }): {
  depth: number
  read: typeof chunks
  lists: Map<string, Buffer>
} {
  const lists = new Map<string, Buffer>()
  const content = foldContent(chunks, (digest, bytes) => {
    expect(sha256Of(bytes).equals(digest)).toBe(true)
    lists.set(digest.toString('hex'), bytes)
  })
  if (content.depth === 0) return { depth: 0, read: content, lists }
  const parts = content.lengths.map((bytes, index) => {
    const list = lists.get(content.digests.toString('hex', index * 32, index * 32 + 32))!
    expect(list.length).toBe(bytes)
    return decodeContentList(list, 'a list')
  })
  for (const part of parts) expect(part.bytes).toBe(part.lengths.reduce((sum, bytes) => sum + bytes, 0))
  return {
    depth: 1,
    read: {
      digests: Buffer.concat(parts.map((part) => part.digests)),
      lengths: parts.flatMap((part) => part.lengths),
    },
    lists,
  }
}

describe('the chunk list of a large file', () => {
  test.each([0, 1, maxInlineChunks, maxInlineChunks + 1, 4096, 4097, 30_000])(
    'of %i chunks is the same when it is read again',
    (count) => {
      const chunks = chunksOf(count)
      const { depth, read } = foldAndRead(chunks)
      expect(depth).toBe(count > maxInlineChunks ? 1 : 0)
      expect(read.digests.equals(chunks.digests)).toBe(true)
      expect(read.lengths).toEqual(chunks.lengths)
    },
  )

  test('changes in one place only, after a change in one place', () => {
    const chunks = chunksOf(30_000)
    const changed = { digests: Buffer.from(chunks.digests), lengths: [...chunks.lengths] }
    sha256Of(Buffer.from('changed')).copy(changed.digests, 15_000 * 32)
    const before = foldAndRead(chunks).lists
    const after = foldAndRead(changed).lists
    expect(after.size).toBeGreaterThan(5)
    expect([...after.keys()].filter((digest) => !before.has(digest)).length).toBeLessThanOrEqual(2)
  })

  test('has lists of a bounded size even where the content never says where to cut', () => {
    const equalContent = {
      digests: Buffer.concat(Array.from({ length: 10_000 }, () => Buffer.alloc(32, 1))),
      lengths: Array.from({ length: 10_000 }, () => 7),
    }
    const { lists, read } = foldAndRead(equalContent)
    expect(read.lengths.length).toBe(10_000)
    for (const bytes of lists.values()) expect(bytes.length).toBeLessThan(200_000)
  })
})

describe('hostile lists', () => {
  const [list] = foldAndRead(chunksOf(maxInlineChunks + 1)).lists.values()

  test('cut off at any length, followed by anything, or of another version, are refused', () => {
    expect(acceptedPrefixes(list!, (prefix) => decodeContentList(prefix, 'a list'))).toEqual([])
    expect(refusalOf(() => decodeContentList(Buffer.concat([list!, Buffer.alloc(1)]), 'a list'))?.code).toBe(
      'damaged',
    )
    expect(refusalOf(() => decodeContentList(flip(list!, 8, 2), 'a list'))?.code).toBe('unsupported-format')
  })

  test('of random bytes are refused, or are what they say', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const dressed = Buffer.concat([list!.subarray(0, 10), bytes])
        if (refusalOf(() => decodeContentList(dressed, 'a list')) !== null) return
        const read = decodeContentList(dressed, 'a list')
        expect(read.digests.length).toBe(read.lengths.length * 32)
        expect(read.lengths.every((length) => length > 0)).toBe(true)
      }),
      { numRuns: propertyRuns },
    )
  })

  test('with a chunk of no bytes are refused: nothing could be written for it', () => {
    const empty = Buffer.concat([list!.subarray(0, 10), Buffer.from([1]), Buffer.alloc(32), Buffer.from([0])])
    expect(refusalOf(() => decodeContentList(empty, 'a list'))?.message).toContain('no bytes')
  })
})
