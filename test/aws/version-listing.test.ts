import type { ListObjectVersionsCommandOutput } from '@aws-sdk/client-s3'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { damagedReadRetry } from '../../core/retry.ts'
import { anyCharacter } from '../fixtures/any-character.ts'
import type { S3ObjectStore } from '../../aws/s3-object-store.ts'
import { compareKeys, VersionPager } from '../../aws/version-listing.ts'
import { HoldfastError } from '../../core/errors.ts'
import { sendError, sendXml } from './scripted-server.ts'
import { serve } from './scripted-store.ts'

type Page = Omit<ListObjectVersionsCommandOutput, '$metadata'>

const time = new Date('2026-04-24T10:00:00Z')

function version(Key: string, VersionId: string, fields: object = {}): NonNullable<Page['Versions']>[number] {
  return { Key, VersionId, Size: 3, LastModified: time, IsLatest: false, ETag: '"abc"', ...fields }
}

function read(pager: VersionPager, page: Page): ReturnType<VersionPager['read']> {
  return pager.read({ $metadata: {}, IsTruncated: false, ...page })
}

function expectRefusal(pager: VersionPager, page: Page, detail: string): void {
  expect(() => read(pager, page)).toThrow(HoldfastError)
  expect(() => read(pager, page)).toThrow(detail)
}

describe('a page of versions', () => {
  test('gives each entry the fields of the port', () => {
    const page = read(new VersionPager('a/', 's3://vault'), {
      Versions: [version('a/1', 'v2', { IsLatest: true }), version('a/1', 'v1', { ETag: '"abc-7"' })],
    })
    expect(page).toEqual({
      isLast: true,
      folders: [],
      entries: [
        {
          key: 'a/1',
          versionId: 'v2',
          bytes: 3,
          lastModifiedMs: time.getTime(),
          isDeleteMarker: false,
          isLatest: true,
          isMultipart: false,
        },
        {
          key: 'a/1',
          versionId: 'v1',
          bytes: 3,
          lastModifiedMs: time.getTime(),
          isDeleteMarker: false,
          isLatest: false,
          isMultipart: true,
        },
      ],
    })
  })

  test('leaves out what lies before the text that it begins behind, if the store lists it all the same', () => {
    const pager = new VersionPager('a/', 's3://vault', 'a/b')
    expect(pager.next).toEqual({ key: 'a/b', versionId: undefined })
    const page = {
      IsTruncated: true,
      NextKeyMarker: 'a/b',
      Versions: [version('a/a', 'v1'), version('a/b', 'v2')],
    }
    expect(read(pager, page).entries).toEqual([])
    expect(pager.next).toEqual({ key: 'a/b', versionId: 'v2' })
    expect(read(pager, { Versions: [version('a/b-1', 'v3')] }).entries.map(({ key }) => key)).toEqual([
      'a/b-1',
    ])
  })

  test('puts delete markers in order, the latest of a key first', () => {
    const later = new Date(time.getTime() + 1000)
    const page = read(new VersionPager('', 's3://vault'), {
      Versions: [version('a', 'v1'), version('b', 'v3', { IsLatest: true }), version('b', 'v1')],
      DeleteMarkers: [
        { Key: 'a', VersionId: 'm2', LastModified: time, IsLatest: true },
        { Key: 'b', VersionId: 'm2', LastModified: later, IsLatest: false },
        { Key: 'c', VersionId: 'm1', LastModified: time, IsLatest: true },
      ],
    })
    expect(page.entries.map((entry) => `${entry.key}:${entry.versionId}`)).toEqual([
      'a:m2',
      'a:v1',
      'b:v3',
      'b:m2',
      'b:v1',
      'c:m1',
    ])
    expect(page.entries.filter((entry) => entry.isDeleteMarker)).toHaveLength(3)
  })

  test('decodes keys as S3 encodes them', () => {
    const keys = ['a b', 'a+b', '100%', 'ü/x', 'line\nbreak', '\u0001', 'a&<b>']
    const encoded = keys.map((key) => encodeURIComponent(key).replaceAll('%20', '+'))
    const page = read(new VersionPager('', 's3://vault'), {
      EncodingType: 'url',
      Versions: encoded.map((key) => version(key, 'v')),
    })
    expect(page.entries.map((entry) => entry.key)).toEqual(keys)
  })

  test('does not decode keys that the store did not encode', () => {
    const page = read(new VersionPager('', 's3://vault'), { Versions: [version('a+b%20c', 'v')] })
    expect(page.entries[0]!.key).toBe('a+b%20c')
  })

  test.each([
    [
      'a key that is not encoded',
      { EncodingType: 'url' as const, Versions: [version('a%', 'v')] },
      'invalid encoding',
    ],
    ['a key outside the prefix', { Versions: [version('b/1', 'v')] }, 'outside the requested prefix'],
    [
      'an entry without a key',
      { Versions: [{ VersionId: 'v', Size: 1, LastModified: time }] },
      'lacks its key',
    ],
    [
      'an entry without a version',
      { Versions: [{ Key: 'a/1', Size: 1, LastModified: time }] },
      'lacks its key, version',
    ],
    ['an entry without a time', { Versions: [{ Key: 'a/1', VersionId: 'v', Size: 1 }] }, 'or time'],
    ['a time that is none', { Versions: [version('a/1', 'v', { LastModified: new Date('x') })] }, 'or time'],
    [
      'an entry without a size',
      { Versions: [{ Key: 'a/1', VersionId: 'v', LastModified: time }] },
      'lacks its size',
    ],
    ['a negative size', { Versions: [version('a/1', 'v', { Size: -1 })] }, 'lacks its size'],
    ['not saying whether it is the last', { IsTruncated: undefined }, 'whether it is the last'],
    ['more pages without a marker', { IsTruncated: true, Versions: [version('a/1', 'v')] }, 'not its start'],
    [
      'a folder outside the prefix',
      { CommonPrefixes: [{ Prefix: 'b/' }] },
      'folders outside the requested prefix',
    ],
    [
      'the prefix itself as a folder',
      { CommonPrefixes: [{ Prefix: 'a/' }] },
      'folders outside the requested prefix',
    ],
    ['a folder without a name', { CommonPrefixes: [{}] }, 'folders outside the requested prefix'],
  ])('is refused for %s', (_what, page: Page, detail) => {
    expectRefusal(new VersionPager('a/', 's3://vault'), page, detail)
  })
})

