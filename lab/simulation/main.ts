// `npm run simulate -- --seeds N [--seed S] [--plant NAME] [--json]`: runs N seeds from S on. The exit status is 1 if
// a seed fails, or if an operation or a fault happened too rarely to prove anything.
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { runSeeds } from './fleet.ts'
import type { FleetResult } from './fleet.ts'
import { plantedBugs } from './planted-bugs.ts'

/** How often each operation and each fault must happen in 10,000 seeds; in fewer seeds proportionally less. */
const requiredTimes = 500
const requiredSeeds = 10_000
const maxFailures = 20
const maxShown = 3

interface Options {
  first: number
  count: number
  plantedBug: string | null
  json: boolean
}

function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      seeds: { type: 'string', default: '1000' },
      seed: { type: 'string', default: '0' },
      plant: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  })
  const whole = (text: string, min: number): number => {
    const number = Number(text)
    if (!Number.isInteger(number) || number < min || number > 2 ** 31)
      throw new Error(`${JSON.stringify(text)} is not a whole number of at least ${min}`)
    return number
  }
  const plantedBug = values.plant ?? null
  if (plantedBug !== null && !Object.hasOwn(plantedBugs, plantedBug))
    throw new Error(
      `there is no planted bug ${JSON.stringify(plantedBug)}: ${Object.entries(plantedBugs)
        .map(([name, { bug }]) => `${name} (${bug})`)
        .join(', ')}`,
    )
  return { first: whole(values.seed, 0), count: whole(values.seeds, 1), plantedBug, json: values.json }
}

function report(
  { plantedBug, json }: Options,
  { seeds, failures, tally }: FleetResult,
  seconds: number,
): number {
  const minTimes = Math.floor(Math.min(1, seeds / requiredSeeds) * requiredTimes)
  // A run with failures ended early, so its counts say nothing.
  const rare = failures.length > 0 ? [] : tally.rare(minTimes)
  const failed = failures.map(({ seed, problem, log }) => ({
    seed,
    what: problem,
    log,
    replay: `npm run simulate -- --seeds 1 --seed ${seed}${plantedBug === null ? '' : ` --plant ${plantedBug}`}`,
  }))
  const rate = seeds / seconds
  if (json)
    process.stdout.write(
      `${JSON.stringify({ seeds, seconds, seedsPerSecond: rate, ...tally.counts, leastTimes: minTimes, rare, failures: failed })}\n`,
    )
  else {
    process.stdout.write(`${tally.render()}\n\n`)
    for (const { seed, what: problem, log, replay } of failed.slice(0, maxShown)) {
      process.stdout.write(
        `seed ${seed} failed: ${printable(problem)}\n  after:\n${log.map((line) => `    ${printable(line)}`).join('\n')}\n  replay it: ${replay}\n\n`,
      )
    }
    for (const text of rare) process.stdout.write(`too rare (${minTimes} times expected): ${text}\n`)
    process.stdout.write(
      `${seeds} seeds in ${seconds.toFixed(1)} s (${rate.toFixed(1)} a second), ${failures.length} failed\n`,
    )
  }
  return failures.length + rare.length > 0 ? 1 : 0
}

/** Some names in a simulated source contain control characters on purpose. */
function printable(text: string): string {
  return text.replace(
    /[\x00-\x09\x0b-\x1f\x7f-\x9f]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}

async function main(): Promise<number> {
  let options: Options
  try {
    options = readOptions(process.argv.slice(2))
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`)
    return 2
  }
  const startedMs = Date.now()
  const processes = availableParallelism()
  const result = await runSeeds({ ...options, processes, maxFailures }, (seedsDone) => {
    if (seedsDone % 500 === 0 || seedsDone === options.count)
      process.stderr.write(
        `${seedsDone} of ${options.count} seeds, ${((Date.now() - startedMs) / 1000).toFixed(0)} s\n`,
      )
  })
  return report(options, result, (Date.now() - startedMs) / 1000)
}

process.exitCode = await main()
