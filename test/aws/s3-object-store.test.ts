import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { outageRetry } from '../../core/retry.ts'
import { LinkWidth } from '../../core/store/link-width.ts'
import { openS3ObjectStore, readProfileEndpoint } from '../../aws/s3-object-store.ts'
import type { S3Settings } from '../../aws/s3-object-store.ts'
import { makeTemporaryDirectory } from '../fixtures/temporary-directory.ts'
import { sendError, sendXml } from './scripted-server.ts'
import type { Script } from './scripted-server.ts'
import { sendRange, body, ref, serve, sha256, sha256Base64 } from './scripted-store.ts'

describe('an upload', () => {
  const accept: Script = (_request, response) => {
    response.writeHead(200, {
      'x-amz-version-id': 'v7',
      'x-amz-checksum-sha256': sha256Base64,
      date: 'Fri, 24 Apr 2026 10:00:00 GMT',
    })
    response.end()
  }

  test('is one PUT that must not meet an existing key, with length and a checksum for the server to verify', async () => {
    const { store, server } = await serve(accept)
    const reply = await store.putIfAbsent('sources/db/packs/p', body, sha256)
    expect(reply).toEqual({ versionId: 'v7', serverTimeMs: Date.parse('2026-04-24T10:00:00Z') })
    expect(server.requests).toHaveLength(1)
    const request = server.requests[0]!
    expect(request).toMatchObject({ method: 'PUT', body })
    expect(request.url.pathname).toBe('/vault/sources/db/packs/p')
    expect(request.headers).toMatchObject({
      'if-none-match': '*',
      'content-length': String(body.length),
      'x-amz-checksum-sha256': sha256Base64,
      'x-amz-content-sha256': sha256,
    })
    expect(request.headers).not.toHaveProperty('expect')
    expect(request.headers).not.toHaveProperty('x-amz-checksum-crc32')
    expect(request.headers.authorization).toContain('if-none-match')
    expect(store.requests).toEqual({ put: 1, get: 0, head: 0, list: 0, other: 0 })
  })

  test.each([
    [500, 'InternalError', 'unreachable', true],
    [503, 'SlowDown', 'throttled', true],
    [409, 'ConditionalRequestConflict', 'throttled', true],
    [412, 'PreconditionFailed', 'conflict', false],
    [403, 'AccessDenied', 'denied', false],
    [400, 'BadDigest', 'unreachable', true],
  ])('with the response %d %s is never repeated automatically', async (status, name, code, retryable) => {
    const { store, server } = await serve((_request, response) => sendError(response, status, name))
    await expect(store.putIfAbsent('k', body, sha256)).rejects.toMatchObject({ code, retryable })
    expect(server.requests).toHaveLength(1)
  })

  test('whose response is lost is never repeated automatically', async () => {
    const { store, server } = await serve((_request, response) => response.destroy())
    await expect(store.putIfAbsent('k', body, sha256)).rejects.toMatchObject({
      code: 'unreachable',
      retryable: true,
    })
    expect(server.requests).toHaveLength(1)
  })

  test('without a response ends at its deadline', async () => {
    const { store, server } = await serve(() => undefined)
    await expect(store.putIfAbsent('k', body, sha256)).rejects.toMatchObject({
      code: 'unreachable',
      retryable: true,
    })
    expect(server.requests).toHaveLength(1)
  })

  test.each([[{}], [{ 'x-amz-version-id': 'null' }]])(
    'to a bucket that keeps no versions is `vault-unsafe` (%j)',
    async (headers) => {
      const { store } = await serve((_request, response) => response.writeHead(200, headers).end())
      await expect(store.putIfAbsent('k', body, sha256)).rejects.toMatchObject({ code: 'vault-unsafe' })
    },
  )

  test('fails if the store reports the checksum of other bytes', async () => {
    const otherChecksum = createHash('sha256').update('other').digest('base64')
    const { store } = await serve((_request, response) =>
      response.writeHead(200, { 'x-amz-version-id': 'v', 'x-amz-checksum-sha256': otherChecksum }).end(),
    )
    await expect(store.putIfAbsent('k', body, sha256)).rejects.toMatchObject({
      code: 'unreachable',
      retryable: true,
    })
  })

  test("without the store's time fails, because retention depends on it", async () => {
    const { store } = await serve((_request, response) => {
      response.sendDate = false
      response.writeHead(200, { 'x-amz-version-id': 'v' }).end()
    })
    await expect(store.putIfAbsent('k', body, sha256)).rejects.toMatchObject({ code: 'vault-unsafe' })
  })

  test('of no bytes is possible', async () => {
    const { store, server } = await serve((_request, response) =>
      response.writeHead(200, { 'x-amz-version-id': 'v' }).end(),
    )
    const empty = new Uint8Array(0)
    await store.putIfAbsent('k', empty, createHash('sha256').update(empty).digest('hex'))
    expect(server.requests[0]!.headers['content-length']).toBe('0')
  })

  test('reuses its connection', async () => {
    const ports = new Set<number | undefined>()
    const { store } = await serve((_request, response) => {
      ports.add(response.socket?.remotePort)
      response.writeHead(200, { 'x-amz-version-id': 'v' }).end()
    })
    const large = Buffer.alloc(3 * 1024 * 1024)
    const digest = createHash('sha256').update(large).digest('hex')
    for (let index = 0; index < 3; index++) await store.putIfAbsent(`k${index}`, large, digest)
    expect(ports.size).toBe(1)
  })
})

