// Builds the tree of a snapshot. Its nodes, and the chunk lists of large files, go into packs of their own,
// unless a pack of an earlier snapshot has them.
import { foldContent } from '../../core/tree/content-list.ts'
import { PackBuilder, assertSealed } from '../../core/pack/pack.ts'
import { comparePaths, sumBytes } from '../../core/tree/tree-entry.ts'
import type { TreeEntry } from '../../core/tree/tree-entry.ts'
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
  entries = 0
  files = 0
  bytes = 0

  constructor({
    source,
    dedupIndex,
    uploader,
  }: {
    source: string
    dedupIndex: DedupIndex
    uploader: PackUploader
  }) {
    this.source = source
    this.dedupIndex = dedupIndex
    this.uploader = uploader
    this.metadata = new PackBuilder(source)
    this.tree = new TreeBuilder((digest, bytes) => this.storeChunk(digest, bytes))
  }

  /** Adds an entry. Entries come in the order of `comparePaths`. */
  add(entry: TreeEntry): void {
    if (this.lastPath !== null && comparePaths(this.lastPath, entry.path) >= 0)
      throw new Error('the walk left the order of the tree')
    this.lastPath = entry.path
    this.tree.add(entry)
    this.entries++
    if (entry.type === 'file') {
      this.files++
      this.bytes += entry.size
    }
  }

  addFile(entry: TreeEntry, { digests, lengths }: { digests: Buffer; lengths: number[] }): void {
    entry.size = sumBytes(lengths)
    entry.content = foldContent({ digests, lengths }, (digest, bytes) => this.storeChunk(digest, bytes))
    this.add(entry)
  }

  /** Returns the hash of the root, after all nodes went to the uploader. */
  finish(): Buffer {
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
