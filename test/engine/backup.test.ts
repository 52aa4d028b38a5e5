import { execFileSync } from 'node:child_process'
import { appendFileSync, chmodSync, copyFileSync, linkSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, test, vi } from 'vitest'
import { HoldfastError, isHoldfastError } from '../../core/errors.ts'
import { commitMs, dayMs } from '../../core/retention.ts'
import { listSnapshots } from '../../core/snapshot.ts'
import { BackupCache } from '../../engine/backup-cache.ts'
import { CacheDamaged } from '../../engine/cache-database.ts'
import { FileRecords } from '../../engine/file-records.ts'
import type { BackupOptions } from '../../engine/operations.ts'
import { contentOf, describeDirectory } from '../fixtures/directory-description.ts'
import { flip } from '../fixtures/faulty-store.ts'
import { randomBytes } from '../fixtures/manual-clock.ts'
import { ProtectedSource } from '../fixtures/protected-source.ts'
import { startEngine } from '../fixtures/start-engine.ts'

const isRoot = process.getuid?.() === 0

function write(source: ProtectedSource, name: string, content: string | Buffer): void {
  writeFileSync(join(source.directory, name), content)
}

/** Long enough that what was written before is not too fresh to be remembered. */
const age = (): Promise<void> => sleep(1050)

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(() => new Error('it succeeded'), (thrown: unknown) => thrown)
  return isHoldfastError(error) ? error.code : String(error)
}

async function expectEqual(source: ProtectedSource): Promise<void> {
  const { target, damaged } = await source.restore()
  expect(damaged).toEqual([])
  expect(describeDirectory(target)).toEqual(describeDirectory(source.directory))
}

