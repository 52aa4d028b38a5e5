import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ratiosOf, spreadOf } from '../../../lab/bench/statistics.ts'

describe('the spread of a series', () => {
  test('is its median, its least and its most', () => {
    expect(spreadOf([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 })
    expect(spreadOf([4, 1, 2, 3])).toEqual({ median: 2.5, min: 1, max: 4 })
    expect(spreadOf([7])).toEqual({ median: 7, min: 7, max: 7 })
  })

  test('has half of the values on each side, and leaves the series as it was', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -1e9, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 30 }),
        (values) => {
          const copy = [...values]
          const { median, min, max } = spreadOf(values)
          expect(values).toEqual(copy)
          expect(values.filter((value) => value < median).length).toBeLessThanOrEqual(values.length / 2)
          expect(values.filter((value) => value > median).length).toBeLessThanOrEqual(values.length / 2)
          expect(values.every((value) => value >= min && value <= max)).toBe(true)
        },
      ),
    )
  })

  test.each([[[]], [[1, Number.NaN]], [[Number.POSITIVE_INFINITY]]])('is refused for %j', (values) => {
    expect(() => spreadOf(values)).toThrow(RangeError)
  })
})

describe('the ratio of two tools', () => {
  test('is taken in each round, not between the medians', () => {
    expect(ratiosOf([5, 10, 40], [20, 20, 20])).toEqual({ median: 2, min: 0.5, max: 4 })
    // The medians, 4 and 10, would say 2.5.
    expect(ratiosOf([10, 1, 4], [10, 3, 16])).toEqual({ median: 3, min: 1, max: 4 })
  })

  test('needs both in each round, and a time above zero', () => {
    expect(() => ratiosOf([1, 2], [1])).toThrow(RangeError)
    expect(() => ratiosOf([0], [1])).toThrow(RangeError)
  })
})
