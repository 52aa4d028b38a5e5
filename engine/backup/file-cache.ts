// Merges the cached files with a walk over the source, both in the order of the tree. The cache stores blocks
// of files, because a row for each file would cost more than its lstat. An unchanged block stays as it is.
import type { BackupCache } from './backup-cache.ts'
import { FileRecords, encodeRecord } from './file-records.ts'
import type { StatIdentity } from '../stat-identity.ts'

/** A new block ends when it reaches this size. */
const blockBytes = 32 * 1024
/**
 * A smaller block is joined with its neighbour. Without that, each run would add a block for its last files.
 */
const smallBytes = 8 * 1024

export interface CachedFile {
  digests: Buffer
  lengths: number[]
  block: ReadBlock
  at: number
}

/** A block of the cache, from when the walk has reached it until every file up to its end was given back. */
interface ReadBlock {
  records: FileRecords
  /** The files of the block now: the offset of an unchanged record, or a new record. */
  files: (number | Buffer)[]
  hasNew: boolean
  /** A file was asked for that lies between its first and its last. */
  isReached: boolean
}

export class FileCache {
  private readonly cache: Pick<BackupCache, 'replaceFiles'> | null
  private readonly blocks: Iterator<Buffer>
  private current: ReadBlock | null = null
  private at = 0
  private readonly pendingBlocks: ReadBlock[] = []
  private dropped: Buffer[] = []
  /** A small block that may stay as it is, right before what comes next. */
  private small: ReadBlock | null = null
  private open: Buffer[] = []
  private openBytes = 0

  /**
   * @param blocks as `BackupCache.files` answers them.
   * @param cache null on a dry run: nothing is changed then.
   */
  constructor(blocks: Iterator<Buffer>, cache: Pick<BackupCache, 'replaceFiles'> | null) {
    this.blocks = blocks
    this.cache = cache
  }

  /** The file as it was read before, unless it was another one. Asked in the order of the tree. */
  lookup(path: Buffer, identity: StatIdentity): CachedFile | null {
    for (;;) {
      const block = this.current
      if (block === null || this.at === block.records.bytes.length) {
        if (!this.nextBlock()) return null
        continue
      }
      const { at } = this
      const order = block.records.comparePathAt(at, path)
      if (order >= 0) block.isReached = true
      if (order > 0) return null
      this.at += block.records.bytesAt(at)
      if (order < 0) continue
      if (!block.records.hasStatIdentityAt(at, identity)) return null
      const { digests, lengths } = block.records.contentAt(at)
      return { digests, lengths, block, at }
    }
  }

  private nextBlock(): boolean {
    // Nothing of it is left, and nothing new belongs there: a directory that is gone may have had any
    // number of files.
    if (this.current?.isReached === false && this.pendingBlocks.at(-1) === this.current) {
      this.dropped.push(Buffer.from(this.pendingBlocks.pop()!.records.firstKey))
    }
    const next = this.blocks.next()
    if (next.done === true) {
      this.current = null
      return false
    }
    this.current = { records: new FileRecords(next.value), files: [], hasNew: false, isReached: false }
    this.at = 0
    this.pendingBlocks.push(this.current)
    return true
  }

  /**
   * Keeps a file that was recalled. What is kept and put comes in the order of the keys, each after it was
   * asked for.
   */
  keep({ block, at }: CachedFile): void {
    while (this.pendingBlocks[0] !== block) this.settle(this.pendingBlocks.shift()!)
    block.files.push(at)
  }

  /** Remembers a file as it was read. */
  put(
    key: Buffer,
    identity: StatIdentity,
    content: { digests: Uint8Array; lengths: readonly number[] },
  ): void {
    while (this.pendingBlocks.length > 0 && Buffer.compare(this.pendingBlocks[0]!.records.lastKey, key) < 0)
      this.settle(this.pendingBlocks.shift()!)
    const record = encodeRecord(key, identity, content)
    const block = this.pendingBlocks[0]
    if (block === undefined || Buffer.compare(key, block.records.firstKey) < 0) {
      this.add([record])
    } else {
      block.files.push(record)
      block.hasNew = true
    }
  }

  /** Forgets what was not kept, and writes what is left to write. */
  finish(): void {
    do {
      for (const block of this.pendingBlocks.splice(0)) this.settle(block)
    } while (this.nextBlock())
    this.flush()
  }

  private settle(block: ReadBlock): void {
    const { records, files, hasNew } = block
    const isAsItWas = !hasNew && files.length === records.count
    const isSmall = records.bytes.length < smallBytes
    if (isAsItWas && (this.openBytes === 0 || !isSmall)) {
      this.flush()
      this.small = isSmall ? block : null
      return
    }
    this.dropped.push(records.firstKey)
    this.add(
      files.map((file) =>
        typeof file === 'number' ? records.bytes.subarray(file, file + records.bytesAt(file)) : file,
      ),
    )
  }

  private add(records: readonly Buffer[]): void {
    const { small } = this
    if (small !== null && records.length > 0) {
      this.small = null
      this.dropped.push(small.records.firstKey)
      this.add([small.records.bytes])
    }
    for (const record of records) {
      this.open.push(record)
      this.openBytes += record.length
    }
    if (this.openBytes >= blockBytes) this.flush()
  }

  /** All at once: what is dropped is never gone without what takes its place. */
  private flush(): void {
    const blocks: Buffer[][] = []
    let bytes = blockBytes
    for (const record of this.open) {
      if (bytes >= blockBytes) {
        blocks.push([])
        bytes = 0
      }
      blocks.at(-1)!.push(record)
      bytes += record.length
    }
    if (blocks.length > 0 || this.dropped.length > 0)
      this.cache?.replaceFiles(
        this.dropped,
        blocks.map((records) => Buffer.concat(records)),
      )
    this.dropped = []
    this.open = []
    this.openBytes = 0
  }
}
