import { setTimeout as sleep } from 'node:timers/promises'
import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { lock } from '../../checks/checks/lock.ts'
import { checks } from '../../checks/registry.ts'
import { StateDirectory } from '../../checks/source-state.ts'
import type { CheckedStore } from '../../checks/source-view.ts'
import { HoldfastError } from '../../core/errors.ts'
import type { ErrorCode } from '../../core/errors.ts'
import { dayMs } from '../../core/snapshot/retention.ts'
import { makeFolder } from '../restore-cli/command-line.ts'
import { CheckedSource, checkedStore } from './checks/source-checks.ts'

async function nights(count: number): Promise<CheckedSource> {
  const source = new CheckedSource()
  await source.nights(count)
  return source
}

/** The store with one of its methods failing. */
function failing(source: CheckedSource, method: keyof CheckedStore, code: ErrorCode): CheckedStore {
  const store = checkedStore(source.memory)
  return new Proxy(store, {
    get: (target, name) =>
      name === method
        ? () => {
            throw new HoldfastError(code, `the store says ${code}`)
          }
        : (Reflect.get(target, name) as unknown),
  })
}

/** Those that run without a budget, an expected state and an objective for test alarms. */
const all = checks.map(({ id }) => id).filter((id) => !['cost', 'configuration', 'alarm-path'].includes(id))

test('a sound source passes every check', async () => {
  const source = await nights(3)
  const { report, red } = await source.run()
  expect(red).toEqual({})
  expect(report.ok).toBe(true)
  expect(report.sources[0]!.outcomes.map(({ check }) => check)).toEqual(all)
})

test.each<[keyof CheckedStore, ErrorCode, string[]]>([
  ['lockDefault', 'unreachable', all],
  ['listVersions', 'throttled', all.filter((id) => id !== 'lock')],
  ['headVersion', 'denied', ['integrity', 'expiry']],
  ['getRange', 'denied', all.filter((id) => !['lock', 'high-water'].includes(id))],
])(
  'a %s that fails with %s makes its checks unknown, with the reason, and the others still run',
  async (method, code, blind) => {
    const source = await nights(3)
    source.store = failing(source, method, code)
    const night = await source.run({ readDays: 1 })
    expect(night.red).toEqual(Object.fromEntries(blind.map((id) => [id, 'unknown'])))
    for (const id of blind) expect(night.findings(id)).toEqual([`files: ${code}: the store says ${code}`])
    expect(night.report.ok).toBe(false)
  },
)

test('a defect of one check is a finding, and the others still run', async () => {
  const source = await nights(1)
  source.checks = [{ ...lock, id: 'broken', run: () => Promise.reject(new TypeError('of undefined')) }, lock]
  const night = await source.run()
  expect(night.red).toEqual({ broken: 'unknown' })
  expect(night.findings('broken')).toEqual(['files: a defect in holdfast: of undefined'])
})

test('a run that could not see the vault leaves the state as it is', async () => {
  const source = await nights(2)
  const folder = makeFolder()
  source.states = new StateDirectory(folder, 'vault')
  source.store = failing(source, 'listVersions', 'unreachable')
  await source.run()
  expect(readdirSync(folder)).toEqual([])
})

test('with a state, a run asks for what is new, and not for what the vault has', async () => {
  const requestsOf = async (days: number): Promise<[first: number, next: number]> => {
    const source = await nights(days)
    source.states = new StateDirectory(makeFolder(), 'vault')
    const first = (await source.run({ readDays: 0 })).source.requests
    await source.nights(1)
    const next = await source.run({ readDays: 0 })
    expect(next.red).toEqual({})
    return [first, next.source.requests]
  }
  const [small, large] = [await requestsOf(3), await requestsOf(25)]
  expect(large[0]).toBeGreaterThan(small[0] + 3 * 20)
  expect(large[1]).toBe(small[1])
  // 14 of them look for an earlier report.
  expect(large[1]).toBeLessThan(25)
})

test('a share is read each day, all bytes within their days, and what an interrupted night left is caught up', async () => {
  const source = await nights(3)
  source.states = new StateDirectory(makeFolder(), 'vault')
  source.checks = checks.filter(({ id }) => id === 'integrity')
  const read = async (): Promise<number> => {
    const { summary } = (await source.run({ readDays: 3 })).source.outcomes[0]!
    return Number(/read (\d+) back/.exec(summary)![1])
  }
  let total = await read()
  source.pass(dayMs)
  const { store } = source
  source.store = failing(source, 'getRange', 'unreachable')
  await source.run({ readDays: 3 })
  source.store = store
  source.pass(dayMs)
  total += await read()
  expect(total).toBe(6)
})

test('two runs at once both end, and the next one finds a sound state', async () => {
  const source = await nights(3)
  source.states = new StateDirectory(makeFolder(), 'vault')
  const both = await Promise.all([source.run(), source.run()])
  expect(both.map(({ red }) => red)).toEqual([{}, {}])
  expect((await source.run()).red).toEqual({})
})

test('an interruption ends the run instead of becoming a finding', async () => {
  const source = await nights(1)
  const interruption = new AbortController()
  source.signal = interruption.signal
  source.checks = [
    {
      ...lock,
      run: async () => {
        interruption.abort(new HoldfastError('interrupted', 'stopped'))
        await sleep(1)
        throw new HoldfastError('unreachable', 'closed')
      },
    },
  ]
  await expect(source.run()).rejects.toMatchObject({ code: 'interrupted' })
})
