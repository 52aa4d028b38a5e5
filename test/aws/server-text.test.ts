import fc from 'fast-check'
import { expect, test } from 'vitest'
import { anyCharacter } from '../fixtures/any-character.ts'
import { sanitizeServerText } from '../../aws/server-text.ts'
import { propertyRuns } from '../fixtures/property-runs.ts'

test('any text of a server becomes one short line without control characters', () => {
  const anything = fc.oneof(
    fc.string({ unit: anyCharacter, maxLength: 50 }),
    fc.string({ unit: anyCharacter, minLength: 250, maxLength: 350 }),
    fc.string(),
    fc.constantFrom(undefined, null, 7, {}, []),
  )
  fc.assert(
    fc.property(anything, (text) => {
      const line = sanitizeServerText(text)
      expect(line.length).toBeLessThanOrEqual(301)
      expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Co}\u2028\u2029]/u)
    }),
    { numRuns: propertyRuns },
  )
})

test('a cut text is a plain line, and a plain line stays unchanged', () => {
  expect(sanitizeServerText('The specified key does not exist.')).toBe('The specified key does not exist.')
  expect(sanitizeServerText('\u001b]0;owned\u0007\r\nnext\u202e')).toBe(']0;owned next')
  expect(sanitizeServerText('x'.repeat(1000))).toBe(`${'x'.repeat(300)}…`)
})
