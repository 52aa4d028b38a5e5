// Medians of what was measured in pairs: a machine's mood in one round hits both contenders, and leaves their ratio.

export interface Spread {
  median: number
  min: number
  max: number
}

/** @throws RangeError without values, or with one that is no finite number. */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0 || !values.every(Number.isFinite))
    throw new RangeError('a spread needs finite numbers')
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
  return { median, min: sorted[0]!, max: sorted.at(-1)! }
}

/** `theirs[i] / ours[i]` of each round: above 1, ours took less. */
export function ratiosOf(ours: readonly number[], theirs: readonly number[]): Spread {
  if (ours.length !== theirs.length) throw new RangeError('a ratio needs both contenders in each round')
  return spreadOf(ours.map((own, round) => theirs[round]! / own))
}
