// `npm run baselines [-- --seeds N] [--seed S] [--write]`: measures the behaviour checks, and prints the table of
// docs/baselines.md. `--write` draws it there. The exit status is 1 if an attack was missed, or if false alarms were
// too many.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { drawPage, pageFile, resultsFile, resultsText } from './page.ts'
import { isAsRequired, measureBaselines, renderTable } from './table.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
    write: { type: 'boolean', default: false },
  },
})

function whole(name: string, text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  process.stderr.write(`--${name} must be a whole number of at least 1\n`)
  process.exit(2)
}

const results = measureBaselines(whole('seed', values.seed), whole('seeds', values.seeds))
process.stdout.write(`${renderTable(results)}\n`)
if (values.write) {
  writeFileSync(resultsFile, resultsText(results))
  writeFileSync(pageFile, drawPage(results))
}
process.exitCode = isAsRequired(results) ? 0 : 1
