// Fetches the keys of an issuer by its discovery document, from loopback only.

import type { JSONWebKeySet } from 'jose'
import { AwsError } from '../protocol/aws-error.ts'

const maxDocumentBytes = 64 * 1024
const timeoutMs = 5_000
export const noKeyMessage =
  "Couldn't retrieve verification key from your identity provider, please reference AssumeRoleWithWebIdentity documentation for requirements"

/** AWS caches keys as well, so a withdrawn key still works for a while. Measured by the sandbox's clock. */
const maxCacheAgeMs = 60_000

/**
 * The base URL of an issuer's documents on loopback; null if the issuer is unknown. `url` is the declared
 * provider's, without scheme.
 */
export type FindIssuer = (url: string) => string | null

export class IssuerKeys {
  private readonly cached = new Map<string, { keys: JSONWebKeySet; sinceMs: number }>()
  private readonly findIssuer: FindIssuer

  constructor(findIssuer: FindIssuer) {
    this.findIssuer = findIssuer
  }

  /**
   * The keys that a declared provider publishes, from the cache unless they must be fresh.
   * @throws AwsError IDPCommunicationError if the issuer doesn't respond, InvalidIdentityToken if its
   * response is malformed
   */
  async fetch(providerUrl: string, issuer: string, nowMs: number, fresh: boolean): Promise<JSONWebKeySet> {
    const entry = this.cached.get(providerUrl)
    if (entry !== undefined && !fresh && Math.abs(nowMs - entry.sinceMs) < maxCacheAgeMs) return entry.keys
    const baseUrl = this.findIssuer(providerUrl)
    if (baseUrl === null)
      throw new AwsError(400, 'IDPCommunicationError', 'The identity provider could not be reached')
    const discovery = await fetchJson(`${baseUrl.replace(/\/$/, '')}/.well-known/openid-configuration`)
    if (discovery.issuer !== issuer || typeof discovery.jwks_uri !== 'string')
      throw refuse('The identity provider describes another issuer')
    const keys = await fetchJson(discovery.jwks_uri)
    if (!Array.isArray(keys.keys) || keys.keys.length > 100) throw refuse(noKeyMessage)
    this.cached.set(providerUrl, { keys: keys as unknown as JSONWebKeySet, sinceMs: nowMs })
    return keys as unknown as JSONWebKeySet
  }
}

async function fetchJson(url: string): Promise<Record<string, unknown>> {
  if (!isLoopback(url)) throw refuse('The identity provider is out of reach')
  let text: string
  try {
    const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(timeoutMs) })
    if (!response.ok) throw new TypeError(`status ${response.status}`)
    text = await readBounded(response)
  } catch (error) {
    throw new AwsError(400, 'IDPCommunicationError', 'The identity provider could not be reached', {
      cause: error,
    })
  }
  try {
    const document: unknown = JSON.parse(text)
    if (typeof document === 'object' && document !== null) return document as Record<string, unknown>
  } catch {
    // The response is not JSON: refuse below.
  }
  throw refuse('The identity provider answered with something else than JSON')
}

async function readBounded(response: Response): Promise<string> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += part.length
    if (bytes > maxDocumentBytes) throw new RangeError('the document is too long')
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

function isLoopback(url: string): boolean {
  try {
    const { protocol, hostname } = new URL(url)
    return protocol === 'http:' && ['127.0.0.1', 'localhost'].includes(hostname)
  } catch {
    return false
  }
}

function refuse(message: string): AwsError {
  return new AwsError(400, 'InvalidIdentityToken', message)
}