describe('a range', () => {
  test('is read from the requested version', async () => {
    const { store, server } = await serve((_request, response) => sendRange(response, 'abcde'))
    expect(Buffer.from(await store.getRange(ref, 0, 5)).toString()).toBe('abcde')
    const { url, headers } = server.requests[0]!
    expect([url.searchParams.get('versionId'), headers.range]).toEqual(['v1', 'bytes=0-4'])
  })

  describe('of many bytes on a link that is wider than one connection', () => {
    const mib = 1024 * 1024
    const content = Buffer.from(Uint8Array.from({ length: 3 * mib + 5 }, (_, at) => at * 31 + (at >> 8)))
    const wide = (): Partial<S3Settings> => ({ rangeWidth: new LinkWidth({ start: 3, max: 3 }, () => 0) })
    const sendPart: Script = (request, response) => {
      const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range!)!.map(Number)
      response.writeHead(206, {
        'content-range': `bytes ${first}-${last}/${content.length}`,
        'content-length': String(last! - first! + 1),
        'x-amz-version-id': 'v1',
      })
      response.end(content.subarray(first, last! + 1))
    }

    test('comes in parts, each where it belongs', async () => {
      const { store, server } = await serve(sendPart, wide())
      const buffer = new SharedArrayBuffer(4 * mib)
      const bytes = await store.getRange(ref, 0, content.length, buffer)
      expect(bytes.buffer).toBe(buffer)
      expect(content.equals(bytes)).toBe(true)
      expect(server.requests).toHaveLength(3)
    })

    test('comes in one request without a buffer, and if it is small', async () => {
      const { store, server } = await serve(sendPart, wide())
      expect(content.equals(await store.getRange(ref, 0, content.length))).toBe(true)
      expect(await store.getRange(ref, 7, mib, new SharedArrayBuffer(mib))).toHaveLength(mib)
      expect(server.requests).toHaveLength(2)
    })

    test('fails only after its last part has ended, because the buffer is used again', async () => {
      const { store } = await serve((request, response, index) => {
        if (request.headers.range!.startsWith('bytes=0-')) sendError(response, 404, 'NoSuchVersion')
        else setTimeout(() => sendPart(request, response, index), 80)
      }, wide())
      const buffer = new SharedArrayBuffer(4 * mib)
      await expect(store.getRange(ref, 0, content.length, buffer)).rejects.toMatchObject({
        code: 'not-found',
      })
      const atFailure = Buffer.from(Buffer.from(buffer))
      await new Promise((resolve) => setTimeout(resolve, 200))
      expect(atFailure.equals(Buffer.from(buffer))).toBe(true)
    })

    test.each([
      ['503', (response: Parameters<Script>[1]) => sendError(response, 503, 'SlowDown')],
      ['a lost connection', (response: Parameters<Script>[1]) => response.destroy()],
    ])('comes in fewer parts after %s', async (_what, fail) => {
      const { store, server } = await serve(
        (request, response, index) => (index === 0 ? fail(response) : sendPart(request, response, index)),
        wide(),
      )
      const buffer = new SharedArrayBuffer(4 * mib)
      expect(content.equals(await store.getRange(ref, 0, content.length, buffer))).toBe(true)
      const before = server.requests.length
      await store.getRange(ref, 0, content.length, buffer)
      expect(server.requests.length - before).toBe(1)
    })
  })

  test('of no bytes costs no request', async () => {
    const { store, server } = await serve((_request, response) => response.destroy())
    expect(await store.getRange(ref, 7, 0)).toHaveLength(0)
    expect(server.requests).toHaveLength(0)
  })

  test.each([
    [-1, 5],
    [0, -1],
    [0.5, 1],
    [Number.MAX_SAFE_INTEGER, 2],
    [0, Number.NaN],
  ])('that no object can have (%d, %d) is refused before any request', async (offset, bytes) => {
    const { store, server } = await serve((_request, response) => response.destroy())
    await expect(store.getRange(ref, offset, bytes)).rejects.toMatchObject({ code: 'damaged' })
    expect(server.requests).toHaveLength(0)
  })

  const lies: [string, Script][] = [
    [
      'is torn',
      (_request, response) => {
        response.writeHead(206, { 'content-range': 'bytes 0-4/100', 'content-length': '5' })
        response.write('ab')
        setTimeout(() => response.destroy(), 5)
      },
    ],
    [
      'stalls in its body',
      (_request, response) => {
        response.writeHead(206, { 'content-range': 'bytes 0-4/100', 'content-length': '5' })
        response.write('ab')
      },
    ],
    [
      'is short',
      (_request, response) => {
        response.writeHead(206, { 'content-range': 'bytes 0-4/100' })
        response.end('abc')
      },
    ],
    [
      'is longer',
      (_request, response) => {
        response.writeHead(206, { 'content-range': 'bytes 0-4/100' })
        response.end('abcdefgh')
      },
    ],
    [
      'is another range',
      (_request, response) => sendRange(response, 'abcde', { 'content-range': 'bytes 5-9/100' }),
    ],
    [
      'is the whole object',
      (_request, response) => response.writeHead(200, { 'content-length': '5' }).end('abcde'),
    ],
    [
      'is another version',
      (_request, response) => sendRange(response, 'abcde', { 'x-amz-version-id': 'v2' }),
    ],
  ]

  test.each(lies)('whose answer %s is asked for again', async (_what, lie) => {
    const { store, server } = await serve((request, response, index) =>
      index === 0 ? lie(request, response, index) : sendRange(response, 'abcde'),
    )
    expect(Buffer.from(await store.getRange(ref, 0, 5)).toString()).toBe('abcde')
    expect(server.requests).toHaveLength(2)
  })

  test.each(lies)(
    'whose answer %s each time is an error after a bounded number of attempts',
    async (_what, lie) => {
      const { store, server } = await serve(lie)
      await expect(store.getRange(ref, 0, 5)).rejects.toMatchObject({ code: 'unreachable', retryable: true })
      expect(server.requests).toHaveLength(3)
      expect(store.requests.get).toBe(3)
    },
  )

  test('survives a response of 500 and a lost connection', async () => {
    const { store } = await serve((_request, response, index) => {
      if (index === 0) sendError(response, 500, 'InternalError')
      else if (index === 1) response.destroy()
      else sendRange(response, 'abcde')
    })
    expect(await store.getRange(ref, 0, 5)).toHaveLength(5)
  })

  test('fails if the store stays silent', async () => {
    const { store, server } = await serve(() => undefined, { readAttempts: 2 })
    await expect(store.getRange(ref, 0, 5)).rejects.toMatchObject({ code: 'unreachable', retryable: true })
    expect(server.requests).toHaveLength(2)
  })

  test('that trickles for ever ends at the deadline of the whole call', async () => {
    const { store } = await serve(
      (_request, response) => {
        response.writeHead(206, { 'content-range': 'bytes 0-99999/100000', 'content-length': '100000' })
        const timer = setInterval(() => response.write('a'), 20)
        response.on('close', () => clearInterval(timer))
      },
      { readAttempts: 1, deadlines: { silenceMs: 5_000, callMs: 200, minBytesPerSecond: 1e9 } },
    )
    await expect(store.getRange(ref, 0, 100_000)).rejects.toMatchObject({
      code: 'unreachable',
      retryable: true,
    })
  })

  test.each([
    [403, 'AccessDenied', 'denied'],
    [404, 'NoSuchVersion', 'not-found'],
    [404, 'NoSuchBucket', 'not-found'],
    [405, 'MethodNotAllowed', 'not-found'],
    [416, 'InvalidRange', 'damaged'],
    [400, 'ExpiredToken', 'credentials'],
  ])('with the response %d %s is `%s` at once', async (status, name, code) => {
    const { store, server } = await serve((_request, response) => sendError(response, status, name))
    await expect(store.getRange(ref, 0, 5)).rejects.toMatchObject({ code, retryable: false })
    expect(server.requests).toHaveLength(1)
  })

  test('shows no secret that signed it', async () => {
    const { store } = await serve((_request, response) =>
      sendError(response, 403, 'SignatureDoesNotMatch', {
        message: 'x-amz-security-token:token-of-session',
      }),
    )
    const error = await store.getRange(ref, 0, 5).catch((caught: unknown) => caught)
    const { inspect } = await import('node:util')
    expect(inspect(error, { depth: null, showHidden: true })).not.toMatch(/token-of-session|AKIDEXAMPLE/)
  })

  test('is read with a new session after the server reported that the old one expired', async () => {
    let session = 0
    const { store, server } = await serve(
      (request, response) => {
        if (request.headers.authorization!.includes('AKID0')) sendError(response, 400, 'ExpiredToken')
        else sendRange(response, 'abcde')
      },
      {
        credentials: (options) => {
          if (options?.forceRefresh === true) session++
          return Promise.resolve({ accessKeyId: `AKID${session}`, secretAccessKey: 's' })
        },
      },
    )
    expect(await store.getRange(ref, 0, 5)).toHaveLength(5)
    expect(server.requests).toHaveLength(2)
  })
})

