// The extents of files that lie in one pack, in columns, and the extents that one request fetches. An extent
// is a chunk at an offset of a file.
import type { Frame } from './pack-footer.ts'

/** Entry `i`: chunk `chunks[i]` of the pack goes to the file `files[i]` at `offsets[i]`. */
export class PackExtents {
  length = 0
  /** Number of the chunk in the pack, at most 32,768. */
  chunks = new Uint16Array(16)
  files = new Uint32Array(16)
  offsets = new Float64Array(16)

  add(chunk: number, file: number, offset: number): void {
    if (this.length === this.chunks.length) this.resize(this.length * 2)
    this.chunks[this.length] = chunk
    this.files[this.length] = file
    this.offsets[this.length++] = offset
  }

  /** Frees the memory of unused entries. */
  trim(): void {
    this.resize(this.length)
  }

  private resize(entries: number): void {
    // A transfer frees the old memory at once.
    this.chunks = new Uint16Array(this.chunks.buffer.transfer(entries * 2))
    this.files = new Uint32Array(this.files.buffer.transfer(entries * 4))
    this.offsets = new Float64Array(this.offsets.buffer.transfer(entries * 8))
  }

  /**
   * The entries of the included files, sorted by chunk. Entries of the same chunk stay in the order of their
   * addition.
   * @param chunkCount number of chunks in the pack.
   */
  sortByChunk(chunkCount: number, isIncluded: (file: number) => boolean): Uint32Array {
    const starts = new Uint32Array(chunkCount + 1)
    for (let index = 0; index < this.length; index++) {
      if (isIncluded(this.files[index]!)) starts[this.chunks[index]! + 1]!++
    }
    for (let chunk = 0; chunk < chunkCount; chunk++) starts[chunk + 1]! += starts[chunk]!
    const order = new Uint32Array(starts[chunkCount]!)
    for (let index = 0; index < this.length; index++) {
      if (isIncluded(this.files[index]!)) order[starts[this.chunks[index]!]!++] = index
    }
    return order
  }
}

/** A chunk and the locations of its bytes in files. */
export interface PlannedChunk {
  /** Index in the pack's footer. */
  chunk: number
  extents: { file: number; offset: number }[]
}

/** A pack's extents, and their numbers in the order of `PackExtents.sortByChunk`. */
export interface SortedExtents {
  extents: PackExtents
  order: Uint32Array
}

/**
 * A frame and the extents in it. A frame of tiny files has thousands of extents, so that they become objects
 * only while they are read.
 */
export class PlannedFrame {
  readonly frame: Frame
  private readonly sorted: SortedExtents
  private readonly from: number
  private readonly to: number

  /** @param sorted the extents of the pack; the frame's lie from `from` up to, but not including, `to`. */
  constructor(frame: Frame, sorted: SortedExtents, from: number, to: number) {
    this.frame = frame
    this.sorted = sorted
    this.from = from
    this.to = to
  }

  get extentCount(): number {
    return this.to - this.from
  }

  get chunkCount(): number {
    let count = 0
    for (let at = this.from; at < this.to; at++) if (this.isFirst(at)) count++
    return count
  }

  /** Each chunk once, in the order of the pack. */
  get chunks(): PlannedChunk[] {
    const { extents, order } = this.sorted
    const chunks: PlannedChunk[] = []
    for (let at = this.from; at < this.to; at++) {
      const entry = order[at]!
      if (this.isFirst(at)) chunks.push({ chunk: extents.chunks[entry]!, extents: [] })
      chunks.at(-1)!.extents.push({ file: extents.files[entry]!, offset: extents.offsets[entry]! })
    }
    return chunks
  }

  /** Whether an extent of the frame belongs to such a file. */
  hasFile(isWanted: (file: number) => boolean): boolean {
    const { extents, order } = this.sorted
    for (let at = this.from; at < this.to; at++) if (isWanted(extents.files[order[at]!]!)) return true
    return false
  }

  /** The same frame with fewer chunks. */
  only(chunks: ReadonlySet<number>): PlannedFrame {
    const { extents } = this.sorted
    const order = this.sorted.order
      .slice(this.from, this.to)
      .filter((entry) => chunks.has(extents.chunks[entry]!))
    return new PlannedFrame(this.frame, { extents, order }, 0, order.length)
  }

  private isFirst(at: number): boolean {
    const { extents, order } = this.sorted
    return at === this.from || extents.chunks[order[at]!] !== extents.chunks[order[at - 1]!]
  }
}
