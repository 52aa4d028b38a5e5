import { expect, test } from 'vitest'
import { consequences } from '../../../../lab/incident/guards/consequences.ts'
import { guards } from '../../../../guardrails/guards.ts'
import { testWithout } from './without-each.ts'

test('consequences are those of guards that there are', () => {
  const guardNames = new Set(guards.map(({ name }) => name))
  expect(Object.keys(consequences).filter((name) => !guardNames.has(name))).toEqual([])
})

testWithout(1)
