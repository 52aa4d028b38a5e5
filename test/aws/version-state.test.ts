import { describe, expect, test } from 'vitest'
import { sendError, sendXml } from './scripted-server.ts'
import type { Script } from './scripted-server.ts'
import { sendRange, ref, serve, sha256, sha256Base64 } from './scripted-store.ts'

describe("a version's state", () => {
  const plain = {
    'content-length': '19',
    'last-modified': 'Fri, 24 Apr 2026 10:00:00 GMT',
    'x-amz-version-id': 'v1',
  }

  test('has the fields that the store sends', async () => {
    const { store, server } = await serve((_request, response) =>
      response
        .writeHead(200, {
          ...plain,
          'x-amz-checksum-sha256': sha256Base64,
          'x-amz-object-lock-mode': 'COMPLIANCE',
          'x-amz-object-lock-retain-until-date': '2026-06-03T10:00:00Z',
        })
        .end(),
    )
    expect(await store.headVersion(ref)).toEqual({
      bytes: 19,
      lastModifiedMs: Date.parse('2026-04-24T10:00:00Z'),
      sha256,
      lock: { mode: 'COMPLIANCE', untilMs: Date.parse('2026-06-03T10:00:00Z') },
      archive: null,
      serverTimeMs: expect.any(Number) as number,
    })
    const { url, headers } = server.requests[0]!
    expect([url.searchParams.get('versionId'), headers['x-amz-checksum-mode']]).toEqual(['v1', 'ENABLED'])
  })

  test('distinguishes no lock from a lock that may not be read', async () => {
    const scripts = new Map<string, Script>([
      ['none', (_request, response) => sendError(response, 404, 'NoSuchObjectLockConfiguration')],
      ['bucket without', (_request, response) => sendError(response, 400, 'InvalidRequest')],
      ['hidden', (_request, response) => sendError(response, 403, 'AccessDenied')],
      [
        'seen',
        (_request, response) =>
          sendXml(
            response,
            '<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>2026-06-03T10:00:00Z</RetainUntilDate></Retention>',
          ),
      ],
    ])
    const locks: Record<string, unknown> = {}
    for (const [name, script] of scripts) {
      const { store, server } = await serve((request, response, index) =>
        request.method === 'HEAD' ? response.writeHead(200, plain).end() : script(request, response, index),
      )
      locks[name] = (await store.headVersion(ref)).lock
      expect(server.requests.map(({ method, url }) => [method, url.searchParams.get('versionId')])).toEqual([
        ['HEAD', 'v1'],
        ['GET', 'v1'],
      ])
      await server.stop()
    }
    expect(locks).toEqual({
      none: null,
      'bucket without': null,
      hidden: undefined,
      seen: { mode: 'GOVERNANCE', untilMs: Date.parse('2026-06-03T10:00:00Z') },
    })
  })

  test.each<[string, Record<string, string>, string | null]>([
    ['STANDARD', {}, null],
    ['GLACIER_IR, which can be read', { 'x-amz-storage-class': 'GLACIER_IR' }, null],
    ['GLACIER', { 'x-amz-storage-class': 'GLACIER' }, 'GLACIER'],
    ['DEEP_ARCHIVE', { 'x-amz-storage-class': 'DEEP_ARCHIVE' }, 'DEEP_ARCHIVE'],
    ['INTELLIGENT_TIERING', { 'x-amz-storage-class': 'INTELLIGENT_TIERING' }, null],
    [
      'an archive tier of INTELLIGENT_TIERING',
      { 'x-amz-storage-class': 'INTELLIGENT_TIERING', 'x-amz-archive-status': 'ARCHIVE_ACCESS' },
      'ARCHIVE_ACCESS',
    ],
    [
      'GLACIER, on its way back',
      { 'x-amz-storage-class': 'GLACIER', 'x-amz-restore': 'ongoing-request="true"' },
      'GLACIER',
    ],
    [
      'GLACIER, with a copy that was brought back',
      {
        'x-amz-storage-class': 'GLACIER',
        'x-amz-restore': 'ongoing-request="false", expiry-date="Fri, 01 Jan 2027 00:00:00 GMT"',
      },
      null,
    ],
  ])('names the archive of an object in %s', async (_, headers, archive) => {
    const { store } = await serve((request, response) => {
      if (request.method === 'HEAD') response.writeHead(200, { ...plain, ...headers }).end()
      else sendError(response, 404, 'NoSuchObjectLockConfiguration')
    })
    expect((await store.headVersion(ref)).archive).toBe(archive)
  })

  test('has no digest if the checksum is of parts', async () => {
    const { store } = await serve((request, response) => {
      if (request.method === 'HEAD')
        response.writeHead(200, { ...plain, 'x-amz-checksum-sha256': `${sha256Base64}-3` }).end()
      else sendError(response, 404, 'NoSuchObjectLockConfiguration')
    })
    expect((await store.headVersion(ref)).sha256).toBeNull()
  })

  test.each([
    [404, 'not-found'],
    [405, 'not-found'],
    [403, 'denied'],
  ])('with the response %d is `%s`', async (status, code) => {
    const { store } = await serve((_request, response) => response.writeHead(status).end())
    await expect(store.headVersion(ref)).rejects.toMatchObject({ code })
  })

  test.each([
    [400, 'ExpiredToken', 'credentials'],
    [403, 'SignatureDoesNotMatch', 'credentials'],
    [403, 'AccessDenied', 'denied'],
    [403, 'InvalidRange', 'denied'],
  ])('that fails with a bare %d has the error of a read, %s', async (status, name, code) => {
    const { store } = await serve((request, response) => {
      if (request.method === 'HEAD') response.writeHead(status).end()
      else sendError(response, name === 'InvalidRange' ? 416 : status, name)
    })
    await expect(store.headVersion(ref)).rejects.toMatchObject({ code })
  })

  test('is read again with a new session if the old one expired, although the error of a HEAD has no detail', async () => {
    let session = 1
    const { store, server } = await serve(
      (request, response) => {
        const isNew = String(request.headers['authorization']).includes('SESSION2')
        if (request.method === 'HEAD') {
          response
            .writeHead(isNew ? 200 : 400, {
              ...plain,
              'x-amz-object-lock-mode': 'COMPLIANCE',
              'x-amz-object-lock-retain-until-date': '2026-06-01T00:00:00Z',
            })
            .end()
        } else if (isNew)
          sendRange(response, 'f', { 'content-range': 'bytes 0-0/100', 'content-length': '1' })
        else sendError(response, 400, 'ExpiredToken')
      },
      {
        credentials: (options) => {
          if (options?.forceRefresh === true) session = 2
          return Promise.resolve({ accessKeyId: `SESSION${session}`, secretAccessKey: 'secret' })
        },
      },
    )
    expect(await store.headVersion(ref)).toMatchObject({ lock: { mode: 'COMPLIANCE' } })
    expect(server.requests.map(({ method }) => method)).toEqual(['HEAD', 'GET', 'GET', 'HEAD'])
  })
})
