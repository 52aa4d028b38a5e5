import fc from 'fast-check'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { anyCharacter } from '../../../fixtures/any-character.ts'
import type { DeclaredOidcProvider } from '../../../../lab/sandbox/declaration.ts'
import type { IssuerKeys } from '../../../../lab/sandbox/oidc/issuer-keys.ts'
import { checkToken } from '../../../../lab/sandbox/oidc/token-check.ts'
import { AwsError } from '../../../../lab/sandbox/protocol/aws-error.ts'
import { slowPropertyRuns } from '../../../fixtures/property-runs.ts'

const nowMs = Date.UTC(2026, 3, 24)
const now = nowMs / 1000
const issuer = 'https://issuer.example'
const providers = [{ url: 'issuer.example', clientIds: ['sts.amazonaws.com'] } as DeclaredOidcProvider]
const times = { iat: now - 10, exp: now + 600 }

let issuerKeys: IssuerKeys
let sign: (payload: Record<string, unknown>, header?: Record<string, unknown>) => Promise<string>

beforeAll(async () => {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const key = { ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256' }
  issuerKeys = { fetch: () => Promise.resolve({ keys: [key] }) } as unknown as IssuerKeys
  sign = (payload, header = {}) =>
    new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid: 'k', ...header }).sign(privateKey)
})

const check = (token: string) => checkToken(token, providers, issuerKeys, nowMs)
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const good = { iss: issuer, aud: 'sts.amazonaws.com', sub: 'project:rental', ...times }

/** Checks that the token is refused, by an error that STS has. */
async function expectRefused(token: string): Promise<void> {
  const error: unknown = await check(token).then(
    () => null,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(AwsError)
  expect((error as AwsError).code).toMatch(
    /^(InvalidIdentityToken|ExpiredTokenException|IDPCommunicationError|IDPRejectedClaim)$/,
  )
}

describe('a token', () => {
  test("with the issuer's signature gives its subject, audience and claims, despite other claims", async () => {
    const subject = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
      .filter((text) => text.length <= 255)
    const otherClaims = fc.dictionary(
      fc
        .string({ minLength: 1 })
        .filter((name) => !['iss', 'aud', 'sub', 'exp', 'iat', 'nbf', 'azp', '__proto__'].includes(name)),
      fc.jsonValue(),
      { maxKeys: 4 },
    )
    await fc.assert(
      fc.asyncProperty(subject, otherClaims, fc.string({ maxLength: 20 }), async (sub, claims, email) => {
        const verified = await check(await sign({ ...claims, ...good, sub, email }))
        expect(verified).toMatchObject({ subject: sub, audience: 'sts.amazonaws.com' })
        expect(verified.claims).toMatchObject({
          'issuer.example:sub': sub,
          'issuer.example:aud': 'sts.amazonaws.com',
          'issuer.example:email': email,
        })
      }),
      { numRuns: slowPropertyRuns },
    )
  })

  test('with one character changed is refused', async () => {
    const token = await sign(good)
    await fc.assert(
      fc.asyncProperty(
        fc.nat(token.length - 1),
        fc.constantFrom(...'ABCdef019-_.=+/ \n'),
        async (at, character) => {
          const last = token.length - 1
          // The last character of a signature of 64 bytes has four bits that mean nothing.
          fc.pre(token[at] !== character && at !== last)
          await expectRefused(token.slice(0, at) + character + token.slice(at + 1))
        },
      ),
      { numRuns: slowPropertyRuns },
    )
  })

  test('of arbitrary text, or with unsigned claims, is refused with an error of STS', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.string({ unit: anyCharacter }),
          fc.array(fc.base64String(), { maxLength: 6 }).map((parts) => parts.join('.')),
        ),
        expectRefused,
      ),
    )
    const part = fc.oneof(
      fc.jsonValue(),
      fc.record(
        {
          alg: fc.constantFrom('ES256', 'none', 'HS256', 'RS256', null, 7),
          kid: fc.jsonValue(),
          crit: fc.jsonValue(),
          b64: fc.jsonValue(),
        },
        { requiredKeys: [] },
      ),
    )
    const payload = fc.oneof(
      fc.jsonValue(),
      fc.record(
        {
          iss: fc.constantFrom(issuer, 'http://issuer.example', `${issuer}/`, 7),
          aud: fc.jsonValue(),
          azp: fc.jsonValue(),
          sub: fc.jsonValue(),
          exp: fc.jsonValue(),
          iat: fc.jsonValue(),
          nbf: fc.jsonValue(),
        },
        { requiredKeys: [] },
      ),
      fc.constant(good),
    )
    await fc.assert(
      fc.asyncProperty(part, payload, fc.base64String(), (header, claims, signature) =>
        expectRefused(`${encode(header)}.${encode(claims)}.${signature}`),
      ),
    )
  })

  test("with a signature, but claims that STS doesn't take, is refused with an error of STS", async () => {
    const odd = fc
      .constantFrom('iss', 'aud', 'sub', 'exp', 'iat')
      .chain((name) => fc.jsonValue().map((value) => ({ [name]: value })))
    await fc.assert(
      fc.asyncProperty(odd, async (changed) => {
        fc.pre(
          Object.entries(changed).every(([name, value]) =>
            name === 'sub'
              ? typeof value !== 'string' || value === ''
              : name === 'aud'
                ? ![value].flat().includes('sts.amazonaws.com')
                : typeof value !== 'number',
          ),
        )
        await expectRefused(await sign({ ...good, ...changed }))
      }),
      { numRuns: slowPropertyRuns },
    )
  })

  test.each<[string, Record<string, unknown>]>([
    ['that has ended', { exp: now }],
    ['of tomorrow', { iat: now + 86_400 }],
    ['that begins later', { nbf: now + 1 }],
    ['for another audience', { aud: 'other' }],
    ['for two audiences', { aud: ['sts.amazonaws.com', 'b'] }],
  ])('%s is refused', async (_, changed) => expectRefused(await sign({ ...good, ...changed })))

  test('signed without a key, or with the public key as a secret, is refused', async () => {
    await expectRefused(`${encode({ alg: 'none' })}.${encode(good)}.`)
    const {
      keys: [key],
    } = await issuerKeys.fetch('', '', 0, false)
    const forged = await new SignJWT(good)
      .setProtectedHeader({ alg: 'HS256', kid: 'k' })
      .sign(Buffer.from(JSON.stringify(key)))
    await expectRefused(forged)
  })
})
