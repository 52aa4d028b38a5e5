// Stores the chunk list of a large file in chunks of its own, with cuts that depend on the content: a change
// in a file of a tebibyte changes one list of some hundred kilobytes.
//
//   list := magic, u16 version, varint count, count x (SHA-256, varint bytes)
import { ByteReader, ByteWriter } from '../bytes.ts'
import { digestBytes, sha256 } from '../digest.ts'
import { maxContentLists } from '../limits.ts'
import { formatVersion, unsupported } from '../pack/pack-footer.ts'
import { readChunks, sumBytes, writeChunks } from './tree-entry.ts'
import type { Content } from './tree-entry.ts'

const magic = Buffer.from('HFLIST\0\n', 'latin1')
/** With at most this many chunks, the list stands in the entry itself. */
export const maxInlineChunks = 256
const maxListChunks = 4096

/** Returns the content for the entry. @param storeChunk is called with the bytes of each list. */
export function foldContent(
  chunks: { digests: Buffer; lengths: number[] },
  storeChunk: (digest: Buffer, bytes: Buffer) => void,
): Content {
  if (chunks.lengths.length <= maxInlineChunks)
    return { depth: 0, digests: chunks.digests, lengths: chunks.lengths }
  const digests: Buffer[] = []
  const lengths: number[] = []
  let first = 0
  // Without a minimum, the content of a file could choose so many cuts that its entry fits into no node.
  const minListChunks = Math.ceil(chunks.lengths.length / maxContentLists)
  for (let index = 0; index < chunks.lengths.length; index++) {
    const count = index + 1 - first
    const isCut =
      (count >= minListChunks && (chunks.digests.readUInt16LE(index * digestBytes) & 0x7ff) === 0) ||
      count === maxListChunks
    if (!isCut && index + 1 < chunks.lengths.length) continue
    const writer = new ByteWriter(16 + count * (digestBytes + 4))
    writer.bytes(magic)
    writer.u16(formatVersion)
    const lengthsOfList = chunks.lengths.slice(first, index + 1)
    writeChunks(writer, {
      digests: chunks.digests.subarray(first * digestBytes, (index + 1) * digestBytes),
      lengths: lengthsOfList,
    })
    const bytes = writer.finish()
    const digest = sha256(bytes)
    storeChunk(digest, bytes)
    digests.push(digest)
    lengths.push(bytes.length)
    first = index + 1
  }
  return { depth: 1, digests: Buffer.concat(digests), lengths }
}

/** @param bytes a chunk from `foldContent`, after its hash was checked. */
export function decodeContentList(
  bytes: Buffer,
  subject: string,
): { digests: Buffer; lengths: number[]; bytes: number } {
  const reader = new ByteReader(bytes, subject)
  if (!reader.take(magic.length).equals(magic)) throw reader.fail('it is not a list of chunks')
  const version = reader.u16()
  if (version !== formatVersion) throw unsupported(subject, version)
  const chunks = readChunks(reader)
  reader.expectEnd()
  return { ...chunks, bytes: sumBytes(chunks.lengths) }
}
