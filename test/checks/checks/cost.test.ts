import { expect, test } from 'vitest'
import { CheckedSource } from './source-checks.ts'

const budget = { storedBytes: 1_000_000, requests: 1000 }

test('a source within its budget passes, with its figures', async () => {
  const source = new CheckedSource()
  await source.nights(2)
  const night = await source.run({ budget })
  expect(night.red).toEqual({})
  const stored = source.memory.versions.reduce((sum, { body }) => sum + body.length, 0)
  expect(night.source).toMatchObject({ storedBytes: stored, requests: night.source.requests })
  expect(night.source.outcomes.at(-1)!.check).toBe('cost')
})

test.each([
  [{ ...budget, storedBytes: 10 }, /in the vault, and the budget is 10 B/],
  [{ ...budget, requests: 2 }, /this run sent \d+ requests, and the budget is 2/],
])('a source over its budget %j is red', async (limits, reason) => {
  const source = new CheckedSource()
  await source.nights(2)
  const night = await source.run({ budget: limits })
  expect(night.red).toEqual({ cost: 'failed' })
  expect(night.findings('cost')).toEqual([expect.stringMatching(reason)])
})

test('without a budget the check does not run', async () => {
  const source = new CheckedSource()
  await source.nights(1)
  expect((await source.run()).source.outcomes.map(({ check }) => check)).not.toContain('cost')
})
