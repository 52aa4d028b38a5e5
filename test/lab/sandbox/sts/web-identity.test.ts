import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  AssumeRoleCommand,
  AssumeRoleWithWebIdentityCommand,
  GetCallerIdentityCommand,
} from '@aws-sdk/client-sts'
import { fromWebToken } from '@aws-sdk/credential-providers'
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import type { CryptoKey, JWTPayload } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TurnableClock } from '../../../../lab/sandbox/clock.ts'
import { startIssuer } from '../../../../lab/sandbox/oidc/issuer.ts'
import type { LocalIssuer } from '../../../../lab/sandbox/oidc/issuer.ts'
import { accountIds, allow, cloud, named, policy, role, trust } from '../authorization/declaration.ts'
import { codeOf, startStsCloud } from './cloud.ts'
import type { StsCloud } from './cloud.ts'

const { vault, production } = accountIds
const url = 'oidc.platform.example/tenant'
const provider = {
  accountId: vault,
  arn: `arn:aws:iam::${vault}:oidc-provider/${url}`,
  url,
  clientIds: ['holdfast'],
}
const odd = {
  accountId: vault,
  arn: `arn:aws:iam::${vault}:oidc-provider/odd.example`,
  url: 'odd.example',
  clientIds: ['holdfast'],
}
const silent = {
  accountId: vault,
  arn: `arn:aws:iam::${vault}:oidc-provider/silent.example`,
  url: 'silent.example',
  clientIds: ['holdfast'],
}
const federated = (action: string | string[], input: Record<string, unknown> = {}) =>
  trust(
    { Federated: provider.arn },
    {
      Action: action,
      Condition: { StringEquals: { [`${url}:aud`]: 'holdfast', [`${url}:sub`]: 'backup' } },
      ...input,
    },
  )
const everySts = [named(policy(allow(['sts:AssumeRole', 'sts:TagSession'])))]

const writer = role(vault, 'writer', {
  trust: federated('sts:AssumeRoleWithWebIdentity'),
  policies: everySts,
  maxSessionSeconds: 7200,
})
const tagged = role(vault, 'tagged', {
  trust: federated(['sts:AssumeRoleWithWebIdentity', 'sts:TagSession', 'sts:SetSourceIdentity']),
})
const anyone = role(vault, 'anyone', {
  trust: policy({
    Effect: 'Allow',
    Principal: { Federated: [odd.arn, silent.arn] },
    Action: 'sts:AssumeRoleWithWebIdentity',
  }),
})
const next = role(vault, 'next', { trust: trust({ AWS: writer.arn }) })

const clock = new TurnableClock()
let issuer: LocalIssuer
let running: StsCloud
let oddServer: Server
let oddAnswer: { status: number; body: string } = { status: 200, body: '' }

beforeAll(async () => {
  issuer = await startIssuer({ issuer: `https://${url}`, nowMs: () => running.clock.nowMs() })
  oddServer = createServer((_request, response) =>
    response.writeHead(oddAnswer.status, { location: 'http://127.0.0.1:1/' }).end(oddAnswer.body),
  )
  await new Promise<void>((resolve) => oddServer.listen(0, '127.0.0.1', resolve))
  const issuers: Record<string, string> = {
    [url]: issuer.baseUrl,
    'odd.example': `http://127.0.0.1:${(oddServer.address() as AddressInfo).port}`,
    'silent.example': 'http://127.0.0.1:1',
  }
  const declaration = cloud({
    roles: [
      writer,
      tagged,
      anyone,
      next,
      role(production, 'elsewhere', { trust: federated('sts:AssumeRoleWithWebIdentity') }),
    ],
    oidcProviders: [provider, odd, silent],
  })
  running = await startStsCloud(declaration, { findIssuer: (name) => issuers[name] ?? null })
})
afterAll(async () => {
  expect(running.sandbox.defects).toEqual([])
  await running.stop()
  await issuer.stop()
  await new Promise((resolve) => oddServer.close(resolve))
})

