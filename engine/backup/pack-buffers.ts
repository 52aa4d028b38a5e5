// Limits how many packs exist at once, and reuses the buffers of uploaded packs. Without the limit, a slow
// store would let the memory grow; without the reuse, the garbage collector would free the buffers late.

import { release } from '../../core/bytes.ts'

type Begin = (buffer: ArrayBuffer | undefined) => void

export class PackBufferPool {
  private readonly freeBuffers: ArrayBuffer[] = []
  private readonly waiting: Begin[] = []
  private remaining: number

  /** @param count packs that may exist besides the first one of each thread. */
  constructor(count: number) {
    this.remaining = count
  }

  /**
   * Calls `begin` when another pack may exist: with the buffer of an earlier pack, or undefined to allocate
   * one.
   */
  request(begin: Begin): void {
    const buffer = this.freeBuffers.pop()
    if (buffer !== undefined || this.remaining-- > 0) begin(buffer)
    else this.waiting.push(begin)
  }

  /** Takes back the buffer of an uploaded pack. */
  release(buffer: ArrayBuffer): void {
    const begin = this.waiting.shift()
    if (begin === undefined) this.freeBuffers.push(buffer)
    else begin(buffer)
  }

  /** Frees the unused buffers. No `request` may follow. */
  close(): void {
    for (const buffer of this.freeBuffers.splice(0)) release(new Uint8Array(buffer))
  }
}
