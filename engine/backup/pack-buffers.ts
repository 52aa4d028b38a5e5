// How many packs there may be at once, and the memory of those that were uploaded, for the next ones: what a collector
// would give back late, and a slow store would let grow.

import { release } from '../../core/bytes.ts'

type Begin = (memory: ArrayBuffer | undefined) => void

export class PackMemory {
  private unused: ArrayBuffer[] = []
  private waiting: Begin[] = []
  private left: number

  /** @param count packs, beside the first one of each thread, that may exist. */
  constructor(count: number) {
    this.left = count
  }

  /** Calls `begin` when another pack may exist: with the memory of an earlier one, or undefined if it must be allocated. */
  request(begin: Begin): void {
    const memory = this.unused.pop()
    if (memory !== undefined || this.left-- > 0) begin(memory)
    else this.waiting.push(begin)
  }

  /** The memory of a pack that is no longer needed. */
  giveBack(memory: ArrayBuffer): void {
    const begin = this.waiting.shift()
    if (begin === undefined) this.unused.push(memory)
    else begin(memory)
  }

  /** Gives all to the system that nobody will ask for any more. */
  close(): void {
    for (const memory of this.unused.splice(0)) release(new Uint8Array(memory))
  }
}
