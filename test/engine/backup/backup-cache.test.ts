import { mkdirSync, readdirSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { BackupCache } from '../../../engine/backup/backup-cache.ts'
import { CacheDamaged } from '../../../engine/backup/cache-database.ts'
import { encodeRecord } from '../../../engine/backup/file-records.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'

afterEach(() => void vi.restoreAllMocks())

const record = encodeRecord(
  Buffer.from('file'),
  { size: 1, mtimeNs: 1n, ctimeNs: 1n, inode: 1n },
  { digests: Buffer.alloc(32, 1), lengths: [1] },
)

/** From now on nothing reaches the database's file. */
function failCommits(): void {
  vi.spyOn(DatabaseSync.prototype, 'exec').mockImplementation((statement) => {
    expect(statement).toBe('COMMIT')
    throw new Error('disk I/O error')
  })
}

test("what a cache can't keep when it is closed is forgotten, and nothing fails for it", () => {
  const source = new ProtectedSource()
  const open = (): BackupCache => BackupCache.open(source.cacheDirectory, 'vault', source.source)
  const cache = open()
  cache.replaceFiles([], [record])
  failCommits()
  cache.close()
  vi.restoreAllMocks()
  const again = open()
  expect([...again.files()]).toEqual([])
  again.close()
})

test('what fails in the middle of a change leaves nothing of it, and the cache goes on', () => {
  const source = new ProtectedSource()
  const cache = BackupCache.open(source.cacheDirectory, 'vault', source.source)
  expect(() => cache.replaceFiles([], [record, Buffer.alloc(3)])).toThrow(CacheDamaged)
  cache.putAttempt('id')
  expect(cache.attempts()).toEqual(['id'])
  expect([...cache.files()]).toEqual([])
  cache.close()
})

test('a cache directory that nothing can be written to is named', async () => {
  const source = new ProtectedSource()
  mkdirSync(join(source.cacheDirectory, 'started'), { recursive: true })
  await expect(source.backup()).rejects.toMatchObject({
    name: 'HoldfastError',
    code: 'invalid-input',
    message: expect.stringContaining("can't be used") as string,
  })
})

test.each<[string, string, (cache: BackupCache) => unknown]>([
  ["a file's records", 'UPDATE files SET records = zeroblob(length(records))', (cache) => [...cache.files()]],
  [
    'the place of files',
    'UPDATE files SET first_key = zeroblob(length(first_key))',
    (cache) => [...cache.files()],
  ],
  ["a pack's footer", 'UPDATE packs SET footer = zeroblob(2)', (cache) => [...cache.packs()]],
  [
    "a pack's time",
    'UPDATE packs SET description = replace(description, \'"uploadedMs":1\', \'"uploadedMs":9\')',
    (cache) => [...cache.packs()],
  ],
  [
    'the last snapshot',
    "UPDATE last_snapshot SET value = replace(value, 'aa', 'ab')",
    (cache) => cache.lastSnapshot(),
  ],
  ['an attempt', "UPDATE attempts SET id = id || '0'", (cache) => cache.attempts()],
])(
  'a row that the database holds for good, but in which %s is another, is not believed',
  (_, change, look) => {
    const source = new ProtectedSource()
    const open = (): BackupCache => BackupCache.open(source.cacheDirectory, 'vault', source.source)
    const cache = open()
    cache.replaceFiles([], [record])
    cache.putPack({
      sha256: 'aa',
      key: 'key',
      versionId: 'v',
      bytes: 1,
      uploadedMs: 1,
      lock: null,
      footer: Buffer.from('ff'),
    })
    cache.putLastSnapshot({
      id: 'id',
      versionId: 'v',
      sha256: 'aa',
      timeMs: 1000,
      client: { host: 'h', root: '/' },
      generation: { name: 'g', startMs: 1, lock: null },
      index: [],
    })
    cache.putAttempt('id')
    expect(look(cache)).not.toEqual([])
    cache.close()
    const database = new DatabaseSync(
      join(
        source.cacheDirectory,
        readdirSync(source.cacheDirectory).find((name) => name.endsWith('.sqlite'))!,
      ),
    )
    expect(database.prepare(change).run().changes).toBe(1)
    database.close()
    const again = open()
    expect(() => look(again)).toThrow(CacheDamaged)
    again.discard()
  },
)
