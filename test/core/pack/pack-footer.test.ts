import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { maxChunksPerPack, maxFooterBytes, maxFrameRawBytes } from '../../../core/limits.ts'
import {
  codec,
  encodeFooter,
  encodeTrailer,
  headerBytes,
  parseFooter,
  parseTrailer,
  trailerBytes,
} from '../../../core/pack/pack-footer.ts'
import type { PackFooter } from '../../../core/pack/pack-footer.ts'
import { flip } from '../../fixtures/faulty-store.ts'
import { sha256Of } from '../../fixtures/handmade-vault.ts'
import { propertyRuns } from '../../fixtures/property-runs.ts'
import { acceptedPrefixes, refusalOf } from '../../fixtures/refusal.ts'

/** A footer as a pack would have it, from the bytes of the chunks in each frame. */
function footerOf(frames: number[][]): PackFooter {
  let offset = headerBytes
  let firstChunk = 0
  const footerFrames = frames.map((lengths, index) => {
    const rawBytes = lengths.reduce((sum, bytes) => sum + bytes, 0)
    const isRaw = index % 2 === 0
    const frame = {
      codec: isRaw ? codec.raw : codec.zstd,
      offset,
      storedBytes: isRaw ? rawBytes : Math.ceil(rawBytes / 2),
      rawBytes,
      firstChunk,
      chunkCount: lengths.length,
    }
    offset += frame.storedBytes
    firstChunk += lengths.length
    return frame
  })
  const lengths = Uint32Array.from(frames.flat())
  return {
    source: 'files',
    frames: footerFrames,
    lengths,
    digests: Buffer.concat(Array.from(lengths, (_, index) => sha256Of(Buffer.from([index])))),
  }
}

const frames = fc.array(fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 5 }), {
  maxLength: 6,
})

