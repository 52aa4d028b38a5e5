// Follows the write-ahead log of a cluster through its timelines, and through the parts that the vault holds.
//
//   timeline 1   ──────────────┬─ ─ ─ ─      switched at an LSN: what follows on timeline 1 is of another history
//   timeline 2                 └────────
//
// A part of timeline 2 may begin at the border of the segment in which it branched off, because the server copies what
// lies before into the new segment.
import { segmentStart } from '../wal/lsn.ts'
import type { WalPartName } from '../wal/wal-keys.ts'

/** How far an ancestor belongs to the history of a timeline. */
export interface TimelineEnd {
  timeline: number
  /** Not included. */
  end: bigint
}

/** A stretch of one history. */
export interface PathStep {
  timeline: number
  begin: bigint
  /** Null for the timeline itself, which has no end yet. */
  end: bigint | null
}

/** A part, and the bytes of it that a recovery gets: those that no link before it has. */
export interface ChainLink<Part extends WalPartName> {
  part: Part
  start: bigint
  /** Not included. */
  end: bigint
}

/** The range that parts cover without a gap. */
export interface WalChain<Part extends WalPartName> {
  /** In order; each begins where the one before it ends. */
  links: ChainLink<Part>[]
  /** The position up to which the range reaches, not included. */
  end: bigint
  /** The timeline of the last byte. */
  timeline: number
}

/** @param ancestors the history of the timeline, oldest first. */
export function pathOf(timeline: number, ancestors: readonly TimelineEnd[]): PathStep[] {
  const steps: PathStep[] = []
  let begin = 0n
  for (const ancestor of ancestors) {
    steps.push({ timeline: ancestor.timeline, begin, end: ancestor.end })
    begin = ancestor.end
  }
  return [...steps, { timeline, begin, end: null }]
}

/** True if the position `lsn` of `timeline` belongs to the history. */
export function isOnPath(path: readonly PathStep[], timeline: number, lsn: bigint): boolean {
  return path.some((step) => step.timeline === timeline && (step.end === null || lsn <= step.end))
}

export interface ChainStart {
  timeline: number
  lsn: bigint
  segmentBytes: number
}

/**
 * Begins at the border of the segment with the start, because PostgreSQL reads the header of each segment.
 * @param partsOf the parts of a timeline, by their start. Parts may overlap, and may lie about where they belong: a
 * part from before the branch of its timeline is not taken.
 */
export function followWal<Part extends WalPartName>(
  path: readonly PathStep[],
  { timeline, lsn, segmentBytes }: ChainStart,
  partsOf: (timeline: number) => readonly Part[],
): WalChain<Part> {
  const chain: WalChain<Part> = { links: [], end: segmentStart(lsn, segmentBytes), timeline }
  const firstStep = path.findIndex((step) => step.timeline === timeline)
  for (const step of firstStep === -1 ? [] : path.slice(firstStep)) {
    // The first byte that a part of this timeline can have.
    const first = segmentStart(step.begin, segmentBytes)
    if (step.timeline !== timeline && chain.end < first) break
    followTimeline(chain, { step, first }, partsOf(step.timeline))
  }
  return chain
}

/** Takes the part that reaches furthest among those that begin before the end of the chain. */
function followTimeline<Part extends WalPartName>(
  chain: WalChain<Part>,
  { step, first }: { step: PathStep; first: bigint },
  parts: readonly Part[],
): void {
  let furthest: Part | null = null
  const take = (): void => {
    if (furthest === null) return
    const end = step.end !== null && furthest.end > step.end ? step.end : furthest.end
    if (end > chain.end) {
      chain.links.push({ part: furthest, start: chain.end, end })
      chain.end = end
      chain.timeline = step.timeline
    }
    furthest = null
  }
  for (const part of parts) {
    if (part.start < first || part.end <= chain.end) continue
    if (part.start > chain.end) take()
    if (part.start > chain.end) return
    if (furthest === null || part.end > furthest.end) furthest = part
  }
  take()
}
