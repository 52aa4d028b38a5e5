import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseJudgements } from '../../../guardrails/catalogue/judgement-rows.ts'

const destructive = {
  tier: 1,
  loss: 'data',
  actions: ['Delete*'],
  lost: 'the volume',
  safeguard: null,
  conditionKeys: ['aws:ResourceTag', 'ec2:Owner'],
}
const exempt = { exempt: ['Create*'], reason: 'creates; what exists stays' }
const reads = { reads: ['Describe*'] }

describe('rows of judgements', () => {
  it('are read per service', () => {
    expect(parseJudgements({ ec2: [destructive, exempt, reads] }).get('ec2')).toEqual({
      destructive: [destructive],
      exempt: [exempt],
      reads: ['Describe*'],
    })
  })

  it.each<[string, unknown, string]>([
    ['no object', [], 'judgements: must be an object'],
    ['null', null, 'judgements: must be an object'],
    ['no service', {}, 'judgements: has no service'],
    ['a prefix in upper case', { EC2: [reads] }, 'EC2: is no service prefix in lower case'],
    ['a prefix with a wildcard', { 'ec*': [reads] }, 'ec*: is no service prefix in lower case'],
    ['services that are not sorted', { s3: [reads], ec2: [reads] }, 'ec2: must come before s3'],
    ['rows that are no list', { ec2: reads }, 'ec2: must be a list of 1 to 200 rows'],
    ['no rows', { ec2: [] }, 'ec2: must be a list of 1 to 200 rows'],
    ['too many rows', { ec2: Array.from({ length: 201 }, () => reads) }, 'ec2: must be a list'],
    ['a row that is a text', { ec2: ['Delete*'] }, 'ec2[0]: must be an object'],
    ['a row that judges nothing', { ec2: [{}] }, 'ec2[0]: has no reads'],
    ['a third tier', { ec2: [{ ...destructive, tier: 3 }] }, 'ec2[0].tier: must be 1 or 2'],
    ['a tier as text', { ec2: [{ ...destructive, tier: '1' }] }, 'ec2[0].tier: must be 1 or 2'],
    ['an unknown loss', { ec2: [{ ...destructive, loss: 'dta' }] }, 'ec2[0].loss: must be one of data, '],
    ['an inherited loss', { ec2: [{ ...destructive, loss: 'constructor' }] }, 'ec2[0].loss: must be one of'],
    ['a field too many', { ec2: [{ ...exempt, tire: 1 }] }, 'ec2[0]: has a field "tire" too many'],
    ['two verdicts', { ec2: [{ ...exempt, ...destructive }] }, 'ec2[0]: has a field "exempt" too many'],
    ['no reason', { ec2: [{ exempt: ['Create*'] }] }, 'ec2[0]: has no reason'],
    ['an empty reason', { ec2: [{ ...exempt, reason: '' }] }, 'ec2[0].reason: must be a line'],
    [
      'a reason with a control character',
      { ec2: [{ ...exempt, reason: 'a\u001b[2J' }] },
      'ec2[0].reason: must',
    ],
    ['a reason of two lines', { ec2: [{ ...exempt, reason: 'a\nb' }] }, 'ec2[0].reason: must be a line'],
    [
      'a text with space after it',
      { ec2: [{ ...destructive, lost: 'a ' }] },
      'ec2[0].lost: must have no space',
    ],
    ['a full stop', { ec2: [{ ...destructive, lost: 'all.' }] }, 'ec2[0].lost: must have no space'],
    [
      'a safeguard that is left out',
      { ec2: [{ ...destructive, safeguard: undefined }] },
      'ec2[0].safeguard: must',
    ],
    ['no patterns', { ec2: [{ reads: [] }] }, 'ec2[0].reads: must be a list of 1 to 400 texts'],
    ['a pattern that is no text', { ec2: [{ reads: [['Get*']] }] }, 'ec2[0].reads: ["Get*"] is no text'],
    [
      'a pattern with its prefix',
      { ec2: [{ reads: ['ec2:Get*'] }] },
      'ec2[0].reads: "ec2:Get*" is no action',
    ],
    ['a pattern with a space', { ec2: [{ reads: ['Get* '] }] }, 'ec2[0].reads: "Get* " is no action'],
    ['an empty pattern', { ec2: [{ reads: [''] }] }, 'ec2[0].reads: "" is no action'],
    ['two wildcards in a row', { ec2: [{ reads: ['Get**'] }] }, 'ec2[0].reads: "Get**" is no action'],
    ['an endless pattern', { ec2: [{ reads: ['a'.repeat(129)] }] }, 'ec2[0].reads: "aaa'],
    [
      'one pattern twice',
      { ec2: [destructive, { reads: ['delete*'] }] },
      'ec2[1].reads: delete* is judged twice',
    ],
    [
      'a key without a prefix',
      { ec2: [{ ...destructive, conditionKeys: ['Owner'] }] },
      '"Owner" is no condition key',
    ],
    [
      'keys that are not sorted',
      { ec2: [{ ...destructive, conditionKeys: ['b:B', 'a:A'] }] },
      'must be sorted',
    ],
    ['a key twice', { ec2: [{ ...destructive, conditionKeys: ['a:A', 'a:A'] }] }, 'must be sorted'],
  ])('%s is refused', (_what, input, message) => {
    expect(() => parseJudgements(input)).toThrow(message)
  })

  it('a row for a service such as __proto__ is refused, and changes no prototype', () => {
    expect(() => parseJudgements(JSON.parse('{"__proto__": [{"reads": ["Get*"]}]}'))).toThrow(
      '__proto__: is no service prefix',
    )
    expect(Object.hasOwn(Object.prototype, 'reads')).toBe(false)
  })

  it('whatever is given, it is read or refused with a short message', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (input) => {
        try {
          expect(parseJudgements(input).size).toBeGreaterThan(0)
        } catch (error) {
          expect((error as Error).message.length).toBeLessThan(300)
        }
      }),
    )
  })
})