describe('a footer', () => {
  test('says the same after a round trip, and where the frames end', () => {
    fc.assert(
      fc.property(frames, (lengths) => {
        const footer = footerOf(lengths)
        const end = footer.frames.reduce((sum, frame) => sum + frame.storedBytes, headerBytes)
        const bytes = encodeFooter(footer)
        expect(parseFooter(bytes, 'files', 'it')).toEqual(footer)
        expect(parseFooter(bytes, 'files', 'it', end)).toEqual(footer)
        expect(refusalOf(() => parseFooter(bytes, 'files', 'it', end + 1))?.code).toBe('damaged')
        expect(acceptedPrefixes(bytes, (prefix) => parseFooter(prefix, 'files', 'it'), 12)).toEqual([])
      }),
      { numRuns: propertyRuns },
    )
  })

  test("is refused if random bytes stand in it, and never hangs or takes memory that its bytes don't have", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const dressed = Buffer.concat([Buffer.from([5]), Buffer.from('files'), Buffer.from(bytes)])
        const refusal = refusalOf(() => parseFooter(dressed, 'files', 'it'))
        if (refusal === null) expect(encodeFooter(parseFooter(dressed, 'files', 'it'))).toEqual(dressed)
      }),
      { numRuns: propertyRuns },
    )
  })

  test.each([
    ['more chunks than a pack may hold', (bytes: Buffer) => bytes.writeUInt32LE(maxChunksPerPack + 1, 10)],
    ['four billion chunks', (bytes: Buffer) => bytes.writeUInt32LE(0xffff_ffff, 10)],
    ['more frames than chunks', (bytes: Buffer) => bytes.writeUInt32LE(0xffff_ffff, 6)],
    ['an unknown codec', (bytes: Buffer) => bytes.writeUInt8(2, 14)],
    ['a raw frame that is stored in other bytes', (bytes: Buffer) => bytes.writeUInt32LE(9, 15)],
    ['a frame over the limit', (bytes: Buffer) => bytes.writeUInt32LE(maxFrameRawBytes + 1, 19)],
    ["a frame that claims another frame's chunks", (bytes: Buffer) => bytes.writeUInt32LE(3, 23)],
  ])('is refused with %s', (_, spoil) => {
    const bytes = encodeFooter(footerOf([[10, 20], [30]]))
    spoil(bytes)
    expect(refusalOf(() => parseFooter(bytes, 'files', 'it'))?.code).toBe('damaged')
  })

  test.each([
    ['without bytes in the pack', [{ codec: codec.zstd, storedBytes: 0, rawBytes: 4, chunkCount: 1 }], [4]],
    ['without bytes at all', [{ codec: codec.raw, storedBytes: 0, rawBytes: 0, chunkCount: 1 }], [0]],
    [
      'without chunks',
      [
        { codec: codec.zstd, storedBytes: 9, rawBytes: 0, chunkCount: 0 },
        { codec: codec.raw, storedBytes: 4, rawBytes: 4, chunkCount: 1 },
      ],
      [4],
    ],
  ])('is refused with a frame %s: no reader asks for an empty range', (_, framesGiven, lengths) => {
    const footerFrames = framesGiven.map((frame) => ({ ...frame, offset: 0, firstChunk: 0 }))
    const bytes = encodeFooter({
      source: 'files',
      frames: footerFrames,
      lengths: Uint32Array.from(lengths),
      digests: Buffer.concat(lengths.map(() => sha256Of(Buffer.alloc(0)))),
    })
    expect(refusalOf(() => parseFooter(bytes, 'files', 'it'))?.code).toBe('damaged')
  })

  test('of the largest pack is within the limit that readers allow', () => {
    const footer = footerOf(Array.from({ length: maxChunksPerPack }, () => [1]))
    const bytes = encodeFooter({ ...footer, source: 'x'.repeat(63) })
    expect(bytes.length).toBeLessThanOrEqual(maxFooterBytes)
    expect(parseFooter(bytes, 'x'.repeat(63), 'it').lengths.length).toBe(maxChunksPerPack)
  })

  test('escapes the name of a foreign source in its message', () => {
    const bytes = encodeFooter({ ...footerOf([[1]]), source: 'a\u001b[2J' })
    expect(refusalOf(() => parseFooter(bytes, 'files', 'it'))?.message).not.toContain('\u001b')
  })
})

describe('a trailer', () => {
  const footer = encodeFooter(footerOf([[10, 20], [30]]))
  const trailer = encodeTrailer(footer)
  const packBytes = headerBytes + 1000 + footer.length + trailerBytes

  test('says where the footer lies and what its hash is', () => {
    expect(parseTrailer(trailer, packBytes, 'it')).toEqual({
      offset: headerBytes + 1000,
      bytes: footer.length,
      sha256: sha256Of(footer),
    })
  })

  test('with any byte flipped is refused, or names another footer, which its hash then refuses', () => {
    for (let offset = 0; offset < trailer.length; offset++) {
      const flipped = flip(trailer, offset)
      if (refusalOf(() => parseTrailer(flipped, packBytes, 'it')) !== null) continue
      const at = parseTrailer(flipped, packBytes, 'it')
      expect(at.bytes !== footer.length || !at.sha256.equals(sha256Of(footer))).toBe(true)
    }
    expect(acceptedPrefixes(trailer, (prefix) => parseTrailer(prefix, packBytes, 'it'))).toEqual([])
  })

  test('is refused with a footer that lies before the pack or is over the limit', () => {
    for (const bytes of [packBytes, packBytes - trailerBytes - headerBytes + 1, 0xffff_ffff]) {
      const corrupt = Buffer.from(trailer)
      corrupt.writeUInt32LE(bytes, 0)
      expect(refusalOf(() => parseTrailer(corrupt, packBytes, 'it'))?.code).toBe('damaged')
    }
    const huge = Buffer.from(trailer)
    huge.writeUInt32LE(maxFooterBytes + 1, 0)
    expect(refusalOf(() => parseTrailer(huge, 100 * 1024 * 1024, 'it'))?.code).toBe('damaged')
  })
})
