// The two S3 clients of a store: one never repeats a PUT, the other repeats reads. Both have deadlines.
import { Transform } from 'node:stream'
import type { Readable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { S3Client } from '@aws-sdk/client-s3'
import type { S3ClientConfig } from '@aws-sdk/client-s3'
import type { RenewedCredentials } from './credentials.ts'
import { HoldfastError } from '../core/errors.ts'
import { sdkAttempts } from '../core/retry.ts'
import { agentSettings } from './http-agents.ts'
import type { Environment } from './http-agents.ts'
import { ReceivingHttpAgent, ReceivingHttpsAgent } from './receiving-agents.ts'
import { RequestCounter } from './request-count.ts'

export interface Deadlines {
  /** The time to open a connection. */
  connectMs: number
  /** The time without progress: no byte arrives, and the system takes none. Uploads get four times as much. */
  silenceMs: number
  /**
   * The time of a whole call, besides the time of its bytes at `minBytesPerSecond`: a store that sends a byte now and
   * then must not hold a call for ever.
   */
  callMs: number
  minBytesPerSecond: number
}

export const defaultDeadlines: Deadlines = {
  connectMs: 10_000,
  silenceMs: 30_000,
  callMs: 120_000,
  minBytesPerSecond: 8192,
}

/**
 * The system takes up to some megabytes of an upload at once. On a slow link these leave the host while nothing seems
 * to move: 4 MiB at 1 Mbit/s take 34 seconds.
 */
const uploadSilenceFactor = 4

/** Not the SDK's default of 50, because that stalls parallel transfers. */
const maxSockets = 256
/** The limit of an XML response: a page of 1,000 versions with the longest keys is below 5 MiB. */
const maxDocumentBytes = 16 * 1024 * 1024

export interface ConnectionSettings {
  region: () => Promise<string>
  endpoint?: string
  credentials: RenewedCredentials
  deadlines: Deadlines
  /** Attempts of the SDK for one read; it backs off with jitter. */
  readAttempts: number
  environment: Environment
  /** Ends every call in progress. */
  signal?: AbortSignal
}

/** The part of a response that the SDK's output lacks: the status, and headers such as `Date`. */
export interface ResponseHead {
  statusCode: number
  headers: Record<string, string>
}

export class S3Connection {
  readonly counter = new RequestCounter()
  private readonly writer: S3Client
  private readonly reader: S3Client
  private readonly heads = new WeakMap<object, ResponseHead>()
  private readonly deadlines: Deadlines
  private readonly signal: AbortSignal | undefined
  private clockOffsetMs = 0
  private lastDate: { serverMs: number; receivedMs: number } | undefined

  constructor(settings: ConnectionSettings) {
    this.deadlines = settings.deadlines
    this.signal = settings.signal
    const { http, https } = agentSettings(settings.environment)
    const agents = {
      httpAgent: new ReceivingHttpAgent({ ...http, maxSockets }),
      httpsAgent: new ReceivingHttpsAgent({ ...https, maxSockets }),
    }
    const { silenceMs } = settings.deadlines
    this.writer = this.makeClient(settings, agents, {
      attempts: sdkAttempts.put,
      silenceMs: silenceMs * uploadSilenceFactor,
    })
    this.reader = this.makeClient(settings, agents, { attempts: settings.readAttempts, silenceMs })
  }

  /** Makes one attempt only. */
  get forWrites(): S3Client {
    this.shareClockOffset()
    return this.writer
  }

  /** Repeats calls that may succeed later. */
  get forReads(): S3Client {
    this.shareClockOffset()
    return this.reader
  }

  /**
   * Either client signs with what the other has learned of the server's clock. A PUT gets no second attempt to learn
   * it, and a stream of WAL sends nothing but PUTs.
   */
  private shareClockOffset(): void {
    const clients = [this.writer, this.reader]
    const learned = clients.find(({ config }) => config.systemClockOffset !== this.clockOffsetMs)
    if (learned === undefined) return
    this.clockOffsetMs = learned.config.systemClockOffset
    for (const { config } of clients) config.systemClockOffset = this.clockOffsetMs
  }

  /** The deadline of a whole call that moves `bytes` bytes, its body included. */
  deadline(bytes: number): AbortSignal {
    const deadline = AbortSignal.timeout(
      Math.ceil(this.deadlines.callMs + (bytes / this.deadlines.minBytesPerSecond) * 1000),
    )
    return this.signal === undefined ? deadline : AbortSignal.any([deadline, this.signal])
  }

  /** @throws the reason of the caller's signal, if it ends the wait. */
  async sleep(ms: number): Promise<void> {
    await setTimeout(ms, undefined, this.signal === undefined ? {} : { signal: this.signal }).catch(() => {})
    this.throwIfStopped()
  }

  /** Throws the reason of the caller's signal, so that an abort does not read as a network error. */
  throwIfStopped(): void {
    this.signal?.throwIfAborted()
  }

  /** Status and headers of the response that belongs to `output`. */
  headOf(output: object): ResponseHead {
    return this.heads.get(output) ?? { statusCode: 0, headers: {} }
  }

  /** The server's clock now: the last response's `Date` plus the time since then. Null before the first response. */
  serverTimeMs(): number | null {
    return this.lastDate === undefined
      ? null
      : Math.floor(this.lastDate.serverMs + (performance.now() - this.lastDate.receivedMs))
  }

  close(): void {
    this.writer.destroy()
    this.reader.destroy()
  }

  private makeClient(
    settings: ConnectionSettings,
    agents: Agents,
    { attempts, silenceMs }: { attempts: number; silenceMs: number },
  ): S3Client {
    const config: S3ClientConfig & { expectContinueHeader: boolean } = {
      region: settings.region,
      credentials: Object.assign(() => settings.credentials.get(), { memoized: true }),
      maxAttempts: attempts,
      retryMode: 'standard',
      requestHandler: {
        ...agents,
        connectionTimeout: settings.deadlines.connectMs,
        socketTimeout: silenceMs,
      },
      // The caller passes the checksum that the server verifies, and readers check each chunk's hash.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      // With this header the SDK opens a connection for each PUT, and waits seconds for stores that ignore it.
      expectContinueHeader: false,
      ...(settings.endpoint === undefined ? {} : { endpoint: settings.endpoint, forcePathStyle: true }),
    }
    const client = new S3Client(config)
    this.watchResponses(client)
    return client
  }

  private watchResponses(client: S3Client): void {
    client.middlewareStack.add(
      (next, context) => async (args) => {
        this.counter.count(context.commandName)
        const result = await next(args)
        const response = result.response as {
          statusCode: number
          headers: Record<string, string>
          body?: unknown
        }
        const head = { statusCode: response.statusCode, headers: response.headers }
        const serverMs = Date.parse(response.headers['date'] ?? '')
        if (!Number.isNaN(serverMs)) this.lastDate = { serverMs, receivedMs: performance.now() }
        if (typeof result.output === 'object') this.heads.set(result.output, head)
        return result
      },
      { step: 'deserialize', priority: 'high', name: 'holdfastReplyHead' },
    )
    client.middlewareStack.add(
      (next, context) => async (args) => {
        const result = await next(args)
        const response = result.response as {
          statusCode: number
          headers: Record<string, string>
          body?: unknown
        }
        const isDocument = context.commandName !== 'GetObjectCommand' || response.statusCode >= 300
        if (isDocument && isReadable(response.body)) response.body = limitDocument(response.body)
        return result
      },
      { step: 'deserialize', priority: 'low', name: 'holdfastDocumentLimit' },
    )
  }
}

interface Agents {
  httpAgent: ReceivingHttpAgent
  httpsAgent: ReceivingHttpsAgent
}

function isReadable(body: unknown): body is Readable {
  return typeof body === 'object' && body !== null && 'pipe' in body
}

/** Ends a response that is too long: a hostile store must not fill the memory. */
function limitDocument(body: Readable): Readable {
  let bytes = 0
  const limit = new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      bytes += chunk.length
      if (bytes <= maxDocumentBytes) return callback(null, chunk)
      callback(
        new HoldfastError('unreachable', "the store's response is longer than any response of S3", {
          hint: 'check that the endpoint (--endpoint, AWS_ENDPOINT_URL) is an S3 store',
        }),
      )
    },
  })
  body.once('error', (error) => limit.destroy(error))
  body.once('close', () => {
    if (!body.readableEnded)
      limit.destroy(Object.assign(new Error('the response ended early'), { code: 'ECONNRESET' }))
  })
  limit.once('close', () => body.destroy())
  return body.pipe(limit)
}
