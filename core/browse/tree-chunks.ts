// Finds the nodes of trees without the index of all chunks: a listing of one directory needs a few of them, and the
// index of a million files takes tens of megabytes. Overview:
//
//   read(digests):
//     the newest pack of the snapshot: its end has the root, because a backup packs the nodes last
//     then the parts of the index, the small ones first, because the packs of nodes have an index of their own
//     then the footers of packs that no part covers
//
// Each step only guesses where a chunk lies, and a wrong guess costs requests alone, because every chunk is checked by
// its hash. What was found serves the next snapshots of the source too: most of their nodes are the same.
import { damaged } from '../bytes.ts'
import { digestBytes } from '../digest.ts'
import { isHoldfastError, objectFailures } from '../errors.ts'
import { maxChunksPerPack } from '../limits.ts'
import { ChunkIndex } from '../pack/chunk-index.ts'
import type { PackFooter } from '../pack/pack-footer.ts'
import { fetchChunks, forEachConcurrently, maxConcurrentRequests } from '../restore-plan/chunk-fetch.ts'
import type { LocatedChunk } from '../restore-plan/chunk-fetch.ts'
import { ChunkReader, readFooter, readIndexPart, readTail } from '../restore-plan/chunk-reader.ts'
import { rereadDamaged } from '../retry.ts'
import type { ChunkLocation, Manifest, PackReference } from '../snapshot/manifest.ts'
import type { ObjectStore } from '../store/object-store.ts'
import { parsePackKey } from '../store/vault-keys.ts'
import type { ChunkSource } from '../tree/tree.ts'
import { NodeCache } from './node-cache.ts'
import { PackTails } from './pack-tails.ts'

/** Takes the root, the inner nodes above a million files, and the footer of their pack. */
const tailBytes = 256 * 1024
/** Parts of the index that are read at once, before the others. */
const firstPartsBytes = 512 * 1024

export class TreeChunks {
  private readonly store: ObjectStore
  private readonly tails: PackTails
  private readonly cache = new NodeCache()
  /** Maps a digest to `pack * maxChunksPerPack + chunk`. */
  private readonly index = new ChunkIndex()
  private readonly packs: Omit<LocatedChunk, 'chunk'>[] = []
  /** SHA-256 of the packs in `packs`, and of the packs and parts that can't be read. */
  private readonly seen = new Set<string>()
  private readonly underWay = new Map<string, Promise<void>>()

  constructor(store: ObjectStore) {
    this.store = store
    this.tails = new PackTails(store)
  }

  /** The nodes of one snapshot. All snapshots of one `TreeChunks` are of one source. */
  of(manifest: Manifest): ChunkSource {
    return { read: (digests) => this.read(manifest, digests) }
  }

  /** Fetches the root before a `read` needs it. */
  async prefetchRoot(manifest: Manifest): Promise<void> {
    if (this.lookup(Buffer.from(manifest.tree.root, 'hex')) === null) await this.addNewestPack(manifest)
  }

  private async read(manifest: Manifest, digests: readonly Buffer[]): Promise<Buffer[]> {
    const missing = digests.filter((digest) => !this.cache.has(digest))
    if (missing.length > 0) {
      const nodes = await this.fetch(manifest, missing)
      for (const [index, digest] of missing.entries()) this.cache.set(digest, nodes[index]!)
      if (missing.length === digests.length) return nodes
    }
    const cached = digests.map((digest) => this.cache.get(digest))
    // One read may be larger than the cache.
    return cached.every((bytes) => bytes !== undefined) ? cached : await this.fetch(manifest, digests)
  }

  private async fetch(manifest: Manifest, digests: readonly Buffer[]): Promise<Buffer[]> {
    await this.locateAll(manifest, digests)
    try {
      const subject = `the snapshot ${manifest.id}`
      return await fetchChunks(this.tails, digests, (digest) => this.lookup(digest), subject)
    } catch (error) {
      if (!isHoldfastError(error, 'damaged')) throw error
      // Another snapshot's pack may be lost, and the snapshot's own packs be whole.
      return await (await ChunkReader.open(this.store, manifest)).read(digests)
    }
  }

