import fc from 'fast-check'
import { expect, test } from 'vitest'
import { coalesce } from '../../../core/restore-plan/ranges.ts'
import { propertyRuns } from '../../fixtures/property-runs.ts'

const range = fc.record({ offset: fc.nat(10_000), bytes: fc.nat(500) })

test('each range lies in exactly one request, and no request is longer than allowed unless one range is', () => {
  fc.assert(
    fc.property(
      fc.array(range, { maxLength: 40 }),
      fc.integer({ min: 1, max: 3000 }),
      fc.nat(200),
      (ranges, maxBytes, gapBytes) => {
        const requests = coalesce(ranges, maxBytes, gapBytes)
        expect(requests.flatMap(({ parts }) => parts).length).toBe(ranges.length)
        for (const { offset, bytes, parts } of requests) {
          for (const part of parts) {
            expect(ranges).toContain(part)
            expect(part.offset).toBeGreaterThanOrEqual(offset)
            expect(part.offset + part.bytes).toBeLessThanOrEqual(offset + bytes)
          }
          expect(Math.min(...parts.map((part) => part.offset))).toBe(offset)
          expect(Math.max(...parts.map((part) => part.offset + part.bytes))).toBe(offset + bytes)
          expect(bytes).toBeLessThanOrEqual(Math.max(maxBytes, ...parts.map((part) => part.bytes)))
        }
      },
    ),
    { numRuns: propertyRuns },
  )
})

test('ranges are joined over a gap up to the one allowed, and not over a longer one', () => {
  const near = [
    { offset: 110, bytes: 10 },
    { offset: 0, bytes: 100 },
  ]
  expect(coalesce(near, 1000, 10)).toHaveLength(1)
  expect(coalesce(near, 1000, 9)).toHaveLength(2)
  expect(coalesce(near, 119, 10)).toHaveLength(2)
  expect(near[0]!.offset).toBe(110)
})