describe('the next page', () => {
  function after(
    key: string,
    versionId: string | undefined,
    last = version(key, versionId ?? 'v'),
  ): VersionPager {
    const pager = new VersionPager('', 's3://vault')
    read(pager, {
      IsTruncated: true,
      NextKeyMarker: key,
      ...(versionId === undefined ? {} : { NextVersionIdMarker: versionId }),
      Versions: [last],
    })
    return pager
  }

  test('begins at both markers', () => {
    expect(after('k', 'v9').next).toEqual({ key: 'k', versionId: 'v9' })
  })

  test('without a version marker, begins after the last version of the key, so that none is skipped', () => {
    expect(after('k', undefined, version('k', 'v7')).next).toEqual({ key: 'k', versionId: 'v7' })
    expect(after('k', undefined, version('j', 'v7')).next).toEqual({ key: 'k', versionId: undefined })
  })

  test('may be empty, or have delete markers only', () => {
    const pager = after('k', 'v9')
    expect(read(pager, { IsTruncated: true, NextKeyMarker: 'k', NextVersionIdMarker: 'v8' }).entries).toEqual(
      [],
    )
    const last = read(pager, { DeleteMarkers: [{ Key: 'k', VersionId: 'm1', LastModified: time }] })
    expect(last.entries).toHaveLength(1)
  })

  test.each([
    [
      'repeats the marker',
      { IsTruncated: true, NextKeyMarker: 'k', NextVersionIdMarker: 'v9' },
      'repeats the marker',
    ],
    ['goes back', { IsTruncated: true, NextKeyMarker: 'j', NextVersionIdMarker: 'v1' }, 'goes back'],
    ['repeats an entry', { Versions: [version('k', 'v9')] }, 'repeats'],
    ['repeats an earlier key', { Versions: [version('j', 'v1')] }, 'repeats'],
    ['repeats a folder', { CommonPrefixes: [{ Prefix: 'j/' }] }, 'repeats'],
  ])('is refused if it %s', (_what, page: Page, detail) => {
    expectRefusal(after('k', 'v9'), page, detail)
  })

  test('is refused if it closes a circle of several pages within one key', () => {
    const pager = after('k', 'v9')
    read(pager, { IsTruncated: true, NextKeyMarker: 'k', NextVersionIdMarker: 'v8' })
    read(pager, { IsTruncated: true, NextKeyMarker: 'k', NextVersionIdMarker: 'v7' })
    expectRefusal(
      pager,
      { IsTruncated: true, NextKeyMarker: 'k', NextVersionIdMarker: 'v9' },
      'repeats the marker',
    )
  })

  test("is followed if keys are in the order of their bytes, which differs from JavaScript's", () => {
    expect(compareKeys('\uFF61', '\u{1F600}')).toBeLessThan(0)
    expect('\uFF61' < '\u{1F600}').toBe(false)
    const pager = after('\uFF61', 'v')
    expect(read(pager, { Versions: [version('\u{1F600}', 'v')] }).entries).toHaveLength(1)
  })
})

