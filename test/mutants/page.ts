// docs/mutants.md: which safeties were taken out, and what noticed.
import type { Mutant, Verdict } from './runner.ts'

const head = `# Does a test notice when a safety is removed?

\`npm run mutants\` removes one safety at a time from a copy of the sources: a hash comparison, a flag of an \`open\`, a limit, the order of two steps. Then it
runs the tests that must notice.

- Without a mutant these tests pass. With one, a test must fail because of its assertion, not because the sources no longer load.
- The run fails if a mutant survives, or if its text is no longer in the sources.
- \`npm run mutants -- --write\` draws this page. \`-- --only TEXT\` runs some mutants.

Guards of policies and of the drill have mutants of their own: \`npx vitest run --project guards\`, \`npm run prove\`.

| Removed or changed | Why it matters | In | Noticed by |
| --- | --- | --- | --- |
`

export function renderPage(mutants: readonly Mutant[], verdicts: ReadonlyMap<string, Verdict>): string {
  const rows = mutants.map(({ name, why, file }) => {
    const verdict = verdicts.get(name)
    if (verdict?.kind !== 'caught') throw new Error(`${name} was not caught`)
    return `| ${[name, why, `\`${file}\``, `\`${verdict.file.replace(/^test\//, '')}\`: ${verdict.title}`].map(escapeCell).join(' | ')} |\n`
  })
  return `${head}${rows.join('')}`
}

/** The names that a page lists, in its order. */
export function namesIn(page: string): string[] {
  return page
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(2)
    .map((line) => line.slice(2, line.indexOf(' | ')).replaceAll('\\|', '|'))
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|').replace(/[\x00-\x1f]/g, ' ')
}