const good = { sub: 'backup', aud: 'holdfast' }

function assume(token: string, RoleArn = writer.arn, input: Record<string, unknown> = {}) {
  return running.client(null).send(
    new AssumeRoleWithWebIdentityCommand({
      RoleArn,
      RoleSessionName: 'workload',
      WebIdentityToken: token,
      ...input,
    }),
  )
}

function clientFrom(reply: Awaited<ReturnType<typeof assume>>) {
  const credentials = reply.Credentials
  return running.client({
    accessKeyId: credentials?.AccessKeyId ?? '',
    secretAccessKey: credentials?.SecretAccessKey ?? '',
    sessionToken: credentials?.SessionToken ?? '',
    expiresMs: null,
  })
}

const codeFor = async (claims: JWTPayload, options = {}, roleArn = writer.arn) =>
  codeOf(assume(await issuer.mint(claims, options), roleArn))

describe('AssumeRoleWithWebIdentity', () => {
  it('gives a session to an identity that the issuer confirms, on an unsigned request', async () => {
    const reply = await assume(await issuer.mint(good))
    expect(reply).toMatchObject({
      SubjectFromWebIdentityToken: 'backup',
      Audience: 'holdfast',
      Provider: provider.arn,
    })
    expect((await clientFrom(reply).send(new GetCallerIdentityCommand({}))).Arn).toBe(
      `arn:aws:sts::${vault}:assumed-role/writer/workload`,
    )
  })

  it("serves the SDK's provider", async () => {
    const credentials = await fromWebToken({
      roleArn: writer.arn,
      roleSessionName: 'sdk',
      webIdentityToken: await issuer.mint(good),
      durationSeconds: 900,
      clientConfig: { endpoint: running.sandbox.endpoint, region: 'us-east-1' },
    })()
    expect(credentials.accessKeyId).toMatch(/^ASIA/)
  })

  it.for([
    ['another subject', { ...good, sub: 'other' }, 'AccessDenied'],
    ['an audience that the provider does not know', { ...good, aud: 'other' }, 'InvalidIdentityToken'],
    ['two audiences', { ...good, aud: ['holdfast', 'other'] }, 'InvalidIdentityToken'],
    [
      'two audiences, of which one is the authorized party',
      { ...good, aud: ['holdfast', 'other'], azp: 'holdfast' },
      'none',
    ],
    [
      'an authorized party that the provider does not know',
      { ...good, azp: 'other' },
      'InvalidIdentityToken',
    ],
    ['no audience', { sub: 'backup' }, 'InvalidIdentityToken'],
    ['no subject', { aud: 'holdfast' }, 'InvalidIdentityToken'],
    ['an issuer without a provider', { ...good, iss: 'https://nobody.example' }, 'InvalidIdentityToken'],
    ['an issuer that another name stands for', { ...good, iss: `https://${url}/` }, 'InvalidIdentityToken'],
    ['no issuer', { ...good, iss: undefined }, 'InvalidIdentityToken'],
    ['no expiry', { ...good, exp: undefined }, 'InvalidIdentityToken'],
    ['no date', { ...good, iat: undefined }, 'InvalidIdentityToken'],
    ['a date to come', { ...good, iat: 4_000_000_000, exp: 4_000_000_300 }, 'InvalidIdentityToken'],
    [
      'tags that the trust policy does not take',
      { ...good, 'https://aws.amazon.com/tags': { principal_tags: { source: ['a'] } } },
      'AccessDenied',
    ],
    [
      'a source identity that it does not take',
      { ...good, 'https://aws.amazon.com/source_identity': 'ann' },
      'AccessDenied',
    ],
    [
      'tags that are none',
      { ...good, 'https://aws.amazon.com/tags': { principal_tags: { source: 'a' } } },
      'IDPRejectedClaim',
    ],
    [
      'a source identity that is none',
      { ...good, 'https://aws.amazon.com/source_identity': 7 },
      'IDPRejectedClaim',
    ],
  ] as [string, JWTPayload, string][])('a token with %s', async ([, claims, code]) => {
    expect((await codeFor(claims)).replace(/Exception$/, '')).toBe(code)
  })

  it('an expired token, and one that is not valid yet', async () => {
    expect(await codeFor(good, { lifetimeSeconds: -1 })).toBe('ExpiredTokenException')
    expect(await codeFor(good, { startsInSeconds: 60 })).toMatch(/^InvalidIdentityToken/)
  })

  it("follows the sandbox's clock", async () => {
    const token = await issuer.mint(good, { lifetimeSeconds: 60 })
    running.clock.turn(61_000)
    expect(await codeOf(assume(token))).toBe('ExpiredTokenException')
    running.clock.turn(-61_000)
    expect(await codeOf(assume(token))).toBe('none')
  })

  it('takes tags and a source identity from the token, if the trust policy accepts them', async () => {
    const reply = await assume(
      await issuer.mint({
        ...good,
        'https://aws.amazon.com/tags': { principal_tags: { source: ['a'] }, transitive_tag_keys: ['source'] },
        'https://aws.amazon.com/source_identity': 'ann',
      }),
      tagged.arn,
    )
    expect(reply.SourceIdentity).toBe('ann')
    expect(
      running.sandbox.credentials.find(reply.Credentials?.AccessKeyId ?? '')?.principal.session,
    ).toMatchObject({
      tags: { source: 'a' },
      transitiveTagKeys: ['source'],
      chainDepth: 1,
      federated: { [`${url}:sub`]: 'backup', [`${url}:aud`]: 'holdfast' },
    })
  })

  it('has the same error for a missing role and for a role that does not trust the caller', async () => {
    const messageOf = async (roleArn: string) =>
      assume(await issuer.mint({ ...good, sub: 'other' }), roleArn).then(
        () => 'none',
        (error: Error) => `${error.name}: ${error.message}`,
      )
    expect(await messageOf(`arn:aws:iam::${vault}:role/nobody`)).toBe(await messageOf(writer.arn))
    // An account without the provider gets no error but this one.
    expect(await messageOf(`arn:aws:iam::${production}:role/elsewhere`)).toBe(
      await messageOf(`arn:aws:iam::${production}:role/nobody`),
    )
  })

  it('gives sessions as long as the role allows, and role-chaining steps from them last an hour', async () => {
    expect(await codeOf(assume(await issuer.mint(good), writer.arn, { DurationSeconds: 7200 }))).toBe('none')
    expect(await codeOf(assume(await issuer.mint(good), writer.arn, { DurationSeconds: 7201 }))).toBe(
      'ValidationError',
    )
    const client = clientFrom(await assume(await issuer.mint(good)))
    expect(
      await codeOf(
        client.send(
          new AssumeRoleCommand({ RoleArn: next.arn, RoleSessionName: 'chained', DurationSeconds: 3601 }),
        ),
      ),
    ).toBe('ValidationError')
    expect(
      await codeOf(client.send(new AssumeRoleCommand({ RoleArn: next.arn, RoleSessionName: 'chained' }))),
    ).toBe('none')
  })

  it('can not be called as AssumeRole, unsigned', async () => {
    expect(
      await codeOf(
        running.client(null).send(new AssumeRoleCommand({ RoleArn: writer.arn, RoleSessionName: 'x1' })),
      ),
    ).not.toBe('none')
  })
})

