// The bytes of a stream, cut into parts: none crosses the border of a segment. A part is ready when it has enough
// bytes, when its first byte has waited long enough, or when its segment is full.
import { HoldfastError } from '../../core/errors.ts'
import { lsnText, segmentStart } from '../../core/wal/lsn.ts'

/** Parts of this size are worth a request. */
const readyBytes = 2 ** 20

export interface QueuedPart {
  start: bigint
  bytes: Buffer
}

interface OpenPart {
  start: bigint
  chunks: Buffer[]
  bytes: number
  sinceMs: number
}

export class WalQueue {
  private readonly segmentBytes: number
  private readonly everyMs: number
  private readonly full: OpenPart[] = []
  private open: OpenPart | null = null
  private position: bigint
  /** Bytes that wait. */
  bytes = 0

  /** @param start the first position; the queue takes no other. */
  constructor(options: { start: bigint; segmentBytes: number; everyMs: number }) {
    this.segmentBytes = options.segmentBytes
    this.everyMs = options.everyMs
    this.position = options.start
  }

  /** Behind the last byte. */
  get end(): bigint {
    return this.position
  }

  /** @param bytes are copied. @throws `damaged` for bytes that don't follow. */
  push(start: bigint, bytes: Buffer, nowMs: number): void {
    if (start !== this.position)
      throw new HoldfastError(
        'damaged',
        `the stream goes on at ${lsnText(start)}, not at ${lsnText(this.position)}`,
      )
    for (let offset = 0; offset < bytes.length;) {
      this.open ??= { start: this.position, chunks: [], bytes: 0, sinceMs: nowMs }
      const border = segmentStart(this.position, this.segmentBytes) + BigInt(this.segmentBytes)
      const length = Math.min(bytes.length - offset, Number(border - this.position))
      this.open.chunks.push(Buffer.from(bytes.subarray(offset, offset + length)))
      this.open.bytes += length
      this.bytes += length
      this.position += BigInt(length)
      offset += length
      if (this.position === border) this.closeOpen()
    }
  }

  private closeOpen(): void {
    if (this.open !== null) this.full.push(this.open)
    this.open = null
  }

  /** The next part that is ready; null if none is. @param isUrgent all bytes that wait are ready. */
  take(nowMs: number, isUrgent: boolean): QueuedPart | null {
    const { open } = this
    const isReady =
      open !== null && (isUrgent || open.bytes >= readyBytes || nowMs - open.sinceMs >= this.everyMs)
    if (this.full.length === 0 && isReady) this.closeOpen()
    const part = this.full.shift()
    if (part === undefined) return null
    this.bytes -= part.bytes
    return { start: part.start, bytes: Buffer.concat(part.chunks) }
  }
}
