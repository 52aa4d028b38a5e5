// `npm run simulate -- --seeds N [--seed S] [--plant NAME] [--json]`: N seeds from S on. Ends with 1 if any of them fails,
// or if something happened too rarely to prove anything.
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { runSeeds } from './fleet.ts'
import type { FleetResult } from './fleet.ts'
import { plants } from './planted-bugs.ts'

/** How often each operation and each fault must have happened in 10,000 seeds; less in fewer. */
const leastTimes = 1000
const leastSeeds = 10_000
const mostFailures = 20
const mostShown = 3

interface Order {
  first: number
  count: number
  plant: string | null
  json: boolean
}

function readOrder(args: string[]): Order {
  const { values } = parseArgs({
    args,
    options: {
      seeds: { type: 'string', default: '1000' },
      seed: { type: 'string', default: '0' },
      plant: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  })
  const whole = (text: string, least: number): number => {
    const number = Number(text)
    if (!Number.isInteger(number) || number < least || number > 2 ** 31)
      throw new Error(`${JSON.stringify(text)} is not a whole number from ${least} on`)
    return number
  }
  const plant = values.plant ?? null
  if (plant !== null && !Object.hasOwn(plants, plant))
    throw new Error(
      `there is no plant ${JSON.stringify(plant)}: ${Object.entries(plants)
        .map(([name, { bug }]) => `${name} (${bug})`)
        .join(', ')}`,
    )
  return { first: whole(values.seed, 0), count: whole(values.seeds, 1), plant, json: values.json }
}

function report({ plant, json }: Order, { seeds, failures, tally }: FleetResult, seconds: number): number {
  const least = Math.floor(Math.min(1, seeds / leastSeeds) * leastTimes)
  // A run that found something ended early.
  const rare = failures.length > 0 ? [] : tally.rare(least)
  const failed = failures.map(({ seed, what, log }) => ({
    seed,
    what,
    log,
    replay: `npm run simulate -- --seeds 1 --seed ${seed}${plant === null ? '' : ` --plant ${plant}`}`,
  }))
  const rate = seeds / seconds
  if (json)
    process.stdout.write(
      `${JSON.stringify({ seeds, seconds, seedsPerSecond: rate, ...tally.counts, leastTimes: least, rare, failures: failed })}\n`,
    )
  else {
    process.stdout.write(`${tally.render()}\n\n`)
    for (const { seed, what, log, replay } of failed.slice(0, mostShown)) {
      process.stdout.write(
        `seed ${seed} failed: ${printable(what)}\n  after:\n${log.map((line) => `    ${printable(line)}`).join('\n')}\n  replay it: ${replay}\n\n`,
      )
    }
    for (const text of rare) process.stdout.write(`too rare (${least} times expected): ${text}\n`)
    process.stdout.write(
      `${seeds} seeds in ${seconds.toFixed(1)} s (${rate.toFixed(1)} a second), ${failures.length} failed\n`,
    )
  }
  return failures.length + rare.length > 0 ? 1 : 0
}

/** Names in a source are hostile to terminals on purpose. */
function printable(text: string): string {
  return text.replace(
    /[\x00-\x09\x0b-\x1f\x7f-\x9f]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}

async function main(): Promise<number> {
  let order: Order
  try {
    order = readOrder(process.argv.slice(2))
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`)
    return 2
  }
  const startedMs = Date.now()
  const processes = availableParallelism()
  const result = await runSeeds({ ...order, processes, mostFailures }, (done) => {
    if (done % 500 === 0 || done === order.count)
      process.stderr.write(
        `${done} of ${order.count} seeds, ${((Date.now() - startedMs) / 1000).toFixed(0)} s\n`,
      )
  })
  return report(order, result, (Date.now() - startedMs) / 1000)
}

process.exitCode = await main()
