// Threads with a typed conversation. A thread that throws or exits fails whoever waits for the pool.
import { Worker } from 'node:worker_threads'
import { HoldfastError } from '../core/errors.ts'

export interface PoolMember<Request> {
  readonly number: number
  send(message: Request, transfer?: ArrayBuffer[]): void
}

export class WorkerPool<Request, Answer> {
  readonly members: PoolMember<Request>[]
  private workers: Worker[]
  private stopping = false

  /** @param script without its ending: it is a `.ts` file in the repository and a `.js` file when published. */
  constructor(
    script: string, count: number, workerData: unknown,
    on: { message: (answer: Answer, member: PoolMember<Request>) => void; failure: (error: unknown) => void },
  ) {
    const url = new URL(script + (import.meta.url.endsWith('.ts') ? '.ts' : '.js'), import.meta.url)
    this.workers = Array.from({ length: count }, () => new Worker(url, { workerData }))
    this.members = this.workers.map((worker, number) => {
      const member = { number, send: (message: Request, transfer: ArrayBuffer[] = []) => worker.postMessage(message, transfer) }
      worker.on('message', (answer: Answer) => on.message(answer, member))
      worker.on('error', on.failure)
      worker.on('exit', (code) => {
        if (!this.stopping) on.failure(new HoldfastError('internal', `a worker thread ended with exit code ${code}`))
      })
      return member
    })
  }

  async stop(): Promise<void> {
    this.stopping = true
    await Promise.all(this.workers.map((worker) => worker.terminate()))
  }
}