describe("the bucket's lock", () => {
  const configuration = (rule: string): string =>
    `<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>${rule}</ObjectLockConfiguration>`

  test.each([
    [
      'days',
      '<Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>40</Days></DefaultRetention></Rule>',
      { mode: 'COMPLIANCE', days: 40 },
    ],
    [
      'years',
      '<Rule><DefaultRetention><Mode>GOVERNANCE</Mode><Years>2</Years></DefaultRetention></Rule>',
      { mode: 'GOVERNANCE', days: 730 },
    ],
    ['no default', '', null],
    [
      'a default of no days',
      '<Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>0</Days></DefaultRetention></Rule>',
      null,
    ],
  ])('is read with %s', async (_what, rule, retention) => {
    const { store } = await serve((_request, response) => sendXml(response, configuration(rule)))
    const lockDefault = await store.lockDefault()
    expect(lockDefault.retention).toEqual(retention)
    expect(Math.abs(lockDefault.serverTimeMs - Date.now())).toBeLessThan(60_000)
  })

  test("of a bucket without Object Lock is null, with the store's time", async () => {
    const { store } = await serve((_request, response) =>
      sendError(response, 404, 'ObjectLockConfigurationNotFoundError', {
        headers: { date: 'Fri, 24 Apr 2026 10:00:00 GMT' },
      }),
    )
    expect(await store.lockDefault()).toEqual({
      retention: null,
      serverTimeMs: Date.parse('2026-04-24T10:00:00Z'),
    })
  })

  test.each([
    [404, 'NoSuchBucket', 'not-found'],
    [403, 'AccessDenied', 'denied'],
  ])('with the response %d %s is `%s`, never "no lock"', async (status, name, code) => {
    const { store } = await serve((_request, response) => sendError(response, status, name))
    await expect(store.lockDefault()).rejects.toMatchObject({ code })
  })

  test('read from another document is refused, never "no lock"', async () => {
    const { store } = await serve((_request, response) =>
      sendXml(response, '<html><body>Sign in</body></html>'),
    )
    await expect(store.lockDefault()).rejects.toMatchObject({ code: 'unreachable' })
  })

  test('of an unknown mode is refused', async () => {
    const { store } = await serve((_request, response) =>
      sendXml(
        response,
        configuration(
          '<Rule><DefaultRetention><Mode>ADVISORY</Mode><Days>4</Days></DefaultRetention></Rule>',
        ),
      ),
    )
    await expect(store.lockDefault()).rejects.toMatchObject({ code: 'unsupported-format' })
  })
})

