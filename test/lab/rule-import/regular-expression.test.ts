import { describe, expect, test } from 'vitest'
import { translate } from '../../../lab/rule-import/regular-expression.ts'

function matches(source: string, text: string): boolean {
  const { source: translated, flags } = translate(source)
  return new RegExp(translated, flags).test(text)
}

describe('an expression of RE2 means the same in JavaScript', () => {
  test.each([
    ['(?i)abc', 'xABC', true],
    ['(?i:ab)c', 'ABc', true],
    ['(?i:ab)c', 'ABC', false],
    ['(?i)a(?-i:b)c', 'AbC', true],
    ['(?i)a(?-i:b)c', 'ABC', false],
    ['(?i:[a-c]{2})d', 'BCd', true],
    ['a(?i)b(c)', 'aBC', true],
    ['(a(?i)b)c', 'aBC', false],
    ['a(?s:.)b', 'a\nb', true],
    ['a.b', 'a\nb', false],
    ['[[:alnum:]]{3}-', 'a1B-', true],
    ['[]a]b', ']b', true],
    ['[^]]b', ']b', false],
    ['(?P<name>a)b', 'ab', true],
    ['a\\z', 'a', true],
    ['a\\z', 'a\n', false],
    ['\\x60a\\x60', '`a`', true],
  ])('%s on %j: %s', (source, text, expected) => {
    expect(matches(source, text)).toBe(expected)
  })
})

test('a value may be followed by a comma or a bracket, and by no character that it could have', () => {
  const published = String.raw`\b(tok_[a-z]{4})(?:\\?['"\x60]|[\s;]|\\[nr]|$)`
  expect(matches(published, 'use tok_abcd, please')).toBe(true)
  expect(matches(published, '{tok_abcd}')).toBe(true)
  expect(matches(published, 'tok_abcde')).toBe(false)
})

test('what JavaScript has no expression for is an error', () => {
  expect(() => translate('a(b')).toThrow(SyntaxError)
})
