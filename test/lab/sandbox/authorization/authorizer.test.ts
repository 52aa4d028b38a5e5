import { describe, expect, it } from 'vitest'
import type { AccessRequest } from '../../../../lab/sandbox/authorization/access.ts'
import { createAuthorizer } from '../../../../lab/sandbox/authorization/authorizer.ts'
import { denialMessage } from '../../../../lab/sandbox/authorization/decision.ts'
import type { CloudDeclaration } from '../../../../lab/sandbox/declaration.ts'
import {
  account,
  accountIds,
  allow,
  anonymous,
  bucket,
  cloud,
  deny,
  named,
  policy,
  role,
  rootOf,
  sessionOf,
} from './declaration.ts'

const { vault, production, outsider } = accountIds
const nowMs = Date.parse('2026-11-01T00:10:00Z')
const writer = role(vault, 'writer', {
  policies: [named(policy(allow('s3:PutObject', 'arn:aws:s3:::vault/sources/a/*', { Sid: 'Put' })), 'put')],
})

function authorizerOf(changes: Partial<CloudDeclaration> = {}) {
  return createAuthorizer(cloud({ roles: [writer], ...changes }), { nowMs: () => nowMs })
}

function put(resource: string, changes: Partial<AccessRequest> = {}): AccessRequest {
  return {
    principal: sessionOf(writer),
    action: 's3:PutObject',
    resource,
    resourceAccountId: vault,
    resourcePolicy: null,
    context: {},
    ...changes,
  }
}

describe('object keys that look like patterns', () => {
  it.for(['*', 'sources/*', 's*', 'sources/?/x', 'sources/b/*', '\n', 'sources/b/\n'])(
    'a writer may not put to the key %j outside its prefix',
    async (key) => {
      expect((await (await authorizerOf()).authorize(put(`arn:aws:s3:::vault/${key}`))).allowed).toBe(false)
    },
  )

  it.for([
    '*',
    'a\nb',
    'a\r\nb',
    '\u2028',
    'a:b',
    '${aws:userid}',
    '(',
    '[',
    '\\',
    '//',
    '\ud83d\ude00',
    '$',
    '^',
    '{2}',
  ])('a writer may put to the key %j below its prefix', async (key) => {
    expect((await (await authorizerOf()).authorize(put(`arn:aws:s3:::vault/sources/a/${key}`))).allowed).toBe(
      true,
    )
  })

  it.for(['x\n', '\n', 'x\r', 'a\u2028b', '*', 'x*', '\n*'])(
    'a deny on every object holds for the key %j',
    async (key) => {
      const resourcePolicy = policy(
        deny('s3:PutObject', 'arn:aws:s3:::vault/*', { Sid: 'Nobody', Principal: '*' }),
      )
      const decision = await (
        await authorizerOf()
      ).authorize(put(`arn:aws:s3:::vault/sources/a/${key}`, { resourcePolicy }))
      expect(decision).toMatchObject({ allowed: false, statement: { sid: 'Nobody' } })
    },
  )

  it('a star written as ${*} in a policy means the star alone', async () => {
    const star = role(vault, 'star', {
      policies: [named(policy(allow('s3:PutObject', 'arn:aws:s3:::vault/a${*}b')))],
    })
    const authorizer = await authorizerOf({ roles: [star] })
    const ask = (key: string) =>
      authorizer.authorize(put(`arn:aws:s3:::vault/${key}`, { principal: sessionOf(star) }))
    expect((await ask('a*b')).allowed).toBe(true)
    expect((await ask('axb')).allowed).toBe(false)
  })

  it('a line break in a value does not hide the value from a deny', async () => {
    const resourcePolicy = policy(
      deny('s3:ListBucket', 'arn:aws:s3:::vault', {
        Principal: '*',
        Condition: { StringLike: { 's3:prefix': 'secret*' } },
      }),
    )
    const request = put('arn:aws:s3:::vault', {
      principal: rootOf(vault),
      action: 's3:ListBucket',
      resourcePolicy,
      context: { 's3:prefix': 'secret\nx' },
    })
    expect((await (await authorizerOf()).authorize(request)).allowed).toBe(false)
  })

  it('a pattern made to backtrack is matched', async () => {
    const resourcePolicy = policy(
      allow('s3:PutObject', `arn:aws:s3:::vault/${'*a'.repeat(40)}*b`, { Principal: '*' }),
    )
    // Backtracking would take longer than the age of the universe.
    expect(
      (
        await (
          await authorizerOf()
        ).authorize(put(`arn:aws:s3:::vault/${'a'.repeat(1000)}`, { resourcePolicy }))
      ).allowed,
    ).toBe(false)
  })

  it('an action pattern made to backtrack is matched', async () => {
    const resourcePolicy = policy(allow(`s3:${'*?'.repeat(30)}x`, 'arn:aws:s3:::vault/*', { Principal: '*' }))
    expect(
      (await (await authorizerOf()).authorize(put('arn:aws:s3:::vault/x', { resourcePolicy }))).allowed,
    ).toBe(false)
  })
})

