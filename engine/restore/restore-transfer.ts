// Moves bytes from packs into files. It sends several requests at once, in the order of the packs. A thread
// decodes, verifies and writes each response. Chunks with a wrong hash are fetched again before the file is
// reported as damaged.
import type { PackContents } from '../../core/restore-plan/chunk-reader.ts'
import { isHoldfastError } from '../../core/errors.ts'
import { damagedReadRetry } from '../../core/retry.ts'
import type { ObjectStore } from '../../core/store/object-store.ts'
import { maxRequestBytes, requestsOf } from '../../core/restore-plan/restore-plan.ts'
import type { PlannedFrame } from '../../core/pack/pack-extents.ts'
import type { EntryPlan, PlannedRequest } from '../../core/restore-plan/restore-plan.ts'
import type { RestoreProgress } from '../operations.ts'
import { ExtentCountdown } from './extent-countdown.ts'
import { buffersOf, fileColumns } from './restore-message.ts'
import type { CorruptChunk } from './restore-message.ts'
import { RestoreThreads } from './restore-threads.ts'
import type { WriteResult } from './restore-threads.ts'
import { ResumedFiles, findResumedFiles } from './resumed-files.ts'
import { makeWriteMessage } from './write-message.ts'

/** Files in one message to finish them. */
const finishBatchFiles = 256
/** A smaller response has a buffer of its own. */
const minPooledBytes = 1024 * 1024

export interface TransferOptions {
  store: ObjectStore
  packs: PackContents
  plan: EntryPlan
  root: string
  specialBits: boolean
  /** An interrupted restore has left files in `root`. */
  isResumed: boolean
  /** The interrupted restore ran since the last start of the machine. */
  isSameBoot: boolean
  workers: number
  signal: AbortSignal | undefined
  onProgress: ((progress: RestoreProgress) => void) | undefined
  onProblem: (path: Buffer, detail: string) => void
}

export class RestoreTransfer {
  bytesWritten = 0
  bytesFetched = 0
  resumed = new ResumedFiles(0)
  private readonly options: TransferOptions
  private readonly threads: RestoreThreads
  private readonly countdown: ExtentCountdown
  /**
   * Buffers of finished requests, for the next ones, because the collector would release them late. Shared
   * buffers, because both collectors count a transferred buffer as new memory and begin to collect.
   */
  private readonly freeBuffers: SharedArrayBuffer[] = []

  constructor(options: TransferOptions) {
    const { workers, root, specialBits, isResumed } = options
    this.options = options
    this.threads = new RestoreThreads(workers, { root, specialBits, isResumed })
    this.countdown = new ExtentCountdown(options.plan.files)
  }

  async run(): Promise<void> {
    const { packs, plan, root, isResumed, isSameBoot } = this.options
    try {
      if (isResumed) {
        this.resumed = findResumedFiles(plan.files, root, isSameBoot)
        this.report()
      }
      const requests = requestsOf(packs, plan, (file) => !this.resumed.isFinished(file))
      await this.threads.runConcurrently(async () => {
        for (const request of requests) await this.transfer(request)
      })
      await this.finish()
    } finally {
      await this.threads.stop()
    }
  }

  private report(): void {
    const { bytesFetched, bytesWritten, resumed } = this
    const files = resumed.count + this.countdown.filesDone
    this.options.onProgress?.({ files, bytesFetched, bytesWritten, bytesResumed: resumed.bytes })
  }

  private async transfer(request: PlannedRequest): Promise<void> {
    this.options.signal?.throwIfAborted()
    const isBegun = (file: number): boolean => this.resumed.isBegun(file)
    let frames =
      this.options.isResumed && request.frames.some((frame) => frame.hasFile(isBegun))
        ? await this.findMissing(request)
        : request.frames
    for (let fetch = 1; frames.length > 0; fetch++) {
      this.options.signal?.throwIfAborted()
      const corruptChunks = await this.fetchAndWrite({ ...request, frames })
      if (corruptChunks.length === 0) return
      if (fetch === damagedReadRetry.maxAttempts) {
        for (const { frame, chunk, detail } of corruptChunks)
          this.noteDamage(frames[frame]!.chunks[chunk]!.extents, detail)
        return
      }
      frames = onlyChunks(frames, corruptChunks)
    }
  }

