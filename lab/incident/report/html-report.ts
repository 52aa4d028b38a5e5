// report.html, for auditors.
import { bytesText, countText, durationText } from '../../../restore-cli/render/figures.ts'
import { html } from '../../../restore-cli/page/markup.ts'
import type { Markup } from '../../../restore-cli/page/markup.ts'
import {
  badge,
  dim,
  list,
  number,
  renderPage,
  resourceTable,
  table,
  tile,
} from '../../../restore-cli/page/page.ts'
import { attackTotals } from '../attack/totals.ts'
import type { DrillReport } from './schema.ts'

type Attempt = DrillReport['attacks'][number]

export function renderHtmlReport(report: DrillReport): string {
  const held = report.outcome === 'every-claim-held'
  const title = held ? 'Incident drill: every claim held' : 'Incident drill: claims fell'
  return renderPage({
    title,
    held,
    summary: html`<p>
        An agent finds production's own credential in a file, and deletes the production volume, the backups
        on it and every snapshot. Then every identity of production attacks the vault.
      </p>
      ${facts(report)}`,
    sections: html`${tiles(report)}${claims(report)}${timeline(report)}${wipe(report)}${attacks(report)}${backups(report)}${restores(report)}${scope(report)}`,
    footer: html`The same facts for programs: <code>report.json</code>, ${report.schema}. The drill ran on one
      machine against an embedded cloud that stands in for AWS. The cloud loaded the vault from the
      declarations of the infrastructure program.`,
  })
}

/** The cloud, the attempts, the configuration and the code: an auditor needs them before the first figure. */
function facts(report: DrillReport): Markup {
  const { totals, examined, tool } = report
  const { commit, configuration, replaced, policiesSha256 } = examined
  const rows: [string, Markup | string][] = [
    ['Cloud', 'emulated on one machine, with the policies that the program declares. Not AWS.'],
    [
      'Attempts',
      `${countText(totals.attempts)} by ${totals.identities} identities: ${countText(totals.sent)} sent as signed requests, ${countText(totals.evaluated)} evaluated on the policies. Allowed: ${countText(totals.allowed)}.`,
    ],
    [
      'Configuration',
      replaced.length === 0
        ? configuration
        : html`${configuration}; the drill replaced or added to
          ${replaced.map((key) => html`<code>${key}</code> `)}`,
    ],
    [
      'Commit',
      commit === null
        ? 'unknown: the copy has no history'
        : html`<code>${commit.id}</code>${commit.hasChanges ? ', with changes that are not committed' : ''}`,
    ],
    ['Policies', policiesSha256 === null ? 'none' : html`SHA-256 <code>${policiesSha256}</code>`],
    [
      'Run',
      `${report.startedAt}, ${seconds(report.durationMs)}, seed ${report.seed}, holdfast ${tool.version}, PostgreSQL ${tool.postgres}, Node ${tool.node} on ${tool.platform}`,
    ],
  ]
  return html`<dl>
    ${rows.map(
      ([term, text]) =>
        html`<dt>${term}</dt>
          <dd>${text}</dd>`,
    )}
  </dl>`
}

function tiles(report: DrillReport): Markup {
  const { claims, totals, objectives, inventory } = report
  const count = (status: string) => claims.filter((claim) => claim.status === status).length
  const rows = Math.max(0, ...report.restores.map(({ rows }) => rows))
  return html`<section class="tiles">
    ${tile(`${count('held')} of ${claims.length}`, 'claims held')}
    ${tile(measuredText(objectives.rto.measuredMs), `RTO, from the wipe to a working database (objective ${durationText(objectives.rto.objectiveMs)})`)}
    ${tile(measuredText(objectives.rpo.measuredMs), `RPO of the uploads, age of the newest snapshot (objective ${durationText(objectives.rpo.objectiveMs)})`)}
    ${tile(measuredText(objectives.lastCommit.measuredMs), `RPO of the database, from the last transaction that came back to the wipe (objective ${durationText(objectives.lastCommit.objectiveMs)})`)}
    ${tile(`${countText(totals.refused)} of ${countText(totals.attempts)}`, `attempts refused, by ${totals.identities} identities`)}
    ${tile(inventory === null ? 'none' : countText(inventory.versions), `object versions examined, ${bytesText(inventory?.bytes ?? 0)}`)}
    ${tile(countText(rows), 'rows compared after a restore')}
  </section>`
}

function measuredText(ms: number | null): string {
  return ms === null ? 'not measured' : durationText(ms)
}

function claims(report: DrillReport): Markup {
  const rows = report.claims.map((claim) => [
    statusBadge(claim.status),
    html`<code>${claim.name}</code><br />${claim.sentence}${list(claim.findings, claim.findingCount)}`,
    claim.evidence,
  ])
  return html`<h2>Claims</h2>
    ${table(['', 'Claim', dim('Examined')], rows)}`
}

const badges: Record<string, Parameters<typeof badge>> = {
  held: ['good', 'held'],
  fell: ['bad', 'fell'],
  'not-examined': ['bad', 'not examined'],
  refused: ['good', 'refused'],
  allowed: ['bad', 'allowed'],
  duty: ['unclear', 'duty'],
  'failed-duty': ['bad', 'duty refused'],
  'not-emulated': ['unclear', 'not emulated'],
  unclear: ['bad', 'unclear'],
}

function statusBadge(status: string): Markup {
  return badge(...(badges[status] ?? ['unclear', status]))
}

