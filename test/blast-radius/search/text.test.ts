import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeText, isBinary, joinLines } from '../../../blast-radius/search/text.ts'

describe('a text', () => {
  test('knows the line of each character, with Unix and with Windows line ends', () => {
    for (const raw of ['a\nbb\nccc', 'a\r\nbb\r\nccc']) {
      const { text, lineAt } = joinLines(raw)
      expect(text).toBe(raw)
      expect(['a', 'bb', 'ccc'].map((word) => lineAt(text.indexOf(word)))).toEqual([1, 2, 3])
    }
  })

  test('that goes on after a backslash is one line, and what follows keeps its number', () => {
    const { text, lineAt } = joinLines('KEY=abc\\\n    def\\\r\n  ghi\nnext')
    expect(text).toBe('KEY=abcdefghi\nnext')
    expect([lineAt(text.indexOf('abc')), lineAt(text.indexOf('ghi')), lineAt(text.indexOf('next'))]).toEqual([
      1, 3, 4,
    ])
  })

  test("with lines that don't go on is what it was, and its lines are counted right", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: fc.constantFrom('a', ' ', '=', 'é') }), { maxLength: 20 }),
        (lines) => {
          const raw = lines.join('\n')
          const { text, lineAt } = joinLines(raw)
          expect(text).toBe(raw)
          expect(lineAt(raw.length)).toBe(lines.length === 0 ? 1 : lines.length)
        },
      ),
    )
  })
})

describe('bytes', () => {
  test('that are no UTF-8 are read as far as they are', () => {
    expect(decodeText(Buffer.from([0xff, 0x61, 0xc3, 0x0a, 0x62])).text).toMatch(/a.\nb$/)
  })

  test('of UTF-16 are text, in both orders', () => {
    const little = Buffer.from('\ufeffKEY=1\n', 'utf16le')
    expect(decodeText(little).text).toBe('KEY=1\n')
    expect(decodeText(Buffer.from(little).swap16()).text).toBe('KEY=1\n')
  })

  test('with a zero at the beginning are no text', () => {
    expect(isBinary(Buffer.from('ELF\0abc'))).toBe(true)
    expect(isBinary(Buffer.from(`${'a'.repeat(8000)}\0`))).toBe(false)
    expect(isBinary(Buffer.from('\ufeffA', 'utf16le'))).toBe(false)
    expect(decodeText(Buffer.alloc(0)).text).toBe('')
  })
})
