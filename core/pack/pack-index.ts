// The footers of many packs in a few chunks, so that a restore finds every chunk without a request per pack.
//
//   index := magic, u16 version, varint count, count x (SHA-256 of the pack, varint bytes, footer)
import { ByteReader, ByteWriter } from '../bytes.ts'
import { digestBytes } from '../digest.ts'
import { maxFooterBytes } from '../limits.ts'
import { formatVersion, unsupported } from './pack-footer.ts'

const magic = Buffer.from('HFINDEX\n', 'latin1')
/**
 * An index chunk is closed when it reaches this size, so that it still fits into a frame with one more
 * footer.
 */
const targetBytes = 2 * 1024 * 1024
/** Index chunks below this size are merged when there are too many. */
const smallBytes = 512 * 1024
const maxSmallChunks = 8

export interface IndexedPack {
  sha256: string
  footerBytes: number
}

/** A chunk of the index, and the packs whose footers it holds. */
export interface IndexChunk {
  sha256: string
  packs: IndexedPack[]
}

export function encodeIndex(packs: readonly { sha256: string; footer: Buffer }[]): Buffer {
  const writer = new ByteWriter(packs.reduce((sum, { footer }) => sum + digestBytes + 8 + footer.length, 64))
  writer.bytes(magic)
  writer.u16(formatVersion)
  writer.varint(packs.length)
  for (const pack of packs) {
    writer.bytes(Buffer.from(pack.sha256, 'hex'))
    writer.varint(pack.footer.length)
    writer.bytes(pack.footer)
  }
  return writer.finish()
}

export function decodeIndex(bytes: Buffer, subject: string): { sha256: string; footer: Buffer }[] {
  const reader = new ByteReader(bytes, subject)
  if (!reader.take(magic.length).equals(magic)) throw reader.fail('it is not an index')
  const version = reader.u16()
  if (version !== formatVersion) throw unsupported(subject, version)
  const count = reader.count(digestBytes + 1)
  const packs: { sha256: string; footer: Buffer }[] = []
  for (let index = 0; index < count; index++) {
    const sha256 = reader.take(digestBytes).toString('hex')
    packs.push({ sha256, footer: reader.take(reader.varint(maxFooterBytes)) })
  }
  reader.expectEnd()
  return packs
}

/**
 * Plans the next snapshot's index: the chunks of the last index that it keeps, and the packs whose footers go
 * into new chunks. A chunk is kept while at least half of it is needed; small chunks are merged when there
 * are more than a few.
 */
export function planIndex(
  neededPacks: readonly IndexedPack[],
  old: readonly IndexChunk[],
): { keep: IndexChunk[]; write: IndexedPack[][] } {
  const isNeeded = new Set(neededPacks.map((pack) => pack.sha256))
  let keep = old.filter((chunk) => {
    const totalBytes = bytesOf(chunk.packs)
    return (
      totalBytes > 0 && bytesOf(chunk.packs.filter((pack) => isNeeded.has(pack.sha256))) * 2 >= totalBytes
    )
  })
  const small = keep.filter((chunk) => bytesOf(chunk.packs) < smallBytes)
  if (small.length > maxSmallChunks) keep = keep.filter((chunk) => !small.includes(chunk))
  const covered = new Set(keep.flatMap((chunk) => chunk.packs.map((pack) => pack.sha256)))
  const write: IndexedPack[][] = []
  let openBytes = targetBytes
  for (const pack of neededPacks) {
    if (covered.has(pack.sha256)) continue
    covered.add(pack.sha256)
    if (openBytes >= targetBytes) {
      write.push([])
      openBytes = 0
    }
    write.at(-1)!.push(pack)
    openBytes += pack.footerBytes
  }
  return { keep, write }
}

function bytesOf(packs: readonly IndexedPack[]): number {
  return packs.reduce((sum, pack) => sum + pack.footerBytes, 0)
}
