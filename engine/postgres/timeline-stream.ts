// Streams one timeline of a server into the vault. The server hears that WAL is flushed only after the vault has
// acknowledged it, so that its slot keeps the rest.
import { HoldfastError, isHoldfastError } from '../../core/errors.ts'
import { lsnText, segmentStart } from '../../core/wal/lsn.ts'
import { RecordWalk } from '../../core/wal/record-walk.ts'
import type { WalLine } from '../../core/wal/wal-keys.ts'
import type { WalPartFacts } from '../../core/wal/wal-part.ts'
import type { UploadEnvironment } from '../../core/store/upload.ts'
import { uploadWalPart } from '../wal/wal-upload.ts'
import { OrderedUploads } from './ordered-uploads.ts'
import type { ReplicatedSystem, ReplicationConnection, TimelineSwitch } from './replication.ts'
import { WalQueue } from './wal-queue.ts'
import type { QueuedPart } from './wal-queue.ts'

export type StreamEvent =
  | { kind: 'started'; systemId: string; timeline: number; lsn: bigint }
  | {
      kind: 'part'
      timeline: number
      start: bigint
      end: bigint
      storedBytes: number
      lastCommitUs: bigint | null
    }
  | { kind: 'timeline'; timeline: number; lsn: bigint }
  | { kind: 'slot-created'; slot: string; lsn: bigint }
  | { kind: 'waiting'; reason: string }

export interface StreamEnvironment extends UploadEnvironment {
  /** A part is uploaded when its first byte has waited this long. */
  everyMs: number
  onEvent: (event: StreamEvent) => void
}

export interface StreamPosition {
  timeline: number
  /** The first byte that the vault may not have. */
  lsn: bigint
}

/** The part of a connection that a stream uses. */
type SendingServer = Pick<ReplicationConnection, 'pause' | 'sendStatus' | 'stream'>

const uploadsAtOnce = 4
/** The server waits, and keeps its WAL, while more than this has not reached the vault. */
const maxWaitingBytes = 48 * 2 ** 20
const tickMs = 100
/** Well below the time after which the server gives a silent receiver up. */
const maxStatusIntervalMs = 10_000
const maxRetryDelayMs = 30_000

export class TimelineStream {
  private readonly environment: StreamEnvironment
  private readonly connection: SendingServer
  private readonly system: ReplicatedSystem
  private readonly line: WalLine
  private readonly walk: RecordWalk
  private readonly queue: WalQueue
  private readonly uploads: OrderedUploads
  private received: bigint
  private readonly reply = { isDue: true, isUrgent: false, sentMs: 0 }
  private settle: { resolve: () => void; reject: (error: unknown) => void } | null = null

  constructor(
    environment: StreamEnvironment,
    connection: SendingServer,
    system: ReplicatedSystem,
    { source, position: { timeline, lsn } }: { source: string; position: StreamPosition },
  ) {
    const { segmentBytes, systemId } = system
    this.environment = environment
    this.connection = connection
    this.system = system
    this.line = { source, systemId, timeline }
    // From the begin of its segment on, the walk knows where records begin. The vault has these bytes already.
    this.received = segmentStart(lsn, segmentBytes)
    this.walk = new RecordWalk({ start: this.received, segmentBytes })
    this.queue = new WalQueue({ start: lsn, segmentBytes, everyMs: environment.everyMs })
    this.uploads = new OrderedUploads(lsn, (error) => this.onUpload(error))
  }

  /** The vault has everything before it. */
  get confirmed(): bigint {
    return this.uploads.confirmed
  }

  /** Resolves at the end of the timeline, when the vault has all of it. */
  async run(slot: string): Promise<TimelineSwitch | null> {
    const ticks = setInterval(() => this.tick(), tickMs)
    const failure = new Promise<never>((_, reject) => (this.settle = { resolve: () => {}, reject }))
    try {
      const { timeline } = this.line
      const stream = this.connection.stream(
        { slot, timeline, start: this.received },
        {
          data: (start, bytes) => this.receive(start, bytes),
          keepalive: (end, isReplyRequested) => this.onKeepalive(end, isReplyRequested),
        },
      )
      const next = await Promise.race([stream, failure])
      this.pump(true)
      await Promise.race([this.untilConfirmed(), failure])
      return next
    } finally {
      clearInterval(ticks)
    }
  }