  private lookup(digest: Buffer): LocatedChunk | null {
    const value = this.index.find(digest)
    if (value === -1) return null
    return { ...this.packs[Math.floor(value / maxChunksPerPack)]!, chunk: value % maxChunksPerPack }
  }

  private async locateAll(manifest: Manifest, digests: readonly Buffer[]): Promise<void> {
    const isMissing = (): boolean => digests.some((digest) => this.index.find(digest) === -1)
    if (isMissing()) await this.addNewestPack(manifest)
    if (isMissing()) {
      const parts = manifest.index.filter(({ sha256 }) => !this.seen.has(sha256))
      parts.sort((a, b) => a.rawBytes - b.rawBytes)
      let bytes = 0
      const first = parts.filter(
        ({ rawBytes }, index) => (bytes += rawBytes) <= firstPartsBytes || index === 0,
      )
      await this.addParts(manifest, first)
      if (isMissing()) await this.addParts(manifest, parts.slice(first.length))
    }
    if (isMissing()) await this.addFooters(manifest)
  }

  /** Snapshots that are read at once may have the same newest pack. */
  private async addNewestPack(manifest: Manifest): Promise<void> {
    const newest = newestContentPack(manifest)
    if (newest === null || this.seen.has(newest.sha256)) return
    let adding = this.underWay.get(newest.sha256)
    if (adding === undefined) {
      adding = this.tolerate(newest.sha256, async () => {
        const tail = await rereadDamaged(() => readTail(this.store, newest, manifest.source, tailBytes))
        this.tails.keep(newest, tail)
        this.add(newest, tail.footer)
      }).finally(() => this.underWay.delete(newest.sha256))
      this.underWay.set(newest.sha256, adding)
    }
    await adding
  }

  private async addParts(manifest: Manifest, parts: readonly ChunkLocation[]): Promise<void> {
    const packs = new Map(manifest.packs.map((pack) => [pack.sha256, pack]))
    await forEachConcurrently(parts, maxConcurrentRequests, (location) =>
      this.tolerate(location.sha256, async () => {
        for (const { sha256, footer } of await readIndexPart(this.store, manifest, location)) {
          const pack = packs.get(sha256)
          if (pack !== undefined && !this.seen.has(sha256)) this.add(pack, footer())
        }
      }),
    )
  }

  private async addFooters(manifest: Manifest): Promise<void> {
    const indexPacks = new Set(manifest.index.map(({ pack }) => pack))
    const packs = manifest.packs.filter(
      ({ sha256 }, number) => !this.seen.has(sha256) && !indexPacks.has(number),
    )
    await forEachConcurrently(packs, maxConcurrentRequests, (pack) =>
      this.tolerate(pack.sha256, async () =>
        this.add(pack, await rereadDamaged(() => readFooter(this.store, pack, manifest.source))),
      ),
    )
  }

  /** Tries nothing twice: the chunks of an unreadable object may lie elsewhere too. */
  private async tolerate(sha256: string, add: () => Promise<void>): Promise<void> {
    try {
      await add()
    } catch (error) {
      if (!isHoldfastError(error, ...objectFailures)) throw error
    }
    this.seen.add(sha256)
  }

  private add(pack: PackReference, footer: PackFooter): void {
    const last = footer.frames.at(-1)
    if (last !== undefined && last.offset + last.storedBytes > pack.bytes)
      throw damaged(pack.key, "its footer names bytes that it doesn't have")
    this.seen.add(pack.sha256)
    const first = this.packs.length * maxChunksPerPack
    this.packs.push({ pack, footer })
    for (let chunk = 0; chunk < footer.lengths.length; chunk++)
      this.index.set(footer.digests, chunk * digestBytes, first + chunk)
  }
}

/** Writers make the ULIDs of the keys, so that the order is a guess. */
function newestContentPack({ packs, index }: Manifest): PackReference | null {
  const indexPacks = new Set(index.map(({ pack }) => pack))
  let newest: { pack: PackReference; ulid: string } | null = null
  for (const [number, pack] of packs.entries()) {
    if (indexPacks.has(number)) continue
    const { ulid } = parsePackKey(pack.key)!
    if (newest === null || ulid > newest.ulid) newest = { pack, ulid }
  }
  return newest?.pack ?? null
}
