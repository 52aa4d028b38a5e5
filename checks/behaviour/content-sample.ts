// A sample of the content that a source has uploaded: the digests of its chunks, or of a random part of them if there
// are many. So new content can be told from content that was only uploaded again into a new generation.
//
//   A secret of the state decides the part, because a writer could else choose content outside of it.
import { randomBytes } from 'node:crypto'

/** A source of 32 GiB has about as many chunks. With more, every second digest leaves the sample. */
const maxDigests = 65_536
/** A prefix of a SHA-256 in hex: two of a million chunks are equal in it once in 40 million samples. */
export const sampledDigestBytes = 8
/** The first half of it is hashed with the first half of the secret, and so on. */
export const sampleSecretBytes = 8

export class ContentSample {
  readonly secret: Buffer
  private bits: number
  /** Digest to the last day on which it was uploaded. */
  private readonly days = new Map<string, number>()

  /** @param bits one digest in 2^bits is in the sample. */
  constructor(secret: Buffer = randomBytes(sampleSecretBytes), bits = 0) {
    this.secret = secret
    this.bits = bits
  }

  get isEmpty(): boolean {
    return this.days.size === 0
  }

  get sampledBits(): number {
    return this.bits
  }

  /**
   * Adds the chunk whose SHA-256 stands at `offset`, if it belongs to the sample.
   * @returns how many chunks it stands for if it is new; else 0.
   */
  add(digests: Buffer, offset: number, day: number): number {
    if (!this.holds(digests, offset)) return 0
    const name = digests.toString('hex', offset, offset + sampledDigestBytes)
    const isNew = !this.days.has(name)
    const weight = isNew ? 2 ** this.bits : 0
    this.days.set(name, Math.max(day, this.days.get(name) ?? 0))
    if (this.days.size > maxDigests) this.halve()
    return weight
  }

  /** Forgets content that was uploaded before this day, and not since. */
  forget(beforeDay: number): void {
    for (const [name, day] of this.days) if (day < beforeDay) this.days.delete(name)
  }

  /** The digests of each day, in hex, one after the other. */
  *entries(maxAtOnce: number): Generator<{ day: number; digests: string }> {
    const byDay = Map.groupBy(this.days.keys(), (name) => this.days.get(name)!)
    for (const [day, names] of byDay)
      for (let index = 0; index < names.length; index += maxAtOnce)
        yield { day, digests: names.slice(index, index + maxAtOnce).join('') }
  }

  /** Adds digests as `entries` yields them. */
  restore({ day, digests }: { day: number; digests: string }): void {
    const length = sampledDigestBytes * 2
    for (let index = 0; index < digests.length; index += length)
      this.days.set(digests.slice(index, index + length), day)
  }

  private halve(): void {
    this.bits++
    for (const name of this.days.keys()) if (!this.holds(Buffer.from(name, 'hex'), 0)) this.days.delete(name)
  }

  private holds(digests: Buffer, offset: number): boolean {
    if (this.bits === 0) return true
    const { secret } = this
    const first = mix(digests.readInt32LE(offset) ^ secret.readInt32LE(0))
    const hash = mix(first ^ digests.readInt32LE(offset + 4) ^ secret.readInt32LE(4))
    return hash >>> (32 - this.bits) === 0
  }
}

/** The finalizer of MurmurHash3: each bit of the input changes each bit of the result. */
function mix(value: number): number {
  let hash = value
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}
