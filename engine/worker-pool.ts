// Workers with typed messages: threads, or the calling thread, so that a simulation can replay a run. A
// worker that throws or exits fails the caller that waits for the pool.
import { Worker, parentPort, workerData } from 'node:worker_threads'
import type { ResourceLimits } from 'node:worker_threads'
import { HoldfastError, exitStatus } from '../core/errors.ts'
import type { ErrorCode } from '../core/errors.ts'

export interface PoolMember<Request> {
  readonly number: number
  /** @param transfer buffers that the worker takes over. The sender can't use them afterwards. */
  send(message: Request, transfer?: ArrayBuffer[]): void
}

export type SendResponse<Response> = (response: Response, transfer?: ArrayBuffer[]) => void

/**
 * The code of a worker. It responds by the `SendResponse` of its constructor. An error that it throws fails
 * the pool.
 */
export interface WorkerCode<Request> {
  receive(message: Request): void
  /** Releases what the worker holds, because no message follows. */
  close(): void
}

export type WorkerClass<Data, Request, Response> = new (
  data: Data,
  reply: SendResponse<Response>,
) => WorkerCode<Request>

/**
 * Low limits, because each frame leaves a buffer to the collector. It begins to collect when the buffers
 * reach half of the heap's limit; by default they would grow to 64 MiB in each thread.
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
   * The first message to a worker starts it, because a backup without changes needs none.
   * @param worker its class, and the file of its thread without the extension: `.ts` in the repository, `.js`
   * when published; `limits` for one whose memory grows with the data.
   * @param threads 0: one worker in the calling thread.
   */
  constructor(
    worker: { code: WorkerClass<Data, Request, Response>; thread: string; limits?: ResourceLimits },
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
        : startThread(
            worker.thread,
            { workerData: data, resourceLimits: worker.limits ?? resourceLimits },
            listener,
          )
    }
    this.members = Array.from({ length: Math.max(1, threads) }, (_, number) => {
      const member: PoolMember<Request> = {
        number,
        send: (message, transfer = []) => (this.running[number] ??= start(member)).send(message, transfer),
      }
      return member
    })
  }

  /** The members that have received a message. */
  get startedMembers(): PoolMember<Request>[] {
    return this.members.filter(({ number }) => this.running[number] !== undefined)
  }

  async stop(): Promise<void> {
    await Promise.all(this.running.flatMap((running) => running?.stop() ?? []))
  }
}

function startThread<Request, Response>(
  script: string,
  options: { workerData: unknown; resourceLimits: ResourceLimits },
  on: Listener<Response>,
): RunningWorker<Request> {
  const worker = new Worker(
    new URL(script + (import.meta.url.endsWith('.ts') ? '.ts' : '.js'), import.meta.url),
    options,
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

/**
 * Delivers messages as between threads: later, in order, and cloned. The receiver alone owns a transferred
 * buffer.
 */
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

/** A thread's file calls nothing else. */
export function serveThread<Data, Request, Response>(code: WorkerClass<Data, Request, Response>): void {
  const port = parentPort!
  const worker = new code(workerData as Data, (response, transfer = []) =>
    port.postMessage(response, transfer),
  )
  port.on('message', (message: Request) => worker.receive(message))
}

/** Makes a HoldfastError again, because an error loses its class when it leaves a thread. */
function restoreErrorClass(error: unknown): unknown {
  const { name, code, message, hint } = error as Partial<HoldfastError>
  if (name !== 'HoldfastError' || code === undefined || !Object.hasOwn(exitStatus, code)) return error
  return new HoldfastError(code satisfies ErrorCode, message ?? '', {
    ...(hint === undefined ? {} : { hint }),
    cause: error,
  })
}
