import { describe, expect, test } from 'vitest'
import { measure } from './measures.ts'
import { percent, total } from './totals.ts'
import { readTree } from './tree.ts'

const files = readTree().map(({ file, text }) => ({ file, measures: measure(file, text) }))
const product = total(files.filter(({ file }) => !file.startsWith('test/')).map(({ measures }) => measures))
const tests = total(files.filter(({ file }) => file.startsWith('test/')).map(({ measures }) => measures))

describe.each([
  ['the product', product],
  ['the tests', tests],
])('in %s', (_name, sum) => {
  test('lines of more than 120 columns are rare', () => {
    expect(percent(sum.wideLines, sum.lines)).toBeLessThan(1.5)
  })

  test('no comment passes 120 columns', () => {
    expect(sum.wideComments).toEqual([])
  })

  test('comments have a subject, and begin with no bare what, who, of or by', () => {
    expect(sum.bareOpeners).toEqual([])
  })

  test('comments name the actor, not nobody, whoever or whatever', () => {
    expect(sum.pronouns).toEqual([])
  })

  test('few variables are called by a pronoun or a participle', () => {
    const share = percent(sum.vagueNames.length, sum.variables)
    expect(share, sum.vagueNames.join('\n')).toBeLessThan(0.2)
  })

  test('no signature has more than four parameters', () => {
    expect(sum.longSignatures).toEqual([])
  })
})

describe('in the product', () => {
  test('no function has more than 70 lines', () => {
    expect(product.longFunctions).toEqual([])
  })

  test('no class has more than ten fields', () => {
    expect(product.largeClasses).toEqual([])
  })
})

test('each measure counts what it is called after', () => {
  const fields = Array.from({ length: 11 }, (_, index) => `f${index} = 0`).join('\n')
  const text = `
// What is left.
// It goes on.
const what = 1 // Nobody knows.
/** The reason. */
function long(a: 1, b: 2, c: 3, d: 4, e: 5): void {${'\n'.repeat(70)}}
class Large {
${fields}
}
// ${'wide '.repeat(30)}
`
  const measures = measure('a.ts', text)
  expect(measures.bareOpeners).toEqual(['a.ts:2 What is left. It goes on.'])
  expect(measures.pronouns).toEqual(['a.ts:4 Nobody'])
  expect(measures.vagueNames).toEqual(['a.ts:4 what'])
  expect(measures.longFunctions).toEqual(['a.ts:6 71'])
  expect(measures.longSignatures).toEqual(['a.ts:6 5'])
  expect(measures.largeClasses).toHaveLength(1)
  expect([measures.wideLines, measures.comments]).toEqual([1, 4])
  expect(measures.wideComments).toEqual([`a.ts:${text.split('\n').length - 1}`])
})
