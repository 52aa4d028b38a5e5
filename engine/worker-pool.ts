// Workers with a typed conversation: threads, or none, and then the caller's own thread does the work, so that a run can
// be replayed. A worker that throws or exits fails whoever waits for the pool.
import { Worker, parentPort, workerData } from 'node:worker_threads'
import { HoldfastError, exitStatus } from '../core/errors.ts'
import type { ErrorCode } from '../core/errors.ts'

export interface PoolMember<Request> {
  readonly number: number
  /** @param transfer memory that the sender gives away: it can't use it any more. */
  send(message: Request, transfer?: ArrayBuffer[]): void
}

export type SendResponse<Response> = (response: Response, transfer?: ArrayBuffer[]) => void

/** What a worker does. It answers by the `Reply` that it was made with; what it throws fails the pool. */
export interface WorkerCode<Request> {
  receive(message: Request): void
  /** Gives back what it holds: nothing will be sent to it any more. */
  close(): void
}

export type WorkerClass<Data, Request, Response> = new (
  data: Data,
  reply: SendResponse<Response>,
) => WorkerCode<Request>

/**
 * A thread's heap holds little, but each frame leaves a buffer to the collector, which begins when they have reached half of
 * the heap's limit: its default lets them grow to 64 MiB in each thread.
 */
const resourceLimits = { maxYoungGenerationSizeMb: 3, maxOldGenerationSizeMb: 64 }

interface RunningWorker<Request> {
  send(message: Request, transfer: ArrayBuffer[]): void
  stop(): Promise<unknown>
}

interface Listener<Response> {
  message(response: Response): void
  failure(error: unknown): void
}

export class WorkerPool<Data, Request, Response> {
  readonly members: PoolMember<Request>[]
  private readonly running: (RunningWorker<Request> | undefined)[] = []

  /**
   * A worker is started when it is first sent something: a backup that finds nothing new needs none.
   * @param worker its class, and the entry of its thread without an ending: `.ts` in the repository, `.js` when published.
   * @param threads 0: one worker in the calling thread.
   */
  constructor(
    worker: { code: WorkerClass<Data, Request, Response>; thread: string },
    threads: number,
    data: Data,
    on: {
      message: (response: Response, member: PoolMember<Request>) => void
      failure: (error: unknown) => void
    },
  ) {
    const start = (member: PoolMember<Request>): RunningWorker<Request> => {
      const listener: Listener<Response> = {
        message: (response) => on.message(response, member),
        failure: on.failure,
      }
      return threads === 0
        ? startInline(worker.code, data, listener)
        : startThread(worker.thread, data, listener)
    }
    this.members = Array.from({ length: Math.max(1, threads) }, (_, number) => {
      const member: PoolMember<Request> = {
        number,
        send: (message, transfer = []) => (this.running[number] ??= start(member)).send(message, transfer),
      }
      return member
    })
  }

  /** The members that were sent something. */
  get startedMembers(): PoolMember<Request>[] {
    return this.members.filter(({ number }) => this.running[number] !== undefined)
  }

  async stop(): Promise<void> {
    await Promise.all(this.running.flatMap((running) => running?.stop() ?? []))
  }
}

function startThread<Request, Response>(
  script: string,
  workerData: unknown,
  on: Listener<Response>,
): RunningWorker<Request> {
  const worker = new Worker(
    new URL(script + (import.meta.url.endsWith('.ts') ? '.ts' : '.js'), import.meta.url),
    { workerData, resourceLimits },
  )
  let stopping = false
  worker.on('message', (response: Response) => on.message(response))
  worker.on('error', (error) => on.failure(restoreErrorClass(error)))
  worker.on('exit', (code) => {
    if (!stopping) on.failure(new HoldfastError('internal', `a worker thread ended with exit code ${code}`))
  })
  return {
    send: (message, transfer) => worker.postMessage(message, transfer),
    stop: () => {
      stopping = true
      return worker.terminate()
    },
  }
}

/** Messages come later, in order, and cloned, as between threads: what was transferred is the receiver's alone. */
function startInline<Data, Request, Response>(
  code: WorkerClass<Data, Request, Response>,
  data: Data,
  on: Listener<Response>,
): RunningWorker<Request> {
  let ended = false
  const deliver = <Message>(
    message: Message,
    transfer: ArrayBuffer[],
    receive: (message: Message) => void,
  ): void => {
    const copy = structuredClone(message, { transfer })
    setImmediate(() => {
      if (!ended) receive(copy)
    })
  }
  const worker = new code(structuredClone(data), (response, transfer = []) =>
    deliver(response, transfer, (copy) => on.message(copy)),
  )
  const receive = (message: Request): void => {
    try {
      worker.receive(message)
    } catch (error) {
      ended = true
      on.failure(error)
    }
  }
  return {
    send: (message, transfer) => deliver(message, transfer, receive),
    stop: () => {
      ended = true
      worker.close()
      return Promise.resolve()
    },
  }
}

/** The whole of a thread's entry. */
export function serveThread<Data, Request, Response>(code: WorkerClass<Data, Request, Response>): void {
  const port = parentPort!
  const worker = new code(workerData as Data, (response, transfer = []) =>
    port.postMessage(response, transfer),
  )
  port.on('message', (message: Request) => worker.receive(message))
}

/** On its way out of a thread a HoldfastError loses its class, but not what it says. */
function restoreErrorClass(error: unknown): unknown {
  const { name, code, message, hint } = error as Partial<HoldfastError>
  if (name !== 'HoldfastError' || code === undefined || !Object.hasOwn(exitStatus, code)) return error
  return new HoldfastError(code satisfies ErrorCode, message ?? '', {
    ...(hint === undefined ? {} : { hint }),
    cause: error,
  })
}
