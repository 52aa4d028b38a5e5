// Reads a snapshot's chunks from its packs: locates them, fetches them in few requests, and checks each
// against its hash.
import { damaged } from '../bytes.ts'
import { sha256, sha256Hex } from '../digest.ts'
import { isHoldfastError, objectFailures } from '../errors.ts'
import { FooterIndex } from '../pack/footer-index.ts'
import type { ChunkLocation, Manifest, PackReference } from '../snapshot/manifest.ts'
import type { ObjectRef, ObjectStore } from '../store/object-store.ts'
import { decodeFrame } from '../pack/pack.ts'
import { parseFooter, parseTrailer, trailerBytes } from '../pack/pack-footer.ts'
import type { PackFooter } from '../pack/pack-footer.ts'
import { decodeIndex } from '../pack/pack-index.ts'
import { fetchChunks, forEachConcurrently, maxConcurrentRequests } from './chunk-fetch.ts'
import type { LocatedChunk } from './chunk-fetch.ts'
import { rereadDamaged } from '../retry.ts'
import type { ChunkSource } from '../tree/tree.ts'

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
        for (const { sha256, footer } of await readIndexPart(store, manifest, location)) {
          const number = packNumbers.get(sha256)
          if (number !== undefined) reader.addFooter(number, footer())
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
    if (!isHoldfastError(error, ...objectFailures)) throw error
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
  read(digests: readonly Buffer[]): Promise<Buffer[]> {
    const locate = (digest: Buffer): LocatedChunk | null => {
      const at = this.locate(digest)
      if (at === null) return null
      return { pack: this.manifest.packs[at.pack]!, footer: this.footers[at.pack]!, chunk: at.chunk }
    }
    return fetchChunks(this.store, digests, locate, `the snapshot ${this.manifest.id}`)
  }
}

/** A pack's footer in an index: it is decoded when it is needed. */
interface IndexedFooter {
  /** The pack's. */
  sha256: string
  /** @throws `damaged` */
  footer: () => PackFooter
}

/** Reads one part of a snapshot's index. @throws `damaged`, or as the store. */
export async function readIndexPart(
  store: ObjectStore,
  manifest: Manifest,
  location: ChunkLocation,
): Promise<IndexedFooter[]> {
  const pack = manifest.packs[location.pack]!
  const subject = `the index in ${pack.key}`
  const raw = await rereadDamaged(async () => {
    const stored = await store.getRange(pack, location.offset, location.storedBytes)
    const bytes = decodeFrame({ ...location, firstChunk: 0, chunkCount: 1 }, stored, subject)
    if (sha256Hex(bytes) !== location.sha256) throw damaged(subject, 'it has other bytes than its hash says')
    return bytes
  })
  return decodeIndex(raw, subject).map(({ sha256: packSha256, footer }) => ({
    sha256: packSha256,
    footer: () => parseFooter(footer, manifest.source, subject),
  }))
}

/** Reads the footer of one pack, from the end of the pack. */
export async function readFooter(
  store: Pick<ObjectStore, 'getRange'>,
  pack: PackReference,
  source: string,
): Promise<PackFooter> {
  return (await readTail(store, pack, source, 64 * 1024)).footer
}

/** The end of a pack, and the footer in it. */
interface PackTail {
  footer: PackFooter
  offset: number
  bytes: Buffer
}

/** Reads at least the last `minBytes` of a pack, and its whole footer. @throws `damaged`, or as the store. */
export async function readTail(
  store: Pick<ObjectStore, 'getRange'>,
  pack: PackReference,
  source: string,
  minBytes: number,
): Promise<PackTail> {
  if (pack.bytes < trailerBytes) throw damaged(pack.key, 'it is shorter than a trailer')
  const guessBytes = Math.min(pack.bytes, minBytes)
  let tail = Buffer.from(await readAll(store, pack, pack.bytes - guessBytes, guessBytes))
  const at = parseTrailer(tail.subarray(tail.length - trailerBytes), pack.bytes, pack.key)
  let tailOffset = pack.bytes - guessBytes
  if (at.offset < tailOffset) {
    tail = Buffer.concat([await readAll(store, pack, at.offset, tailOffset - at.offset), tail])
    tailOffset = at.offset
  }
  const start = tail.length - trailerBytes - at.bytes
  const footer = tail.subarray(start, start + at.bytes)
  if (!sha256(footer).equals(at.sha256))
    throw damaged(pack.key, 'its footer has other bytes than its trailer says')
  return { footer: parseFooter(footer, source, pack.key, at.offset), offset: tailOffset, bytes: tail }
}

async function readAll(
  store: Pick<ObjectStore, 'getRange'>,
  ref: ObjectRef,
  offset: number,
  bytes: number,
): Promise<Uint8Array> {
  return bytes === 0 ? new Uint8Array(0) : await store.getRange(ref, offset, bytes)
}
