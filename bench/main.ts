// `npm run bench`: measures Holdfast and restic side by side on one third-party S3 store on loopback.
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { HoldfastError, exitStatus } from '../core/errors.ts'
import { measureComplexity } from './complexity.ts'
import { openHoldfast, openRestic } from './contender.ts'
import { costPage } from './cost/page.ts'
import { makeBig, makeMixed, makeTiny } from './dataset.ts'
import type { Dataset } from './dataset.ts'
import { Gateway } from './gateway.ts'
import { measureHistory } from './history.ts'
import { describeMachine } from './machine.ts'
import { measureDataset } from './measurement.ts'
import { parseOptions, usage } from './options.ts'
import type { Options, PartName } from './options.ts'
import { makePostgres } from './postgres-dataset.ts'
import { mergeResults, readResults } from './results.ts'
import type { Complexity, DatasetResults, Results } from './results.ts'
import { renderPage } from './page/page.ts'
import { prepareTools } from './tools.ts'
import type { Tools } from './tools.ts'

const documentation = resolve(import.meta.dirname, '..', 'docs')
const ownResults = join(documentation, 'benchmarks.json')
const report = (text: string): void => void process.stderr.write(`${text}\n`)

const sync = (): void => void execFileSync('sync')

const makers: Record<Exclude<PartName, 'history' | 'complexity'>, (directory: string, scale: number) => Dataset | Promise<Dataset>> = {
  mixed: makeMixed, tiny: makeTiny, big: makeBig, postgres: makePostgres,
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2))
  if (options.mode === 'help') return void process.stdout.write(usage)
  if (options.mode === 'list') {
    for (const part of options.parts) process.stdout.write(`${part}: scale ${options.scales[part]}\n`)
    return
  }
  if (options.mode === 'cost') return writeFileSync(join(documentation, 'cost.md'), costPage())
  if (options.mode === 'measure') {
    const results = await measureAll(options)
    const out = options.out ?? ownResults
    // A part that was measured alone takes its place among the others.
    const merged = existsSync(out) ? mergeResults(readResults(out), results) : results
    writeFileSync(out, `${JSON.stringify(merged, null, 1)}\n`)
    report(`written: ${out}`)
  }
  if (options.out === undefined) await renderPage(readResults(ownResults), documentation)
}

async function measureAll(options: Options): Promise<Results> {
  const made = new Date().toISOString()
  const work = mkdtempSync(join(options.work ?? tmpdir(), 'holdfast-bench-'))
  // PostgreSQL runs as another user where we are root.
  chmodSync(work, 0o755)
  // A signal ends the process by way of `exit`, where servers are killed and the folder goes.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(exitStatus.interrupted))
  process.once('exit', () => rmSync(work, { recursive: true, force: true }))
  const tools = await prepareTools(work, report)
  report(Object.values(tools.versions).join(', '))
  const { command, rounds } = options
  const provenance = { made, command, rounds, machine: describeMachine(work), versions: tools.versions }
  const datasets: DatasetResults[] = []
  const complexity: Complexity[] = []
  for (const part of options.parts) {
    const folder = join(work, part)
    mkdirSync(join(folder, 'data'), { recursive: true })
    const gateway = await Gateway.start(tools.versitygw, join(folder, 'store'))
    try {
      if (part === 'complexity') {
        report('complexity')
        const growth = { gateway, contender: openHoldfast(tools, gateway), folder, sync, scale: options.scales.complexity, report }
        for (const measured of await measureComplexity(growth)) complexity.push({ ...measured, provenance })
      } else {
        datasets.push({ ...(await measurePart(part, folder, gateway, tools, options)), provenance })
      }
    } finally {
      await gateway.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  }
  return { version: 1, datasets, complexity }
}

async function measurePart(
  part: Exclude<PartName, 'complexity'>, folder: string, gateway: Gateway, tools: Tools, options: Options,
): Promise<Omit<DatasetResults, 'provenance'>> {
  const scale = options.scales[part]
  const contenders = [openHoldfast(tools, gateway), openRestic(tools, gateway)]
  const setting = { gateway, contenders, folder, sync, rounds: options.rounds, runs: options.runs, report }
  const directory = join(folder, 'data')
  if (part === 'history') return { name: part, ...(await measureHistory(directory, scale, setting)) }
  report(`${part}: making the data set`)
  const dataset = await makers[part](directory, scale)
  report(`${part}: ${dataset.description}`)
  const { description, files, bytes } = dataset
  return { name: part, description, files, bytes, ...(await measureDataset(dataset, setting)) }
}

try {
  await main()
} catch (error) {
  const known = error instanceof HoldfastError ? error : new HoldfastError('internal', error instanceof Error ? error.stack ?? error.message : String(error), { cause: error })
  report(`error: ${known.message}${known.hint === undefined ? '' : `\nhint: ${known.hint}`}`)
  process.exitCode = exitStatus[known.code]
}
