// Reads a snapshot's chunks from its packs: locates them, fetches them in few requests, and checks each
// against its hash.
import { damaged } from '../bytes.ts'
import { sha256, sha256Hex } from '../digest.ts'
import { isHoldfastError } from '../errors.ts'
import { FooterIndex } from '../pack/footer-index.ts'
import type { Manifest, PackReference } from '../snapshot/manifest.ts'
import type { ObjectRef, ObjectStore } from '../store/object-store.ts'
import { chunksOfFrame, decodeFrame, digestOf } from '../pack/pack.ts'
import { parseFooter, parseTrailer, trailerBytes } from '../pack/pack-footer.ts'
import type { Frame, PackFooter } from '../pack/pack-footer.ts'
import { decodeIndex } from '../pack/pack-index.ts'
import { coalesce } from './ranges.ts'
import { rereadDamaged } from '../retry.ts'
import type { ChunkSource } from '../tree/tree.ts'

/** Limits of the requests: how many at once, and the size of each. */
const maxConcurrentRequests = 8
const maxRequestBytes = 16 * 1024 * 1024
/** Limits the decoded frames of one `read`, because small chunks may lie in large frames. */
const maxReadBytes = 128 * 1024 * 1024

export interface ChunkAddress {
  /** Number of the pack in the manifest. */
  pack: number
  /** Number of the chunk in the pack's footer. */
  chunk: number
}

/** The footers of a snapshot's packs: a planned restore needs no more to locate its chunks. */
export interface PackContents {
  readonly manifest: Manifest
  /** In the manifest's order; null if the pack's footer could not be read. */
  readonly footers: readonly (PackFooter | null)[]
}

export class ChunkReader implements ChunkSource, PackContents {
  private readonly store: ObjectStore
  readonly manifest: Manifest
  readonly footers: (PackFooter | null)[]
  private index = new FooterIndex([])
  /** The parts of the index, and the footers of packs, that could not be read. */
  readonly problems: { key: string; versionId: string; detail: string }[] = []

  private constructor(store: ObjectStore, manifest: Manifest) {
    this.store = store
    this.manifest = manifest
    this.footers = manifest.packs.map(() => null)
  }

  /**
   * Reads the index, and the footers of packs that the index doesn't cover. A lost pack becomes a problem.
   */
  static async open(store: ObjectStore, manifest: Manifest): Promise<ChunkReader> {
    const reader = new ChunkReader(store, manifest)
    const packNumbers = new Map(manifest.packs.map((pack, number) => [pack.sha256, number]))
    await forEachConcurrently(manifest.index, maxConcurrentRequests, async (location) => {
      const pack = manifest.packs[location.pack]!
      try {
        const subject = `the index in ${pack.key}`
        const raw = await rereadDamaged(async () => {
          const stored = await store.getRange(pack, location.offset, location.storedBytes)
          const bytes = decodeFrame({ ...location, firstChunk: 0, chunkCount: 1 }, stored, subject)
          if (sha256Hex(bytes) !== location.sha256)
            throw damaged(subject, 'it has other bytes than its hash says')
          return bytes
        })
        for (const { sha256, footer } of decodeIndex(raw, subject)) {
          const number = packNumbers.get(sha256)
          if (number !== undefined) reader.addFooter(number, parseFooter(footer, manifest.source, subject))
        }
      } catch (error) {
        reader.noteProblem(pack, error)
      }
    })
    // Packs of the index contain no other chunks.
    const indexPacks = new Set(manifest.index.map(({ pack }) => pack))
    const unindexed = manifest.packs
      .map((pack, number) => ({ pack, number }))
      .filter(({ number }) => reader.footers[number] === null && !indexPacks.has(number))
    await forEachConcurrently(unindexed, maxConcurrentRequests, async ({ pack, number }) => {
      try {
        reader.addFooter(number, await rereadDamaged(() => readFooter(store, pack, manifest.source)))
      } catch (error) {
        reader.noteProblem(pack, error)
      }
    })
    reader.index = new FooterIndex(reader.footers)
    return reader
  }

  private addFooter(pack: number, footer: PackFooter): void {
    if (this.footers[pack] !== null) return
    const bytes = this.manifest.packs[pack]!.bytes
    const last = footer.frames.at(-1)
    if (last !== undefined && last.offset + last.storedBytes > bytes)
      throw damaged(this.manifest.packs[pack]!.key, "its footer names bytes that it doesn't have")
    this.footers[pack] = footer
  }

  private noteProblem(pack: PackReference, error: unknown): void {
    if (!isHoldfastError(error, 'damaged', 'not-found', 'unsupported-format')) throw error
    this.problems.push({ key: pack.key, versionId: pack.versionId, detail: error.message })
  }

