// Reads a whole pack and finds the chunks that it doesn't hold as its footer says.
import { damaged } from '../../core/bytes.ts'
import { sha256, sha256Hex } from '../../core/digest.ts'
import { isHoldfastError } from '../../core/errors.ts'
import { decodeFrame, digestOf, openPack, releaseFrame } from '../../core/pack/pack.ts'
import type { PackFooter } from '../../core/pack/pack-footer.ts'
import { rereadDamaged } from '../../core/retry.ts'
import type { PackReference } from '../../core/snapshot/manifest.ts'
import type { ObjectStore } from '../../core/store/object-store.ts'
import { footerDigest } from './footer-digest.ts'
import type { ObjectRecord } from './object-record.ts'

export interface PackToRead {
  pack: PackReference
  source: string
  /** The pack's footer in the snapshot's index; null if the index lacks it. */
  indexed: PackFooter | null
}

/** Records the defects of the pack. @returns how many bytes were read. */
export async function readPack(
  store: ObjectStore,
  { pack, source, indexed }: PackToRead,
  record: ObjectRecord,
): Promise<number> {
  let body: Buffer = Buffer.alloc(0)
  let detail: string | null = null
  try {
    await rereadDamaged(async () => {
      body = Buffer.alloc(0)
      body = asBuffer(await store.getRange(pack, 0, pack.bytes))
      if (sha256Hex(body) !== pack.sha256) throw damaged(pack.key, 'it has other bytes than its hash says')
    })
  } catch (error) {
    if (!isHoldfastError(error, 'not-found', 'damaged', 'archived')) throw error
    if (body.length === 0) {
      const kind = error.code === 'not-found' ? 'lost' : error.code === 'archived' ? 'archived' : 'damaged'
      record.addDefect(kind, error.message)
      record.corruptChunks = 'all'
      return 0
    }
    detail = 'it has other bytes than its hash says'
  }
  record.isRead = true
  record.isHashed = true
  let footer = indexed
  try {
    const parsedFooter = openPack(body, source, pack.key)
    footer ??= parsedFooter
  } catch (error) {
    if (!isHoldfastError(error, 'damaged', 'unsupported-format')) throw error
    detail = error.message
  }
  record.footerSha256 = footer === null ? null : footerDigest(footer)
  const corruptChunks = footer === null ? 'all' : findCorruptChunks(body, footer, pack.key)
  // A hostile writer can give the correct hash of a pack that lacks the named chunks.
  if (corruptChunks !== 'all' && corruptChunks.size > 0) detail ??= "it doesn't hold the chunks that it names"
  if (detail !== null) {
    record.addDefect('damaged', detail)
    record.corruptChunks = corruptChunks
  }
  return body.length
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** The lost chunks of a damaged pack. The other chunks can still be restored. */
function findCorruptChunks(body: Buffer, footer: PackFooter, subject: string): Set<number> {
  const corruptChunks = new Set<number>()
  for (const frame of footer.frames) {
    let raw: Buffer | null = null
    try {
      raw = decodeFrame(frame, body.subarray(frame.offset, frame.offset + frame.storedBytes), subject)
    } catch (error) {
      if (!isHoldfastError(error, 'damaged')) throw error
    }
    let offset = 0
    for (let chunk = frame.firstChunk; chunk < frame.firstChunk + frame.chunkCount; chunk++) {
      const bytes = footer.lengths[chunk]!
      if (raw === null || !sha256(raw.subarray(offset, offset + bytes)).equals(digestOf(footer, chunk)))
        corruptChunks.add(chunk)
      offset += bytes
    }
    if (raw !== null) releaseFrame(frame, raw)
  }
  return corruptChunks
}
