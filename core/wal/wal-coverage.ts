// The coverage of a line: runs of bytes without a gap, and the parts that a reader needs for a range.
import type { WalPartName } from './wal-keys.ts'

/** Bytes of the log, from `start` up to, but not including, `end`. */
export interface WalRange {
  start: bigint
  end: bigint
}

/** The runs of a line, in order; two runs never touch. @param parts sorted by their starts. */
export function walRuns(parts: Iterable<WalRange>): WalRange[] {
  const runs: WalRange[] = []
  for (const { start, end } of parts) {
    const run = runs.at(-1)
    if (run !== undefined && start <= run.end) run.end = end > run.end ? end : run.end
    else if (end > start) runs.push({ start, end })
  }
  return runs
}

/** Between the runs. */
export function walGaps(runs: readonly WalRange[]): WalRange[] {
  return runs.slice(1).map(({ start }, index) => ({ start: runs[index]!.end, end: start }))
}

export interface WalCover<Part> {
  /** The parts to read, in order; together they hold the range without `missing`. */
  parts: Part[]
  /** Parts with the range of one in `parts`: a reader compares their hashes, because other bytes are a conflict. */
  twins: Part[]
  missing: WalRange[]
}

/**
 * The fewest parts that hold a range: a whole segment rather than the parts from which it was compacted.
 * @param parts sorted by their starts.
 */
export function coverRange<Part extends WalPartName>(
  parts: readonly Part[],
  { start, end }: WalRange,
): WalCover<Part> {
  const chosen: Part[] = []
  const missing: WalRange[] = []
  let position = start
  let next = 0
  while (position < end) {
    let best: Part | null = null
    for (; next < parts.length && parts[next]!.start <= position; next++) {
      const part = parts[next]!
      if (part.end > position && (best === null || part.end > best.end)) best = part
    }
    if (best === null) {
      const gapEnd = next < parts.length && parts[next]!.start < end ? parts[next]!.start : end
      missing.push({ start: position, end: gapEnd })
      position = gapEnd
      continue
    }
    chosen.push(best)
    position = best.end
  }
  const ranges = new Set(chosen.map(rangeKey))
  const isChosen = new Set(chosen)
  const twins = parts.filter((part) => ranges.has(rangeKey(part)) && !isChosen.has(part))
  return { parts: chosen, twins, missing }
}

function rangeKey({ start, end }: WalRange): string {
  return `${start}-${end}`
}
