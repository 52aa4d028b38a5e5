import { mkdirSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { BackupCache } from '../../engine/backup-cache.ts'
import { ProtectedSource } from '../fixtures/protected-source.ts'

afterEach(() => void vi.restoreAllMocks())

/** From now on nothing reaches the database's file. */
function failCommits(): void {
  vi.spyOn(DatabaseSync.prototype, 'exec').mockImplementation((statement) => {
    expect(statement).toBe('COMMIT')
    throw new Error('disk I/O error')
  })
}

test('what a cache can\'t keep when it is closed is forgotten, and nothing fails for it', () => {
  const source = new ProtectedSource()
  const open = (): BackupCache => BackupCache.open(source.cacheDirectory, 'vault', source.source)
  const cache = open()
  cache.putFile({ sortKey: Buffer.from('file'), stamp: { size: 1, mtimeNs: 1n, ctimeNs: 1n, inode: 1n }, digests: Buffer.alloc(32), lengths: [1] })
  failCommits()
  cache.close()
  vi.restoreAllMocks()
  const again = open()
  expect([...again.files()]).toEqual([])
  again.close()
})

test('a cache directory that nothing can be written to is named', async () => {
  const source = new ProtectedSource()
  mkdirSync(join(source.cacheDirectory, 'started'), { recursive: true })
  await expect(source.backup()).rejects.toMatchObject({ name: 'HoldfastError', code: 'invalid-input', message: expect.stringContaining('can\'t be used') as string })
})
