import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import { openS3ObjectStore } from '../../aws/s3-object-store.ts'
import type { S3ObjectStore, S3Settings } from '../../aws/s3-object-store.ts'
import { answerError, answerXml, startScriptedServer } from './scripted-server.ts'
import type { Script, ScriptedServer } from './scripted-server.ts'

const ref = { key: 'sources/db/packs/p', versionId: 'v1' }
const body = Buffer.from('the bytes of a pack')
const sha256 = createHash('sha256').update(body).digest('hex')
const sha256Base64 = Buffer.from(sha256, 'hex').toString('base64')

let server: ScriptedServer | undefined
let store: S3ObjectStore | undefined

afterEach(async () => {
  store?.close()
  await server?.stop()
})

async function serve(script: Script, settings: Partial<S3Settings> = {}): Promise<S3ObjectStore> {
  server = await startScriptedServer(script)
  store = openS3ObjectStore({
    bucket: 'vault',
    region: 'eu-central-1',
    endpoint: server.endpoint,
    credentials: () => Promise.resolve({ accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret', sessionToken: 'token-of-session' }),
    readAttempts: 3,
    deadlines: { connectMs: 1_000, silenceMs: 150, callMs: 2_000 },
    environment: {},
    ...settings,
  })
  return store
}

function answerRange(response: ServerResponse, bytes: string, headers: Record<string, string> = {}): void {
  response.writeHead(206, { 'content-range': 'bytes 0-4/100', 'content-length': '5', 'x-amz-version-id': 'v1', ...headers })
  response.end(bytes)
}

describe('an upload', () => {
  const accept: Script = (_request, response) => {
    response.writeHead(200, { 'x-amz-version-id': 'v7', 'x-amz-checksum-sha256': sha256Base64, date: 'Fri, 24 Apr 2026 10:00:00 GMT' })
    response.end()
  }

  test('is one PUT that must not meet an existing key, with length and a checksum for the server to verify', async () => {
    const store = await serve(accept)
    const reply = await store.putIfAbsent('sources/db/packs/p', body, sha256)
    expect(reply).toEqual({ versionId: 'v7', serverTimeMs: Date.parse('2026-04-24T10:00:00Z') })
    expect(server!.requests).toHaveLength(1)
    const request = server!.requests[0]!
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
  ])('that is answered %d %s is never sent again by itself', async (status, name, code, retryable) => {
    const store = await serve((_request, response) => answerError(response, status, name))
    await expect(store.putIfAbsent('k', body, sha256)).rejects.toMatchObject({ code, retryable })
    expect(server!.requests).toHaveLength(1)
  })

  test('whose reply is lost is never sent again by itself', async () => {
    const store = await serve((_request, response) => response.destroy())
    await expect(store.putIfAbsent('k', body, sha256)).rejects.toMatchObject({ code: 'unreachable', retryable: true })
    expect(server!.requests).toHaveLength(1)
  })

  test('that gets no answer ends at its deadline', async () => {
    const store = await serve(() => undefined)
    await expect(store.putIfAbsent('k', body, sha256)).rejects.toMatchObject({ code: 'unreachable', retryable: true })
    expect(server!.requests).toHaveLength(1)
  })

  test.each([[{}], [{ 'x-amz-version-id': 'null' }]])('to a bucket that keeps no versions is `vault-unsafe` (%j)', async (headers) => {
    const store = await serve((_request, response) => response.writeHead(200, headers).end())
    await expect(store.putIfAbsent('k', body, sha256)).rejects.toMatchObject({ code: 'vault-unsafe' })
  })

  test('is not believed if the store says that it holds other bytes', async () => {
    const other = createHash('sha256').update('other').digest('base64')
    const store = await serve((_request, response) => response.writeHead(200, { 'x-amz-version-id': 'v', 'x-amz-checksum-sha256': other }).end())
    await expect(store.putIfAbsent('k', body, sha256)).rejects.toMatchObject({ code: 'unreachable', retryable: true })
  })

  test('without the store\'s time is not believed, because retention goes by it', async () => {
    const store = await serve((_request, response) => {
      response.sendDate = false
      response.writeHead(200, { 'x-amz-version-id': 'v' }).end()
    })
    await expect(store.putIfAbsent('k', body, sha256)).rejects.toMatchObject({ code: 'vault-unsafe' })
  })

  test('of no bytes is possible', async () => {
    const store = await serve((_request, response) => response.writeHead(200, { 'x-amz-version-id': 'v' }).end())
    const empty = new Uint8Array(0)
    await store.putIfAbsent('k', empty, createHash('sha256').update(empty).digest('hex'))
    expect(server!.requests[0]!.headers['content-length']).toBe('0')
  })

  test('uses its connection again', async () => {
    const ports = new Set<number | undefined>()
    const store = await serve((_request, response) => {
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
  test('is read from the version that was named', async () => {
    const store = await serve((_request, response) => answerRange(response, 'abcde'))
    expect(Buffer.from(await store.getRange(ref, 0, 5)).toString()).toBe('abcde')
    const { url, headers } = server!.requests[0]!
    expect([url.searchParams.get('versionId'), headers.range]).toEqual(['v1', 'bytes=0-4'])
  })

  test('of no bytes costs no request', async () => {
    const store = await serve((_request, response) => response.destroy())
    expect(await store.getRange(ref, 7, 0)).toHaveLength(0)
    expect(server!.requests).toHaveLength(0)
  })

  test.each([[-1, 5], [0, -1], [0.5, 1], [Number.MAX_SAFE_INTEGER, 2], [0, Number.NaN]])('that can\'t be (%d, %d) is refused before any request', async (offset, bytes) => {
    const store = await serve((_request, response) => response.destroy())
    await expect(store.getRange(ref, offset, bytes)).rejects.toMatchObject({ code: 'damaged' })
    expect(server!.requests).toHaveLength(0)
  })

  const lies: [string, Script][] = [
    ['is torn', (_request, response) => {
      response.writeHead(206, { 'content-range': 'bytes 0-4/100', 'content-length': '5' })
      response.write('ab')
      setTimeout(() => response.destroy(), 5)
    }],
    ['stalls in its body', (_request, response) => {
      response.writeHead(206, { 'content-range': 'bytes 0-4/100', 'content-length': '5' })
      response.write('ab')
    }],
    ['is short', (_request, response) => {
      response.writeHead(206, { 'content-range': 'bytes 0-4/100' })
      response.end('abc')
    }],
    ['is longer', (_request, response) => {
      response.writeHead(206, { 'content-range': 'bytes 0-4/100' })
      response.end('abcdefgh')
    }],
    ['is another range', (_request, response) => answerRange(response, 'abcde', { 'content-range': 'bytes 5-9/100' })],
    ['is the whole object', (_request, response) => response.writeHead(200, { 'content-length': '5' }).end('abcde')],
    ['is another version', (_request, response) => answerRange(response, 'abcde', { 'x-amz-version-id': 'v2' })],
  ]

  test.each(lies)('whose answer %s is asked for again', async (_what, lie) => {
    const store = await serve((request, response, index) => (index === 0 ? lie(request, response, index) : answerRange(response, 'abcde')))
    expect(Buffer.from(await store.getRange(ref, 0, 5)).toString()).toBe('abcde')
    expect(server!.requests).toHaveLength(2)
  })

  test.each(lies)('whose answer %s each time is an error after a bounded number of attempts', async (_what, lie) => {
    const store = await serve(lie)
    await expect(store.getRange(ref, 0, 5)).rejects.toMatchObject({ code: 'unreachable', retryable: true })
    expect(server!.requests).toHaveLength(3)
    expect(store.requests.get).toBe(3)
  })

  test('survives an answer of 500 and a lost connection', async () => {
    const store = await serve((_request, response, index) => {
      if (index === 0) answerError(response, 500, 'InternalError')
      else if (index === 1) response.destroy()
      else answerRange(response, 'abcde')
    })
    expect(await store.getRange(ref, 0, 5)).toHaveLength(5)
  })

  test('gives up when the store stays silent', async () => {
    const store = await serve(() => undefined, { readAttempts: 2 })
    await expect(store.getRange(ref, 0, 5)).rejects.toMatchObject({ code: 'unreachable', retryable: true })
    expect(server!.requests).toHaveLength(2)
  })

  test('that trickles for ever ends at the deadline of the whole call', async () => {
    const store = await serve((_request, response) => {
      response.writeHead(206, { 'content-range': 'bytes 0-99999/100000', 'content-length': '100000' })
      const timer = setInterval(() => response.write('a'), 20)
      response.on('close', () => clearInterval(timer))
    }, { readAttempts: 1, deadlines: { silenceMs: 5_000, callMs: 200, slowestBytesPerSecond: 1e9 } })
    await expect(store.getRange(ref, 0, 100_000)).rejects.toMatchObject({ code: 'unreachable', retryable: true })
  })

  test.each([
    [403, 'AccessDenied', 'denied'],
    [404, 'NoSuchVersion', 'not-found'],
    [404, 'NoSuchBucket', 'not-found'],
    [405, 'MethodNotAllowed', 'not-found'],
    [416, 'InvalidRange', 'damaged'],
    [400, 'ExpiredToken', 'credentials'],
  ])('that is answered %d %s is `%s` at once', async (status, name, code) => {
    const store = await serve((_request, response) => answerError(response, status, name))
    await expect(store.getRange(ref, 0, 5)).rejects.toMatchObject({ code, retryable: false })
    expect(server!.requests).toHaveLength(1)
  })

  test('says nothing of the secrets that signed it', async () => {
    const store = await serve((_request, response) => answerError(response, 403, 'SignatureDoesNotMatch', 'x-amz-security-token:token-of-session'))
    const error = await store.getRange(ref, 0, 5).catch((caught: unknown) => caught)
    const { inspect } = await import('node:util')
    expect(inspect(error, { depth: null, showHidden: true })).not.toMatch(/token-of-session|AKIDEXAMPLE/)
  })

  test('is read with a new session when the server says that the old one has expired', async () => {
    let session = 0
    const store = await serve((request, response) => {
      if (request.headers.authorization!.includes('AKID0')) answerError(response, 400, 'ExpiredToken')
      else answerRange(response, 'abcde')
    }, {
      credentials: (options) => {
        if (options?.forceRefresh === true) session++
        return Promise.resolve({ accessKeyId: `AKID${session}`, secretAccessKey: 's' })
      },
    })
    expect(await store.getRange(ref, 0, 5)).toHaveLength(5)
    expect(server!.requests).toHaveLength(2)
  })
})

describe('a version\'s state', () => {
  const plain = { 'content-length': '19', 'last-modified': 'Fri, 24 Apr 2026 10:00:00 GMT', 'x-amz-version-id': 'v1' }

  test('has what the store knows of it', async () => {
    const store = await serve((_request, response) => response.writeHead(200, {
      ...plain, 'x-amz-checksum-sha256': sha256Base64,
      'x-amz-object-lock-mode': 'COMPLIANCE', 'x-amz-object-lock-retain-until-date': '2026-06-03T10:00:00Z',
    }).end())
    expect(await store.headVersion(ref)).toEqual({
      bytes: 19, lastModifiedMs: Date.parse('2026-04-24T10:00:00Z'), sha256,
      lock: { mode: 'COMPLIANCE', untilMs: Date.parse('2026-06-03T10:00:00Z') },
    })
    const { url, headers } = server!.requests[0]!
    expect([url.searchParams.get('versionId'), headers['x-amz-checksum-mode']]).toEqual(['v1', 'ENABLED'])
  })

  test('tells no lock from a lock that may not be seen', async () => {
    const answers = new Map<string, Script>([
      ['none', (_request, response) => answerError(response, 404, 'NoSuchObjectLockConfiguration')],
      ['bucket without', (_request, response) => answerError(response, 400, 'InvalidRequest')],
      ['hidden', (_request, response) => answerError(response, 403, 'AccessDenied')],
      ['seen', (_request, response) => answerXml(response, '<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>2026-06-03T10:00:00Z</RetainUntilDate></Retention>')],
    ])
    const found: Record<string, unknown> = {}
    for (const [name, script] of answers) {
      const store = await serve((request, response, index) => (request.method === 'HEAD' ? response.writeHead(200, plain).end() : script(request, response, index)))
      found[name] = (await store.headVersion(ref)).lock
      expect(server!.requests.map(({ method, url }) => [method, url.searchParams.get('versionId')])).toEqual([['HEAD', 'v1'], ['GET', 'v1']])
      await server!.stop()
    }
    expect(found).toEqual({
      none: null, 'bucket without': null, hidden: undefined,
      seen: { mode: 'GOVERNANCE', untilMs: Date.parse('2026-06-03T10:00:00Z') },
    })
  })

  test('has no digest where the checksum is one of parts', async () => {
    const store = await serve((request, response) => {
      if (request.method === 'HEAD') response.writeHead(200, { ...plain, 'x-amz-checksum-sha256': `${sha256Base64}-3` }).end()
      else answerError(response, 404, 'NoSuchObjectLockConfiguration')
    })
    expect((await store.headVersion(ref)).sha256).toBeNull()
  })

  test.each([[404, 'not-found'], [405, 'not-found'], [403, 'denied']])('that is answered %d is `%s`', async (status, code) => {
    const store = await serve((_request, response) => response.writeHead(status).end())
    await expect(store.headVersion(ref)).rejects.toMatchObject({ code })
  })

  test.each([
    [400, 'ExpiredToken', 'credentials'], [403, 'SignatureDoesNotMatch', 'credentials'], [403, 'AccessDenied', 'denied'], [403, 'InvalidRange', 'denied'],
  ])('whose refusal with a bare %d is explained by a read that is answered %s', async (status, name, code) => {
    const store = await serve((request, response) => {
      if (request.method === 'HEAD') response.writeHead(status).end()
      else answerError(response, name === 'InvalidRange' ? 416 : status, name)
    })
    await expect(store.headVersion(ref)).rejects.toMatchObject({ code })
  })

  test('whose session ran out is asked again with a new one, though the refusal of a HEAD can\'t say so', async () => {
    let session = 1
    const store = await serve((request, response) => {
      const isNew = String(request.headers['authorization']).includes('SESSION2')
      if (request.method === 'HEAD') {
        response.writeHead(isNew ? 200 : 400, { ...plain, 'x-amz-object-lock-mode': 'COMPLIANCE', 'x-amz-object-lock-retain-until-date': '2026-06-01T00:00:00Z' }).end()
      } else if (isNew) answerRange(response, 'f', { 'content-range': 'bytes 0-0/100', 'content-length': '1' })
      else answerError(response, 400, 'ExpiredToken')
    }, {
      credentials: (options) => {
        if (options?.forceRefresh === true) session = 2
        return Promise.resolve({ accessKeyId: `SESSION${session}`, secretAccessKey: 'secret' })
      },
    })
    expect(await store.headVersion(ref)).toMatchObject({ lock: { mode: 'COMPLIANCE' } })
    expect(server!.requests.map(({ method }) => method)).toEqual(['HEAD', 'GET', 'GET', 'HEAD'])
  })
})

describe('a listing', () => {
  const entry = (key: string, version: string): string =>
    `<Version><Key>${key}</Key><VersionId>${version}</VersionId><IsLatest>true</IsLatest><LastModified>2026-04-24T10:00:00.000Z</LastModified><ETag>"e"</ETag><Size>3</Size></Version>`
  const page = (entries: string, next?: [string, string]): string => `<ListVersionsResult><EncodingType>url</EncodingType>${entries}${
    next === undefined ? '<IsTruncated>false</IsTruncated>' : `<IsTruncated>true</IsTruncated><NextKeyMarker>${next[0]}</NextKeyMarker><NextVersionIdMarker>${next[1]}</NextVersionIdMarker>`
  }</ListVersionsResult>`

  async function collect(store: S3ObjectStore): Promise<string[]> {
    const found: string[] = []
    for await (const version of store.listVersions('a/')) found.push(`${version.key}:${version.versionId}`)
    return found
  }

  test('follows both markers', async () => {
    const store = await serve((request, response) => {
      const from = request.url.searchParams
      if (from.get('version-id-marker') === 'v2' && from.get('key-marker') === 'a/x') answerXml(response, page(entry('a/x', 'v1') + entry('a/y%2Bz', 'v1')))
      else answerXml(response, page(entry('a/x', 'v2'), ['a/x', 'v2']))
    })
    expect(await collect(store)).toEqual(['a/x:v2', 'a/x:v1', 'a/y+z:v1'])
    expect(server!.requests.every((request) => request.url.searchParams.get('encoding-type') === 'url')).toBe(true)
  })

  test('that repeats its first page for ever is an error at the second', async () => {
    const store = await serve((_request, response) => answerXml(response, page(entry('a/x', 'v2'), ['a/x', 'v2'])))
    await expect(collect(store)).rejects.toMatchObject({ code: 'damaged' })
    expect(server!.requests).toHaveLength(2)
  })

  test.each([
    ['no XML at all', 'once upon a time'],
    ['XML that ends early', '<ListVersionsResult><Version><Key>a'],
    ['a body without end of tags', '<a>'.repeat(100_000)],
    ['an entity that grows', '<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><ListVersionsResult><Version><Key>&b;</Key></Version></ListVersionsResult>'],
    ['prototype names', '<ListVersionsResult><__proto__><IsTruncated>true</IsTruncated></__proto__><constructor/><Version><Key>a/__proto__</Key></Version></ListVersionsResult>'],
    ['another document', '<html><body>Sign in to the airport\'s network</body></html>'],
  ])('of %s is refused, never an empty vault', async (_what, xml) => {
    const store = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/xml' })
      response.end(xml)
    }, { readAttempts: 1 })
    await expect(collect(store)).rejects.toMatchObject({ name: 'HoldfastError' })
  })

  test('without end does not fill the memory', async () => {
    const chunk = Buffer.alloc(1024 * 1024, 32)
    const store = await serve((_request, response) => {
      let sent = 0
      const send = (): void => {
        while (sent++ < 200 && !response.destroyed) if (!response.write(chunk)) return void response.once('drain', send)
        response.end()
      }
      send()
    }, { readAttempts: 1 })
    await expect(collect(store)).rejects.toMatchObject({ code: 'unreachable', message: expect.stringContaining('longer than any') as string })
  })

  test('of folders asks for versions, with a delimiter', async () => {
    const folders = '<CommonPrefixes><Prefix>sources/db/</Prefix></CommonPrefixes><CommonPrefixes><Prefix>sources/uploads/</Prefix></CommonPrefixes>'
    const store = await serve((_request, response) => answerXml(response, page(folders)))
    expect(await store.listFolders('sources/')).toEqual(['db', 'uploads'])
    expect(server!.requests[0]!.url.searchParams.get('delimiter')).toBe('/')
    expect(server!.requests[0]!.url.searchParams.has('versions')).toBe(true)
  })

  test('that may not be made is denied, not empty', async () => {
    const store = await serve((_request, response) => answerError(response, 403, 'AccessDenied', 'User: x is not authorized'))
    await expect(collect(store)).rejects.toMatchObject({ code: 'denied', message: expect.stringContaining('not authorized') as string })
  })
})

describe('the bucket\'s lock', () => {
  const configuration = (rule: string): string =>
    `<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>${rule}</ObjectLockConfiguration>`

  test.each([
    ['days', '<Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>40</Days></DefaultRetention></Rule>', { mode: 'COMPLIANCE', days: 40 }],
    ['years', '<Rule><DefaultRetention><Mode>GOVERNANCE</Mode><Years>2</Years></DefaultRetention></Rule>', { mode: 'GOVERNANCE', days: 730 }],
    ['no default', '', null],
    ['a default of no days', '<Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>0</Days></DefaultRetention></Rule>', null],
  ])('is read with %s', async (_what, rule, retention) => {
    const store = await serve((_request, response) => answerXml(response, configuration(rule)))
    const found = await store.lockDefault()
    expect(found.retention).toEqual(retention)
    expect(Math.abs(found.serverTimeMs - Date.now())).toBeLessThan(60_000)
  })

  test('of a bucket without Object Lock is none, with the store\'s time', async () => {
    const store = await serve((_request, response) => answerError(response, 404, 'ObjectLockConfigurationNotFoundError', 'none', { date: 'Fri, 24 Apr 2026 10:00:00 GMT' }))
    expect(await store.lockDefault()).toEqual({ retention: null, serverTimeMs: Date.parse('2026-04-24T10:00:00Z') })
  })

  test.each([[404, 'NoSuchBucket', 'not-found'], [403, 'AccessDenied', 'denied']])('that is answered %d %s is `%s`, never "no lock"', async (status, name, code) => {
    const store = await serve((_request, response) => answerError(response, status, name))
    await expect(store.lockDefault()).rejects.toMatchObject({ code })
  })

  test('of another document is refused, never "no lock"', async () => {
    const store = await serve((_request, response) => answerXml(response, '<html><body>Sign in</body></html>'))
    await expect(store.lockDefault()).rejects.toMatchObject({ code: 'unreachable' })
  })

  test('of a mode that is not known is refused', async () => {
    const store = await serve((_request, response) => answerXml(response, configuration('<Rule><DefaultRetention><Mode>ADVISORY</Mode><Days>4</Days></DefaultRetention></Rule>')))
    await expect(store.lockDefault()).rejects.toMatchObject({ code: 'unsupported-format' })
  })
})

describe('the connection', () => {
  test('signs by the server\'s clock once a reply has told it', async () => {
    const dayMs = 86_400_000
    const store = await serve((request, response) => {
      const signed = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(request.headers['x-amz-date'] as string)!.slice(1).map(Number)
      const signedMs = Date.UTC(signed[0]!, signed[1]! - 1, signed[2], signed[3], signed[4], signed[5])
      const serverMs = Date.now() + dayMs
      const date = { date: new Date(serverMs).toUTCString() }
      if (Math.abs(signedMs - serverMs) > 900_000) answerError(response, 403, 'RequestTimeTooSkewed', 'skewed', date)
      else if (request.method === 'PUT') response.writeHead(200, { 'x-amz-version-id': 'v', ...date }).end()
      else answerError(response, 404, 'ObjectLockConfigurationNotFoundError', 'none', date)
    })
    expect((await store.lockDefault()).serverTimeMs).toBeGreaterThan(Date.now() + dayMs / 2)
    expect((await store.putIfAbsent('k', body, sha256)).versionId).toBe('v')
  })

  test('to nowhere is `unreachable`', async () => {
    const store = await serve((_request, response) => response.destroy(), { readAttempts: 1 })
    await server!.stop()
    await expect(store.lockDefault()).rejects.toMatchObject({ code: 'unreachable', retryable: true })
    await expect(store.putIfAbsent('k', body, sha256)).rejects.toMatchObject({ code: 'unreachable', retryable: true })
  })

  test('that is stopped rejects at once with the reason', async () => {
    const stop = new AbortController()
    const store = await serve(() => setTimeout(() => stop.abort(new Error('stopped')), 10), {
      signal: stop.signal, deadlines: { silenceMs: 30_000, callMs: 30_000 },
    })
    await expect(store.getRange(ref, 0, 5)).rejects.toThrow('stopped')
    await expect(store.putIfAbsent('k', body, sha256)).rejects.toThrow('stopped')
  })

  test('needs an endpoint that is a URL', () => {
    expect(() => openS3ObjectStore({ bucket: 'vault', endpoint: 'localhost 9000' })).toThrow('not a URL')
  })
})
