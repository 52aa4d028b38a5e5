// Limits how many packs exist at once, and reuses the buffers of uploaded packs. Without the limit, a slow
// store would let the memory grow; without the reuse, the garbage collector would free the buffers late.

import { release } from '../../core/bytes.ts'

type Begin = (buffer: ArrayBuffer | undefined) => void

export class PackBufferPool {
  private readonly freeBuffers: ArrayBuffer[] = []
  private readonly waiting: Begin[] = []
  private count: number
  private remaining: number

  /** @param count packs that may exist besides the first one of each thread. */
  constructor(count: number) {
    this.count = count
    this.remaining = count
  }

  /**
   * Calls `begin` when another pack may exist: with the buffer of an earlier pack, or undefined to allocate
   * one.
   */
  request(begin: Begin): void {
    const buffer = this.freeBuffers.pop()
    if (buffer === undefined && this.remaining <= 0) return void this.waiting.push(begin)
    if (buffer === undefined) this.remaining--
    begin(buffer)
  }

  /** Lets up to `count` packs exist, and begins those that wait. Never fewer than before. */
  growTo(count: number): void {
    this.remaining += Math.max(0, count - this.count)
    this.count = Math.max(this.count, count)
    while (this.remaining > 0 && this.waiting.length > 0) {
      this.remaining--
      this.waiting.shift()!(undefined)
    }
  }

  /** True if a pack waits for the buffer of another one. */
  get isExhausted(): boolean {
    return this.waiting.length > 0
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
