import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sanitizeServerText } from '../../aws/server-text.ts'
import { propertyRuns } from '../fixtures/property-runs.ts'

test('whatever a server says becomes one short line that steers no terminal', () => {
  const anything = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 50 }),
    fc.string({ unit: 'binary', minLength: 250, maxLength: 350 }),
    fc.string(),
    fc.constantFrom(undefined, null, 7, {}, []),
  )
  fc.assert(
    fc.property(anything, (said) => {
      const text = sanitizeServerText(said)
      expect(text.length).toBeLessThanOrEqual(301)
      expect(text).not.toMatch(/[\p{Cc}\p{Cf}\p{Co}\u2028\u2029]/u)
    }),
    { numRuns: propertyRuns },
  )
})

test('what is cut is a plain line still, and a plain line is kept', () => {
  expect(sanitizeServerText('The specified key does not exist.')).toBe('The specified key does not exist.')
  expect(sanitizeServerText('\u001b]0;owned\u0007\r\nnext\u202e')).toBe(']0;owned next')
  expect(sanitizeServerText('x'.repeat(1000))).toBe(`${'x'.repeat(300)}…`)
})