  /**
   * The frames that must be fetched: of those an interrupted restore wrote, a thread compares each extent with its
   * hash.
   */
  private async findMissing(request: PlannedRequest): Promise<PlannedFrame[]> {
    const footer = this.options.packs.footers[request.pack]!
    const nothing = { packKey: '', data: new Uint8Array(0), offset: 0 }
    const { message, wholeFiles } = makeWriteMessage(this.options.plan.files, footer, request, nothing)
    const result = await this.threads.send(
      { ...message, type: 'prove' },
      buffersOf(message.chunks, message.extents, message.files),
    )
    this.resumed.bytes += result.bytesWritten
    this.reportProblems(result)
    this.countdown.recordWritten(request, result.corruptChunks, wholeFiles)
    this.report()
    return onlyChunks(request.frames, result.corruptChunks)
  }

  private async fetchAndWrite(request: PlannedRequest): Promise<CorruptChunk[]> {
    const { manifest, footers } = this.options.packs
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
      if (!isHoldfastError(error, 'not-found', 'damaged', 'archived')) throw error
      if (buffer !== undefined) this.freeBuffers.push(buffer)
      // No further attempt, because the store's adapter has already repeated the request.
      request.frames.forEach(({ chunks }) =>
        chunks.forEach(({ extents }) => this.noteDamage(extents, error.message)),
      )
      return []
    }
    this.bytesFetched += data.length
    // Copy before the transfer, because the store's client may share this memory with other responses.
    const ownedData = data.buffer === buffer ? null : new Uint8Array(data)
    const { message, wholeFiles } = makeWriteMessage(
      this.options.plan.files,
      footers[request.pack]!,
      request,
      { packKey: reference.key, data: ownedData ?? data, offset },
    )
    const result = await this.threads.send(message, [
      ...(ownedData === null ? [] : [ownedData.buffer]),
      ...buffersOf(message.chunks, message.extents, message.files),
    ])
    if (buffer !== undefined) this.freeBuffers.push(buffer)
    this.bytesWritten += result.bytesWritten
    this.reportProblems(result)
    this.countdown.recordWritten(request, result.corruptChunks, wholeFiles)
    this.report()
    return result.corruptChunks
  }

  private noteDamage(extents: { file: number; offset: number }[], detail: string): void {
    for (const { file, offset } of extents)
      this.options.plan.files.noteDamage(file, `its bytes from ${offset} are lost: ${detail}`)
  }

  private reportProblems({ problems }: WriteResult): void {
    for (const { file, detail } of problems)
      this.options.onProblem(this.options.plan.files.pathOf(file), detail)
  }

  /** Finishes files of several messages and empty files; removes the parts of damaged files. */
  private async finish(): Promise<void> {
    const { files } = this.options.plan
    const isRestored = (file: number): boolean =>
      files.firstNameOf(file) === null && !this.resumed.isFinished(file)
    const corruptFiles = [...files.damage.keys()].filter(isRestored)
    for (const [numbers, remove] of [
      [this.unfinishedFiles(isRestored), false],
      [corruptFiles, true],
    ] as const) {
      const batches = inBatches(numbers)
      await this.threads.runConcurrently(async () => {
        for (const batch of batches) {
          const columns = fileColumns(
            files,
            batch.map((number) => ({ number, totalExtents: 0 })),
          )
          this.reportProblems(
            await this.threads.send({ type: 'finish', job: 0, files: columns, remove }, buffersOf(columns)),
          )
        }
      })
    }
  }

  private *unfinishedFiles(isRestored: (file: number) => boolean): Generator<number> {
    const { files } = this.options.plan
    for (const file of this.countdown.unfinished) {
      if (!files.damage.has(file)) yield file
    }
    for (let file = 0; file < files.length; file++) {
      if (files.extentCountOf(file) === 0 && isRestored(file) && !files.damage.has(file)) yield file
    }
  }
}

/** The frames of these chunks, without their other chunks. */
function onlyChunks(frames: readonly PlannedFrame[], chunks: readonly CorruptChunk[]): PlannedFrame[] {
  return [...Map.groupBy(chunks, ({ frame }) => frame)].map(([frame, inFrame]) => {
    const planned = frames[frame]!.chunks
    return frames[frame]!.only(new Set(inFrame.map(({ chunk }) => planned[chunk]!.chunk)))
  })
}

function* inBatches(numbers: Iterable<number>): Generator<number[]> {
  let batch: number[] = []
  for (const number of numbers) {
    batch.push(number)
    if (batch.length < finishBatchFiles) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}
