// Decodes `aws-chunked` payloads, and verifies the signature of each chunk and of the trailer.

import { createHash } from 'node:crypto'
import { AwsError } from '../protocol/aws-error.ts'
import { isSameText } from './signer.ts'

export interface ChunkSigning {
  /** `x-amz-date` and credential scope of the request. */
  date: string
  scope: string
  /** The signature of the request, the seed of the chain of chunk signatures. */
  seed: string
  sign: (text: string) => Promise<string>
}

export interface ChunkedPayload {
  /** Null for `STREAMING-UNSIGNED-PAYLOAD-TRAILER`. */
  signing: ChunkSigning | null
  /** Names in `x-amz-trailer`, in lower case. */
  trailerNames: readonly string[]
  /** `x-amz-decoded-content-length`. */
  decodedBytes: number
}

const emptyHash = createHash('sha256').digest('hex')
const maxLineBytes = 4096
const maxTrailers = 16

const incomplete = (why: string) =>
  new AwsError(400, 'IncompleteBody', `The request body terminated unexpectedly: ${why}`)
const mismatch = () =>
  new AwsError(
    403,
    'SignatureDoesNotMatch',
    'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
  )

/** Yields the payload's bytes as they come, and fills `trailers` at the end. A corrupt chunk is found at its end. */
export async function* decodeChunks(
  source: AsyncIterable<Buffer>,
  payload: ChunkedPayload,
  trailers: Record<string, string>,
): AsyncGenerator<Buffer> {
  const reader = new ByteReader(source)
  let previous = payload.signing?.seed ?? ''
  let total = 0
  for (;;) {
    const { bytes, signature } = parseChunkHead(await reader.line())
    total += bytes
    if (total > payload.decodedBytes) throw incomplete('more bytes than x-amz-decoded-content-length')
    const hash = payload.signing === null ? null : createHash('sha256')
    for await (const slice of reader.take(bytes)) {
      hash?.update(slice)
      yield slice
    }
    if (payload.signing !== null && hash !== null) {
      if (signature === null) throw mismatch()
      const { date, scope, sign } = payload.signing
      const expected = await sign(
        ['AWS4-HMAC-SHA256-PAYLOAD', date, scope, previous, emptyHash, hash.digest('hex')].join('\n'),
      )
      if (!isSameText(expected, signature)) throw mismatch()
      previous = signature
    }
    if (bytes === 0) break
    if ((await reader.line()) !== '') throw incomplete('a chunk is longer than it says')
  }
  if (total !== payload.decodedBytes) throw incomplete('fewer bytes than x-amz-decoded-content-length')
  await readTrailers(reader, payload, previous, trailers)
  await reader.expectEnd()
}

function parseChunkHead(line: string): { bytes: number; signature: string | null } {
  const match = /^([0-9a-fA-F]{1,13})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(line)
  if (match === null) throw incomplete('a chunk header is malformed')
  return { bytes: Number.parseInt(match[1] ?? '', 16), signature: match[2] ?? null }
}

async function readTrailers(
  reader: ByteReader,
  payload: ChunkedPayload,
  previous: string,
  trailers: Record<string, string>,
): Promise<void> {
  let signature: string | null = null
  let signed = ''
  for (let count = 0; ; count += 1) {
    const line = await reader.line(count === 0)
    if (line === null || line === '') break
    if (count > maxTrailers) throw incomplete('too many trailers')
    const at = line.indexOf(':')
    const name = line.slice(0, Math.max(0, at)).trim().toLowerCase()
    const value = line.slice(at + 1).trim()
    if (name === 'x-amz-trailer-signature') {
      signature = value
      continue
    }
    if (!payload.trailerNames.includes(name))
      throw new AwsError(
        400,
        'MalformedTrailerError',
        'The request contained trailing data that was not well-formed or did not conform to our published schema.',
      )
    trailers[name] = value
    signed += `${name}:${value}\n`
  }
  if (payload.trailerNames.some((name) => trailers[name] === undefined))
    throw incomplete('an announced trailer is missing')
  if (payload.signing === null || payload.trailerNames.length === 0) return
  const { date, scope, sign } = payload.signing
  const expected = await sign(
    [
      'AWS4-HMAC-SHA256-TRAILER',
      date,
      scope,
      previous,
      createHash('sha256').update(signed).digest('hex'),
    ].join('\n'),
  )
  if (signature === null || !isSameText(expected, signature)) throw mismatch()
}

/** Reads lines and byte counts from a stream of buffers, without copying the payload. */
class ByteReader {
  private readonly source: AsyncIterator<Buffer>
  private buffer: Buffer = Buffer.alloc(0)

  constructor(source: AsyncIterable<Buffer>) {
    this.source = source[Symbol.asyncIterator]()
  }

  private async fill(): Promise<boolean> {
    while (this.buffer.length === 0) {
      const next = await this.source.next()
      if (next.done === true) return false
      this.buffer = next.value
    }
    return true
  }

  /** The next line without its CR LF; null at the end of the stream if `mayEnd`. */
  async line(): Promise<string>
  async line(mayEnd: boolean): Promise<string | null>
  async line(mayEnd = false): Promise<string | null> {
    const parts: Buffer[] = []
    let length = 0
    for (;;) {
      if (!(await this.fill())) {
        if (mayEnd && length === 0) return null
        throw incomplete('no end of line')
      }
      const at = this.buffer.indexOf(10)
      const part = at === -1 ? this.buffer : this.buffer.subarray(0, at + 1)
      parts.push(part)
      length += part.length
      if (length > maxLineBytes) throw incomplete('a chunk header is too long')
      this.buffer = this.buffer.subarray(part.length)
      if (at === -1) continue
      const line = Buffer.concat(parts).toString('latin1')
      if (!line.endsWith('\r\n')) throw incomplete('a line ends without CR LF')
      return line.slice(0, -2)
    }
  }

  async *take(bytes: number): AsyncGenerator<Buffer> {
    for (let remaining = bytes; remaining > 0;) {
      if (!(await this.fill())) throw incomplete('a chunk is shorter than it says')
      const slice = this.buffer.subarray(0, remaining)
      this.buffer = this.buffer.subarray(slice.length)
      remaining -= slice.length
      yield slice
    }
  }

  async expectEnd(): Promise<void> {
    if (await this.fill()) throw incomplete('bytes after the last chunk')
  }
}
