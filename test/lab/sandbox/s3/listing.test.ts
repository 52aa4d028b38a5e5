import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import type { S3Client } from '@aws-sdk/client-s3'
import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Catalog, keyBytes } from '../../../../lab/sandbox/s3/catalog/catalog.ts'
import { startAfter, walkKeys } from '../../../../lab/sandbox/s3/listing/key-walk.ts'
import { noLock } from '../../../../lab/sandbox/s3/model.ts'
import type { Version } from '../../../../lab/sandbox/s3/model.ts'
import { send } from '../raw-request.ts'
import { bucket, codeOf, declareCloud, rootOf, startWorld, vaultAccount } from '../world.ts'

const names = [
  'a',
  'a/b',
  'a/b/c',
  'a//',
  'b',
  '/',
  'é',
  '日本',
  'a b',
  'a+b',
  '~',
  '\u0001',
  '\uffff',
  '😀',
  'zz/z',
]
const sandbox = await startWorld({
  declaration: declareCloud(['many', 'odd', 'markers', 'pruned'].map((name) => bucket(name))),
})
const client = rootOf(sandbox)

interface Seen {
  name: string
  versionId: string
  isLatest: boolean
}

/**
 * Every version, marker and prefix, page by page, in S3's order: versions and markers of a page are merged by
 * key.
 */
async function listAll(
  to: S3Client,
  Bucket: string,
  MaxKeys: number,
  Delimiter?: string,
): Promise<{ listed: Seen[]; prefixes: string[]; pages: number }> {
  const listed: Seen[] = []
  const prefixes: string[] = []
  let pages = 0
  let marker: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } = {}
  for (;;) {
    const page = await to.send(
      new ListObjectVersionsCommand({
        Bucket,
        MaxKeys,
        ...(Delimiter === undefined ? {} : { Delimiter }),
        ...marker,
      }),
    )
    pages += 1
    for (const version of [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])])
      listed.push({
        name: version.Key ?? '',
        versionId: version.VersionId ?? '',
        isLatest: version.IsLatest ?? false,
      })
    prefixes.push(...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix ?? ''))
    if (page.IsTruncated !== true) return { listed, prefixes, pages }
    if (pages > 10_000) throw new Error('the listing does not end')
    marker = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker }
  }
}

