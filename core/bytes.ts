// Reads and writes the binary parts of the format. Every byte that a reader gets may be hostile, so it never
// reads outside its buffer and never loops on a count that the buffer can't hold.
import { HoldfastError } from './errors.ts'

/** A loop copies fewer bytes faster than a call. */
const maxLoopBytes = 64

export class ByteReader {
  readonly buffer: Buffer
  /** Names the object for error messages. */
  readonly subject: string
  private view: DataView | null = null
  position = 0

  constructor(buffer: Buffer, subject: string) {
    this.buffer = buffer
    this.subject = subject
  }

  get remaining(): number {
    return this.buffer.length - this.position
  }

  fail(detail: string): HoldfastError {
    return damaged(this.subject, `${detail} at byte ${this.position}`)
  }

  take(bytes: number): Buffer {
    const start = this.skip(bytes)
    return this.buffer.subarray(start, start + bytes)
  }

  /**
   * Returns the offset of the skipped bytes. Numbers are read there, because a buffer for each would take ten
   * times as long.
   */
  private skip(bytes: number): number {
    if (bytes > this.remaining) throw this.fail(`it ends ${bytes - this.remaining} bytes early`)
    this.position += bytes
    return this.position - bytes
  }

  u8(): number {
    return this.buffer[this.skip(1)]!
  }

  u16(): number {
    return this.buffer.readUInt16LE(this.skip(2))
  }

  u32(): number {
    return this.buffer.readUInt32LE(this.skip(4))
  }

  i64(): bigint {
    // Node's own call makes several bigints, and takes five times as long.
    this.view ??= viewOf(this.buffer)
    return this.view.getBigInt64(this.skip(8), true)
  }

  /** An unsigned LEB128 integer up to `max` (at most Number.MAX_SAFE_INTEGER). */
  varint(max = Number.MAX_SAFE_INTEGER): number {
    let value = 0
    let factor = 1
    for (let index = 0; index < 8; index++) {
      const byte = this.u8()
      value += (byte & 0x7f) * factor
      if (byte < 0x80) {
        if (value > max) throw this.fail(`the number ${value} is over the limit of ${max}`)
        return value
      }
      factor *= 128
    }
    throw this.fail('a number is too long')
  }

  /**
   * A count of items of at least `bytesEach` bytes. A count that the buffer can't hold is refused before any
   * loop.
   */
  count(bytesEach: number, max = Number.MAX_SAFE_INTEGER): number {
    const count = this.varint(max)
    if (count * bytesEach > this.remaining)
      throw this.fail(`it claims ${count} entries, more than its bytes can hold`)
    return count
  }

  expectEnd(): void {
    if (this.remaining !== 0) throw this.fail(`${this.remaining} bytes follow its end`)
  }
}

export class ByteWriter {
  private buffer: Buffer
  private view: DataView
  length = 0

  constructor(capacityBytes = 4096) {
    this.buffer = Buffer.allocUnsafe(capacityBytes)
    this.view = viewOf(this.buffer)
  }

  private reserve(bytes: number): void {
    if (this.length + bytes <= this.buffer.length) return
    const grown = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.length + bytes))
    this.buffer.copy(grown, 0, 0, this.length)
    this.buffer = grown
    this.view = viewOf(grown)
  }

  bytes(bytes: Uint8Array): void {
    this.reserve(bytes.length)
    this.buffer.set(bytes, this.length)
    this.length += bytes.length
  }

  /**
   * The bytes of `source` from `start` up to, but not including, `end`. A view for each would take several times as
   * long.
   */
  slice(source: Uint8Array, start: number, end: number): void {
    this.reserve(end - start)
    const { buffer, length } = this
    if (end - start > maxLoopBytes) buffer.set(source.subarray(start, end), length)
    else for (let index = start; index < end; index++) buffer[length + index - start] = source[index]!
    this.length += end - start
  }

  u8(value: number): void {
    this.reserve(1)
    this.buffer[this.length++] = value
  }

  u16(value: number): void {
    this.reserve(2)
    this.length = this.buffer.writeUInt16LE(value, this.length)
  }

  u32(value: number): void {
    this.reserve(4)
    this.length = this.buffer.writeUInt32LE(value, this.length)
  }

  i64(value: bigint): void {
    this.reserve(8)
    this.view.setBigInt64(this.length, value, true)
    this.length += 8
  }

  varint(value: number): void {
    this.reserve(8)
    let remainder = value
    while (remainder >= 128) {
      this.buffer[this.length++] = (remainder % 128) | 0x80
      remainder = Math.floor(remainder / 128)
    }
    this.buffer[this.length++] = remainder
  }

  /** Returns a copy of the written bytes and empties the writer. */
  finish(): Buffer {
    const result = Buffer.from(this.buffer.subarray(0, this.length))
    this.length = 0
    return result
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}

/**
 * Frees the memory of `bytes` now; `bytes` and every view that shares the memory are empty afterwards. The
 * garbage collector would free it late, and collecting many buffers at once costs as much time as the work on
 * them. Memory no larger than Node's pool stays, because it may be the pool.
 */
export function release(bytes: Uint8Array): void {
  if (bytes.buffer.byteLength > Buffer.poolSize) (bytes.buffer as ArrayBuffer).transfer(0)
}

/** @param subject names the object in the message, e.g. `the index in KEY`. */
export function damaged(subject: string, detail: string, cause?: unknown): HoldfastError {
  return new HoldfastError('damaged', `${subject} is damaged: ${detail}`, {
    hint: "other snapshots are not affected; `holdfast verify --read-data` lists every file that this one can't bring back",
    cause,
  })
}
