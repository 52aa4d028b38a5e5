// A thread of a backup: reads and hashes batches, then packs the chunks that the main thread marks as new.
// Every pack is decoded and compared before the main thread gets it.
import { PackBuilder, assertSealed } from '../../core/pack/pack.ts'
import { SegmentReader, bufferBytes, partBytes, readBatch, skipHole } from './source-reader.ts'
import type { BatchChunk, ItemContent, ReadItem } from './source-reader.ts'
import { DirectoryHandles } from '../directory-handles.ts'
import type { ExcludeOptions } from '../operations.ts'
import { Selection } from '../selection.ts'
import type { SendResponse, WorkerCode } from '../worker-pool.ts'

export type ToBackupWorker =
  /**
   * Files of `partBytes` together, or one segment of a large file, which is read, reported and packed in
   * parts.
   */
  | { type: 'read'; batch: number; items: ReadItem[] }
  /** `isNew[i]` is 1 if chunk `i` of the last `read` must be packed. */
  | { type: 'pack'; batch: number; isNew: Uint8Array }
  | { type: 'flush' }
  /**
   * The worker may begin another pack of about `packBytes`, in the buffer of an uploaded pack if there is
   * one.
   */
  | { type: 'begin'; buffer: ArrayBuffer | undefined; packBytes: number }

export type FromBackupWorker =
  /** The content of each item. `isLast`: the batch was read to its end. */
  | { type: 'read'; batch: number; contents: ItemContent[]; bytesRead: number; isLast: boolean }
  | { type: 'packed'; batch: number }
  /**
   * A finished pack. The worker begins the next one only after a `begin`, because the main thread limits
   * the packs in memory.
   */
  | { type: 'sealed'; body: Uint8Array<ArrayBuffer>; sha256: string; footer: Uint8Array }
  | { type: 'flushed' }

export interface BackupWorkerData {
  source: string
  /** The root of the source. */
  directory: string
  /** The rules that lead through links to files of the source. */
  exclude: ExcludeOptions
  /** Target size of the first pack. */
  packBytes: number
}

interface Batch {
  buffer: Buffer
  /** The chunks of the last read that are not packed yet; their bytes are in the buffer. */
  chunks: BatchChunk[]
  segment: SegmentReader | null
}

export class BackupWorker implements WorkerCode<ToBackupWorker> {
  private readonly source: string
  /** A file is opened in its directory, so that no link in the place of a directory leads elsewhere. */
  private readonly directories: DirectoryHandles
  private readonly locate = (path: Buffer): Buffer => this.directories.at(path)
  private readonly reply: SendResponse<FromBackupWorker>
  private readonly batches = new Map<number, Batch>()
  /** Null after a pack was sealed, until the next may begin. */
  private builder: PackBuilder | null
  /** Batches to pack then. */
  private readonly waitingBatches: { number: number; batch: Batch }[] = []
  /** Buffers of packed batches, for reuse, because the garbage collector frees large buffers late. */
  private freeBuffers: Buffer[] = []

  constructor(
    { source, directory, exclude, packBytes }: BackupWorkerData,
    reply: SendResponse<FromBackupWorker>,
  ) {
    this.source = source
    const selection = new Selection(exclude)
    this.directories = new DirectoryHandles(directory, undefined, (path) => selection.follows(path))
    this.reply = reply
    this.builder = new PackBuilder(source, undefined, packBytes)
  }

  receive(message: ToBackupWorker): void {
    if (message.type === 'read') {
      this.read(message.batch, message.items)
    } else if (message.type === 'pack') {
      this.pack(message.batch, message.isNew)
    } else if (message.type === 'flush') {
      this.seal()
      this.reply({ type: 'flushed' })
    } else {
      this.builder = new PackBuilder(this.source, message.buffer, message.packBytes)
      for (const { number, batch } of this.waitingBatches.splice(0)) this.packBatch(number, batch)
    }
  }

  close(): void {
    this.directories.close()
    this.batches.clear()
    this.freeBuffers = []
  }

  private read(number: number, items: ReadItem[]): void {
    const buffer = this.freeBuffers.pop() ?? Buffer.allocUnsafeSlow(bufferBytes)
    const hole = skipHole(items[0]!, buffer, this.locate)
    const isLarge = hole === null && items[0]!.bytes > partBytes
    const segment = isLarge ? new SegmentReader(items[0]!, this.locate) : null
    const batch: Batch = { buffer, chunks: [], segment }
    this.batches.set(number, batch)
    this.respond(number, batch, hole ?? segment?.next(buffer) ?? readBatch(items, buffer, this.locate))
  }

  private respond(number: number, batch: Batch, { contents, chunks }: ReturnType<typeof readBatch>): void {
    batch.chunks = chunks
    const bytesRead = chunks.reduce((sum, chunk) => sum + chunk.bytes, 0)
    this.reply({ type: 'read', batch: number, contents, bytesRead, isLast: batch.segment?.isDone ?? true })
  }

  private pack(number: number, isNew: Uint8Array): void {
    const batch = this.batches.get(number)!
    batch.chunks = batch.chunks.filter((_, index) => isNew[index] === 1)
    this.packBatch(number, batch)
  }

  private packBatch(number: number, batch: Batch): void {
    const { buffer, chunks, segment } = batch
    for (const [index, chunk] of chunks.entries()) {
      if (this.builder?.isFull === true) this.seal()
      if (this.builder === null) {
        batch.chunks = chunks.slice(index)
        this.waitingBatches.push({ number, batch })
        return
      }
      this.builder.add(chunk.digest, buffer.subarray(chunk.offset, chunk.offset + chunk.bytes))
    }
    if (segment !== null && !segment.isDone) {
      this.respond(number, batch, segment.next(buffer))
      return
    }
    this.batches.delete(number)
    this.freeBuffers.push(buffer)
    this.reply({ type: 'packed', batch: number })
  }

  private seal(): void {
    if (this.builder === null || this.builder.isEmpty) return
    const sealed = this.builder.seal()
    assertSealed(sealed, this.source)
    const { body, sha256, footer } = sealed
    this.builder = null
    this.reply({ type: 'sealed', body, sha256, footer }, [body.buffer])
  }
}