describe.concurrent('what has not changed', () => {
  test('is neither read nor uploaded: a second backup is one PUT', async ({ onTestFinished }) => {
    const source = new ProtectedSource({ onFinished: onTestFinished })
    for (let index = 0; index < 20; index++) write(source, `f${index}`, randomBytes(10_000, index))
    await age()
    const first = await source.backup()
    expect(first).toMatchObject({ complete: true, parentId: null, bytesRead: 200_000, bytesNew: 200_000, filesUnchanged: 0, cacheNote: null })
    source.store.requests.put = 0
    const second = await source.backup()
    expect(second).toMatchObject({ parentId: first.snapshot!.id, bytesRead: 0, bytesNew: 0, bytesUploaded: 0, packsUploaded: 0, filesUnchanged: 20, files: 20 })
    expect(source.store.requests).toMatchObject({ put: 1, get: 0, list: 0, head: 0 })
    const [one, two] = [await source.snapshot(first.snapshot!.id), await source.snapshot(second.snapshot!.id)]
    expect(two.manifest.tree.root).toBe(one.manifest.tree.root)
    expect(two.manifest.parent).toEqual({ id: one.id, sha256: one.sha256 })
  })

  test('by its size and modification time, but has other bytes, is caught by its change time', async ({ onTestFinished }) => {
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

  test('by all its stamps, but is another file under the same name, is caught by its inode', async ({ onTestFinished }) => {
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
    expect(await source.backup()).toMatchObject({ filesUnchanged: 0, bytesRead: 5, bytesNew: 0, packsUploaded: 0 })
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
  const sizes = (await source.snapshot()).manifest.packs.map(({ bytes }) => Math.floor(bytes / 2 ** 20)).sort((left, right) => right - left)
  expect(sizes.length).toBeLessThanOrEqual(4)
  expect(sizes[0]).toBeGreaterThanOrEqual(64)
  expect(await source.verify(true)).toMatchObject({ objects: [], files: [] })
  await expectEqual(source)
}, 20_000)

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

describe('a file that', () => {
  /** Enough entries that progress is reported when `aaa` was listed, but not yet read. */
  async function backUpWhile(change: (path: string, source: ProtectedSource) => void, content = 'first content', prepare: (source: ProtectedSource) => void = () => undefined): Promise<{ source: ProtectedSource; result: Awaited<ReturnType<ProtectedSource['backup']>> }> {
    const source = new ProtectedSource()
    for (let index = 0; index < 300; index++) write(source, `f${index}`, '')
    write(source, 'aaa', content)
    prepare(source)
    let isDone = false
    const result = await source.backup({
      onProgress: () => {
        if (!isDone) change(join(source.directory, 'aaa'), source)
        isDone = true
      },
    })
    expect(isDone).toBe(true)
    return { source, result }
  }

  test.each<[string, (path: string) => void]>([
    ['vanishes', (path) => unlinkSync(path)],
    ['becomes a link', (path) => {
      unlinkSync(path)
      symlinkSync('/etc/passwd', path)
    }],
    ['becomes a FIFO', (path) => {
      unlinkSync(path)
      execFileSync('mkfifo', [path])
    }],
    ['becomes a directory', (path) => {
      unlinkSync(path)
      mkdirSync(path)
    }],
  ])('%s before it is read is left out, and the snapshot is incomplete', async (_, change) => {
    const { source, result } = await backUpWhile(change)
    expect(result.complete).toBe(false)
    expect(result.problems.map(({ path, kind }) => [path.toString(), kind])).toEqual([['aaa', 'vanished']])
    const { manifest } = await source.snapshot()
    expect(manifest).toMatchObject({ complete: false, problemCount: 1, problems: [{ kind: 'vanished', path: 'aaa' }] })
    const { target } = await source.restore()
    expect(describeDirectory(target)).not.toHaveProperty('aaa')
  })

  test('vanishes under one of its names is left out under all, which are named: none is restored empty', async () => {
    const { source, result } = await backUpWhile((path) => unlinkSync(path), 'content', (source) => {
      for (const name of ['bbb', 'zzz']) linkSync(join(source.directory, 'aaa'), join(source.directory, name))
    })
    expect(result.complete).toBe(false)
    expect(result.problems.map(({ path }) => path.toString())).toEqual(['aaa', 'bbb', 'zzz'])
    const { target } = await source.restore()
    for (const name of ['aaa', 'bbb', 'zzz']) expect(describeDirectory(target)).not.toHaveProperty(name)
    await source.backup()
    await expectEqual(source)
  })

  test('is rewritten before it is read, and then holds still, is whole: with the content and the times that were read', async () => {
    const { source, result } = await backUpWhile((path) => {
      writeFileSync(path, 'shorter')
      chmodSync(path, 0o600)
    })
    expect([result.complete, result.problems]).toEqual([true, []])
    await expectEqual(source)
  })

  test('grows beyond what was listed is marked as changed, and what was there is kept', async () => {
    const { source, result } = await backUpWhile((path) => appendFileSync(path, ' and more'))
    expect(result.complete).toBe(false)
    expect(result.problems.map(({ path, kind }) => [path.toString(), kind])).toEqual([['aaa', 'changed']])
    const { target } = await source.restore()
    expect(describeDirectory(target)['aaa']!.size).toBe('first content'.length)
    const next = await source.backup()
    expect(next.complete).toBe(true)
    await expectEqual(source)
  })

  test('is cut in its middle while it is read is marked as changed, and nothing of it moves to another place', async () => {
    const source = new ProtectedSource()
    for (let index = 0; index < 254; index++) write(source, `f${String(index).padStart(3, '0')}`, '')
    write(source, 'large', randomBytes(40 * 1024 * 1024, 4))
    const original = randomBytes(40 * 1024 * 1024, 4)
    let calls = 0
    const result = await source.backup({ onProgress: () => void (calls++ === 0 && truncateSync(join(source.directory, 'large'), 20 * 1024 * 1024)) })
    expect(result.problems.map(({ path, kind }) => [path.toString(), kind])).toEqual([['large', 'changed']])
    const { target } = await source.restore()
    const restored = describeDirectory(target)['large']!
    writeFileSync(join(source.root, 'expected'), original.subarray(0, restored.size))
    expect(execFileSync('cmp', [join(source.root, 'expected'), join(target, 'large')]).toString()).toBe('')
    expect(restored.size).toBeLessThan(original.length)
  })

  test.runIf(isRoot)('may not be read is left out, its directory too, and named', async () => {
    const source = new ProtectedSource()
    mkdirSync(join(source.directory, 'closed'))
    for (const name of ['a', 'b', 'closed/c']) write(source, name, name)
    chmodSync(join(source.directory, 'b'), 0o600)
    chmodSync(join(source.directory, 'closed'), 0o700)
    for (const name of ['vault', 'cache']) {
      mkdirSync(join(source.root, name))
      chmodSync(join(source.root, name), 0o777)
    }
    const { answer } = startEngine({ operation: 'backup', store: join(source.root, 'vault'), directory: source.directory, cacheDirectory: join(source.root, 'cache', 'nobody') }, { as: 65_534 })
    expect(await answer).toMatchObject({
      complete: false, problems: [{ path: 'closed', kind: 'unreadable' }, { path: 'b', kind: 'unreadable' }],
    })
    const { answer: restored } = startEngine({ operation: 'restore', store: join(source.root, 'vault'), directory: join(source.root, 'target'), cacheDirectory: '' })
    expect(await restored).toMatchObject({ damaged: 0 })
    expect(Object.keys(describeDirectory(join(source.root, 'target')))).toEqual(['.', 'a', 'closed'])
  })
})

describe('an interrupted backup', () => {
  /** Several packs: of data, of the tree, of the index; then the manifest. */
  function fill(source: ProtectedSource, seed: number): void {
    for (let index = 0; index < 6; index++) write(source, `noise-${index}`, randomBytes(6 * 1024 * 1024, seed * 10 + index))
    write(source, 'small', `seed ${seed}`)
  }

  test('in any PUT, before or after its effect, leaves the snapshots as they were, and the next run converges', async () => {
    const source = new ProtectedSource()
    write(source, 'first', 'first')
    await source.backup()
    const before = describeDirectory(source.directory)
    const first = await source.snapshot()
    fill(source, 1)
    const failure = new HoldfastError('denied', 'not any more')
    let uploaded = new Set(source.store.versions.map(({ key }) => key.split('-').at(-1)!))
    let attempts = 0
    for (let puts = 1; ; puts++) {
      let count = 0
      const interrupt = (): void => {
        if (++count === puts) throw failure
      }
      source.store.beforePut = puts % 2 === 0 ? interrupt : () => undefined
      source.store.afterPut = puts % 2 === 1 ? interrupt : () => undefined
      attempts++
      const result = await source.backup().catch((error: unknown) => error)
      const names = source.store.versions.map(({ key }) => key)
      expect(await source.verify(true, first), `interrupted in PUT ${puts}`).toMatchObject({ objects: [], files: [] })
      if (result !== failure) break
      // What was acknowledged is not uploaded again: at most the PUT that failed has its bytes twice.
      const hashes = names.filter((key) => key.includes('/packs/')).map((key) => key.split('-').at(-1)!)
      expect(hashes.length - new Set(hashes).size).toBeLessThanOrEqual(attempts)
      uploaded = new Set([...uploaded, ...hashes])
    }
    expect(attempts).toBeGreaterThan(3)
    source.store.beforePut = source.store.afterPut = () => undefined
    source.store.nowMs += 60_000
    await source.backup()
    await expectEqual(source)
    const { target } = await source.restore({ snapshot: first })
    expect(describeDirectory(target)).toEqual(before)
  })

  test('by nothing but a slow store waits for every pack before it commits', async () => {
    const source = new ProtectedSource()
    for (let index = 0; index < 8; index++) write(source, `noise-${index}`, randomBytes(5 * 1024 * 1024, index))
    const put = source.store.putIfAbsent.bind(source.store)
    const order: string[] = []
    source.store.putIfAbsent = async (key, ...body) => {
      // Turns of the loop, not time: more than all threads need to hand over what they have, and than who looks for attributes.
      if (key.includes('/packs/')) for (let turn = 0; turn < 20_000; turn++) await new Promise((resolve) => setImmediate(resolve))
      const reply = await put(key, ...body)
      order.push(key.split('/')[2]!)
      return reply
    }
    await source.backup({ workers: 6 })
    expect(order.length).toBeGreaterThan(7)
    expect(order.indexOf('manifests')).toBe(order.length - 1)
    expect(await source.verify(true)).toMatchObject({ objects: [], files: [] })
  })

  test('by the signal ends with its reason, without a snapshot, and what it has uploaded is used again', async () => {
    const source = new ProtectedSource()
    fill(source, 2)
    const stop = new AbortController()
    const reason = new HoldfastError('interrupted', 'stopped')
    source.store.afterPut = () => stop.abort(reason)
    await expect(source.backup({ signal: stop.signal })).rejects.toBe(reason)
    expect(await listSnapshots(source.store, 'files')).toEqual([])
    const [kept] = source.store.versions
    source.store.afterPut = () => undefined
    const result = await source.backup()
    expect(source.store.versions.filter(({ key }) => key.endsWith(kept!.key.slice(-64)))).toHaveLength(1)
    expect(result.bytesNew).toBeLessThan(result.bytes)
    await expectEqual(source)
  })

  test('whose replies were lost uploads again under new keys; the manifest says that both are one snapshot', async () => {
    const source = new ProtectedSource()
    write(source, 'a', 'a')
    const seen = new Set<string>()
    source.store.afterPut = (key) => {
      const kind = key.includes('/manifests/') ? 'manifest' : key.slice(-64)
      if (seen.has(kind)) return
      seen.add(kind)
      throw new HoldfastError('unreachable', 'the reply was lost', { retryable: true })
    }
    const { snapshot } = await source.backup()
    const refs = await listSnapshots(source.store, 'files')
    expect(refs).toHaveLength(2)
    const [lost] = refs.filter(({ id }) => id !== snapshot!.id)
    expect((await source.snapshot(snapshot!.id)).manifest.supersedes).toEqual([lost!.id])
    for (const ref of refs) expect(await source.verify(true, await source.snapshot(ref.id))).toMatchObject({ objects: [], files: [] })
    expect((await source.snapshot()).id).toBe(snapshot!.id)
    await expectEqual(source)
  })

  test('that was killed between the manifest and its own record is followed by one that says so', async () => {
    const source = new ProtectedSource()
    write(source, 'a', 'a')
    const first = await source.backup()
    write(source, 'b', 'b')
    source.store.afterPut = (key) => {
      if (key.includes('/manifests/')) throw new Error('killed')
    }
    await expect(source.backup()).rejects.toThrow('killed')
    source.store.afterPut = () => undefined
    const [, unknown] = await listSnapshots(source.store, 'files')
    const { snapshot } = await source.backup()
    expect((await source.snapshot(snapshot!.id)).manifest).toMatchObject({ parent: { id: first.snapshot!.id }, supersedes: [unknown!.id] })
    expect((await source.snapshot()).id).toBe(snapshot!.id)
    const next = await source.backup()
    expect((await source.snapshot(next.snapshot!.id)).manifest).toMatchObject({ parent: { id: snapshot!.id }, supersedes: [] })
  })

  test('whose cache fails once the manifest is there is made all the same, and followed by the next one', async () => {
    const source = new ProtectedSource()
    write(source, 'a', 'a')
    const first = await source.backup()
    write(source, 'b', 'b')
    const spy = vi.spyOn(BackupCache.prototype, 'putLastSnapshot').mockImplementationOnce(() => {
      throw new CacheDamaged('the disk is gone')
    })
    const second = await source.backup()
    spy.mockRestore()
    expect(second.cacheNote).toContain('the disk is gone')
    expect(await listSnapshots(source.store, 'files')).toHaveLength(2)
    const third = await source.backup()
    expect((await source.snapshot(third.snapshot!.id)).manifest).toMatchObject({ parent: { id: first.snapshot!.id }, supersedes: [second.snapshot!.id] })
  })
})

describe('retention', () => {
  const promise = { promiseDays: 30 }

  /** What the whole design promises: every pack is locked for as long as the snapshot must stay restorable. */
  async function expectPromiseKept(source: ProtectedSource): Promise<void> {
    const { manifest, timeMs } = await source.snapshot()
    for (const pack of manifest.packs) {
      const version = source.store.versions.find(({ versionId }) => versionId === pack.versionId)!
      expect(version.lastModifiedMs + version.lock!.days * dayMs).toBeGreaterThanOrEqual(timeMs + 30 * dayMs)
    }
  }

  test('a pack is used again until its lock no longer covers the promise; then its chunks go into the next generation', async () => {
    const source = new ProtectedSource()
    write(source, 'a', 'a')
    await source.backup(promise)
    source.store.nowMs += 10 * dayMs - commitMs - 1000
    expect(await source.backup(promise)).toMatchObject({ packsUploaded: 0 })
    await expectPromiseKept(source)
    source.store.nowMs += 1000
    const late = await source.backup(promise)
    expect(late).toMatchObject({ bytesNew: 1, packsUploaded: 3 })
    const { manifest } = await source.snapshot()
    expect(manifest.generation).toBe('20260410T230000Z-compliance-40d')
    expect(manifest.packs.every(({ key }) => key.includes(manifest.generation))).toBe(true)
    await expectPromiseKept(source)
    await expectEqual(source)
  })

  test('a pack whose time runs out while the backup runs is not used: that is decided before the commit', async () => {
    const source = new ProtectedSource()
    write(source, 'a', 'a')
    await source.backup(promise)
    source.store.nowMs += 9.5 * dayMs
    // Nothing is uploaded but the manifest: only asking tells the time.
    const lockDefault = source.store.lockDefault.bind(source.store)
    let asked = 0
    source.store.lockDefault = () => {
      if (++asked === 2) source.store.nowMs += dayMs
      return lockDefault()
    }
    expect(await source.backup(promise)).toMatchObject({ packsUploaded: 3 })
    await expectPromiseKept(source)
    await expectEqual(source)
  })

  test('a commit that takes long names nothing that keeps the promise only from when it was decided', async () => {
    const source = new ProtectedSource()
    write(source, 'a', 'a')
    await source.backup(promise)
    source.store.nowMs += 10 * dayMs - 60_000
    // The manifest is there half an hour after it was decided.
    source.store.beforePut = (key) => void (source.store.nowMs += key.includes('/manifests/') ? 1_800_000 : 0)
    await source.backup(promise)
    await expectPromiseKept(source)
  })

  test('a pack of the same run whose time runs out, because the run takes so long, is uploaded again', async () => {
    const source = new ProtectedSource()
    for (let index = 0; index < 4; index++) write(source, `f${index}`, randomBytes(8 * 1024 * 1024, index))
    source.store.beforePut = () => void (source.store.nowMs += source.store.requests.put === 2 ? 10.5 * dayMs : 0)
    expect((await source.backup(promise)).packsReferenced).toBeLessThan(source.store.requests.put - 1)
    await expectPromiseKept(source)
    await expectEqual(source)
  })

  test('a lock runs from the beginning of an upload, however late the reply came', async () => {
    const source = new ProtectedSource()
    write(source, 'a', 'a')
    source.store.afterPut = () => {
      source.store.nowMs += 3_600_000
      source.clock.time += 3_600_000
    }
    await source.backup(promise)
    source.store.afterPut = () => undefined
    source.store.nowMs += 10 * dayMs - 4 * 3_600_000 + 1 - commitMs
    const [first] = source.store.versions
    await source.backup(promise)
    expect((await source.snapshot()).manifest.packs.map(({ versionId }) => versionId)).not.toContain(first!.versionId)
    await expectPromiseKept(source)
  })

  test('packs locked in GOVERNANCE are not used again in a vault that is armed since, nor any when the promise grows', async () => {
    const source = new ProtectedSource()
    source.store.retention = { mode: 'GOVERNANCE', days: 40 }
    write(source, 'a', 'a')
    await source.backup(promise)
    source.store.retention = { mode: 'COMPLIANCE', days: 40 }
    expect(await source.backup(promise)).toMatchObject({ packsUploaded: 3, lock: { mode: 'COMPLIANCE' } })
    expect((await source.snapshot()).manifest.generation).toContain('compliance')
    source.store.nowMs += dayMs - commitMs - 1000
    expect(await source.backup({ promiseDays: 39 })).toMatchObject({ packsUploaded: 0 })
    source.store.nowMs += 1000
    expect(await source.backup({ promiseDays: 39 })).toMatchObject({ packsUploaded: 3 })
  })

  test('a lock that is loosened while the backup runs stops it before the commit', async () => {
    const source = new ProtectedSource()
    write(source, 'a', 'a')
    source.store.afterPut = () => void (source.store.retention = { mode: 'GOVERNANCE', days: 40 })
    expect(await codeOf(source.backup(promise))).toBe('conflict')
    expect(await listSnapshots(source.store, 'files')).toEqual([])
    source.store.afterPut = () => undefined
    expect(await source.backup(promise)).toMatchObject({ lock: { mode: 'GOVERNANCE' } })
  })

  test('a bucket without a lock, or with too short a one, is refused before anything is uploaded, unless allowed', async () => {
    for (const retention of [null, { mode: 'COMPLIANCE', days: 30 }, { mode: 'COMPLIANCE', days: 7 }] as const) {
      const source = new ProtectedSource()
      source.store.retention = retention
      write(source, 'a', 'a')
      expect(await codeOf(source.backup(promise))).toBe('vault-unsafe')
      expect(source.store.versions).toEqual([])
      for (let run = 0; run < 3; run++) {
        expect(await source.backup({ ...promise, allowUnlocked: true })).toMatchObject({ lock: retention, complete: true })
        source.store.nowMs += dayMs
      }
      await expectEqual(source)
    }
  })

  test('the clock of the client changes nothing', async () => {
    const source = new ProtectedSource()
    write(source, 'a', 'a')
    for (const hours of [-24, 0, 24]) {
      source.clock.time = source.store.nowMs + hours * 3_600_000
      await source.backup(promise)
      source.store.nowMs += 3_600_000
      await expectPromiseKept(source)
    }
    expect((await listSnapshots(source.store, 'files')).map(({ id }) => id).sort()).toHaveLength(3)
    await expectEqual(source)
  })
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
    const other = new ProtectedSource({ source: 'other', store: source.store })
    write(source, 'a', 'a')
    const running = source.backup()
    expect(await codeOf(source.backup())).toBe('conflict')
    await other.backup({ cacheDirectory: source.cacheDirectory })
    await running
    await source.backup()
    expect(await listSnapshots(source.store, 'files')).toHaveLength(2)
  })

  test('by two hosts give two snapshots that both restore', async () => {
    const source = new ProtectedSource()
    write(source, 'a', 'a')
    const results = await Promise.all([source.backup(), source.backup({ cacheDirectory: join(source.root, 'cache of another host') })])
    for (const { snapshot } of results) {
      const { target } = await source.restore({ snapshot: await source.snapshot(snapshot!.id) })
      expect(describeDirectory(target)).toEqual(describeDirectory(source.directory))
    }
  })
})

describe('a pack that does not decode to what went in', () => {
  const preload = fileURLToPath(new URL('../fixtures/corrupt-compression.ts', import.meta.url))
  test.each([['of data', 'holdfast test data'], ['of the tree', 'HFLEAF'], ['of the index', 'HFINDEX']])('%s is not uploaded, and no snapshot is made', async (_, begin) => {
    const source = new ProtectedSource()
    for (let index = 0; index < 40; index++) write(source, `f${index}`, `holdfast test data ${index} `.repeat(500))
    const vault = join(source.root, 'vault')
    process.env['HOLDFAST_TEST_CORRUPT'] = begin
    const { answer } = startEngine({ operation: 'backup', store: vault, directory: source.directory, cacheDirectory: source.cacheDirectory }, { preload })
    expect(await answer).toMatchObject({ error: 'damaged' })
    expect(readdirSync(vault).filter((name) => name.includes('manifests'))).toEqual([])
  })
})

describe('what can\'t be backed up', () => {
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
    ['a directory that is not there', 'not-found', ({ directory }) => ({ directory: join(directory, 'nowhere') })],
    ['a file', 'invalid-input', ({ directory }) => ({ directory: join(directory, 'file') })],
    ['a link to a directory', 'invalid-input', ({ directory, root }) => {
      symlinkSync(directory, join(root, 'link'))
      return { directory: join(root, 'link') }
    }],
    ['with a cache that is a file', 'invalid-input', ({ directory }) => ({ cacheDirectory: join(directory, 'file') })],
  ])('%s is refused: %s', async (_, code, change) => {
    expect(await attempt(change)).toBe(code)
  })
})

