import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readTrust } from '../../blast-radius/trust-policy.ts'

const me = 'arn:aws:iam::111122223333:role/team/ci'
const allow = (fields: object): object => ({ Effect: 'Allow', Action: 'sts:AssumeRole', ...fields })
const read = (...statements: object[]) => readTrust({ Version: '2012-10-17', Statement: statements }, me)

describe('a trust', () => {
  test.each<[string, object]>([
    ['the role itself', { Principal: { AWS: me } }],
    [
      'the role among others',
      { Principal: { AWS: ['arn:aws:iam::111122223333:user/u', me], Service: 'ec2.amazonaws.com' } },
    ],
    ['a session of the role', { Principal: { AWS: 'arn:aws:sts::111122223333:assumed-role/ci/me' } }],
    ['everybody', { Principal: '*' }],
    ['everybody in AWS', { Principal: { AWS: '*' } }],
    ['everybody but somebody else', { NotPrincipal: { AWS: 'arn:aws:iam::111122223333:role/other' } }],
    ['the role, among actions', { Action: ['sts:TagSession', 'sts:*'], Principal: { AWS: me } }],
    ['the role, in all but other actions', { Action: undefined, NotAction: 's3:*', Principal: { AWS: me } }],
  ])('that names %s admits the role without a permission of its own', (_, fields) => {
    expect(read(allow(fields))).toEqual({ byName: true, conditions: [] })
  })

  test.each([['arn:aws:iam::111122223333:root'], ['111122223333']])(
    'that names the account as %s admits roles with the permission',
    (AWS) => {
      expect(read(allow({ Principal: { AWS } }))).toEqual({ byName: false, conditions: [] })
    },
  )

  test.each<[string, object[]]>([
    ['nobody', []],
    ['another role', [allow({ Principal: { AWS: 'arn:aws:iam::111122223333:role/team/ci2' } })]],
    [
      'a role of that name in another account',
      [allow({ Principal: { AWS: 'arn:aws:iam::444455556666:role/team/ci' } })],
    ],
    ['another account', [allow({ Principal: { AWS: 'arn:aws:iam::444455556666:root' } })]],
    [
      'a session of a role whose name begins the same',
      [allow({ Principal: { AWS: 'arn:aws:sts::111122223333:assumed-role/ci2/me' } })],
    ],
    ['a service', [allow({ Principal: { Service: 'lambda.amazonaws.com' } })]],
    [
      'an identity provider',
      [allow({ Action: 'sts:AssumeRoleWithWebIdentity', Principal: { Federated: '*' } })],
    ],
    ['it, for another action', [allow({ Action: 'sts:TagSession', Principal: { AWS: me } })]],
    ['everybody but it', [allow({ NotPrincipal: { AWS: me } })]],
    [
      'it, and denies it',
      [allow({ Principal: { AWS: me } }), { Effect: 'Deny', Action: '*', Principal: '*' }],
    ],
  ])('that names %s does not admit the role', (_, statements) => {
    expect(read(...statements)).toBeNull()
  })

  test('has conditions, which are listed; of two grants the easier one counts', () => {
    const Condition = {
      StringEquals: { 'sts:ExternalId': ['x', 'y'] },
      Bool: { 'aws:MultiFactorAuthPresent': 'true' },
    }
    const asking = allow({ Principal: { AWS: me }, Condition })
    expect(read(asking)).toEqual({
      byName: true,
      conditions: ['StringEquals sts:ExternalId x or y', 'Bool aws:MultiFactorAuthPresent true'],
    })
    expect(read(asking, allow({ Principal: { AWS: '111122223333' } }))).toEqual({
      byName: false,
      conditions: [],
    })
    expect(
      read(allow({ Principal: { AWS: me } }), {
        Effect: 'Deny',
        Action: 'sts:*',
        Principal: '*',
        Condition: { StringNotEquals: { 'sts:SourceIdentity': 'a' } },
      }),
    ).toEqual({ byName: true, conditions: ['not (StringNotEquals sts:SourceIdentity a)'] })
  })

  test('of any shape is read without an error', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(() => readTrust({ Statement: JSON.parse(text) as unknown }, me)).not.toThrow()
      }),
    )
    const odd = fc.record({
      Effect: fc.constantFrom('Allow', 'Deny'),
      Action: fc.constant('*'),
      Principal: fc.jsonValue(),
      Condition: fc.jsonValue(),
    })
    fc.assert(
      fc.property(fc.array(odd), (Statement) => {
        expect(() => readTrust({ Statement }, me)).not.toThrow()
      }),
    )
  })
})
