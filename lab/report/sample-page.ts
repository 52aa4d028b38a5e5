// The morning page of the sample reports, as `holdfast report --html` draws it.
import { checks } from '../../checks/registry.ts'
import { ReportHistory } from '../../checks/reports/history.ts'
import type { Report } from '../../checks/reports/report.ts'
import { summarize } from '../../checks/reports/summary.ts'
import { renderMorningPage } from '../../restore-cli/page/morning-page.ts'
import { sampleDays, sampleEndMs } from './sample-reports.ts'

const dayMs = 86_400_000

/** @param reports newest first. */
export async function morningPageOf(reports: readonly Report[], problem?: string): Promise<string> {
  const range = { sinceMs: sampleEndMs - sampleDays * dayMs, nowMs: sampleEndMs }
  const history = new ReportHistory(range)
  const stored = [
    ...(problem === undefined ? [] : [{ key: 'k', report: null, problem }]),
    ...reports.map((report) => ({ key: 'k', report, problem: null })),
  ]
  const summary = await summarize(history.follow(ReadableStream.from(stored)), {
    ...range,
    maxGapMs: 30 * 3_600_000,
  })
  const vault = reports[0]?.vault ?? 's3://vault'
  return renderMorningPage({ vault, toolVersion: '0.1.0', ...range, summary, history, checks })
}
