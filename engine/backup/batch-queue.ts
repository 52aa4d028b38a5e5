// The batches of a backup: files and segments to read, collected until a batch is full, and then assigned
// to a thread.
import type { FileContent } from './file-segments.ts'
import { partBytes } from './source-reader.ts'
import type { ReadItem } from './source-reader.ts'

/** A batch has at most `partBytes` of small files, and at most this many files. */
const maxBatchFiles = 512
/** A thread has at most this many batches that it has not packed yet. */
const batchesPerWorker = 2
/** A thread with its pack takes some 60 MiB: too much for a batch that is smaller than this in both. */
const fewFiles = maxBatchFiles / 2
const fewBytes = partBytes / 4

export interface Batch {
  items: ReadItem[]
  /** The file and the segment of each item. */
  owners: { file: FileContent; segment: number }[]
  bytes: number
}

/** Batches that wait for a thread: closed ones, and one that is still being filled. */
export class BatchQueue {
  private readonly closed: Batch[] = []
  private open: Batch = { items: [], owners: [], bytes: 0 }

  /** How many closed batches wait. */
  get length(): number {
    return this.closed.length
  }

  get openItems(): number {
    return this.open.items.length
  }

  /** True if neither a closed nor the open batch has an item. */
  get isEmpty(): boolean {
    return this.closed.length === 0 && this.open.items.length === 0
  }

  /** True if the open batch can take the item. */
  hasRoom({ bytes }: ReadItem): boolean {
    return this.open.bytes + bytes <= partBytes && this.open.items.length < maxBatchFiles
  }

  /** Adds an item to the open batch, which takes a large one alone. */
  add(item: ReadItem, owner: Batch['owners'][number]): void {
    this.open.items.push(item)
    this.open.owners.push(owner)
    this.open.bytes += item.bytes
  }

  /** Closes the open batch, unless it is empty. */
  close(): void {
    if (this.open.items.length === 0) return
    this.closed.push(this.open)
    this.open = { items: [], owners: [], bytes: 0 }
  }

  /** The batch that waits longest. */
  get next(): Batch | undefined {
    return this.closed[0]
  }

  take(): Batch | undefined {
    return this.closed.shift()
  }
}

/** The batches that threads have, by number. */
export class AssignedBatches {
  private readonly load: number[]
  private readonly batches = new Map<number, Batch>()
  private nextNumber = 0
  /** The threads from 0 on that had a batch. */
  private startedThreads = 0

  constructor(threads: number) {
    this.load = Array.from({ length: threads }, () => 0)
  }

  get length(): number {
    return this.batches.size
  }

  /**
   * The number of the least busy thread for a batch; null if no thread has room. A small batch that no other follows
   * starts no second thread: it waits for the first one.
   */
  findIdlest({ items, bytes }: Batch, isFollowed: boolean): number | null {
    const isSmall = items.length < fewFiles && bytes < fewBytes && !isFollowed
    return this.idlestOf(isSmall ? Math.max(1, this.startedThreads) : this.load.length)
  }

  private idlestOf(threads: number): number | null {
    const load = this.load.slice(0, threads)
    const min = Math.min(...load)
    return min < batchesPerWorker ? load.indexOf(min) : null
  }

  /** Returns the number of the batch. */
  assign(batch: Batch, thread: number): number {
    const number = this.nextNumber++
    this.load[thread]!++
    this.startedThreads = Math.max(this.startedThreads, thread + 1)
    this.batches.set(number, batch)
    return number
  }

  get(number: number): Batch {
    return this.batches.get(number)!
  }

  finish(number: number, thread: number): void {
    this.batches.delete(number)
    this.load[thread]!--
  }
}
