// The proof on a terminal: one line per claim, then the unexpected results.
import { countText } from '../../../restore-cli/render/figures.ts'
import { terminalText } from '../../../restore-cli/render/terminal-text.ts'
import { proofTitles } from './summary.ts'
import type { ProofReport, ProofSummary } from './summary.ts'

const shownSurprises = 20

export function renderTerminal(report: ProofReport): string {
  const lines = report.proofs.flatMap(proofLines)
  if (report.mutants !== null) lines.push('', ...mutantLines(report.mutants))
  lines.push('', report.outcome === 'proven' ? 'Proven: every result is as expected.' : 'NOT PROVEN.')
  return `${lines.join('\n')}\n`
}

function proofLines(proof: ProofSummary): string[] {
  const width = Math.max(...proof.groups.map(({ name }) => name.length))
  return [
    '',
    `${proofTitles[proof.name]}: ${countText(proof.rows)} requests (${countText(proof.principals)} principals, ${countText(proof.actions)} actions, ${countText(proof.contexts)} circumstances)`,
    ...proof.groups.map(
      ({ name, sentence, rows, asExpected }) =>
        `  ${asExpected === rows ? 'held' : 'FELL'}  ${name.padEnd(width)}  ${countText(asExpected).padStart(7)} of ${countText(rows).padStart(7)}  ${sentence}`,
    ),
    `  ${proof.settings.broken.length === 0 ? 'held' : 'FELL'}  ${'settings'.padEnd(width)}  ${countText(proof.settings.examined - proof.settings.broken.length).padStart(7)} of ${countText(proof.settings.examined).padStart(7)}  Locks, versions, encryption, public access, protection of resources.`,
    ...proof.settings.broken.map(({ name, sentence }) => `        ${terminalText(`${name}: ${sentence}`)}`),
    ...proof.surprises.slice(0, shownSurprises).map((row) => {
      const on = terminalText(
        `${row.who}: ${row.action} on ${row.resource}${row.circumstance === '' ? '' : ` (${row.circumstance})`}`,
      )
      return `        ${on}\n          expected ${row.expected}, got ${terminalText(`${row.result}${row.statement === null ? '' : `, by ${row.statement}`}`)}`
    }),
    ...(proof.surprises.length > shownSurprises
      ? [`        and ${countText(proof.surprises.length - shownSurprises)} more, in the report`]
      : []),
    ...(proof.notEmulated.length === 0
      ? []
      : [
          `  Not examined, because the evaluator reads no policy of them: ${countText(proof.notEmulated.length)} resources, listed in the report.`,
        ]),
  ]
}

function mutantLines({
  examined,
  killed,
  accounted,
  unexpected,
  stale,
}: NonNullable<ProofReport['mutants']>): string[] {
  return [
    `Mutants: ${countText(examined)} examined, ${countText(killed)} noticed, ${countText(accounted.length)} redundant on purpose, ${countText(unexpected.length)} unnoticed`,
    ...[...new Set(accounted.map(({ reason }) => reason))].flatMap((reason) => {
      const ids = accounted.filter((survivor) => survivor.reason === reason).map(({ id }) => id)
      const similar = ids.length === 1 ? '' : ` and ${countText(ids.length - 1)} similar`
      return [`  twice  ${terminalText(ids[0]!)}${similar}`, `         ${terminalText(reason)}`]
    }),
    ...unexpected.map((id) => `  LIVES  ${terminalText(id)}`),
    ...stale.map(
      (id) =>
        `  STALE  ${terminalText(id)}: listed as redundant, but the proof notices its removal, or it doesn't exist`,
    ),
  ]
}
