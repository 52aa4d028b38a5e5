// The files of a source that must be read: given to threads in batches and segments, which answer what they hold and pack
// what nobody has yet. How much is under way at once is bounded, whatever the store's speed.
import { digestBytes } from '../../core/digest.ts'
import { choosePackBytes } from '../../core/pack/pack-size.ts'
import { BackupWorker } from './backup-worker.ts'
import type { FromBackupWorker, ToBackupWorker } from './backup-worker.ts'
import { joinContents } from './file-segments.ts'
import type { StatIdentity } from '../stat-identity.ts'
import type { DedupIndex } from './dedup-index.ts'
import { PackBufferPool } from './pack-buffers.ts'
import type { PackUploader } from './pack-uploader.ts'
import { partBytes, segmentBytes } from './source-reader.ts'
import type { ItemContent, ReadItem } from './source-reader.ts'
import { WorkerPool } from '../worker-pool.ts'
import type { PoolMember } from '../worker-pool.ts'

/** Small files are read in batches of `partBytes` at most, and of so many files. */
const batchFiles = 512
/** Batches that one thread has been given and not packed yet. */
const batchesPerWorker = 2
/** Packs that may wait for the store, beside those that the threads build, before packing pauses. */
const maxPacksInFlight = 2
/** Batches that may wait for a thread before more are asked for. */
const maxQueued = 8

/** A file as it is read: what its segments hold comes in any order. */
export interface FileContent {
  identity: StatIdentity
  segments: (ItemContent | null)[]
  /** Segments that have not been read whole. */
  missing: number
}

interface Batch {
  items: ReadItem[]
  /** Which segment of which file each item is. */
  owners: { file: FileContent; segment: number }[]
  bytes: number
}

export class FileReading {
  private readonly dedupIndex: DedupIndex
  private readonly uploader: PackUploader
  private readonly bytesBefore: number
  private readonly progress: () => void
  private readonly fail: (error: unknown) => void
  private readonly pool: WorkerPool<{ source: string; packBytes: number }, ToBackupWorker, FromBackupWorker>
  private readonly load: number[]
  private readonly batches = new Map<number, { batch: Batch; member: PoolMember<ToBackupWorker> }>()
  private nextBatch = 0
  private readonly queued: Batch[] = []
  private open: Batch = { items: [], owners: [], bytes: 0 }
  private readonly packBuffers = new PackBufferPool(maxPacksInFlight)
  private flushed = 0
  bytesRead = 0
  bytesNew = 0

  constructor(
    options: {
      source: string
      workers: number
      dedupIndex: DedupIndex
      uploader: PackUploader
      /** What the source has in packs, as far as the cache knows. */
      bytesBefore: number
    },
    on: { progress: () => void; failure: (error: unknown) => void },
  ) {
    this.dedupIndex = options.dedupIndex
    this.uploader = options.uploader
    this.bytesBefore = options.bytesBefore
    this.progress = on.progress
    this.fail = on.failure
    this.load = Array.from({ length: Math.max(1, options.workers) }, () => 0)
    this.pool = new WorkerPool(
      { code: BackupWorker, thread: './backup/backup-thread' },
      options.workers,
      { source: options.source, packBytes: this.packBytes },
      {
        message: (response, member) => this.receive(response, member),
        failure: on.failure,
      },
    )
  }

  /** What the threads' next packs aim at. */
  private get packBytes(): number {
    return choosePackBytes(
      this.bytesBefore + this.uploader.bytesUploaded,
      this.load.length + maxPacksInFlight,
    )
  }

  /** Enough waits for a thread. */
  get isBehind(): boolean {
    return this.queued.length > maxQueued
  }

  /** Everything was read and given to packs, also what was asked for while the rest was read. */
  get isIdle(): boolean {
    return this.batches.size === 0 && this.queued.length === 0 && this.open.items.length === 0
  }

  get isFlushed(): boolean {
    return this.flushed === this.pool.startedMembers.length
  }

  /** Has the packs sealed that are not full. */
  flush(): void {
    for (const member of this.pool.startedMembers) member.send({ type: 'flush' })
  }

  async stop(): Promise<void> {
    await this.pool.stop()
    this.packBuffers.close()
  }

  read(absolute: Buffer, size: number, file: FileContent): void {
    const segments = Math.ceil(size / segmentBytes)
    file.segments = Array.from({ length: segments }, () => null)
    file.missing = segments
    for (let segment = 0; segment < segments; segment++) {
      const offset = segment * segmentBytes
      const item = { absolute, identity: file.identity, offset, bytes: Math.min(segmentBytes, size - offset) }
      if (this.open.bytes + item.bytes > partBytes || this.open.items.length >= batchFiles) this.queueOpen()
      this.open.items.push(item)
      this.open.owners.push({ file, segment })
      this.open.bytes += item.bytes
    }
  }

  /** A file that shows no size: up to one segment of content. */
  readToEnd(absolute: Buffer, file: FileContent): void {
    file.segments = [null]
    file.missing = 1
    this.queueOpen()
    const item = { absolute, identity: file.identity, offset: 0, bytes: segmentBytes, hasNoSize: true }
    this.open = { items: [item], owners: [{ file, segment: 0 }], bytes: segmentBytes }
    this.queueOpen()
  }

  private queueOpen(): void {
    if (this.open.items.length > 0) this.queued.push(this.open)
    this.open = { items: [], owners: [], bytes: 0 }
    this.dispatch()
  }

  /** Gives batches to the threads that have room, the least busy first. */
  dispatch(): void {
    if (this.queued.length === 0 && this.open.items.length > 0) {
      this.queued.push(this.open)
      this.open = { items: [], owners: [], bytes: 0 }
    }
    while (this.queued.length > 0) {
      const idlest = this.load.indexOf(Math.min(...this.load))
      if (this.load[idlest]! >= batchesPerWorker) return
      const batch = this.queued.shift()!
      const number = this.nextBatch++
      const member = this.pool.members[idlest]!
      this.load[idlest]!++
      this.batches.set(number, { batch, member })
      member.send({ type: 'read', batch: number, items: batch.items })
    }
  }

  private receive(response: FromBackupWorker, member: PoolMember<ToBackupWorker>): void {
    try {
      if (response.type === 'read') this.receiveRead(response, member)
      else if (response.type === 'sealed') {
        this.packBuffers.request((buffer) =>
          member.send(
            { type: 'begin', buffer, packBytes: this.packBytes },
            buffer === undefined ? [] : [buffer],
          ),
        )
        this.uploader.add(response, (buffer) => this.packBuffers.release(buffer))
      } else if (response.type === 'packed') {
        this.batches.delete(response.batch)
        this.load[member.number]!--
        this.dispatch()
      } else this.flushed++
    } catch (error) {
      this.fail(error)
    }
    this.progress()
  }

  private receiveRead(
    response: Extract<FromBackupWorker, { type: 'read' }>,
    member: PoolMember<ToBackupWorker>,
  ): void {
    const { batch } = this.batches.get(response.batch)!
    const isNew: number[] = []
    for (const content of response.contents) {
      content.lengths.forEach((bytes, index) => {
        const isNewChunk = this.dedupIndex.markUsed(content.digests, index * digestBytes)
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
      if (response.isLast) file.missing--
    })
  }
}
