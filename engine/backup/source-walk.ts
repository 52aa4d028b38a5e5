// The walk over a source: by the caller, or by a thread that is a few batches ahead.
import type { Selection } from '../selection.ts'
import { walk } from '../walk.ts'
import type { Step } from '../walk.ts'
import { WorkerPool } from '../worker-pool.ts'
import { decodeSteps } from './walk-batch.ts'
import { WalkWorker, nextSteps } from './walk-worker.ts'
import type { FromWalkWorker, WalkWorkerData } from './walk-worker.ts'

/** Few batches, because an entry may change between its lstat and the time when it is read. */
const maxThreadAhead = 4

/** The names of a directory are in memory at once: the heap may grow as that of the main thread. */
const limits = { maxYoungGenerationSizeMb: 3 } as const

export interface SourceWalk {
  /** True if `next` has an answer; otherwise asks for it. */
  readonly hasNext: boolean
  /** The next steps, in order; null after the last. Call it when `hasNext` is true. */
  next(): Iterable<Step> | null
  stop(): Promise<void>
}

/** For a small source, which would not repay a thread and the copy of each step. */
export class OwnWalk implements SourceWalk {
  readonly hasNext = true
  private readonly steps: Generator<Step>

  constructor(directory: string, selection: Selection) {
    this.steps = walk(directory, selection)
  }

  next(): Iterable<Step> | null {
    const steps = nextSteps(this.steps)
    return steps.length === 0 ? null : steps
  }

  stop(): Promise<void> {
    this.steps.return(undefined)
    return Promise.resolve()
  }
}

export class ThreadWalk implements SourceWalk {
  private readonly root: string
  private readonly pool: WorkerPool<WalkWorkerData, 'next', FromWalkWorker>
  private readonly batches: FromWalkWorker[] = []
  /** Batches that were requested and not taken. */
  private ahead = 0
  private isEnded = false

  /** @param on.progress is called for each batch. */
  constructor(
    directory: string,
    selection: Selection,
    on: { progress: () => void; failure: (error: unknown) => void },
  ) {
    this.root = directory
    this.pool = new WorkerPool(
      { code: WalkWorker, thread: './backup/walk-thread', limits },
      1,
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

  get hasNext(): boolean {
    if (this.isEnded) return true
    for (; this.ahead < maxThreadAhead; this.ahead++) this.pool.members[0]!.send('next')
    return this.batches.length > 0
  }

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
