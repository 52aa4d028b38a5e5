// A pack is the object that holds chunks. Overview:
//
//   pack    := magic, u16 version, frames, footer, trailer        (footer and trailer: pack-footer.ts)
//   writing    add(chunk): a chunk of 64 KiB or more gets a frame of its own; smaller chunks share a frame
//              a frame is compressed with zstd, or stored raw if a sample of it doesn't shrink
//              seal(): writes footer and trailer; assertSealed() decodes everything again before the upload
//   reading    trailer -> footer -> the frame of the chunk -> decode -> compare the chunk's SHA-256
//
// A reader never trusts a length or a hash from the pack before it has checked it, because a pack may be
// hostile.
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { damaged, release } from '../bytes.ts'
import { HoldfastError } from '../errors.ts'
import { digestBytes, sha256, sha256Hex } from '../digest.ts'
import { maxChunksPerPack } from '../limits.ts'
import {
  codec,
  encodeFooter,
  encodeTrailer,
  formatVersion,
  headerBytes,
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

/** The size of the sample that decides whether a frame is compressed. */
const probeBytes = 8 * 1024
const zstdParameters = { [constants.ZSTD_c_compressionLevel]: 3 }

export interface SealedPack {
  body: Uint8Array<ArrayBuffer>
  sha256: string
  /** The encoded footer, with the same bytes as in the pack. */
  footer: Buffer
}

/** Builds a pack in one buffer. */
export class PackBuilder {
  readonly source: string
  private readonly buffer: ArrayBuffer | undefined
  private readonly targetBytes: number
  /** Allocated with the first frame: most builders of a run without new data never need it. */
  private allocatedBody: Buffer<ArrayBuffer> | undefined
  private length = headerBytes
  private readonly frames: Frame[] = []
  private readonly lengths: number[] = []
  private readonly digests: Uint8Array[] = []
  /** Small chunks that wait at `pendingOffsetOf` for their shared frame. */
  private readonly pending = { chunks: 0, bytes: 0, firstChunk: 0 }

  /**
   * @param buffer of an earlier pack, to build in. A buffer that is too small for `targetBytes` is not used,
   * and not changed.
   */
  constructor(source: string, buffer?: ArrayBuffer, targetBytes = packTargetBytes) {
    this.source = source
    this.buffer =
      buffer !== undefined && buffer.byteLength >= packBufferBytes(targetBytes) ? buffer : undefined
    this.targetBytes = targetBytes
  }

  private get body(): Buffer<ArrayBuffer> {
    if (this.allocatedBody === undefined) {
      this.allocatedBody = Buffer.from(this.buffer ?? new ArrayBuffer(packBufferBytes(this.targetBytes)))
      this.allocatedBody.set(packMagic)
      this.allocatedBody.writeUInt16LE(formatVersion, packMagic.length)
    }
    return this.allocatedBody
  }

  get isEmpty(): boolean {
    return this.lengths.length === 0
  }

  get isFull(): boolean {
    return this.length + this.pending.bytes >= this.targetBytes || this.lengths.length >= maxChunksPerPack
  }

  /** Adds a chunk that the pack doesn't contain yet. `bytes` is copied. */
  add(digest: Uint8Array, bytes: Uint8Array, ownFrame = false): void {
    if (!ownFrame && bytes.length < sharedChunkBytes) {
      this.body.set(bytes, pendingOffsetOf(this.targetBytes) + this.pending.bytes)
      this.pending.chunks++
      this.pending.bytes += bytes.length
    } else {
      this.flush()
      this.addFrame(bytes, 1)
      this.pending.firstChunk++
    }
    this.lengths.push(bytes.length)
    this.digests.push(digest)
    if (this.pending.bytes >= sharedFrameBytes) this.flush()
  }

  private flush(): void {
    if (this.pending.chunks === 0) return
    const offset = pendingOffsetOf(this.targetBytes)
    this.addFrame(this.body.subarray(offset, offset + this.pending.bytes), this.pending.chunks)
    this.pending.firstChunk += this.pending.chunks
    this.pending.chunks = 0
    this.pending.bytes = 0
  }

  private addFrame(raw: Uint8Array, chunkCount: number): void {
    const compressed = compress(raw)
    const stored = compressed ?? raw
    this.frames.push({
      codec: compressed === null ? codec.raw : codec.zstd,
      offset: this.length,
      storedBytes: stored.length,
      rawBytes: raw.length,
      firstChunk: this.pending.firstChunk,
      chunkCount,
    })
    this.body.set(stored, this.length)
    this.length += stored.length
    if (compressed !== null) release(compressed)
  }

  /** Returns the finished pack. The builder must not be used afterwards. */
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

/** Null if the bytes don't shrink, or only a little. */
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

/** With the size of the input, and room for the largest possible output, zlib takes less memory and time. */
function zstdCompress(raw: Uint8Array): Buffer {
  return zstdCompressSync(raw, {
    params: zstdParameters,
    pledgedSrcSize: raw.length,
    chunkSize: raw.length + (raw.length >> 7) + 1024,
  })
}

/** The raw bytes of a frame. @param stored the bytes at the frame's offset. */
export function decodeFrame(frame: Frame, stored: Uint8Array, subject: string): Buffer {
  if (stored.length !== frame.storedBytes)
    throw damaged(subject, `a frame at byte ${frame.offset} is cut off`)
  if (frame.codec === codec.raw) return Buffer.from(stored.buffer, stored.byteOffset, stored.length)
  let raw: Buffer
  try {
    // One byte more than the result, because zlib allocates another buffer when the first is full. Its
    // minimum is 64 bytes.
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

/**
 * Frees a result of `decodeFrame` after its last use. A frame that is stored raw shares the memory of
 * `stored`, and stays.
 */
export function releaseFrame(frame: Frame, raw: Buffer): void {
  if (frame.codec !== codec.raw) release(raw)
}

/**
 * Yields each chunk of a decoded frame, with its index in the footer.
 * @throws `damaged` for a chunk with another hash.
 */
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

/** Checks header, trailer and footer of a whole pack in memory, and returns the footer. */
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
 * Decodes every pack before its upload, because bytes from faulty memory must not become the only copy.
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

/** Decodes a whole pack and compares the hash of every chunk. */
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