describe('the name of a store', () => {
  const nameOf = (settings: Partial<S3Settings>): string => {
    const store = openS3ObjectStore({ bucket: 'vault', environment: {}, ...settings })
    store.close()
    return store.name
  }

  test('has the path of its endpoint, because one origin can serve two stores', () => {
    expect(nameOf({ endpoint: 'http://h/a' })).toBe('s3://vault at http://h/a')
    expect(nameOf({ endpoint: 'http://h/b/' })).toBe('s3://vault at http://h/b')
    expect(nameOf({ endpoint: 'https://h:443/' })).toBe('s3://vault at https://h')
    expect(nameOf({ endpoint: 'https://user:secret@h/?x' })).toBe('s3://vault at https://h')
  })

  test('has the endpoint of the AWS profile, unless another one is given', async () => {
    const file = join(makeTemporaryDirectory(), 'config')
    writeFileSync(
      file,
      '[profile here]\nservices = here\n[services here]\ns3 =\n  endpoint_url = http://profile.test/path\n',
    )
    vi.stubEnv('AWS_CONFIG_FILE', file)
    vi.stubEnv('AWS_PROFILE', 'here')
    const profileEndpoint = await readProfileEndpoint()
    vi.stubEnv('AWS_IGNORE_CONFIGURED_ENDPOINT_URLS', 'true')
    expect(await readProfileEndpoint()).toBeUndefined()
    vi.unstubAllEnvs()
    expect(nameOf({ profileEndpoint })).toBe('s3://vault at http://profile.test/path')
    expect(nameOf({ profileEndpoint, endpoint: 'http://flag.test' })).toBe('s3://vault at http://flag.test')
    expect(nameOf({ profileEndpoint, environment: { AWS_ENDPOINT_URL: 'http://env.test' } })).toBe(
      's3://vault at http://env.test',
    )
  })
})

