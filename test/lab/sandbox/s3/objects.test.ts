import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectTaggingCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  PutObjectAclCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
} from '@aws-sdk/client-s3'
import type { PutObjectCommandInput } from '@aws-sdk/client-s3'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readRange } from '../../../../lab/sandbox/s3/objects/byte-range.ts'
import { send, signRequest } from '../raw-request.ts'
import { codeOf, productionAccount, rootOf, startWorld, vaultAccount } from '../world.ts'

const sandbox = await startWorld()
const client = rootOf(sandbox)
const root = sandbox.rootCredentials(vaultAccount)
const versioned = { Bucket: 'versioned' }

async function put(Key: string, Body: string, input: Partial<PutObjectCommandInput> = {}): Promise<string> {
  const { VersionId } = await client.send(new PutObjectCommand({ ...versioned, Key, Body, ...input }))
  return VersionId ?? ''
}

describe('an object', () => {
  test('is returned byte for byte, with its version, its MD5 and its headers', async () => {
    const VersionId = await put('a/b', 'a volume, once', {
      ContentType: 'text/plain',
      CacheControl: 'no-store',
      Metadata: { origin: 'test' },
    })
    const got = await client.send(new GetObjectCommand({ ...versioned, Key: 'a/b', VersionId }))
    expect(await got.Body?.transformToString()).toBe('a volume, once')
    expect(got).toMatchObject({
      VersionId,
      ContentType: 'text/plain',
      CacheControl: 'no-store',
      Metadata: { origin: 'test' },
      ServerSideEncryption: 'AES256',
    })
    expect(got.ETag).toBe(`"${createHash('md5').update('a volume, once').digest('hex')}"`)
    expect(got.LastModified?.getMilliseconds()).toBe(0)
  })

  test.each(['GLACIER', 'DEEP_ARCHIVE'] as const)(
    'in %s can be looked at, and neither read nor copied',
    async (StorageClass) => {
      const VersionId = await put(StorageClass, 'cold', { StorageClass })
      const address = { ...versioned, Key: StorageClass, VersionId }
      expect(await client.send(new HeadObjectCommand(address))).toMatchObject({
        StorageClass,
        ContentLength: 4,
      })
      const CopySource = `versioned/${StorageClass}?versionId=${VersionId}`
      for (const call of [
        () => client.send(new GetObjectCommand(address)),
        () => client.send(new GetObjectCommand({ ...address, Range: 'bytes=0-0' })),
        () => client.send(new CopyObjectCommand({ ...versioned, Key: 'copy', CopySource })),
      ])
        expect(await codeOf(call())).toBe('InvalidObjectState')
    },
  )

  test('of no bytes is an object', async () => {
    // An empty text would make the SDK complain about a stream of unknown length.
    await client.send(new PutObjectCommand({ ...versioned, Key: 'empty', Body: new Uint8Array() }))
    const got = await client.send(new GetObjectCommand({ ...versioned, Key: 'empty' }))
    expect([got.ContentLength, await got.Body?.transformToString()]).toEqual([0, ''])
    expect(
      await codeOf(client.send(new GetObjectCommand({ ...versioned, Key: 'empty', Range: 'bytes=0-0' }))),
    ).toBe('InvalidRange')
  })

  test("behind a delete marker is NoSuchKey, and its version is still there; the marker itself can't be read", async () => {
    const VersionId = await put('hidden', 'x')
    const marker = await client.send(new DeleteObjectCommand({ ...versioned, Key: 'hidden' }))
    expect(marker.DeleteMarker).toBe(true)
    expect(await codeOf(client.send(new GetObjectCommand({ ...versioned, Key: 'hidden' })))).toBe('NoSuchKey')
    const reply = await send(sandbox, { path: '/versioned/hidden', credentials: root })
    expect(reply.headers['x-amz-delete-marker']).toBe('true')
    expect(
      await send(sandbox, { path: `/versioned/hidden?versionId=${marker.VersionId}`, credentials: root }),
    ).toMatchObject({ status: 405, code: 'MethodNotAllowed' })
    expect(
      (await client.send(new GetObjectCommand({ ...versioned, Key: 'hidden', VersionId }))).ContentLength,
    ).toBe(1)
    await client.send(new DeleteObjectCommand({ ...versioned, Key: 'hidden', VersionId: marker.VersionId }))
    expect((await client.send(new GetObjectCommand({ ...versioned, Key: 'hidden' }))).VersionId).toBe(
      VersionId,
    )
  })

  test('that is missing is 404 to callers that may list, without a body for HEAD', async () => {
    expect(await send(sandbox, { path: '/versioned/none', credentials: root })).toMatchObject({
      status: 404,
      code: 'NoSuchKey',
    })
    expect(
      await send(sandbox, {
        path: '/versioned/none?versionId=01ARZ3NDEKTSV4RRFFQ69G5FAV',
        credentials: root,
      }),
    ).toMatchObject({ status: 404, code: 'NoSuchVersion' })
    for (const method of ['GET', 'DELETE']) {
      expect(
        await send(sandbox, { path: '/versioned/none?versionId=none', method, credentials: root }),
      ).toMatchObject({ status: 400, code: 'InvalidArgument' })
    }
    expect(await send(sandbox, { path: '/nowhere/none', credentials: root })).toMatchObject({
      status: 404,
      code: 'NoSuchBucket',
    })
    expect(await send(sandbox, { path: '/versioned/none', method: 'HEAD', credentials: root })).toMatchObject(
      { status: 404, body: '' },
    )
    expect(
      await send(sandbox, {
        path: '/versioned/none',
        credentials: sandbox.rootCredentials(productionAccount),
      }),
    ).toMatchObject({ status: 403, code: 'AccessDenied' })
  })

  test("is refused if the client expected another owner of its bucket or of its source's bucket", async () => {
    await put('owned', 'x')
    const key = { ...versioned, Key: 'owned' }
    expect(
      (await client.send(new GetObjectCommand({ ...key, ExpectedBucketOwner: vaultAccount }))).ContentLength,
    ).toBe(1)
    expect(
      await codeOf(client.send(new GetObjectCommand({ ...key, ExpectedBucketOwner: productionAccount }))),
    ).toBe('AccessDenied')
    const copy = { ...versioned, Key: 'copied', CopySource: 'versioned/owned' }
    expect(
      await codeOf(
        client.send(new CopyObjectCommand({ ...copy, ExpectedSourceBucketOwner: productionAccount })),
      ),
    ).toBe('AccessDenied')
  })

  test('in a bucket without versions is replaced, and gone when deleted', async () => {
    const key = { Bucket: 'plain', Key: 'k' }
    for (const Body of ['one', 'two']) await client.send(new PutObjectCommand({ ...key, Body }))
    expect(
      (await client.send(new ListObjectVersionsCommand({ Bucket: 'plain' }))).Versions?.map(
        ({ VersionId, Size }) => [VersionId, Size],
      ),
    ).toEqual([['null', 3]])
    await client.send(new DeleteObjectCommand(key))
    expect((await client.send(new ListObjectVersionsCommand({ Bucket: 'plain' }))).Versions ?? []).toEqual([])
  })

  test('has tags and attributes, and refuses access control lists', async () => {
    const VersionId = await put('tagged', 'x', { Tagging: 'a=1&b=2', ChecksumAlgorithm: 'SHA256' })
    const key = { ...versioned, Key: 'tagged', VersionId }
    expect((await client.send(new GetObjectTaggingCommand(key))).TagSet).toEqual([
      { Key: 'a', Value: '1' },
      { Key: 'b', Value: '2' },
    ])
    await client.send(
      new PutObjectTaggingCommand({ ...key, Tagging: { TagSet: [{ Key: 'c', Value: '<&>' }] } }),
    )
    expect((await client.send(new GetObjectTaggingCommand(key))).TagSet).toEqual([{ Key: 'c', Value: '<&>' }])
    await client.send(new DeleteObjectTaggingCommand(key))
    const attributes = await client.send(
      new GetObjectAttributesCommand({
        ...key,
        ObjectAttributes: ['ETag', 'ObjectSize', 'Checksum', 'StorageClass'],
      }),
    )
    expect(attributes).toMatchObject({
      ObjectSize: 1,
      StorageClass: 'STANDARD',
      Checksum: {
        ChecksumSHA256: createHash('sha256').update('x').digest('base64'),
        ChecksumType: 'FULL_OBJECT',
      },
    })
    expect(await codeOf(client.send(new PutObjectAclCommand({ ...key, ACL: 'public-read' })))).toBe(
      'AccessControlListNotSupported',
    )
    expect(await codeOf(put('public', 'x', { ACL: 'public-read' }).then(() => undefined))).toBe(
      'AccessControlListNotSupported',
    )
  })
})