describe('ListObjectVersions', () => {
  test('pages through thousands of versions of few keys, each once and newest first', async () => {
    const keys = ['k1', 'k2', 'k3', 'k4', 'k5', 'k6', 'k7', 'k8']
    const written = new Map(keys.map((Key): [string, string[]] => [Key, []]))
    for (let round = 0; round < 3; round += 1) {
      // Uses markers, because they are versions too, and one request makes a thousand.
      const Objects = Array.from({ length: 792 }, (_, at) => ({ Key: keys[at % 8] ?? '' }))
      const { Deleted } = await client.send(new DeleteObjectsCommand({ Bucket: 'many', Delete: { Objects } }))
      for (const { Key, DeleteMarkerVersionId } of Deleted ?? [])
        written.get(Key ?? '')?.unshift(DeleteMarkerVersionId ?? '')
      for (const Key of keys)
        written
          .get(Key)
          ?.unshift(
            (await client.send(new PutObjectCommand({ Bucket: 'many', Key, Body: 'x' }))).VersionId ?? '',
          )
    }
    for (const maxKeys of [1000, 999, 97]) {
      const { listed, pages } = await listAll(client, 'many', maxKeys)
      expect(pages).toBe(Math.ceil(2400 / maxKeys))
      expect(listed).toHaveLength(2400)
      for (const [Key, ids] of written) {
        const versionsOfKey = listed.filter(({ name }) => name === Key)
        expect(new Set(versionsOfKey.map(({ versionId }) => versionId))).toEqual(new Set(ids))
        expect(versionsOfKey.filter(({ isLatest }) => isLatest).map(({ versionId }) => versionId)).toEqual([
          ids[0],
        ])
      }
    }
  })

  test('continues after pages that hold only markers', async () => {
    const Objects = Array.from({ length: 1000 }, (_, at) => ({ Key: `gone-${String(at).padStart(5, '0')}` }))
    for (let round = 0; round < 3; round += 1)
      await client.send(new DeleteObjectsCommand({ Bucket: 'markers', Delete: { Objects, Quiet: true } }))
    await client.send(new PutObjectCommand({ Bucket: 'markers', Key: 'here', Body: 'x' }))
    const first = await client.send(new ListObjectVersionsCommand({ Bucket: 'markers' }))
    expect(first.IsTruncated).toBe(true)
    expect(first.Versions ?? []).toEqual([])
    expect(first.DeleteMarkers).toHaveLength(1000)
    const { listed } = await listAll(client, 'markers', 1000)
    expect(listed).toHaveLength(3001)
    const objects = await client.send(new ListObjectsV2Command({ Bucket: 'markers' }))
    expect(objects.Contents?.map(({ Key }) => Key)).toEqual(['here'])
  })

  test('continues after a version that was deleted between two pages', async () => {
    for (let at = 0; at < 5; at += 1)
      await client.send(new PutObjectCommand({ Bucket: 'pruned', Key: 'k', Body: String(at) }))
    const first = await client.send(new ListObjectVersionsCommand({ Bucket: 'pruned', MaxKeys: 2 }))
    await client.send(
      new DeleteObjectCommand({ Bucket: 'pruned', Key: 'k', VersionId: first.NextVersionIdMarker }),
    )
    const second = await client.send(
      new ListObjectVersionsCommand({
        Bucket: 'pruned',
        KeyMarker: first.NextKeyMarker,
        VersionIdMarker: first.NextVersionIdMarker,
      }),
    )
    expect(second.Versions).toHaveLength(3)
    expect(second.Versions?.some(({ IsLatest }) => IsLatest)).toBe(false)
  })

  test('refuses invalid markers', async () => {
    const list = (input: object) => client.send(new ListObjectVersionsCommand({ Bucket: 'many', ...input }))
    expect(await codeOf(list({ VersionIdMarker: 'x' }))).toBe('InvalidArgument')
    expect(await codeOf(list({ KeyMarker: 'k1', VersionIdMarker: "' OR 1=1 --" }))).toBe('InvalidArgument')
    expect(await codeOf(list({ MaxKeys: -1 }))).toBe('InvalidArgument')
    expect((await list({ MaxKeys: 0 })).IsTruncated).toBe(false)
    expect((await list({ MaxKeys: 5000 })).Versions?.length).toBeLessThanOrEqual(1000)
  })
})

describe('names of any kind', () => {
  test('are listed in the order of their bytes by every listing', async () => {
    for (const Key of names) await client.send(new PutObjectCommand({ Bucket: 'odd', Key, Body: 'x' }))
    const sorted = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    const { Contents } = await client.send(new ListObjectsV2Command({ Bucket: 'odd', EncodingType: 'url' }))
    expect(Contents?.map(({ Key }) => decodeURIComponent((Key ?? '').replaceAll('+', ' ')))).toEqual(sorted)
    const v1 = await client.send(
      new ListObjectsCommand({ Bucket: 'odd', EncodingType: 'url', MaxKeys: 4, Delimiter: '/' }),
    )
    expect(v1.NextMarker).toBe(v1.IsTruncated === true ? (v1.Contents?.at(-1)?.Key ?? '') : undefined)
    const raw = await send(sandbox, {
      path: '/odd?versions',
      credentials: sandbox.rootCredentials(vaultAccount),
    })
    expect(raw.body).toContain('<Key>&#x1;</Key>')
  })

  test('are rolled up at a delimiter, one entry per prefix, over pages of one entry', async () => {
    const { prefixes, listed } = await listAll(client, 'odd', 1, '/')
    expect(prefixes).toEqual(['/', 'a/', 'zz/'])
    expect(listed.map(({ name }) => name).filter((name) => name.includes('/'))).toEqual([])
    const objects: string[] = []
    let ContinuationToken: string | undefined
    do {
      const page = await client.send(
        new ListObjectsV2Command({
          Bucket: 'odd',
          Delimiter: '/',
          MaxKeys: 1,
          Prefix: 'a',
          ContinuationToken,
        }),
      )
      objects.push(
        ...(page.Contents ?? []).map(({ Key }) => Key ?? ''),
        ...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix ?? ''),
      )
      expect(page.KeyCount).toBe(1)
      ContinuationToken = page.NextContinuationToken
    } while (ContinuationToken !== undefined)
    expect(objects).toEqual(['a', 'a b', 'a+b', 'a/'])
  })

  test('a forged continuation token is refused', async () => {
    expect(
      await codeOf(client.send(new ListObjectsV2Command({ Bucket: 'odd', ContinuationToken: 'Zm9v' }))),
    ).toBe('InvalidArgument')
  })
})

