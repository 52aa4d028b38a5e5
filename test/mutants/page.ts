// docs/mutants.md: which safeties were taken out, and what noticed.
import type { Mutant, Verdict } from './runner.ts'

const head = `# Mutants

\`npm run mutants\` takes one safety at a time out of a copy of the sources (a hash that is compared, a flag of an \`open\`, a
limit, the order of two steps) and runs the tests that must notice. Without a mutant these are green; with one, a test must
fail because of what it asserts, not because the sources no longer load. One that lives fails the run, and so does one whose
text no longer stands in the sources. \`npm run mutants -- --write\` makes this page; \`-- --only TEXT\` tries some.

Guards of policies and of the drill have mutants of their own: \`npx vitest run --project guards\`, \`npm run prove\`.

| Taken out | Because of it | In | Noticed by |
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
