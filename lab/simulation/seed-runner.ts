// A process of the fleet: runs the seeds that it is sent, in a directory of its own in memory, and answers what came of them.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { newTally, runSeed } from './simulation.ts'
import type { Failure } from './simulation.ts'
import type { Counts } from './tally.ts'

export interface ToRunner {
  first: number
  count: number
  plant: string | null
}

export interface FromRunner {
  done: number
  failures: Failure[]
  counts: Counts
}

const memory = '/dev/shm'
const directory = mkdtempSync(join(existsSync(memory) ? memory : tmpdir(), 'holdfast-simulation-'))
process.chdir(directory)
process.on('exit', () => {
  process.chdir('/')
  rmSync(directory, { recursive: true, force: true })
})
process.on('disconnect', () => process.exit())
process.on('SIGTERM', () => process.exit())

process.on('message', ({ first, count, plant }: ToRunner) => {
  void run(first, count, plant).then((answer) => process.send!(answer))
})

async function run(first: number, count: number, plant: string | null): Promise<FromRunner> {
  const tally = newTally()
  const failures: Failure[] = []
  for (let seed = first; seed < first + count; seed++) {
    const failure = await runSeed(seed, plant, tally)
    if (failure !== null) failures.push(failure)
  }
  return { done: count, failures, counts: tally.counts }
}
