// report.html, for auditors: one file without scripts, which loads nothing.
import { bytesText, countText, durationText } from '../../../restore-cli/render/figures.ts'
import { html, Markup } from '../../report/markup.ts'
import type { DrillReport } from './schema.ts'
import { styleSheet } from '../../report/style.ts'

type Attempt = DrillReport['attacks'][number]

export function renderHtmlReport(report: DrillReport): string {
  const held = report.outcome === 'every-claim-held'
  const title = held ? 'Incident drill: every claim held' : 'Incident drill: claims fell'
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
        <title>${title}</title>
        <style>
          ${new Markup(styleSheet)}
        </style>
      </head>
      <body>
        <main>
          <header class="${held ? 'held' : 'fell'}">
            <h1>${title}</h1>
            <p>
              The drill replays an incident. An agent finds production's own credential in a file, and deletes
              the production volume, the backups on it and every snapshot. Then every identity of production
              attacks the vault. This report shows what survived, what was restored, and how fast.
            </p>
            <p class="dim">
              ${report.startedAt} · ${seconds(report.durationMs)} · seed ${report.seed} · holdfast
              ${report.tool.version} · PostgreSQL ${report.tool.postgres} · Node ${report.tool.node} on
              ${report.tool.platform}
            </p>
          </header>
          ${tiles(report)}${claims(report)}${timeline(report)}${wipe(report)}${attacks(report)}${backups(report)}${restores(report)}${scope(report)}
          <footer>
            The same facts for programs: <code>report.json</code>, ${report.schema}. The drill ran on one
            machine against an embedded cloud that stands in for AWS. The cloud loaded the vault from the
            declarations of the infrastructure program.
          </footer>
        </main>
      </body>
    </html> `
  return page.text
}

function tiles(report: DrillReport): Markup {
  const { claims, attacks, objectives, inventory } = report
  const count = (status: string) => claims.filter((claim) => claim.status === status).length
  const tried = attacks.filter(({ duty }) => duty === null)
  const refused = tried.filter(({ outcome }) => outcome === 'refused').length
  const rows = Math.max(0, ...report.restores.map(({ rows }) => rows))
  return html`<section class="tiles">
    ${tile(`${count('held')} of ${claims.length}`, 'claims held')}
    ${tile(measuredText(objectives.rto.measuredMs), `RTO, from the wipe to a working database (objective ${durationText(objectives.rto.objectiveMs)})`)}
    ${tile(measuredText(objectives.rpo.measuredMs), `RPO, age of the newest recovery point (objective ${durationText(objectives.rpo.objectiveMs)})`)}
    ${tile(`${countText(refused)} of ${countText(tried.length)}`, 'attacks refused')}
    ${tile(inventory === null ? 'none' : countText(inventory.versions), `object versions examined, ${bytesText(inventory?.bytes ?? 0)}`)}
    ${tile(countText(rows), 'rows compared after a restore')}
  </section>`
}

function measuredText(ms: number | null): string {
  return ms === null ? 'not measured' : durationText(ms)
}

function tile(figure: string, caption: string): Markup {
  return html`<div class="tile"><b>${figure}</b><span>${caption}</span></div>`
}

function claims(report: DrillReport): Markup {
  const rows = report.claims.map(
    (claim) =>
      html`<tr>
        <td>${badge(claim.status)}</td>
        <td>
          <code>${claim.name}</code><br />${claim.sentence}${findings(claim.findings, claim.findingCount)}
        </td>
        <td class="dim">${claim.evidence}</td>
      </tr>`,
  )
  return html`<h2>Claims</h2>
    ${table(['', 'Claim', 'Examined'], rows)}`
}

function findings(list: string[], count: number): Markup {
  if (list.length === 0) return html``
  const remainder = count > list.length ? [html`<li>and ${count - list.length} more</li>`] : []
  return html`<ul>
    ${list.map((finding) => html`<li>${finding}</li>`)}${remainder}
  </ul>`
}

const badges: Record<string, [string, string]> = {
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

function badge(status: string): Markup {
  const [style, text] = badges[status] ?? ['unclear', status]
  return html`<span class="badge ${style}">${text}</span>`
}

function timeline(report: DrillReport): Markup {
  const rows = report.timeline.map(
    ({ at, elapsedMs, step, text }) =>
      html`<tr>
        <td class="number">${at.slice(0, 10)} ${at.slice(11, 19)}</td>
        <td class="number">${seconds(elapsedMs)}</td>
        <td class="dim">${step}</td>
        <td>${text}</td>
      </tr>`,
  )
  return html`<h2>Timeline</h2>
    <p class="dim">
      The first column is the embedded cloud's clock, which the drill turns forward; the second is a
      stopwatch.
    </p>
    ${table(["Cloud's clock (UTC)", 'Elapsed', 'Step', 'Event'], rows)}`
}

function wipe({ wipe: facts }: DrillReport): Markup {
  if (facts === null) return html``
  const rows = facts.destroyed.map(
    ({ what: callName, resource, answer, atMs }) =>
      html`<tr>
        <td class="number">${seconds(atMs)}</td>
        <td><code>${callName}</code></td>
        <td><code>${resource}</code></td>
        <td>${answer}</td>
      </tr>`,
  )
  return html`<h2>The wipe</h2>
    <p>
      The agent read ${facts.searchedFiles} files, tried ${facts.keysTried} keys, and found one that worked in
      <code>${facts.foundIn}</code>. ${seconds(facts.durationMs)} after it started, everything below was done.
    </p>
    ${table(['At', 'Call', 'Resource', 'Response'], rows)}`
}

function attacks(report: DrillReport): Markup {
  const identities = [...new Set(report.attacks.map(({ who: attackerName }) => attackerName))]
  const sections = identities.map((attackerName) => {
    const rows = report.attacks.filter((row) => row.who === attackerName)
    return html`<details>
      <summary>${attackerName}: ${tally(rows)}</summary>
      ${attackTable(rows, report.controls)}
    </details>`
  })
  return html`<h2>Attacks</h2>
    <p>${tally(report.attacks)}, by ${identities.length} identities.</p>
    <p class="dim">
      Each attack is a signed request. For a service that the embedded cloud doesn't emulate, the drill
      evaluates the loaded policies instead, and says so. A role after an arrow was really assumed. The last
      column is the response to the same attack without guards, because a refusal that happens everywhere
      proves nothing.
    </p>
    ${sections}`
}

function tally(rows: Attempt[]): string {
  const attacks = rows.filter(({ duty }) => duty === null)
  const count = (outcome: string) => attacks.filter((row) => row.outcome === outcome).length
  const evaluated = attacks.filter(({ method }) => method === 'evaluation').length
  const duties = rows.length - attacks.length
  return (
    `${countText(attacks.length)} attacks (${countText(evaluated)} evaluated, not sent), ${countText(count('refused'))} refused, ${count('allowed')} allowed` +
    (duties === 0 ? '' : `; ${duties} duties`)
  )
}

function attackTable(rows: Attempt[], controls: Attempt[]): Markup {
  const answer = ({ code, status }: Attempt) => html`<code>${status === 0 ? '' : `${status} `}${code}</code>`
  return table(
    ['', 'Attack', 'Attempt', 'Target', 'Response', 'Decided by', 'Without guards'],
    rows.map((row) => {
      const control = controls.find(({ attack }) => attack === row.attack)
      return html`<tr>
        <td>
          ${row.duty === null ? badge(row.outcome) : badge(row.outcome === 'allowed' ? 'duty' : 'failed-duty')}
        </td>
        <td><code>${row.attack}</code></td>
        <td>${row.what}</td>
        <td class="dim">${row.target}</td>
        <td>${answer(row)}</td>
        <td class="dim">${row.duty ?? row.decidedBy}</td>
        <td class="dim">${control === undefined ? html`` : answer(control)}</td>
      </tr>`
    }),
  )
}

function backups(report: DrillReport): Markup {
  const rows = report.backups.map(
    (row) =>
      html`<tr>
        <td>${row.label}</td>
        <td><code>${row.source}</code></td>
        <td>${row.at}</td>
        <td class="number">${countText(row.files)}</td>
        <td class="number">${bytesText(row.bytes)}</td>
        <td class="number">${bytesText(row.bytesUploaded)}</td>
        <td class="number">${requests(row.traffic)}</td>
        <td class="number">${seconds(row.durationMs)}</td>
      </tr>`,
  )
  return html`<h2>Backups</h2>
    ${table(['', 'Source', 'Recovery point', '#Files', '#Content', '#Uploaded', '#Requests', '#Took'], rows)}`
}

function restores(report: DrillReport): Markup {
  const rows = report.restores.map(
    (row) =>
      html`<tr>
        <td>${row.label}</td>
        <td><code>${row.source}</code></td>
        <td>${row.pointInTime}</td>
        <td class="number">${countText(row.files)}</td>
        <td class="number">${bytesText(row.bytes)}</td>
        <td class="number">${bytesText(row.bytesFetched)}</td>
        <td class="number">${requests(row.traffic)}</td>
        <td class="number">${countText(row.rows)}</td>
        <td class="number">${seconds(row.restoreMs)}</td>
        <td class="number">${seconds(row.databaseReadyMs)}</td>
      </tr>`,
  )
  return html`<h2>Restores</h2>
    ${table(['', 'Source', 'Point in time', '#Files', '#Content', '#Fetched', '#Requests', '#Rows', '#Restored in', '#Database after'], rows)}`
}

function scope(report: DrillReport): Markup {
  const { vault, notEmulated } = report
  const accounts = report.accounts.map(({ id, name }) => html`<li>${name} <code>${id}</code></li>`)
  const resources = notEmulated.map(
    ({ type, name, account }) =>
      html`<tr>
        <td><code>${type}</code></td>
        <td>${name}</td>
        <td>${account}</td>
      </tr>`,
  )
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
      resources.length === 0
        ? html``
        : html`<h3>Declared, and not emulated: the drill didn't test these</h3>
            ${table(['Type', 'Name', 'Account'], resources)}`
    }
    ${
      report.leftovers.length === 0
        ? html``
        : html`<h3>Not cleaned up</h3>
            ${findings(report.leftovers, report.leftovers.length)}`
    }`
}

/** A heading that begins with `#` marks a column of numbers. */
function table(headings: string[], rows: Markup[]): Markup {
  const heads = headings.map((text) =>
    text.startsWith('#') ? html`<th class="number">${text.slice(1)}</th>` : html`<th>${text}</th>`,
  )
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          ${heads}
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`
}

function requests({ requests: byOperation }: { requests: Record<string, number> }): string {
  return countText(Object.values(byOperation).reduce((sum, count) => sum + count, 0))
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
