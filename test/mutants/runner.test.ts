import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { makeTemporaryDirectory } from '../fixtures/temporary-directory.ts'
import { mutants } from './mutants.ts'
import { namesIn, renderPage } from './page.ts'
import { applyMutant, checkMutants, copyTree, findFaults, judge, runMutants, runUnmutated } from './runner.ts'
import type { Mutant, Verdict } from './runner.ts'

const root = join(import.meta.dirname, '../..')
const base: Mutant = {
  name: 'no check',
  why: 'it checks',
  file: 'core/it.ts',
  find: 'if (bad)',
  replace: 'if (false)',
  test: 'test/core/it.test.ts',
}
const outcome = (status: string, ...messages: string[]) => ({
  file: base.test,
  title: 'it is checked',
  status,
  messages,
})

describe('a mutant', () => {
  test('changes its text, and nothing else, whatever characters it has', () => {
    expect(applyMutant('a; if (bad) $b', base)).toBe('a; if (false) $b')
    expect(applyMutant('if (bad)', { ...base, replace: '$& $1' })).toBe('$& $1')
  })

  test('whose text is not there any more, or is there twice, is an error', () => {
    expect(() => applyMutant('if (worse)', base)).toThrow('no check: its text is not in core/it.ts any more')
    expect(() => applyMutant('if (bad) if (bad)', base)).toThrow('more than once')
    expect(() => applyMutant('aaa', { ...base, find: 'aa' })).toThrow('more than once')
  })

  test('has a name of its own', () => {
    expect(() => checkMutants([base, base], () => 'if (bad)')).toThrow('two mutants are called no check')
    expect(() => checkMutants([base], () => 'if (bad)')).not.toThrow()
  })

  test('of the list applies to the sources as they are, and says what it is for', () => {
    checkMutants(mutants, (file) => readFileSync(join(root, file), 'utf8'))
    expect(mutants.length).toBeGreaterThanOrEqual(30)
    expect(mutants.filter(({ find, replace, why }) => find === replace || why === '')).toEqual([])
  })
})

describe('a verdict', () => {
  test('is caught, with the test that failed', () => {
    expect(judge([outcome('passed'), outcome('failed', 'AssertionError: expected 1 to be 2')])).toEqual({
      kind: 'caught',
      file: base.test,
      title: 'it is checked',
    })
  })

  test('is that it lives if all is green', () => {
    expect(judge([outcome('passed')])).toEqual({ kind: 'survived' })
  })

  test.each([
    ['its text no longer runs', [outcome('failed', 'ReferenceError: bad is not defined')]],
    ['a file could not be loaded', []],
    ['every test was left out', [outcome('skipped'), outcome('pending')]],
    ['it did not end', null],
  ])('is none if %s', (_, outcomes) => {
    expect(judge(outcomes).kind).toBe('invalid')
  })
})

describe('without a mutant', () => {
  test('a test that is red is named, and one that does not exist', () => {
    expect(findFaults([base], [outcome('passed')])).toEqual([])
    expect(findFaults([base], [outcome('passed'), outcome('failed', 'x')])).toEqual([
      'red without a mutant: test/core/it.test.ts: it is checked',
    ])
    expect(findFaults([{ ...base, titled: 'is written' }], [outcome('passed')])).toHaveLength(1)
    expect(findFaults([base], null)).toHaveLength(1)
  })

  test('each file runs once: as a whole if anyone wants that, else what is titled so', async () => {
    const runs: unknown[] = []
    const expected = [
      base,
      { ...base, titled: 'is checked' },
      { ...base, test: 'test/other.test.ts', titled: 'b' },
      { ...base, test: 'test/other.test.ts', titled: 'c' },
    ]
    await runUnmutated(expected, 'there', (_directory, tests) => {
      runs.push(tests)
      return Promise.resolve([])
    })
    expect(runs).toEqual([
      { files: [base.test], titled: [], bail: false, changedFiles: [] },
      { files: ['test/other.test.ts'], titled: ['b', 'c'], bail: false, changedFiles: [] },
    ])
  })
})

test('each mutant is alone in a copy, which is whole again afterwards; the tree is never touched', async () => {
  const [tree, copy] = [makeTemporaryDirectory(), makeTemporaryDirectory()]
  mkdirSync(join(tree, 'core'))
  mkdirSync(join(tree, 'node_modules'))
  const source = 'if (bad) throw 1; if (worse) throw 2'
  writeFileSync(join(tree, base.file), source)
  copyTree(tree, [base.file], copy)
  const paths: string[] = []
  const verdicts: [string, Verdict][] = []
  await runMutants(
    [base, { ...base, name: 'nor the other', find: 'if (worse)' }],
    [copy],
    (directory, tests) => {
      expect([directory, tests]).toEqual([
        copy,
        { files: [base.test], titled: [], bail: true, changedFiles: [base.file] },
      ])
      const mutated = readFileSync(join(copy, base.file), 'utf8')
      paths.push(mutated)
      return Promise.resolve([outcome(mutated.includes('(bad)') ? 'passed' : 'failed', 'AssertionError')])
    },
    ({ name }, verdict) => verdicts.push([name, verdict]),
  )
  expect(paths).toEqual(['if (false) throw 1; if (worse) throw 2', 'if (bad) throw 1; if (false) throw 2'])
  expect(verdicts).toEqual([
    ['no check', { kind: 'caught', file: base.test, title: 'it is checked' }],
    ['nor the other', { kind: 'survived' }],
  ])
  expect([tree, copy].map((directory) => readFileSync(join(directory, base.file), 'utf8'))).toEqual([
    source,
    source,
  ])
})

describe('the page', () => {
  const caught = new Map<string, Verdict>([['a | b', { kind: 'caught', file: base.test, title: 'x | y' }]])

  test('lists names that are read from it again, whatever characters they have', () => {
    expect(namesIn(renderPage([{ ...base, name: 'a | b' }], caught))).toEqual(['a | b'])
  })

  test('is not made while one lives', () => {
    expect(() => renderPage([base], new Map([[base.name, { kind: 'survived' }]]))).toThrow('was not caught')
  })

  test('of this tree lists every mutant', () => {
    expect(namesIn(readFileSync(join(root, 'docs/mutants.md'), 'utf8'))).toEqual(
      mutants.map(({ name }) => name),
    )
  })
})
