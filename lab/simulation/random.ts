// The random source of a simulation: one seed decides every draw.
import { createCipheriv } from 'node:crypto'

export class Seeded {
  private state: number

  /** @param seed only its lower 32 bits are used. */
  constructor(seed: number) {
    this.state = seed >>> 0
  }

  /** Uniform in [0, 1) (mulberry32). An arrow function, because the engine takes it as a `Random`. */
  readonly next = (): number => {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from 0 up to and without `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  /** @param items not empty. */
  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!
  }

  /** Draws a name with the probability of its weight. */
  weigh<Name extends string>(weights: Readonly<Partial<Record<Name, number>>>): Name {
    const entries = Object.entries(weights) as [Name, number][]
    let remaining = this.next() * entries.reduce((sum, [, weight]) => sum + weight, 0)
    return (entries.find(([, weight]) => (remaining -= weight) < 0) ?? entries.at(-1)!)[0]
  }

  /** Bytes that don't compress. */
  bytes(count: number): Buffer {
    const key = Buffer.alloc(16)
    key.writeUInt32LE(this.below(2 ** 32))
    return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(count))
  }
}
