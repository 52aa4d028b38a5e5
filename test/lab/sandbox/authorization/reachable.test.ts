import { describe, expect, it } from 'vitest'
import { createAuthorizer } from '../../../../lab/sandbox/authorization/authorizer.ts'
import { principalsReachable } from '../../../../lab/sandbox/authorization/reachable.ts'
import type { DeclaredRole } from '../../../../lab/sandbox/declaration.ts'
import {
  accountIds,
  allow,
  cloud,
  deny,
  named,
  policy,
  role,
  rootOf,
  sessionOf,
  trust,
} from './declaration.ts'

const { vault, production } = accountIds
const arnOf = (accountId: string, name: string) => `arn:aws:iam::${accountId}:role/${name}`
const assumeAny = [named(policy(allow(['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'])))]
const trusting = (accountId: string, name: string, by: string, changes: Record<string, unknown> = {}) =>
  role(accountId, name, {
    policies: assumeAny,
    trust: trust({ AWS: by }, { Action: 'sts:AssumeRole', ...changes }),
  })

async function reach(roles: DeclaredRole[], from: DeclaredRole, depth = 3, options = {}) {
  const authorizer = await createAuthorizer(cloud({ roles }), { nowMs: () => 0 })
  return (await principalsReachable(authorizer, sessionOf(from), depth, options)).map(({ path }) =>
    path.map((arn) => arn.split('/').at(-1)).join(' > '),
  )
}

describe('the roles that a principal can reach', () => {
  const start = role(production, 'start', {
    policies: assumeAny,
    trust: trust({ Service: 'ec2.amazonaws.com' }),
  })
  const firstRole = trusting(production, 'one', start.arn)
  const two = trusting(vault, 'two', firstRole.arn)
  const three = trusting(vault, 'three', two.arn)
  const four = trusting(vault, 'four', three.arn)

  it('are found up to the given number of role-chaining steps, with the path', async () => {
    expect(await reach([start, firstRole, two, three, four], start)).toEqual([
      'one',
      'one > two',
      'one > two > three',
    ])
    expect(await reach([start, firstRole, two, three, four], start, 1)).toEqual(['one'])
  })

  it('are found once each, even if they trust one another in a circle', async () => {
    const a = trusting(vault, 'a', arnOf(vault, 'b'))
    const b = role(vault, 'b', {
      policies: assumeAny,
      trust: policy({ Effect: 'Allow', Principal: { AWS: [start.arn, a.arn] }, Action: 'sts:AssumeRole' }),
    })
    expect(await reach([start, a, b], start, 9)).toEqual(['b', 'b > a'])
  })

  it('need the identity policy to allow', async () => {
    const poor = role(production, 'poor', {
      policies: [named(policy(allow('sts:*'), deny('sts:AssumeRole', arnOf(vault, '*'))))],
    })
    expect(await reach([poor, trusting(vault, 'target', poor.arn)], poor)).toEqual([])
  })

  it('include roles that require an external id, a session name or a source identity, because an attacker learns these', async () => {
    const target = trusting(vault, 'target', production, {
      Action: ['sts:AssumeRole', 'sts:SetSourceIdentity'],
      Condition: {
        StringEquals: { 'sts:ExternalId': 'secret' },
        StringLike: { 'sts:RoleSessionName': 'backup-*', 'sts:SourceIdentity': 'ann' },
      },
    })
    expect(await reach([start, target], start)).toEqual(['target'])
  })

  it('include roles that accept any value of a required key', async () => {
    const target = trusting(vault, 'target', production, {
      Action: ['sts:AssumeRole', 'sts:SetSourceIdentity'],
      Condition: { Null: { 'sts:SourceIdentity': 'false' } },
    })
    expect(await reach([start, target], start)).toEqual(['target'])
  })

  it('leave out roles that require tags which no caller may set', async () => {
    const target = trusting(vault, 'target', production, {
      Condition: { StringEquals: { 'aws:RequestTag/source': 'a' } },
    })
    expect(await reach([start, target], start)).toEqual([])
    const open = trusting(vault, 'open', production, {
      Action: ['sts:AssumeRole', 'sts:TagSession'],
      Condition: { StringEquals: { 'aws:RequestTag/source': 'a' } },
    })
    expect(await reach([start, open], start)).toEqual(['open'])
  })

  it('leave out roles that require a second factor, unless the principal has one', async () => {
    const human = trusting(vault, 'human', production, {
      Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'true' } },
    })
    expect(await reach([start, human], start)).toEqual([])
    expect(await reach([start, human], start, 3, { secondFactor: true })).toEqual(['human'])
  })

  it('are none for root and for an anonymous caller', async () => {
    const authorizer = await createAuthorizer(cloud({ roles: [firstRole, trusting(vault, 'all', '*')] }), {
      nowMs: () => 0,
    })
    expect(await principalsReachable(authorizer, rootOf(production), 3)).toEqual([])
    expect(
      await principalsReachable(authorizer, { kind: 'anonymous', accountId: null, arn: '*' }, 3),
    ).toEqual([])
  })
})
