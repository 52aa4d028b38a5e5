import { createRemoteJWKSet, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startIssuer } from '../../../../lab/sandbox/oidc/issuer.ts'
import type { LocalIssuer } from '../../../../lab/sandbox/oidc/issuer.ts'

const nowMs = Date.parse('2026-11-01T00:00:00Z')
let issuer: LocalIssuer
beforeAll(async () => {
  issuer = await startIssuer({ issuer: 'https://oidc.platform.example', nowMs: () => nowMs })
})
afterAll(() => issuer.stop())

const read = async (path: string) =>
  (await fetch(`${issuer.baseUrl}${path}`)).json() as Promise<Record<string, unknown>>

describe('the local issuer', () => {
  it('publishes the address of its keys, and keys that verify its tokens', async () => {
    const discovery = await read('/.well-known/openid-configuration')
    expect(discovery).toMatchObject({
      issuer: 'https://oidc.platform.example',
      jwks_uri: `${issuer.baseUrl}/jwks`,
    })
    const token = await issuer.mint({ sub: 'backup', aud: 'holdfast' })
    const { payload, protectedHeader } = await jwtVerify(
      token,
      createRemoteJWKSet(new URL(String(discovery.jwks_uri))),
      { currentDate: new Date(nowMs) },
    )
    expect(protectedHeader.alg).toBe('RS256')
    expect(payload).toMatchObject({
      iss: 'https://oidc.platform.example',
      sub: 'backup',
      aud: 'holdfast',
      iat: nowMs / 1000,
      exp: nowMs / 1000 + 300,
    })
  })

  it('publishes no private part of a key', async () => {
    const { keys } = (await read('/jwks')) as { keys: Record<string, unknown>[] }
    expect(keys).toHaveLength(1)
    expect(Object.keys(keys[0] ?? {}).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use'])
  })

  it('stops publishing the old key when it rotates', async () => {
    const before = await read('/jwks')
    await issuer.rotateKey()
    expect(await read('/jwks')).not.toEqual(before)
  })

  it('serves nothing else', async () => {
    expect((await fetch(`${issuer.baseUrl}/token`)).status).toBe(404)
    expect((await fetch(`${issuer.baseUrl}/jwks`, { method: 'POST' })).status).toBe(405)
  })
})
