import { execFileSync } from 'node:child_process'
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { listSnapshots } from '../../../core/snapshot/snapshot.ts'
import { BackupCache } from '../../../engine/backup/backup-cache.ts'
import type { BackupOptions } from '../../../engine/operations.ts'
import { age, codeOf, expectEqual, write } from '../../fixtures/backup-steps.ts'
import { contentOf, describeDirectory } from '../../fixtures/directory-description.ts'
import { randomBytes } from '../../fixtures/manual-clock.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'
import { startEngine } from '../../fixtures/start-engine.ts'

describe.concurrent('what has not changed', () => {
  test('is neither read nor uploaded: a second backup is two PUTs, a list, and the time of its own', async ({
    onTestFinished,
  }) => {
    const source = new ProtectedSource({ onFinished: onTestFinished })
    for (let index = 0; index < 20; index++) write(source, `f${index}`, randomBytes(10_000, index))
    await age()
    const first = await source.backup()
    expect(first).toMatchObject({
      complete: true,
      parentId: null,
      bytesRead: 200_000,
      bytesNew: 200_000,
      filesUnchanged: 0,
      cacheNote: null,
    })
    source.store.requests.put = 0
    const second = await source.backup()
    expect(second).toMatchObject({
      parentId: first.snapshot!.id,
      bytesRead: 0,
      bytesNew: 0,
      bytesUploaded: 0,
      packsUploaded: 0,
      filesUnchanged: 20,
      files: 20,
    })
    expect(source.store.requests).toMatchObject({ put: 2, get: 0, list: 4, head: 0 })
    const [firstSnapshot, secondSnapshot] = [
      await source.snapshot(first.snapshot!.id),
      await source.snapshot(second.snapshot!.id),
    ]
    expect(secondSnapshot.manifest.tree.root).toBe(firstSnapshot.manifest.tree.root)
    expect(secondSnapshot.manifest.parent).toEqual({ id: firstSnapshot.id, sha256: firstSnapshot.sha256 })
  })

  test('by its size and modification time, but has other bytes, is caught by its change time', async ({
    onTestFinished,
  }) => {
    const source = new ProtectedSource({ onFinished: onTestFinished })
    write(source, 'a', 'before')
    write(source, 'b', 'stays.')
    await age()
    await source.backup()
    const [path, reference] = [join(source.directory, 'a'), join(source.root, 'reference')]
    writeFileSync(reference, '')
    execFileSync('touch', ['-r', path, reference])
    const before = statSync(path, { bigint: true })
    write(source, 'a', 'after!')
    execFileSync('touch', ['-r', reference, path])
    const { size, mtimeNs, ino } = statSync(path, { bigint: true })
    expect([size, mtimeNs, ino]).toEqual([before.size, before.mtimeNs, before.ino])
    expect(await source.backup()).toMatchObject({ filesUnchanged: 1, bytesRead: 6 })
    await expectEqual(source)
  })

  test('by all its stamps, but is another file under the same name, is caught by its inode', async ({
    onTestFinished,
  }) => {
    const source = new ProtectedSource({ onFinished: onTestFinished })
    write(source, 'a', 'one')
    write(source, 'b', 'two')
    await age()
    await source.backup()
    renameSync(join(source.directory, 'a'), join(source.directory, 'c'))
    renameSync(join(source.directory, 'b'), join(source.directory, 'a'))
    await source.backup()
    await expectEqual(source)
  })

  test('but was written to just before it was read, is read again next time', async ({ onTestFinished }) => {
    const source = new ProtectedSource({ onFinished: onTestFinished })
    write(source, 'a', 'fresh')
    await source.backup()
    expect(await source.backup()).toMatchObject({
      filesUnchanged: 0,
      bytesRead: 5,
      bytesNew: 0,
      packsUploaded: 0,
    })
  })

  test('is uploaded once, however often its bytes are there', async ({ onTestFinished }) => {
    const source = new ProtectedSource({ onFinished: onTestFinished })
    for (const name of ['a', 'b', 'c']) write(source, name, randomBytes(200_000, 1))
    expect(await source.backup()).toMatchObject({ bytes: 600_000, bytesRead: 600_000, bytesNew: 200_000 })
    write(source, 'd', randomBytes(200_000, 1))
    expect(await source.backup()).toMatchObject({ bytesNew: 0 })
    await expectEqual(source)
  })
})

