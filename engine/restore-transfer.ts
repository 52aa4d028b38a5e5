// Moves bytes from packs into files: requests in the order of the packs, a few at once, each handed to a thread that
// decodes, checks and writes. What comes back with a wrong hash is fetched again before it is called damaged.
import type { ChunkReader } from '../core/chunk-reader.ts'
import { HoldfastError, isHoldfastError } from '../core/errors.ts'
import type { ObjectStore } from '../core/object-store.ts'
import { digestOf } from '../core/pack.ts'
import { requestsOf } from '../core/restore-plan.ts'
import type { EntryPlan, PlannedRequest } from '../core/restore-plan.ts'
import { DirectoryHandles } from './directory-handles.ts'
import { isFinished } from './entry-metadata.ts'
import type { RestoreProgress } from './operations.ts'
import { RestoreWorker } from './restore-worker.ts'
import type { BadChunk, ChunkTask, FileTask, FromRestoreWorker, ToRestoreWorker } from './restore-worker.ts'
import { WorkerPool } from './worker-pool.ts'
import type { PoolMember } from './worker-pool.ts'

/** Requests that are being fetched or written, for each thread, and how often bytes with a wrong hash are fetched. */
const requestsPerWorker = 3
const fetches = 3
const finishAtOnce = 256

export class RestoreTransfer {
  private options: {
    store: ObjectStore; reader: ChunkReader; plan: EntryPlan; root: string; specialBits: boolean; isResumed: boolean; workers: number
    signal: AbortSignal | undefined; onProgress: ((progress: RestoreProgress) => void) | undefined; onProblem: (path: Buffer, detail: string) => void
  }
  private jobs = new Map<number, { resolve: (answer: Done) => void; reject: (error: unknown) => void }>()
  private nextJob = 0
  private nextMember = 0
  private pool: WorkerPool<{ root: string; specialBits: boolean }, ToRestoreWorker, FromRestoreWorker> | null = null
  /** Pieces that are still to be written, by number of the file. */
  private left: Int32Array
  private finishable: number[] = []
  private filesDone = 0
  bytesWritten = 0
  bytesFetched = 0

  constructor(options: RestoreTransfer['options']) {
    this.options = options
    this.left = Int32Array.from(options.plan.files, (file) => file.writes)
  }

  async run(): Promise<void> {
    const { reader, plan, workers, root, specialBits } = this.options
    this.pool = new WorkerPool({ code: RestoreWorker, thread: './restore-thread' }, workers, { root, specialBits }, {
      message: (answer) => this.receive(answer),
      failure: (error) => {
        for (const job of this.jobs.values()) job.reject(error)
        this.jobs.clear()
      },
    })
    try {
      const skip = this.findFinished()
      const requests = requestsOf(reader, plan, (file) => !skip.has(file))
      const runners = Array.from({ length: this.pool.members.length * requestsPerWorker }, async () => {
        for (const request of requests) await this.transfer(request)
      })
      await settleAll(runners)
      await this.finish(skip)
    } finally {
      await this.pool.stop()
    }
  }

  /** Files that an interrupted restore finished, by their size and time; these are not fetched again. */
  private findFinished(): Set<number> {
    const finished = new Set<number>()
    if (!this.options.isResumed) return finished
    const handles = new DirectoryHandles(this.options.root)
    this.options.plan.files.forEach((file, number) => {
      if (file.damage === null && file.linkTo === null && isFinished(file.entry, handles.at(file.entry.path))) finished.add(number)
    })
    handles.close()
    return finished
  }

  private async transfer(request: PlannedRequest): Promise<void> {
    let frames = request.frames
    for (let fetch = 1; ; fetch++) {
      this.options.signal?.throwIfAborted()
      const bad = await this.fetchAndWrite({ ...request, frames })
      if (bad.length === 0) return
      const again = new Map<number, BadChunk[]>()
      for (const chunk of bad) again.set(chunk.frame, [...(again.get(chunk.frame) ?? []), chunk])
      if (fetch === fetches) {
        for (const { frame, chunk, detail } of bad) this.damage(frames[frame]!.chunks[chunk]!.writes, detail)
        return
      }
      frames = [...again].map(([frame, chunks]) => ({ frame: frames[frame]!.frame, chunks: chunks.map(({ chunk }) => frames[frame]!.chunks[chunk]!) }))
    }
  }

  private async fetchAndWrite(request: PlannedRequest): Promise<BadChunk[]> {
    const { store, reader } = this.options
    const reference = reader.manifest.packs[request.pack]!
    const offset = request.frames[0]!.frame.offset
    const last = request.frames.at(-1)!.frame
    let data: Uint8Array
    try {
      data = await store.getRange(reference, offset, last.offset + last.storedBytes - offset)
    } catch (error) {
      if (!isHoldfastError(error, 'not-found', 'damaged')) throw error
      // Nothing more can be learned by asking again: the adapter has.
      request.frames.forEach(({ chunks }) => chunks.forEach(({ writes }) => this.damage(writes, error.message)))
      return []
    }
    this.bytesFetched += data.length
    const { job, files } = this.makeJob(request, reference.key, data, offset)
    const done = await job
    for (const { file, detail } of done.problems) this.options.onProblem(this.options.plan.files[file]!.entry.path, detail)
    this.bytesWritten += done.bytesWritten
    this.account(request, done.bad, files)
    this.options.onProgress?.({ files: this.filesDone, bytesFetched: this.bytesFetched, bytesWritten: this.bytesWritten })
    return done.bad
  }

