import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { FileCache } from '../../../engine/backup/file-cache.ts'
import { PendingEntries } from '../../../engine/backup/pending-entries.ts'
import { partBytes } from '../../../engine/backup/source-reader.ts'
import { WorkerPool } from '../../../engine/worker-pool.ts'
import { age, expectEqual, write } from '../../fixtures/backup-steps.ts'
import { describeDirectory } from '../../fixtures/directory-description.ts'
import { randomBytes } from '../../fixtures/manual-clock.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'
import { startEngine } from '../../fixtures/start-engine.ts'

const isRoot = process.getuid?.() === 0
const nobody = 65_534

afterEach(() => void vi.restoreAllMocks())

describe('a file that', () => {
  /** Enough entries that progress is reported when `aaa` was listed, but not yet read. */
  async function backUpWhile(
    change: (path: string, source: ProtectedSource) => void,
    content = 'first content',
    prepare: (source: ProtectedSource) => void = () => undefined,
  ): Promise<{ source: ProtectedSource; result: Awaited<ReturnType<ProtectedSource['backup']>> }> {
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
    [
      'becomes a link',
      (path) => {
        unlinkSync(path)
        symlinkSync('/etc/passwd', path)
      },
    ],
    [
      'becomes a FIFO',
      (path) => {
        unlinkSync(path)
        execFileSync('mkfifo', [path])
      },
    ],
    [
      'becomes a directory',
      (path) => {
        unlinkSync(path)
        mkdirSync(path)
      },
    ],
  ])('%s before it is read is left out, and the snapshot is incomplete', async (_, change) => {
    const { source, result } = await backUpWhile(change)
    expect(result.complete).toBe(false)
    expect(result.problems.map(({ path, kind }) => [path.toString(), kind])).toEqual([['aaa', 'vanished']])
    const { manifest } = await source.snapshot()
    expect(manifest).toMatchObject({
      complete: false,
      problemCount: 1,
      problems: [{ kind: 'vanished', path: 'aaa' }],
    })
    const { target } = await source.restore()
    expect(describeDirectory(target)).not.toHaveProperty('aaa')
  })

  test('vanishes under one of its names is left out under all, which are named: none is restored empty', async () => {
    const { source, result } = await backUpWhile(
      (path) => unlinkSync(path),
      'content',
      (source) => {
        for (const name of ['bbb', 'zzz'])
          linkSync(join(source.directory, 'aaa'), join(source.directory, name))
      },
    )
    expect(result.complete).toBe(false)
    expect(result.problems.map(({ path }) => path.toString())).toEqual(['aaa', 'bbb', 'zzz'])
    const { target } = await source.restore()
    for (const name of ['aaa', 'bbb', 'zzz']) expect(describeDirectory(target)).not.toHaveProperty(name)
    await source.backup()
    await expectEqual(source)
  })

  test('is replaced under the first of its names before it is read, keeps its content under the others', async () => {
    const { source, result } = await backUpWhile(
      (path) => {
        unlinkSync(path)
        writeFileSync(path, 'other')
      },
      'content',
      (source) => {
        for (const name of ['bbb', 'zzz'])
          linkSync(join(source.directory, 'aaa'), join(source.directory, name))
      },
    )
    expect([result.complete, result.problems]).toEqual([true, []])
    const { target } = await source.restore()
    const contents = ['aaa', 'bbb', 'zzz'].map((name) => readFileSync(join(target, name), 'utf8'))
    expect(contents).toEqual(['other', 'content', 'content'])
    await age()
    expect(await source.backup()).toMatchObject({ complete: true })
    await expectEqual(source)
  })

  test('loses one of its names before it is read stays linked under the others', async () => {
    const { source, result } = await backUpWhile(
      (_, source) => unlinkSync(join(source.root, 'outside')),
      'content',
      (source) => {
        for (const name of [join(source.directory, 'bbb'), join(source.root, 'outside')])
          linkSync(join(source.directory, 'aaa'), name)
      },
    )
    expect([result.complete, result.problems]).toEqual([true, []])
    const { target } = await source.restore()
    expect(lstatSync(join(target, 'aaa')).ino).toBe(lstatSync(join(target, 'bbb')).ino)
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
    const result = await source.backup({
      onProgress: () =>
        void (calls++ === 0 && truncateSync(join(source.directory, 'large'), 20 * 1024 * 1024)),
    })
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
      mkdirSync(join(source.root, name), { mode: 0o755 })
      chownSync(join(source.root, name), nobody, nobody)
    }
    const { outcome } = startEngine(
      {
        operation: 'backup',
        store: join(source.root, 'vault'),
        directory: source.directory,
        cacheDirectory: join(source.root, 'cache', 'nobody'),
      },
      { as: nobody },
    )
    expect(await outcome).toMatchObject({
      complete: false,
      problems: [
        { path: 'closed', kind: 'unreadable' },
        { path: 'b', kind: 'unreadable' },
      ],
    })
    const { outcome: restored } = startEngine({
      operation: 'restore',
      store: join(source.root, 'vault'),
      directory: join(source.root, 'target'),
      cacheDirectory: '',
    })
    expect(await restored).toMatchObject({ damaged: 0 })
    expect(Object.keys(describeDirectory(join(source.root, 'target')))).toEqual([
      '.',
      '.holdfast-incomplete',
      'a',
      'closed',
    ])
  })
})

test('a file that the cache could not be asked for is not remembered as empty by what still comes in after the failure', async ({
  onTestFinished,
}) => {
  const source = new ProtectedSource({ onFinished: onTestFinished })
  // A file of this size goes to a thread at once, which reads it when the pass looks up `c` in the cache.
  write(source, 'a', '')
  truncateSync(join(source.directory, 'a'), partBytes + 1)
  write(source, 'b', 'read')
  write(source, 'c', 'not read')
  await age()
  vi.spyOn(FileCache.prototype, 'lookup').mockImplementation((path) => {
    if (path.equals(Buffer.from('c'))) throw new Error('the cache can not be read')
    return null
  })
  const put = vi.spyOn(FileCache.prototype, 'put')
  // As with threads, whose answers are on their way while they are stopped.
  vi.spyOn(WorkerPool.prototype, 'stop').mockImplementation(async () => {
    for (let turn = 0; turn < 1_000 && put.mock.calls.length < 2; turn++) await nextTurn()
  })
  await expect(source.backup({ workers: 0 })).rejects.toThrow('the cache can not be read')
  expect(put.mock.calls.map(([, , { lengths }]) => lengths.reduce((sum, bytes) => sum + bytes, 0))).toEqual([
    partBytes + 1,
    4,
  ])
})

test('few entries wait behind a changed file, which is read before its batch is full', async ({
  onTestFinished,
}) => {
  const source = new ProtectedSource({ onFinished: onTestFinished })
  write(source, 'a', 'changed')
  for (let index = 0; index < 3_000; index++) write(source, `b${index}`, '')
  let maxWaiting = 0
  const push = Reflect.get(PendingEntries.prototype, 'push') as (this: PendingEntries, entry: unknown) => void
  vi.spyOn(PendingEntries.prototype, 'push').mockImplementation(function (this: PendingEntries, entry) {
    push.call(this, entry)
    maxWaiting = Math.max(maxWaiting, this.length)
  })
  await source.backup({ workers: 0 })
  expect(maxWaiting).toBeGreaterThan(0)
  expect(maxWaiting).toBeLessThan(900)
})