describe('keys', () => {
  const odd = [
    '..',
    '.',
    '../../etc/passwd',
    '/',
    '//',
    '/lead',
    'trail/',
    'a/./b',
    'a/../b',
    'space and + plus',
    'é/日本/😀',
    'a%2Fb',
    'a?b#c',
    'nul\0nul',
    'new\nline',
    '<xml>&"\'',
    'x'.repeat(1024),
    "'; DROP TABLE s3_version; --",
  ]

  test.each(odd.map((key): [string, string] => [JSON.stringify(key).slice(0, 40), key]))(
    '%s is a key like any other',
    async (_shown, key) => {
      const path = `/versioned/${encodeURIComponent(key)
        .replace(/[!'()*]/g, (entry) => `%${entry.charCodeAt(0).toString(16).toUpperCase()}`)
        .replaceAll('%2F', '/')}`
      expect((await send(sandbox, { method: 'PUT', path, credentials: root, body: key })).status).toBe(200)
      expect(await send(sandbox, { path, credentials: root })).toMatchObject({ status: 200, body: key })
      const listed = await send(sandbox, {
        path: '/versioned?list-type=2&encoding-type=url',
        credentials: root,
      })
      expect(listed.body).toContain(
        `<Key>${encodeURIComponent(key)
          .replace(/[!'()*]/g, (entry) => `%${entry.charCodeAt(0).toString(16).toUpperCase()}`)
          .replaceAll('%2F', '/')
          .replaceAll('%20', '+')}</Key>`,
      )
    },
  )

  test('of more than 1,024 bytes, or not in UTF-8, are refused', async () => {
    expect(
      await send(sandbox, { method: 'PUT', path: `/versioned/${'x'.repeat(1025)}`, credentials: root }),
    ).toMatchObject({ status: 400, code: 'KeyTooLongError' })
    expect(await send(sandbox, { path: '/versioned/%ff%fe' })).toMatchObject({
      status: 400,
      code: 'InvalidURI',
    })
    expect(await send(sandbox, { path: '/versioned/%zz' })).toMatchObject({ status: 400, code: 'InvalidURI' })
  })
})

