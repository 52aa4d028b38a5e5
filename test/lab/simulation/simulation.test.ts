// Seeds run in processes of their own: nothing of what they replace reaches this one.
import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { runSeeds } from '../../../lab/simulation/fleet.ts'
import type { FleetResult } from '../../../lab/simulation/fleet.ts'
import { plants } from '../../../lab/simulation/planted-bugs.ts'

function run(job: {
  first?: number
  count: number
  plant?: string
  processes?: number
}): Promise<FleetResult> {
  return runSeeds({ first: 0, plant: null, processes: 2, mostFailures: 1, ...job }, () => {})
}

test('no seed breaks a promise, and every operation and every fault happens', async () => {
  const { seeds, failures, tally } = await run({ first: 1_000_000, count: 120 })
  expect(failures).toEqual([])
  expect(seeds).toBe(120)
  expect(tally.rare(3)).toEqual([])
})

test.each(Object.keys(plants))('the bug that is planted as %s is found within 60 seeds', async (plant) => {
  const { failures } = await run({ count: 60, plant })
  expect(failures).not.toEqual([])
})

test('a seed is replayed exactly: the same operations, faults and checks, and the same end', async () => {
  const [first, second] = [
    await run({ first: 15, count: 10, processes: 1 }),
    await run({ first: 15, count: 10, processes: 1 }),
  ]
  expect(first.tally.counts).toEqual(second.tally.counts)
  const failing = { first: 15, count: 10, processes: 1, plant: 'reuse-expiring-pack' }
  const [failed, again] = [await run(failing), await run(failing)]
  expect(failed.failures.length).toBeGreaterThan(0)
  const described = ({ failures }: FleetResult): unknown =>
    failures.map(({ seed, what, log }) => ({ seed, what: what.split('\n')[0], log }))
  expect(described(again)).toEqual(described(failed))
})

test('a failing seed is printed with what led there and the command that replays it, and ends with 1', () => {
  const node = (...args: string[]): ReturnType<typeof spawnSync> =>
    spawnSync(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', 'lab/simulation/main.ts', ...args],
      { encoding: 'utf8' },
    )
  const { status, stdout } = node('--seeds', '1', '--seed', '19', '--plant', 'reuse-expiring-pack')
  expect(status).toBe(1)
  expect(stdout).toContain('replay it: npm run simulate -- --seeds 1 --seed 19 --plant reuse-expiring-pack')
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
