import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkPolicy, parsePolicy, toIsoDate } from '../../../../lab/sandbox/authorization/check-policy.ts'
import type { PolicyKind } from '../../../../lab/sandbox/authorization/check-policy.ts'
import { createAuthorizer } from '../../../../lab/sandbox/authorization/authorizer.ts'
import { allow, cloud, deny, policy, rootOf } from './declaration.ts'

const kinds: PolicyKind[] = ['identity', 'boundary', 'session', 'resource', 'trust', 'scp', 'rcp']
const principal = { Principal: '*' }

describe('a policy document', () => {
  it.for([
    ['identity', policy(allow('s3:GetObject', 'arn:aws:s3:::b/*'))],
    ['resource', policy(deny('s3:*', ['arn:aws:s3:::b'], principal))],
    [
      'resource',
      policy(
        allow('s3:*', '*', {
          Principal: {
            AWS: ['111122223333', 'arn:aws:iam::111122223333:role/x/y', '*'],
            Service: 's3.amazonaws.com',
          },
        }),
      ),
    ],
    [
      'trust',
      policy({
        Effect: 'Allow',
        Principal: { Federated: 'arn:aws:iam::111122223333:oidc-provider/127.0.0.1:80' },
        Action: 'sts:AssumeRoleWithWebIdentity',
      }),
    ],
    ['rcp', policy(deny('s3:*', '*', principal))],
    [
      'scp',
      policy({
        Effect: 'Deny',
        NotAction: 'iam:*',
        Resource: '*',
        Condition: { DateGreaterThan: { 'aws:CurrentTime': '2026-01-01' } },
      }),
    ],
    ['identity', { Statement: allow('*') }],
    ['identity', policy(allow('s3:*', 'arn:aws:s3*'))],
  ] as const)('of kind %s that AWS takes is taken', ([kind, document]) => {
    expect(checkPolicy(kind, document)).toEqual([])
  })

  it.for([
    ['identity', null],
    ['identity', 'text'],
    ['identity', []],
    ['identity', {}],
    ['identity', { Statement: [] }],
    ['identity', { Statement: [null] }],
    ['identity', { Version: '2020-01-01', Statement: [allow('*')] }],
    ['identity', policy(allow('GetObject'))],
    ['identity', policy(allow('s3:GetObject', 'bucket/key'))],
    ['identity', policy(allow('s3:GetObject', 'arn:aws:s3:(a+)+$:x:y'))],
    ['identity', policy(allow([]))],
    ['identity', policy(allow('s3:*', []))],
    ['identity', policy({ Effect: 'Allow', Action: 's3:*', NotAction: 's3:*', Resource: '*' })],
    ['identity', policy(allow('s3:*', '*', principal))],
    ['identity', policy(allow('s3:*', '*', { Sid: 'A' }), allow('s3:*', '*', { Sid: 'A' }))],
    ['identity', policy(allow('s3:*', '*', { Sid: 'with space' }))],
    ['identity', policy(allow('s3:*', '*', { Condition: [] }))],
    ['identity', policy(allow('s3:*', '*', { Condition: { StringEquals: null } }))],
    ['identity', policy(allow('s3:*', '*', { Condition: { StringEquals: {} } }))],
    ['identity', policy(allow('s3:*', '*', { Condition: { StringEqualz: { 'aws:x': 'y' } } }))],
    [
      'identity',
      policy(allow('s3:*', '*', { Condition: { 'ForSomeValues:StringEquals': { 'aws:x': 'y' } } })),
    ],
    ['identity', policy(allow('s3:*', '*', { Condition: { NullIfExists: { 'aws:x': 'true' } } }))],
    ['identity', policy(allow('s3:*', '*', { Condition: { Bool: { 'aws:SecureTransport': 'yes' } } }))],
    ['identity', policy(allow('s3:*', '*', { Condition: { NumericEquals: { 's3:max-keys': 'ten' } } }))],
    [
      'identity',
      policy(allow('s3:*', '*', { Condition: { DateLessThan: { 'aws:CurrentTime': 'tomorrow' } } })),
    ],
    ['identity', policy(allow('s3:*', '*', { Condition: { IpAddress: { 'aws:SourceIp': 'localhost' } } }))],
    ['identity', policy(allow('s3:*', '*', { Condition: { StringEquals: { nokey: 'y' } } }))],
    ['identity', policy(allow('s3:*', '*', { Unknown: 1 }))],
    ['resource', policy(deny('s3:*', '*'))],
    ['resource', policy({ Effect: 'Deny', Principal: '*', Action: 's3:*' })],
    ['resource', policy(allow('s3:*', '*', { Principal: {} }))],
    ['resource', policy(allow('s3:*', '*', { Principal: 'someone' }))],
    ['resource', policy(allow('s3:*', '*', { Principal: null }))],
    ['resource', policy(allow('s3:*', '*', { Principal: { AWS: 'arn:aws:iam::111122223333:role/*' } }))],
    ['resource', policy(allow('s3:*', '*', { Principal: { AWS: 'someone' } }))],
    ['trust', policy(allow('sts:AssumeRole', '*', principal))],
    ['rcp', policy(allow('s3:*', '*', principal))],
    ['rcp', policy(deny('*', '*', principal))],
    ['scp', policy(deny('s3:*', '*', principal))],
  ] as [PolicyKind, unknown][])('of kind %s is refused: %j', ([kind, document]) => {
    expect(checkPolicy(kind, document)).not.toEqual([])
  })

  it('never makes the check throw', () => {
    const names = fc.constantFrom(
      'Version',
      'Statement',
      'Sid',
      'Effect',
      'Action',
      'NotAction',
      'Resource',
      'Principal',
      'Condition',
      'AWS',
      'StringEquals',
      '__proto__',
    )
    const json = fc.letrec((tie) => ({
      node: fc.oneof(
        { depthSize: 'small' },
        fc.string(),
        fc.constantFrom('Allow', 'Deny', '*', 's3:*'),
        fc.integer(),
        fc.constant(null),
        fc.array(tie('node'), { maxLength: 3 }),
        fc.dictionary(names, tie('node'), { maxKeys: 5 }),
      ),
    })).node
    fc.assert(
      fc.property(fc.constantFrom(...kinds), json, (kind, document) => {
        expect(Array.isArray(checkPolicy(kind, document))).toBe(true)
      }),
    )
  })

  it('that passes the check never makes the evaluator throw', async () => {
    const text = fc.oneof(
      fc.string({ maxLength: 12 }),
      fc.constantFrom(
        'arn:aws:s3:::b/*',
        '*',
        '${aws:userid}',
        '${',
        '${}',
        "${a:b, 'c'}",
        'arn:aws:s3:::b/${aws:PrincipalTag/x}',
      ),
    )
    const statement = fc.record({
      Effect: fc.constantFrom('Allow', 'Deny'),
      Principal: fc.constantFrom<unknown>(
        '*',
        { AWS: '111122223333' },
        { AWS: 'AROAEXAMPLEEXAMPLEEXA' },
        { CanonicalUser: 'x' },
        { Federated: 'y' },
      ),
      Action: fc.constantFrom('*', 's3:*', 's3:Put?bject', 's3:', 's3:PutObject '),
      Resource: fc.oneof(
        fc.constantFrom('*', 'arn:aws:s3:::b/*', 'arn:aws:s3*'),
        text.map((tail) => `arn:aws:s3:::${tail}`),
      ),
      Condition: fc.dictionary(
        fc.constantFrom(
          'StringEquals',
          'StringNotLike',
          'ForAnyValue:StringLike',
          'ForAllValues:ArnNotLike',
          'ArnEqualsIfExists',
          'Null',
          'BinaryEquals',
          'NotIpAddress',
          'NumericLessThan',
        ),
        fc.dictionary(
          fc.constantFrom('aws:PrincipalArn', 'aws:userid', 's3:x-amz-acl', 'aws:TagKeys', 'aws:SourceIp'),
          fc.oneof(text, fc.array(text, { minLength: 1, maxLength: 2 })),
          { minKeys: 1, maxKeys: 2 },
        ),
        { maxKeys: 2 },
      ),
    })
    const authorizer = await createAuthorizer(cloud(), { nowMs: () => 0 })
    await fc.assert(
      fc.asyncProperty(fc.array(statement, { minLength: 1, maxLength: 3 }), text, async (statements, key) => {
        const resourcePolicy = policy(...statements)
        fc.pre(checkPolicy('resource', resourcePolicy).length === 0)
        const request = {
          principal: rootOf('111122223333'),
          action: 's3:PutObject',
          resource: `arn:aws:s3:::b/k${key}`,
          resourceAccountId: '111122223333',
          resourcePolicy,
          context: { 'aws:SourceIp': '127.0.0.1' },
        }
        const outcome = await authorizer.authorize(request).then(
          ({ allowed }) => typeof allowed,
          (error: Error) => error.name,
        )
        expect(['boolean', 'HoldfastError']).toContain(outcome)
      }),
      { numRuns: 300 },
    )
  })
})

