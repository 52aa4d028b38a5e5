// Threads with a typed conversation. A thread that throws or exits fails whoever waits for the pool.
import { Worker } from 'node:worker_threads'
import { HoldfastError, exitStatus } from '../core/errors.ts'
import type { ErrorCode } from '../core/errors.ts'

export interface PoolMember<Request> {
  readonly number: number
  send(message: Request, transfer?: ArrayBuffer[]): void
}

export class WorkerPool<Request, Answer> {
  readonly members: PoolMember<Request>[]
  private workers: (Worker | undefined)[] = []
  private stopping = false

  /**
   * A thread is started when it is first sent something: a backup that finds nothing new needs none.
   * @param script without its ending: it is a `.ts` file in the repository and a `.js` file when published.
   */
  constructor(
    script: string, count: number, workerData: unknown,
    on: { message: (answer: Answer, member: PoolMember<Request>) => void; failure: (error: unknown) => void },
  ) {
    const url = new URL(script + (import.meta.url.endsWith('.ts') ? '.ts' : '.js'), import.meta.url)
    const start = (member: PoolMember<Request>): Worker => {
      const worker = new Worker(url, { workerData })
      worker.on('message', (answer: Answer) => on.message(answer, member))
      worker.on('error', (error) => on.failure(revive(error)))
      worker.on('exit', (code) => {
        if (!this.stopping) on.failure(new HoldfastError('internal', `a worker thread ended with exit code ${code}`))
      })
      return worker
    }
    this.members = Array.from({ length: count }, (_, number) => {
      const member: PoolMember<Request> = {
        number,
        send: (message, transfer = []) => (this.workers[number] ??= start(member)).postMessage(message, transfer),
      }
      return member
    })
  }

  /** The members that were sent something. */
  get started(): PoolMember<Request>[] {
    return this.members.filter(({ number }) => this.workers[number] !== undefined)
  }

  async stop(): Promise<void> {
    this.stopping = true
    await Promise.all(this.workers.flatMap((worker) => worker?.terminate() ?? []))
  }
}

/** On its way out of a thread a HoldfastError loses its class, but not what it says. */
function revive(error: unknown): unknown {
  const { name, code, message, hint } = error as Partial<HoldfastError>
  if (name !== 'HoldfastError' || code === undefined || !Object.hasOwn(exitStatus, code)) return error
  return new HoldfastError(code satisfies ErrorCode, message ?? '', { ...(hint === undefined ? {} : { hint }), cause: error })
}
