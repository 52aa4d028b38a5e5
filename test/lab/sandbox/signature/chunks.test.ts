import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatAmzDate } from '../../../../lab/sandbox/signature/claim.ts'
import { decodeChunks } from '../../../../lab/sandbox/signature/chunks.ts'
import { send, sendBytes, signerOf, signRequest } from '../raw-request.ts'
import { region, startWorld, vaultAccount } from '../world.ts'

const sandbox = await startWorld()
const root = sandbox.rootCredentials(vaultAccount)
const emptyHash = createHash('sha256').digest('hex')

function crc32Of(text: string): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(crc32(text))
  return bytes.toString('base64')
}

function frame(chunks: string[], trailer = ''): string {
  return `${[...chunks, ''].map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}${chunk === '' ? '' : '\r\n'}`).join('')}${trailer}\r\n`
}

function putChunked(
  key: string,
  { body, bytes }: { body: string; bytes: number },
  headers: Record<string, string> = {},
  contentSha256 = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
) {
  const allHeaders = {
    'x-amz-content-sha256': contentSha256,
    'x-amz-decoded-content-length': String(bytes),
    'content-encoding': 'aws-chunked',
    ...headers,
  }
  return send(sandbox, {
    method: 'PUT',
    path: `/versioned/${key}`,
    credentials: root,
    body,
    headers: allHeaders,
  })
}

/** The request of a payload with signed chunks and a signed trailer. */
async function putSigned(
  key: string,
  chunks: string[],
  change: (body: string) => string = (body) => body,
  trailer = false,
) {
  const contentSha256 = trailer
    ? 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER'
    : 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'
  const text = chunks.join('')
  const headers: Record<string, string> = {
    'x-amz-content-sha256': contentSha256,
    'x-amz-decoded-content-length': String(text.length),
  }
  if (trailer) headers['x-amz-trailer'] = 'x-amz-checksum-crc32'
  const signedMs = sandbox.clock.nowMs()
  const request = { method: 'PUT', path: `/versioned/${key}`, credentials: root, headers, signedMs }
  const signed = await signRequest(sandbox, request)
  const date = formatAmzDate(signedMs)
  const scope = `${date.slice(0, 8)}/${region}/s3/aws4_request`
  const sign = (lines: string[]) => signerOf(root).sign(lines.join('\n'), { signingDate: new Date(signedMs) })
  let previous = /Signature=([0-9a-f]{64})/.exec(signed.headers.authorization ?? '')?.[1] ?? ''
  let body = ''
  for (const chunk of [...chunks, '']) {
    previous = await sign([
      'AWS4-HMAC-SHA256-PAYLOAD',
      date,
      scope,
      previous,
      emptyHash,
      createHash('sha256').update(chunk).digest('hex'),
    ])
    body += `${chunk.length.toString(16)};chunk-signature=${previous}\r\n${chunk}${chunk === '' ? '' : '\r\n'}`
  }
  if (trailer) {
    const line = `x-amz-checksum-crc32:${crc32Of(text)}\n`
    const signature = await sign([
      'AWS4-HMAC-SHA256-TRAILER',
      date,
      scope,
      previous,
      createHash('sha256').update(line).digest('hex'),
    ])
    body += `x-amz-checksum-crc32:${crc32Of(text)}\r\nx-amz-trailer-signature:${signature}\r\n`
  }
  return send(sandbox, {
    method: 'PUT',
    path: request.path,
    headers: signed.headers,
    body: change(`${body}\r\n`),
  })
}

describe('an aws-chunked payload', () => {
  test('without signatures is accepted with its trailing checksum, and stored without its framing', async () => {
    const reply = await putChunked(
      'plain',
      { body: frame(['hello ', 'world'], `x-amz-checksum-crc32:${crc32Of('hello world')}\r\n`), bytes: 11 },
      { 'x-amz-trailer': 'x-amz-checksum-crc32' },
    )
    expect(reply).toMatchObject({ status: 200 })
    const got = await send(sandbox, { path: '/versioned/plain', credentials: root })
    expect(got.body).toBe('hello world')
    expect(got.headers['content-encoding']).toBeUndefined()
  })

  test('with signed chunks is accepted, also with a signed trailer', async () => {
    expect((await putSigned('signed', ['one', 'two', 'three'])).status).toBe(200)
    expect((await putSigned('signed-trailer', ['one', 'two'], undefined, true)).status).toBe(200)
    expect((await send(sandbox, { path: '/versioned/signed', credentials: root })).body).toBe('onetwothree')
  })

  test.each<[string, (body: string) => string, boolean]>([
    ['a chunk was changed', (body) => body.replace('one', 'eno'), false],
    [
      'two chunks were swapped',
      (body) => body.replace('one', 'tmp').replace('two', 'one').replace('tmp', 'two'),
      false,
    ],
    ["a chunk's signature is missing", (body) => body.replace(/;chunk-signature=[0-9a-f]{64}/, ''), false],
    [
      'the trailer was changed',
      (body) => body.replace(/x-amz-checksum-crc32:..../, 'x-amz-checksum-crc32:AAAA'),
      true,
    ],
    [
      "the trailer's signature is missing",
      (body) => body.replace(/x-amz-trailer-signature:.*\r\n/, ''),
      true,
    ],
  ])('is SignatureDoesNotMatch if %s', async (_what, change, trailer) => {
    expect(await putSigned('forged', ['one', 'two'], change, trailer)).toMatchObject({
      status: 403,
      code: 'SignatureDoesNotMatch',
    })
    expect((await send(sandbox, { path: '/versioned/forged', credentials: root })).status).toBe(404)
  })

  test('with a wrong trailing checksum is BadDigest', async () => {
    const reply = await putChunked(
      'bad',
      { body: frame(['hello'], `x-amz-checksum-crc32:${crc32Of('other')}\r\n`), bytes: 5 },
      { 'x-amz-trailer': 'x-amz-checksum-crc32' },
    )
    expect(reply).toMatchObject({ status: 400, code: 'BadDigest' })
  })

  const trailer = { 'x-amz-trailer': 'x-amz-checksum-crc32' }
  const goodTrailer = `x-amz-checksum-crc32:${crc32Of('hello')}\r\n`
  test.each<[string, string, number]>([
    ['a chunk longer than the rest', `ff\r\nhello\r\n0\r\n${goodTrailer}\r\n`, 5],
    ['a chunk longer than it says', `3\r\nhello\r\n0\r\n${goodTrailer}\r\n`, 5],
    ['a size that is no number', `zz\r\nhello\r\n0\r\n${goodTrailer}\r\n`, 5],
    ['a negative size', `-5\r\nhello\r\n0\r\n${goodTrailer}\r\n`, 5],
    ['a size beyond all reason', `ffffffffffffffff\r\nhello\r\n0\r\n${goodTrailer}\r\n`, 5],
    ['fewer bytes than declared', frame(['hello'], goodTrailer), 6],
    ['more bytes than declared', frame(['hello'], goodTrailer), 4],
    ['no last chunk', '5\r\nhello\r\n', 5],
    ['a header line without end', 'a'.repeat(5000), 5],
    ['bytes after the end', `${frame(['hello'], goodTrailer)}more`, 5],
    ['the announced trailer missing', frame(['hello']), 5],
    ['a trailer that nobody announced', frame(['hello'], `${goodTrailer}x-evil:1\r\n`), 5],
  ])('with %s is refused', async (_what, body, bytes) => {
    const reply = await putChunked('framing', { body, bytes }, trailer)
    expect(reply.status).toBe(400)
    expect(['IncompleteBody', 'MalformedTrailerError']).toContain(reply.code)
  })

  test('needs its decoded length, and has a trailer only if it announced one', async () => {
    const put = (headers: Record<string, string>) =>
      send(sandbox, {
        method: 'PUT',
        path: '/versioned/x',
        credentials: root,
        body: frame(['hello']),
        headers: { 'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER', ...headers },
      })
    expect(await put(trailer)).toMatchObject({ status: 411, code: 'MissingContentLength' })
    expect(await put({ 'x-amz-decoded-content-length': '5' })).toMatchObject({
      status: 400,
      code: 'MalformedTrailerError',
    })
  })

  test('is the same payload in any division on the wire', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.string({ minLength: 1, maxLength: 40, unit: fc.constantFrom('a', '\r', '\n', '0', ';') }),
          { maxLength: 6 },
        ),
        fc.integer({ min: 1, max: 9 }),
        async (chunks, cut) => {
          const wire = Buffer.from(frame(chunks, 'x-a:1\r\n'), 'latin1')
          const parts: Buffer[] = []
          for (let at = 0; at < wire.length; at += cut) parts.push(wire.subarray(at, at + cut))
          const trailers: Record<string, string> = {}
          const decoded: Buffer[] = []
          const source = (async function* () {
            yield* await Promise.resolve(parts)
          })()
          for await (const part of decodeChunks(
            source,
            { signing: null, trailerNames: ['x-a'], decodedBytes: chunks.join('').length },
            trailers,
          ))
            decoded.push(part)
          expect(Buffer.concat(decoded).toString('latin1')).toBe(chunks.join(''))
          expect(trailers).toEqual({ 'x-a': '1' })
        },
      ),
    )
  })
})

describe('bytes that are not a request', () => {
  test.each<[string, string]>([
    ['nonsense', 'NONSENSE\r\n\r\n'],
    [
      'a header section beyond the limit',
      `GET / HTTP/1.1\r\nhost: x\r\n${'x-amz-meta-a: '}${'a'.repeat(40_000)}\r\n\r\n`,
    ],
    ['a NUL in a header', 'GET / HTTP/1.1\r\nhost: x\r\nx-a: a\0b\r\n\r\n'],
    [
      'two lengths',
      'PUT /versioned/x HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!',
    ],
    [
      'a length and chunks',
      'PUT /versioned/x HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
  ])('are answered with 400 and a closed connection: %s', async (_what, bytes) => {
    const reply = await sendBytes(sandbox, bytes)
    expect(reply).toMatch(/^HTTP\/1\.1 400 /)
    expect(reply).toContain('<Error><Code>')
  })

  test('a body that ends early leaves no data behind', async () => {
    const signed = await signRequest(sandbox, {
      method: 'PUT',
      path: '/versioned/cut',
      credentials: root,
      headers: { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD', 'content-length': '100' },
    })
    const head = Object.entries(signed.headers)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('')
    await sendBytes(sandbox, `PUT /versioned/cut HTTP/1.1\r\n${head}\r\nonly this`)
    expect((await send(sandbox, { path: '/versioned/cut', credentials: root })).status).toBe(404)
    expect(sandbox.defects).toEqual([])
  })
})
