// Spreads seeds over processes: each asks for the next few when it is done with its own.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { FromRunner, ToRunner } from './seed-runner.ts'
import type { Failure } from './simulation.ts'
import { newTally } from './simulation.ts'
import type { Tally } from './tally.ts'

const seedsAtOnce = 10
/** With room from the beginning: the collector takes half of the time otherwise. */
const execArgv = [
  '--disable-warning=ExperimentalWarning',
  '--initial-heap-size=256',
  '--min-semi-space-size=32',
  '--max-semi-space-size=64',
]

export interface FleetResult {
  seeds: number
  failures: Failure[]
  tally: Tally
}

/** Ends early once as many seeds as `mostFailures` have failed. @throws if a process ends by itself. */
export async function runSeeds(
  job: { first: number; count: number; plant: string | null; processes: number; mostFailures: number },
  onProgress: (done: number) => void,
): Promise<FleetResult> {
  const result: FleetResult = { seeds: 0, failures: [], tally: newTally() }
  let next = job.first
  const end = job.first + job.count
  await Promise.all(
    Array.from(
      { length: Math.min(job.processes, Math.ceil(job.count / seedsAtOnce)) },
      () =>
        new Promise<void>((resolve, reject) => {
          const child = fork(fileURLToPath(new URL('./seed-runner.ts', import.meta.url)), { execArgv })
          const proceed = (): void => {
            if (next >= end || result.failures.length >= job.mostFailures) return child.disconnect()
            const message: ToRunner = {
              first: next,
              count: Math.min(seedsAtOnce, end - next),
              plant: job.plant,
            }
            next += message.count
            child.send(message)
          }
          child.on('message', ({ done, failures, counts }: FromRunner) => {
            result.seeds += done
            result.failures.push(...failures)
            result.tally.add(counts)
            onProgress(result.seeds)
            proceed()
          })
          child.on('error', reject)
          child.on('exit', (code, signal) =>
            code === 0
              ? resolve()
              : reject(new Error(`a process of the simulation ended with ${signal ?? code}`)),
          )
          proceed()
        }),
    ),
  )
  result.failures.sort((left, right) => left.seed - right.seed)
  return result
}
