import { describe, expect, test, vi } from 'vitest'
import { applyPlan } from '../../../checks/custodian/deed.ts'
import type { Extension } from '../../../checks/custodian/custody-plan.ts'
import { maxRequestsAtOnce } from '../../../checks/custodian/custody-plan.ts'
import { HoldfastError } from '../../../core/errors.ts'
import type { Snapshot } from '../../../core/snapshot/snapshot.ts'
import { CustodyVault } from './custody-vault.ts'

/** A vault with locks to extend and versions to prune. */
async function pendingVault(packs = 3): Promise<{ vault: CustodyVault; last: Snapshot }> {
  const vault = new CustodyVault()
  const shared = []
  for (let count = 0; count < packs; count++) shared.push(await vault.addPack())
  await vault.attested([...shared, await vault.addPack(), await vault.addPack()])
  vault.passDays(20)
  const last = await vault.attested(shared)
  await vault.run()
  vault.passDays(26)
  vault.store.changes.length = 0
  return { vault, last }
}

const stateOf = (vault: CustodyVault): string[] =>
  vault.store.versions.map(
    (version) => `${version.key} ${new Date(vault.store.lockEndOf(version)).toISOString()}`,
  )

test('the deed is the plan: locks first, then versions', async () => {
  const { vault } = await pendingVault()
  const plan = await vault.plan()
  const [files] = plan.sources
  const result = await vault.apply(plan)
  expect(vault.store.changes).toEqual([
    ...files!.extensions.map(({ ref }) => `extend ${ref.key}`),
    ...files!.prunes.map(({ ref }) => `prune ${ref.key}`),
  ])
  expect(result.extended.versions).toBeGreaterThan(3)
  expect(result.pruned.versions).toBe(3)
  expect(result.skipped).toBe(0)
})

test('a plan changes nothing by itself', async () => {
  const { vault } = await pendingVault()
  const before = stateOf(vault)
  await vault.plan()
  expect(stateOf(vault)).toEqual(before)
  expect(vault.store.changes).toEqual([])
})

test('a run that is killed at any step converges with the next one', async () => {
  const whole = await pendingVault()
  await whole.vault.run()
  await whole.vault.run()
  const steps = whole.vault.store.changes.length
  expect(steps).toBeGreaterThan(6)
  for (let step = 0; step < steps; step++) {
    const { vault, last } = await pendingVault()
    let changes = 0
    vault.store.beforeChange = () => {
      if (changes++ >= step) throw new Error('killed')
    }
    await vault.run().catch((error: unknown) => expect(String(error)).toContain('killed'))
    vault.store.beforeChange = () => {}
    for (const ref of [last, ...last.manifest.packs]) expect(vault.daysLeft(ref)).toBeGreaterThan(0)
    await vault.run()
    await vault.run()
    expect(stateOf(vault).map(withoutKeys), `after ${step} changes`).toEqual(
      stateOf(whole.vault).map(withoutKeys),
    )
  }
})

/** The keys differ from vault to vault. */
function withoutKeys(line: string): string {
  return line.replace(/[0-9A-Z]{26}|[0-9a-f]{64}/g, '')
}

describe('a version that changed after the plan', () => {
  test('is left alone if another run has locked it', async () => {
    const { vault } = await pendingVault()
    const plan = await vault.plan()
    const { ref } = plan.sources[0]!.prunes.at(-1)!
    await vault.store.extendLock(ref, { mode: 'COMPLIANCE', untilMs: vault.store.nowMs + 86_400_000 })
    const result = await vault.apply(plan)
    expect(result).toMatchObject({ skipped: 1, pruned: { versions: 2 } })
    expect(vault.daysLeft(ref)).toBeGreaterThan(0)
  })

  test('or that another run has extended or deleted, is no failure', async () => {
    const { vault } = await pendingVault()
    const [first, second] = [await vault.plan(), await vault.plan()]
    vault.passDays(0.1)
    const later = await vault.plan()
    await vault.apply(later)
    expect(await vault.apply(first)).toMatchObject({ extended: { versions: 0 } })
    const { ref } = second.sources[0]!.extensions[0]!
    vault.store.versions = vault.store.versions.filter(({ versionId }) => versionId !== ref.versionId)
    await expect(vault.apply(second)).resolves.toBeDefined()
  })
})

