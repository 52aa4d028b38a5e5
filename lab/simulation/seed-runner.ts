// A process of the fleet: runs the seeds that it receives, in its own directory in memory, and reports the results.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { newTally, runSeed } from './simulation.ts'
import type { Failure } from './simulation.ts'
import type { Counts } from './tally.ts'

export interface ToRunner {
  first: number
  count: number
  plantedBug: string | null
}

export interface FromRunner {
  seedsDone: number
  failures: Failure[]
  counts: Counts
}

const memoryFileSystem = '/dev/shm'
const directory = mkdtempSync(
  join(existsSync(memoryFileSystem) ? memoryFileSystem : tmpdir(), 'holdfast-simulation-'),
)
process.chdir(directory)
process.on('exit', () => {
  process.chdir('/')
  rmSync(directory, { recursive: true, force: true })
})
process.on('disconnect', () => process.exit())
process.on('SIGTERM', () => process.exit())

process.on('message', ({ first, count, plantedBug }: ToRunner) => {
  void run(first, count, plantedBug).then((report) => process.send!(report))
})

async function run(first: number, count: number, plantedBug: string | null): Promise<FromRunner> {
  const tally = newTally()
  const failures: Failure[] = []
  for (let seed = first; seed < first + count; seed++) {
    const failure = await runSeed(seed, plantedBug, tally)
    if (failure !== null) failures.push(failure)
  }
  return { seedsDone: count, failures, counts: tally.counts }
}