  /** Null if none of the snapshot's packs holds the chunk. @param digest 32 bytes at `offset`. */
  locate(digest: Uint8Array, offset = 0): ChunkAddress | null {
    return this.index.find(digest, offset)
  }

  /**
   * Returns the chunks with these hashes, in the same order.
   * @throws `damaged` if a chunk is lost or has other bytes.
   */
  async read(digests: readonly Buffer[]): Promise<Buffer[]> {
    const results = new Map<string, Buffer>()
    const byPack = new Map<number, Map<number, Frame>>()
    for (const digest of digests) {
      const at = this.locate(digest)
      if (at === null)
        throw damaged(`the snapshot ${this.manifest.id}`, `no pack holds its chunk ${digest.toString('hex')}`)
      const frames = byPack.get(at.pack) ?? new Map<number, Frame>()
      const frame = frameOf(this.footers[at.pack]!, at.chunk)
      byPack.set(at.pack, frames.set(frame.offset, frame))
    }
    let rawBytes = 0
    for (const frames of byPack.values()) for (const frame of frames.values()) rawBytes += frame.rawBytes
    if (rawBytes > maxReadBytes)
      throw damaged(`the snapshot ${this.manifest.id}`, `${rawBytes} bytes would be needed at once`)
    const requestedNames = new Set(digests.map((digest) => digest.toString('latin1')))
    const requests = [...byPack].flatMap(([pack, frames]) => {
      const ranges = [...frames.values()].map((frame) => ({
        offset: frame.offset,
        bytes: frame.storedBytes,
        frame,
      }))
      return coalesce(ranges, maxRequestBytes).map((range) => ({ pack, range }))
    })
    await forEachConcurrently(requests, maxConcurrentRequests, ({ pack, range }) =>
      rereadDamaged(async () => {
        const reference = this.manifest.packs[pack]!
        const footer = this.footers[pack]!
        const bytes = await this.store
          .getRange(reference, range.offset, range.bytes)
          .catch((error: unknown) => {
            // For the caller, a missing pack is damage, because the snapshot exists.
            throw isHoldfastError(error, 'not-found') ? damaged(reference.key, 'it is missing', error) : error
          })
        for (const { frame } of range.parts) {
          const stored = bytes.subarray(
            frame.offset - range.offset,
            frame.offset - range.offset + frame.storedBytes,
          )
          const raw = decodeFrame(frame, stored, reference.key)
          for (const { index, bytes: chunk } of chunksOfFrame(footer, frame, raw, reference.key)) {
            const name = digestOf(footer, index).toString('latin1')
            if (requestedNames.has(name)) results.set(name, chunk)
          }
        }
      }),
    )
    return digests.map((digest) => results.get(digest.toString('latin1'))!)
  }
}

/** Reads the footer of one pack, from the end of the pack. */
export async function readFooter(
  store: ObjectStore,
  pack: PackReference,
  source: string,
): Promise<PackFooter> {
  if (pack.bytes < trailerBytes) throw damaged(pack.key, 'it is shorter than a trailer')
  const guessBytes = Math.min(pack.bytes, 64 * 1024)
  let tail = Buffer.from(await readAll(store, pack, pack.bytes - guessBytes, guessBytes))
  const at = parseTrailer(tail.subarray(tail.length - trailerBytes), pack.bytes, pack.key)
  const tailOffset = pack.bytes - guessBytes
  if (at.offset < tailOffset) {
    tail = Buffer.concat([await readAll(store, pack, at.offset, tailOffset - at.offset), tail])
  }
  const start = tail.length - trailerBytes - at.bytes
  const footer = tail.subarray(start, start + at.bytes)
  if (!sha256(footer).equals(at.sha256))
    throw damaged(pack.key, 'its footer has other bytes than its trailer says')
  return parseFooter(footer, source, pack.key, at.offset)
}

async function readAll(
  store: ObjectStore,
  ref: ObjectRef,
  offset: number,
  bytes: number,
): Promise<Uint8Array> {
  return bytes === 0 ? new Uint8Array(0) : await store.getRange(ref, offset, bytes)
}

/** Returns the frame that contains chunk number `chunk`. */
export function frameOf(footer: PackFooter, chunk: number): Frame {
  let low = 0
  let high = footer.frames.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (footer.frames[middle]!.firstChunk <= chunk) low = middle
    else high = middle - 1
  }
  return footer.frames[low]!
}

/**
 * Runs `work` for each item, at most `limit` at once. After the first failure no further item begins, and the
 * failure is thrown.
 */
export async function forEachConcurrently<Item>(
  items: readonly Item[],
  limit: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  let next = 0
  let failed = false
  const runners = Array.from({ length: Math.min(limit, items.length) }, async () => {
    while (next < items.length && !failed) {
      try {
        await work(items[next++]!)
      } catch (error) {
        failed = true
        throw error
      }
    }
  })
  await Promise.all(runners)
}
