// The SDK's clients as Holdfast needs them: one that never repeats a PUT, one that repeats reads, deadlines on both.
import { Transform } from 'node:stream'
import type { Readable } from 'node:stream'
import { S3Client } from '@aws-sdk/client-s3'
import type { S3ClientConfig } from '@aws-sdk/client-s3'
import type { RenewedCredentials } from './credentials.ts'
import { HoldfastError } from '../core/errors.ts'
import { sdkAttempts } from '../core/retry.ts'
import { ReceivingHttpAgent, ReceivingHttpsAgent } from './receiving-agents.ts'
import { RequestCounter } from './request-count.ts'

export interface Deadlines {
  /** To open a connection. */
  connectMs: number
  /** Without a byte in either direction. */
  silenceMs: number
  /** A whole call, on top of what its bytes take at `slowestBytesPerSecond`. */
  callMs: number
  slowestBytesPerSecond: number
}

export const defaultDeadlines: Deadlines = {
  connectMs: 10_000,
  silenceMs: 30_000,
  callMs: 120_000,
  slowestBytesPerSecond: 65_536,
}

/** The SDK's default of 50 stalls parallel transfers. */
const maxSockets = 256
/** An answer in XML: a page of 1,000 versions with the longest keys is below 5 MiB. */
const longestDocumentBytes = 16 * 1024 * 1024

export interface ConnectionSettings {
  region: () => Promise<string>
  endpoint?: string
  credentials: RenewedCredentials
  deadlines: Deadlines
  /** Attempts of the SDK for one read; it backs off with jitter. */
  readAttempts: number
  /** Ends every call that is under way. */
  signal?: AbortSignal
}

/** What the SDK's own output doesn't carry: the reply's `Date`, and how it came about. */
export interface ReplyHead {
  statusCode: number
  headers: Record<string, string>
}

export class S3Connection {
  readonly counter = new RequestCounter()
  private readonly writer: S3Client
  private readonly reader: S3Client
  private readonly heads = new WeakMap<object, ReplyHead>()
  private readonly deadlines: Deadlines
  private readonly signal: AbortSignal | undefined
  private lastDate: { serverMs: number; seenMs: number } | undefined

  constructor(settings: ConnectionSettings) {
    this.deadlines = settings.deadlines
    this.signal = settings.signal
    const agents = {
      httpAgent: new ReceivingHttpAgent({ keepAlive: true, maxSockets }),
      httpsAgent: new ReceivingHttpsAgent({ keepAlive: true, maxSockets }),
    }
    this.writer = this.makeClient(settings, agents, sdkAttempts.put)
    this.reader = this.makeClient(settings, agents, settings.readAttempts)
  }

  /** One attempt, whatever happens to it. */
  get forWrites(): S3Client {
    // What a read has learned of the server's clock signs the next PUT, which gets no second attempt to learn it.
    this.writer.config.systemClockOffset = this.reader.config.systemClockOffset
    return this.writer
  }

  /** Repeats what may succeed later. */
  get forReads(): S3Client {
    return this.reader
  }

  /** The deadline of a whole call that moves `bytes` bytes, its body included. */
  deadline(bytes: number): AbortSignal {
    const deadline = AbortSignal.timeout(
      Math.ceil(this.deadlines.callMs + (bytes / this.deadlines.slowestBytesPerSecond) * 1000),
    )
    return this.signal === undefined ? deadline : AbortSignal.any([deadline, this.signal])
  }

  /** Throws what the caller has stopped everything with, so that it isn't taken for an error of the network. */
  throwIfStopped(): void {
    this.signal?.throwIfAborted()
  }

  /** Status and headers of the reply that `output` was made from. */
  headOf(output: object): ReplyHead {
    return this.heads.get(output) ?? { statusCode: 0, headers: {} }
  }

  /** The server's clock now: the last reply's `Date`, and the time since then. Null before the first reply. */
  serverTimeMs(): number | null {
    return this.lastDate === undefined
      ? null
      : this.lastDate.serverMs + (performance.now() - this.lastDate.seenMs)
  }

  close(): void {
    this.writer.destroy()
    this.reader.destroy()
  }

  private makeClient(settings: ConnectionSettings, agents: Agents, attempts: number): S3Client {
    const config: S3ClientConfig & { expectContinueHeader: boolean } = {
      region: settings.region,
      credentials: Object.assign(() => settings.credentials.get(), { memoized: true }),
      maxAttempts: attempts,
      retryMode: 'standard',
      requestHandler: {
        ...agents,
        connectionTimeout: settings.deadlines.connectMs,
        socketTimeout: settings.deadlines.silenceMs,
      },
      // The caller has computed the checksum that the server verifies; chunks are checked by their own hash.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      // With it the SDK opens a new connection for each PUT, and waits seconds for stores that don't know it.
      expectContinueHeader: false,
      ...(settings.endpoint === undefined ? {} : { endpoint: settings.endpoint, forcePathStyle: true }),
    }
    const client = new S3Client(config)
    this.watchReplies(client)
    return client
  }

  private watchReplies(client: S3Client): void {
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
        if (!Number.isNaN(serverMs)) this.lastDate = { serverMs, seenMs: performance.now() }
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

/** A store that answers without end must not fill the memory. */
function limitDocument(body: Readable): Readable {
  let bytes = 0
  const limit = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      if (bytes <= longestDocumentBytes) return done(null, chunk)
      done(
        new HoldfastError('unreachable', "the store's answer is longer than any that S3 gives", {
          hint: 'check that the endpoint is an S3 store',
        }),
      )
    },
  })
  body.once('error', (error) => limit.destroy(error))
  body.once('close', () => {
    if (!body.readableEnded)
      limit.destroy(Object.assign(new Error('the answer ended early'), { code: 'ECONNRESET' }))
  })
  limit.once('close', () => body.destroy())
  return body.pipe(limit)
}
