import { constants, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  PackBuilder,
  chunksOfFrame,
  decodeFrame,
  digestOf,
  openPack,
  releaseFrame,
  verifyPack,
} from '../../../core/pack/pack.ts'
import {
  codec,
  encodeFooter,
  encodeTrailer,
  headerBytes,
  packMagic,
  trailerBytes,
} from '../../../core/pack/pack-footer.ts'
import { largePackTargetBytes, packBufferBytes, packTargetBytes } from '../../../core/pack/pack-size.ts'
import { flip } from '../../fixtures/faulty-store.ts'
import { sha256Of } from '../../fixtures/handmade-vault.ts'
import { randomBytes } from '../../fixtures/manual-clock.ts'
import { maxChunksPerPack, maxFrameRawBytes, maxPackBytes } from '../../../core/limits.ts'
import { propertyRuns } from '../../fixtures/property-runs.ts'
import { acceptedPrefixes, refusalOf } from '../../fixtures/refusal.ts'

const buffer = new ArrayBuffer(packBufferBytes(packTargetBytes))

function buildPack(chunks: readonly Uint8Array[]): Buffer {
  const builder = new PackBuilder('files', buffer)
  for (const bytes of chunks) builder.add(sha256Of(bytes), bytes)
  const { body, sha256 } = builder.seal()
  expect(sha256).toBe(sha256Of(body).toString('hex'))
  return Buffer.from(body)
}

/** Buffers are compared at once: the matcher would go through them number by number. */
function holdsChunks(body: Buffer, chunks: readonly Uint8Array[]): boolean {
  const contents = readPack(body)
  return contents.length === chunks.length && contents.every((bytes, index) => bytes.equals(chunks[index]!))
}

/** The chunks of a pack, read frame by frame as a restore does. */
function readPack(body: Buffer): Buffer[] {
  const footer = openPack(body, 'files', 'the pack')
  return footer.frames.flatMap((frame) => {
    const raw = decodeFrame(frame, body.subarray(frame.offset, frame.offset + frame.storedBytes), 'the pack')
    return [...chunksOfFrame(footer, frame, raw, 'the pack')].map(({ bytes }) => Buffer.from(bytes))
  })
}

const chunks = [
  Buffer.from('small one'),
  Buffer.from('small two'),
  Buffer.alloc(70_000, 'abc'),
  randomBytes(300, 1),
  randomBytes(70_000, 2),
]
const body = buildPack(chunks)

const small = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 200 }),
  fc
    .tuple(fc.nat(255), fc.integer({ min: 1, max: 90_000 }))
    .map(([value, bytes]) => Buffer.alloc(bytes, value)),
  fc.tuple(fc.nat(9), fc.integer({ min: 1, max: 90_000 })).map(([seed, bytes]) => randomBytes(bytes, seed)),
)

describe('a pack', () => {
  test('gives back every chunk, in order, byte for byte', () => {
    fc.assert(
      fc.property(fc.array(small, { maxLength: 12 }), (contents) => {
        const pack = buildPack(contents)
        expect(holdsChunks(pack, contents)).toBe(true)
        const footer = verifyPack(pack, 'files', 'the pack')
        contents.forEach((bytes, index) => expect(digestOf(footer, index)).toEqual(sha256Of(bytes)))
        expect(footer.frames.every((frame) => frame.storedBytes <= frame.rawBytes)).toBe(true)
      }),
      { numRuns: propertyRuns },
    )
  })

  test('stores what does not compress raw, compresses what does, and lets small chunks share frames', () => {
    const noise = randomBytes(100_000, 3)
    const text = Buffer.alloc(100_000, 'all work and no play ')
    const crumbs = Array.from({ length: 400 }, (_, index) => Buffer.from(`crumb ${index} `.repeat(60)))
    const footer = openPack(buildPack([noise, text, ...crumbs]), 'files', 'the pack')
    expect(footer.frames[0]).toMatchObject({ codec: codec.raw, storedBytes: 100_000, chunkCount: 1 })
    expect(footer.frames[1]).toMatchObject({ codec: codec.zstd, rawBytes: 100_000, chunkCount: 1 })
    expect(footer.frames.length).toBeLessThan(8)
    for (const frame of footer.frames.slice(2)) expect(frame.rawBytes).toBeLessThan(256 * 1024)
  })

  test("copies small chunks: the reader's buffer may be used again", () => {
    const bytes = Buffer.from('before')
    const builder = new PackBuilder('files')
    builder.add(sha256Of(bytes), bytes)
    bytes.fill(0)
    expect(readPack(Buffer.from(builder.seal().body))).toEqual([Buffer.from('before')])
  })

  test('is full in time: the largest chunk in the last moment still fits, and so do as many chunks as it may hold', () => {
    const builder = new PackBuilder('files')
    const noise = randomBytes(maxFrameRawBytes, 5)
    for (let index = 0; !builder.isFull; index++) {
      const bytes = Buffer.from(noise.subarray(0, 1024 * 1024 - 1))
      bytes.writeUInt32LE(index)
      builder.add(sha256Of(bytes), bytes)
    }
    const crowded = new PackBuilder('files')
    while (!crowded.isFull) crowded.add(sha256Of(Buffer.from('x')), Buffer.from('x'))
    const edge = new PackBuilder('files')
    for (let index = 0; index < 3; index++) edge.add(sha256Of(noise), noise)
    edge.add(sha256Of(noise.subarray(1)), noise.subarray(1, maxFrameRawBytes - 60_000))
    expect(edge.isFull).toBe(false)
    edge.add(sha256Of(noise), noise)
    for (const [full, bytes] of [
      [builder, packTargetBytes],
      [edge, packTargetBytes + 2 * 1024 * 1024],
    ] as const) {
      const { body } = full.seal()
      expect(body.length).toBeGreaterThanOrEqual(bytes)
      expect(body.length).toBeLessThan(maxPackBytes)
    }
    expect(openPack(Buffer.from(crowded.seal().body), 'files', 'the pack').lengths.length).toBe(
      maxChunksPerPack,
    )
  })

  test('can be built in memory that was used before, and leaves nothing of it', () => {
    const buffer = new ArrayBuffer(packBufferBytes(packTargetBytes))
    new Uint8Array(buffer).fill(0xaa)
    const builder = new PackBuilder('files', buffer)
    builder.add(sha256Of(Buffer.from('a')), Buffer.from('a'))
    const { body: packBody } = builder.seal()
    expect(buildPack([Buffer.from('a')]).equals(packBody)).toBe(true)
  })

  test('can be four times as large, with the largest chunk in the last moment; the memory of a smaller one is not used for it', () => {
    const noise = randomBytes(maxFrameRawBytes, 6)
    const builder = new PackBuilder('files', buffer, largePackTargetBytes)
    let added = 0
    for (; !builder.isFull; added++) {
      noise.writeUInt32LE(added)
      builder.add(sha256Of(noise), noise)
    }
    const { body: packBody } = builder.seal()
    expect(added).toBe(16)
    expect(packBody.buffer).not.toBe(buffer)
    expect(
      verifyPack(Buffer.from(packBody.buffer, packBody.byteOffset, packBody.length), 'files', 'the pack')
        .lengths.length,
    ).toBe(16)
  })
})

