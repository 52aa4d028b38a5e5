// The ranges of one timeline that the notary attests, in a memory that grows with the gaps alone.
import { walRuns } from '../../../core/wal/wal-coverage.ts'
import type { WalRange } from '../../../core/wal/wal-coverage.ts'

const mergedAt = 1000

export class AttestedRuns {
  private runs: WalRange[]

  constructor(runs: readonly WalRange[] = []) {
    this.runs = [...runs]
  }

  add({ start, end }: WalRange): void {
    this.runs.push({ start, end })
    if (this.runs.length % mergedAt === 0) this.merge()
  }

  /** In order; two never touch. */
  get all(): readonly WalRange[] {
    this.merge()
    return this.runs
  }

  private merge(): void {
    this.runs = walRuns(this.runs.toSorted((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0)))
  }
}

/** True if one of the runs holds the whole range. @param runs in order, as `AttestedRuns.all`. */
export function isCovered(runs: readonly WalRange[], { start, end }: WalRange): boolean {
  let low = 0
  let high = runs.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (runs[middle]!.start <= start) low = middle + 1
    else high = middle
  }
  const run = runs[low - 1]
  return run !== undefined && end <= run.end
}

/** The parts of `runs` that `others` don't hold. Both in order. */
export function uncovered(runs: readonly WalRange[], others: readonly WalRange[]): WalRange[] {
  const missing: WalRange[] = []
  for (const { start, end } of runs) {
    let position = start
    for (const held of others) {
      if (held.end <= position || held.start >= end) continue
      if (held.start > position) missing.push({ start: position, end: held.start })
      position = held.end
    }
    if (position < end) missing.push({ start: position, end })
  }
  return missing
}