describe('an undecidable request is an error, and never allowed', () => {
  it('a context key that AWS does not have for the action', async () => {
    await expect(
      (await authorizerOf()).authorize(
        put('arn:aws:s3:::vault/sources/a/x', { context: { 's3:prefix': 'x' } }),
      ),
    ).rejects.toThrow(/has no context key s3:prefix/)
  })

  it('a list for a key that takes one value', async () => {
    await expect(
      (await authorizerOf()).authorize(
        put('arn:aws:s3:::vault/sources/a/x', { context: { 's3:if-none-match': ['*', 'x'] } }),
      ),
    ).rejects.toThrow(/takes one value/)
  })

  it('an action that AWS does not have', async () => {
    await expect(
      (await authorizerOf()).authorize(put('arn:aws:s3:::vault/x', { action: 's3:PutEverything' })),
    ).rejects.toThrow(/AWS has no action/)
    await expect(
      (await authorizerOf()).authorize(put('arn:aws:s3:::vault/x', { action: 'nope' })),
    ).rejects.toThrow(/AWS has no action/)
  })

  it('a resource that the action does not apply to', async () => {
    await expect((await authorizerOf()).authorize(put('arn:aws:ec2:us-east-1:1:volume/x'))).rejects.toThrow(
      /has no resource such as/,
    )
    await expect((await authorizerOf()).authorize(put('*'))).rejects.toThrow(/needs the ARN/)
  })

  it.for([
    ['a key that nobody has heard of', { StringEquals: { 's3:if-none-mach': '*' } }],
    [
      'a key whose value a declaration does not tell',
      { 'ForAnyValue:StringLike': { 'aws:PrincipalOrgPaths': 'o-1/*' } },
    ],
    ['a variable of such a key', { StringEquals: { 'aws:PrincipalTag/x': '${aws:nonsense}' } }],
  ] as const)('a statement in play that asks for %s', async ([, Condition]) => {
    const resourcePolicy = policy(
      deny('s3:PutObject', 'arn:aws:s3:::vault/*', { Sid: 'Typo', Principal: '*', Condition }),
    )
    await expect(
      (await authorizerOf()).authorize(put('arn:aws:s3:::vault/sources/a/x', { resourcePolicy })),
    ).rejects.toThrow(/statement Typo .* asks for/)
  })

  it('but not if the statement is about another resource', async () => {
    const resourcePolicy = policy(
      deny('s3:PutObject', 'arn:aws:s3:::other/*', {
        Principal: '*',
        Condition: { StringEquals: { 's3:nope': 'x' } },
      }),
      deny('s3:GetObject', 'arn:aws:s3:::vault/*', {
        Principal: '*',
        Condition: { StringEquals: { 's3:nope': 'x' } },
      }),
    )
    expect(
      (await (await authorizerOf()).authorize(put('arn:aws:s3:::vault/sources/a/x', { resourcePolicy })))
        .allowed,
    ).toBe(true)
  })

  it('a malformed policy of the resource', async () => {
    await expect(
      (await authorizerOf()).authorize(
        put('arn:aws:s3:::vault/sources/a/x', { resourcePolicy: { Statement: 'no' } }),
      ),
    ).rejects.toThrow(/policy of arn:aws:s3:::vault is malformed/)
  })
})

describe('a declaration', () => {
  it.for([
    [
      'an identity policy',
      'named-badly',
      {
        roles: [
          role(vault, 'r', {
            policies: [
              named({ Statement: [{ Effect: 'Perhaps', Action: '*', Resource: '*' }] }, 'named-badly'),
            ],
          }),
        ],
      },
    ],
    [
      'a boundary',
      'edge',
      {
        roles: [
          role(vault, 'r', { boundary: named(policy(allow('s3:Get*', '*', { Principal: '*' })), 'edge') }),
        ],
      },
    ],
    [
      'a trust policy',
      'trust policy of arn:aws:iam::111111111111:role/r',
      { roles: [role(vault, 'r', { trust: policy(allow('sts:AssumeRole', '*', { Principal: '*' })) })] },
    ],
    [
      'a bucket policy',
      'policy of arn:aws:s3:::b',
      { buckets: [bucket(vault, 'b', { policy: policy(deny('s3:*', '*')) })] },
    ],
    [
      'an SCP',
      'guard',
      {
        accounts: [
          account(vault, {
            scps: [
              [named(policy(deny('s3:*', '*', { Condition: { StringEqual: { 'aws:x': 'y' } } })), 'guard')],
            ],
          }),
        ],
      },
    ],
    [
      'an RCP',
      'perimeter',
      {
        accounts: [
          account(vault, { rcps: [[named(policy(allow('s3:*', '*', { Principal: '*' })), 'perimeter')]] }),
        ],
      },
    ],
  ] as const)('with %s that AWS would refuse is refused by name', async ([, name, changes]) => {
    await expect(authorizerOf(changes as unknown as Partial<CloudDeclaration>)).rejects.toMatchObject({
      code: 'invalid-input',
      context: { policy: name },
    })
  })

  it('is searched for actions and keys that AWS does not have', async () => {
    const guard = named(
      policy(
        deny(['s3:DeleteObjectVersoin', 's3:Delete*'], '*', {
          Sid: 'Typo',
          Condition: { Null: { 's3:if-none-mach': 'true' } },
        }),
      ),
      'guard',
    )
    const { findings } = await authorizerOf({ accounts: [account(vault, { scps: [[guard]] })], roles: [] })
    expect(findings).toEqual([
      { policy: 'guard', sid: 'Typo', name: 's3:DeleteObjectVersoin', kind: 'unknown-action' },
      { policy: 'guard', sid: 'Typo', name: 's3:if-none-mach', kind: 'unknown-key' },
    ])
  })
})

