import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  deniesAllElse,
  matches,
  mentionsAllow,
  narrows,
  outrightDenial,
} from '../../blast-radius/statements.ts'
import type { PolicyDocument } from '../../blast-radius/policy-set.ts'

const document = (...Statement: object[]): PolicyDocument => ({ Statement })
const action = 'ec2:DeleteVolume'

describe('a pattern of actions', () => {
  test.each([
    ['*', true],
    ['ec2:*', true],
    ['EC2:deletevolume', true],
    ['ec2:Delete*', true],
    ['*Volume', true],
    ['ec2:?eleteVolum?', true],
    ['e*:*t*V*e', true],
    ['ec2:Delete', false],
    ['s3:*', false],
    ['ec2:DeleteVolume?', false],
    ['', false],
    ['ec2:*x*', false],
  ])('%s: %s', (pattern, expected) => {
    expect(matches(pattern, action)).toBe(expected)
  })

  test('matches the same actions as a regular expression', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 })
    fc.assert(
      fc.property(text, fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 }), (pattern, subject) => {
        const expression = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`)
        expect(matches(pattern, subject)).toBe(expression.test(subject))
      }),
    )
  })
})

describe('a document', () => {
  test('denies outright without a condition, on everything', () => {
    const deny = { Effect: 'Deny', Action: 'ec2:Delete*', Resource: '*' }
    expect(outrightDenial(document(deny), action)).toBe('statement 1')
    expect(outrightDenial(document({}, { ...deny, Sid: 'No', Resource: ['a', '*'] }), action)).toBe('No')
    for (const statement of [
      { ...deny, Condition: {} },
      { ...deny, Resource: 'arn:aws:ec2:*:*:volume/v' },
      { ...deny, Effect: 'Allow' },
      { Effect: 'Deny', NotAction: 'ec2:*', Resource: '*' },
    ])
      expect(outrightDenial(document(statement), action)).toBeNull()
  })

  test('mentions an action that it allows on some resource', () => {
    expect(
      mentionsAllow(document({ Effect: 'Allow', NotAction: 's3:*', Resource: 'x', Condition: {} }), action),
    ).toBe(true)
    expect(mentionsAllow(document({ Effect: 'Allow', Action: 's3:*', Resource: '*' }), action)).toBe(false)
    expect(mentionsAllow(document('x' as unknown as object), action)).toBe(false)
  })

  test("narrows an action that it doesn't allow on everything, and denies the others by NotResource", () => {
    expect(narrows(document({ Effect: 'Allow', Action: '*', Resource: '*' }), action)).toBe(false)
    expect(narrows(document({ Effect: 'Allow', Action: '*', Resource: 'x' }), action)).toBe(true)
    expect(deniesAllElse(document({ Effect: 'Deny', Action: '*', NotResource: 'x' }), action)).toBe(true)
    expect(
      deniesAllElse(document({ Effect: 'Deny', Action: '*', NotResource: 'x', Condition: {} }), action),
    ).toBe(false)
  })
})
