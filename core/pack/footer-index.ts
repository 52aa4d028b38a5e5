// Finds the pack that holds a chunk: a hash table over the digests of the packs' footers. The digests are in
// memory anyway, so that the table adds only 8 to 16 bytes a chunk.
import { digestBytes } from '../digest.ts'
import { slotOfDigest } from './digest-slots.ts'
import type { PackFooter } from './pack-footer.ts'

export class FooterIndex {
  private readonly footers: readonly (PackFooter | null)[]
  /**
   * Chunks are numbered through all packs: the number of each pack's first chunk, and at the end the count of
   * all chunks.
   */
  private readonly starts: number[] = [0]
  /** A chunk's number + 1; 0 is a free slot. At most half full. */
  private readonly slots: Uint32Array
  /** The pack of the last lookup, which is usually also the pack of the next one. */
  private latest = 0

  /** @param footers must not change afterwards. If several packs hold a chunk, the first pack counts. */
  constructor(footers: readonly (PackFooter | null)[]) {
    this.footers = footers
    for (const footer of footers) this.starts.push(this.starts.at(-1)! + (footer?.lengths.length ?? 0))
    let slots = 1024
    while (slots < this.starts.at(-1)! * 2) slots *= 2
    this.slots = new Uint32Array(slots)
    for (const [pack, footer] of footers.entries()) {
      for (let chunk = 0; footer !== null && chunk < footer.lengths.length; chunk++) {
        const slot = this.slotOf(footer.digests, chunk * digestBytes)
        if (this.slots[slot] === 0) this.slots[slot] = this.starts[pack]! + chunk + 1
      }
    }
  }

  /** @param digest 32 bytes at `offset`. */
  find(digest: Uint8Array, offset = 0): { pack: number; chunk: number } | null {
    const number = this.slots[this.slotOf(digest, offset)]! - 1
    if (number === -1) return null
    const pack = this.packOf(number)
    return { pack, chunk: number - this.starts[pack]! }
  }

  private slotOf(digest: Uint8Array, offset: number): number {
    const mask = this.slots.length - 1
    let slot = slotOfDigest(digest, offset, this.slots.length)
    for (; ; slot = (slot + 1) & mask) {
      const entry = this.slots[slot]!
      if (entry === 0 || this.equals(entry - 1, digest, offset)) return slot
    }
  }

  private equals(number: number, digest: Uint8Array, offset: number): boolean {
    const pack = this.packOf(number)
    const packDigests = this.footers[pack]!.digests
    const base = (number - this.starts[pack]!) * digestBytes
    for (let index = 0; index < digestBytes; index++) {
      if (packDigests[base + index] !== digest[offset + index]) return false
    }
    return true
  }

  private packOf(number: number): number {
    const { starts, latest } = this
    if (starts[latest]! <= number && number < starts[latest + 1]!) return latest
    let low = 0
    let high = this.footers.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (starts[middle]! <= number) low = middle
      else high = middle - 1
    }
    this.latest = low
    return low
  }
}
