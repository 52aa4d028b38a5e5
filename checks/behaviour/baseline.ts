// Compares each day of a source with the days before it. Median and MAD decide what is usual, because a few odd days in
// the history must not hide the next one (docs/adr/0028-baselines.md).
//
//   limit(all days)    := median + max(6 standard deviations by MAD, floor)
//   limit(one weekday) := median + max(4 to 6 large deviations, floor); of a peak at least 1.5 medians
//   limit of a day     := the highest of these two, and of 1.25 times what an operator accepted
//   a day is odd if it, or the sum of it and the two days before, is over its limit

/** One day of one figure. */
export interface Observation {
  /** Since 1970, in UTC. */
  day: number
  /** A share, or a count; more is worse. Null: unknown. */
  value: number | null
  /** Not noticed: the value may be so much over the median. */
  floor: number
  /** An operator has said that a snapshot of this day is as it should be. */
  isAccepted: boolean
}

export interface Verdict {
  day: number
  state: 'usual' | 'odd' | 'learning' | 'unknown'
  /** The window that is the furthest over its limit: its days, the sum of their values, and the limit. */
  days: number
  value: number
  limit: number
}

/** Days whose values are summed: slow changes show in the sum before they show in a day. */
const windows: readonly number[] = [1, 3]
/** Two of each weekday. */
export const learningDays = 14
const minHistory = 10
/** The history has the last usual days. A vault of 40 days then gives the same verdict on a day for a week. */
const maxHistory = 28
const minSameWeekdays = 2
/** 1.4826 MAD are a standard deviation of normally distributed values. */
const spread = 6 * 1.4826
/**
 * Two, three, or four days of a weekday have no reliable MAD: their limit is so many times the largest deviation. Of
 * four, one may be an outlier, so that the second largest counts.
 */
const weekdaySpreads: readonly number[] = [6, 4, 5]
const minWithOutlier = 4
const peakMargin = 1.5
const acceptedMargin = 1.25
const daysPerWeek = 7

/** @param observations one for each day, in order; days may be missing. Odd days are no history for later ones. */
export function judgeDays(observations: readonly Observation[]): Verdict[] {
  const oddDays = new Set<number>()
  const histories = windows.map((days) => ({ days, history: new WindowHistory() }))
  return observations.map(({ day }, index) => {
    const sums = histories.flatMap(({ days, history }) => {
      const window = observations.slice(Math.max(0, index - days + 1), index + 1)
      const sum = sumOf(window, days)
      // An odd day is reported once, and must not make the sums of the next days odd.
      if (sum === null || window.some((earlier) => oddDays.has(earlier.day))) return []
      return [{ days, history, sum, limit: history.limitOf(sum) }]
    })
    const verdict = verdictOf(day, sums)
    if (verdict.state === 'odd') oddDays.add(day)
    else for (const { history, sum } of sums) history.add(sum)
    return verdict
  })
}

/** The sum of the values of a few days, of which the last is `day`. */
interface WindowSum {
  day: number
  value: number
  floor: number
  isAccepted: boolean
}

function sumOf(window: readonly Observation[], days: number): WindowSum | null {
  const last = window.at(-1)
  if (last === undefined || window.length < days) return null
  let sum = 0
  for (const { value } of window) {
    if (value === null) return null
    sum += value
  }
  return {
    day: last.day,
    value: sum,
    floor: last.floor * Math.sqrt(days),
    isAccepted: window.some(({ isAccepted }) => isAccepted),
  }
}

function verdictOf(
  day: number,
  sums: readonly { days: number; sum: WindowSum; limit: number | null }[],
): Verdict {
  const [first, ...others] = sums.flatMap(({ days, sum, limit }) =>
    limit === null ? [] : [{ days, value: sum.value, limit, isAccepted: sum.isAccepted }],
  )
  if (first === undefined)
    return { day, state: sums.length === 0 ? 'unknown' : 'learning', days: 1, value: 0, limit: 0 }
  const excessOf = ({ value, limit, isAccepted }: typeof first): number =>
    isAccepted ? -Infinity : value - limit
  const furthest = others.reduce((max, next) => (excessOf(next) > excessOf(max) ? next : max), first)
  const { days, value, limit } = furthest
  return { day, state: excessOf(furthest) > 0 ? 'odd' : 'usual', days, value, limit }
}

/** The sums of the days before, without the odd ones. */
class WindowHistory {
  private firstDay: number | null = null
  private readonly sums: WindowSum[] = []

  add(sum: WindowSum): void {
    this.firstDay ??= sum.day
    this.sums.push(sum)
    if (this.sums.length > maxHistory) this.sums.shift()
  }

  /** Null while there is too little history. */
  limitOf({ day, floor }: WindowSum): number | null {
    if (day - (this.firstDay ?? day) < learningDays || this.sums.length < minHistory) return null
    const limit = usualLimit(this.sums, floor)
    const sameWeekday = this.sums.filter((sum) => (day - sum.day) % daysPerWeek === 0)
    const accepted = this.sums.filter(({ isAccepted }) => isAccepted).map(({ value }) => value)
    return Math.max(
      limit,
      sameWeekday.length < minSameWeekdays ? -Infinity : weekdayLimit(sameWeekday, floor, limit),
      acceptedMargin * Math.max(-Infinity, ...accepted),
    )
  }
}

function usualLimit(sums: readonly WindowSum[], floor: number): number {
  const values = sums.map(({ value }) => value)
  const middle = median(values)
  const deviation = median(values.map((value) => Math.abs(value - middle)))
  return middle + Math.max(spread * deviation, floor)
}

function weekdayLimit(sums: readonly WindowSum[], floor: number, limit: number): number {
  const values = sums.map(({ value }) => value)
  const middle = median(values)
  const deviations = values.map((value) => Math.abs(value - middle)).sort((a, b) => b - a)
  const deviation = deviations[values.length < minWithOutlier ? 0 : 1]!
  const weekdaySpread = weekdaySpreads[values.length - minSameWeekdays] ?? weekdaySpreads.at(-1)!
  const peakLimit = middle > limit ? peakMargin * middle : -Infinity
  return Math.max(middle + Math.max(weekdaySpread * deviation, floor), peakLimit)
}

/** @param values at least one. */
export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort()
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
