import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { maxMetricSources, metricDefinitions, renderMetrics } from '../../../checks/monitoring/metrics.ts'
import type { MetricFacts, MetricDefinition } from '../../../checks/monitoring/metrics.ts'
import type { Report } from '../../../checks/reports/report.ts'
import { sampleReports } from '../../../lab/report/sample-reports.ts'

const reports = sampleReports()
const night = reports.find(({ sources }) => sources.length > 0)!
const drills = reports.find(({ sources }) => sources.length === 0)!
const page = join(import.meta.dirname, '../../../docs/monitoring.md')

const linesOf = async (facts: Partial<MetricFacts>): Promise<string[]> =>
  (await renderMetrics({ toolVersion: '0.1.0', reports: [], watch: null, ...facts })).split('\n')

test('a report becomes figures by source and check', async () => {
  const lines = await linesOf({ reports: [night] })
  expect(lines).toEqual(
    expect.arrayContaining([
      'holdfast_build_info{version="0.1.0"} 1',
      'holdfast_check_status{source="rental-db",check="integrity",severity="critical",status="failed"} 1',
      'holdfast_check_status{source="rental-db",check="integrity",severity="critical",status="passed"} 0',
      'holdfast_check_status{source="uploads",check="freshness",severity="critical",status="passed"} 1',
      'holdfast_check_findings{source="rental-db",check="integrity",severity="critical"} 1',
      `holdfast_check_last_run_timestamp_seconds{source="uploads",check="lock",severity="critical"} ${night.startedMs / 1000}`,
      'holdfast_recovery_point_objective_seconds{source="uploads"} 93600',
      `holdfast_stored_bytes{source="uploads"} ${night.sources[1]!.storedBytes}`,
      'holdfast_sources_dropped 0',
    ]),
  )
})

test('of several reports the newest outcome of each check counts, and a figure that is gone is absent', async () => {
  const earlier = structuredClone(night)
  earlier.startedMs -= 86_400_000
  const later: Report = structuredClone(night)
  later.sources = [later.sources[0]!]
  later.sources[0]!.newestGood = null
  later.sources[0]!.outcomes = later.sources[0]!.outcomes.filter(({ check }) => check === 'freshness')
  const lines = await linesOf({ reports: [later, earlier] })
  const lastRun = (source: string, check: string): string =>
    lines.find((line) =>
      line.startsWith(`holdfast_check_last_run_timestamp_seconds{source="${source}",check="${check}"`),
    )!
  expect(lastRun('rental-db', 'freshness')).toContain(` ${later.startedMs / 1000}`)
  expect(lastRun('rental-db', 'lock')).toContain(` ${earlier.startedMs / 1000}`)
  expect(
    lines.filter((line) =>
      line.startsWith('holdfast_newest_good_snapshot_timestamp_seconds{source="rental-db"'),
    ),
  ).toEqual([])
  expect(
    lines.filter((line) =>
      line.startsWith('holdfast_newest_good_snapshot_timestamp_seconds{source="uploads"'),
    ),
  ).toHaveLength(1)
})

test('a drill becomes its status and its times', async () => {
  const lines = await linesOf({ reports: [drills] })
  const rto = drills.drills![0]!.rto!
  expect(lines).toEqual(
    expect.arrayContaining([
      'holdfast_drill_status{source="rental-db",choice="newest",status="passed"} 1',
      `holdfast_drill_recovery_time_seconds{source="rental-db",choice="newest"} ${rto.measuredMs / 1000}`,
      'holdfast_drill_recovery_time_objective_seconds{source="rental-db",choice="newest"} 1800',
    ]),
  )
})

test('a watch has its jobs and its problems', async () => {
  const lines = await linesOf({
    watch: {
      jobs: {
        check: { startedMs: 1000, endedMs: 2000, status: 14, dueMs: 9000 },
        notary: { startedMs: 3000, endedMs: null, status: 0, dueMs: 9000 },
        late: { startedMs: 1000, endedMs: 2000, status: null, dueMs: 9000 },
      },
      problems: { missed: 2 },
    },
  })
  expect(lines).toEqual(
    expect.arrayContaining([
      'holdfast_watch_job_exit_status{job_name="check"} 14',
      'holdfast_watch_job_exit_status{job_name="late"} -1',
      'holdfast_watch_job_exit_status{job_name="notary"} 0',
      'holdfast_watch_job_end_timestamp_seconds{job_name="check"} 2',
      'holdfast_watch_job_start_timestamp_seconds{job_name="notary"} 3',
      'holdfast_watch_job_next_run_timestamp_seconds{job_name="notary"} 9',
      'holdfast_watch_problems_total{kind="missed"} 2',
    ]),
  )
  expect(
    lines.some((line) => line.startsWith('holdfast_watch_job_end_timestamp_seconds{job_name="notary"')),
  ).toBe(false)
})

test('a flood of sources does not become a flood of metrics, and is a metric itself', async () => {
  const flooded = structuredClone(night)
  flooded.sources = Array.from({ length: 800 }, (_, index) => ({ ...night.sources[0]!, source: `s${index}` }))
  const lines = await linesOf({ reports: [flooded] })
  expect(lines).toContain(`holdfast_sources_dropped ${800 - maxMetricSources}`)
  expect(lines.filter((line) => line.startsWith('holdfast_stored_bytes{'))).toHaveLength(maxMetricSources)
})

test('names follow the conventions: a unit, base units, _total for counters alone, no label that Prometheus sets', () => {
  for (const [name, { labels, isCounter = false }] of Object.entries(
    metricDefinitions as Record<string, MetricDefinition>,
  )) {
    expect(name).toMatch(/^holdfast_[a-z_]+$/)
    expect(name.endsWith('_total')).toBe(isCounter)
    expect(name).not.toMatch(/_(ms|millis|minutes|hours|gib|mib)(_|$)/)
    expect(labels.filter((label) => ['job', 'instance', 'le', 'quantile'].includes(label))).toEqual([])
  }
})

test('docs/monitoring.md lists every metric as it is defined', async () => {
  const table = [
    '| Metric | Labels | Meaning |',
    '| --- | --- | --- |',
    ...Object.entries(metricDefinitions as Record<string, MetricDefinition>).map(
      ([name, { help, labels }]) =>
        `| \`${name}\` | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`,
    ),
  ].join('\n')
  const drawn = readFileSync(page, 'utf8').replace(
    /(<!-- test\/checks\/monitoring\/metrics[^\n]*\n)[^]*?(<!-- end -->)/,
    (_, begin: string, end: string) => `${begin}\n${table}\n\n${end}`,
  )
  expect(drawn).toContain(table)
  await expect(drawn).toMatchFileSnapshot(page)
})
