import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { dayMs } from '../../../core/snapshot/retention.ts'
import { BackupCache } from '../../../engine/backup/backup-cache.ts'
import { FileRecords, encodeRecord } from '../../../engine/backup/file-records.ts'
import { statIdentityOf } from '../../../engine/stat-identity.ts'
import { age, expectEqual, write } from '../../fixtures/backup-steps.ts'
import { flip } from '../../fixtures/faulty-store.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'

describe('the cache', () => {
  async function makeAged(
    finished: NonNullable<ConstructorParameters<typeof ProtectedSource>[0]>['onFinished'],
  ): Promise<{ source: ProtectedSource; root: string; file: string }> {
    const source = new ProtectedSource({ onFinished: finished! })
    mkdirSync(join(source.directory, 'd'))
    for (let index = 0; index < 40; index++)
      write(source, `${index % 2 === 0 ? 'd/' : ''}f${index}`, `content ${index} `.repeat(20))
    await age()
    await source.backup()
    const file = readdirSync(source.cacheDirectory).find((name) => name.endsWith('.sqlite'))!
    return {
      source,
      root: (await source.snapshot()).manifest.tree.root,
      file: join(source.cacheDirectory, file),
    }
  }

  async function expectSame(source: ProtectedSource, root: string): Promise<void> {
    source.store.nowMs += 60_000
    await source.backup()
    expect((await source.snapshot()).manifest.tree.root).toBe(root)
    expect(await source.verify(true)).toMatchObject({ objects: [], files: [] })
  }

  test('that is lost costs an upload, and nothing else', async ({ onTestFinished }) => {
    const { source, root } = await makeAged(onTestFinished)
    source.loseCache()
    source.store.nowMs += 1000
    const again = await source.backup()
    expect(again).toMatchObject({ parentId: null, filesUnchanged: 0 })
    expect(again.bytesNew).toBe(again.bytes)
    await expectSame(source, root)
    await expectEqual(source)
  })

  test('that says a file has other bytes than its size is not believed', async ({ onTestFinished }) => {
    const { source, root } = await makeAged(onTestFinished)
    const cache = BackupCache.open(source.cacheDirectory, source.store.name, source.source)
    const [block] = [...cache.files()].map((records) => new FileRecords(records))
    const identity = statIdentityOf(statSync(join(source.directory, 'd/f0'), { bigint: true }))
    cache.replaceFiles(
      [block!.firstKey],
      [encodeRecord(block!.firstKey, identity, { digests: Buffer.alloc(0), lengths: [] })],
    )
    cache.close()
    await expectSame(source, root)
  })

  test('forgets files that are gone, and packs that may not be used any more', async ({ onTestFinished }) => {
    const { source } = await makeAged(onTestFinished)
    const look = (): { files: number; packs: number } => {
      const cache = BackupCache.open(source.cacheDirectory, source.store.name, source.source)
      const counts = {
        files: [...cache.files()].reduce((sum, records) => sum + new FileRecords(records).count, 0),
        packs: [...cache.packs()].length,
      }
      cache.close()
      return counts
    }
    expect(look()).toEqual({ files: 40, packs: 3 })
    rmSync(join(source.directory, 'd'), { recursive: true })
    await source.backup()
    expect(look().files).toBe(20)
    source.store.nowMs += 11 * dayMs
    // Files that the cache knows, in packs that may not be used: read again.
    expect(await source.backup()).toMatchObject({ filesUnchanged: 0 })
    expect(look()).toEqual({ files: 20, packs: 3 })
    expect(await source.verify(true)).toMatchObject({ objects: [], files: [] })
  })

  test('with one byte flipped, anywhere, is noticed or harmless', async ({ onTestFinished }) => {
    const { source, root, file } = await makeAged(onTestFinished)
    const good = join(source.root, 'good')
    copyFileSync(file, good)
    const { size } = statSync(good)
    const notes = new Set<string | null>()
    for (let step = 0; step < 26; step++) {
      copyFileSync(good, file)
      for (const suffix of ['-wal', '-shm']) rmSync(file + suffix, { force: true })
      // Where the rows lie, and, the first ones, the header.
      const offset = step < 8 ? 16 + step * 9 : Math.floor((step * 7919 * 13) % size)
      const bytes = flip(execFileSync('cat', [file]), offset, 1 << (step % 8))
      writeFileSync(file, bytes)
      source.store.nowMs += 60_000
      const { cacheNote } = await source.backup()
      notes.add(cacheNote === null ? null : cacheNote.slice(0, 30))
      expect((await source.snapshot()).manifest.tree.root, `offset ${offset}`).toBe(root)
      expect(await source.verify(true), `offset ${offset}`).toMatchObject({ objects: [], files: [] })
    }
    expect(notes.size).toBeGreaterThan(1)
  })

  test('that is cut off at any length is begun anew', async ({ onTestFinished }) => {
    const { source, root, file } = await makeAged(onTestFinished)
    const bytes = execFileSync('cat', [file])
    for (const length of [0, 1, 50, 100, 4096, 5000, 8192, bytes.length - 4096, bytes.length - 1]) {
      for (const suffix of ['-wal', '-shm']) rmSync(file + suffix, { force: true })
      writeFileSync(file, bytes.subarray(0, length))
      await expectSame(source, root)
    }
    writeFileSync(file, 'no database at all')
    source.store.nowMs += 1000
    expect((await source.backup()).cacheNote).toContain('begun anew')
    await expectSame(source, root)
  })

  test("of another vault is not believed, even under this one's name", async ({ onTestFinished }) => {
    const { source, root, file } = await makeAged(onTestFinished)
    const otherSource = new ProtectedSource({ onFinished: onTestFinished })
    Object.assign(otherSource.store, { name: 'memory://another' })
    for (const name of readdirSync(source.directory, { recursive: true, encoding: 'utf8' })) {
      if (statSync(join(source.directory, name)).isDirectory())
        mkdirSync(join(otherSource.directory, name), { recursive: true })
    }
    const result = await otherSource.backup({ directory: source.directory })
    expect(result.bytesNew).toBe(result.bytes)
    const otherFile = readdirSync(otherSource.cacheDirectory).find((name) => name.endsWith('.sqlite'))!
    copyFileSync(file, join(otherSource.cacheDirectory, otherFile))
    otherSource.store.versions = []
    const after = await otherSource.backup({ directory: source.directory })
    expect(after.cacheNote).toContain('another vault')
    expect(await otherSource.verify(true)).toMatchObject({ objects: [], files: [] })
    expect((await otherSource.snapshot()).manifest.tree.root).toBe(root)
  })
})
