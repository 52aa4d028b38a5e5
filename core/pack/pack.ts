// A pack is the object that holds chunks: zstd frames in which small chunks share up to 256 KiB, then a footer that
// indexes them, then a fixed trailer. What doesn't compress is stored raw.
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { damaged, release } from '../bytes.ts'
import { HoldfastError } from '../errors.ts'
import { digestBytes, sha256, sha256Hex } from '../digest.ts'
import {
  codec,
  encodeFooter,
  encodeTrailer,
  formatVersion,
  headerBytes,
  maxChunksPerPack,
  packMagic,
  parseFooter,
  parseTrailer,
  trailerBytes,
  unsupported,
  zstdLimits,
} from './pack-footer.ts'
import type { Frame, PackFooter } from './pack-footer.ts'
import {
  packBufferBytes,
  packTargetBytes,
  pendingOffsetOf,
  sharedChunkBytes,
  sharedFrameBytes,
} from './pack-size.ts'

/** Compressing a sample of this size tells whether a chunk is worth it. */
const probeBytes = 8 * 1024
const zstdParameters = { [constants.ZSTD_c_compressionLevel]: 3 }

export interface SealedPack {
  body: Uint8Array<ArrayBuffer>
  sha256: string
  /** The encoded footer, as it lies in the pack. */
  footer: Buffer
}

export class PackBuilder {
  readonly source: string
  private readonly buffer: ArrayBuffer | undefined
  private readonly targetBytes: number
  private readonly pendingOffset: number
  /** Taken with the first frame: most builders of a run in which nothing is new never need it. */
  private written: Buffer<ArrayBuffer> | undefined
  private length = headerBytes
  private readonly frames: Frame[] = []
  private readonly lengths: number[] = []
  private readonly digests: Uint8Array[] = []
  private pendingChunks = 0
  private pendingBytes = 0
  private pendingFirst = 0

  /** @param buffer to build in, of an earlier pack. What is too small for `targetBytes` is left alone; memory is allocated then, when it is needed. */
  constructor(source: string, buffer?: ArrayBuffer, targetBytes = packTargetBytes) {
    this.source = source
    this.buffer =
      buffer !== undefined && buffer.byteLength >= packBufferBytes(targetBytes) ? buffer : undefined
    this.targetBytes = targetBytes
    this.pendingOffset = pendingOffsetOf(targetBytes)
  }

  private get body(): Buffer<ArrayBuffer> {
    if (this.written === undefined) {
      this.written = Buffer.from(this.buffer ?? new ArrayBuffer(packBufferBytes(this.targetBytes)))
      this.written.set(packMagic)
      this.written.writeUInt16LE(formatVersion, packMagic.length)
    }
    return this.written
  }

  get isEmpty(): boolean {
    return this.lengths.length === 0
  }

  get isFull(): boolean {
    return this.length + this.pendingBytes >= this.targetBytes || this.lengths.length >= maxChunksPerPack
  }

  /** Adds a chunk that the pack doesn't hold yet. `bytes` is copied. */
  add(digest: Uint8Array, bytes: Uint8Array, ownFrame = false): void {
    if (!ownFrame && bytes.length < sharedChunkBytes) {
      this.body.set(bytes, this.pendingOffset + this.pendingBytes)
      this.pendingChunks++
      this.pendingBytes += bytes.length
    } else {
      this.flush()
      this.frame(bytes, 1)
      this.pendingFirst++
    }
    this.lengths.push(bytes.length)
    this.digests.push(digest)
    if (this.pendingBytes >= sharedFrameBytes) this.flush()
  }

  private flush(): void {
    if (this.pendingChunks === 0) return
    this.frame(
      this.body.subarray(this.pendingOffset, this.pendingOffset + this.pendingBytes),
      this.pendingChunks,
    )
    this.pendingFirst += this.pendingChunks
    this.pendingChunks = 0
    this.pendingBytes = 0
  }

  private frame(raw: Uint8Array, chunkCount: number): void {
    const compressed = compress(raw)
    const stored = compressed ?? raw
    this.frames.push({
      codec: compressed === null ? codec.raw : codec.zstd,
      offset: this.length,
      storedBytes: stored.length,
      rawBytes: raw.length,
      firstChunk: this.pendingFirst,
      chunkCount,
    })
    this.body.set(stored, this.length)
    this.length += stored.length
    if (compressed !== null) release(compressed)
  }

  /** The finished pack. The builder must not be used afterwards. */
  seal(): SealedPack {
    this.flush()
    const footer = encodeFooter({
      source: this.source,
      frames: this.frames,
      lengths: Uint32Array.from(this.lengths),
      digests: Buffer.concat(this.digests),
    })
    this.body.set(footer, this.length)
    this.body.set(encodeTrailer(footer), this.length + footer.length)
    const body = this.body.subarray(0, this.length + footer.length + trailerBytes)
    return { body, sha256: sha256Hex(body), footer }
  }
}