describe('ranges', () => {
  test.each<[string, string, string | undefined]>([
    ['bytes=0-3', '0123', 'bytes 0-3/10'],
    ['bytes=4-', '456789', 'bytes 4-9/10'],
    ['bytes=-3', '789', 'bytes 7-9/10'],
    ['bytes=8-100', '89', 'bytes 8-9/10'],
    ['bytes=-100', '0123456789', 'bytes 0-9/10'],
    ['bytes=0-1,4-5', '0123456789', undefined],
    ['bytes=5-2', '0123456789', undefined],
    ['lines=1-2', '0123456789', undefined],
  ])('%s', async (range, body, contentRange) => {
    await put('digits', '0123456789')
    const got = await send(sandbox, { path: '/versioned/digits', credentials: root, headers: { range } })
    expect([got.status, got.body, got.headers['content-range']]).toEqual([
      contentRange === undefined ? 200 : 206,
      body,
      contentRange,
    ])
  })

  test.each(['bytes=10-', 'bytes=-0', 'bytes=10-20'])('%s is beyond the end', async (range) => {
    expect(
      await send(sandbox, { path: '/versioned/digits', credentials: root, headers: { range } }),
    ).toMatchObject({ status: 416, code: 'InvalidRange', headers: { 'content-range': 'bytes */10' } })
  })

  test('never reach outside the object for any header', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.stringMatching(/^bytes=\d{0,17}-\d{0,17}$/)),
        fc.integer({ min: 0, max: 50 }),
        (header, bytes) => {
          let range
          try {
            range = readRange(header, bytes)
          } catch {
            return
          }
          if (range !== null)
            expect(range.first >= 0 && range.first <= range.last && range.last < bytes).toBe(true)
        },
      ),
    )
  })
})

