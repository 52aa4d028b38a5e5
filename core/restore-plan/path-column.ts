// Many paths in the order of a tree, one after the other, each without the prefix that it shares with the
// path before: a path of twenty bytes would take two hundred as a buffer. Written bytes are never moved,
// because a copy would double the memory.
//
//   path := length of the shared prefix, length of the suffix, suffix
//   length := u8 below 255; else 255, u16
import { sharedPrefix } from '../tree/tree-entry.ts'

/** To read one path, at most a block is read, because the first path of each block is stored whole. */
const pathsPerBlock = 16
/** The first segments are smaller, because most columns are short. */
const firstSegmentBytes = 4 * 1024
const segmentBytes = 256 * 1024
const longLengthMark = 0xff

export class PathColumn {
  length = 0
  private readonly segments: Buffer[] = []
  /** The end of each segment. No path lies in two segments. */
  private ends: number[] = []
  /** The start of each block: the number of its segment times `segmentBytes`, plus the offset in it. */
  private readonly blocks: number[] = []
  private previous: Buffer = Buffer.alloc(0)
  /**
   * The last path that was read. The next one continues from it, so that reading in order decodes each path
   * once.
   */
  private current = Buffer.alloc(0)
  private next = 0
  private nextSegment = 0
  private nextOffset = 0

  /** @param path at most 65,535 bytes, which must not change afterwards. */
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

  /** Returns a copy of the path with this number. */
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

  /** Decodes the next path into `current`; returns its length. */
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
    // Most suffixes have a few bytes, for which a call of `copy` takes longer.
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
