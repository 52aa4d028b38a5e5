// Moves bytes from packs into files: requests in the order of the packs, a few at once, each handed to a thread that
// decodes, checks and writes. What comes back with a wrong hash is fetched again before it is called damaged.
import type { PackContents } from '../../core/restore-plan/chunk-reader.ts'
import { digestBytes } from '../../core/digest.ts'
import { HoldfastError, isHoldfastError } from '../../core/errors.ts'
import { damagedReadRetry } from '../../core/retry.ts'
import type { ObjectStore } from '../../core/store/object-store.ts'
import { digestOf } from '../../core/pack/pack.ts'
import { maxRequestBytes, requestsOf } from '../../core/restore-plan/restore-plan.ts'
import type { EntryPlan, PlannedRequest } from '../../core/restore-plan/restore-plan.ts'
import { DirectoryHandles } from './directory-handles.ts'
import { isFinished } from './entry-metadata.ts'
import type { RestoreProgress } from '../operations.ts'
import { fileColumns, makeChunkColumns, buffersOf } from './restore-message.ts'
import type { CorruptChunk, FromRestoreWorker, ToRestoreWorker } from './restore-message.ts'
import { RestoreWorker } from './restore-worker.ts'
import type { RestoreWorkerData } from './restore-worker.ts'
import { WorkerPool } from '../worker-pool.ts'
import type { PoolMember } from '../worker-pool.ts'

/** Requests that are being fetched or written, for each thread; and one that whoever is free next finds ready. */
const requestsPerWorker = 2
const finishAtOnce = 256
/** Smaller answers have memory of their own. */
const minPooledBytes = 1024 * 1024

export class RestoreTransfer {
  private readonly options: {
    store: ObjectStore
    packs: PackContents
    plan: EntryPlan
    root: string
    specialBits: boolean
    isResumed: boolean
    workers: number
    signal: AbortSignal | undefined
    onProgress: ((progress: RestoreProgress) => void) | undefined
    onProblem: (path: Buffer, detail: string) => void
  }
  private readonly jobs = new Map<
    number,
    { resolve: (response: Done) => void; reject: (error: unknown) => void }
  >()
  private nextJob = 0
  /** What a thread ended with: it answers nothing that is sent to it afterwards. */
  private failure: { error: unknown } | null = null
  /** Jobs of each thread. */
  private load: number[] = []
  private pool: WorkerPool<RestoreWorkerData, ToRestoreWorker, FromRestoreWorker> | null = null
  /** Extents that are still to be written, by number of the file. */
  private readonly remainingExtents: Int32Array
  /** 1 by number of each file that an interrupted restore finished; empty if there was none. */
  private resumed = new Uint8Array(0)
  private readonly finishable: number[] = []
  /**
   * Memory of requests that were written, for the next ones: a collector would give it back late. Shared: each time that memory is
   * handed over, both collectors count it as new and begin to collect.
   */
  private readonly freeBuffers: SharedArrayBuffer[] = []
  private filesDone = 0
  bytesWritten = 0
  bytesFetched = 0
  filesResumed = 0
  bytesResumed = 0

  constructor(options: RestoreTransfer['options']) {
    this.options = options
    const { files } = options.plan
    this.remainingExtents = new Int32Array(files.length)
    for (let file = 0; file < files.length; file++) this.remainingExtents[file] = files.extentCountOf(file)
  }

  async run(): Promise<void> {
    const { packs, plan, workers, root, specialBits, isResumed } = this.options
    this.pool = new WorkerPool(
      { code: RestoreWorker, thread: './restore/restore-thread' },
      workers,
      { root, specialBits, isResumed },
      {
        message: (response) => this.receive(response),
        failure: (error) => {
          this.failure ??= { error }
          for (const job of this.jobs.values()) job.reject(error)
          this.jobs.clear()
        },
      },
    )
    this.load = this.pool.members.map(() => 0)
    try {
      this.findFinished()
      const requests = requestsOf(packs, plan, (file) => this.resumed[file] !== 1)
      await this.runAtOnce(async () => {
        for (const request of requests) await this.transfer(request)
      })
      await this.finish()
    } finally {
      await this.pool.stop()
    }
  }

  /** Files that an interrupted restore finished, by their size and time; these are not fetched again. */
  private findFinished(): void {
    if (!this.options.isResumed) return
    const { files } = this.options.plan
    const handles = new DirectoryHandles(this.options.root)
    this.resumed = new Uint8Array(files.length)
    for (let file = 0; file < files.length; file++) {
      if (files.damage.has(file) || files.linkTo.has(file)) continue
      const size = files.sizeOf(file)
      if (!isFinished({ size, mtimeNs: files.metadataOf(file).mtimeNs }, handles.at(files.pathOf(file))))
        continue
      this.resumed[file] = 1
      this.filesResumed++
      this.bytesResumed += size
    }
    handles.close()
    this.filesDone = this.filesResumed
    this.report()
  }

