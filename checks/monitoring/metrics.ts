// The metrics of reports and of a watch, in Prometheus' text format. docs/monitoring.md is drawn from the definitions.
import { Counter, Gauge, Registry } from 'prom-client'
import { checkStatuses } from '../outcome.ts'
import type { CheckStatus } from '../outcome.ts'
import type { DrillResult } from '../reports/drill-result.ts'
import type { Report, SourceReport } from '../reports/report.ts'

export interface MetricDefinition {
  help: string
  labels: readonly string[]
  /** Default: a gauge. */
  isCounter?: boolean
}

const perSource = ['source']
const perCheck = ['source', 'check', 'severity']
const perDrill = ['source', 'choice']
const perJob = ['job_name']

/** Each value of a label is a name of a source, of a check or of a job, or one of a fixed list. */
export const metricDefinitions = {
  holdfast_build_info: { help: 'Always 1; the label has the version of Holdfast.', labels: ['version'] },
  holdfast_check_status: {
    help: '1 for the status of the last outcome of the check, 0 for the others.',
    labels: [...perCheck, 'status'],
  },
  holdfast_check_findings: { help: 'Findings of the last outcome of the check.', labels: perCheck },
  holdfast_check_last_run_timestamp_seconds: {
    help: "Time of the last run that asked the check, by the store's clock.",
    labels: perCheck,
  },
  holdfast_newest_good_snapshot_timestamp_seconds: {
    help: 'Time of the newest good snapshot; absent if there is none, or if no check could tell.',
    labels: perSource,
  },
  holdfast_recovery_point_objective_seconds: {
    help: 'The age that the newest good snapshot may have.',
    labels: perSource,
  },
  holdfast_stored_bytes: { help: 'Bytes of all versions of the source in the vault.', labels: perSource },
  holdfast_storage_budget_bytes: {
    help: 'Budget of the stored bytes; absent without a budget.',
    labels: perSource,
  },
  holdfast_check_requests: { help: 'Requests of the last run to the vault.', labels: perSource },
  holdfast_drill_status: {
    help: '1 for the status of the last drill, 0 for the others.',
    labels: [...perDrill, 'status'],
  },
  holdfast_drill_last_run_timestamp_seconds: {
    help: "Time of the last drill, by the store's clock.",
    labels: perDrill,
  },
  holdfast_drill_recovery_time_seconds: {
    help: 'Time to a working restore in the last drill; absent without one.',
    labels: perDrill,
  },
  holdfast_drill_recovery_time_objective_seconds: {
    help: 'The time that a restore may take.',
    labels: perDrill,
  },
  holdfast_sources_dropped: {
    help: 'Sources that have no metrics, because a report names too many.',
    labels: [],
  },
  holdfast_watch_job_start_timestamp_seconds: {
    help: 'Start of the last run of the job; absent before the first.',
    labels: perJob,
  },
  holdfast_watch_job_end_timestamp_seconds: {
    help: 'End of the last run of the job; absent while a run is under way.',
    labels: perJob,
  },
  holdfast_watch_job_exit_status: {
    help: 'Exit status of the last run that ended; -1 if it was ended early.',
    labels: perJob,
  },
  holdfast_watch_job_next_run_timestamp_seconds: {
    help: "Next time of the job's schedule.",
    labels: perJob,
  },
  holdfast_watch_problems_total: {
    help: 'Problems since the start of the watch: missed runs, interrupted runs, and others.',
    labels: ['kind'],
    isCounter: true,
  },
} as const satisfies Record<string, MetricDefinition>

export type MetricName = keyof typeof metricDefinitions

/** An attacker who could add sources must not be able to fill Prometheus. */
export const maxMetricSources = 500

export interface JobFigures {
  startedMs: number | null
  endedMs: number | null
  status: number | null
  dueMs: number
}

export interface WatchFigures {
  jobs: Readonly<Record<string, JobFigures>>
  problems: Readonly<Record<string, number>>
}

export interface MetricFacts {
  toolVersion: string
  /** The newest outcome of each check counts. */
  reports: readonly Report[]
  /** Null outside of a watch. */
  watch: WatchFigures | null
}

export const metricsContentType = Registry.PROMETHEUS_CONTENT_TYPE

export async function renderMetrics({ toolVersion, reports, watch }: MetricFacts): Promise<string> {
  const sheet = new MetricSheet()
  sheet.set('holdfast_build_info', 1, { version: toolVersion })
  const oldestFirst = [...reports].sort((a, b) => a.startedMs - b.startedMs)
  const names = new Set(
    oldestFirst.flatMap(({ sources, drills = [] }) => [...sources, ...drills].map(({ source }) => source)),
  )
  const kept = new Set([...names].sort().slice(0, maxMetricSources))
  sheet.set('holdfast_sources_dropped', names.size - kept.size)
  for (const { sources, drills = [], startedMs } of oldestFirst) {
    for (const source of sources) if (kept.has(source.source)) addSource(sheet, source, startedMs)
    for (const drill of drills) if (kept.has(drill.source)) addDrill(sheet, drill)
  }
  if (watch !== null) addWatch(sheet, watch)
  return sheet.text()
}