  private makeJob(request: PlannedRequest, what: string, data: Uint8Array, offset: number): { job: Promise<Done>; files: Map<number, FileTask> } {
    const footer = this.options.reader.footers[request.pack]!
    const files = new Map<number, FileTask>()
    const pieces = new Map<number, number>()
    const frames = request.frames.map(({ frame, chunks }) => {
      let offsetInFrame = 0
      let at = frame.firstChunk
      return {
        frame,
        chunks: chunks.map(({ chunk, writes }): ChunkTask => {
          for (; at < chunk; at++) offsetInFrame += footer.lengths[at]!
          for (const { file } of writes) {
            pieces.set(file, (pieces.get(file) ?? 0) + 1)
            if (!files.has(file)) files.set(file, this.fileTask(file))
          }
          return { offsetInFrame, bytes: footer.lengths[chunk]!, digest: Uint8Array.from(digestOf(footer, chunk)), writes }
        }),
      }
    })
    for (const [number, task] of files) task.whole = pieces.get(number) === this.options.plan.files[number]!.writes
    const isOwner = data.byteOffset === 0 && data.byteLength === data.buffer.byteLength
    const owned = isOwner ? data : Uint8Array.from(data)
    const job = this.send({ type: 'write', job: 0, data: owned, offset, what, frames, files: [...files.values()] }, [owned.buffer as ArrayBuffer])
    return { job, files }
  }

  private fileTask(number: number): FileTask {
    const { path, size, sparse, mode, uid, gid, mtimeNs } = this.options.plan.files[number]!.entry
    return { number, path: Uint8Array.from(path), size, sparse, mode, uid, gid, mtimeNs, whole: false }
  }

  /** Counts the pieces that were written; a file whose last one came is finished, here or already by the thread. */
  private account(request: PlannedRequest, bad: BadChunk[], files: Map<number, FileTask>): void {
    const isBad = new Set(bad.map(({ frame, chunk }) => `${frame}.${chunk}`))
    request.frames.forEach(({ chunks }, frame) => chunks.forEach(({ writes }, chunk) => {
      if (isBad.has(`${frame}.${chunk}`)) return
      for (const { file } of writes) {
        if (--this.left[file]! > 0) continue
        this.filesDone++
        if (!files.get(file)!.whole) this.finishable.push(file)
      }
    }))
  }

  private damage(writes: { file: number; offset: number }[], detail: string): void {
    for (const { file, offset } of writes) this.options.plan.files[file]!.damage ??= `its bytes from ${offset} are lost: ${detail}`
  }

  /** Files that need more than one request, empty ones, and what is left of damaged ones. */
  private async finish(skip: ReadonlySet<number>): Promise<void> {
    const { plan } = this.options
    const isOwn = (number: number): boolean => plan.files[number]!.linkTo === null && !skip.has(number)
    const empty = [...plan.files.keys()].filter((number) => isOwn(number) && plan.files[number]!.writes === 0)
    const done = [...this.finishable, ...empty].filter((number) => plan.files[number]!.damage === null)
    const spoiled = [...plan.files.keys()].filter((number) => isOwn(number) && plan.files[number]!.damage !== null)
    for (const [numbers, remove] of [[done, false], [spoiled, true]] as const) {
      const batches: number[][] = []
      for (let start = 0; start < numbers.length; start += finishAtOnce) batches.push(numbers.slice(start, start + finishAtOnce))
      await settleAll(batches.map(async (batch) => {
        const answer = await this.send({ type: 'finish', job: 0, files: batch.map((number) => this.fileTask(number)), remove }, [])
        for (const { file, detail } of answer.problems) this.options.onProblem(plan.files[file]!.entry.path, detail)
      }))
    }
  }

  private send(message: ToRestoreWorker, transfer: ArrayBuffer[]): Promise<Done> {
    const members: PoolMember<ToRestoreWorker>[] = this.pool!.members
    const job = this.nextJob++
    return new Promise((resolve, reject) => {
      this.jobs.set(job, { resolve, reject })
      members[this.nextMember++ % members.length]!.send({ ...message, job }, transfer)
    })
  }

  private receive(answer: FromRestoreWorker): void {
    const job = this.jobs.get(answer.job)
    if (job === undefined) return
    this.jobs.delete(answer.job)
    if (answer.type === 'done') job.resolve(answer)
    else job.reject(systemError(answer))
  }
}

type Done = Extract<FromRestoreWorker, { type: 'done' }>

function systemError(answer: Extract<FromRestoreWorker, { type: 'failed' }>): Error {
  if (answer.code === 'UNKNOWN') return new HoldfastError('internal', `a restore thread failed: ${answer.detail}`)
  return Object.assign(new Error(answer.detail), { code: answer.code, syscall: answer.syscall })
}

/** Waits for all, then throws the first failure: no request is under way any more when it does. */
async function settleAll(promises: Promise<void>[]): Promise<void> {
  const outcomes = await Promise.allSettled(promises)
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') throw outcome.reason
  }
}
