import fc from 'fast-check'
import { expect, test } from 'vitest'
import { KeywordIndex } from '../../../blast-radius/search/keyword-index.ts'

function findAll(index: KeywordIndex, text: string): [word: number, end: number][] {
  const hits: [number, number][] = []
  index.visit(text, (word, end) => hits.push([word, end]))
  return hits
}

function findNaively(words: readonly string[], text: string): string[] {
  const lower = text.toLowerCase()
  const hits: string[] = []
  words.forEach((word, position) => {
    for (let at = lower.indexOf(word); at >= 0; at = lower.indexOf(word, at + 1))
      hits.push(`${at + word.length} ${position}`)
  })
  return hits.sort()
}

test('words within words, and without regard to case', () => {
  const index = new KeywordIndex(['he', 'she', 'his', 'hers', 'e'])
  expect(findAll(index, 'uSHErs')).toEqual([
    [1, 4],
    [0, 4],
    [4, 4],
    [3, 6],
  ])
})

test('finds what a search for each word finds', () => {
  const unit = fc.constantFrom('a', 'b', 'c', '_')
  const words = fc.uniqueArray(fc.string({ unit, minLength: 1, maxLength: 4 }), {
    minLength: 1,
    maxLength: 12,
  })
  const text = fc.string({ unit: fc.constantFrom('a', 'B', 'b', 'c', '_', 'é', ' '), maxLength: 60 })
  fc.assert(
    fc.property(words, text, (list, content) => {
      const index = new KeywordIndex(list)
      const hits = findAll(index, content)
      expect(hits.map(([word, end]) => `${end} ${word}`).sort()).toEqual(findNaively(list, content))
      expect(index.matchesBytes(Buffer.from(content))).toBe(hits.length > 0)
    }),
  )
})