test('a source with more than a TiB in packs gets packs of 64 MiB, which verify and restore take', async () => {
  const source = new ProtectedSource()
  write(source, 'a', 'small')
  await source.backup()
  const cache = BackupCache.open(source.cacheDirectory, source.store.name, 'files')
  for (const pack of [...cache.packs()]) cache.putPack({ ...pack, sha256: 'f'.repeat(64), bytes: 2 ** 40 })
  cache.close()
  write(source, 'a', randomBytes(80 * 2 ** 20, 1))
  expect(await source.backup()).toMatchObject({ complete: true, bytesNew: 80 * 2 ** 20 })
  const sizes = (await source.snapshot()).manifest.packs
    .map(({ bytes }) => Math.floor(bytes / 2 ** 20))
    .sort((a, b) => b - a)
  expect(sizes.length).toBeLessThanOrEqual(4)
  expect(sizes[0]).toBeGreaterThanOrEqual(64)
  expect(await source.verify(true)).toMatchObject({ objects: [], files: [] })
  await expectEqual(source)
})

test('what was deleted is gone from the next snapshot, and still in the one before', async () => {
  const source = new ProtectedSource()
  mkdirSync(join(source.directory, 'd'))
  for (const name of ['a', 'b', 'd/c']) write(source, name, name)
  const before = describeDirectory(source.directory)
  const first = await source.backup()
  rmSync(join(source.directory, 'd'), { recursive: true })
  unlinkSync(join(source.directory, 'a'))
  source.store.nowMs += 60_000
  await source.backup()
  await expectEqual(source)
  const { target } = await source.restore({ snapshot: await source.snapshot(first.snapshot!.id) })
  expect(describeDirectory(target)).toEqual(before)
})

describe('a dry run', () => {
  test('reads and says what it would upload, uploads nothing, and remembers nothing', async () => {
    const source = new ProtectedSource()
    write(source, 'a', randomBytes(100_000, 1))
    const dry = await source.backup({ dryRun: true })
    expect(dry).toMatchObject({ snapshot: null, bytesRead: 100_000, bytesNew: 100_000, files: 1 })
    expect([source.store.versions, source.store.requests.put]).toEqual([[], 0])
    expect(await source.backup()).toMatchObject({ bytesNew: 100_000, parentId: null })
    write(source, 'b', 'b')
    unlinkSync(join(source.directory, 'a'))
    const versions = source.store.versions.length
    expect(await source.backup({ dryRun: true })).toMatchObject({ snapshot: null, bytesNew: 1 })
    expect(source.store.versions.length).toBe(versions)
    await source.backup()
    await expectEqual(source)
  })
})

describe('two backups of one source at once', () => {
  test('are refused by this host: the second conflicts, and another source does not', async () => {
    const source = new ProtectedSource()
    const otherSource = new ProtectedSource({ source: 'other', store: source.store })
    write(source, 'a', 'a')
    const running = source.backup()
    expect(await codeOf(source.backup())).toBe('conflict')
    await otherSource.backup({ cacheDirectory: source.cacheDirectory })
    await running
    await source.backup()
    expect(await listSnapshots(source.store, 'files')).toHaveLength(2)
  })

  test('by two hosts give two snapshots that both restore', async () => {
    const source = new ProtectedSource()
    write(source, 'a', 'a')
    const results = await Promise.all([
      source.backup(),
      source.backup({ cacheDirectory: join(source.root, 'cache of another host') }),
    ])
    for (const { snapshot } of results) {
      const { target } = await source.restore({ snapshot: await source.snapshot(snapshot!.id) })
      expect(describeDirectory(target)).toEqual(describeDirectory(source.directory))
    }
  })
})

