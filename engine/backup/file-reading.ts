// Reads the files of a source in threads. A thread reads a batch and replies with the chunks of each file.
// The main thread replies which chunks are new, and the thread packs these. The number of batches and packs
// in memory is limited, however slow the store is.
import { digestBytes } from '../../core/digest.ts'
import { choosePackBytes, packTargetBytes } from '../../core/pack/pack-size.ts'
import type { Selection } from '../selection.ts'
import { WorkerPool } from '../worker-pool.ts'
import type { PoolMember } from '../worker-pool.ts'
import { BackupWorker } from './backup-worker.ts'
import type { BackupWorkerData, FromBackupWorker, ToBackupWorker } from './backup-worker.ts'
import { AssignedBatches, BatchQueue } from './batch-queue.ts'
import type { DedupIndex } from './dedup-index.ts'
import { joinContents } from './file-segments.ts'
import type { FileContent } from './file-segments.ts'
import { PackBufferPool } from './pack-buffers.ts'
import { usualUploadsAtOnce } from './link-speed.ts'
import type { PackUploader } from './pack-uploader.ts'
import { segmentBytes } from './source-reader.ts'

/** Packs that may wait for the store, besides those under construction, before packing pauses. */
const maxPacksInFlight = 2
/** The walk pauses while more batches wait for a thread. */
const maxQueued = 8

export interface FileReadingOptions {
  source: string
  /** The root of the source. */
  directory: string
  selection: Selection
  /** Number of threads; 0: the calling thread does the work. */
  workers: number
  dedupIndex: DedupIndex
  uploader: PackUploader
  /** Size of the source's packs, as far as the cache has them. */
  bytesBefore: number
}

export interface FileReadingListener {
  /** Called after each reply of a thread. */
  progress(): void
  failure(error: unknown): void
}

export class FileReading {
  private readonly options: FileReadingOptions
  private readonly listener: FileReadingListener
  private readonly pool: WorkerPool<BackupWorkerData, ToBackupWorker, FromBackupWorker>
  private readonly queue = new BatchQueue()
  private readonly assigned: AssignedBatches
  private readonly packBuffers = new PackBufferPool(maxPacksInFlight)
  private flushed = 0
  /** Files that are not read to their end. */
  files = 0
  bytesRead = 0
  bytesNew = 0

  constructor(options: FileReadingOptions, listener: FileReadingListener) {
    this.options = options
    this.listener = listener
    this.assigned = new AssignedBatches(Math.max(1, options.workers))
    this.pool = new WorkerPool(
      { code: BackupWorker, thread: './backup/backup-thread' },
      options.workers,
      {
        source: options.source,
        directory: options.directory,
        exclude: options.selection.options,
        packBytes: this.packBytes,
      },
      {
        message: (response, member) => this.receive(response, member),
        failure: (error) => listener.failure(error),
      },
    )
  }

  /** Target size of the threads' next packs. */
  private get packBytes(): number {
    const { bytesBefore, uploader, workers } = this.options
    return Math.min(
      choosePackBytes(bytesBefore + uploader.bytesUploaded, Math.max(1, workers) + maxPacksInFlight),
      uploader.maxPackBytes,
    )
  }

  /** True if enough batches wait for a thread. */
  get isBehind(): boolean {
    return this.queue.length > maxQueued
  }

  /** True if every file was read and packed, including files that were added during the wait. */
  get isIdle(): boolean {
    return this.assigned.length === 0 && this.queue.isEmpty
  }

  get isFlushed(): boolean {
    return this.flushed === this.pool.startedMembers.length
  }

  /** Has the threads seal packs that are not full. */
  flush(): void {
    for (const member of this.pool.startedMembers) member.send({ type: 'flush' })
  }

  async stop(): Promise<void> {
    await this.pool.stop()
    this.packBuffers.close()
  }

