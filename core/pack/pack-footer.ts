// A pack's table of contents: its frames, and the chunks in each frame.
//
//   footer  := u8 length, source's name; u32 frames; u32 chunks;
//              frames x (u8 codec, u32 stored bytes, u32 raw bytes, u32 chunks); chunks x u32 bytes; chunks x SHA-256
//   trailer := u32 footer's bytes, SHA-256 of the footer, u16 version, magic
//
// All integers are little-endian. Frames follow each other from the end of the pack's header.
import { constants } from 'node:zlib'
import { ByteReader, ByteWriter, damaged } from '../bytes.ts'
import { digestBytes, sha256 } from '../digest.ts'
import { HoldfastError } from '../errors.ts'
import { maxChunksPerPack, maxFooterBytes, maxFrameRawBytes } from '../limits.ts'

export const formatVersion = 1
export const packMagic = Buffer.from('HOLDFAST PACK\0', 'latin1')
const trailerMagic = Buffer.from('HFTRAIL\n', 'latin1')
export const headerBytes = packMagic.length + 2
export const trailerBytes = 4 + digestBytes + 2 + trailerMagic.length

/** A hostile frame can demand a large window before it decodes one byte. Our frames need at most 8 MiB. */
export const zstdLimits = { [constants.ZSTD_d_windowLogMax]: 23 }

export const codec = { raw: 0, zstd: 1 } as const

export interface Frame {
  codec: number
  /** In the pack. */
  offset: number
  storedBytes: number
  rawBytes: number
  firstChunk: number
  chunkCount: number
}

export interface PackFooter {
  source: string
  frames: Frame[]
  /** Bytes of each chunk, in the order of the frames. */
  lengths: Uint32Array
  /** SHA-256 of each chunk, 32 bytes each, one after the other. */
  digests: Buffer
}

export function encodeFooter(footer: PackFooter): Buffer {
  const writer = new ByteWriter(256 + footer.frames.length * 13 + footer.lengths.length * (4 + digestBytes))
  const source = Buffer.from(footer.source, 'latin1')
  writer.u8(source.length)
  writer.bytes(source)
  writer.u32(footer.frames.length)
  writer.u32(footer.lengths.length)
  for (const frame of footer.frames) {
    writer.u8(frame.codec)
    writer.u32(frame.storedBytes)
    writer.u32(frame.rawBytes)
    writer.u32(frame.chunkCount)
  }
  for (const bytes of footer.lengths) writer.u32(bytes)
  writer.bytes(footer.digests)
  return writer.finish()
}

export function encodeTrailer(footer: Buffer): Buffer {
  const writer = new ByteWriter(trailerBytes)
  writer.u32(footer.length)
  writer.bytes(sha256(footer))
  writer.u16(formatVersion)
  writer.bytes(trailerMagic)
  return writer.finish()
}

/** Locates the footer of a pack of `packBytes` bytes. @param trailer the pack's last `trailerBytes` bytes. */
export function parseTrailer(
  trailer: Buffer,
  packBytes: number,
  subject: string,
): { offset: number; bytes: number; sha256: Buffer } {
  const reader = new ByteReader(trailer, subject)
  const bytes = reader.u32()
  const footerSha256 = reader.take(digestBytes)
  const version = reader.u16()
  if (!reader.take(trailerMagic.length).equals(trailerMagic))
    throw damaged(subject, 'its trailer has no magic: it is truncated, or not a pack')
  if (version !== formatVersion) throw unsupported(subject, version)
  const offset = packBytes - trailerBytes - bytes
  if (offset < headerBytes || bytes > maxFooterBytes)
    throw damaged(subject, `its trailer claims a footer of ${bytes} bytes`)
  return { offset, bytes, sha256: footerSha256 }
}

/**
 * @param source the expected owner: a footer of another source is refused.
 * @param framesEnd offset of the footer in the pack, if known: the frames must fill the pack up to there.
 */
export function parseFooter(bytes: Buffer, source: string, subject: string, framesEnd?: number): PackFooter {
  const reader = new ByteReader(bytes, subject)
  const owner = reader.take(reader.u8()).toString('latin1')
  if (owner !== source)
    throw damaged(subject, `it belongs to the source ${JSON.stringify(owner)}, not to ${source}`)
  const frameCount = reader.u32()
  const chunkCount = reader.u32()
  if (chunkCount > maxChunksPerPack || frameCount > chunkCount)
    throw reader.fail(`it claims ${frameCount} frames and ${chunkCount} chunks`)
  if (reader.remaining !== frameCount * 13 + chunkCount * (4 + digestBytes))
    throw reader.fail("its tables don't fill its bytes")
  const frames: Frame[] = []
  let offset = headerBytes
  let firstChunk = 0
  for (let index = 0; index < frameCount; index++) {
    const frame = {
      codec: reader.u8(),
      offset,
      storedBytes: reader.u32(),
      rawBytes: reader.u32(),
      firstChunk,
      chunkCount: reader.u32(),
    }
    if (frame.rawBytes > maxFrameRawBytes || frame.storedBytes > maxFrameRawBytes)
      throw reader.fail(`frame ${index} is over the limit`)
    if (frame.storedBytes === 0 || frame.rawBytes === 0) throw reader.fail(`frame ${index} is empty`)
    if (frame.codec === codec.raw ? frame.storedBytes !== frame.rawBytes : frame.codec !== codec.zstd)
      throw reader.fail(`frame ${index} has no valid codec`)
    frames.push(frame)
    offset += frame.storedBytes
    firstChunk += frame.chunkCount
  }
  if (firstChunk !== chunkCount) throw reader.fail("its frames don't hold its chunks")
  if (framesEnd !== undefined && offset !== framesEnd) throw reader.fail("its frames don't fill the pack")
  const lengths = new Uint32Array(chunkCount)
  for (let index = 0; index < chunkCount; index++) lengths[index] = reader.u32()
  for (const frame of frames) {
    let sum = 0
    for (let index = 0; index < frame.chunkCount; index++) sum += lengths[frame.firstChunk + index]!
    if (sum !== frame.rawBytes) throw reader.fail("the chunks of a frame don't add up to it")
  }
  return { source: owner, frames, lengths, digests: reader.take(chunkCount * digestBytes) }
}

export function unsupported(
  subject: string,
  version: number,
  readable: string = String(formatVersion),
): HoldfastError {
  return new HoldfastError(
    'unsupported-format',
    `${subject} has format version ${version}; this Holdfast reads version ${readable}`,
    {
      hint: 'use a newer Holdfast; the one that wrote it is in the bucket `holdfast-toolkit-…`',
      context: { version },
    },
  )
}
