// Pieces of files that lie in one pack, in columns, and what a request brings of them.

/** Entry `i`: chunk `chunks[i]` of the pack goes to the file `files[i]` at `offsets[i]`. */
export class PackWrites {
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
  inOrder(chunkCount: number, isWanted: (file: number) => boolean): Uint32Array {
    const starts = new Uint32Array(chunkCount + 1)
    for (let index = 0; index < this.length; index++) {
      if (isWanted(this.files[index]!)) starts[this.chunks[index]! + 1]!++
    }
    for (let chunk = 0; chunk < chunkCount; chunk++) starts[chunk + 1]! += starts[chunk]!
    const order = new Uint32Array(starts[chunkCount]!)
    for (let index = 0; index < this.length; index++) {
      if (isWanted(this.files[index]!)) order[starts[this.chunks[index]!]!++] = index
    }
    return order
  }
}

/** A chunk and where its bytes go, as a part of its pack's writes: of tiny files there are tens of thousands in a request. */
export class PlannedChunk {
  /** Index in the pack's footer. */
  readonly chunk: number
  private all: PackWrites
  private order: Uint32Array
  private from: number
  private to: number

  /** @param at the first of its writes in `order`, which has the pack's writes in the order of their chunks. */
  constructor(all: PackWrites, order: Uint32Array, at: number) {
    this.chunk = all.chunks[order[at]!]!
    this.all = all
    this.order = order
    this.from = at
    this.to = at
  }

  /** Takes the next write, which is of the same chunk. */
  extend(): void {
    this.to++
  }

  get writeCount(): number {
    return this.to - this.from
  }

  get writes(): { file: number; offset: number }[] {
    return Array.from(this.order.subarray(this.from, this.to), (index) => ({ file: this.all.files[index]!, offset: this.all.offsets[index]! }))
  }
}
