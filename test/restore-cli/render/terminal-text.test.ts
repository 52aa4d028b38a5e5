import fc from 'fast-check'
import { expect, test } from 'vitest'
import { anyCharacter } from '../../fixtures/any-character.ts'
import { parsePathText } from '../../../core/tree/path-text.ts'
import { pathRecord, terminalText } from '../../../restore-cli/render/terminal-text.ts'

test.each([
  ['plain ünïcode 日本 \u{1F600}', 'plain ünïcode 日本 \u{1F600}'],
  ['\u001b[31mred\u001b[0m', '\\x1b[31mred\\x1b[0m'],
  ['two\nlines\ttab', 'two\\x0alines\\x09tab'],
  ['\u202Egnp.exe', '\\xe2\\x80\\xaegnp.exe'],
  ['\u009b31m', '\\xc2\\x9b31m'],
  ['\u200b\ufeff', '\\xe2\\x80\\x8b\\xef\\xbb\\xbf'],
  ['\u2028', '\\xe2\\x80\\xa8'],
])('%j is shown as %s', (text, shown) => {
  expect(terminalText(text)).toBe(shown)
})

test('no text can control a terminal', () => {
  fc.assert(
    fc.property(fc.string({ unit: anyCharacter }), (text) => {
      expect(terminalText(text)).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
    }),
  )
})

test('both forms of a path in a record are the same bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const record = pathRecord(bytes)
      expect(record.path).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
      expect(parsePathText(record.path).equals(bytes)).toBe(true)
      expect(Buffer.from(record.pathBase64, 'base64').equals(bytes)).toBe(true)
    }),
  )
})