  /**
   * Adds a file to the batches, in segments. `file` is complete when `missing` is 0. @param withData the segments that
   * are no holes; null if they are unknown.
   */
  read(path: Buffer, size: number, file: FileContent, withData: ReadonlySet<number> | null = null): void {
    const segments = Math.ceil(size / segmentBytes)
    file.segments = Array.from({ length: segments }, () => null)
    file.missing = segments
    this.files++
    for (let segment = 0; segment < segments; segment++) {
      const offset = segment * segmentBytes
      const bytes = Math.min(segmentBytes, size - offset)
      const isHole = bytes === segmentBytes && withData?.has(segment) === false
      const item = { path, identity: file.identity, offset, bytes, ...(isHole ? { isHole } : {}) }
      if (!this.queue.hasRoom(item)) this.closeBatch()
      this.queue.add(item, { file, segment })
    }
  }

  /** Adds a file that shows no size, of which at most one segment is read. */
  readToEnd(path: Buffer, file: FileContent): void {
    file.segments = [null]
    file.missing = 1
    this.files++
    this.closeBatch()
    const item = { path, identity: file.identity, offset: 0, bytes: segmentBytes, hasNoSize: true }
    this.queue.add(item, { file, segment: 0 })
    this.closeBatch()
  }

  private closeBatch(): void {
    this.queue.close()
    this.dispatch()
  }

  /**
   * Sends files that wait for a full batch, if no thread has work and they are the smaller part of all entries that
   * wait. Behind the few changed files of a daily run, the other entries would outlive the garbage collector's youngest
   * generation. @param waiting how many entries wait for the content of these files, or of one before them.
   */
  dispatchFew(waiting: number): void {
    if (this.assigned.length === 0 && this.queue.openItems * 2 < waiting) this.dispatch()
  }

  /** Sends batches to the threads that have room, the least busy first. */
  dispatch(): void {
    if (this.queue.length === 0) this.queue.close()
    for (let batch = this.queue.next; batch !== undefined; batch = this.queue.next) {
      const idlest = this.assigned.findIdlest(batch, this.queue.length > 1)
      if (idlest === null) return
      this.queue.take()
      const member = this.pool.members[idlest]!
      member.send({ type: 'read', batch: this.assigned.assign(batch, member.number), items: batch.items })
    }
  }

  private receive(response: FromBackupWorker, member: PoolMember<ToBackupWorker>): void {
    try {
      if (response.type === 'read') this.receiveRead(response, member)
      else if (response.type === 'sealed') {
        this.widen()
        this.packBuffers.request((buffer) =>
          member.send(
            { type: 'begin', buffer, packBytes: this.packBytes },
            buffer === undefined ? [] : [buffer],
          ),
        )
        if (this.packBuffers.isExhausted) this.options.uploader.noteWaiting()
        this.options.uploader.add(response, (buffer) => {
          this.packBuffers.release(buffer)
          this.widen()
        })
      } else if (response.type === 'packed') {
        this.assigned.finish(response.batch, member.number)
        this.dispatch()
      } else this.flushed++
    } catch (error) {
      this.listener.failure(error)
    }
    this.listener.progress()
  }

  /** Lets more packs exist if the link carries more at once. They stay: their buffers are used again. */
  private widen(): void {
    const { uploader } = this.options
    if (this.packBuffers.isExhausted) uploader.noteWaiting()
    // A source of more than a TiB has larger packs, of which more would take much memory.
    if (this.packBytes > packTargetBytes) return
    this.packBuffers.growTo(maxPacksInFlight + uploader.uploadsAtOnce - usualUploadsAtOnce)
  }

  private receiveRead(
    response: Extract<FromBackupWorker, { type: 'read' }>,
    member: PoolMember<ToBackupWorker>,
  ): void {
    const { dedupIndex } = this.options
    const batch = this.assigned.get(response.batch)
    const isNew: number[] = []
    for (const content of response.contents) {
      content.lengths.forEach((bytes, index) => {
        const isNewChunk = dedupIndex.markUsed(content.digests, index * digestBytes)
        if (isNewChunk) this.bytesNew += bytes
        isNew.push(isNewChunk ? 1 : 0)
      })
    }
    this.bytesRead += response.bytesRead
    member.send({ type: 'pack', batch: response.batch, isNew: Uint8Array.from(isNew) })
    response.contents.forEach((content, index) => {
      const { file, segment } = batch.owners[index]!
      const before = file.segments[segment] ?? null
      file.segments[segment] = before === null ? content : joinContents(before, content)
      if (response.isLast && --file.missing === 0) this.files--
    })
  }
}
