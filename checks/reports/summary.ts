// Sums up the reports of many runs: for each source and check the last outcome, how long it has been red, and whether
// it is too old to count.
import type { DrillResult } from './drill-result.ts'
import type { Report, SnapshotMark, SourceReport } from './report.ts'
import type { StoredReport } from './report-store.ts'

type Outcome = SourceReport['outcomes'][number]

export interface CheckSummary {
  /** The last outcome. */
  outcome: Outcome
  timeMs: number
  /** The first run of those, up to the last one, in which the check did not pass; null if it passed. */
  redSinceMs: number | null
  redRuns: number
  /** No run asked for too long: silence is no proof. */
  isStale: boolean
}

export interface SourceSummary {
  source: string
  ok: boolean
  runs: number
  lastRunMs: number
  /** As the last run that could tell saw it. */
  newestGood: SnapshotMark | null
  storedBytes: number | null
  checks: CheckSummary[]
}

export interface ReportSummary {
  ok: boolean
  runs: number
  sources: SourceSummary[]
  /** The newest drill of each source and choice. */
  drills: DrillResult[]
  /** Objects below `reports/` that are no usable report. */
  problems: string[]
}

export interface SummaryOptions {
  sinceMs: number
  nowMs: number
  /** A check whose last outcome is older than this is stale. */
  maxGapMs: number
  source?: string | undefined
}

/** @param stored newest first, as the store yields them. */
export async function summarize(
  stored: AsyncIterable<StoredReport>,
  { sinceMs, nowMs, maxGapMs, source }: SummaryOptions,
): Promise<ReportSummary> {
  const tally = new Tally()
  const problems: string[] = []
  const drills = new Map<string, DrillResult>()
  let runs = 0
  for await (const { report, problem } of stored) {
    if (problem !== null) problems.push(problem)
    if (report === null || report.startedMs < sinceMs) continue
    runs++
    for (const entry of report.sources)
      if (source === undefined || entry.source === source) tally.addRun(entry, report)
    for (const drill of report.drills ?? []) {
      const key = `${drill.source} ${drill.choice}`
      if ((source === undefined || drill.source === source) && !drills.has(key)) drills.set(key, drill)
    }
  }
  const sources = tally.sources()
  for (const summary of sources) {
    for (const check of summary.checks) check.isStale = nowMs - check.timeMs > maxGapMs
    summary.ok = summary.checks.every(({ outcome, isStale }) => outcome.status === 'passed' && !isStale)
  }
  const ok =
    sources.length > 0 &&
    problems.length === 0 &&
    sources.every((summary) => summary.ok) &&
    [...drills.values()].every(({ status }) => status === 'passed')
  return { ok, runs, sources, drills: [...drills.values()], problems }
}

class Tally {
  private readonly summaries = new Map<string, SourceSummary>()
  /** Checks that an earlier run passed: still earlier runs are of another streak. */
  private readonly ended = new Set<CheckSummary>()

  /** Call it for the newest run first. */
  addRun({ source, newestGood, storedBytes, outcomes }: SourceReport, { startedMs }: Report): void {
    const summary = this.summaryOf(source, startedMs)
    summary.runs++
    summary.newestGood ??= newestGood
    summary.storedBytes ??= storedBytes
    for (const outcome of outcomes) this.addOutcome(summary, outcome, startedMs)
  }

  sources(): SourceSummary[] {
    return [...this.summaries.values()].sort((a, b) => (a.source < b.source ? -1 : 1))
  }

  private summaryOf(source: string, lastRunMs: number): SourceSummary {
    const summary = this.summaries.get(source)
    if (summary !== undefined) return summary
    const created = { source, ok: false, runs: 0, lastRunMs, newestGood: null, storedBytes: null, checks: [] }
    this.summaries.set(source, created)
    return created
  }

  private addOutcome({ checks }: SourceSummary, outcome: Outcome, timeMs: number): void {
    const isRed = outcome.status !== 'passed'
    const check = checks.find((candidate) => candidate.outcome.check === outcome.check)
    if (check === undefined) {
      const created = {
        outcome,
        timeMs,
        redSinceMs: isRed ? timeMs : null,
        redRuns: isRed ? 1 : 0,
        isStale: false,
      }
      checks.push(created)
      if (!isRed) this.ended.add(created)
    } else if (!isRed) this.ended.add(check)
    else if (!this.ended.has(check)) {
      check.redSinceMs = timeMs
      check.redRuns++
    }
  }
}
