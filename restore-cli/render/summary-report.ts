// The sum of many reports, as text and as records.
import type { Check } from '../../checks/check.ts'
import type { CheckSummary, ReportSummary, SourceSummary } from '../../checks/reports/summary.ts'
import type { DrillResult } from '../../checks/reports/drill-result.ts'
import { timeText } from '../../core/time-text.ts'
import { bytesText, countOf, durationText } from './figures.ts'
import { terminalText } from './terminal-text.ts'

export function sourceSummaryRecord(summary: SourceSummary): Record<string, unknown> {
  const { source, ok, runs, lastRunMs, newestGood, storedBytes, checks } = summary
  return {
    source,
    ok,
    runs,
    lastRun: timeText(lastRunMs),
    newestGood: newestGood === null ? null : { ...newestGood, time: timeText(newestGood.timeMs) },
    storedBytes,
    red: checks.filter(isRed).map(({ outcome }) => outcome.check),
    checks: checks.map(({ outcome, timeMs, redSinceMs, redRuns, isStale }) => ({
      ...outcome,
      time: timeText(timeMs),
      redSince: redSinceMs === null ? null : timeText(redSinceMs),
      redRuns,
      stale: isStale,
    })),
  }
}

export function summaryRecord({
  ok,
  runs,
  sources,
  drills,
  problems,
}: ReportSummary): Record<string, unknown> {
  return { ok, runs, sources: sources.map(({ source }) => source), drills, problems }
}

export function renderSummary(
  { ok, runs, sources, drills, problems }: ReportSummary,
  { checks, nowMs }: { checks: readonly Check[]; nowMs: number },
): string {
  const red = sources.filter((source) => !source.ok).map(({ source }) => source)
  const verdict = ok ? 'All green' : red.length === 0 ? 'RED' : `RED: ${red.join(', ')}`
  const head = `${verdict}. ${countOf(runs, 'report')}, ${countOf(sources.length, 'source')}.\n`
  const broken = problems.map((problem) => `NO REPORT: ${terminalText(problem)}\n`)
  return [
    head,
    ...broken,
    ...sources.map((source) => sourceText(source, checks, nowMs)),
    ...drills.map(drillText),
  ].join('')
}

function sourceText(summary: SourceSummary, checks: readonly Check[], nowMs: number): string {
  const { source, runs, lastRunMs, newestGood, storedBytes } = summary
  const good =
    newestGood === null
      ? 'no good snapshot'
      : `newest good snapshot of ${timeText(newestGood.timeMs)}, ${durationText(nowMs - newestGood.timeMs)} ago`
  const stored = storedBytes === null ? '' : `, ${bytesText(storedBytes)} in the vault`
  const head = `\n${source}: ${good}${stored}; ${countOf(runs, 'run')}, the last one at ${timeText(lastRunMs)}\n`
  return head + summary.checks.map((check) => checkText(check, checks)).join('')
}

function drillText({ source, choice, status, startedMs, rto, findings }: DrillResult): string {
  const verdict = status === 'passed' ? 'passed' : status.toUpperCase()
  const time = rto === null ? 'no working restore' : `a working restore after ${durationText(rto.measuredMs)}`
  const lines = findings.map(
    ({ subject, detail }) => `    ${terminalText(subject)}: ${terminalText(detail)}\n`,
  )
  return `\ndrill of ${source} (${choice}): ${verdict}, ${timeText(startedMs)}, ${time}\n${lines.join('')}`
}

export function isRed({ outcome, isStale }: CheckSummary): boolean {
  return outcome.status !== 'passed' || isStale
}

function checkText(summary: CheckSummary, checks: readonly Check[]): string {
  const { outcome, timeMs, redSinceMs, redRuns, isStale } = summary
  const { check, status, findings, findingCount } = outcome
  const verdict = status === 'passed' ? (isStale ? 'STALE' : 'passed') : status.toUpperCase()
  const since = redSinceMs === null ? '' : ` since ${timeText(redSinceMs)} (${countOf(redRuns, 'run')})`
  const asked = isStale ? `; last asked at ${timeText(timeMs)}` : ''
  const head = `  ${verdict.padEnd(7)}  ${check}${since}${asked}: ${terminalText(outcome.summary)}\n`
  if (status === 'passed') return head
  const lines = findings.map(
    ({ subject, detail }) => `    ${terminalText(subject)}: ${terminalText(detail)}\n`,
  )
  const more = findingCount > findings.length ? `    and ${findingCount - findings.length} more\n` : ''
  // A report of a later version can name a check that this program doesn't know.
  const remedy = checks.find(({ id }) => id === check)?.remedy
  return `${head}${lines.join('')}${more}${remedy === undefined ? '' : `    next: ${remedy}\n`}`
}
