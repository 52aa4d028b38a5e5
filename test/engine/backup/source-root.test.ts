import { mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { BackupCache } from '../../../engine/backup/backup-cache.ts'
import { assertSameRoot, readSourceRoot } from '../../../engine/backup/source-root.ts'
import { write } from '../../fixtures/backup-steps.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'

/** As if its file system were unmounted: the files still exist, elsewhere. */
function unmount(source: ProtectedSource): void {
  renameSync(source.directory, join(source.root, 'unmounted'))
  mkdirSync(source.directory)
}

async function makeFilled(): Promise<ProtectedSource> {
  const source = new ProtectedSource()
  write(source, 'a', 'content')
  await source.backup()
  return source
}

const empty = { code: 'invalid-input', hint: expect.stringContaining('--allow-empty') as string }

test.each([false, true])(
  'a root that is empty since the last snapshot (lost+found: %s) is refused, and the vault and the cache stay as they are',
  async (hasLostAndFound) => {
    const source = await makeFilled()
    unmount(source)
    if (hasLostAndFound) mkdirSync(join(source.directory, 'lost+found'))
    const { put } = source.store.requests
    await expect(source.backup()).rejects.toMatchObject(empty)
    await expect(source.backup({ dryRun: true })).rejects.toMatchObject(empty)
    expect(source.store.requests.put).toBe(put)
    rmSync(source.directory, { recursive: true })
    renameSync(join(source.root, 'unmounted'), source.directory)
    expect(await source.backup()).toMatchObject({ complete: true, files: 1, bytesNew: 0 })
  },
)

test('an empty root is accepted when it is allowed, at the first snapshot, and after an empty snapshot', async () => {
  const source = await makeFilled()
  unmount(source)
  expect(await source.backup({ allowEmpty: true })).toMatchObject({ complete: true, entries: 1 })
  expect(await source.backup()).toMatchObject({ complete: true, entries: 1 })
  expect(await new ProtectedSource().backup()).toMatchObject({ complete: true, entries: 1 })
})

test('a root with a link alone is not empty', async () => {
  const source = await makeFilled()
  unmount(source)
  symlinkSync('nowhere', join(source.directory, 'link'))
  expect(await source.backup()).toMatchObject({ complete: true })
})

test('another file system is refused unless it is allowed; another number of the same one is not', () => {
  const directory = new ProtectedSource().directory
  const root = readSourceRoot(directory)!
  const last = { ...root, entries: 2, device: `${root.device}1` }
  const options = { source: 'files', directory, allowEmpty: true }
  const assert = (changes: Partial<typeof last>, flags: object = {}): void =>
    assertSameRoot({ ...options, ...flags }, root, { ...last, ...changes })
  for (const changes of [{ inode: '1' }, { bornNs: '1' }]) {
    expect(() => assert(changes)).toThrow('lies on another file system')
    expect(() => assert(changes, { allowOtherFileSystem: true })).not.toThrow()
    // A directory that was made anew on the same file system, or another one that was named.
    expect(() => assert({ ...changes, device: root.device })).not.toThrow()
    expect(() => assert({ ...changes, directory: '/elsewhere' })).not.toThrow()
  }
  expect(() => assert({})).not.toThrow()
})

test('a backup remembers the root that it was made of, and refuses one that was replaced by another file system', async () => {
  const source = await makeFilled()
  const cache = BackupCache.open(source.cacheDirectory, source.store.name, source.source)
  const last = cache.lastSnapshot()!
  expect(last.root).toEqual({ ...readSourceRoot(source.directory), mounts: [], entries: 2 })
  cache.putLastSnapshot({ ...last, root: { ...last.root!, device: '0', inode: '0' } })
  cache.close()
  await expect(source.backup()).rejects.toMatchObject({ code: 'invalid-input' })
  expect(await source.backup({ allowOtherFileSystem: true })).toMatchObject({ complete: true })
  expect(await source.backup()).toMatchObject({ complete: true })
})