describe('damage', () => {
  test('a pack that was cut off at any length is refused', () => {
    const brief = buildPack(chunks.slice(0, 4))
    expect(acceptedPrefixes(brief, (prefix) => verifyPack(prefix, 'files', 'the pack'))).toEqual([])
    expect(
      refusalOf(() => verifyPack(Buffer.concat([brief, Buffer.alloc(1)]), 'files', 'the pack'))?.code,
    ).toBe('damaged')
  })

  test('a flipped byte at any offset is refused when the pack is verified', () => {
    const brief = buildPack(chunks.slice(0, 4))
    for (let offset = 0; offset < brief.length; offset++) {
      for (const bit of [0x01, 0x80]) {
        const flipped = flip(brief, offset, bit)
        // A flip in a zstd frame may leave what it decodes to unchanged; then nothing is lost.
        if (refusalOf(() => verifyPack(flipped, 'files', 'the pack')) === null)
          expect(holdsChunks(flipped, chunks.slice(0, 4)), `offset ${offset}`).toBe(true)
      }
    }
    for (let offset = headerBytes + 1; offset < body.length; offset += 997)
      expect(refusalOf(() => verifyPack(flip(body, offset), 'files', 'the pack'))).not.toBeNull()
  })

  test('a footer or a trailer with any byte flipped is refused without reading a frame', () => {
    const brief = buildPack(chunks.slice(0, 4))
    const { frames } = openPack(brief, 'files', 'the pack')
    for (let offset = frames.at(-1)!.offset + frames.at(-1)!.storedBytes; offset < brief.length; offset++) {
      expect(
        refusalOf(() => openPack(flip(brief, offset, 0x01), 'files', 'the pack')),
        `offset ${offset}`,
      ).not.toBeNull()
    }
  })

  test('random bytes, and random bytes between a good header and trailer, are refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        expect(refusalOf(() => verifyPack(Buffer.from(bytes), 'files', 'the pack'))).not.toBeNull()
        const footer = Buffer.from(bytes)
        const dressed = Buffer.concat([body.subarray(0, headerBytes), footer, encodeTrailer(footer)])
        expect(refusalOf(() => verifyPack(dressed, 'files', 'the pack'))).not.toBeNull()
      }),
      { numRuns: propertyRuns },
    )
  })

  test('a pack of another source is refused, and of another version is called unsupported', () => {
    expect(refusalOf(() => verifyPack(body, 'other', 'the pack'))?.message).toContain(
      'belongs to the source "files"',
    )
    expect(refusalOf(() => verifyPack(flip(body, packMagic.length, 2), 'files', 'the pack'))?.code).toBe(
      'unsupported-format',
    )
    expect(refusalOf(() => verifyPack(flip(body, body.length - 10, 2), 'files', 'the pack'))?.code).toBe(
      'unsupported-format',
    )
  })
})