describe('conditions', () => {
  test('If-None-Match writes once, and again over a delete marker', async () => {
    await put('cond', 'x', { IfNoneMatch: '*' })
    expect(await codeOf(put('cond', 'y', { IfNoneMatch: '*' }))).toBe('PreconditionFailed')
    await client.send(new DeleteObjectCommand({ ...versioned, Key: 'cond' }))
    await put('cond', 'z', { IfNoneMatch: '*' })
    expect(await codeOf(put('cond', 'y', { IfNoneMatch: '"etag"' }))).toBe('NotImplemented')
  })

  test('of many concurrent writers with If-None-Match, one succeeds', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, (_, at) =>
        put('race', String(at), { IfNoneMatch: '*' }).then(
          () => 'ok',
          (error: Error) => error.name,
        ),
      ),
    )
    expect(outcomes.filter((outcome) => outcome === 'ok')).toHaveLength(1)
    expect(outcomes.filter((outcome) => outcome === 'PreconditionFailed')).toHaveLength(7)
  })

  test('of two writers that both got 100 Continue, one succeeds', async () => {
    const start = async () => {
      const headers = { 'if-none-match': '*', expect: '100-continue', 'content-length': '1' }
      const signed = await signRequest(sandbox, {
        method: 'PUT',
        path: '/versioned/both',
        credentials: root,
        body: 'x',
        headers,
      })
      const outgoing = request({
        host: '127.0.0.1',
        port: sandbox.port,
        method: 'PUT',
        path: '/versioned/both',
        headers: signed.headers,
        agent: false,
      })
      const status = new Promise<number>((resolve, reject) => {
        outgoing.on('error', reject)
        outgoing.on('response', (incoming) => {
          incoming.resume()
          resolve(incoming.statusCode ?? 0)
        })
      })
      outgoing.flushHeaders()
      await once(outgoing, 'continue')
      return { outgoing, status }
    }
    const writers = [await start(), await start()]
    for (const { outgoing } of writers) outgoing.end('x')
    expect((await Promise.all(writers.map(({ status }) => status))).sort()).toEqual([200, 412])
  })

  test('If-Match replaces only the object that it names', async () => {
    await put('matched', 'x')
    const ETag = createHash('md5').update('x').digest('hex')
    await put('matched', 'y', { IfMatch: `"${ETag}"` })
    expect(await codeOf(put('matched', 'z', { IfMatch: `"${ETag}"` }))).toBe('PreconditionFailed')
    expect(await codeOf(put('absent', 'z', { IfMatch: `"${ETag}"` }))).toBe('NoSuchKey')
  })

  test('a delete with If-Match deletes only the object that it names', async () => {
    await put('condemned', 'x')
    expect(
      await codeOf(client.send(new DeleteObjectCommand({ ...versioned, Key: 'condemned', IfMatch: '"0"' }))),
    ).toBe('PreconditionFailed')
    await client.send(
      new DeleteObjectCommand({
        ...versioned,
        Key: 'condemned',
        IfMatch: `"${createHash('md5').update('x').digest('hex')}"`,
      }),
    )
  })

  test('reads return 304 and 412', async () => {
    await put('read', 'x')
    const etag = `"${createHash('md5').update('x').digest('hex')}"`
    const get = async (headers: Record<string, string>) =>
      (await send(sandbox, { path: '/versioned/read', credentials: root, headers })).status
    expect(await get({ 'if-none-match': etag })).toBe(304)
    expect(await get({ 'if-none-match': '"other"' })).toBe(200)
    expect(await get({ 'if-match': '"other"' })).toBe(412)
    expect(await get({ 'if-modified-since': new Date(Date.now() + 60_000).toUTCString() })).toBe(304)
    expect(await get({ 'if-unmodified-since': new Date(0).toUTCString() })).toBe(412)
    expect(await get({ 'if-match': etag, 'if-unmodified-since': new Date(0).toUTCString() })).toBe(200)
  })
})