test('a role that may not extend, or not delete, ends the run', async () => {
  for (const method of ['extendLock', 'deleteVersion'] as const) {
    const { vault } = await pendingVault()
    vault.store[method] = () => Promise.reject(new HoldfastError('denied', 'no'))
    await expect(vault.run()).rejects.toMatchObject({ code: 'denied' })
  }
})

test('a store that asks to slow down is asked again, later', async () => {
  const { vault } = await pendingVault()
  let refusals = 5
  vault.store.beforeChange = () => {
    if (refusals-- > 0) throw new HoldfastError('throttled', 'slow down', { retryable: true })
  }
  const plan = await vault.plan()
  const result = await vault.apply(plan)
  expect(result.skipped).toBe(0)
  expect(vault.clock.sleeps).toHaveLength(5)
})

test('a plan that is too old is refused, because a new snapshot may need what it prunes', async () => {
  const { vault } = await pendingVault()
  const plan = await vault.plan()
  vault.passDays(0.3)
  await expect(vault.apply(plan)).rejects.toMatchObject({ code: 'conflict' })
  expect(vault.store.changes).toEqual([])
})

test(`at most ${maxRequestsAtOnce} requests are under way, in the plan and in the deed`, async () => {
  const { vault } = await pendingVault(200)
  let [underWay, maxUnderWay] = [0, 0]
  const counted =
    <Args extends unknown[], Result>(call: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      maxUnderWay = Math.max(maxUnderWay, ++underWay)
      await new Promise((resolve) => setImmediate(resolve))
      return call(...args).finally(() => underWay--)
    }
  const { store } = vault
  store.headVersion = counted(store.headVersion.bind(store))
  store.extendLock = counted(store.extendLock.bind(store))
  store.deleteVersion = counted(store.deleteVersion.bind(store))
  const { extensions } = await vault.run()
  expect(extensions.length).toBeGreaterThan(200)
  expect(maxUnderWay).toBe(50)
})

test('10,000 locks are extended in six minutes, also if one request in twenty takes 20 seconds', async () => {
  const { vault } = await pendingVault()
  const plan = await vault.plan()
  const extensions = Array.from({ length: 10_000 }, (_, index): Extension => ({
    ref: { key: String(index), versionId: 'v' },
    bytes: 1,
    mode: 'COMPLIANCE',
    fromMs: null,
    untilMs: plan.nowMs,
    neededBy: 'a snapshot',
  }))
  let underWay = 0
  let maxUnderWay = 0
  let extended = 0
  const slow = async ({ key }: { key: string }): Promise<void> => {
    maxUnderWay = Math.max(maxUnderWay, ++underWay)
    await new Promise((resolve) => setTimeout(resolve, Number(key) % 20 === 0 ? 20_000 : 250))
    underWay--
  }
  vi.useFakeTimers()
  try {
    const { store, clock, chance: random, signal } = vault
    const onProgress = ({ extended: count }: { extended: number }): void => void (extended = count)
    const ports = { store, extender: { ...store, extendLock: slow }, pruner: store }
    void applyPlan(
      { ...plan, sources: [{ ...plan.sources[0]!, extensions, prunes: [] }] },
      { ...ports, clock, random, signal, onProgress },
    )
    await vi.advanceTimersByTimeAsync(6 * 60_000)
  } finally {
    vi.useRealTimers()
  }
  expect({ extended, maxUnderWay }).toEqual({ extended: 10_000, maxUnderWay: maxRequestsAtOnce })
})
