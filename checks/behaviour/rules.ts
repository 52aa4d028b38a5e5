// The rules of the behaviour checks. Each compares a figure of a day with the same figure of the days before.
import { judgeDays, median } from './baseline.ts'
import type { Observation, Verdict } from './baseline.ts'
import type { DailyFigures, DailyUploads, SnapshotFigures } from './daily-figures.ts'

const mib = 2 ** 20
const gib = 2 ** 30

/** Figures that are noticed in no source: a few files of a small one come and go. */
const minFiles = 5
const minBytes = mib
const noiseOfReplaced = 1 / 8
const minFloodPuts = 1000
const minFloodBytes = gib

export const behaviourChecks = ['shrinkage', 'change-rate', 'entropy', 'flood'] as const
export type BehaviourCheck = (typeof behaviourChecks)[number]

export interface BehaviourRule {
  readonly id: string
  readonly check: BehaviourCheck
  /** The figure, as the subject of a finding: "the files that are gone". */
  readonly figure: string
  readonly unit: 'share' | 'count' | 'bytes'
  /** The attack that the rule is there for. */
  readonly detects: string
  /** Null: unknown. */
  readonly observe: (day: HistoryDay) => Pick<Observation, 'value' | 'floor'> | null
}

/** A day, with the figures that a rule compares. */
export interface HistoryDay {
  day: number
  /** Null: no snapshot was committed on this day. */
  figures: DailyFigures | null
  /** The last snapshot before this day. */
  before: SnapshotFigures
  /** How many days before: a snapshot after a pause has the changes of several days. */
  elapsedDays: number
  /** The usual stored share of the days before. */
  usualStoredShare: number
  uploads: DailyUploads
}

export const behaviourRules: readonly BehaviourRule[] = [
  {
    id: 'lost-files',
    check: 'shrinkage',
    figure: 'the files that are gone, as a share of all',
    unit: 'share',
    detects: 'mass deletion; gradual exclusion',
    observe: ({ figures, before }) =>
      figures && {
        value: 1 - figures.minFiles / Math.max(1, before.files),
        floor: floorOf(0.005, minFiles, before.files),
      },
  },
  {
    id: 'lost-bytes',
    check: 'shrinkage',
    figure: 'the bytes that are gone, as a share of all',
    unit: 'share',
    detects: 'truncation, where the files stay; mass deletion; gradual exclusion',
    observe: ({ figures, before }) =>
      figures && {
        value: 1 - figures.minBytes / Math.max(1, before.bytes),
        floor: Math.max(floorOf(0.0075, minBytes, before.bytes), sizeNoise(figures, before)),
      },
  },
  {
    id: 'left-out',
    check: 'shrinkage',
    figure: 'the entries that rules leave out and did not before, as a share of all files',
    unit: 'share',
    detects: 'gradual exclusion by rules of `--exclude`',
    observe: ({ figures, before }) =>
      figures && {
        value: (figures.leftOut - before.leftOut) / Math.max(1, before.files),
        floor: floorOf(0.005, minFiles, before.files),
      },
  },
  {
    id: 'hollow',
    check: 'shrinkage',
    figure: 'the stored bytes that the snapshot needs less than usual, for each byte of its files',
    unit: 'share',
    detects: 'a bogus snapshot with the usual files and bytes, and little content',
    observe: ({ figures, usualStoredShare }) =>
      figures && {
        // Packs with old content stay until the next generation: more than usual is no credit for later days.
        value: Math.max(0, 1 - figures.minStoredShare / Math.max(Number.MIN_VALUE, usualStoredShare)),
        floor: 0.7,
      },
  },
  {
    id: 'replaced',
    check: 'change-rate',
    figure: 'the content that was replaced or removed, as a share of all bytes',
    unit: 'share',
    detects:
      'encryption, also of content that never shrank; a bogus snapshot with content of its own; gradual exclusion that growth hides',
    observe: ({ figures, before, elapsedDays }) =>
      figures && {
        value: shareOf(replacedBytes(figures, before), before, elapsedDays),
        floor: floorOf(0.0085, minBytes, before.bytes),
      },
  },
  {
    id: 'incompressible',
    check: 'entropy',
    figure: 'the new content that does not shrink, as a share of all bytes',
    unit: 'share',
    detects: 'slow encryption, below the usual change rate',
    observe: ({ figures, before, elapsedDays }) =>
      figures && {
        value: shareOf(figures.incompressibleBytes, before, elapsedDays),
        floor: floorOf(0.005, minBytes, before.bytes),
      },
  },
  {
    id: 'puts',
    check: 'flood',
    figure: 'the objects that were uploaded',
    unit: 'count',
    detects: 'a flood of objects, in snapshots or beside them',
    // A writer may upload all content again on one day: the packs of the snapshot.
    observe: ({ uploads, before }) => ({
      value: uploads.puts,
      floor: Math.max(minFloodPuts, before.packs),
    }),
  },
  {
    id: 'uploaded-bytes',
    check: 'flood',
    figure: 'the bytes that were uploaded',
    unit: 'bytes',
    detects: 'a flood of bytes, in snapshots or beside them',
    observe: ({ uploads, before }) => ({
      value: uploads.bytes,
      floor: Math.max(minFloodBytes, before.neededBytes),
    }),
  },
]

