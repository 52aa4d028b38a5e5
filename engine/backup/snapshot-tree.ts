// Builds the tree of a snapshot. Its nodes, and the chunk lists of large files, go into packs of their own,
// unless a pack of an earlier snapshot has them.
import { sha256 } from '../../core/digest.ts'
import { findCut } from '../../core/pack/chunker.ts'
import { foldContent } from '../../core/tree/content-list.ts'
import { PackBuilder, assertSealed } from '../../core/pack/pack.ts'
import { comparePaths, sumBytes } from '../../core/tree/tree-entry.ts'
import type { TreeEntry } from '../../core/tree/tree-entry.ts'
import { sourceSize } from '../../core/tree/tree-size.ts'
import type { TreeSize } from '../../core/tree/tree-size.ts'
import type { TreeLimits } from '../../core/limits.ts'
import { TreeBuilder } from '../../core/tree/tree.ts'
import type { DedupIndex } from './dedup-index.ts'
import type { PackUploader } from './pack-uploader.ts'

export class SnapshotTree {
  private readonly source: string
  private readonly dedupIndex: DedupIndex
  private readonly uploader: PackUploader
  private readonly tree: TreeBuilder
  /** Stays at the small pack size, because nodes take few bytes and this is one more pack in memory. */
  private metadata: PackBuilder
  private lastPath: Buffer | null = null
  /** Entries that wait for the end, because they come in another order. Null if they come in order. */
  private readonly waitingEntries: TreeEntry[] | null
  private readonly size: TreeSize
  files = 0
  bytes = 0

  constructor({
    source,
    dedupIndex,
    uploader,
    isUnordered = false,
    limits,
  }: {
    source: string
    dedupIndex: DedupIndex
    uploader: PackUploader
    /** True: entries come in any order, and each takes some hundred bytes of memory until the end. */
    isUnordered?: boolean
    limits?: TreeLimits | undefined
  }) {
    this.waitingEntries = isUnordered ? [] : null
    this.size = sourceSize(source, limits)
    this.source = source
    this.dedupIndex = dedupIndex
    this.uploader = uploader
    this.metadata = new PackBuilder(source)
    this.tree = new TreeBuilder((digest, bytes) => this.storeChunk(digest, bytes))
  }

  get entries(): number {
    return this.size.entries
  }

  /**
   * Adds an entry. Entries come in the order of `comparePaths`, except to an unordered tree.
   * @throws `invalid-input` for a tree that no reader would take.
   */
  add(entry: TreeEntry): void {
    if (this.waitingEntries === null) this.addInOrder(entry)
    else this.waitingEntries.push(entry)
  }

  private addInOrder(entry: TreeEntry): void {
    if (this.lastPath !== null && comparePaths(this.lastPath, entry.path) >= 0)
      throw new Error('the walk left the order of the tree')
    this.lastPath = entry.path
    this.tree.add(entry)
    this.size.addEntry(entry.path.length)
    if (entry.type === 'file') {
      this.files++
      this.bytes += entry.size
    }
  }

  addFile(entry: TreeEntry, { digests, lengths }: { digests: Buffer; lengths: number[] }): void {
    if (entry.linkGroup > 0) this.size.addLinkGroup()
    this.size.addExtents(lengths.length)
    entry.size = sumBytes(lengths)
    entry.content = foldContent({ digests, lengths }, (digest, bytes) => this.storeChunk(digest, bytes))
    this.add(entry)
  }

  /** Adds a small file whose bytes are in memory. */
  addBytes(entry: TreeEntry, bytes: Buffer): void {
    const digests: Buffer[] = []
    const lengths: number[] = []
    for (let start = 0; start < bytes.length;) {
      const end = findCut(bytes, start, bytes.length)
      const chunk = bytes.subarray(start, end)
      const digest = sha256(chunk)
      this.storeChunk(digest, chunk)
      digests.push(digest)
      lengths.push(chunk.length)
      start = end
    }
    this.addFile(entry, { digests: Buffer.concat(digests), lengths })
  }

  /** Returns the hash of the root, after all nodes went to the uploader. */
  finish(): Buffer {
    this.waitingEntries?.sort((a, b) => comparePaths(a.path, b.path))
    for (const entry of this.waitingEntries ?? []) this.addInOrder(entry)
    const root = this.tree.finish()
    this.seal()
    return root
  }

  private storeChunk(digest: Buffer, bytes: Buffer): void {
    if (!this.dedupIndex.markUsed(digest)) return
    if (this.metadata.isFull) this.seal()
    this.metadata.add(digest, bytes)
  }

  /** Seals the current pack; the next nodes go into another one. */
  private seal(): void {
    if (this.metadata.isEmpty) return
    const pack = this.metadata.seal()
    assertSealed(pack, this.source)
    this.uploader.add(pack)
    this.metadata = new PackBuilder(this.source)
  }
}
