import { expect, test } from 'vitest'
import { Tally } from '../../../lab/simulation/tally.ts'

test('names that happened too rarely are reported, also with a count of zero', () => {
  const tally = new Tally({ operation: ['backup', 'restore'], fault: ['lost reply'] })
  tally.count('operation', 'backup', 3)
  tally.add({ operation: { restore: 1 }, fault: {}, check: { listing: 1 } })
  expect(tally.rare(3)).toEqual(['operation restore: 1', 'fault lost reply: 0'])
  expect(tally.rare(0)).toEqual([])
  expect(tally.render()).toMatch(/lost reply\s+0/)
})