describe('a forged token', () => {
  const now = () => Math.floor(clock.nowMs() / 1000)
  const claims = () => ({ iss: `https://${url}`, ...good, iat: now(), exp: now() + 300 })
  const sign = (key: CryptoKey, header: Record<string, unknown>) =>
    new SignJWT(claims()).setProtectedHeader({ alg: 'RS256', ...header }).sign(key)
  const refused = async (token: string) =>
    expect(await codeOf(assume(token))).toMatch(/^(InvalidIdentityToken|ValidationError)/)

  it('signed with a key of its own, under a foreign, the right or no key id', async () => {
    const { privateKey, publicKey } = await generateKeyPair('RS256')
    const keys = (await (await fetch(`${issuer.baseUrl}/jwks`)).json()) as { keys: { kid: string }[] }
    await refused(await sign(privateKey, { kid: 'mine' }))
    await refused(await sign(privateKey, { kid: keys.keys[0]?.kid }))
    await refused(await sign(privateKey, {}))
    await refused(await sign(privateKey, { kid: 'mine', jwk: await exportJWK(publicKey) }))
    await refused(await sign(privateKey, { jku: `${issuer.baseUrl}/jwks`, x5u: 'http://127.0.0.1:1/' }))
  })

  it('not signed at all, or signed with the public key as a secret', async () => {
    await refused(new UnsecuredJWT(claims()).encode())
    const keys = await (await fetch(`${issuer.baseUrl}/jwks`)).text()
    await refused(
      await new SignJWT(claims()).setProtectedHeader({ alg: 'HS256' }).sign(new TextEncoder().encode(keys)),
    )
  })

  it('with claims or header changed after signing', async () => {
    const [header, , signature] = (await issuer.mint({ ...good, sub: 'other' })).split('.')
    const body = Buffer.from(JSON.stringify(claims())).toString('base64url')
    await refused(`${header}.${body}.${signature}`)
    await refused(`${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.`)
    await refused(
      `${Buffer.from('{"alg":"RS256","b64":false,"crit":["b64"]}').toString('base64url')}.${body}.${signature}`,
    )
  })

  it.for([
    'aaaa',
    '....',
    'a.b.c',
    `${'A'.repeat(19_000)}.A.A`,
    '{}',
    '\u0000\u0000\u0000\u0000',
    `${Buffer.from('null').toString('base64url')}.${Buffer.from('null').toString('base64url')}.`,
    'x'.repeat(20_001),
    'abc',
  ])('that is none: %j', async (token) => {
    await refused(token)
  })
})

