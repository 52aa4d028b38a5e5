// Reads a snapshot's chunks out of its packs: where they lie, in few requests, each checked against its hash.
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

/** How many requests are under way at once, and how large each may become. */
const maxConcurrentRequests = 8
const maxRequestBytes = 16 * 1024 * 1024
/** Of decoded frames that one `read` may need: chunks that claim to be small may lie in frames that aren't. */
const maxReadBytes = 128 * 1024 * 1024

export interface ChunkAddress {
  /** Index into the manifest's packs. */
  pack: number
  /** Index of the chunk in the pack's footer. */
  chunk: number
}

/** What a snapshot's packs hold: all that is needed of them to bring back what was planned. */
export interface PackContents {
  readonly manifest: Manifest
  /** By the manifest's order; null where nothing is known of the pack. */
  readonly footers: readonly (PackFooter | null)[]
}

export class ChunkReader implements ChunkSource, PackContents {
  private readonly store: ObjectStore
  readonly manifest: Manifest
  readonly footers: (PackFooter | null)[]
  private index = new FooterIndex([])
  /** What could not be read of the index, and of which packs nothing is known therefore. */
  readonly problems: { key: string; versionId: string; detail: string }[] = []

  private constructor(store: ObjectStore, manifest: Manifest) {
    this.store = store
    this.manifest = manifest
    this.footers = manifest.packs.map(() => null)
  }

  /** Reads the index, and the footer of each pack that the index leaves out. A pack that is lost becomes a problem. */
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
    // A pack that holds a part of the index holds nothing else.
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

  /** Null if no pack that the snapshot names holds the chunk. @param digest 32 bytes at `offset`. */
  locate(digest: Uint8Array, offset = 0): ChunkAddress | null {
    return this.index.find(digest, offset)
  }

  /** The chunks with these hashes, in their order. @throws `damaged` if one is lost or has other bytes. */
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
            // To who asked for a chunk, a pack that is gone is damage: the snapshot was there.
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

/** The footer of one pack, from its end. */
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

/** The frame that holds chunk number `chunk`. */
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

/** Runs `work` for each item, at most `limit` at once; the first failure stops the rest and is thrown. */
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