describe('a listing', () => {
  const page = (key: string): string =>
    `<?xml version="1.0"?><ListVersionsResult><IsTruncated>false</IsTruncated><Version><Key>${key}</Key>
      <VersionId>v</VersionId><LastModified>2026-04-01T00:00:00.000Z</LastModified><Size>1</Size></Version>
      </ListVersionsResult>`

  test('asks again for a page that was damaged on its way', async () => {
    const { store, server } = await serve((_request, response, index) =>
      sendXml(response, page(index === 0 ? 'other/key' : 'wanted/key')),
    )
    const keys: string[] = []
    for await (const { key } of store.listVersions('wanted/')) keys.push(key)
    expect([keys, server.requests.length]).toEqual([['wanted/key'], 2])
  })

  test('of a store that breaks the rules each time is refused, after three attempts', async () => {
    const { store, server } = await serve((_request, response) => sendXml(response, page('other/key')))
    const first = store.listVersions('wanted/')[Symbol.asyncIterator]().next()
    await expect(first).rejects.toMatchObject({ code: 'damaged' })
    expect(server.requests).toHaveLength(3)
  })
})

describe('a store that goes away', () => {
  const outage = { ...outageRetry, minAttempts: 3, delay: { baseMs: 1, maxMs: 1, jitter: 'none' as const } }

  test('is waited for by reads, if it has responded before', async () => {
    let requests = 0
    const waits: string[] = []
    const { store } = await serve(
      (_request, response) => {
        if (++requests === 1 || requests > 4) return sendRange(response, 'hello')
        response.destroy()
      },
      { readAttempts: 1, outage, onWait: ({ reason }) => waits.push(reason) },
    )
    for (let read = 0; read < 2; read++)
      expect(Buffer.from(await store.getRange(ref, 0, 5)).toString()).toBe('hello')
    expect([requests, waits.length]).toEqual([5, 3])
    expect(waits[0]).toContain('connection broke')
  })

  test('is not waited for if it never responded: the address may be wrong', async () => {
    const { store, server } = await serve((_request, response) => response.destroy(), {
      readAttempts: 1,
      outage,
    })
    await expect(store.getRange(ref, 0, 4)).rejects.toMatchObject({ code: 'unreachable' })
    expect(server.requests).toHaveLength(1)
  })
})
