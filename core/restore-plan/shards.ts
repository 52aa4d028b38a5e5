// Cuts work into shards: parts of the same size that several processes do, each apart from the others. Every shard
// computes the whole division from the same snapshot, so that no shard asks another one.

/** One part of a work that is cut into `count` parts. */
export interface Shard {
  /** 1 to `count`. */
  index: number
  count: number
}

/** A shard for each TiB of a PiB. An array job of AWS Batch has at most 10,000 tasks. */
export const shardLimit = 1000

/** A unit above this part of a share is given away first, to the shard with the least. */
const largeUnitShare = 1 / 32

export function shardText({ index, count }: Shard): string {
  return `${index}/${count}`
}

/**
 * Gives each unit to a shard. Large units go to the shard that has the least; then the others fill up the shards in
 * their order, so that neighbours stay together. No shard gets more than the mean and half of a small unit, unless the
 * large units alone are more.
 * @param weights of the units, not negative.
 * @returns the shard of each unit, from 0 on.
 */
export function divideUnits(weights: readonly number[], count: number): Uint16Array {
  const shards = new Uint16Array(weights.length)
  const loads = new Float64Array(count)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const isLarge = (weight: number): boolean => weight > (total / count) * largeUnitShare
  const largeUnits = [...weights.keys()].filter((unit) => isLarge(weights[unit]!))
  largeUnits.sort((a, b) => weights[b]! - weights[a]! || a - b)
  for (const unit of largeUnits) {
    const lightest = loads.indexOf(Math.min(...loads))
    shards[unit] = lightest
    loads[lightest]! += weights[unit]!
  }
  const level = levelOf(
    loads,
    largeUnits.reduce((volume, unit) => volume - weights[unit]!, total),
  )
  let shard = 0
  for (const [unit, weight] of weights.entries()) {
    if (isLarge(weight)) continue
    while (shard < count - 1 && loads[shard]! + weight / 2 > level) shard++
    shards[unit] = shard
    loads[shard]! += weight
  }
  return shards
}

/** How far `volume` more fills the shards up, if each is filled up to the same level. */
function levelOf(loads: Float64Array, volume: number): number {
  const sorted = Float64Array.from(loads).sort()
  let below = 0
  for (let filled = 1; filled <= sorted.length; filled++) {
    below += sorted[filled - 1]!
    const level = (below + volume) / filled
    if (filled === sorted.length || level <= sorted[filled]!) return level
  }
  return 0
}
