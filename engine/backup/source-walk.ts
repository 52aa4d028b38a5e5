// The walk over a source, in a thread that is a few batches ahead.
import type { Selection } from '../selection.ts'
import type { Step } from '../walk.ts'
import { WorkerPool } from '../worker-pool.ts'
import { decodeSteps } from './walk-batch.ts'
import { WalkWorker } from './walk-worker.ts'
import type { FromWalkWorker, WalkWorkerData } from './walk-worker.ts'

/** Few batches, because an entry may change between its lstat and the time when it is read. */
const maxThreadAhead = 4

/** The names of a directory are in memory at once: the heap may grow as that of the main thread. */
const limits = { maxYoungGenerationSizeMb: 3 } as const

export interface SourceWalkOptions {
  directory: string
  /** 0: the calling thread walks. */
  workers: number
  selection: Selection
}

export class SourceWalk {
  private readonly root: string
  private readonly pool: WorkerPool<WalkWorkerData, 'next', FromWalkWorker>
  private readonly batches: FromWalkWorker[] = []
  private readonly maxAhead: number
  /** Batches that were requested and not taken. */
  private ahead = 0
  private isEnded = false

  /** @param on.progress is called for each batch. */
  constructor(
    { directory, workers, selection }: SourceWalkOptions,
    on: { progress: () => void; failure: (error: unknown) => void },
  ) {
    this.root = directory
    this.maxAhead = workers === 0 ? 1 : maxThreadAhead
    this.pool = new WorkerPool(
      { code: WalkWorker, thread: './backup/walk-thread', limits },
      Math.min(1, workers),
      { directory, exclude: selection.options },
      {
        message: (response) => {
          this.batches.push(response)
          on.progress()
        },
        failure: on.failure,
      },
    )
  }

  /** True if `next` has an answer; otherwise asks for it. */
  get hasNext(): boolean {
    if (this.isEnded) return true
    for (; this.ahead < this.maxAhead; this.ahead++) this.pool.members[0]!.send('next')
    return this.batches.length > 0
  }

  /** The next steps, in order; null after the last. Call it when `hasNext` is true. */
  next(): Iterable<Step> | null {
    if (this.isEnded) return null
    const { batch, isLast } = this.batches.shift()!
    this.ahead--
    this.isEnded = isLast
    return decodeSteps(batch, this.root)
  }

  stop(): Promise<void> {
    return this.pool.stop()
  }
}