describe('memory', () => {
  test('a frame takes the memory of its bytes once, and gives it back', () => {
    const raw = randomBytes(128 * 1024, 7)
    const stored = zstdCompressSync(Buffer.concat([raw, raw]))
    const frame = {
      codec: codec.zstd,
      offset: headerBytes,
      storedBytes: stored.length,
      rawBytes: 2 * raw.length,
      firstChunk: 0,
      chunkCount: 1,
    }
    // More than once: the collector may run in between.
    const retainedBytes = Array.from({ length: 16 }, () => {
      const before = process.memoryUsage().arrayBuffers
      releaseFrame(frame, decodeFrame(frame, stored, 'the pack'))
      return process.memoryUsage().arrayBuffers - before
    })
    expect(Math.max(...retainedBytes)).toBeLessThan(frame.rawBytes)
  })
})

describe('bombs', () => {
  const frameOf = (stored: Buffer, rawBytes: number) => ({
    codec: codec.zstd,
    offset: headerBytes,
    storedBytes: stored.length,
    rawBytes,
    firstChunk: 0,
    chunkCount: 1,
  })

  test('a frame that decodes to more than it says is refused before its memory is taken', () => {
    const bomb = zstdCompressSync(Buffer.alloc(200 * 1024 * 1024))
    const before = process.memoryUsage().arrayBuffers
    expect(refusalOf(() => decodeFrame(frameOf(bomb, 100), bomb, 'the pack'))?.code).toBe('damaged')
    expect(refusalOf(() => decodeFrame(frameOf(bomb, maxFrameRawBytes), bomb, 'the pack'))?.code).toBe(
      'damaged',
    )
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024)
  })

  test('a frame that decodes to less, to nothing, or with a window beyond any frame of ours, is refused', () => {
    const honest = zstdCompressSync(Buffer.from('ten bytes!'))
    expect(decodeFrame(frameOf(honest, 10), honest, 'the pack').toString()).toBe('ten bytes!')
    for (const rawBytes of [9, 11, 0])
      expect(refusalOf(() => decodeFrame(frameOf(honest, rawBytes), honest, 'the pack'))?.code).toBe(
        'damaged',
      )
    expect(
      refusalOf(() => decodeFrame(frameOf(Buffer.alloc(0), 10), Buffer.alloc(0), 'the pack'))?.code,
    ).toBe('damaged')
    const wide = wideWindowFrame(27)
    expect(refusalOf(() => decodeFrame(frameOf(wide, 100), wide, 'the pack'))?.code).toBe('damaged')
  })

  test('a frame of several zstd frames may not go round the limit', () => {
    const frame = zstdCompressSync(Buffer.alloc(3 * 1024 * 1024))
    const many = Buffer.concat(Array.from({ length: 50 }, () => frame))
    expect(refusalOf(() => decodeFrame(frameOf(many, maxFrameRawBytes), many, 'the pack'))?.code).toBe(
      'damaged',
    )
  })

  test("a footer that says its chunks are longer than their frame, or another chunk's, is refused", () => {
    const bytes = Buffer.from('chunk')
    const stored = Buffer.concat([bytes, Buffer.from('other')])
    const frame = {
      codec: codec.raw,
      offset: headerBytes,
      storedBytes: 10,
      rawBytes: 10,
      firstChunk: 0,
      chunkCount: 2,
    }
    const packOf = (lengths: number[], digests: Buffer): Buffer => {
      const footer = encodeFooter({
        source: 'files',
        frames: [frame],
        lengths: Uint32Array.from(lengths),
        digests,
      })
      return Buffer.concat([body.subarray(0, headerBytes), stored, footer, encodeTrailer(footer)])
    }
    const good = Buffer.concat([sha256Of(bytes), sha256Of(Buffer.from('other'))])
    expect(verifyPack(packOf([5, 5], good), 'files', 'the pack').lengths).toEqual(Uint32Array.from([5, 5]))
    for (const lengths of [
      [5, 6],
      [4, 5],
      [10, 0xffff_fff0],
      [0, 10],
    ])
      expect(refusalOf(() => verifyPack(packOf(lengths, good), 'files', 'the pack'))).not.toBeNull()
    expect(
      refusalOf(() =>
        verifyPack(packOf([5, 5], Buffer.concat([sha256Of(bytes), sha256Of(bytes)])), 'files', 'the pack'),
      ),
    ).not.toBeNull()
    expect(trailerBytes).toBeLessThan(64)
  })
})

/**
 * A zstd frame that declares a window of 2^log bytes and no content size, as a stream of unknown length has.
 */
function wideWindowFrame(log: number): Buffer {
  const compressed = zstdCompressSync(Buffer.alloc(100), {
    params: { [constants.ZSTD_c_contentSizeFlag]: 0, [constants.ZSTD_c_windowLog]: 10 },
  })
  const head = Buffer.from([...compressed.subarray(0, 4), 0x00, (log - 10) << 3])
  // Magic, descriptor without content size and checksum, window; then one raw block of 100 bytes, the last.
  const block = Buffer.from([(100 << 3) | 1, (100 << 3) >> 8, 0])
  return Buffer.concat([head, block, Buffer.alloc(100)])
}
