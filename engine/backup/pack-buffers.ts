// How many packs there may be at once, and the memory of those that were uploaded, for the next ones: what a collector
// would give back late, and a slow store would let grow.

import { release } from '../../core/bytes.ts'

type Begin = (buffer: ArrayBuffer | undefined) => void

export class PackBufferPool {
  private readonly freeBuffers: ArrayBuffer[] = []
  private readonly waiting: Begin[] = []
  private remaining: number

  /** @param count packs, beside the first one of each thread, that may exist. */
  constructor(count: number) {
    this.remaining = count
  }

  /** Calls `begin` when another pack may exist: with the memory of an earlier one, or undefined if it must be allocated. */
  request(begin: Begin): void {
    const buffer = this.freeBuffers.pop()
    if (buffer !== undefined || this.remaining-- > 0) begin(buffer)
    else this.waiting.push(begin)
  }

  /** The memory of a pack that is no longer needed. */
  release(buffer: ArrayBuffer): void {
    const begin = this.waiting.shift()
    if (begin === undefined) this.freeBuffers.push(buffer)
    else begin(buffer)
  }

  /** Gives all to the system that nobody will ask for any more. */
  close(): void {
    for (const buffer of this.freeBuffers.splice(0)) release(new Uint8Array(buffer))
  }
}
