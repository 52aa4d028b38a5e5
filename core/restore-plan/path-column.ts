// Many paths in the order of a tree, one behind the other, each without what it shares with the one before: as a buffer, a
// path of twenty bytes takes two hundred. What was written is never moved: a copy of it would double the memory.
//
//   path := length of what it shares, length of the rest, the rest
//   length := u8 below 255; else 255, u16
import { sharedPrefix } from '../tree/tree-entry.ts'

/** So many paths are read at most to come to one: the first of a block stands alone. */
const pathsPerBlock = 16
/** The first segments are smaller: most columns are short. */
const firstSegmentBytes = 4 * 1024
const segmentBytes = 256 * 1024
const longLengthMark = 0xff

export class PathColumn {
  length = 0
  private readonly segments: Buffer[] = []
  /** Where each segment ends: no path lies in two. */
  private ends: number[] = []
  /** Where each block begins: the number of its segment times `segmentBytes`, and where in it. */
  private readonly blocks: number[] = []
  private previous: Buffer = Buffer.alloc(0)
  /** The path that was read last, which the next one goes on from: whoever reads one after the other reads each once. */
  private current = Buffer.alloc(0)
  private next = 0
  private nextSegment = 0
  private nextOffset = 0

  /** @param path at most 65,535 bytes, which stay as they are. */
  push(path: Buffer): void {
    const shared = this.length % pathsPerBlock === 0 ? 0 : sharedPrefix(this.previous, path)
    const suffixBytes = path.length - shared
    const bytes = lengthBytes(shared) + lengthBytes(suffixBytes) + suffixBytes
    if (this.segments.length === 0 || this.ends.at(-1)! + bytes > this.segments.at(-1)!.length) {
      const usualBytes = Math.min(segmentBytes, firstSegmentBytes * 2 ** this.segments.length)
      this.segments.push(Buffer.allocUnsafeSlow(Math.max(usualBytes, bytes)))
      this.ends.push(0)
    }
    const last = this.segments.length - 1
    const segment = this.segments[last]!
    const start = this.ends[last]!
    if (this.length % pathsPerBlock === 0) this.blocks.push(last * segmentBytes + start)
    const at = writeLength(segment, writeLength(segment, start, shared), suffixBytes)
    segment.set(path.subarray(shared), at)
    this.ends[last] = at + suffixBytes
    this.previous = path
    this.length++
  }

  /** The path with this number, in memory of its own. */
  at(number: number): Buffer {
    if (number < 0 || number >= this.length)
      throw new RangeError(`there is no path ${number} of ${this.length}`)
    const block = Math.floor(number / pathsPerBlock)
    if (number < this.next || this.next <= block * pathsPerBlock) {
      const position = this.blocks[block]!
      this.next = block * pathsPerBlock
      this.nextSegment = Math.floor(position / segmentBytes)
      this.nextOffset = position % segmentBytes
    }
    let bytes = 0
    while (this.next <= number) bytes = this.readNext()
    return Buffer.from(this.current.subarray(0, bytes))
  }

  /** Reads a path over the one before it; answers its length. */
  private readNext(): number {
    if (this.nextOffset === this.ends[this.nextSegment]) {
      this.nextSegment++
      this.nextOffset = 0
    }
    const segment = this.segments[this.nextSegment]!
    const shared = this.readLength(segment)
    const suffixBytes = this.readLength(segment)
    const start = this.nextOffset
    if (shared + suffixBytes > this.current.length)
      this.current = Buffer.concat([this.current], (shared + suffixBytes) * 2)
    // Most are a few bytes: a call takes longer.
    if (suffixBytes < 32)
      for (let index = 0; index < suffixBytes; index++) this.current[shared + index] = segment[start + index]!
    else segment.copy(this.current, shared, start, start + suffixBytes)
    this.nextOffset += suffixBytes
    this.next++
    return shared + suffixBytes
  }

  private readLength(segment: Buffer): number {
    const byte = segment[this.nextOffset++]!
    if (byte !== longLengthMark) return byte
    this.nextOffset += 2
    return segment.readUInt16LE(this.nextOffset - 2)
  }
}

function lengthBytes(length: number): number {
  return length < longLengthMark ? 1 : 3
}

function writeLength(segment: Buffer, at: number, length: number): number {
  if (length < longLengthMark) return segment.writeUInt8(length, at)
  segment[at] = longLengthMark
  return segment.writeUInt16LE(length, at + 1)
}
