import { expect, test } from 'vitest'
import { differencesOf } from '../../../checks/configuration/document-difference.ts'

const statement = (sid: string, overrides: object = {}) => ({
  Sid: sid,
  Effect: 'Deny',
  Principal: '*',
  Action: ['s3:DeleteObject', 's3:PutObject'],
  ...overrides,
})
const policy = (...statements: object[]) => ({ Version: '2012-10-17', Statement: statements })

test.each<[string, unknown, unknown]>([
  [
    'the order of keys and of actions',
    policy(statement('A')),
    {
      Statement: [{ Action: ['s3:PutObject', 's3:DeleteObject'], Principal: '*', Effect: 'Deny', Sid: 'A' }],
      Version: '2012-10-17',
    },
  ],
  [
    'one text in place of a list of one',
    policy({ Action: ['a'], Resource: ['b'] }),
    {
      Version: '2012-10-17',
      Statement: { Action: 'a', Resource: 'b' },
    },
  ],
  [
    "an account's id in place of its root user",
    policy({ Principal: { AWS: 'arn:aws:iam::111111111111:root' } }),
    policy({ Principal: { AWS: ['111111111111'] } }),
  ],
])('is none for %s', (_, expected, live) => {
  expect(differencesOf(expected, live)).toEqual([])
  expect(differencesOf(live, expected)).toEqual([])
})

test.each<[string, unknown, unknown, string[]]>([
  [
    'a value',
    { mode: 'COMPLIANCE', days: 40 },
    { mode: 'GOVERNANCE', days: 40 },
    ['mode is GOVERNANCE, not COMPLIANCE'],
  ],
  ['a setting that is gone', 'Enabled', null, ['it is null, not Enabled']],
  [
    'a statement that is gone, and one that was added before the others',
    policy(statement('A'), statement('B')),
    policy({ Sid: 'Open', Effect: 'Allow' }, statement('A')),
    [
      'Statement.B is missing: {"Action":["s3:DeleteObject","s3:PutObject"],"Effect":"Deny","Principal":"*","Sid":"B"}',
      'Statement.Open was added: {"Effect":"Allow","Sid":"Open"}',
    ],
  ],
  [
    'an action',
    policy(statement('A'), statement('B')),
    policy(
      statement('A', { Action: 's3:PutObject' }),
      statement('B', { Action: ['s3:DeleteObject', 's3:PutObject', 's3:Get*'] }),
    ),
    ['Statement.A.Action lacks s3:DeleteObject', 'Statement.B.Action has s3:Get* besides'],
  ],
  [
    'a condition',
    policy(statement('A', { Condition: { Bool: { 'aws:SecureTransport': 'false' } } }), statement('B')),
    policy(statement('A'), statement('B', { Condition: { Bool: { 'aws:SecureTransport': 'true' } } })),
    [
      'Statement.A.Condition is missing: {"Bool":{"aws:SecureTransport":"false"}}',
      'Statement.B.Condition was added: {"Bool":{"aws:SecureTransport":"true"}}',
    ],
  ],
  [
    'statements with the same id',
    policy(statement('A')),
    policy(statement('A'), { Sid: 'A', Effect: 'Allow' }),
    ['Statement.A#1 was added: {"Effect":"Allow","Sid":"A"}'],
  ],
])('of %s', (_, expected, live, differences) => {
  expect(differencesOf(expected, live)).toEqual(differences)
})

test('ends at a document as deep as an attacker likes', () => {
  let deep: unknown = 'end'
  for (let depth = 0; depth < 5000; depth++) deep = { deep }
  expect(differencesOf({}, deep)).toHaveLength(1)
})
