// Finds files with the same stat identity in the cache. The backup adds them to the tree without reading
// them, if it may reuse the packs of all their chunks.
import { sumBytes } from '../../core/tree/tree-entry.ts'
import type { StatIdentity } from '../stat-identity.ts'
import type { DedupIndex } from './dedup-index.ts'
import type { CachedFile, FileCache } from './file-cache.ts'

export class UnchangedFiles {
  private readonly fileCache: FileCache
  private readonly dedupIndex: DedupIndex
  files = 0
  /** Files that were read all the same, to compare. */
  filesReread = 0
  bytes = 0

  constructor(fileCache: FileCache, dedupIndex: DedupIndex) {
    this.fileCache = fileCache
    this.dedupIndex = dedupIndex
  }

  /** Marks the chunks of an unchanged file as used and returns the file; null if it must be read. */
  find(path: Buffer, identity: StatIdentity): CachedFile | null {
    const file = this.fileCache.lookup(path, identity)
    if (file === null || sumBytes(file.lengths) !== identity.size) return null
    return this.dedupIndex.markAllUsed(file.digests) ? file : null
  }

  /** Keeps a result of `find` in the cache. Call it in the order of the walk. */
  keep(file: CachedFile, bytes: number): void {
    this.fileCache.keep(file)
    this.files++
    this.bytes += bytes
  }
}
