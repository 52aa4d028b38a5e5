// Computes the signature of a received request, by AWS's own signing library.

import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { getCanonicalHeaders, SignatureV4 } from '@smithy/signature-v4'
import type { Hash, HttpRequest, SourceData } from '@smithy/types'
import type { Credentials } from '../identity/credentials.ts'
import type { SignatureClaim } from './claim.ts'
import type { QueryEntry } from './query.ts'

class Sha256 implements Hash {
  private readonly hash

  constructor(secret?: SourceData) {
    this.hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret))
  }

  update(data: SourceData): void {
    this.hash.update(bytesOf(data))
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.hash.digest())
  }
}

function bytesOf(data: SourceData): string | Uint8Array {
  if (typeof data === 'string') return data
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data)
}

export interface WireRequest {
  method: string
  /** Canonical for S3 (each segment escaped once); as on the wire for other services. */
  path: string
  query: readonly QueryEntry[]
  headers: Readonly<Record<string, string>>
  /** SHA-256 of the payload as hex, or a placeholder such as `UNSIGNED-PAYLOAD`. */
  payloadHash: string
}

/** Signs with the claim's key, day, region and service. The result must equal the claim's signature. */
export class ClaimSigner extends SignatureV4 {
  private readonly claim: SignatureClaim

  constructor(claim: SignatureClaim, credentials: Credentials) {
    const { accessKeyId, secretAccessKey } = credentials
    super({
      credentials: { accessKeyId, secretAccessKey },
      region: claim.region,
      service: claim.service,
      sha256: Sha256,
      // S3 signs the path escaped once, other services escape it twice.
      uriEscapePath: claim.service !== 's3',
    })
    this.claim = claim
  }

  get scope(): string {
    const { day, region, service } = this.claim
    return `${day}/${region}/${service}/aws4_request`
  }

  async matches(request: WireRequest): Promise<boolean> {
    const names = new Set(this.claim.signedHeaders)
    const signed: Record<string, string> = {}
    for (const name of names) if (request.headers[name] !== undefined) signed[name] = request.headers[name]
    // Refuse: a signed header is missing, so the client can't have signed its value.
    if (Object.keys(signed).length !== names.size) return false
    const wire = {
      method: request.method,
      path: request.path,
      headers: signed,
      query: queryBag(request.query),
    } as HttpRequest
    const canonical = this.createCanonicalRequest(
      wire,
      getCanonicalHeaders(wire, undefined, names),
      request.payloadHash,
    )
    const toSign = await this.createStringToSign(
      this.formatDate(new Date(this.claim.signedMs)).longDate,
      this.scope,
      canonical,
      'AWS4-HMAC-SHA256',
    )
    return isSameText(await this.signText(toSign), this.claim.signature)
  }

  /** HMAC of a text as lower-case hex. It also serves the chunks of a streamed payload. */
  signText(text: string): Promise<string> {
    // The key derives from the scope's day. The caller has refused a day that differs from the request's
    // date.
    return this.sign(text, { signingDate: new Date(this.claim.signedMs) })
  }
}

function queryBag(entries: readonly QueryEntry[]): Record<string, string | string[]> {
  const bag = Object.create(null) as Record<string, string | string[]>
  for (const { name, value } of entries) {
    const before = bag[name]
    bag[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value]
  }
  return bag
}

/** Compares in a time that depends only on the lengths. */
export function isSameText(a: string, b: string): boolean {
  const [bytesA, bytesB] = [Buffer.from(a), Buffer.from(b)]
  return bytesA.length === bytesB.length && timingSafeEqual(bytesA, bytesB)
}
