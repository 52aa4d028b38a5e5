import { expect, test } from 'vitest'
import { judgeDays } from '../../../checks/behaviour/baseline.ts'
import type { Observation, Verdict } from '../../../checks/behaviour/baseline.ts'

/** A Monday. */
const monday = 20_545

function observe(values: readonly (number | null)[], overrides: Record<number, Partial<Observation>> = {}) {
  return values.map((value, index) => ({
    day: monday + index,
    value,
    floor: 0.01,
    isAccepted: false,
    ...overrides[index],
  }))
}

/** Days with the value 0.02, a little more or less. */
function usual(days: number): number[] {
  return Array.from({ length: days }, (_, day) => 0.02 + 0.001 * ((day * 7) % 5))
}

function statesOf(verdicts: readonly Verdict[], state: Verdict['state']): number[] {
  return verdicts.filter((verdict) => verdict.state === state).map(({ day }) => day - monday)
}

test('two weeks are learned, and usual days are usual', () => {
  const verdicts = judgeDays(observe(usual(30)))
  expect(statesOf(verdicts, 'learning')).toEqual(Array.from({ length: 14 }, (_, day) => day))
  expect(statesOf(verdicts, 'odd')).toEqual([])
})

test('a day far over the usual is odd, and no history for later ones, however many there are', () => {
  const lasting = Array.from({ length: 30 }, () => 0.2)
  const verdicts = judgeDays(observe([...usual(20), ...lasting]))
  expect(statesOf(verdicts, 'odd')).toEqual(lasting.map((_, day) => 20 + day))
  expect(verdicts[20]).toMatchObject({ days: 1, value: 0.2 })
  expect(verdicts[20]!.limit).toBeLessThan(0.05)
})

test('the days after an odd one are not odd because of it', () => {
  expect(statesOf(judgeDays(observe([...usual(20), 0.2, ...usual(5)])), 'odd')).toEqual([20])
})

test('a few odd days in the time of learning hide no later one', () => {
  const values = [...usual(30)]
  for (const day of [3, 9]) values[day] = 0.9
  expect(statesOf(judgeDays(observe([...values, 0.2])), 'odd')).toEqual([30])
})

test('what happens each week on one day is usual on that day, and odd on another', () => {
  const weekly = Array.from({ length: 35 }, (_, day) => (day % 7 === 6 ? 0.6 + 0.01 * (day % 3) : 0.02))
  expect(statesOf(judgeDays(observe(weekly)), 'odd')).toEqual([])
  expect(statesOf(judgeDays(observe(weekly.with(31, 0.6))), 'odd')).toContain(31)
})

test('a slow change shows in the sum of three days', () => {
  const verdicts = judgeDays(observe([...usual(20), 0.03, 0.03, 0.03]))
  expect(statesOf(verdicts, 'odd')).toEqual([22])
  expect(verdicts[22]).toMatchObject({ days: 3 })
})

test('below the floor nothing is odd, however regular the days were', () => {
  const regular = Array.from({ length: 20 }, () => 0)
  expect(statesOf(judgeDays(observe([...regular, 0.009])), 'odd')).toEqual([])
  expect(statesOf(judgeDays(observe([...regular, 0.011])), 'odd')).toEqual([20])
})

test('a day that an operator accepted is usual, and so are later days like it', () => {
  const values = [...usual(20), 0.2, ...usual(4), 0.2, 0.3]
  const verdicts = judgeDays(observe(values, { 20: { isAccepted: true } }))
  expect(statesOf(verdicts, 'odd')).toEqual([26])
})

test('an unknown value is unknown, and the other days are compared', () => {
  const verdicts = judgeDays(observe([...usual(20), null, ...usual(4), 0.2]))
  expect(statesOf(verdicts, 'unknown')).toEqual([20])
  expect(statesOf(verdicts, 'odd')).toEqual([25])
})

test('without days there is no verdict', () => {
  expect(judgeDays([])).toEqual([])
})
