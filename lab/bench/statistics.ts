// Statistics of paired measurements: a slow round of the machine affects both tools, so their ratio stays.

export interface Spread {
  median: number
  min: number
  max: number
}

/** @throws RangeError without values, or for a value that is not finite. */
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
  if (ours.length !== theirs.length) throw new RangeError('a ratio needs both tools in each round')
  return spreadOf(ours.map((ourSeconds, round) => theirs[round]! / ourSeconds))
}
