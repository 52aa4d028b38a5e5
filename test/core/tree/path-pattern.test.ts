import fc from 'fast-check'
import ignore from 'ignore'
import { describe, expect, test } from 'vitest'
import { fits, parsePattern } from '../../../core/tree/path-pattern.ts'
import { propertyRuns } from '../../fixtures/property-runs.ts'
import { isHoldfastError } from '../../../core/errors.ts'

/** @param path with a slash at its end for a directory. */
function fit(pattern: string, path: string): boolean {
  const isDirectory = path.endsWith('/')
  const names = (isDirectory ? path.slice(0, -1) : path).split('/')
  const bytes = names.map((name) => Buffer.from(name).toString('latin1'))
  return fits(parsePattern(Buffer.from(pattern).toString('latin1')), bytes, isDirectory)
}

function isAccepted(pattern: string): boolean {
  try {
    parsePattern(pattern)
    return true
  } catch (error) {
    expect(isHoldfastError(error, 'invalid-input')).toBe(true)
    return false
  }
}

describe('a pattern', () => {
  test.each<[string, string[], string[]]>([
    ['a', ['a', 'a/', 'x/a', 'x/y/a/'], ['aa', 'ab', 'x/b', 'A']],
    ['/a', ['a', 'a/'], ['x/a']],
    ['a/', ['a/', 'x/a/'], ['a', 'x/a']],
    ['a/b', ['a/b'], ['x/a/b', 'b']],
    ['*.log', ['x.log', '.log', 'a/b.log'], ['x.log2', 'log']],
    ['a*b*c', ['abc', 'aXbXc', 'abbcbc'], ['abcd', 'acb']],
    ['?', ['a', 'x/b'], ['', 'ab', 'é']],
    ['[a-c]x', ['ax', 'cx'], ['dx', '-x']],
    ['[!a]', ['b'], ['a']],
    ['[]a]', [']', 'a'], ['b']],
    ['[a-]', ['a', '-'], ['b']],
    ['**/a', ['a', 'x/a', 'x/y/a'], ['xa']],
    ['a/**', ['a/b', 'a/b/c'], ['a', 'a/', 'x/a/b']],
    ['a/**/b', ['a/b', 'a/x/b', 'a/x/y/b'], ['a/xb', 'x/a/b']],
    ['**/a/**/b/*', ['a/b/c', 'x/a/y/b/c'], ['a/b', 'a/b/c/d']],
    ['\\*', ['*'], ['a']],
    ['\\xff', [], ['xff', 'ÿ']],
    ['\\!a', ['!a'], ['a']],
    ['#a', ['#a'], ['a']],
    ['ä*', ['ä', 'äb'], ['a']],
  ])('%s', (pattern, fitting, others) => {
    expect(fitting.filter((path) => !fit(pattern, path))).toEqual([])
    expect(others.filter((path) => fit(pattern, path))).toEqual([])
  })

  test('takes bytes that are no UTF-8', () => {
    expect(fits(parsePattern('\\xff\\xFE'), ['\u00ff\u00fe'], false)).toBe(true)
    expect(fits(parsePattern('[\\x80-\\xff]'), ['\u00c3'], false)).toBe(true)
  })

  test.each(['', '/', '!', 'a//b', './a', 'a/../b', '[a', 'a\\', '[b-a]', '[[:alpha:]]', 'a'.repeat(5000)])(
    'that fits nothing is refused, and named: %j',
    (pattern) => {
      const message: unknown = expect.not.stringMatching(/^[^]{500}/)
      expect(() => parsePattern(pattern)).toThrow(
        expect.objectContaining({ code: 'invalid-input', message }) as Error,
      )
    },
  )

  test('fits what a pattern of .gitignore fits', () => {
    const part = fc.constantFrom('a', 'b', '*', '**', '?', '/', '.', 'ab', '[ab]', '[!a]', '**/', '/**', '*a')
    const pattern = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(''))
    const name = fc.array(fc.constantFrom('a', 'b', '.', 'ab'), { minLength: 1, maxLength: 4 })
    const names = fc.array(
      name.map((bytes) => bytes.join('')).filter((text) => text !== '.' && text !== '..'),
      { minLength: 1, maxLength: 4 },
    )
    fc.assert(
      fc.property(pattern, names, fc.boolean(), (text, path, isDirectory) => {
        // The library takes more than two asterisks for two.
        fc.pre(isAccepted(text) && !text.includes('***'))
        const parsed = parsePattern(text)
        const reference = ignore({ ignorecase: false }).add(text)
        // As a walk: what a directory leaves out is never asked for.
        const isLeftOut = path.some((_, depth) =>
          fits(parsed, path.slice(0, depth + 1), depth < path.length - 1 || isDirectory),
        )
        expect([text, path, isLeftOut]).toEqual([
          text,
          path,
          reference.ignores(path.join('/') + (isDirectory ? '/' : '')),
        ])
      }),
      { numRuns: propertyRuns },
    )
  })

  test('takes no longer for names that were made for it', () => {
    const classes = parsePattern(`${'[ab]*'.repeat(50)}c`)
    const directories = parsePattern(`${'**/a*/'.repeat(50)}c`)
    const startedMs = performance.now()
    expect(fits(classes, ['ab'.repeat(2000)], false)).toBe(false)
    expect(
      fits(
        directories,
        Array.from({ length: 2000 }, () => 'ab'.repeat(5)),
        false,
      ),
    ).toBe(false)
    expect(performance.now() - startedMs).toBeLessThan(1000)
  })
})
