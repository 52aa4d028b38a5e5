import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  compactPatterns,
  patternIncludes,
  patternsOverlap,
} from '../../../guardrails/catalogue/action-pattern.ts'

// Few letters, so that patterns and names meet often.
const names = fc.string({ unit: fc.constantFrom('a', 'b', 'C'), maxLength: 8 })
const patterns = fc.string({ unit: fc.constantFrom('a', 'b', 'C', '*'), maxLength: 8 })

function toExpression(pattern: string): RegExp {
  return new RegExp(`^${pattern.replaceAll('*', '.*')}$`, 'i')
}

describe('a pattern of actions', () => {
  it.each([
    ['Delete*', 'DeleteVolume', true],
    ['Delete*', 'Delete', true],
    ['delete*', 'DELETEVOLUME', true],
    ['*Snapshot*', 'ModifyDBSnapshotAttribute', true],
    ['*Snapshot', 'ModifyDBSnapshotAttribute', false],
    ['Delete*', 'BatchDelete', false],
    ['*', '', true],
    ['', 'a', false],
  ])('%s against %s: %s', (pattern, name, expected) => {
    expect(patternIncludes(pattern, name)).toBe(expected)
  })

  it('matches a name as the regular expression of the same meaning does', () => {
    fc.assert(
      fc.property(patterns, names, (pattern, name) => {
        expect(patternIncludes(pattern, name)).toBe(toExpression(pattern).test(name))
      }),
    )
  })

  it('includes another pattern only if it matches every name that the other one matches', () => {
    fc.assert(
      fc.property(patterns, patterns, names, (general, specific, name) => {
        if (patternIncludes(general, specific) && toExpression(specific).test(name))
          expect(toExpression(general).test(name)).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  it('overlaps with another one if a name matches both', () => {
    fc.assert(
      fc.property(patterns, patterns, names, (first, second, name) => {
        if (toExpression(first).test(name) && toExpression(second).test(name))
          expect(patternsOverlap(first, second)).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  it.each([
    ['Delete*', '*Volume', true],
    ['Delete*', 'Describe*', false],
    ['D*', 'Delete*', true],
    ['RunInstances', 'run*', true],
    ['*Tag', 'Tag*', true],
    ['Get', 'GetX', false],
    ['**', '*', true],
  ])('overlap of %s and %s: %s', (first, second, expected) => {
    expect(patternsOverlap(first, second)).toBe(expected)
    expect(patternsOverlap(second, first)).toBe(expected)
  })

  it('answers at once for a hostile pattern, on which a regular expression would go on for years', () => {
    expect(patternIncludes('*a'.repeat(60), 'a'.repeat(4000) + 'b')).toBe(false)
    expect(patternsOverlap('*a'.repeat(60) + 'b', '*a'.repeat(60) + 'c')).toBe(false)
  })
})

describe('compact patterns', () => {
  it('are those that no other one includes, once each and sorted', () => {
    expect(compactPatterns(['DeleteVolume', 'Put*', 'Delete*', 'Put*', '*Tags', 'DeleteTags'])).toEqual([
      '*Tags',
      'Delete*',
      'Put*',
    ])
  })

  it('keep one of two that include each other', () => {
    expect(compactPatterns(['**', '*'])).toEqual(['*'])
  })

  it('match what all of them match together', () => {
    fc.assert(
      fc.property(fc.array(patterns, { maxLength: 6 }), names, (list, name) => {
        const matches = (some: readonly string[]) => some.some((pattern) => patternIncludes(pattern, name))
        expect(matches(compactPatterns(list))).toBe(matches(list))
      }),
    )
  })
})