class MetricSheet {
  private readonly registry = new Registry()
  private readonly gauges = new Map<MetricName, Gauge>()
  private readonly counters = new Map<MetricName, Counter>()

  set(name: MetricName, value: number, labels: Readonly<Record<string, string>> = {}): void {
    this.gauge(name).set({ ...labels }, value)
  }

  remove(name: MetricName, labels: Readonly<Record<string, string>>): void {
    this.gauge(name).remove({ ...labels })
  }

  /** Sets the metric, or removes what an older report set. */
  setOrRemove(name: MetricName, value: number | null, labels: Readonly<Record<string, string>>): void {
    if (value === null) this.remove(name, labels)
    else this.set(name, value, labels)
  }

  setStatus(name: MetricName, current: CheckStatus, labels: Readonly<Record<string, string>>): void {
    for (const status of checkStatuses) this.set(name, status === current ? 1 : 0, { ...labels, status })
  }

  /** Only once for each set of labels. */
  count(name: MetricName, count: number, labels: Readonly<Record<string, string>>): void {
    const { help, labels: labelNames } = metricDefinitions[name]
    const counter =
      this.counters.get(name) ??
      new Counter({ name, help, labelNames: [...labelNames], registers: [this.registry] })
    this.counters.set(name, counter)
    counter.inc({ ...labels }, count)
  }

  text(): Promise<string> {
    return this.registry.metrics()
  }

  private gauge(name: MetricName): Gauge {
    const { help, labels } = metricDefinitions[name]
    const gauge =
      this.gauges.get(name) ?? new Gauge({ name, help, labelNames: [...labels], registers: [this.registry] })
    this.gauges.set(name, gauge)
    return gauge
  }
}

function addSource(sheet: MetricSheet, entry: SourceReport, startedMs: number): void {
  const { source, outcomes, newestGood, storedBytes, requests, objectives } = entry
  for (const { check, severity, status, findingCount } of outcomes) {
    const labels = { source, check, severity }
    sheet.setStatus('holdfast_check_status', status, labels)
    sheet.set('holdfast_check_findings', findingCount, labels)
    sheet.set('holdfast_check_last_run_timestamp_seconds', startedMs / 1000, labels)
  }
  const goodSeconds = newestGood === null ? null : newestGood.timeMs / 1000
  sheet.setOrRemove('holdfast_newest_good_snapshot_timestamp_seconds', goodSeconds, { source })
  sheet.setOrRemove('holdfast_stored_bytes', storedBytes, { source })
  sheet.set('holdfast_check_requests', requests, { source })
  if (objectives === undefined) return
  sheet.set('holdfast_recovery_point_objective_seconds', objectives.maxAgeMs / 1000, { source })
  sheet.setOrRemove('holdfast_storage_budget_bytes', objectives.storedBytes, { source })
}

function addDrill(sheet: MetricSheet, { source, choice, status, startedMs, rto }: DrillResult): void {
  const labels = { source, choice }
  sheet.setStatus('holdfast_drill_status', status, labels)
  sheet.set('holdfast_drill_last_run_timestamp_seconds', startedMs / 1000, labels)
  const measuredSeconds = rto === null ? null : rto.measuredMs / 1000
  sheet.setOrRemove('holdfast_drill_recovery_time_seconds', measuredSeconds, labels)
  if (rto !== null)
    sheet.set('holdfast_drill_recovery_time_objective_seconds', rto.objectiveMs / 1000, labels)
}

function addWatch(sheet: MetricSheet, { jobs, problems }: WatchFigures): void {
  for (const [name, { startedMs, endedMs, status, dueMs }] of Object.entries(jobs)) {
    const labels = { job_name: name }
    sheet.set('holdfast_watch_job_next_run_timestamp_seconds', dueMs / 1000, labels)
    if (startedMs !== null) sheet.set('holdfast_watch_job_start_timestamp_seconds', startedMs / 1000, labels)
    if (endedMs !== null) sheet.set('holdfast_watch_job_end_timestamp_seconds', endedMs / 1000, labels)
    // A run under way has not changed the status of the run before.
    const exitStatus = status ?? (endedMs === null ? null : -1)
    if (exitStatus !== null) sheet.set('holdfast_watch_job_exit_status', exitStatus, labels)
  }
  for (const [kind, count] of Object.entries(problems))
    sheet.count('holdfast_watch_problems_total', count, { kind })
}