describe('a pack that does not decode to what went in', () => {
  const preload = fileURLToPath(new URL('../../fixtures/corrupt-compression.ts', import.meta.url))
  test.each([
    ['of data', 'holdfast test data'],
    ['of the tree', 'HFLEAF'],
    ['of the index', 'HFINDEX'],
  ])('%s is not uploaded, and no snapshot is made', async (_, begin) => {
    const source = new ProtectedSource()
    for (let index = 0; index < 40; index++)
      write(source, `f${index}`, `holdfast test data ${index} `.repeat(500))
    const vault = join(source.root, 'vault')
    process.env['HOLDFAST_TEST_CORRUPT'] = begin
    const { outcome } = startEngine(
      {
        operation: 'backup',
        store: vault,
        directory: source.directory,
        cacheDirectory: source.cacheDirectory,
      },
      { preload },
    )
    expect(await outcome).toMatchObject({ error: 'damaged' })
    expect(readdirSync(vault).filter((name) => name.includes('manifests'))).toEqual([])
  })
})

describe("what can't be backed up", () => {
  const attempt = (change: (source: ProtectedSource) => Partial<BackupOptions>): Promise<string> => {
    const source = new ProtectedSource()
    write(source, 'file', 'file')
    return codeOf(source.backup(change(source)))
  }
  test.each<[string, string, (source: ProtectedSource) => Partial<BackupOptions>]>([
    ['a source without a name', 'invalid-input', () => ({ source: '' })],
    ['a source whose name leaves its prefix', 'invalid-input', () => ({ source: '../other' })],
    ['a promise of no days', 'invalid-input', () => ({ promiseDays: 0 })],
    ['a promise of half a day', 'invalid-input', () => ({ promiseDays: 0.5 })],
    [
      'a directory that is not there',
      'not-found',
      ({ directory }) => ({ directory: join(directory, 'nowhere') }),
    ],
    ['a file', 'invalid-input', ({ directory }) => ({ directory: join(directory, 'file') })],
    [
      'a link to a directory',
      'invalid-input',
      ({ directory, root }) => {
        symlinkSync(directory, join(root, 'link'))
        return { directory: join(root, 'link') }
      },
    ],
    [
      'with a cache that is a file',
      'invalid-input',
      ({ directory }) => ({ cacheDirectory: join(directory, 'file') }),
    ],
  ])('%s is refused: %s', async (_, code, change) => {
    expect(await attempt(change)).toBe(code)
  })
})

test('content of a source and of its snapshots is told by name and hash alone, so that a moved tree is the same', async () => {
  const source = new ProtectedSource()
  write(source, 'a', 'a')
  const before = contentOf(describeDirectory(source.directory))
  await source.backup()
  const moved = join(source.root, 'moved')
  renameSync(source.directory, moved)
  expect(await source.backup({ directory: moved })).toMatchObject({ bytesNew: 0 })
  const { target } = await source.restore()
  expect(contentOf(describeDirectory(target))).toEqual(before)
})

test("a file from a year that the format doesn't reach is backed up, with the nearest time, and that is said", async () => {
  const source = new ProtectedSource()
  write(source, 'file', 'content')
  utimesSync(join(source.directory, 'file'), 10_413_792_000, 10_413_792_000)
  const { problems, complete } = await source.backup()
  expect(problems).toMatchObject([
    { path: Buffer.from('file'), kind: 'not-restorable', detail: expect.stringContaining('2262') as string },
  ])
  expect(complete).toBe(true)
  const { target, damaged } = await source.restore()
  expect(damaged).toEqual([])
  expect(lstatSync(join(target, 'file')).mtime.getUTCFullYear()).toBe(2262)
})
