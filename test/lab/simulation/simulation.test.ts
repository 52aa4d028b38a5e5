// Seeds run in their own processes, so the replaced functions of Node never reach the test process.
import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { runSeeds } from '../../../lab/simulation/fleet.ts'
import type { FleetResult } from '../../../lab/simulation/fleet.ts'
import { plantedBugs } from '../../../lab/simulation/planted-bugs.ts'

function run(job: {
  first?: number
  count: number
  plantedBug?: string
  processes?: number
}): Promise<FleetResult> {
  return runSeeds({ first: 0, plantedBug: null, processes: 2, maxFailures: 1, ...job }, () => {})
}

test('no seed breaks an invariant, and every operation and every fault happens', async () => {
  const { seeds, failures, tally } = await run({ first: 1_000_000, count: 120 })
  expect(failures).toEqual([])
  expect(seeds).toBe(120)
  expect(tally.rare(3)).toEqual([])
})

test.each(Object.keys(plantedBugs))('200 seeds find the planted bug %s', async (plantedBug) => {
  const { failures } = await run({ count: 200, plantedBug })
  expect(failures).not.toEqual([])
})

test('a replay of a seed has the same operations, faults and checks, and the same failure', async () => {
  const [first, second] = [
    await run({ first: 15, count: 10, processes: 1 }),
    await run({ first: 15, count: 10, processes: 1 }),
  ]
  expect(first.tally.counts).toEqual(second.tally.counts)
  const failing = { first: 31, count: 10, processes: 1, plantedBug: 'reuse-expiring-pack' }
  const [failed, again] = [await run(failing), await run(failing)]
  expect(failed.failures.length).toBeGreaterThan(0)
  const described = ({ failures }: FleetResult): unknown =>
    failures.map(({ seed, problem, log }) => ({
      seed,
      problem: problem.split('\n')[0],
      // Each run has a temporary directory of its own.
      log: log.map((line) => line.replaceAll(/holdfast-simulation-\w+/g, '')),
    }))
  expect(described(again)).toEqual(described(failed))
})

test('a failing seed is printed with its events and its replay command, and the exit status is 1', () => {
  const node = (...args: string[]): ReturnType<typeof spawnSync> =>
    spawnSync(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', 'lab/simulation/main.ts', ...args],
      { encoding: 'utf8' },
    )
  const { status, stdout } = node('--seeds', '1', '--seed', '31', '--plant', 'reuse-expiring-pack')
  expect(status).toBe(1)
  expect(stdout).toContain('replay it: npm run simulate -- --seeds 1 --seed 31 --plant reuse-expiring-pack')
  expect(stdout).toContain('    1. backup\n')
  const json = node('--seeds', '3', '--json')
  expect([json.status, JSON.parse(json.stdout as string)]).toMatchObject([
    0,
    { seeds: 3, failures: [], rare: [] },
  ])
  expect(node('--plant', 'nothing')).toMatchObject({
    status: 2,
    stdout: '',
    stderr: expect.stringContaining('skip-chunk-hash') as string,
  })
  expect(node('--seeds', '0').status).toBe(2)
})
