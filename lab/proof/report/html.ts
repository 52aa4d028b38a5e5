// proof.html, for auditors.
import { countText } from '../../../restore-cli/render/figures.ts'
import { html } from '../../../restore-cli/page/markup.ts'
import type { Markup } from '../../../restore-cli/page/markup.ts'
import { badge, number, renderPage, resourceTable, table, tile } from '../../../restore-cli/page/page.ts'
import { proofTitles } from './summary.ts'
import type { ProofReport, ProofSummary, RowRecord } from './summary.ts'

export function renderHtml(report: ProofReport): string {
  const proven = report.outcome === 'proven'
  const title = proven ? 'Guardrails: proven' : 'Guardrails: not proven'
  return renderPage({
    title,
    held: proven,
    summary: html`<p>
        The proof evaluates every relevant request of every principal against the policies that the
        infrastructure program declares, before a deployment. It uses IAM's evaluation logic on the rendered
        policies, and names the deciding statement of each result.
      </p>
      <p class="dim">
        ${report.startedAt} · ${(report.durationMs / 1000).toFixed(1)} s · holdfast ${report.tool.version} ·
        Node ${report.tool.node}
      </p>`,
    sections: html`${report.proofs.map(proofSection)}${mutantSection(report)}`,
    footer: html`The same facts for programs: <code>proof.json</code>, ${report.schema}; every single result:
      <code>proof-rows.jsonl</code>.`,
  })
}

function proofSection(proof: ProofSummary): Markup {
  const count = (figure: number, caption: string) => tile(countText(figure), caption)
  const groups = proof.groups.map(({ name, sentence, rows, asExpected }) => [
    verdictBadge(rows === asExpected),
    html`<code>${name}</code><br />${sentence}`,
    `${countText(asExpected)} of ${countText(rows)}`,
  ])
  const deciders = proof.deciders.map(({ group, who: principalName, rows, by }) => [
    html`<code>${group}</code>`,
    principalName,
    countText(rows),
    html`${by.slice(0, 5).map((decider) => html`<code>${decider.statement}</code> ${countText(decider.rows)}<br />`)}${by.length > 5 ? html`and ${by.length - 5} more` : html``}`,
  ])
  const broken = proof.settings.broken.map(
    ({ name, sentence }) => html`<li><code>${name}</code> ${sentence}</li>`,
  )
  return html`<h2>${proofTitles[proof.name]}</h2>
    <section class="tiles">
      ${count(proof.rows, 'requests')}${count(proof.principals, 'principals, with role chains of up to three roles')}
      ${count(proof.actions, 'actions')}${count(proof.surprises.length, 'unexpected results')}${count(proof.settings.examined, 'settings examined')}
    </section>
    <h3>Evaluated requests</h3>
    ${table(['', 'Claim', number('As expected')], groups)}
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
    ${table(['Claim', 'Principal', number('Requests'), 'Decided by'], deciders)}
    ${
      proof.notEmulated.length === 0
        ? html``
        : html`<h3>Declared, and not covered by any request</h3>
            ${resourceTable(proof.notEmulated)}`
    }`
}

function surprise(row: RowRecord): Markup[] {
  return [
    html`${row.who}`,
    html`<code>${row.action}</code> on <code>${row.resource}</code> ${row.circumstance}`,
    html`${row.expected}`,
    html`${row.result} <code>${row.statement ?? ''}</code>`,
  ]
}

function mutantSection({ mutants }: ProofReport): Markup {
  if (mutants === null) return html``
  const row = (isGood: boolean, id: string, reason: string) => [
    verdictBadge(isGood),
    html`<code>${id}</code>`,
    reason,
  ]
  const rows = [
    ...mutants.unexpected.map((id) => row(false, id, "the proof doesn't notice its removal")),
    ...mutants.stale.map((id) =>
      row(false, id, "listed as redundant, but the proof notices its removal, or it doesn't exist"),
    ),
    ...mutants.accounted.map(({ id, reason }) => row(true, id, reason)),
  ]
  return html`<h2>Mutants</h2>
    <p>
      Each mutant lacks one statement, condition, boundary, lock or setting: ${countText(mutants.examined)}
      mutants, ${countText(mutants.killed)} noticed by the proof. The others are redundant on purpose:
    </p>
    ${table(['', 'Removed', 'Reason why no result changes'], rows)}`
}

function verdictBadge(good: boolean): Markup {
  return good ? badge('good', 'held') : badge('bad', 'fell')
}
