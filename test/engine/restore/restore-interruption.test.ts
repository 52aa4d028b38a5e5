import {
  chmodSync,
  chownSync,
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { HoldfastError } from '../../../core/errors.ts'
import { listSnapshots, selectSnapshot } from '../../../core/snapshot/snapshot.ts'
import type { Snapshot } from '../../../core/snapshot/snapshot.ts'
import type { RestoreProgress, RestoreResult } from '../../../engine/operations.ts'
import { write } from '../../fixtures/backup-steps.ts'
import { contentOf, describeDirectory } from '../../fixtures/directory-description.ts'
import { FaultyStore, flip } from '../../fixtures/faulty-store.ts'
import { FolderStore } from '../../fixtures/folder-store.ts'
import { randomBytes } from '../../fixtures/manual-clock.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'
import { inFolder, packOf, refusalOf } from '../../fixtures/restore-steps.ts'
import { startEngine } from '../../fixtures/start-engine.ts'

const isRoot = process.getuid?.() === 0
const mib = 1024 * 1024

describe('an interrupted restore', () => {
  test('at any request leaves nothing that looks whole, and the next one goes on where it stopped', async () => {
    const source = new ProtectedSource()
    for (let index = 0; index < 6; index++) write(source, `f${index}`, randomBytes(3 * mib, index))
    for (let index = 0; index < 6; index++) write(source, `g${index}`, randomBytes(3 * mib, 10 + index))
    await source.backup()
    const failure = new HoldfastError('unreachable', 'the network is gone', { retryable: true })
    const target = source.newTarget()
    const snapshot = await source.snapshot()
    const faulty = new FaultyStore(source.store)
    let fetched = 0
    let interruptions = 0
    for (let allowed = 3; ; allowed++) {
      let reads = 0
      faulty.onRead = (_, bytes) => {
        if (++reads > allowed) throw failure
        return bytes
      }
      const progress: RestoreProgress[] = []
      const result = await source
        .restore({ store: faulty, snapshot, target, onProgress: (figures) => progress.push(figures) })
        .catch((error: unknown) => error)
      if (result !== failure) {
        const { bytesFetched, filesResumed, bytesResumed } = result as RestoreResult
        fetched = bytesFetched
        expect(filesResumed).toBeGreaterThan(0)
        // A file that was begun adds the extents that are on disk.
        expect(bytesResumed).toBeGreaterThanOrEqual(filesResumed * 3 * mib)
        expect(bytesResumed).toBeLessThan(36 * mib)
        // The first progress counts the resumed files, before the first request.
        expect(progress[0]).toMatchObject({ files: filesResumed, bytesFetched: 0, bytesWritten: 0 })
        expect(progress[0]!.bytesResumed).toBeGreaterThanOrEqual(filesResumed * 3 * mib)
        expect(progress.at(-1)!.files).toBeLessThanOrEqual(12)
        break
      }
      interruptions++
      expect(readdirSync(target).filter((name) => !name.startsWith('.holdfast-restore-'))).toEqual([])
    }
    expect(interruptions).toBeGreaterThan(0)
    expect(fetched).toBeLessThan(36 * mib)
    expect(describeDirectory(target)).toEqual(describeDirectory(source.directory))
    expect((await refusalOf(source.restore({ snapshot, target }))).code).toBe('target')
  })

  async function interrupt(
    source: ProtectedSource,
    changes: { paths?: Buffer[]; snapshot?: Snapshot } = {},
  ): Promise<{ target: string; folder: string }> {
    const target = source.newTarget()
    const stop = new AbortController()
    const reason = new HoldfastError('interrupted', 'stopped')
    await expect(
      source.restore({
        target,
        signal: stop.signal,
        onProgress: () => stop.abort(reason),
        workers: 1,
        ...changes,
      }),
    ).rejects.toBe(reason)
    const [name] = readdirSync(target)
    return { target, folder: join(target, name!) }
  }

  const cleanups: (() => void)[] = []
  afterAll(() => cleanups.forEach((clean) => clean()))
  let large: Promise<ProtectedSource> | undefined
  const makeLarge = (): Promise<ProtectedSource> => (large ??= backUpLarge())

  /** More requests than are under way at once, so that it can be interrupted between two. */
  async function backUpLarge(): Promise<ProtectedSource> {
    const source = new ProtectedSource({ onFinished: (clean) => cleanups.push(clean) })
    mkdirSync(join(source.directory, 'd'))
    for (let index = 0; index < 17; index++) write(source, `d/f${index}`, randomBytes(4 * mib, index))
    await source.backup()
    return source
  }

  test('is only gone on with by the same: another snapshot, other paths, other bits are refused, and say what to do', async () => {
    const source = await makeLarge()
    const { target, folder } = await interrupt(source)
    const before = readdirSync(join(folder, 'tree/d')).sort()
    for (const changes of [{ paths: [Buffer.from('d/f0')] }, { specialBits: true }]) {
      const refusal = await refusalOf(source.restore({ target, ...changes }))
      expect(refusal).toMatchObject({
        code: 'target',
        hint: expect.stringContaining('.holdfast-restore-') as string,
      })
    }
    source.store.nowMs += 1000
    await source.backup()
    expect((await refusalOf(source.restore({ target }))).code).toBe('target')
    expect(readdirSync(join(folder, 'tree/d')).sort()).toEqual(before)
  })

  test('that goes on after the system was started again believes nothing but hashes', async () => {
    const source = await makeLarge()
    const { target, folder } = await interrupt(source)
    const state = join(folder, 'state.json')
    writeFileSync(state, readFileSync(state, 'utf8').replace(/"bootId":"[^"]*"/, '"bootId":"another"'))
    const names = readdirSync(join(folder, 'tree/d'))
    const damaged = join(folder, 'tree/d', names[0]!)
    const { atime, mtime } = lstatSync(join(source.directory, 'd', names[0]!))
    // The size and the time of a finished file, with zeros where a crash lost blocks.
    truncateSync(damaged, 4096)
    truncateSync(damaged, 4 * mib)
    utimesSync(damaged, atime, mtime)
    const { bytesFetched, filesResumed, bytesResumed } = await source.restore({ target })
    expect([filesResumed, bytesResumed > 0]).toEqual([0, names.length > 1])
    expect(bytesFetched).toBeGreaterThan(0)
    expect(describeDirectory(target)).toEqual(describeDirectory(source.directory))
  })

  test('goes on inside a large file, with the bytes that have their hashes', async () => {
    const source = new ProtectedSource()
    write(source, 'large', randomBytes(96 * mib, 1))
    await source.backup()
    const whole = (await source.restore({ target: source.newTarget() })).bytesFetched
    const { target, folder } = await interrupt(source)
    const descriptor = openSync(join(folder, 'tree/large'), 'r+')
    writeSync(descriptor, Buffer.from('the end of a torn write'), 0, 23, 1000)
    closeSync(descriptor)
    const { bytesFetched, bytesResumed } = await source.restore({ target })
    expect(bytesResumed).toBeGreaterThan(8 * mib)
    expect(bytesFetched).toBeLessThan(whole - 8 * mib)
    expect(describeDirectory(target)).toEqual(describeDirectory(source.directory))
  })

  test('keeps a second one out while it runs, and ends well', async () => {
    const source = await makeLarge()
    const target = source.newTarget()
    const snapshot = await source.snapshot()
    const refusals: Promise<HoldfastError>[] = []
    const onProgress = (): void => {
      if (refusals.length > 0) return
      const sibling = { ...snapshot, id: '01KN35E000B6GR48QH7ECGPZ10' }
      refusals.push(refusalOf(source.restore({ snapshot, target })))
      refusals.push(refusalOf(source.restore({ snapshot: sibling, target })))
    }
    const faulty = new FaultyStore(source.store)
    faulty.getRange = async (...request) => {
      // Not before the others had their turn.
      await Promise.all(refusals)
      return source.store.getRange(...request)
    }
    await source.restore({ store: faulty, snapshot, target, workers: 1, onProgress })
    expect((await Promise.all(refusals)).map(({ code }) => code)).toEqual(['conflict', 'target'])
    expect(describeDirectory(target)).toEqual(describeDirectory(source.directory))
  })

  test('while bad bytes were fetched again takes no file for finished that has a gap', async () => {
    const source = new ProtectedSource()
    for (let index = 0; index < 3; index++) write(source, `f${index}`, randomBytes(200_000, index))
    await source.backup()
    const target = source.newTarget()
    const data = packOf(source.store, 'data')
    const faulty = new FaultyStore(source.store)
    const failure = new HoldfastError('unreachable', 'the network is gone', { retryable: true })
    let reads = 0
    faulty.onRead = (ref, bytes) => {
      if (ref.key !== data.key) return bytes
      if (++reads > 1) throw failure
      return flip(bytes, 100_000)
    }
    await expect(source.restore({ store: faulty, target })).rejects.toBe(failure)
    expect(reads).toBe(2)
    const { bytesFetched } = await source.restore({ target })
    expect(bytesFetched).toBeLessThan(600_000)
    expect(describeDirectory(target)).toEqual(describeDirectory(source.directory))
  })

  test('before its tree was made goes on', async () => {
    const source = await makeLarge()
    const { target, folder } = await interrupt(source)
    rmSync(join(folder, 'tree'), { recursive: true })
    await source.restore({ target })
    expect(describeDirectory(target)).toEqual(describeDirectory(source.directory))
  })

  test.each<[string, (folder: string) => void]>([
    [
      'before its state was written',
      (folder) => {
        rmSync(folder, { recursive: true })
        mkdirSync(folder, { mode: 0o700 })
      },
    ],
    [
      'before its first file was made',
      (folder) => {
        rmSync(join(folder, 'tree'), { recursive: true })
        mkdirSync(join(folder, 'tree'), { mode: 0o700 })
        renameSync(join(folder, 'state.json'), join(folder, 'state.json.new'))
      },
    ],
  ])('%s is begun anew', async (_, undo) => {
    const source = await makeLarge()
    const { target, folder } = await interrupt(source)
    undo(folder)
    await source.restore({ target })
    expect(describeDirectory(target)).toEqual(describeDirectory(source.directory))
  })

  test('into whose folder someone put links writes nothing outside', async () => {
    const source = await makeLarge()
    const outside = join(source.root, 'outside')
    mkdirSync(outside)
    writeFileSync(join(outside, 'f1'), 'untouched')
    const before = describeDirectory(outside)
    for (const plantLinks of [
      (folder: string) => {
        rmSync(join(folder, 'tree/d'), { recursive: true })
        symlinkSync(outside, join(folder, 'tree/d'))
      },
      (folder: string) => {
        for (const name of ['f0', 'f1', 'f16']) {
          rmSync(join(folder, 'tree/d', name), { force: true })
          symlinkSync(join(outside, name), join(folder, 'tree/d', name))
        }
      },
      (folder: string) => {
        rmSync(join(folder, 'tree'), { recursive: true })
        symlinkSync(outside, join(folder, 'tree'))
      },
    ]) {
      const { target, folder } = await interrupt(source)
      plantLinks(folder)
      expect((await refusalOf(source.restore({ target }))).code).toBe('target')
      expect(describeDirectory(outside)).toEqual(before)
      rmSync(target, { recursive: true })
    }
  })

  test.runIf(isRoot)('that somebody else planted, or a link to one, is not gone on with', async () => {
    const source = await makeLarge()
    const { target, folder } = await interrupt(source)
    writeFileSync(join(folder, 'tree/d/f0'), 'evil')
    for (const path of [folder, join(folder, 'state.json')]) {
      chownSync(path, 65_534, 65_534)
      expect((await refusalOf(source.restore({ target }))).code).toBe('target')
      chownSync(path, 0, 0)
    }
    chmodSync(folder, 0o777)
    expect((await refusalOf(source.restore({ target }))).code).toBe('target')
    chmodSync(folder, 0o700)
    renameSync(folder, join(source.root, 'elsewhere'))
    symlinkSync(join(source.root, 'elsewhere'), folder)
    expect((await refusalOf(source.restore({ target }))).code).toBe('target')
  })

  /** Interrupted while its finished files are moved to where they belong. */
  async function interruptPublishing(source: ProtectedSource): Promise<string> {
    const target = source.newTarget()
    expect(
      (
        await refusalOf(
          source.restore({ target, onProgress: () => writeFileSync(join(target, 'zz'), 'in the way') }),
        )
      ).code,
    ).toBe('target')
    expect(readFileSync(join(target, 'zz'), 'utf8')).toBe('in the way')
    rmSync(join(target, 'zz'))
    return target
  }

  test('while it published is finished by the next, which fetches nothing and says what was damaged', async () => {
    const source = new ProtectedSource()
    mkdirSync(join(source.directory, 'a'))
    write(source, 'a/bad', randomBytes(70_000, 1))
    write(source, 'b', randomBytes(70_000, 2))
    write(source, 'suid', 'suid')
    chmodSync(join(source.directory, 'suid'), 0o4755)
    write(source, 'zz', 'zz')
    await source.backup()
    const data = packOf(source.store, 'data')
    data.body = flip(data.body, 100)
    const target = await interruptPublishing(source)
    source.store.requests.get = 0
    const result = await source.restore({ target })
    expect(result.bytesFetched).toBe(0)
    expect(result.damaged.map(({ path }) => path.toString())).toEqual(['a/bad'])
    expect(result.problems.map(({ path }) => path.toString())).toEqual(['suid'])
    const expected = describeDirectory(source.directory)
    expect(readdirSync(target).sort()).toEqual(['a', 'b', 'suid', 'zz'])
    expect(describeDirectory(target)['b']).toEqual(expected['b'])
    expect(describeDirectory(target)['.']).toEqual(expected['.'])
  })

  test.each([
    ['when its folder was gone', true],
    ['when its folder was empty', false],
  ])('in the last of its steps, %s, is finished by the next', async (_, isGone) => {
    const source = new ProtectedSource()
    for (const name of ['a', 'zz']) write(source, name, name)
    await source.backup()
    const target = await interruptPublishing(source)
    const [folder] = readdirSync(target).filter((name) => name.startsWith('.'))
    renameSync(join(target, folder!, 'tree/zz'), join(target, 'zz'))
    renameSync(join(target, folder!, 'state.json'), join(target, `${folder!}.json`))
    rmSync(join(target, folder!, 'tree'), { recursive: true })
    if (isGone) rmSync(join(target, folder!), { recursive: true })
    await source.restore({ target })
    expect(describeDirectory(target)).toEqual(describeDirectory(source.directory))
  })

  test.runIf(isRoot)(
    'by an ordinary user, among directories that are closed again already, is finished by the next',
    async () => {
      const { vault, open, source } = await inFolder((initialSource) => {
        mkdirSync(join(initialSource.directory, 'a/b'), { recursive: true })
        write(initialSource, 'a/b/c', 'content')
        for (const name of ['a/b', 'a']) chmodSync(join(initialSource.directory, name), 0o000)
      })
      const target = join(open, 'target')
      const restore = (): Promise<unknown> =>
        startEngine(
          { operation: 'restore', store: vault, directory: target, cacheDirectory: '' },
          { as: 65_534 },
        ).outcome
      expect(await restore()).toMatchObject({ damaged: 0 })
      // As it was before the restore's own folder was removed.
      const store = new FolderStore(vault)
      const { snapshot } = await selectSnapshot(store, await listSnapshots(store, 'files'), null)
      const folder = join(target, `.holdfast-restore-${snapshot.id}`)
      mkdirSync(folder, { mode: 0o700 })
      const findings = { damaged: [], problems: [], problemCount: 0 }
      const state = {
        snapshot: snapshot.id,
        manifestSha256: snapshot.sha256,
        paths: [],
        specialBits: false,
        bootId: '',
        phase: 'publishing',
        findings,
      }
      writeFileSync(join(folder, 'state.json'), JSON.stringify(state))
      for (const path of [join(folder, 'state.json'), folder]) chownSync(path, 65_534, 65_534)
      expect(await restore()).toMatchObject({ damaged: 0 })
      expect(lstatSync(join(target, 'a')).mode & 0o777).toBe(0)
      expect(contentOf(describeDirectory(target))).toEqual(contentOf(describeDirectory(source.directory)))
    },
  )
})
