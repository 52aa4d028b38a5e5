// A hash table from SHA-256 to a small number, in typed arrays: 40 bytes an entry and a fifth of a Map's time.
import { digestBytes } from './digest.ts'

export class ChunkIndex {
  /** Slot to entry + 1; 0 is free. Always at most half full. */
  private slots = new Int32Array(1024)
  private digests = Buffer.allocUnsafe(512 * digestBytes)
  private values = new Float64Array(512)
  size = 0

  /** The value of `digest` (32 bytes at `offset`), or -1. */
  find(digest: Uint8Array, offset = 0): number {
    const entry = this.slots[this.slotOf(digest, offset)]!
    return entry === 0 ? -1 : this.values[entry - 1]!
  }

  /** Adds the digest, or changes its value. */
  set(digest: Uint8Array, offset: number, value: number): void {
    const slot = this.slotOf(digest, offset)
    const found = this.slots[slot]!
    if (found !== 0) {
      this.values[found - 1] = value
      return
    }
    if (this.size === this.values.length) {
      this.grow()
      this.set(digest, offset, value)
      return
    }
    this.digests.set(digest.subarray(offset, offset + digestBytes), this.size * digestBytes)
    this.values[this.size] = value
    this.slots[slot] = ++this.size
  }

  private slotOf(digest: Uint8Array, offset: number): number {
    const mask = this.slots.length - 1
    let slot = (digest[offset]! | (digest[offset + 1]! << 8) | (digest[offset + 2]! << 16) | (digest[offset + 3]! << 24)) & mask
    for (; ; slot = (slot + 1) & mask) {
      const entry = this.slots[slot]!
      if (entry === 0 || this.equals(entry - 1, digest, offset)) return slot
    }
  }

  private equals(entry: number, digest: Uint8Array, offset: number): boolean {
    const base = entry * digestBytes
    for (let index = 0; index < digestBytes; index++) {
      if (this.digests[base + index] !== digest[offset + index]) return false
    }
    return true
  }

  private grow(): void {
    const digests = Buffer.allocUnsafe(this.digests.length * 2)
    this.digests.copy(digests)
    this.digests = digests
    const values = new Float64Array(this.values.length * 2)
    values.set(this.values)
    this.values = values
    this.slots = new Int32Array(this.slots.length * 2)
    for (let entry = 0; entry < this.size; entry++) this.slots[this.slotOf(this.digests, entry * digestBytes)] = entry + 1
  }
}
