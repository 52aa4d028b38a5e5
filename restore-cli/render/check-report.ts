// Checks, their outcomes and the reports of runs, as text and as records.
import type { Check } from '../../checks/check.ts'
import type { CheckOutcome } from '../../checks/outcome.ts'
import type { Report, SourceReport } from '../../checks/reports/report.ts'
import { timeText } from '../../core/time-text.ts'
import { countOf, rows } from './figures.ts'
import { terminalText } from './terminal-text.ts'

export function checkRecord({ id, question, severity, evidence, remedy }: Check): Record<string, unknown> {
  return { check: id, question, severity, evidence, remedy }
}

export function renderCheckList(checks: readonly Check[]): string {
  return checks
    .map(
      ({ id, question, severity, evidence, remedy }) =>
        `${id} (${severity}): ${question}\n${rows([
          ['evidence', evidence],
          ['remedy', remedy],
        ])}`,
    )
    .join('\n')
}

const marks = { passed: 'passed ', failed: 'FAILED ', unknown: 'UNKNOWN' } as const

export function renderOutcome(source: string, check: Check, outcome: CheckOutcome): string {
  const { status, summary, findings, findingCount } = outcome
  const head = `${marks[status]} ${source}: ${check.id}: ${terminalText(summary)}\n`
  if (status === 'passed') return head
  const lines = findings.map(({ subject, detail }) => `  ${terminalText(subject)}: ${terminalText(detail)}\n`)
  const more = findingCount > findings.length ? `  and ${findingCount - findings.length} more\n` : ''
  return `${head}${lines.join('')}${more}  next: ${check.remedy}\n`
}

/** A filter of an alarm counts this record. */
export function sourceRecord(
  { run }: Report,
  { source, ok, outcomes, newestGood, mark, readDays, storedBytes, requests }: SourceReport,
): Record<string, unknown> {
  return {
    run,
    source,
    ok,
    checks: outcomes.map(({ check }) => check),
    red: outcomes.filter(({ status }) => status !== 'passed').map(({ check }) => check),
    readsBytes: readDays > 0,
    newestGood: newestGood === null ? null : { ...newestGood, time: timeText(newestGood.timeMs) },
    mark,
    storedBytes,
    requests,
  }
}

export function runRecord(
  { run, ok, vault, startedMs, durationMs, sources }: Report,
  key: string | null,
): Record<string, unknown> {
  return { run, ok, vault, startedAt: timeText(startedMs), durationMs, sources: sources.length, report: key }
}

export function renderRun({ run, ok, sources }: Report, key: string | null): string {
  const red = sources.filter((source) => !source.ok).map(({ source }) => source)
  const verdict = ok ? `All checks of ${countOf(sources.length, 'source')} passed` : `RED: ${red.join(', ')}`
  return `${verdict}. Run ${run}${key === null ? '' : `, report ${key}`}.\n`
}
