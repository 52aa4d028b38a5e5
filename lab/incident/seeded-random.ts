// The random source of the drill: one seed decides all invented data, so a run can be repeated.
import type { Random } from '../../core/clock.ts'

/** Mulberry32 (public domain): small, fast and good enough to invent data; never for secrets. */
export function seedRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}

/** An integer from `low` to `high`, both included. */
export function drawInteger(random: Random, low: number, high: number): number {
  return low + Math.floor(random() * (high - low + 1))
}

export function drawItem<T>(random: Random, items: readonly T[]): T {
  const item = items[Math.floor(random() * items.length)]
  if (item === undefined) throw new RangeError('cannot draw from an empty list')
  return item
}

/** `bytes` incompressible bytes, as in a photograph. */
export function drawBytes(random: Random, bytes: number): Buffer {
  const words = new Uint32Array(Math.ceil(bytes / 4))
  for (let index = 0; index < words.length; index++) words[index] = random() * 0x1_0000_0000
  return Buffer.from(words.buffer, 0, bytes)
}
