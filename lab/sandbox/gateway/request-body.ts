// The payload of a request: decodes its framing, verifies its hash and chunk signatures, and sends `100
// Continue`.

import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { AwsError } from '../protocol/aws-error.ts'
import type { RequestBody } from '../protocol/service.ts'
import { decodeChunks } from '../signature/chunks.ts'
import type { ChunkSigning } from '../signature/chunks.ts'
import { formatAmzDate } from '../signature/claim.ts'
import type { SignatureClaim } from '../signature/claim.ts'
import { isSameText } from '../signature/signer.ts'
import type { ClaimSigner } from '../signature/signer.ts'

export interface HttpExchange {
  readonly message: IncomingMessage
  readonly response: ServerResponse
  /** Whether the client waits for `100 Continue` before it sends its payload. */
  readonly expectsContinue: boolean
}

const chunkedHashes = new Set([
  'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
])

/** Refuses a malformed `x-amz-content-sha256` before a byte of the payload is read. */
export function checkPayloadHash(payloadHash: string, headers: Readonly<Record<string, string>>): void {
  if (chunkedHashes.has(payloadHash)) {
    if (!/^\d{1,15}$/.test(headers['x-amz-decoded-content-length'] ?? '')) {
      throw new AwsError(411, 'MissingContentLength', 'You must provide the Content-Length HTTP header.')
    }
    if (payloadHash.endsWith('-TRAILER') !== (headers['x-amz-trailer'] !== undefined)) {
      throw new AwsError(
        400,
        'MalformedTrailerError',
        'The request contained trailing data that was not well-formed or did not conform to our published schema.',
      )
    }
    return
  }
  if (payloadHash === 'UNSIGNED-PAYLOAD' || /^[0-9a-f]{64}$/.test(payloadHash)) return
  throw new AwsError(
    400,
    'InvalidArgument',
    'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.',
    {
      fields: { ArgumentName: 'x-amz-content-sha256', ArgumentValue: payloadHash.slice(0, 128) },
    },
  )
}

export class IncomingBody implements RequestBody {
  readonly bytes: number | null
  /** Bytes read off the wire, with framing. */
  receivedBytes = 0
  private readonly http: HttpExchange
  private readonly headers: Readonly<Record<string, string>>
  private readonly payloadHash: string | null
  private readonly receivedTrailers: Record<string, string> = {}
  private signing: ChunkSigning | null = null
  private verifiedSha256: string | null = null
  private started = false

  constructor(http: HttpExchange, headers: Readonly<Record<string, string>>, payloadHash: string | null) {
    this.http = http
    this.headers = headers
    this.payloadHash = payloadHash
    const declared = this.isChunked ? headers['x-amz-decoded-content-length'] : headers['content-length']
    const hasBody = declared !== undefined || headers['transfer-encoding'] !== undefined
    this.bytes = declared === undefined ? (hasBody ? null : 0) : Number(declared)
  }

  private get isChunked(): boolean {
    return this.payloadHash !== null && chunkedHashes.has(this.payloadHash)
  }

  /** True if the client may still be sending, or still waits for a `100 Continue`. */
  get isUnread(): boolean {
    return !this.http.message.complete || (this.http.expectsContinue && !this.started)
  }

  get awaitsContinue(): boolean {
    return this.http.expectsContinue && !this.started
  }

  /** Starts the check of chunk signatures. To be called once the request's own signature is verified. */
  signChunksWith(signer: ClaimSigner, claim: SignatureClaim): void {
    if (this.payloadHash?.startsWith('STREAMING-AWS4-HMAC-SHA256-PAYLOAD') !== true) return
    this.signing = {
      date: formatAmzDate(claim.signedMs),
      scope: signer.scope,
      seed: claim.signature,
      sign: (text) => signer.signText(text),
    }
  }

  sha256(): string | null {
    return this.verifiedSha256
  }

  trailers(): Readonly<Record<string, string>> {
    return this.receivedTrailers
  }

  stream(): AsyncIterable<Buffer> {
    if (this.started) throw new Error('a request body can be read once only')
    this.started = true
    if (this.http.expectsContinue) this.http.response.writeContinue()
    return this.isChunked ? this.decoded() : this.plain()
  }

  async read(limitBytes: number): Promise<Buffer> {
    const tooLong = () =>
      new AwsError(400, 'MaxMessageLengthExceeded', 'Your request was too big.', {
        fields: { MaxMessageLengthBytes: String(limitBytes) },
      })
    if (this.bytes !== null && this.bytes > limitBytes) throw tooLong()
    const parts: Buffer[] = []
    let length = 0
    for await (const part of this.stream()) {
      length += part.length
      if (length > limitBytes) throw tooLong()
      parts.push(part)
    }
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts)
  }

  private decoded(): AsyncIterable<Buffer> {
    const trailerNames = (this.headers['x-amz-trailer'] ?? '')
      .toLowerCase()
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '')
    const payload = { signing: this.signing, trailerNames, decodedBytes: this.bytes ?? 0 }
    return decodeChunks(this.wire(), payload, this.receivedTrailers)
  }

  private async *plain(): AsyncGenerator<Buffer> {
    const signed =
      this.payloadHash !== null && this.payloadHash !== 'UNSIGNED-PAYLOAD' ? this.payloadHash : null
    const hash = signed === null ? null : createHash('sha256')
    for await (const part of this.wire()) {
      hash?.update(part)
      yield part
    }
    if (signed === null || hash === null) return
    const computed = hash.digest('hex')
    if (!isSameText(computed, signed)) {
      throw new AwsError(
        400,
        'XAmzContentSHA256Mismatch',
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
        {
          fields: { ClientComputedContentSHA256: signed, S3ComputedContentSHA256: computed },
        },
      )
    }
    this.verifiedSha256 = computed
  }

  // `destroyOnReturn: false`, because the socket must stay open after a refusal in mid-body: otherwise the
  // client never reads the error.
  private async *wire(): AsyncGenerator<Buffer> {
    try {
      for await (const part of this.http.message.iterator({
        destroyOnReturn: false,
      }) as AsyncIterable<Buffer>) {
        this.receivedBytes += part.length
        yield part
      }
    } catch (error) {
      throw new AwsError(
        400,
        'IncompleteBody',
        'You did not provide the number of bytes specified by the Content-Length HTTP header',
        { cause: error },
      )
    }
  }
}

/** A payload that was read whole before the service runs, to verify its hash. */
export class ReadBody implements RequestBody {
  readonly bytes: number
  private readonly payload: Buffer

  constructor(payload: Buffer) {
    this.payload = payload
    this.bytes = payload.length
  }

  async *stream(): AsyncGenerator<Buffer> {
    yield await Promise.resolve(this.payload)
  }

  read(limitBytes: number): Promise<Buffer> {
    if (this.bytes > limitBytes)
      return Promise.reject(new AwsError(413, 'RequestEntityTooLarge', 'Request body is too large.'))
    return Promise.resolve(this.payload)
  }

  sha256(): string {
    return createHash('sha256').update(this.payload).digest('hex')
  }

  trailers(): Readonly<Record<string, string>> {
    return {}
  }
}
