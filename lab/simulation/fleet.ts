// Spreads seeds over processes. A process gets the next few seeds as soon as it has run its own.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { FromRunner, ToRunner } from './seed-runner.ts'
import type { Failure } from './simulation.ts'
import { newTally } from './simulation.ts'
import type { Tally } from './tally.ts'

const seedsAtOnce = 10
/** Large heaps from the start, because the garbage collector takes half of the time otherwise. */
const execArgv = [
  '--disable-warning=ExperimentalWarning',
  '--initial-heap-size=256',
  '--min-semi-space-size=32',
  '--max-semi-space-size=64',
]

export interface Job {
  readonly first: number
  readonly count: number
  readonly plantedBug: string | null
  readonly processes: number
  readonly maxFailures: number
}

export interface FleetResult {
  seeds: number
  failures: Failure[]
  tally: Tally
}

/** Ends early as soon as `maxFailures` seeds have failed. @throws if a process ends by itself. */
export async function runSeeds(job: Job, onProgress: (seedsDone: number) => void): Promise<FleetResult> {
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
            if (next >= end || result.failures.length >= job.maxFailures) return child.disconnect()
            const message: ToRunner = {
              first: next,
              count: Math.min(seedsAtOnce, end - next),
              plantedBug: job.plantedBug,
            }
            next += message.count
            child.send(message)
          }
          child.on('message', ({ seedsDone, failures, counts }: FromRunner) => {
            result.seeds += seedsDone
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
  result.failures.sort((first, second) => first.seed - second.seed)
  return result
}
