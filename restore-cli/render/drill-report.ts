// Drills and their plans, as text and as records.
import type { RequestedState, StateRequest } from '../../checks/drill/requested-state.ts'
import type { DrillResult } from '../../checks/reports/drill-result.ts'
import type { Report } from '../../checks/reports/report.ts'
import { timeText } from '../../core/time-text.ts'
import type { RestorePlan } from '../../engine/operations.ts'
import { bytesText, countOf, durationText, rows } from './figures.ts'
import { terminalText } from './terminal-text.ts'

const choices = { newest: 'newest state', random: 'state at a random time' } as const
const marks = { passed: 'passed ', failed: 'FAILED ', unknown: 'UNKNOWN' } as const

export function drillPlanRecord(
  { source, choice, seed }: StateRequest,
  { requestedMs, snapshot }: RequestedState,
  { files, bytes, bytesToFetch }: RestorePlan,
): Record<string, unknown> {
  return {
    ...{ source, choice, seed, files, bytes, bytesToFetch },
    requested: timeText(requestedMs),
    snapshot: snapshot.id,
    snapshotTime: timeText(snapshot.timeMs),
  }
}

export function renderDrillPlan(
  { source, choice, seed }: StateRequest,
  { requestedMs, snapshot }: RequestedState,
  { files, bytes, bytesToFetch }: RestorePlan,
): string {
  return `${source}: ${choices[choice]}\n${rows([
    ['requested', timeText(requestedMs)],
    ['snapshot', `${snapshot.id} of ${timeText(snapshot.timeMs)}`],
    ['restores', `${countOf(files, 'file')}, ${bytesText(bytes)}`],
    ['fetches', bytesText(bytesToFetch)],
    ['seed', seed],
  ])}`
}

/** A filter of an alarm counts this record. */
export function drillRecord(run: string, result: DrillResult): Record<string, unknown> {
  const { status, startedMs, requestedMs, ...fields } = result
  return {
    run,
    ok: status === 'passed',
    status,
    started: timeText(startedMs),
    requested: requestedMs === null ? null : timeText(requestedMs),
    ...fields,
  }
}

export function renderDrill(result: DrillResult): string {
  const { source, choice, status, snapshot, rpo, rto, restored, postgres, durationMs } = result
  const lines: [string, string][] = []
  if (snapshot !== null) lines.push(['snapshot', `${snapshot.id} of ${timeText(snapshot.timeMs)}`])
  if (rpo !== null) lines.push(['missing time', objectiveText(rpo)])
  if (rto !== null) lines.push(['restore time', objectiveText(rto)])
  if (restored !== null)
    lines.push(['restored', `${countOf(restored.files, 'file')}, ${bytesText(restored.bytes)}`])
  if (postgres !== null)
    lines.push([
      'PostgreSQL',
      `${countOf(postgres.rows, 'row')} of ${countOf(postgres.tables, 'table')} in ${countOf(postgres.databases, 'database')}`,
    ])
  for (const { kind, name, ok, detail } of result.probes)
    lines.push([ok ? 'probe' : 'PROBE', `${kind}: ${terminalText(name)}: ${terminalText(detail)}`])
  for (const { subject, detail } of result.findings)
    lines.push(['finding', `${terminalText(subject)}: ${terminalText(detail)}`])
  const hiddenCount = result.findingCount - result.findings.length
  if (hiddenCount > 0) lines.push(['finding', `and ${hiddenCount} more`])
  const head = `${marks[status]} ${source}: ${choices[choice]}, ${durationText(durationMs)}\n`
  return `${head}${lines.length === 0 ? '' : rows(lines)}`
}

function objectiveText({ measuredMs, objectiveMs }: { measuredMs: number; objectiveMs: number }): string {
  return `${durationText(measuredMs)} (objective: ${durationText(objectiveMs)})`
}

export function drillRunRecord(
  { run, ok, vault, startedMs, durationMs, drills = [] }: Report,
  key: string | null,
): Record<string, unknown> {
  return {
    ...{ run, ok, vault, durationMs, report: key },
    startedAt: timeText(startedMs),
    seed: drills[0]?.seed ?? null,
    drills: drills.length,
  }
}

export function renderDrillRun({ run, ok, drills = [] }: Report, key: string | null): string {
  const verdict = ok ? `${countOf(drills.length, 'drill')} passed` : 'RED: a drill did not pass'
  return `${verdict}. Seed ${drills[0]?.seed ?? 'unknown'}, run ${run}${key === null ? '' : `, report ${key}`}.\n`
}
