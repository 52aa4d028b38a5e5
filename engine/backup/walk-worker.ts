// The thread that walks the source, because the lstat of each entry is a third of a daily run.
import type { ExcludeOptions } from '../operations.ts'
import { Selection } from '../selection.ts'
import { walk } from '../walk.ts'
import type { Step } from '../walk.ts'
import type { SendResponse, WorkerCode } from '../worker-pool.ts'
import { encodeSteps } from './walk-batch.ts'
import type { WalkBatch } from './walk-batch.ts'

const batchSteps = 256

export interface WalkWorkerData {
  directory: string
  exclude: ExcludeOptions
}

export interface FromWalkWorker {
  batch: WalkBatch
  /** No step follows. */
  isLast: boolean
}

/** Walks on by one batch for each message. */
export class WalkWorker implements WorkerCode<'next'> {
  private readonly steps: Generator<Step>
  private readonly reply: SendResponse<FromWalkWorker>

  constructor({ directory, exclude }: WalkWorkerData, reply: SendResponse<FromWalkWorker>) {
    this.steps = walk(directory, new Selection(exclude))
    this.reply = reply
  }

  receive(): void {
    const batch = nextSteps(this.steps)
    this.reply({ batch: encodeSteps(batch), isLast: batch.length < batchSteps })
  }

  close(): void {
    this.steps.return(undefined)
  }
}

/** One batch of steps; fewer only at the end of the walk. */
export function nextSteps(walked: Generator<Step>): Step[] {
  const steps: Step[] = []
  while (steps.length < batchSteps) {
    const next = walked.next()
    if (next.done === true) break
    steps.push(next.value)
  }
  return steps
}
