// An OpenID Connect issuer on loopback. Production outside AWS proves its identity to the token service with
// its tokens.

import { createServer } from 'node:http'
import type { Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { CryptoKey, JWK, JWTPayload } from 'jose'

export interface IssuerOptions {
  /**
   * The `iss` claim of tokens, with `https://`: the declared provider's URL. The token service fetches the
   * keys from `baseUrl` instead. Default: `baseUrl`.
   */
  issuer?: string
  /** The clock of `iat`, `nbf` and `exp`. */
  nowMs: () => number
}

interface MintOptions {
  /** 300 by default; negative for a token that has expired. */
  lifetimeSeconds?: number
  /** Seconds from now until the token becomes valid; 0 by default. */
  startsInSeconds?: number
}

export interface LocalIssuer {
  issuer: string
  /** The base URL of discovery document and keys: `http://127.0.0.1:<port>`. */
  baseUrl: string
  /** A signed token with these claims (`sub`, `aud`, …); `iss`, `iat`, `nbf`, `exp` and `jti` are added. */
  mint(claims: JWTPayload, options?: MintOptions): Promise<string>
  /** Signs with a new key from now on, and stops publishing the old one. */
  rotateKey(): Promise<void>
  stop(): Promise<void>
}

interface SigningKey {
  kid: string
  privateKey: CryptoKey
  published: JWK
}

export async function startIssuer(options: IssuerOptions): Promise<LocalIssuer> {
  let key = await makeKey()
  let tokens = 0
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/'
    if (request.method !== 'GET') return sendJson(response, 405, { error: 'method_not_allowed' })
    if (path.endsWith('/.well-known/openid-configuration'))
      return sendJson(response, 200, describe(issuer, baseUrl))
    if (path === '/jwks') return sendJson(response, 200, { keys: [key.published] })
    sendJson(response, 404, { error: 'not_found' })
  })
  const baseUrl = await listen(server)
  const issuer = options.issuer ?? baseUrl

  return {
    issuer,
    baseUrl,
    mint: (claims, { lifetimeSeconds = 300, startsInSeconds = 0 } = {}) => {
      const now = Math.floor(options.nowMs() / 1000)
      const dated = {
        iss: issuer,
        iat: now,
        nbf: now + startsInSeconds,
        exp: now + lifetimeSeconds,
        jti: `token-${tokens++}`,
        ...claims,
      }
      return new SignJWT(dated)
        .setProtectedHeader({ alg: 'RS256', kid: key.kid, typ: 'JWT' })
        .sign(key.privateKey)
    },
    rotateKey: async () => {
      key = await makeKey()
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function makeKey(): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair('RS256', { modulusLength: 2048 })
  const jwk = await exportJWK(publicKey)
  const kid = await calculateJwkThumbprint(jwk)
  return { kid, privateKey, published: { ...jwk, kid, alg: 'RS256', use: 'sig' } }
}

// https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata
function describe(issuer: string, baseUrl: string): Record<string, unknown> {
  return {
    issuer,
    jwks_uri: `${baseUrl}/jwks`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    claims_supported: ['iss', 'sub', 'aud', 'exp', 'iat', 'nbf', 'jti'],
  }
}

function sendJson(response: ServerResponse, status: number, body: Record<string, unknown>): void {
  const text = JSON.stringify(body)
  response
    .writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      connection: 'close',
    })
    .end(text)
}

function listen(server: Server): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
  })
}
