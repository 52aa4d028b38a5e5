// Which pack holds a chunk: a hash table over the digests of the packs' footers, which are in memory anyway: 8 to 16 bytes a chunk.
import { digestBytes } from '../digest.ts'
import { slotOfDigest } from './digest-slots.ts'
import type { PackFooter } from './pack-footer.ts'

export class FooterIndex {
  private readonly footers: readonly (PackFooter | null)[]
  /** Chunks are numbered through all packs: the number of each pack's first, and behind the last pack the count of all. */
  private readonly starts: number[] = [0]
  /** Number + 1; 0 is free. At most half full. */
  private readonly slots: Uint32Array
  /** The pack that was found last, which most often is the next one too. */
  private latest = 0

  /** @param footers which must stay as they are. Of a chunk that is in several packs the first counts. */
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