  private report(): void {
    const { filesDone: files, bytesFetched, bytesWritten, bytesResumed } = this
    this.options.onProgress?.({ files, bytesFetched, bytesWritten, bytesResumed })
  }

  private async transfer(request: PlannedRequest): Promise<void> {
    let frames = request.frames
    for (let fetch = 1; ; fetch++) {
      this.options.signal?.throwIfAborted()
      const corruptChunks = await this.fetchAndWrite({ ...request, frames })
      if (corruptChunks.length === 0) return
      frames = [...Map.groupBy(corruptChunks, ({ frame }) => frame)].map(([frame, inFrame]) => {
        const { chunks } = frames[frame]!
        if (fetch === damagedReadRetry.maxAttempts)
          for (const { chunk, detail } of inFrame) this.noteDamage(chunks[chunk]!.extents, detail)
        return frames[frame]!.only(new Set(inFrame.map(({ chunk }) => chunks[chunk]!.chunk)))
      })
      if (fetch === damagedReadRetry.maxAttempts) return
    }
  }

  private async fetchAndWrite(request: PlannedRequest): Promise<CorruptChunk[]> {
    const { manifest } = this.options.packs
    const reference = manifest.packs[request.pack]!
    const offset = request.frames[0]!.frame.offset
    const last = request.frames.at(-1)!.frame
    const bytes = last.offset + last.storedBytes - offset
    const buffer =
      bytes < minPooledBytes ? undefined : (this.freeBuffers.pop() ?? new SharedArrayBuffer(maxRequestBytes))
    let data: Uint8Array
    try {
      data = await this.options.store.getRange(reference, offset, bytes, buffer)
    } catch (error) {
      if (!isHoldfastError(error, 'not-found', 'damaged')) throw error
      if (buffer !== undefined) this.freeBuffers.push(buffer)
      // Nothing more can be learned by asking again: the adapter has.
      request.frames.forEach(({ chunks }) =>
        chunks.forEach(({ extents: writes }) => this.noteDamage(writes, error.message)),
      )
      return []
    }
    this.bytesFetched += data.length
    // Memory that may not be ours alone can't be handed over.
    const ownedData = data.buffer === buffer ? null : new Uint8Array(data)
    const { message, wholeFiles } = this.makeMessage(request, {
      packKey: reference.key,
      data: ownedData ?? data,
      offset,
    })
    const response = await this.send(message, [
      ...(ownedData === null ? [] : [ownedData.buffer]),
      ...buffersOf(message.chunks, message.extents, message.files),
    ])
    if (buffer !== undefined) this.freeBuffers.push(buffer)
    for (const { file, detail } of response.problems)
      this.options.onProblem(this.options.plan.files.pathOf(file), detail)
    this.bytesWritten += response.bytesWritten
    this.countWritten(request, response.corruptChunks, wholeFiles)
    this.report()
    return response.corruptChunks
  }

  private makeMessage(
    request: PlannedRequest,
    fetched: { packKey: string; data: Uint8Array; offset: number },
  ): { message: Extract<ToRestoreWorker, { type: 'write' }>; wholeFiles: Set<number> } {
    const footer = this.options.packs.footers[request.pack]!
    let [chunkCount, writeCount] = [0, 0]
    for (const frame of request.frames) {
      chunkCount += frame.chunkCount
      writeCount += frame.extentCount
    }
    const chunks = makeChunkColumns(chunkCount)
    const writes = { rows: new Uint32Array(writeCount), offsets: new Float64Array(writeCount) }
    const rows = new Map<number, { row: number; extentCount: number }>()
    let chunk = 0
    let write = 0
    const frames = request.frames.map(({ frame, chunks: inFrame }) => {
      let offsetInFrame = 0
      let at = frame.firstChunk
      for (const { chunk: number, extents: fileExtents } of inFrame) {
        for (; at < number; at++) offsetInFrame += footer.lengths[at]!
        chunks.offsetsInFrame[chunk] = offsetInFrame
        chunks.bytes[chunk] = footer.lengths[number]!
        chunks.digests.set(digestOf(footer, number), chunk * digestBytes)
        chunks.extentCounts[chunk++] = fileExtents.length
        for (const { file, offset } of fileExtents) {
          let entry = rows.get(file)
          if (entry === undefined) rows.set(file, (entry = { row: rows.size, extentCount: 0 }))
          entry.extentCount++
          writes.rows[write] = entry.row
          writes.offsets[write++] = offset
        }
      }
      return { frame, chunkCount: inFrame.length }
    })
    const planned = this.options.plan.files
    const files = [...rows].map(([number, { extentCount }]) => ({
      number,
      totalExtents: extentCount === planned.extentCountOf(number) ? extentCount : 0,
    }))
    const wholeFiles = new Set(
      files.filter(({ totalExtents }) => totalExtents > 0).map(({ number }) => number),
    )
    return {
      message: {
        type: 'write',
        job: 0,
        ...fetched,
        frames,
        chunks,
        extents: writes,
        files: fileColumns(planned, files),
      },
      wholeFiles,
    }
  }

