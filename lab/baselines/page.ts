// docs/baselines.md and the results that its table is drawn from.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { attacks } from './attacks.ts'
import { renderTable } from './table.ts'
import type { BaselineResults } from './table.ts'
import { workloads } from './workloads.ts'

const docs = join(import.meta.dirname, '../../docs')
export const pageFile = join(docs, 'baselines.md')
export const resultsFile = join(docs, 'baselines.json')

/** The page with the table of these results. */
export function drawPage(results: BaselineResults): string {
  return readFileSync(pageFile, 'utf8').replace(
    /(<!-- npm run baselines[^\n]*\n)[^]*?(<!-- end -->)/,
    (_, begin: string, end: string) => `${begin}\n${renderTable(results)}\n\n${descriptions()}\n\n${end}`,
  )
}

function descriptions(): string {
  const table = (title: string, entries: readonly { name: string; text: string }[]): string =>
    [
      `| ${title} | What it does |`,
      '| --- | --- |',
      ...entries.map(({ name, text }) => `| ${name} | ${text} |`),
    ].join('\n')
  return `${table('Workload', workloads)}\n\n${table('Attack', attacks)}`
}

/** A line for each row. */
export function resultsText({ firstSeed, seeds, attacks: rows, quiet }: BaselineResults): string {
  const lines = (values: readonly unknown[]): string =>
    values.map((value) => `    ${JSON.stringify(value)}`).join(',\n')
  return `{\n  "firstSeed": ${firstSeed},\n  "seeds": ${seeds},\n  "attacks": [\n${lines(rows)}\n  ],\n  "quiet": [\n${lines(quiet)}\n  ]\n}\n`
}

export function readResults(): BaselineResults {
  return JSON.parse(readFileSync(resultsFile, 'utf8')) as BaselineResults
}
