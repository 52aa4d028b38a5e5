// Pieces of files that lie in one pack, in columns, and what a request brings of them.
import type { Frame } from './pack-footer.ts'

/** Entry `i`: chunk `chunks[i]` of the pack goes to the file `files[i]` at `offsets[i]`. */
export class PackExtents {
  length = 0
  /** Of a pack's chunks, 32,768 at most. */
  chunks = new Uint16Array(16)
  files = new Uint32Array(16)
  offsets = new Float64Array(16)

  add(chunk: number, file: number, offset: number): void {
    if (this.length === this.chunks.length) this.resize(this.length * 2)
    this.chunks[this.length] = chunk
    this.files[this.length] = file
    this.offsets[this.length++] = offset
  }

  /** Gives the memory back that nothing was added to. */
  trim(): void {
    this.resize(this.length)
  }

  private resize(entries: number): void {
    // What the old ones took is free at once.
    this.chunks = new Uint16Array(this.chunks.buffer.transfer(entries * 2))
    this.files = new Uint32Array(this.files.buffer.transfer(entries * 4))
    this.offsets = new Float64Array(this.offsets.buffer.transfer(entries * 8))
  }

  /** The entries of files that are wanted, in the order of their chunks; of the same chunk, as they were added. @param chunkCount of the pack. */
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

/** A chunk and where its bytes go. */
export interface PlannedChunk {
  /** Index in the pack's footer. */
  chunk: number
  extents: { file: number; offset: number }[]
}

/** A frame and the pieces that lie in it: of tiny files there are thousands, which become objects only while they are looked at. */
export class PlannedFrame {
  readonly frame: Frame
  private readonly extents: PackExtents
  private readonly order: Uint32Array
  private readonly from: number
  private readonly to: number

  /** @param order entries of `writes` in the order of their chunks; from `from` up to, but not including, `to` they are the frame's. */
  constructor(frame: Frame, extents: PackExtents, order: Uint32Array, from: number, to: number) {
    this.frame = frame
    this.extents = extents
    this.order = order
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

  /** In the order of the pack; each once. */
  get chunks(): PlannedChunk[] {
    const chunks: PlannedChunk[] = []
    for (let at = this.from; at < this.to; at++) {
      const entry = this.order[at]!
      if (this.isFirst(at)) chunks.push({ chunk: this.extents.chunks[entry]!, extents: [] })
      chunks.at(-1)!.extents.push({ file: this.extents.files[entry]!, offset: this.extents.offsets[entry]! })
    }
    return chunks
  }

  /** The same frame with fewer chunks. */
  only(chunks: ReadonlySet<number>): PlannedFrame {
    const order = this.order
      .slice(this.from, this.to)
      .filter((entry) => chunks.has(this.extents.chunks[entry]!))
    return new PlannedFrame(this.frame, this.extents, order, 0, order.length)
  }

  private isFirst(at: number): boolean {
    return (
      at === this.from || this.extents.chunks[this.order[at]!] !== this.extents.chunks[this.order[at - 1]!]
    )
  }
}
