// `npm run bench`: measures Holdfast and restic side by side on one third-party S3 store on loopback.
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { HoldfastError, exitStatus } from '../../core/errors.ts'
import { measureComplexity, measureTree } from './complexity.ts'
import { openHoldfast, openRestic } from './tool.ts'
import { costPage } from './cost/page.ts'
import { makeBig, makeMixed, makeTiny } from './dataset.ts'
import type { Dataset } from './dataset.ts'
import { Gateway } from './gateway.ts'
import { measureHistory } from './history.ts'
import { describeMachine } from './machine.ts'
import { measureDataset } from './measurement.ts'
import type { Setting } from './measurement.ts'
import { parseOptions, usage } from './options.ts'
import type { Options, PartName } from './options.ts'
import { makePostgres } from './postgres-dataset.ts'
import { renderPage } from './page/page.ts'
import { cleanProvenance, mergeResults, readResults } from './results.ts'
import type { DatasetResults, Provenance, Results } from './results.ts'
import { prepareTools } from './tools.ts'
import type { Tools } from './tools.ts'

const documentation = resolve(import.meta.dirname, '../../docs')
const ownResults = join(documentation, 'benchmarks.json')
const report = (text: string): void => void process.stderr.write(`${text}\n`)

const sync = (): void => void execFileSync('sync')

type Maker = (directory: string, scale: number) => Dataset | Promise<Dataset>

const makers: Record<Exclude<PartName, 'history' | 'complexity' | 'tree'>, Maker> = {
  mixed: makeMixed,
  tiny: makeTiny,
  big: makeBig,
  postgres: makePostgres,
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2))
  if (options.mode === 'help') return void process.stdout.write(usage)
  if (options.mode === 'list') {
    for (const part of options.parts) process.stdout.write(`${part}: scale ${options.scales[part]}\n`)
    return
  }
  if (options.mode === 'cost') return writeFileSync(join(documentation, 'cost.md'), costPage())
  if (options.mode === 'render') return renderPage(readResults(ownResults), documentation)
  const failed = await measureAll(options, options.out ?? ownResults)
  if (options.out === undefined) await renderPage(readResults(ownResults), documentation)
  if (failed.length > 0)
    throw new HoldfastError('incomplete', `not measured: ${failed.join(', ')}`, {
      hint: 'see above; the other parts were written',
    })
}

/** Each part is written as soon as it is measured. Answers the parts that failed. */
async function measureAll(options: Options, out: string): Promise<PartName[]> {
  // A part that is measured anew takes its place among the others; what can't be read is refused before an hour was spent.
  let results: Results = existsSync(out) ? readResults(out) : { version: 1, datasets: [], complexity: [] }
  const work = mkdtempSync(join(options.work ?? tmpdir(), 'holdfast-bench-'))
  // PostgreSQL runs as another user where we are root.
  chmodSync(work, 0o755)
  // A signal ends the process by way of `exit`, where first the servers are killed, then the folder goes.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => process.exit(exitStatus.interrupted))
  process.once('exit', () => rmSync(work, { recursive: true, force: true, maxRetries: 5 }))
  const tools = await prepareTools(work, report)
  report(Object.values(tools.versions).join(', '))
  const { command, rounds } = options
  const provenance = cleanProvenance({
    made: new Date().toISOString(),
    command,
    rounds,
    machine: describeMachine(work),
    versions: tools.versions,
  })
  const failed: PartName[] = []
  for (const part of options.parts) {
    try {
      results = mergeResults(results, await measurePart(part, work, tools, options, provenance))
      writeFileSync(out, `${JSON.stringify(results, null, 1)}\n`)
      report(`${part}: written to ${out}`)
    } catch (error) {
      report(`${part}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
      failed.push(part)
    }
  }
  return failed
}

async function measurePart(
  part: PartName,
  work: string,
  tools: Tools,
  options: Options,
  provenance: Provenance,
): Promise<Results> {
  const folder = join(work, part)
  mkdirSync(join(folder, 'data'), { recursive: true })
  const gateway = await Gateway.start(tools.versitygw, join(folder, 'store'))
  const scale = options.scales[part]
  try {
    if (part === 'complexity' || part === 'tree') {
      report(part)
      const growth = { gateway, contender: openHoldfast(tools, gateway), folder, sync, scale, report }
      const complexity = part === 'tree' ? [await measureTree(growth)] : await measureComplexity(growth)
      const own = part === 'tree' ? { ...provenance, rounds: 1 } : provenance
      return {
        version: 1,
        datasets: [],
        complexity: complexity.map((growth) => ({ ...growth, provenance: own })),
      }
    }
    const contenders = [openHoldfast(tools, gateway), openRestic(tools, gateway)]
    const setting = { gateway, contenders, folder, sync, rounds: options.rounds, runs: options.runs, report }
    const dataset =
      part === 'history'
        ? await measureHistory(join(folder, 'data'), scale, setting)
        : await makeAndMeasure(makers[part], part, scale, setting)
    return { version: 1, datasets: [{ name: part, provenance, scale, ...dataset }], complexity: [] }
  } finally {
    await gateway.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function makeAndMeasure(
  make: Maker,
  part: PartName,
  scale: number,
  setting: Setting,
): Promise<Omit<DatasetResults, 'name' | 'provenance' | 'scale'>> {
  report(`${part}: making the data set`)
  const dataset = await make(join(setting.folder, 'data'), scale)
  const { description, files, bytes } = dataset
  report(`${part}: ${description}`)
  return { description, files, bytes, ...(await measureDataset(dataset, setting)) }
}

try {
  await main()
} catch (error) {
  const known =
    error instanceof HoldfastError
      ? error
      : new HoldfastError(
          'internal',
          error instanceof Error ? (error.stack ?? error.message) : String(error),
          { cause: error },
        )
  report(`error: ${known.message}${known.hint === undefined ? '' : `\nhint: ${known.hint}`}`)
  process.exitCode = exitStatus[known.code]
}