describe('principals', () => {
  const open = policy(allow('s3:GetObject', 'arn:aws:s3:::vault/*', { Principal: '*' }))
  const inOrganization = policy(
    allow('s3:GetObject', 'arn:aws:s3:::vault/*', {
      Principal: '*',
      Condition: { StringEquals: { 'aws:PrincipalOrgID': 'o-1' } },
    }),
  )
  const accounts = [account(vault, { scps: [[]] }), account(production, { scps: [[]] }), account(outsider)]

  it('of an account without declared resources count as its administrators', async () => {
    const authorizer = await authorizerOf()
    const principal = sessionOf(role(outsider, 'attacker'))
    const read = put('arn:aws:s3:::vault/x', { principal, action: 's3:GetObject' })
    expect((await authorizer.authorize({ ...read, resourcePolicy: open })).allowed).toBe(true)
    expect((await authorizer.authorize(read)).allowed).toBe(false)
  })

  it('of an undeclared role in a declared account have no rights', async () => {
    const principal = sessionOf(role(vault, 'gone'))
    expect(
      (await (await authorizerOf()).authorize(put('arn:aws:s3:::vault/sources/a/x', { principal }))).allowed,
    ).toBe(false)
  })

  it('belong to the organization only if their account is a member', async () => {
    const authorizer = await authorizerOf({ accounts, organizationId: 'o-1' })
    const read = (accountId: string) =>
      put('arn:aws:s3:::vault/x', {
        principal: rootOf(accountId),
        action: 's3:GetObject',
        resourcePolicy: inOrganization,
      })
    expect((await authorizer.authorize(read(production))).allowed).toBe(true)
    expect((await authorizer.authorize(read(outsider))).allowed).toBe(false)
    expect((await authorizer.authorize({ ...read(production), principal: anonymous })).allowed).toBe(false)
  })

  it("come from the sandbox alone, regardless of a service's context keys", async () => {
    const authorizer = await authorizerOf({ accounts, organizationId: 'o-1' })
    const context = {
      'aws:PrincipalAccount': production,
      'aws:ResourceOrgID': 'o-9',
      'AWS:resourceaccount': outsider,
    }
    const resourcePolicy = policy(
      allow('s3:GetObject', 'arn:aws:s3:::vault/*', {
        Principal: '*',
        Condition: {
          StringEquals: {
            'aws:PrincipalAccount': production,
            'aws:ResourceOrgID': 'o-1',
            'aws:ResourceAccount': vault,
          },
        },
      }),
    )
    const read = { action: 's3:GetObject', resourcePolicy, context }
    expect(
      (await authorizer.authorize(put('arn:aws:s3:::vault/x', { ...read, principal: rootOf(production) })))
        .allowed,
    ).toBe(true)
    expect(
      (await authorizer.authorize(put('arn:aws:s3:::vault/x', { ...read, principal: rootOf(outsider) })))
        .allowed,
    ).toBe(false)
  })
})

describe('the message of a denial', () => {
  it('names the kind of policy, never the policy', async () => {
    const authorizer = await authorizerOf()
    const plain = put('arn:aws:s3:::vault/x')
    expect(denialMessage(plain, await authorizer.authorize(plain))).toBe(
      'User: arn:aws:sts::111111111111:assumed-role/writer/session is not authorized to perform: s3:PutObject on resource: arn:aws:s3:::vault/x because no identity-based policy allows the s3:PutObject action',
    )
    const denied = put('arn:aws:s3:::vault/sources/a/x', {
      resourcePolicy: policy(deny('s3:*', 'arn:aws:s3:::vault/*', { Sid: 'Secret', Principal: '*' })),
    })
    const message = denialMessage(denied, await authorizer.authorize(denied))
    expect(message).toContain('with an explicit deny in a resource-based policy')
    expect(message).not.toContain('Secret')
  })
})