// The walk on random keys, prefixes, delimiters and page sizes must equal a model that sorts all entries and
// cuts pages.
describe('the walk over versions', () => {
  const text = fc.string({ maxLength: 4, unit: fc.constantFrom('a', 'b', '/', 'é', '\u0000', '😀') })
  const key = text.filter((name) => name !== '')

  test('equals a model that sorts all entries and cuts pages', () => {
    fc.assert(
      fc.property(
        fc.array(key, { maxLength: 25 }),
        text,
        fc.constantFrom('', '/', 'a', 'b/'),
        fc.integer({ min: 1, max: 5 }),
        (keys, prefix, delimiter, maxKeys) => {
          const catalog = new Catalog(new DatabaseSync(':memory:'))
          const { id } = catalog.createBucket({
            name: 'b',
            accountId: '1',
            region: 'r',
            createdMs: 0,
            versioning: 'Enabled',
            lockEnabled: false,
            lockDefault: null,
          })
          const versions = keys.map(
            (name) =>
              catalog.transact(() =>
                catalog.addVersion(
                  { bucketId: id, key: name, content: null, lock: noLock, modifiedMs: 0, order: null },
                  true,
                ),
              ).version,
          )
          expect(walkAll(catalog, id, { prefix: prefix, delimiter: delimiter, maxKeys: maxKeys })).toEqual(
            model(versions, prefix, delimiter),
          )
        },
      ),
      { numRuns: 300 },
    )
  })

  function walkAll(
    catalog: Catalog,
    bucketId: number,
    { prefix, delimiter, maxKeys }: { prefix: string; delimiter: string; maxKeys: number },
  ): string[] {
    const walked: string[] = []
    let start = startAfter('', null, prefix, delimiter)
    for (let pages = 0; pages < 100; pages += 1) {
      const page = walkKeys<Version>({
        prefix,
        delimiter,
        maxKeys,
        start,
        entriesIn: (range) => catalog.versionsIn(bucketId, range),
        positionOf: (version) => ({ key: keyBytes(version.key), order: version.order }),
      })
      walked.push(
        ...page.items.map((item) =>
          'entry' in item ? `${item.entry.key}#${item.entry.order}` : `${item.commonPrefix}*`,
        ),
      )
      if (!page.isTruncated) return walked
      expect(page.items).toHaveLength(maxKeys)
      const last = page.items.at(-1)
      if (last === undefined) throw new Error('a truncated page is empty')
      start =
        'entry' in last
          ? startAfter(last.entry.key, last.entry.order, prefix, delimiter)
          : startAfter(last.commonPrefix, null, prefix, delimiter)
    }
    throw new Error('the walk does not end')
  }

  function model(versions: Version[], prefix: string, delimiter: string): string[] {
    const rows = versions
      .filter((version) => version.key.startsWith(prefix))
      .sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)) || b.order - a.order)
    return [
      ...new Set(
        rows.map(({ key: name, order }) => {
          const at = delimiter === '' ? -1 : name.indexOf(delimiter, prefix.length)
          return at === -1 ? `${name}#${order}` : `${name.slice(0, at + delimiter.length)}*`
        }),
      ),
    ]
  }
})