describe('the cache', () => {
  async function makeAged(finished: NonNullable<ConstructorParameters<typeof ProtectedSource>[0]>['onFinished']): Promise<{ source: ProtectedSource; root: string; file: string }> {
    const source = new ProtectedSource({ onFinished: finished! })
    mkdirSync(join(source.directory, 'd'))
    for (let index = 0; index < 40; index++) write(source, `${index % 2 === 0 ? 'd/' : ''}f${index}`, `content ${index} `.repeat(20))
    await age()
    await source.backup()
    const file = readdirSync(source.cacheDirectory).find((name) => name.endsWith('.sqlite'))!
    return { source, root: (await source.snapshot()).manifest.tree.root, file: join(source.cacheDirectory, file) }
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

  test('forgets files that are gone, and packs that may not be used any more', async ({ onTestFinished }) => {
    const { source } = await makeAged(onTestFinished)
    const look = (): { files: number; packs: number } => {
      const cache = BackupCache.open(source.cacheDirectory, source.store.name, source.source)
      const found = { files: [...cache.files()].reduce((sum, records) => sum + new FileRecords(records).count, 0), packs: [...cache.packs()].length }
      cache.close()
      return found
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

  test('of another vault is not believed, even under this one\'s name', async ({ onTestFinished }) => {
    const { source, root, file } = await makeAged(onTestFinished)
    const other = new ProtectedSource({ onFinished: onTestFinished })
    Object.assign(other.store, { name: 'memory://another' })
    for (const name of readdirSync(source.directory, { recursive: true, encoding: 'utf8' })) {
      if (statSync(join(source.directory, name)).isDirectory()) mkdirSync(join(other.directory, name), { recursive: true })
    }
    const result = await other.backup({ directory: source.directory })
    expect(result.bytesNew).toBe(result.bytes)
    const otherFile = readdirSync(other.cacheDirectory).find((name) => name.endsWith('.sqlite'))!
    copyFileSync(file, join(other.cacheDirectory, otherFile))
    other.store.versions = []
    const after = await other.backup({ directory: source.directory })
    expect(after.cacheNote).toContain('another vault')
    expect(await other.verify(true)).toMatchObject({ objects: [], files: [] })
    expect((await other.snapshot()).manifest.tree.root).toBe(root)
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