function timeline(report: DrillReport): Markup {
  const rows = report.timeline.map(({ at, elapsedMs, step, text }) => [
    `${at.slice(0, 10)} ${at.slice(11, 19)}`,
    seconds(elapsedMs),
    step,
    text,
  ])
  return html`<h2>Timeline</h2>
    <p class="dim">
      The first column is the embedded cloud's clock, which the drill turns forward; the second is a
      stopwatch.
    </p>
    ${table([number("Cloud's clock (UTC)"), number('Elapsed'), dim('Step'), 'Event'], rows)}`
}

function wipe({ wipe: facts }: DrillReport): Markup {
  if (facts === null) return html``
  const rows = facts.destroyed.map(({ what: callName, resource, answer, atMs }) => [
    seconds(atMs),
    html`<code>${callName}</code>`,
    html`<code>${resource}</code>`,
    answer,
  ])
  return html`<h2>The wipe</h2>
    <p>
      The agent read ${facts.searchedFiles} files, tried ${facts.keysTried} keys, and found one that worked in
      <code>${facts.foundIn}</code>. ${seconds(facts.durationMs)} after it started, everything below was done.
    </p>
    ${table([number('At'), 'Call', 'Resource', 'Response'], rows)}`
}

function attacks(report: DrillReport): Markup {
  const names = [...new Set(report.attacks.map(({ who: attackerName }) => attackerName))]
  const sections = names.map((attackerName) => {
    const rows = report.attacks.filter((row) => row.who === attackerName)
    return html`<details>
      <summary>${attackerName}: ${tally(rows)}</summary>
      ${attackTable(rows, report.controls)}
    </details>`
  })
  return html`<h2>Attacks</h2>
    <p>${tally(report.attacks)}, by ${report.totals.identities} identities.</p>
    <p class="dim">
      Each attack is a signed request. For a service that the embedded cloud doesn't emulate, the drill
      evaluates the loaded policies instead, and says so. A role after an arrow was really assumed. The last
      column is the response to the same attack without guards, because a refusal that happens everywhere
      proves nothing.
    </p>
    ${sections}`
}

function tally(rows: Attempt[]): string {
  const { attempts, sent, evaluated, refused, allowed, duties } = attackTotals(rows)
  return (
    `${countText(attempts)} attempts (${countText(sent)} sent, ${countText(evaluated)} evaluated), ${countText(refused)} refused, ${allowed} allowed` +
    (duties === 0 ? '' : `; ${duties} duties`)
  )
}

function attackTable(rows: Attempt[], controls: Attempt[]): Markup {
  const answer = ({ code, status }: Attempt) => html`<code>${status === 0 ? '' : `${status} `}${code}</code>`
  return table(
    ['', 'Attack', 'Attempt', dim('Target'), 'Response', dim('Decided by'), dim('Without guards')],
    rows.map((row) => {
      const control = controls.find(({ attack }) => attack === row.attack)
      return [
        statusBadge(row.duty === null ? row.outcome : row.outcome === 'allowed' ? 'duty' : 'failed-duty'),
        html`<code>${row.attack}</code>`,
        row.what,
        row.target,
        answer(row),
        row.duty ?? row.decidedBy,
        control === undefined ? html`` : answer(control),
      ]
    }),
  )
}

function backups(report: DrillReport): Markup {
  const rows = report.backups.map((row) => [
    row.label,
    html`<code>${row.source}</code>`,
    row.at,
    countText(row.files),
    bytesText(row.bytes),
    bytesText(row.bytesUploaded),
    requests(row.traffic),
    seconds(row.durationMs),
  ])
  const figures = ['Files', 'Content', 'Uploaded', 'Requests', 'Took'].map(number)
  return html`<h2>Backups</h2>
    ${table(['Backup', 'Source', 'Recovery point', ...figures], rows)}`
}

function restores(report: DrillReport): Markup {
  const rows = report.restores.map((row) => [
    row.label,
    html`<code>${row.source}</code>`,
    row.pointInTime,
    countText(row.files),
    bytesText(row.bytes),
    bytesText(row.bytesFetched),
    requests(row.traffic),
    countText(row.rows),
    seconds(row.restoreMs),
    seconds(row.databaseReadyMs),
  ])
  const figures = ['Files', 'Content', 'Fetched', 'Requests', 'Rows', 'Restored in', 'Database after'].map(
    number,
  )
  return html`<h2>Restores</h2>
    ${table(['Restore', 'Source', 'Point in time', ...figures], rows)}`
}

function scope(report: DrillReport): Markup {
  const { vault, notEmulated } = report
  const accounts = report.accounts.map(({ id, name }) => html`<li>${name} <code>${id}</code></li>`)
  return html`<h2>Scope</h2>
    <ul>
      ${accounts}
    </ul>
    <p>
      ${
        vault === null
          ? html`No vault was declared.`
          : html`Vault: <code>${vault.bucket}</code> in account <code>${vault.accountId}</code>, every version
              locked in ${vault.mode} mode for ${vault.days} days.`
      }
    </p>
    ${
      notEmulated.length === 0
        ? html``
        : html`<h3>Declared, and not emulated: the drill didn't test these</h3>
            ${resourceTable(notEmulated)}`
    }
    ${
      report.leftovers.length === 0
        ? html``
        : html`<h3>Not cleaned up</h3>
            ${list(report.leftovers)}`
    }`
}

function requests({ requests: byOperation }: { requests: Record<string, number> }): string {
  return countText(Object.values(byOperation).reduce((sum, count) => sum + count, 0))
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