describe('the text of a policy', () => {
  it.for([
    '',
    '{',
    'null',
    '[]',
    '{"Statement":',
    '['.repeat(5000),
    '{"Statement":'.repeat(500),
    '"'.repeat(100),
    '\u0000',
  ])('%j is refused, not fatal', (text) => {
    expect(parsePolicy('session', text, 20_480)).toHaveProperty('problems')
  })

  it('is refused above its limit before it is parsed', () => {
    expect(parsePolicy('session', JSON.stringify(policy(allow('*', '*'))) + ' '.repeat(3000), 2048)).toEqual({
      problems: ['policy: longer than 2048 bytes'],
    })
  })
})

describe('a date in a policy', () => {
  it.for([
    ['2026-11-01T00:00:00Z', '2026-11-01T00:00:00.000Z'],
    ['2026-11-01T00:00:00', '2026-11-01T00:00:00.000Z'],
    ['2026-11-01', '2026-11-01T00:00:00.000Z'],
    ['2026-11-01T02:00:00+02:00', '2026-11-01T00:00:00.000Z'],
    ['1793491200', '2026-11-01T00:00:00.000Z'],
    ['soon', null],
    ['2026-13-01', null],
    ['99999999999999999', null],
    ['', null],
  ] as const)('%s means %s', ([text, iso]) => {
    expect(toIsoDate(text)).toBe(iso)
  })
})
