// The history of a source, day by day, from the manifests that the vault holds and from its listing.
import { dayMs } from '../../core/snapshot/retention.ts'

/** The figures of one snapshot. */
export interface SnapshotFigures {
  id: string
  timeMs: number
  files: number
  bytes: number
  /** The stored bytes of all packs that it needs, and their number. */
  neededBytes: number
  packs: number
  /** Bytes of content that no earlier snapshot had; null: unknown. */
  newBytes: number | null
  /** The part of them that does not shrink; null: unknown. */
  incompressibleBytes: number | null
  /** Entries that rules of the operator left out. */
  leftOut: number
}

/** The objects that writers stored on one day, named by a snapshot or not. */
export interface DailyUploads {
  puts: number
  bytes: number
}

/** The figures of the snapshots of one day, in UTC, by the store's clock. */
export interface DailyFigures {
  /** Since 1970. */
  day: number
  ids: readonly string[]
  /** The lowest of the day. */
  minFiles: number
  minBytes: number
  /** The lowest share of the bytes that packs hold, compressed. */
  minStoredShare: number
  /** The highest of the day. */
  leftOut: number
  /** Sums of the day. */
  newBytes: number | null
  incompressibleBytes: number | null
  /** The last one of the day. */
  last: SnapshotFigures
}

export function dayOf(timeMs: number): number {
  return Math.floor(timeMs / dayMs)
}

/** @param snapshots oldest first. */
export function dailyFigures(snapshots: readonly SnapshotFigures[]): DailyFigures[] {
  const days = Map.groupBy(snapshots, ({ timeMs }) => dayOf(timeMs))
  return [...days].map(([day, ofDay]) => {
    // A flood of snapshots is too long for the arguments of one call.
    const lowest = (figure: (snapshot: SnapshotFigures) => number): number =>
      ofDay.reduce((min, snapshot) => Math.min(min, figure(snapshot)), Infinity)
    return {
      day,
      ids: ofDay.map(({ id }) => id),
      minFiles: lowest(({ files }) => files),
      minBytes: lowest(({ bytes }) => bytes),
      minStoredShare: lowest(({ neededBytes, bytes }) => neededBytes / Math.max(1, bytes)),
      leftOut: -lowest(({ leftOut }) => -leftOut),
      newBytes: sumOf(ofDay.map(({ newBytes }) => newBytes)),
      incompressibleBytes: sumOf(ofDay.map(({ incompressibleBytes }) => incompressibleBytes)),
      last: ofDay.at(-1)!,
    }
  })
}

function sumOf(values: readonly (number | null)[]): number | null {
  return values.reduce((sum, value) => (sum === null || value === null ? null : sum + value), 0)
}