  /** Counts the extents that were written; a file whose last one came is finished, here or already by the thread. */
  private countWritten(
    request: PlannedRequest,
    corruptChunks: CorruptChunk[],
    wholeFiles: ReadonlySet<number>,
  ): void {
    const isCorrupt = new Set(corruptChunks.map(({ frame, chunk }) => `${frame}.${chunk}`))
    request.frames.forEach(({ chunks }, frame) =>
      chunks.forEach(({ extents: writes }, chunk) => {
        if (isCorrupt.size > 0 && isCorrupt.has(`${frame}.${chunk}`)) return
        for (const { file } of writes) {
          if (--this.remainingExtents[file]! > 0) continue
          this.filesDone++
          if (!wholeFiles.has(file)) this.finishable.push(file)
        }
      }),
    )
  }

  private noteDamage(writes: { file: number; offset: number }[], detail: string): void {
    for (const { file, offset } of writes)
      this.options.plan.files.noteDamage(file, `its bytes from ${offset} are lost: ${detail}`)
  }

  /** Files that need more than one request, empty ones, and what is left of damaged ones. */
  private async finish(): Promise<void> {
    const { files } = this.options.plan
    const isOwn = (file: number): boolean => !files.linkTo.has(file) && this.resumed[file] !== 1
    const corruptFiles = [...files.damage.keys()].filter(isOwn)
    for (const [numbers, remove] of [
      [this.finishedFiles(isOwn), false],
      [corruptFiles, true],
    ] as const) {
      const batches = inBatches(numbers)
      await this.runAtOnce(async () => {
        for (const batch of batches) {
          const columns = fileColumns(
            files,
            batch.map((number) => ({ number, totalExtents: 0 })),
          )
          const response = await this.send(
            { type: 'finish', job: 0, files: columns, remove },
            buffersOf(columns),
          )
          for (const { file, detail } of response.problems) this.options.onProblem(files.pathOf(file), detail)
        }
      })
    }
  }

  private *finishedFiles(isOwn: (file: number) => boolean): Generator<number> {
    const { files } = this.options.plan
    for (const file of this.finishable) {
      if (!files.damage.has(file)) yield file
    }
    for (let file = 0; file < files.length; file++) {
      if (files.extentCountOf(file) === 0 && isOwn(file) && !files.damage.has(file)) yield file
    }
  }

  /** Waits for all, then throws the first failure: no request is under way any more when it does. */
  private async runAtOnce(run: () => Promise<void>): Promise<void> {
    const outcomes = await Promise.allSettled(
      Array.from({ length: this.load.length * requestsPerWorker + 1 }, run),
    )
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') throw outcome.reason
    }
  }

  private async send(message: ToRestoreWorker, transfer: ArrayBuffer[]): Promise<Done> {
    if (this.failure !== null) throw this.failure.error
    const members: PoolMember<ToRestoreWorker>[] = this.pool!.members
    const job = this.nextJob++
    const idlest = this.load.indexOf(Math.min(...this.load))
    this.load[idlest]!++
    return new Promise<Done>((resolve, reject) => {
      this.jobs.set(job, { resolve, reject })
      members[idlest]!.send({ ...message, job }, transfer)
    }).finally(() => this.load[idlest]!--)
  }

  private receive(response: FromRestoreWorker): void {
    const job = this.jobs.get(response.job)
    if (job === undefined) return
    this.jobs.delete(response.job)
    if (response.type === 'done') job.resolve(response)
    else job.reject(systemError(response))
  }
}

type Done = Extract<FromRestoreWorker, { type: 'done' }>

function systemError(response: Extract<FromRestoreWorker, { type: 'failed' }>): Error {
  if (response.code === 'UNKNOWN')
    return new HoldfastError('internal', `a restore thread failed: ${response.detail}`)
  return Object.assign(new Error(response.detail), { code: response.code, syscall: response.syscall })
}

function* inBatches(numbers: Iterable<number>): Generator<number[]> {
  let batch: number[] = []
  for (const number of numbers) {
    batch.push(number)
    if (batch.length < finishAtOnce) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}
