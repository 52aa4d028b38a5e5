// The page of `holdfast report --html`: what is red, since when, and the next step; then the history behind it.
import type { Check } from '../../checks/check.ts'
import type { Episode, ReportHistory, SourceHistory } from '../../checks/reports/history.ts'
import type { ReportSummary, SourceSummary } from '../../checks/reports/summary.ts'
import { timeText } from '../../core/time-text.ts'
import { bytesText, countOf, countText, durationText } from '../render/figures.ts'
import { isRed } from '../render/summary-report.ts'
import { renderChart } from './chart.ts'
import { drillCharts, drillSection } from './drill-section.ts'
import { html } from './markup.ts'
import type { Markup } from './markup.ts'
import { badge, dim, list, number, renderPage, sentence, table, tile } from './page.ts'
import { byteCounts, durations } from './ticks.ts'

export interface MorningFacts {
  vault: string
  toolVersion: string
  sinceMs: number
  /** The store's clock. */
  nowMs: number
  summary: ReportSummary
  history: ReportHistory
  checks: readonly Check[]
}

export function renderMorningPage(facts: MorningFacts): string {
  const { vault, toolVersion, sinceMs, nowMs, summary } = facts
  const { sources, problems, runs } = summary
  const red = sources.filter((source) => !source.ok).map(({ source }) => source)
  const isGreen = summary.ok
  const title = isGreen
    ? 'Backups: all green'
    : red.length === 0
      ? 'Backups: red'
      : `Backups: red (${red.join(', ')})`
  return renderPage({
    title,
    held: isGreen,
    summary: html`<p>${verdict(facts, isGreen)}</p>
      <p class="dim">
        ${vault} · ${timeText(sinceMs)} to ${timeText(nowMs)} · ${countOf(runs, 'report')} · holdfast
        ${toolVersion}
      </p>`,
    sections: html`${statusSection(facts)}${problemSection(problems)}${findingSection(facts)}${chartSection(facts)}${drillSection(facts)}${episodeSection(facts)}${storageSection(facts)}`,
    footer: html`Drawn from the reports in the vault, by the clock of its store. No check was asked again. The
      same facts for programs: <code>holdfast report --json</code>.`,
  })
}

function verdict({ summary: { sources, drills, problems } }: MorningFacts, isGreen: boolean): string {
  if (sources.length === 0) return 'There is no report of this time: look whether holdfast check runs.'
  if (isGreen) return 'Every check of every source passed, and each was asked lately.'
  const open = sources.flatMap(({ checks }) => checks.filter(isRed)).length
  return [
    `${countOf(open, 'check')} ${open === 1 ? 'is' : 'are'} red.`,
    ...(drills.every(({ status }) => status === 'passed') ? [] : ['A drill did not pass.']),
    ...(problems.length === 0
      ? []
      : [`${countOf(problems.length, 'object')} could not be read as a report.`]),
    'The findings below name the next step.',
  ].join(' ')
}

function statusSection({ summary: { sources }, nowMs }: MorningFacts): Markup {
  if (sources.length === 0) return html``
  return html`<h2>Status</h2>
    <section class="cards">${sources.map((source) => statusCard(source, nowMs))}</section>`
}

function statusCard(
  { source, ok, newestGood, lastRunMs, runs, checks }: SourceSummary,
  nowMs: number,
): Markup {
  const red = checks.filter(isRed).map(({ outcome }) => outcome.check)
  return html`<div class="card ${ok ? 'held' : 'fell'}">
    <h3>${source} ${ok ? badge('good', 'green') : badge('bad', 'red')}</h3>
    <dl>
      <dt>Newest good</dt>
      <dd>${newestGood === null ? 'none' : `${durationText(nowMs - newestGood.timeMs)} ago`}</dd>
      <dt>Checks</dt>
      <dd>
        ${red.length === 0 ? `${checks.length} passed` : `${red.length} of ${checks.length} red: ${red.join(', ')}`}
      </dd>
      <dt>Last run</dt>
      <dd>${durationText(nowMs - lastRunMs)} ago, of ${countText(runs)}</dd>
    </dl>
  </div>`
}

function problemSection(problems: readonly string[]): Markup {
  if (problems.length === 0) return html``
  const maxShown = 50
  return html`<h2>Objects that are no report</h2>
    <p>Only roles of the vault's account can write them. Find the session in the audit trail.</p>
    ${list(problems.slice(0, maxShown), problems.length)}`
}

function findingSection({ summary: { sources }, checks }: MorningFacts): Markup {
  const open = sources.flatMap(({ source, checks: all }) =>
    all.filter(isRed).map((check) => ({ source, check })),
  )
  if (open.length === 0) return html``
  const cards = open.map(({ source, check: { outcome, timeMs, redSinceMs, redRuns, isStale } }) => {
    // A report of a later version can name a check that this program doesn't know.
    const remedy = checks.find(({ id }) => id === outcome.check)?.remedy
    const since = redSinceMs === null ? '' : `since ${timeText(redSinceMs)} (${countOf(redRuns, 'run')})`
    return html`<div class="card fell finding">
      <h3>
        ${source}: ${outcome.check}
        ${statusBadge(outcome.status)}${isStale ? badge('bad', 'not asked') : html``}
      </h3>
      <p class="dim">${outcome.severity} ${since} ${isStale ? `last asked at ${timeText(timeMs)}` : ''}</p>
      <p>${outcome.summary}</p>
      ${list(
        outcome.findings.map(({ subject, detail }) => `${subject}: ${detail}`),
        outcome.findingCount,
      )}
      ${isStale ? html`<p><b>Next:</b> look whether the job of this check runs.</p>` : html``}
      ${remedy === undefined || outcome.status === 'passed' ? html`` : html`<p><b>Next:</b> ${sentence(remedy)}</p>`}
    </div>`
  })
  return html`<h2>Open findings</h2>
    ${cards}`
}