describe('a listing', () => {
  const entry = (key: string, version: string): string =>
    `<Version><Key>${key}</Key><VersionId>${version}</VersionId><IsLatest>true</IsLatest><LastModified>2026-04-24T10:00:00.000Z</LastModified><ETag>"e"</ETag><Size>3</Size></Version>`
  const page = (entries: string, next?: [string, string]): string =>
    `<ListVersionsResult><EncodingType>url</EncodingType>${entries}${
      next === undefined
        ? '<IsTruncated>false</IsTruncated>'
        : `<IsTruncated>true</IsTruncated><NextKeyMarker>${next[0]}</NextKeyMarker><NextVersionIdMarker>${next[1]}</NextVersionIdMarker>`
    }</ListVersionsResult>`

  async function collect(store: S3ObjectStore): Promise<string[]> {
    const keys: string[] = []
    for await (const version of store.listVersions('a/')) keys.push(`${version.key}:${version.versionId}`)
    return keys
  }

  test('follows both markers', async () => {
    const { store, server } = await serve((request, response) => {
      const from = request.url.searchParams
      if (from.get('version-id-marker') === 'v2' && from.get('key-marker') === 'a/x')
        sendXml(response, page(entry('a/x', 'v1') + entry('a/y%2Bz', 'v1')))
      else sendXml(response, page(entry('a/x', 'v2'), ['a/x', 'v2']))
    })
    expect(await collect(store)).toEqual(['a/x:v2', 'a/x:v1', 'a/y+z:v1'])
    expect(server.requests.every((request) => request.url.searchParams.get('encoding-type') === 'url')).toBe(
      true,
    )
  })

  test('that repeats its first page for ever is an error at the second page', async () => {
    const { store, server } = await serve((_request, response) =>
      sendXml(response, page(entry('a/x', 'v2'), ['a/x', 'v2'])),
    )
    await expect(collect(store)).rejects.toMatchObject({ code: 'damaged' })
    expect(server.requests).toHaveLength(1 + damagedReadRetry.maxAttempts)
  })

  test.each([
    ['no XML at all', 'once upon a time'],
    ['XML that ends early', '<ListVersionsResult><Version><Key>a'],
    ['a body without end of tags', '<a>'.repeat(100_000)],
    [
      'an entity that grows',
      '<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><ListVersionsResult><Version><Key>&b;</Key></Version></ListVersionsResult>',
    ],
    [
      'prototype names',
      '<ListVersionsResult><__proto__><IsTruncated>true</IsTruncated></__proto__><constructor/><Version><Key>a/__proto__</Key></Version></ListVersionsResult>',
    ],
    ['another document', "<html><body>Sign in to the airport's network</body></html>"],
  ])('of %s is refused, never an empty vault', async (_what, xml) => {
    const { store } = await serve(
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/xml' })
        response.end(xml)
      },
      { readAttempts: 1 },
    )
    await expect(collect(store)).rejects.toMatchObject({ name: 'HoldfastError' })
  })

  test('without end does not fill the memory', async () => {
    const chunk = Buffer.alloc(1024 * 1024, 32)
    const { store } = await serve(
      (_request, response) => {
        let sent = 0
        const send = (): void => {
          while (sent++ < 200 && !response.destroyed)
            if (!response.write(chunk)) return void response.once('drain', send)
          response.end()
        }
        send()
      },
      { readAttempts: 1 },
    )
    await expect(collect(store)).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('longer than any') as string,
    })
  })

  test('of folders requests versions with a delimiter', async () => {
    const folders =
      '<CommonPrefixes><Prefix>sources/db/</Prefix></CommonPrefixes><CommonPrefixes><Prefix>sources/uploads/</Prefix></CommonPrefixes>'
    const { store, server } = await serve((_request, response) => sendXml(response, page(folders)))
    expect(await store.listFolders('sources/')).toEqual(['db', 'uploads'])
    expect(server.requests[0]!.url.searchParams.get('delimiter')).toBe('/')
    expect(server.requests[0]!.url.searchParams.has('versions')).toBe(true)
  })

  test('without the permission is denied, and never empty', async () => {
    const { store } = await serve((_request, response) =>
      sendError(response, 403, 'AccessDenied', { message: 'User: x is not authorized' }),
    )
    await expect(collect(store)).rejects.toMatchObject({
      code: 'denied',
      message: expect.stringContaining('not authorized') as string,
    })
  })
})

test('any page is read or is a HoldfastError', () => {
  const text = fc.option(fc.string({ unit: anyCharacter }), { nil: undefined })
  const entry = fc.record(
    {
      Key: text,
      VersionId: text,
      Size: fc.option(fc.double(), { nil: undefined }),
      ETag: text,
      LastModified: fc.option(fc.date(), { nil: undefined }),
      IsLatest: fc.boolean(),
    },
    { requiredKeys: [] },
  )
  const page = fc.record(
    {
      IsTruncated: fc.boolean(),
      NextKeyMarker: text,
      NextVersionIdMarker: text,
      EncodingType: fc.constantFrom('url' as const, undefined),
      Versions: fc.array(entry, { maxLength: 3 }),
      DeleteMarkers: fc.array(entry, { maxLength: 3 }),
      CommonPrefixes: fc.array(fc.record({ Prefix: text }), { maxLength: 2 }),
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(fc.array(page, { maxLength: 4 }), (pages) => {
      const pager = new VersionPager('', 's3://vault')
      try {
        for (const page of pages) if (read(pager, page).isLast) break
      } catch (error) {
        expect(error).toBeInstanceOf(HoldfastError)
      }
    }),
  )
})