function floorOf(share: number, min: number, total: number): number {
  return Math.max(share, min / Math.max(1, total))
}

/** Where much content is replaced, as by a weekly job, the new content seldom has the size of the old. */
function sizeNoise(figures: DailyFigures, before: SnapshotFigures): number {
  return noiseOfReplaced * (shareOf(replacedBytes(figures, before), before, 1) ?? 0)
}

/** New content of which the source did not grow took the location of other content. */
function replacedBytes({ newBytes, last }: DailyFigures, before: SnapshotFigures): number | null {
  return newBytes === null ? null : newBytes - (last.bytes - before.bytes)
}

function shareOf(bytes: number | null, before: SnapshotFigures, elapsedDays: number): number | null {
  return bytes === null ? null : Math.max(0, bytes) / Math.max(1, before.bytes) / elapsedDays
}

export interface History {
  /** In order. */
  days: readonly DailyFigures[]
  uploads: ReadonlyMap<number, DailyUploads>
  /** The last day that counts. */
  today: number
  /** Ids of snapshots that an operator expects as they are. */
  accepted: ReadonlySet<string>
}

export interface RuleVerdict extends Verdict {
  rule: BehaviourRule
}

/** The verdicts of all rules of a check, on each day. */
export function judgeHistory(history: History, check: BehaviourCheck): RuleVerdict[] {
  const days = historyDays(history)
  return behaviourRules
    .filter((rule) => rule.check === check)
    .flatMap((rule) => {
      const observations = days.flatMap((entry): Observation[] => {
        const observed = rule.observe(entry)
        if (observed === null) return []
        const isAccepted = entry.figures?.ids.some((id) => history.accepted.has(id)) ?? false
        return [{ day: entry.day, ...observed, isAccepted }]
      })
      return judgeDays(observations).map((verdict) => ({ ...verdict, rule }))
    })
}

/** Each day after the first snapshot's. */
function historyDays({ days, uploads, today }: History): HistoryDay[] {
  const [first, ...later] = days
  if (first === undefined) return []
  const byDay = new Map(later.map((figures) => [figures.day, figures]))
  const storedShares = [first.minStoredShare]
  const result: HistoryDay[] = []
  let before = first
  for (let day = first.day + 1; day <= today; day++) {
    const figures = byDay.get(day) ?? null
    result.push({
      day,
      figures,
      before: before.last,
      elapsedDays: day - before.day,
      usualStoredShare: median(storedShares),
      uploads: uploads.get(day) ?? { puts: 0, bytes: 0 },
    })
    if (figures === null) continue
    before = figures
    storedShares.push(figures.minStoredShare)
  }
  return result
}
