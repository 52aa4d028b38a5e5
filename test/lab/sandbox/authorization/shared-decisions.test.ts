import { describe, expect, it } from 'vitest'
import { BoundedCache } from '../../../../lab/sandbox/authorization/bounded-cache.ts'
import { createAuthorizer } from '../../../../lab/sandbox/authorization/authorizer.ts'
import { evaluate } from '../../../../lab/sandbox/authorization/evaluate.ts'
import { account, accountIds, allow, cloud, deny, named, policy, role, sessionOf } from './declaration.ts'

const { production } = accountIds
const guard = named(
  policy(
    deny(['ec2:Delete*'], '*', {
      Sid: 'Tagged',
      Condition: { StringEquals: { 'aws:ResourceTag/env': 'live' } },
    }),
    deny(['s3:Get*'], 'arn:aws:s3:::closed/*', { Sid: 'Closed' }),
    { Sid: 'OnlyThese', Effect: 'Deny', NotAction: ['ec2:*', 's3:*'], Resource: '*' },
  ),
  'guard',
)
const worker = role(production, 'worker', { policies: [named(policy(allow('*')), 'all')] })
const authorizer = await createAuthorizer(
  cloud({ organizationId: 'o-1', accounts: [account(production, { scps: [[guard]] })], roles: [worker] }),
  { nowMs: () => 0 },
)
const volume = `arn:aws:ec2:us-east-1:${production}:volume/v`
const key = `arn:aws:kms:us-east-1:${production}:key/k`

async function decide(action: string, resource: string, context: Record<string, string | string[]> = {}) {
  const decision = await evaluate(authorizer, { principal: sessionOf(worker), action, resource, context })
  return decision.allowed ? 'allowed' : (decision.statement?.sid ?? 'nothing')
}

describe('a decision is shared only by requests that differ in nothing that a policy tests', () => {
  const tagged = { 'aws:ResourceTag/env': 'live' }
  const snapshot = 'arn:aws:ec2:us-east-1::snapshot/s'
  it.each([
    { action: 'ec2:DeleteVolume', resource: volume, context: tagged, expected: 'Tagged' },
    { action: 'ec2:DeleteVolume', resource: volume, context: {}, expected: 'allowed' },
    { action: 'ec2:DeleteSnapshot', resource: snapshot, context: tagged, expected: 'Tagged' },
    { action: 's3:GetObject', resource: 'arn:aws:s3:::closed/x', context: {}, expected: 'Closed' },
    { action: 's3:GetObject', resource: 'arn:aws:s3:::open/x', context: {}, expected: 'allowed' },
    { action: 'kms:DisableKey', resource: key, context: {}, expected: 'OnlyThese' },
    { action: 'ec2:AttachVolume', resource: volume, context: {}, expected: 'allowed' },
  ])('$action on $resource with $context: $expected', async ({ action, resource, context, expected }) => {
    // Twice, and between them a request that differs, because the second one may be shared.
    expect(await decide(action, resource, context)).toBe(expected)
    await decide('ec2:DeleteVolume', volume, { 'aws:ResourceTag/env': 'other' })
    expect(await decide(action, resource, context)).toBe(expected)
  })

  it('a list for a key with one value is an error, also after the same value was decided', async () => {
    await decide('ec2:DeleteVolume', volume, { 'aws:ResourceTag/env': 'x' })
    await expect(decide('ec2:DeleteVolume', volume, { 'aws:ResourceTag/env': ['x'] })).rejects.toMatchObject({
      code: 'internal',
    })
  })
})

describe('a bounded cache', () => {
  it('keeps entries that are looked up, and drops others', () => {
    const cache = new BoundedCache<number>(2)
    cache.set('a', 1)
    for (let index = 0; index < 10; index++) {
      cache.set(`x${index}`, index)
      expect(cache.get('a')).toBe(1)
    }
    expect(cache.get('x0')).toBeUndefined()
  })
})