describe('checksums', () => {
  test.each(['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const)(
    '%s is verified, kept, and shown to who asks',
    async (ChecksumAlgorithm) => {
      const key = { ...versioned, Key: `sum-${ChecksumAlgorithm}` }
      const wrote = await client.send(new PutObjectCommand({ ...key, Body: 'summed', ChecksumAlgorithm }))
      const name = `Checksum${ChecksumAlgorithm}` as const
      const head = await client.send(new HeadObjectCommand({ ...key, ChecksumMode: 'ENABLED' }))
      expect(wrote[name]).toMatch(/^[A-Za-z0-9+/]+=*$/)
      expect(head[name]).toBe(wrote[name])
      expect((await client.send(new HeadObjectCommand(key)))[name]).toBeUndefined()
      const header = `x-amz-checksum-${ChecksumAlgorithm.toLowerCase()}`
      expect(
        await send(sandbox, {
          method: 'PUT',
          path: '/versioned/wrong',
          credentials: root,
          body: 'other',
          headers: { [header]: wrote[name] ?? '' },
        }),
      ).toMatchObject({ status: 400, code: 'BadDigest' })
      expect(
        await send(sandbox, {
          method: 'PUT',
          path: '/versioned/wrong',
          credentials: root,
          body: 'other',
          headers: { [header]: 'AAA' },
        }),
      ).toMatchObject({ status: 400, code: 'InvalidRequest' })
    },
  )

  test('may be only one, of an algorithm that S3 supports', async () => {
    const sums = {
      'x-amz-checksum-crc32': 'AAAAAA==',
      'x-amz-checksum-sha1': createHash('sha1').update('x').digest('base64'),
    }
    expect(
      await send(sandbox, {
        method: 'PUT',
        path: '/versioned/two',
        credentials: root,
        body: 'x',
        headers: sums,
      }),
    ).toMatchObject({ status: 400, code: 'InvalidRequest' })
    expect(
      await send(sandbox, {
        method: 'PUT',
        path: '/versioned/two',
        credentials: root,
        body: 'x',
        headers: { 'x-amz-checksum-rot13': 'AAAA' },
      }),
    ).toMatchObject({ status: 400, code: 'InvalidRequest' })
  })
})

describe("encryption with a customer's key", () => {
  const key = Buffer.alloc(32, 7)
  const headers = {
    'x-amz-server-side-encryption-customer-algorithm': 'AES256',
    'x-amz-server-side-encryption-customer-key': key.toString('base64'),
    'x-amz-server-side-encryption-customer-key-md5': createHash('md5').update(key).digest('base64'),
  }

  test('needs its three headers, and the same key to read', async () => {
    const write = (headers: Record<string, string>) =>
      send(sandbox, {
        method: 'PUT',
        path: '/versioned/ssec',
        credentials: root,
        body: 'x',
        headers: headers,
      })
    expect((await write(headers)).status).toBe(200)
    expect(await send(sandbox, { path: '/versioned/ssec', credentials: root, headers })).toMatchObject({
      status: 200,
      body: 'x',
    })
    expect(await send(sandbox, { path: '/versioned/ssec', credentials: root })).toMatchObject({
      status: 400,
      code: 'InvalidRequest',
    })
    for (const name of Object.keys(headers)) {
      const { [name as keyof typeof headers]: _, ...two } = headers
      expect(await write(two)).toMatchObject({ status: 400, code: 'InvalidArgument' })
    }
    expect(
      await write({
        ...headers,
        'x-amz-server-side-encryption-customer-key-md5': 'AAAAAAAAAAAAAAAAAAAAAA==',
      }),
    ).toMatchObject({ status: 400, code: 'InvalidArgument' })
  })
})

describe('a copy', () => {
  test('keeps bytes, headers and tags, or gets new ones', async () => {
    const VersionId = await put('source é', 'copied', { ContentType: 'text/x', Tagging: 'a=1' })
    const CopySource = `versioned/${encodeURIComponent('source é')}?versionId=${VersionId}`
    const copy = await client.send(new CopyObjectCommand({ ...versioned, Key: 'copy', CopySource }))
    expect(copy.CopySourceVersionId).toBe(VersionId)
    const got = await client.send(new GetObjectCommand({ ...versioned, Key: 'copy' }))
    expect([await got.Body?.transformToString(), got.ContentType, got.TagCount]).toEqual([
      'copied',
      'text/x',
      1,
    ])
    await client.send(
      new CopyObjectCommand({
        ...versioned,
        Key: 'copy',
        CopySource,
        MetadataDirective: 'REPLACE',
        ContentType: 'text/y',
      }),
    )
    expect((await client.send(new HeadObjectCommand({ ...versioned, Key: 'copy' }))).ContentType).toBe(
      'text/y',
    )
  })

  test('needs a source that exists, is readable, and meets its conditions', async () => {
    await put('source', 'x')
    const copy = (CopySource: string, input: object = {}) =>
      client.send(new CopyObjectCommand({ ...versioned, Key: 'target', CopySource, ...input }))
    expect(await codeOf(copy('versioned/absent'))).toBe('NoSuchKey')
    expect(await codeOf(copy('production/any'))).toBe('AccessDenied')
    expect(await codeOf(copy('nonsense'))).toBe('InvalidArgument')
    expect(await codeOf(copy('versioned/source', { CopySourceIfMatch: '"0"' }))).toBe('PreconditionFailed')
    expect(
      await codeOf(
        client.send(new CopyObjectCommand({ ...versioned, Key: 'source', CopySource: 'versioned/source' })),
      ),
    ).toBe('InvalidRequest')
  })
})

test('the sandbox reports no defect of its own', () => {
  expect(sandbox.defects).toEqual([])
})
