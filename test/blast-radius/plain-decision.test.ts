import { describe, expect, test } from 'vitest'
import { plainDecision, plainDenial, statementsKey } from '../../blast-radius/plain-decision.ts'
import type { PolicyDocument, PolicySet } from '../../blast-radius/policy-set.ts'

const action = 'ec2:DeleteVolume'
const document = (...Statement: object[]): PolicyDocument => ({ Version: '2012-10-17', Statement })
const allow = { Effect: 'Allow', Action: 'ec2:*', Resource: '*' }
const deny = { Effect: 'Deny', Sid: 'No', Action: 'ec2:Delete*', Resource: '*' }
const condition = { Condition: { Bool: { 'aws:SecureTransport': 'true' } } }
const volume = { Resource: 'arn:aws:ec2:*:*:volume/v' }
const named = (name: string, ...statements: object[]) => ({ name, document: document(...statements) })

function set(identity: readonly object[], limits: Partial<PolicySet> = {}): PolicySet {
  return {
    principalArn: null,
    tags: {},
    identity: [named('identity', ...identity)],
    boundary: null,
    session: null,
    scps: [],
    ...limits,
  }
}

describe('documents alone show that an action is', () => {
  test.each<[string, PolicySet]>([
    ['all allow it', set([allow], { boundary: named('boundary', allow), session: named('session', allow) })],
    [
      'a control policy only denies other actions',
      set([allow], { scps: [named('scp', { ...deny, Action: 's3:*' })] }),
    ],
    ['a control policy lists it', set([allow], { scps: [named('scp', allow)] })],
  ])('allowed: %s', (_case, policies) => {
    expect(plainDecision(policies, action)).toEqual({
      action,
      allowed: true,
      resources: ['*'],
      conditions: [],
      deniedBy: null,
    })
    expect(plainDenial(policies, action)).toBeNull()
  })

  test.each<[string, string | null, PolicySet]>([
    ['no policy mentions it', null, set([{ ...allow, Action: 's3:*' }])],
    [
      'the boundary leaves it out',
      null,
      set([allow], { boundary: named('b', { ...allow, Action: 's3:*' }) }),
    ],
    [
      'the session policy leaves it out',
      null,
      set([allow], { session: named('s', { ...allow, Action: 's3:*' }) }),
    ],
    [
      "a control policy's list leaves it out",
      null,
      set([allow], { scps: [named('s', { ...allow, Action: 's3:*' })] }),
    ],
    ['a statement denies it', 'identity No', set([allow, deny])],
    ['a control policy denies it', 'scp No', set([allow], { scps: [named('scp', deny)] })],
    ['the boundary denies it', 'b No', set([allow], { boundary: named('b', allow, deny) })],
  ])('denied: %s', (_case, deniedBy, policies) => {
    for (const decision of [plainDecision(policies, action), plainDenial(policies, action)])
      expect(decision).toEqual({ action, allowed: false, resources: [], conditions: [], deniedBy })
  })

  test.each<[string, PolicySet]>([
    ['an allow has a condition', set([{ ...allow, ...condition }])],
    ['an allow names a resource', set([{ ...allow, ...volume }])],
    ['an allow leaves resources out', set([{ Effect: 'Allow', Action: '*', NotResource: 'arn:aws:s3:::b' }])],
    ['a deny has a condition', set([allow, { ...deny, ...condition }])],
    ['a deny names a resource', set([allow, { ...deny, ...volume }])],
    ['a boundary allows one resource', set([allow], { boundary: named('b', { ...allow, ...volume }) })],
    ['a session policy has a condition', set([allow], { session: named('s', { ...allow, ...condition }) })],
    ['a control policy lists one resource', set([allow], { scps: [named('s', { ...allow, ...volume })] })],
    [
      'a control policy denies on a condition',
      set([allow], { scps: [named('s', { ...deny, ...condition })] }),
    ],
  ])('neither, so that it needs an evaluation: %s', (_case, policies) => {
    expect(plainDecision(policies, action)).toBeNull()
    expect(plainDenial(policies, action)).toBeNull()
  })
})

test('two actions share a key if the same statements of each document concern them', () => {
  const policies = set([allow, { ...deny, ...condition }], {
    boundary: named('b', { ...allow, Action: 'ec2:D*' }),
  })
  expect(statementsKey(policies, 'ec2:DeleteVolume')).toBe(statementsKey(policies, 'ec2:DeleteSnapshot'))
  const keys = ['ec2:DeleteVolume', 'ec2:DetachVolume', 'ec2:CreateVolume', 's3:DeleteObject'].map((name) =>
    statementsKey(policies, name),
  )
  expect(new Set(keys).size).toBe(4)
})