describe('an issuer', () => {
  it('with a new key is trusted at once, and the old key is refused after a while', async () => {
    const old = await issuer.mint(good, { lifetimeSeconds: 900 })
    await issuer.rotateKey()
    expect(await codeFor(good)).toBe('none')
    running.clock.turn(120_000)
    expect(await codeOf(assume(old))).toMatch(/^InvalidIdentityToken/)
    running.clock.turn(-120_000)
  })

  it('that does not respond has an error of its own', async () => {
    expect(await codeFor({ ...good, iss: 'https://silent.example' }, {}, anyone.arn)).toMatch(
      /^IDPCommunicationError/,
    )
  })

  it.for([
    ['nothing', 200, '', /^InvalidIdentityToken/],
    ['an error', 500, '{}', /^IDPCommunicationError/],
    ['a redirect', 302, '{}', /^IDPCommunicationError/],
    [
      'another issuer',
      200,
      '{"issuer":"https://x","jwks_uri":"http://127.0.0.1:1/"}',
      /^InvalidIdentityToken/,
    ],
    [
      'keys elsewhere',
      200,
      '{"issuer":"https://odd.example","jwks_uri":"http://192.0.2.1/jwks"}',
      /^InvalidIdentityToken/,
    ],
    [
      'keys in a file',
      200,
      '{"issuer":"https://odd.example","jwks_uri":"file:///etc/passwd"}',
      /^InvalidIdentityToken/,
    ],
    ['a list', 200, '[]', /^InvalidIdentityToken/],
    ['too much', 200, `"${'x'.repeat(100_000)}"`, /^IDPCommunicationError/],
    ['a deep document', 200, '['.repeat(20_000), /^InvalidIdentityToken/],
  ] as const)('that answers with %s is not believed', async ([, status, body, code]) => {
    oddAnswer = { status, body }
    expect(await codeFor({ ...good, iss: 'https://odd.example' }, {}, anyone.arn)).toMatch(code)
  })
})
