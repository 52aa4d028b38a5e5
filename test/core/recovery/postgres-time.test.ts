import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  exactTimeText,
  postgresTimeOf,
  recoveryTimeText,
  unixMsOf,
} from '../../../core/recovery/postgres-time.ts'
import { parseExactPointInTime } from '../../../core/snapshot/point-in-time.ts'
import { propertyRuns } from '../../fixtures/property-runs.ts'

test('a time has the form that PostgreSQL takes at its start', () => {
  const timeUs = postgresTimeOf(parseExactPointInTime('2026-04-24T12:15:00.000007+02:00'))
  expect(recoveryTimeText(timeUs)).toBe('2026-04-24 10:15:00.000007+00')
  expect(exactTimeText(timeUs)).toBe('2026-04-24T10:15:00.000007Z')
  expect(unixMsOf(timeUs)).toBe(Date.parse('2026-04-24T10:15:00Z'))
})

test('whole seconds, and times before 2000', () => {
  expect(exactTimeText(0n)).toBe('2000-01-01T00:00:00Z')
  expect(recoveryTimeText(-1n)).toBe('1999-12-31 23:59:59.999999+00')
  expect(unixMsOf(-1n)).toBe(Date.UTC(2000, 0, 1) - 1)
})

test('a time that a header claims and no calendar has is still a text', () => {
  expect(exactTimeText(2n ** 63n - 1n)).toBe('a time after the year 275000')
  expect(exactTimeText(-(2n ** 63n))).toBe('a time before the year -271000')
})

test('the text names the same microsecond again', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -900_000_000_000_000n, max: 3_000_000_000_000_000n }), (timeUs) => {
      expect(postgresTimeOf(parseExactPointInTime(exactTimeText(timeUs)))).toBe(timeUs)
    }),
    { numRuns: propertyRuns },
  )
})
