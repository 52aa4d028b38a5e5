// The threads of a restore. Each message goes to the thread with the fewest unanswered messages.
import { HoldfastError } from '../../core/errors.ts'
import type { FromRestoreWorker, ToRestoreWorker } from './restore-message.ts'
import { RestoreWorker } from './restore-worker.ts'
import type { RestoreWorkerData } from './restore-worker.ts'
import { WorkerPool } from '../worker-pool.ts'

/** For each thread, the messages that are being fetched or written. */
const messagesPerThread = 2

export type WriteResult = Extract<FromRestoreWorker, { type: 'done' }>

interface Job {
  resolve: (result: WriteResult) => void
  reject: (error: unknown) => void
}

export class RestoreThreads {
  private readonly pool: WorkerPool<RestoreWorkerData, ToRestoreWorker, FromRestoreWorker>
  private readonly jobs = new Map<number, Job>()
  private nextJob = 0
  /** Unanswered messages of each thread. */
  private readonly load: number[]
  /** The first failure of a thread, because a thread that failed answers no later message. */
  private failure: { error: unknown } | null = null

  /** @param threads 0: the calling thread does the work. */
  constructor(threads: number, data: RestoreWorkerData) {
    this.pool = new WorkerPool({ code: RestoreWorker, thread: './restore/restore-thread' }, threads, data, {
      message: (response) => this.receive(response),
      failure: (error) => this.fail(error),
    })
    this.load = this.pool.members.map(() => 0)
  }

  /**
   * Calls `run` as often as messages can be under way, and once more, so that a free thread finds the next message
   * ready. Waits for all calls before it throws the first failure, because no request may outlive the restore.
   */
  async runConcurrently(run: () => Promise<void>): Promise<void> {
    const outcomes = await Promise.allSettled(
      Array.from({ length: this.load.length * messagesPerThread + 1 }, run),
    )
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') throw outcome.reason
    }
  }

  /** @param transfer buffers that the thread takes over. */
  async send(message: ToRestoreWorker, transfer: ArrayBuffer[]): Promise<WriteResult> {
    if (this.failure !== null) throw this.failure.error
    const job = this.nextJob++
    const idlest = this.load.indexOf(Math.min(...this.load))
    this.load[idlest]!++
    return new Promise<WriteResult>((resolve, reject) => {
      this.jobs.set(job, { resolve, reject })
      this.pool.members[idlest]!.send({ ...message, job }, transfer)
    }).finally(() => this.load[idlest]!--)
  }

  stop(): Promise<void> {
    return this.pool.stop()
  }

  private receive(response: FromRestoreWorker): void {
    const job = this.jobs.get(response.job)
    if (job === undefined) return
    this.jobs.delete(response.job)
    if (response.type === 'done') job.resolve(response)
    else job.reject(systemError(response))
  }

  private fail(error: unknown): void {
    this.failure ??= { error }
    for (const job of this.jobs.values()) job.reject(error)
    this.jobs.clear()
  }
}

function systemError(response: Extract<FromRestoreWorker, { type: 'failed' }>): Error {
  if (response.code === 'UNKNOWN')
    return new HoldfastError('internal', `a restore thread failed: ${response.detail}`)
  return Object.assign(new Error(response.detail), { code: response.code, syscall: response.syscall })
}