/** Null if it isn't worth it. */
function compress(raw: Uint8Array): Buffer | null {
  if (raw.length >= 4 * probeBytes) {
    const middle = (raw.length - probeBytes) >> 1
    const probe = zstdCompress(raw.subarray(middle, middle + probeBytes))
    const isCompressible = probe.length <= probeBytes * 0.97
    release(probe)
    if (!isCompressible) return null
  }
  const compressed = zstdCompress(raw)
  if (compressed.length < raw.length) return compressed
  release(compressed)
  return null
}

/** A size that is known, and room for the worst of what it may become, take less memory and time. */
function zstdCompress(raw: Uint8Array): Buffer {
  return zstdCompressSync(raw, {
    params: zstdParameters,
    pledgedSrcSize: raw.length,
    chunkSize: raw.length + (raw.length >> 7) + 1024,
  })
}

/** The raw bytes of a frame. `stored` is what lies at the frame's offset. */
export function decodeFrame(frame: Frame, stored: Uint8Array, subject: string): Buffer {
  if (stored.length !== frame.storedBytes)
    throw damaged(subject, `a frame at byte ${frame.offset} is cut off`)
  if (frame.codec === codec.raw) return Buffer.from(stored.buffer, stored.byteOffset, stored.length)
  let raw: Buffer
  try {
    // Room for all of it at once, and a byte: what is full is followed by memory for more. zlib refuses less than 64 bytes of it.
    raw = zstdDecompressSync(stored, {
      maxOutputLength: Math.max(1, frame.rawBytes),
      chunkSize: Math.max(64, frame.rawBytes + 1),
      params: zstdLimits,
    })
  } catch (error) {
    throw damaged(subject, `the frame at byte ${frame.offset} doesn't decode`, error)
  }
  if (raw.length !== frame.rawBytes)
    throw damaged(
      subject,
      `the frame at byte ${frame.offset} decodes to ${raw.length} bytes, not ${frame.rawBytes}`,
    )
  return raw
}

/** To be called with what `decodeFrame` answered when nobody needs it any more. One that was stored raw is a part of what was read. */
export function releaseFrame(frame: Frame, raw: Buffer): void {
  if (frame.codec !== codec.raw) release(raw)
}

/** Each chunk of a decoded frame, with its index in the footer; a chunk whose hash is wrong is refused. */
export function* chunksOfFrame(
  footer: PackFooter,
  frame: Frame,
  raw: Buffer,
  subject: string,
): Generator<{ index: number; bytes: Buffer }> {
  let offset = 0
  for (let index = frame.firstChunk; index < frame.firstChunk + frame.chunkCount; index++) {
    const bytes = raw.subarray(offset, offset + footer.lengths[index]!)
    offset += bytes.length
    if (!sha256(bytes).equals(digestOf(footer, index)))
      throw damaged(
        subject,
        `a chunk in the frame at byte ${frame.offset} has other bytes than its hash says`,
      )
    yield { index, bytes }
  }
}

export function digestOf(footer: PackFooter, index: number): Buffer {
  return footer.digests.subarray(index * digestBytes, (index + 1) * digestBytes)
}

/** The footer of a whole pack in memory, after its header and trailer were checked. */
export function openPack(body: Buffer, source: string, subject: string): PackFooter {
  if (body.length < headerBytes + trailerBytes) throw damaged(subject, 'it is shorter than an empty pack')
  if (!body.subarray(0, packMagic.length).equals(packMagic))
    throw damaged(subject, "it doesn't begin as a pack")
  const version = body.readUInt16LE(packMagic.length)
  if (version !== formatVersion) throw unsupported(subject, version)
  const at = parseTrailer(body.subarray(body.length - trailerBytes), body.length, subject)
  const bytes = body.subarray(at.offset, at.offset + at.bytes)
  if (!sha256(bytes).equals(at.sha256))
    throw damaged(subject, 'its footer has other bytes than its trailer says')
  return parseFooter(bytes, source, subject, at.offset)
}

/**
 * Run on every pack before its upload: what was compressed or kept in faulty memory must not become the only copy.
 * @throws `damaged`
 */
export function assertSealed(pack: SealedPack, source: string): PackFooter {
  try {
    return verifyPack(
      Buffer.from(pack.body.buffer, pack.body.byteOffset, pack.body.byteLength),
      source,
      'a pack',
    )
  } catch (error) {
    throw new HoldfastError(
      'damaged',
      `a pack doesn't decode to what went into it: ${(error as Error).message}`,
      {
        hint: 'it was not uploaded; have the memory of this machine tested before you back up again',
        cause: error,
      },
    )
  }
}

/** Decodes a whole pack and compares every chunk with its hash. */
export function verifyPack(body: Buffer, source: string, subject: string): PackFooter {
  const footer = openPack(body, source, subject)
  for (const frame of footer.frames) {
    const raw = decodeFrame(frame, body.subarray(frame.offset, frame.offset + frame.storedBytes), subject)
    // Exhausting the generator checks each chunk.
    for (const _ of chunksOfFrame(footer, frame, raw, subject));
    releaseFrame(frame, raw)
  }
  return footer
}
