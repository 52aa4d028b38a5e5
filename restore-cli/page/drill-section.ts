// The part of the morning page that shows drills: the time to a working restore, and the phases of the last one.
import type { DrillHistory, ReportHistory } from '../../checks/reports/history.ts'
import type { DrillResult } from '../../checks/reports/drill-result.ts'
import { timeText } from '../../core/time-text.ts'
import { bytesText, countText, durationText } from '../render/figures.ts'
import { renderChart } from './chart.ts'
import { html } from './markup.ts'
import type { Markup } from './markup.ts'
import { badge, list, number, table } from './page.ts'
import { durations } from './ticks.ts'

interface DrillFacts {
  history: ReportHistory
  sinceMs: number
  nowMs: number
}

export function drillCharts({ history, sinceMs: fromMs, nowMs: toMs }: DrillFacts): Markup[] {
  return history.drills().map(({ source, choice, newest, points }) =>
    renderChart({
      title: `${source}, ${choiceText(choice)}: time to a working restore (RTO)`,
      quantity: durations,
      points: points.map(({ timeMs, rtoMs }) => ({ timeMs, value: rtoMs })),
      ...{ fromMs, toMs },
      limit: newest.rto === null ? null : { name: 'objective', value: newest.rto.objectiveMs },
      absent: 'no working restore',
    }),
  )
}

export function drillSection({ history }: DrillFacts): Markup {
  const drills = history.drills()
  if (drills.length === 0) return html``
  return html`<h2>Last drills</h2>
    ${drills.map(drillCard)}`
}

function drillCard({ source, newest }: DrillHistory): Markup {
  const { status, choice, startedMs, requestedMs, rpo, rto, findings, findingCount, probes } = newest
  const hasPassed = status === 'passed'
  return html`<div class="card finding ${hasPassed ? 'held' : 'fell'}">
    <h3>
      ${source}
      ${hasPassed ? badge('good', 'passed') : status === 'failed' ? badge('bad', 'failed') : badge('unclear', 'could not tell')}
    </h3>
    <p class="dim">
      ${timeText(startedMs)},
      ${choiceText(choice)}${requestedMs === null ? '' : `, as of ${timeText(requestedMs)}`}
    </p>
    <dl>
      <dt>RPO</dt>
      <dd>${measured(rpo)}</dd>
      <dt>RTO</dt>
      <dd>${measured(rto)}</dd>
      <dt>Restored</dt>
      <dd>${restoredText(newest)}</dd>
    </dl>
    ${timeline(newest)}
    ${list(
      findings.map(({ subject, detail }) => `${subject}: ${detail}`),
      findingCount,
    )}
    ${probes.length === 0 ? html`` : table(['', 'Probe', 'Result', number('Took')], probes.map(probeRow))}
  </div>`
}

function choiceText(choice: DrillResult['choice']): string {
  return choice === 'newest' ? 'newest state' : 'random time'
}

function measured(objective: DrillResult['rpo']): string {
  if (objective === null) return 'not measured'
  const { measuredMs, objectiveMs } = objective
  return `${durationText(measuredMs)} (objective ${durationText(objectiveMs)})`
}

function restoredText({ restored, postgres }: DrillResult): string {
  if (restored === null) return 'nothing'
  const rows =
    postgres === null ? '' : `, ${countText(postgres.rows)} rows in ${countText(postgres.tables)} tables`
  return `${countText(restored.files)} files with ${bytesText(restored.bytes)}${rows}`
}

function probeRow({
  ok,
  kind,
  name,
  detail,
  durationMs,
}: DrillResult['probes'][number]): (Markup | string)[] {
  return [
    ok ? badge('good', 'passed') : badge('bad', 'failed'),
    html`${kind} <code>${name}</code>`,
    detail,
    durationText(durationMs),
  ]
}

const bars = { left: 70, width: 200, step: 20 }

/** One bar for each phase, on one scale. */
function timeline({ phases }: DrillResult): Markup {
  if (phases.length === 0) return html``
  const endMs = Math.max(1, ...phases.map(({ startMs, durationMs }) => startMs + durationMs))
  const x = (ms: number): number => Math.round(bars.left + (bars.width * ms) / endMs)
  const text = phases.map(({ name, durationMs }) => `${name} ${durationText(durationMs)}`).join(', ')
  const rows = phases.map(({ name, startMs, durationMs }, index) => {
    const y = index * bars.step
    const width = Math.max(2, x(startMs + durationMs) - x(startMs))
    return html`<text x="${bars.left - 6}" y="${y + 14}" text-anchor="end">${name}</text>
      <rect class="bar" x="${x(startMs)}" y="${y + 4}" width="${width}" height="12" rx="2" />
      <text x="${x(startMs) + width + 5}" y="${y + 14}">${durationText(durationMs)}</text>`
  })
  return html`<svg
    viewBox="0 0 360 ${phases.length * bars.step + 4}"
    role="img"
    aria-label="Phases: ${text}"
    class="phases"
  >
    ${rows}
  </svg>`
}
