import fc from 'fast-check'
import { expect, test } from 'vitest'
import { anyCharacter } from '../../fixtures/any-character.ts'
import { parsePathText, pathText } from '../../../core/tree/path-text.ts'
import { propertyRuns } from '../../fixtures/property-runs.ts'

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.string({ unit: anyCharacter, maxLength: 20 }).map((text) => new Uint8Array(Buffer.from(text))),
)

test('any bytes become printable text, from which the same bytes come back', () => {
  fc.assert(
    fc.property(bytes, (path) => {
      const text = pathText(path)
      expect(parsePathText(text).equals(path)).toBe(true)
      expect(text).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
    }),
    { numRuns: propertyRuns * 5 },
  )
})

test('two paths never have the same text', () => {
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      expect(pathText(a) === pathText(b)).toBe(Buffer.from(a).equals(b))
    }),
    { numRuns: propertyRuns },
  )
})

test.each([
  ['plain/name with spaces', Buffer.from('plain/name with spaces')],
  ['Übergröße/日本', Buffer.from('Übergröße/日本')],
  ['a\\x0ab', Buffer.from('a\nb')],
  ['\\x1b[2Jgone', Buffer.from('\u001b[2Jgone')],
  ['\\xe2\\x80\\xaetxt.exe', Buffer.from('\u202etxt.exe')],
  ['a\\x5cx41', Buffer.from('a\\x41')],
  ['\\xff\\xfe', Buffer.from([0xff, 0xfe])],
  ['\\xef\\xbb\\xbfbom', Buffer.from('\ufeffbom')],
])('%s', (text, path) => {
  expect(pathText(path)).toBe(text)
  expect(parsePathText(text).equals(path)).toBe(true)
})

test('what a user types without an escape stands for itself', () => {
  expect(parsePathText('a\\b\\xzz').toString()).toBe('a\\b\\xzz')
})