  private async untilConfirmed(): Promise<void> {
    while (this.confirmed < this.queue.end) {
      this.pump(true)
      await new Promise<void>((resolve) => (this.settle!.resolve = resolve))
    }
  }

  private receive(start: bigint, bytes: Buffer): void {
    if (start !== this.received)
      throw new HoldfastError(
        'damaged',
        `the stream goes on at ${lsnText(start)}, not at ${lsnText(this.received)}`,
      )
    this.received += BigInt(bytes.length)
    const repeated = Math.min(bytes.length, Number(this.queue.end - start))
    if (repeated > 0) {
      this.walk.feed(bytes.subarray(0, repeated))
      this.walk.takeFacts()
    }
    const newBytes = bytes.subarray(repeated)
    if (newBytes.length > 0)
      this.queue.push(start + BigInt(repeated), newBytes, this.environment.clock.nowMs())
    this.pump(false)
  }

  /** A server that shuts down asks again and again until all is flushed. */
  private onKeepalive(end: bigint, isReplyRequested: boolean): void {
    if (!isReplyRequested) return
    this.reply.isDue = true
    if (end <= this.received) this.reply.isUrgent = true
  }

  private tick(): void {
    try {
      this.pump(this.reply.isUrgent)
      this.reply.isUrgent = false
      const nowMs = this.environment.clock.nowMs()
      const { senderTimeoutMs } = this.system
      const intervalMs = Math.min(maxStatusIntervalMs, senderTimeoutMs > 0 ? senderTimeoutMs / 4 : Infinity)
      if (this.reply.isDue || nowMs - this.reply.sentMs >= intervalMs) this.sendStatus(nowMs)
    } catch (error) {
      this.settle?.reject(error)
    }
  }

  private sendStatus(nowMs: number): void {
    this.reply.isDue = false
    this.reply.sentMs = nowMs
    this.connection.sendStatus({ received: this.received, flushed: this.confirmed, nowMs })
  }

  private pump(isUrgent: boolean): void {
    const nowMs = this.environment.clock.nowMs()
    while (this.uploads.inFlight < uploadsAtOnce) {
      const part = this.queue.take(nowMs, isUrgent)
      if (part === null) break
      const end = part.start + BigInt(part.bytes.length)
      this.uploads.add({ end, bytes: part.bytes.length }, this.upload(part, end))
    }
    this.connection.pause(this.queue.bytes + this.uploads.bytes > maxWaitingBytes)
  }

  private onUpload(error: unknown): void {
    if (error !== null) {
      this.settle?.reject(error)
      return
    }
    this.pump(false)
    this.sendStatus(this.environment.clock.nowMs())
    this.settle?.resolve()
  }

  /** @throws only what no waiting mends. */
  private async upload(part: QueuedPart, end: bigint): Promise<void> {
    this.walk.feed(part.bytes)
    const facts: WalPartFacts = {
      ...this.walk.takeFacts(),
      segmentBytes: this.system.segmentBytes,
      postgresMajor: Math.floor(this.system.serverVersion / 10_000),
      idleAtUs: null,
    }
    const { onEvent } = this.environment
    const { storedBytes } = await persist(this.environment, () =>
      uploadWalPart(this.environment, this.line, facts, part),
    )
    const { timeline } = this.line
    onEvent({
      ...{ kind: 'part', timeline, start: part.start, end, storedBytes },
      lastCommitUs: facts.lastCommit?.timeUs ?? null,
    })
  }
}

/** Repeats while waiting can help: the server keeps its WAL meanwhile. */
export async function persist<Result>(
  { clock, signal, onEvent }: Pick<StreamEnvironment, 'clock' | 'signal' | 'onEvent'>,
  work: () => Promise<Result>,
): Promise<Result> {
  for (let delayMs = 1000; ; delayMs = Math.min(maxRetryDelayMs, delayMs * 2)) {
    try {
      return await work()
    } catch (error) {
      signal?.throwIfAborted()
      if (!isHoldfastError(error) || !error.retryable) throw error
      onEvent({ kind: 'waiting', reason: error.message })
      await clock.sleep(delayMs, signal)
    }
  }
}
