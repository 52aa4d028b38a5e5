// Files that the cache has under the same stat identity: a backup adds them to the tree without reading
// them, if all their chunks are in packs that may be reused.
import { digestBytes } from '../../core/digest.ts'
import { sumBytes } from '../../core/tree/tree-entry.ts'
import type { StatIdentity } from '../stat-identity.ts'
import type { DedupIndex } from './dedup-index.ts'
import type { CachedFile, FileCache } from './file-cache.ts'
import { sortKeyOf } from './file-records.ts'

export class UnchangedFiles {
  private readonly fileCache: FileCache
  private readonly dedupIndex: DedupIndex
  files = 0
  bytes = 0

  constructor(fileCache: FileCache, dedupIndex: DedupIndex) {
    this.fileCache = fileCache
    this.dedupIndex = dedupIndex
  }

  /** Marks the chunks of an unchanged file as used and returns the file; null if it must be read. */
  find(path: Buffer, identity: StatIdentity): CachedFile | null {
    const file = this.fileCache.lookup(sortKeyOf(path), identity)
    if (file === null || sumBytes(file.lengths) !== identity.size) return null
    const { digests } = file
    for (let offset = 0; offset < digests.length; offset += digestBytes)
      if (!this.dedupIndex.has(digests, offset)) return null
    for (let offset = 0; offset < digests.length; offset += digestBytes)
      this.dedupIndex.markUsed(digests, offset)
    return file
  }

  /** Keeps a result of `find` in the cache. Call it in the order of the walk. */
  keep(file: CachedFile, bytes: number): void {
    this.fileCache.keep(file)
    this.files++
    this.bytes += bytes
  }
}
