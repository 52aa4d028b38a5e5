// `npm run bench`: measures Holdfast and restic side by side on one third-party S3 store on loopback.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HoldfastError, exitStatus } from '../core/errors.ts'
import { openHoldfast, openRestic } from './contender.ts'
import { makeBig, makeMixed, makeTiny } from './dataset.ts'
import type { Dataset } from './dataset.ts'
import { Gateway } from './gateway.ts'
import { measureDataset } from './measurement.ts'
import { parseOptions, usage } from './options.ts'
import type { Options, PartName } from './options.ts'
import { prepareTools } from './tools.ts'

const report = (text: string): void => void process.stderr.write(`${text}\n`)

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2))
  if (options.mode === 'help') return void process.stdout.write(usage)
  await measureAll(options)
}

async function measureAll(options: Options): Promise<void> {
  const work = mkdtempSync(join(options.work ?? tmpdir(), 'holdfast-bench-'))
  // A signal ends the process by way of `exit`, where servers are killed and the folder goes.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(exitStatus.interrupted))
  process.once('exit', () => rmSync(work, { recursive: true, force: true }))
  const tools = await prepareTools(work, report)
  report(Object.values(tools.versions).join(', '))
  const makers: Partial<Record<PartName, (directory: string, scale: number) => Dataset>> = { mixed: makeMixed, tiny: makeTiny, big: makeBig }
  const all = []
  for (const part of options.parts) {
    const make = makers[part]
    if (make === undefined) continue
    const folder = join(work, part)
    const directory = join(folder, 'data')
    mkdirSync(directory, { recursive: true })
    report(`${part}: making the data set`)
    const dataset = make(directory, options.scales[part])
    report(`${part}: ${dataset.description}`)
    const gateway = await Gateway.start(tools.versitygw, join(folder, 'store'))
    try {
      const contenders = [openHoldfast(tools, gateway), openRestic(tools, gateway)]
      all.push({ name: part, runs: await measureDataset(dataset, { gateway, contenders, folder, rounds: options.rounds, runs: options.runs, report }) })
    } finally {
      await gateway.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  }
  if (options.out !== undefined) writeFileSync(options.out, JSON.stringify(all, null, 2))
}

try {
  await main()
} catch (error) {
  const known = error instanceof HoldfastError ? error : new HoldfastError('internal', String(error), { cause: error })
  report(`error: ${known.message}${known.hint === undefined ? '' : `\nhint: ${known.hint}`}`)
  process.exitCode = exitStatus[known.code]
}
