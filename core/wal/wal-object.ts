// The container of every object below `wal/`:
//
//   object := magic, u16 version, u32 bytes of the header, SHA-256 of the header, header, body
//
// The header is JSON of at most `maxWalHeaderBytes` bytes with its fields in one order and without spaces, so that it
// has one form only. The body is one zstd frame, or nothing. A reader that needs the header alone fetches the first
// `walHeadBytes` bytes.
import { constants, zstdCompress, zstdDecompress } from 'node:zlib'
import type { z } from 'zod'
import { ByteReader, ByteWriter } from '../bytes.ts'
import { digestBytes, sha256 } from '../digest.ts'
import { HoldfastError } from '../errors.ts'
import { maxWalHeaderBytes } from '../limits.ts'
import { unsupported, zstdLimits } from '../pack/pack-footer.ts'
import { pathText } from '../tree/path-text.ts'

const magic = Buffer.from('HOLDFAST WAL\n', 'latin1')
const walVersion = 1
const fixedBytes = magic.length + 2 + 4 + digestBytes
/** The first bytes of an object, which hold its header. */
export const walHeadBytes = fixedBytes + maxWalHeaderBytes

/** WAL compresses well at the fastest level; the others take several times as long for a few per cent. */
const zstdParameters = { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 }

/** @param header with its fields in the order of the schema. @param frame of `compressWal`. */
export function encodeWalObject(header: object, frame: Uint8Array): Buffer {
  const json = Buffer.from(JSON.stringify(header))
  if (json.length > maxWalHeaderBytes)
    throw new HoldfastError('internal', `the header of a WAL part takes ${json.length} bytes`)
  const writer = new ByteWriter(fixedBytes + json.length)
  writer.bytes(magic)
  writer.u16(walVersion)
  writer.u32(json.length)
  writer.bytes(sha256(json))
  writer.bytes(json)
  return Buffer.concat([writer.finish(), frame])
}

export interface WalHead<Header> {
  header: Header
  /** Where the body begins in the object. */
  bodyOffset: number
}

/**
 * @param head the first `walHeadBytes` bytes of the object, or all of it.
 * @throws `damaged`, or `unsupported-format` for a version that this code doesn't read.
 */
export function decodeWalHead<Header>(
  head: Uint8Array,
  schema: z.ZodType<Header>,
  subject: string,
): WalHead<Header> {
  const reader = new ByteReader(Buffer.from(head.buffer, head.byteOffset, head.byteLength), subject)
  if (reader.remaining < fixedBytes) throw walDamaged(subject, `it has ${head.length} bytes`)
  if (!reader.take(magic.length).equals(magic)) throw walDamaged(subject, "it doesn't begin as WAL")
  const version = reader.u16()
  if (version !== walVersion) throw unsupported(subject, version, String(walVersion))
  const jsonBytes = reader.u32()
  const digest = reader.take(digestBytes)
  if (jsonBytes > Math.min(maxWalHeaderBytes, reader.remaining))
    throw walDamaged(subject, `its header claims ${jsonBytes} bytes`)
  const json = reader.take(jsonBytes)
  if (!sha256(json).equals(digest)) throw walDamaged(subject, 'its header has other bytes than its hash says')
  let value: unknown
  try {
    value = JSON.parse(json.toString())
  } catch (error) {
    throw walDamaged(subject, 'its header is not JSON', error)
  }
  const parsed = schema.safeParse(value)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    // The message may contain a key that an attacker chose.
    const detail = `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'it has another shape'}`
    throw walDamaged(subject, pathText(Buffer.from(detail)).slice(0, 200))
  }
  if (JSON.stringify(parsed.data) !== json.toString())
    throw walDamaged(subject, 'its header is not written in the one form that it has')
  return { header: parsed.data, bodyOffset: reader.position }
}

/** @param rawBytes the length that the header gives; nothing longer is decoded. */
export async function decodeWalBody(body: Uint8Array, rawBytes: number, subject: string): Promise<Buffer> {
  if (rawBytes === 0) {
    if (body.length > 0) throw walDamaged(subject, 'bytes follow its header')
    return Buffer.alloc(0)
  }
  try {
    return await decompress(body, rawBytes)
  } catch (error) {
    throw walDamaged(subject, "it doesn't decode", error)
  }
}

/** In a thread of Node's pool, because a segment takes long enough to delay other requests. */
export function compressWal(bytes: Uint8Array): Promise<Buffer> {
  if (bytes.length === 0) return Promise.resolve(Buffer.alloc(0))
  return new Promise((resolve, reject) => {
    zstdCompress(bytes, { params: zstdParameters }, (error, frame) =>
      error === null ? resolve(frame) : reject(error),
    )
  })
}

function decompress(frame: Uint8Array, maxOutputLength: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    zstdDecompress(frame, { maxOutputLength, params: zstdLimits }, (error, bytes) =>
      error === null ? resolve(bytes) : reject(error),
    )
  })
}

/** @param subject names the object in the message. */
export function walDamaged(subject: string, detail: string, cause?: unknown): HoldfastError {
  return new HoldfastError('damaged', `${subject} is damaged: ${detail}`, {
    hint: 'WAL before it, and every base backup, are not affected; times that need it can no longer be reached',
    cause,
  })
}
