// The history of each source in the reports of a time: its figures over time, and the episodes in which a check was
// red. It takes one report after the other, because the reports of a year don't fit into a small machine's memory.
import type { CheckStatus, Severity } from '../outcome.ts'
import type { DrillResult } from './drill-result.ts'
import type { Report, SourceReport } from './report.ts'
import type { StoredReport } from './report-store.ts'

type Outcome = SourceReport['outcomes'][number]

/** The figures of one run. */
export interface HistoryPoint {
  timeMs: number
  /** The age of the newest good snapshot at the time of the run; null if there was none, or no check could tell. */
  ageMs: number | null
  storedBytes: number | null
  requests: number
}

export interface SourceHistory {
  source: string
  /** Oldest first. Of many runs in a short time, the worst stands for all: the one with the oldest recovery point. */
  points: HistoryPoint[]
  /** The objectives of the newest run that reported them. */
  objectives: NonNullable<SourceReport['objectives']> | null
}

/** The drills of one source that restore its newest state, or states at random times. */
export interface DrillHistory {
  source: string
  choice: DrillResult['choice']
  newest: DrillResult
  /** Oldest first, as the points of a source. */
  points: DrillPoint[]
}

export interface DrillPoint {
  timeMs: number
  /** The time to a working restore; null if there was none. */
  rtoMs: number | null
}

/** Successive runs in which one check of one source did not pass. */
export interface Episode {
  source: string
  check: string
  severity: Severity
  status: Exclude<CheckStatus, 'passed'>
  firstMs: number
  lastMs: number
  runs: number
  /** No later run passed the check. */
  isOpen: boolean
  /** The newest outcome of the episode. */
  outcome: Outcome
  /** Checks that passed in the same run. */
  passed: readonly string[]
}

export interface HistoryOptions {
  sinceMs: number
  nowMs: number
  source?: string | undefined
}

/** Keys are the numbers of short times, in order. */
interface Slots<Point> {
  slots: Map<number, Point>
}

const maxPoints = 120
const maxEpisodes = 200

export class ReportHistory {
  /** Newest first. */
  readonly episodes: Episode[] = []
  /** Episodes that `episodes` has no room for. */
  droppedEpisodes = 0
  private readonly options: HistoryOptions
  private readonly histories = new Map<string, Omit<SourceHistory, 'points'> & Slots<HistoryPoint>>()
  private readonly drillHistories = new Map<string, Omit<DrillHistory, 'points'> & Slots<DrillPoint>>()
  /** The episode of a source and check that the next older run may belong to; null after a passed run. */
  private readonly streaks = new Map<string, Episode | null>()

  constructor(options: HistoryOptions) {
    this.options = options
  }

  /** Passes on `stored`, newest first, and keeps its figures. */
  async *follow(stored: AsyncIterable<StoredReport>): AsyncGenerator<StoredReport> {
    for await (const entry of stored) {
      if (entry.report !== null && entry.report.startedMs >= this.options.sinceMs) this.add(entry.report)
      yield entry
    }
  }

  sources(): SourceHistory[] {
    return inOrder(this.histories)
  }

  drills(): DrillHistory[] {
    return inOrder(this.drillHistories)
  }

  private add({ startedMs, sources, drills = [] }: Report): void {
    const { source } = this.options
    for (const entry of sources) {
      if (source !== undefined && entry.source !== source) continue
      this.addPoint(entry, startedMs)
      const passed = entry.outcomes.filter(({ status }) => status === 'passed').map(({ check }) => check)
      for (const outcome of entry.outcomes) this.addOutcome(entry.source, outcome, { startedMs, passed })
    }
    for (const drill of drills) if (source === undefined || drill.source === source) this.addDrill(drill)
  }

  private addPoint(
    { source, newestGood, storedBytes, requests, objectives }: SourceReport,
    timeMs: number,
  ): void {
    const history = this.histories.get(source) ?? {
      source,
      objectives: null,
      slots: new Map<number, HistoryPoint>(),
    }
    this.histories.set(source, history)
    history.objectives ??= objectives ?? null
    const ageMs = newestGood === null ? null : Math.max(0, timeMs - newestGood.timeMs)
    this.keepWorst(history.slots, { timeMs, ageMs, storedBytes, requests }, (point) => point.ageMs)
  }

  private addDrill(drill: DrillResult): void {
    const { source, choice, startedMs: timeMs, rto, status } = drill
    const key = `${source} ${choice}`
    const history = this.drillHistories.get(key) ?? {
      source,
      choice,
      newest: drill,
      slots: new Map<number, DrillPoint>(),
    }
    this.drillHistories.set(key, history)
    const rtoMs = rto === null || status === 'unknown' ? null : rto.measuredMs
    this.keepWorst(history.slots, { timeMs, rtoMs }, (point) => point.rtoMs)
  }

  private keepWorst<Point extends { timeMs: number }>(
    slots: Map<number, Point>,
    point: Point,
    figureOf: (point: Point) => number | null,
  ): void {
    const { sinceMs, nowMs } = this.options
    const slot = Math.floor((point.timeMs - sinceMs) / Math.max(1, (nowMs - sinceMs) / maxPoints))
    const earlier = slots.get(slot)
    if (earlier === undefined || (figureOf(point) ?? Infinity) > (figureOf(earlier) ?? Infinity))
      slots.set(slot, point)
  }

  private addOutcome(
    source: string,
    outcome: Outcome,
    { startedMs, passed }: { startedMs: number; passed: readonly string[] },
  ): void {
    const { check, severity, status } = outcome
    const key = `${source} ${check}`
    const streak = this.streaks.get(key)
    if (status === 'passed') this.streaks.set(key, null)
    else if (streak === null || streak === undefined) {
      const isOpen = streak === undefined
      const episode: Episode = {
        ...{ source, check, severity, status, isOpen, outcome, passed },
        firstMs: startedMs,
        lastMs: startedMs,
        runs: 1,
      }
      this.streaks.set(key, episode)
      if (this.episodes.length < maxEpisodes) this.episodes.push(episode)
      else this.droppedEpisodes++
    } else {
      streak.firstMs = startedMs
      streak.runs++
    }
  }
}

function inOrder<History extends { source: string }, Point extends { timeMs: number }>(
  histories: ReadonlyMap<string, History & Slots<Point>>,
): (Omit<History, 'slots'> & { points: Point[] })[] {
  return [...histories.values()]
    .sort((a, b) => (a.source < b.source ? -1 : 1))
    .map(({ slots, ...history }) => ({
      ...history,
      points: [...slots.values()].sort((a, b) => a.timeMs - b.timeMs),
    }))
}