function statusBadge(status: string): Markup {
  return status === 'passed'
    ? badge('good', 'passed')
    : status === 'failed'
      ? badge('bad', 'failed')
      : badge('unclear', 'could not tell')
}

function chartSection(facts: MorningFacts): Markup {
  const { history, sinceMs: fromMs, nowMs: toMs } = facts
  const sources = history.sources()
  if (sources.length === 0) return html``
  const charts = sources.map(({ source, points, objectives }) =>
    renderChart({
      title: `${source}: recovery point (RPO)`,
      quantity: durations,
      points: points.map(({ timeMs, ageMs }) => ({ timeMs, value: ageMs })),
      ...{ fromMs, toMs },
      limit: objectives === null ? null : { name: 'objective', value: objectives.maxAgeMs },
      absent: 'no good snapshot',
    }),
  )
  return html`<h2>Recovery objectives over time</h2>
    <p class="dim">
      The age of the newest good snapshot at each run of the checks, and the time of each drill.
    </p>
    <section class="cards">${charts}${drillCharts(facts)}</section>`
}

function episodeSection({ history }: MorningFacts): Markup {
  const { episodes, droppedEpisodes } = history
  if (episodes.length === 0) return html``
  return html`<h2>What was tried, and what stopped it</h2>
    <p class="dim">
      Each time that a check turned red: a failure or an attack, which a report can't tell apart. The last
      column names the checks that passed in the same run.
    </p>
    ${table(['', 'When', 'Source and check', dim('Finding'), dim('What held')], episodes.map(episodeRow))}
    ${droppedEpisodes === 0 ? html`` : html`<p>and ${countText(droppedEpisodes)} earlier ones</p>`}`
}

function episodeRow({
  isOpen,
  source,
  check,
  firstMs,
  lastMs,
  runs,
  outcome,
  passed,
}: Episode): (Markup | string)[] {
  const [finding] = outcome.findings
  const text = finding === undefined ? outcome.summary : `${finding.subject}: ${finding.detail}`
  return [
    isOpen ? badge('bad', 'open') : badge('good', 'over'),
    firstMs === lastMs
      ? timeText(firstMs)
      : `${timeText(firstMs)} to ${timeText(lastMs)}, ${countOf(runs, 'run')}`,
    html`${source}<br /><code>${check}</code>`,
    outcome.findingCount > 1 ? `${text} (and ${outcome.findingCount - 1} more)` : text,
    passed.length === 0 ? 'no check passed' : heldText(passed),
  ]
}

/** The checks whose success says that an attack did no harm. */
const meanings: Readonly<Record<string, string>> = {
  integrity: 'every object that live snapshots need was there, unchanged and locked',
  lock: 'the bucket locked every new version',
  freshness: 'a good snapshot was young enough',
}

function heldText(passed: readonly string[]): string {
  const sentences = Object.entries(meanings).flatMap(([check, meaning]) =>
    passed.includes(check) ? [meaning] : [],
  )
  return sentences.length === 0 ? passed.join(', ') : sentences.join('; ')
}

function storageSection(facts: MorningFacts): Markup {
  const { history, sinceMs: fromMs, nowMs: toMs } = facts
  const sources = history
    .sources()
    .filter(({ points }) => points.some(({ storedBytes }) => storedBytes !== null))
  if (sources.length === 0) return html``
  const newest = sources.map((source) => newestBytes(source))
  const sum = (figures: readonly number[]): number => figures.reduce((total, figure) => total + figure, 0)
  const charts = sources.map(({ source, points, objectives }) =>
    renderChart({
      title: `${source}: stored bytes`,
      quantity: byteCounts,
      points: points.flatMap(({ timeMs, storedBytes }) =>
        storedBytes === null ? [] : [{ timeMs, value: storedBytes }],
      ),
      ...{ fromMs, toMs },
      limit: budgetOf(objectives),
    }),
  )
  return html`<h2>Storage and cost</h2>
    <section class="tiles">
      ${tile(bytesText(sum(newest)), 'all versions in the vault, which the store bills')}
      ${tile(changeText(sum(newest) - sum(sources.map(firstBytes))), 'change in this time')}
      ${tile(countText(sum(sources.map(({ points }) => points.at(-1)!.requests))), 'requests of the last run of the checks')}
    </section>
    <section class="cards">${charts}</section>
    ${storageTable(sources)}`
}

function storageTable(sources: readonly SourceHistory[]): Markup {
  return table(
    ['Source', number('Stored'), number('Change'), number('Budget'), number('Requests of the last run')],
    sources.map((source) => [
      source.source,
      bytesText(newestBytes(source)),
      changeText(newestBytes(source) - firstBytes(source)),
      budgetText(source),
      countText(source.points.at(-1)!.requests),
    ]),
  )
}

function budgetOf(objectives: SourceHistory['objectives']): { name: string; value: number } | null {
  const budgetBytes = objectives?.storedBytes ?? null
  return budgetBytes === null ? null : { name: 'budget', value: budgetBytes }
}

function budgetText({ objectives }: SourceHistory): string {
  const budget = budgetOf(objectives)
  return budget === null ? 'none' : bytesText(budget.value)
}

function firstBytes({ points }: SourceHistory): number {
  return points.find(({ storedBytes }) => storedBytes !== null)?.storedBytes ?? 0
}

function newestBytes({ points }: SourceHistory): number {
  return points.findLast(({ storedBytes }) => storedBytes !== null)?.storedBytes ?? 0
}

function changeText(bytes: number): string {
  return `${bytes < 0 ? '−' : '+'}${bytesText(Math.abs(bytes))}`
}
