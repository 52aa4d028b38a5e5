// Divides the files of a snapshot among the shards of a restore: by bytes, and such that few shards fetch from the
// same pack. A file belongs to its home: the pack that holds its first chunk. All files with the same home belong to
// the same shard. A large file, with chunk lists of its own, is its own home.
import { selectionSize } from '../tree/tree-size.ts'
import type { TreeLimits } from '../limits.ts'
import type { PathSelection } from '../tree/path-selection.ts'
import { isAtOrBelow, readTree, selectPaths } from '../tree/tree.ts'
import type { LostPart } from '../tree/tree.ts'
import type { TreeEntry } from '../tree/tree-entry.ts'
import type { ChunkReader } from './chunk-reader.ts'
import { divideUnits } from './shards.ts'
import type { Shard } from './shards.ts'

/** An empty file takes time too: as much as a block. */
const bytesOfEntry = 4096

/**
 * Finds the home of each entry of a tree, in its order. Entries without content belong to the home of the file before
 * them; further names of a file, to the file's.
 */
class Homes {
  private readonly reader: ChunkReader
  private latest = 0
  private largeFiles = 0
  private readonly ofGroups = new Map<number, number>()

  constructor(reader: ChunkReader) {
    this.reader = reader
  }

  /** The home of an entry, and whether it is a further name of a file. */
  of({ type, content, linkGroup }: TreeEntry): { home: number; isFurtherName: boolean } {
    if (type !== 'file') return { home: this.latest, isFurtherName: false }
    const groupHome = linkGroup === 0 ? undefined : this.ofGroups.get(linkGroup)
    if (groupHome !== undefined) return { home: groupHome, isFurtherName: true }
    const home = this.ofContent(content)
    if (linkGroup > 0) this.ofGroups.set(linkGroup, home)
    return { home, isFurtherName: false }
  }

  private ofContent({ depth, digests, lengths }: TreeEntry['content']): number {
    if (depth === 1) return this.reader.manifest.packs.length + this.largeFiles++
    const pack = lengths.length === 0 ? undefined : this.reader.locate(digests)?.pack
    return (this.latest = pack ?? this.latest)
  }
}

/** The entries of one shard, and the directories above them. */
class ShardFilter {
  private readonly shard: number
  /** The shard of each home, from 0 on. */
  private readonly shards: Uint16Array
  private readonly homes: Homes
  /** The directories above the current entry that were not passed on. */
  private pending: TreeEntry[] = []

  constructor(reader: ChunkReader, shards: Uint16Array, shard: Shard) {
    this.homes = new Homes(reader)
    this.shards = shards
    this.shard = shard.index - 1
  }

  /** Takes the next entry, in the order of the tree. Returns what belongs to the shard, in the same order. */
  take(entry: TreeEntry): readonly TreeEntry[] {
    if (this.pending.length > 0)
      this.pending = this.pending.filter(({ path }) => isAtOrBelow(entry.path, path))
    const { home } = this.homes.of(entry)
    // Each shard has the root, so that each target of its own gets the root's metadata.
    if (entry.path.length === 0 || (this.shards[home] ?? 0) === this.shard) {
      const taken = [...this.pending, entry]
      this.pending = []
      return taken
    }
    if (entry.type === 'directory') this.pending.push(entry)
    return []
  }
}

/**
 * Reads the tree once, and divides its files.
 * @throws as `readTree`, or if the tree exceeds `limits`.
 */
export async function divideFiles(
  reader: ChunkReader,
  selection: PathSelection,
  { shard, limits }: { shard: Shard; limits: TreeLimits | undefined },
): Promise<ShardFilter> {
  const homes = new Homes(reader)
  const weights: number[] = reader.manifest.packs.map(() => 0)
  const size = selectionSize(limits)
  const filter = selection.filter()
  const root = Buffer.from(reader.manifest.tree.root, 'hex')
  // The plan reads the tree again, and reports them.
  const ignoreLost = (_: LostPart): void => {}
  for await (const entries of readTree(reader, root, selectPaths(selection.bases), ignoreLost)) {
    for (const entry of entries) {
      for (const selected of filter.take(entry)) {
        size.addEntry(selected.path.length)
        const { home, isFurtherName } = homes.of(selected)
        if (selected.linkGroup > 0 && !isFurtherName) size.addLinkGroup()
        const bytes = selected.type === 'file' && !isFurtherName ? selected.size : 0
        weights[home] = (weights[home] ?? 0) + bytes + bytesOfEntry
      }
    }
  }
  return new ShardFilter(reader, divideUnits(weights, shard.count), shard)
}
