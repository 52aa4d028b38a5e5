// proof.html, for auditors: one file without scripts, which loads nothing.
import { countText } from '../../../restore-cli/render/figures.ts'
import { html, Markup } from '../../report/markup.ts'
import { styleSheet } from '../../report/style.ts'
import type { ProofReport, ProofSummary, RowRecord } from './summary.ts'

export function renderHtml(report: ProofReport): string {
  const proven = report.outcome === 'proven'
  const title = proven ? 'Guardrails: proven' : 'Guardrails: not proven'
  return html`<!doctype html>
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
          <header class="${proven ? 'held' : 'fell'}">
            <h1>${title}</h1>
            <p>
              The proof evaluates every relevant request of every principal against the policies that the
              infrastructure program declares, before a deployment. It uses IAM's evaluation logic on the
              rendered policies, and names the deciding statement of each result.
            </p>
            <p class="dim">
              ${report.startedAt} · ${(report.durationMs / 1000).toFixed(1)} s · holdfast
              ${report.tool.version} · Node ${report.tool.node}
            </p>
          </header>
          ${report.proofs.map(proofSection)}${mutantSection(report)}
          <footer>
            The same facts for programs: <code>proof.json</code>, ${report.schema}; every single result:
            <code>proof-rows.jsonl</code>.
          </footer>
        </main>
      </body>
    </html> `.text
}

function proofSection(proof: ProofSummary): Markup {
  const tile = (figure: number, caption: string) =>
    html`<div class="tile"><b>${countText(figure)}</b><span>${caption}</span></div>`
  const groups = proof.groups.map(
    ({ name, sentence, rows, asExpected }) =>
      html`<tr>
        <td>${badge(rows === asExpected)}</td>
        <td><code>${name}</code><br />${sentence}</td>
        <td class="number">${countText(asExpected)} of ${countText(rows)}</td>
      </tr>`,
  )
  const deciders = proof.deciders.map(
    ({ group, who: principalName, rows, by }) =>
      html`<tr>
        <td><code>${group}</code></td>
        <td>${principalName}</td>
        <td class="number">${countText(rows)}</td>
        <td>
          ${by.slice(0, 5).map((decider) => html`<code>${decider.statement}</code> ${countText(decider.rows)}<br />`)}${by.length > 5 ? html`and ${by.length - 5} more` : html``}
        </td>
      </tr>`,
  )
  const broken = proof.settings.broken.map(
    ({ name, sentence }) => html`<li><code>${name}</code> ${sentence}</li>`,
  )
  return html`<h2>${proof.name === 'detached' ? 'Without an Organization' : 'With an Organization'}</h2>
    <section class="tiles">
      ${tile(proof.rows, 'requests')}${tile(proof.principals, 'principals, with role chains of up to three roles')}
      ${tile(proof.actions, 'actions')}${tile(proof.surprises.length, 'unexpected results')}${tile(proof.settings.examined, 'settings examined')}
    </section>
    <h3>Evaluated requests</h3>
    ${table(['', 'Claim', '#As expected'], groups)}
    ${
      broken.length === 0
        ? html``
        : html`<h3>Broken settings</h3>
            <ul>
              ${broken}
            </ul>`
    }
    ${
      proof.surprises.length === 0
        ? html``
        : html`<h3>Surprises</h3>
            ${table(['Principal', 'Request', 'Expected', 'Result'], proof.surprises.slice(0, 500).map(surprise))}`
    }
    <h3>Deciding statements</h3>
    ${table(['Claim', 'Principal', '#Requests', 'Decided by'], deciders)}
    ${
      proof.notEmulated.length === 0
        ? html``
        : html`<h3>Declared, and not covered by any request</h3>
            ${table(
              ['Type', 'Name', 'Account'],
              proof.notEmulated.map(
                ({ type, name, account }) =>
                  html`<tr>
                    <td><code>${type}</code></td>
                    <td>${name}</td>
                    <td>${account}</td>
                  </tr>`,
              ),
            )}`
    }`
}

function surprise(row: RowRecord): Markup {
  return html`<tr>
    <td>${row.who}</td>
    <td><code>${row.action}</code> on <code>${row.resource}</code> ${row.circumstance}</td>
    <td>${row.expected}</td>
    <td>${row.result} <code>${row.statement ?? ''}</code></td>
  </tr>`
}

function mutantSection({ mutants }: ProofReport): Markup {
  if (mutants === null) return html``
  const rows = [
    ...mutants.unexpected.map(
      (id) =>
        html`<tr>
          <td>${badge(false)}</td>
          <td><code>${id}</code></td>
          <td>the proof doesn't notice its removal</td>
        </tr>`,
    ),
    ...mutants.stale.map(
      (id) =>
        html`<tr>
          <td>${badge(false)}</td>
          <td><code>${id}</code></td>
          <td>listed as redundant, but the proof notices its removal, or it doesn't exist</td>
        </tr>`,
    ),
    ...mutants.accounted.map(
      ({ id, reason }) =>
        html`<tr>
          <td>${badge(true)}</td>
          <td><code>${id}</code></td>
          <td>${reason}</td>
        </tr>`,
    ),
  ]
  return html`<h2>Mutants</h2>
    <p>
      Each mutant lacks one statement, condition, boundary, lock or setting: ${countText(mutants.examined)}
      mutants, ${countText(mutants.killed)} noticed by the proof. The others are redundant on purpose:
    </p>
    ${table(['', 'Removed', 'Reason why no result changes'], rows)}`
}

function badge(good: boolean): Markup {
  return good ? html`<span class="badge good">held</span>` : html`<span class="badge bad">fell</span>`
}

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
