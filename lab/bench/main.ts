// `npm run bench`: measures Holdfast and restic side by side on one third-party S3 store on loopback.
//
// 1. options.ts reads the parts, runs and sizes to measure; programs.ts builds Holdfast, restic and versitygw.
// 2. For each part a new store starts (gateway.ts), with --link behind a link (link.ts). dataset.ts or
//    postgres-dataset.ts makes the data from a seed.
// 3. measurement.ts alternates rounds of both tools (tool.ts): first backup, no change, change, restore, one file.
// 4. Each run is a whole process; measured-process.ts records its time, processor time and memory.
// 5. theoretical-limits.ts measures how fast writing, fetching and decoding are alone.
// 6. history.ts restores an old snapshot among many; complexity.ts measures how time and memory grow with the data.
// 7. wal-push.ts compares the throughput of WAL with pgBackRest's.
// 8. results.ts merges the figures into docs/benchmarks.json; page/ draws docs/benchmarks.md and its charts from it.
//
// cost/ writes docs/cost.md from the product's constants, without a measurement.
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { HoldfastError, exitStatus } from '../../core/errors.ts'
import { measureComplexity, measureTree } from './complexity.ts'
import { openHoldfast, openRestic } from './tool.ts'
import { costPage } from './cost/page.ts'
import { makeBig, makeDaily, makeMixed, makeRandom, makeTiny } from './dataset.ts'
import type { Dataset } from './dataset.ts'
import { Gateway } from './gateway.ts'
import { measureHistory } from './history.ts'
import { linkName } from './link.ts'
import type { Link } from './link.ts'
import { describeMachine } from './machine.ts'
import { measureDataset } from './measurement.ts'
import type { RunName, Setting } from './measurement.ts'
import { parseOptions, usage } from './options.ts'
import type { Options, PartName } from './options.ts'
import { makePostgres } from './postgres-dataset.ts'
import { renderPage } from './page/page.ts'
import { cleanProvenance, mergeResults, readResults } from './results.ts'
import type { DatasetResults, Provenance, Results } from './results.ts'
import { measureWalPush } from './wal-push.ts'
import { preparePrograms } from './programs.ts'
import type { Programs } from './programs.ts'

const documentation = resolve(import.meta.dirname, '../../docs')
const ownResults = join(documentation, 'benchmarks.json')
const report = (text: string): void => void process.stderr.write(`${text}\n`)

const sync = (): void => void execFileSync('sync')

type Maker = (directory: string, scale: number) => Dataset | Promise<Dataset>

const makers: Record<Exclude<PartName, 'history' | 'complexity' | 'tree' | 'wal'>, Maker> = {
  mixed: makeMixed,
  tiny: makeTiny,
  big: makeBig,
  postgres: makePostgres,
  daily: makeDaily,
  random: makeRandom,
}

/** The runs of a day. The others of a million files take long, and `tree` has them. */
const dailyRuns: readonly RunName[] = ['no-change', 'change']

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

/** Measures each part, and writes it at once. Returns the parts that failed. */
async function measureAll(options: Options, out: string): Promise<PartName[]> {
  // Read the earlier results first, because an unreadable file must be refused before an hour of measurement.
  let results: Results = existsSync(out) ? readResults(out) : { version: 1, datasets: [], complexity: [] }
  const work = mkdtempSync(join(options.work ?? tmpdir(), 'holdfast-bench-'))
  // PostgreSQL runs as another user if we are root, and must pass through the folder.
  chmodSync(work, 0o755)
  // A signal ends the process through `exit`, whose listeners kill the servers first and then remove the folder.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => process.exit(exitStatus.interrupted))
  process.once('exit', () => rmSync(work, { recursive: true, force: true, maxRetries: 5 }))
  const programs = await preparePrograms(work, report, {
    isOnlyWal: options.parts.every((part) => part === 'wal'),
  })
  report(Object.values(programs.versions).join(', '))
  const { command, rounds } = options
  const provenance = cleanProvenance({
    made: new Date().toISOString(),
    command,
    rounds,
    machine: describeMachine(work),
    versions: programs.versions,
  })
  const failed: PartName[] = []
  for (const part of options.parts) {
    try {
      results = mergeResults(results, await measurePart(part, work, { programs, options, provenance }))
      writeFileSync(out, `${JSON.stringify(results, null, 1)}\n`)
      report(`${part}: written to ${out}`)
    } catch (error) {
      report(`${part}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
      failed.push(part)
    }
  }
  return failed
}

interface Measurement {
  readonly programs: Programs
  readonly options: Options
  readonly provenance: Provenance
}

async function measurePart(
  part: PartName,
  work: string,
  { programs, options, provenance }: Measurement,
): Promise<Results> {
  const folder = join(work, part)
  mkdirSync(join(folder, 'data'), { recursive: true })
  const gateway = await Gateway.start(programs.versitygw, join(folder, 'store'), options.link)
  const scale = options.scales[part]
  try {
    if (part === 'complexity' || part === 'tree') {
      report(part)
      const growth = { gateway, tool: openHoldfast(programs, gateway), folder, sync, scale, report }
      const complexity = part === 'tree' ? [await measureTree(growth)] : await measureComplexity(growth)
      const treeProvenance = part === 'tree' ? { ...provenance, rounds: 1 } : provenance
      return {
        version: 1,
        datasets: [],
        complexity: complexity.map((growth) => ({ ...growth, provenance: treeProvenance })),
      }
    }
    if (part === 'wal') {
      const { rounds } = options
      const wal = await measureWalPush({ gateway, programs, folder, scale, rounds, report })
      return { version: 1, datasets: [], complexity: [], wal: [{ name: part, provenance, scale, ...wal }] }
    }
    const tools = [openHoldfast(programs, gateway), openRestic(programs, gateway)]
    const runs = part === 'daily' ? options.runs.filter((name) => dailyRuns.includes(name)) : options.runs
    const setting = { gateway, tools, folder, sync, rounds: options.rounds, runs, report }
    const dataset =
      part === 'history'
        ? await measureHistory(join(folder, 'data'), scale, setting)
        : await makeAndMeasure(makers[part], part, scale, setting)
    return {
      version: 1,
      datasets: [{ name: resultName(part, options.link), provenance, scale, ...dataset }],
      complexity: [],
    }
  } finally {
    await gateway.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A link's results have a name of their own, so that no target for loopback reads them. */
function resultName(part: PartName, link: Link | undefined): string {
  return link === undefined ? part : `${part}-${linkName(link)}`
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
  const failure =
    error instanceof HoldfastError
      ? error
      : new HoldfastError(
          'internal',
          error instanceof Error ? (error.stack ?? error.message) : String(error),
          { cause: error },
        )
  report(`error: ${failure.message}${failure.hint === undefined ? '' : `\nhint: ${failure.hint}`}`)
  process.exitCode = exitStatus[failure.code]
}
