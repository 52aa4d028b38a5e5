import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { isHoldfastError } from '../../../core/errors.ts'
import { prepareRestore } from '../../../engine/restore/restore.ts'
import { write } from '../../fixtures/backup-steps.ts'
import { contentOf, describeDirectory } from '../../fixtures/directory-description.ts'
import { HandmadeVault } from '../../fixtures/handmade-vault.ts'
import { ManualClock, randomBytes, seededRandom } from '../../fixtures/manual-clock.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'
import { inFolder, makeSource, refusalOf } from '../../fixtures/restore-steps.ts'
import { startEngine } from '../../fixtures/start-engine.ts'
import { makeTemporaryDirectory } from '../../fixtures/temporary-directory.ts'

const isRoot = process.getuid?.() === 0
const mib = 1024 * 1024

describe('a target', () => {
  test('that is new, in directories that are new too, is made; one that is empty is used', async () => {
    const source = await makeSource()
    const empty = source.newTarget()
    mkdirSync(empty)
    const link = join(source.root, 'link to a directory')
    mkdirSync(join(source.root, 'behind the link'))
    symlinkSync('behind the link', link)
    for (const target of [join(source.root, 'x/y/z'), empty, link]) {
      await source.restore({ target })
      expect(describeDirectory(`${target}/`)).toEqual(describeDirectory(source.directory))
    }
  })

  test.each<[string, (target: string) => void]>([
    ['holds a file', (target) => writeFileSync(join(target, 'precious'), 'precious')],
    ['holds a hidden directory', (target) => mkdirSync(join(target, '.git'))],
    ['holds a dangling link', (target) => symlinkSync('nowhere', join(target, 'link'))],
    ['is restored already', (target) => writeFileSync(join(target, 'large-0'), 'other')],
    [
      'holds the folder of another restore',
      (target) => mkdirSync(join(target, '.holdfast-restore-01KN35E000B6GR48QH7ECGPZ10')),
    ],
  ])('that %s is refused, and nothing in it is touched', async (_, fill) => {
    const source = await makeSource()
    const target = source.newTarget()
    mkdirSync(target)
    fill(target)
    const before = describeDirectory(target)
    expect((await refusalOf(source.restore({ target }))).code).toBe('target')
    expect(describeDirectory(target)).toEqual(before)
  })

  test('that is a file, or lies below one, is refused', async () => {
    const source = await makeSource()
    const file = join(source.root, 'file')
    writeFileSync(file, 'file')
    for (const target of [file, join(file, 'below')])
      expect((await refusalOf(source.restore({ target }))).code).toBe('target')
    expect(readFileSync(file, 'utf8')).toBe('file')
  })

  test('is not touched by a plan, nor by a refusal of the paths', async () => {
    const source = await makeSource()
    const target = source.newTarget()
    const options = {
      store: source.store,
      clock: source.clock,
      random: source.random,
      snapshot: await source.snapshot(),
      target,
      workers: 1,
    }
    const { plan } = await prepareRestore({ ...options, paths: [] })
    expect(plan).toMatchObject({ files: 10, directories: 2, symlinks: 1, bytes: 280_060 })
    expect((await refusalOf(prepareRestore({ ...options, paths: [Buffer.from('nowhere')] }))).code).toBe(
      'not-found',
    )
    expect(existsSync(target)).toBe(false)
  })

  test.runIf(isRoot)('that may not be written to is refused, with the reason', async () => {
    const { source, vault } = await inFolder()
    const { outcome } = startEngine(
      {
        operation: 'restore',
        store: vault,
        directory: join(source.root, 'closed', 'target'),
        cacheDirectory: '',
      },
      { as: 65_534 },
    )
    expect(await outcome).toMatchObject({
      error: 'target',
      message: expect.stringContaining('EACCES') as string,
    })
  })

  test.runIf(isRoot)(
    'in which somebody closes a directory ahead of its end is restored, and what could not be set is said',
    async () => {
      const { vault, open } = await inFolder((source) => {
        for (const name of ['closed', 'open']) mkdirSync(join(source.directory, name))
        write(source, 'closed/file', 'file')
        write(source, 'open/file', 'file')
      })
      const preload = fileURLToPath(new URL('../../fixtures/close-when-published.ts', import.meta.url))
      const { outcome } = startEngine(
        { operation: 'restore', store: vault, directory: join(open, 'target'), cacheDirectory: '' },
        { as: 65_534, preload },
      )
      const { problems } = (await outcome) as { problems: { path: string; detail: string }[] }
      expect(problems.filter(({ path }) => path === 'closed')).toMatchObject([
        { detail: expect.stringContaining('could not be set: EACCES') as string },
      ])
      expect(problems.filter(({ path, detail }) => path === 'open' && detail.includes('EACCES'))).toEqual([])
    },
  )
})

describe('a hostile snapshot', () => {
  const outsideName = 'outside'
  async function tryRestore(
    build: (vault: HandmadeVault, outside: string) => Parameters<HandmadeVault['tree']>[0],
  ): Promise<{ code: string | null; target: string }> {
    const root = makeTemporaryDirectory()
    const outside = join(root, outsideName)
    mkdirSync(outside)
    writeFileSync(join(outside, 'b'), 'untouched')
    const before = describeDirectory(outside)
    const vault = new HandmadeVault()
    const snapshot = await vault.commit(vault.tree(build(vault, outside)))
    const target = join(root, 'target')
    const work = prepareRestore({
      store: vault.store,
      clock: new ManualClock(),
      random: seededRandom(1),
      snapshot,
      target,
      paths: [],
      workers: 1,
    }).then(({ run }) => run())
    const code = await work.then(
      () => null,
      (error: unknown) => (isHoldfastError(error) ? error.code : `no refusal: ${String(error)}`),
    )
    expect(describeDirectory(outside)).toEqual(before)
    expect(readdirSync(root).filter((name) => name !== 'target')).toEqual([outsideName])
    return { code, target }
  }

  test.each<[string, (vault: HandmadeVault, outside: string) => Parameters<HandmadeVault['tree']>[0]]>([
    [
      'a link and a file below it',
      (vault, outside) => [vault.directory(''), vault.symlink('a', outside), vault.file('a/b', 'evil')],
    ],
    [
      'a link and a directory below it',
      (vault, outside) => [
        vault.directory(''),
        vault.symlink('a', outside),
        vault.directory('a/c'),
        vault.file('a/c/b', 'evil'),
      ],
    ],
    [
      'a link and a hard link below it',
      (vault, outside) => [
        vault.directory(''),
        vault.file('0', 'evil', { linkGroup: 1 }),
        vault.symlink('a', outside),
        vault.file('a/b', 'evil', { linkGroup: 1 }),
      ],
    ],
    ['`..`', (vault) => [vault.directory(''), vault.file(`../${outsideName}/b`, 'evil')]],
    ['an absolute path', (vault, outside) => [vault.directory(''), vault.file(`${outside}/b`, 'evil')]],
    ['a file as a parent', (vault) => [vault.directory(''), vault.file('a', 'a'), vault.file('a/b', 'evil')]],
    [
      'a name twice',
      (vault, outside) => [
        vault.directory(''),
        vault.symlink('a', outside),
        vault.directory('a'),
        vault.file('a/b', 'evil'),
      ],
    ],
  ])('with %s is refused: nothing is written anywhere', async (_, build) => {
    const { code, target } = await tryRestore(build)
    expect(code).toBe('damaged')
    expect(existsSync(target)).toBe(false)
  })

  test("with a name like the restore's own folder is refused in the end, and nothing of it looks whole", async () => {
    const vault = new HandmadeVault()
    const manifest = vault.manifest(Buffer.alloc(32), [])
    const root = vault.tree([
      vault.directory(''),
      vault.directory(`.holdfast-restore-${manifest.id}`),
      vault.file(`.holdfast-restore-${manifest.id}/state.json`, '{}'),
      vault.file('a', 'a'),
    ])
    const snapshot = await vault.commit(root, { id: manifest.id })
    const target = join(makeTemporaryDirectory(), 'target')
    const { run } = await prepareRestore({
      store: vault.store,
      clock: new ManualClock(),
      random: seededRandom(1),
      snapshot,
      target,
      paths: [],
      workers: 1,
    })
    expect((await refusalOf(run())).code).toBe('target')
    expect(readdirSync(target)).toEqual([`.holdfast-restore-${manifest.id}`])
  })

  test('whose links point anywhere is restored as it is: links are made, and not followed', async () => {
    const { code, target } = await tryRestore((vault, outside) => [
      vault.directory('', { mode: 0o755 }),
      vault.symlink('a', outside),
      vault.symlink('b', '/etc/passwd'),
      vault.symlink('c', '../..'),
      vault.file('d', 'd', { mode: 0o600 }),
    ])
    expect(code).toBeNull()
    expect(Object.keys(describeDirectory(target))).toEqual(['.', 'a', 'b', 'c', 'd'])
  })
})

test('links are made when every file is written: none stands in the way of a path while bytes are', async () => {
  const source = await makeSource()
  const target = source.newTarget()
  const modes: string[][] = []
  await source.restore({
    target,
    onProgress: () => {
      const [folder] = readdirSync(target)
      modes.push(
        readdirSync(join(target, folder!, 'tree'), { withFileTypes: true })
          .filter((entry) => entry.isSymbolicLink())
          .map(({ name }) => name),
      )
    },
  })
  expect(modes.length).toBeGreaterThan(0)
  expect(modes.flat()).toEqual([])
  expect(describeDirectory(target)).toEqual(describeDirectory(source.directory))
})

function mountSmall(path: string, sizeKib: number): boolean {
  mkdirSync(path)
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeKib}k`, 'tmpfs', path])
  if (status === 0) onTestFinished(() => void spawnSync('umount', [path]))
  return status === 0
}

describe('a disk that is full', () => {
  test.runIf(isRoot)(
    'is said so, nothing on it looks whole, and with more room the restore goes on',
    async (context) => {
      const source = new ProtectedSource()
      for (let index = 0; index < 40; index++) write(source, `f${index}`, randomBytes(mib, index))
      await source.backup()
      const target = join(source.root, 'disk')
      context.skip(!mountSmall(target, 28 * 1024), "a file system can't be mounted here")
      const refusal = await refusalOf(source.restore({ target }))
      expect(refusal).toMatchObject({ code: 'disk-full', retryable: true })
      expect(readdirSync(target).filter((name) => !name.startsWith('.holdfast-restore-'))).toEqual([])
      execFileSync('mount', ['-o', 'remount,size=64m', target])
      const { bytesFetched, damaged } = await source.restore({ target })
      expect(damaged).toEqual([])
      expect(bytesFetched).toBeLessThan(36 * mib)
      expect(describeDirectory(target)).toEqual(describeDirectory(source.directory))
    },
  )

  test.runIf(isRoot)('from the beginning is said so, and the restore can be repeated', async (context) => {
    const source = await makeSource()
    const target = join(source.root, 'disk')
    context.skip(!mountSmall(target, 64), "a file system can't be mounted here")
    writeFileSync(join(target, 'filler'), randomBytes(60 * 1024, 1))
    rmSync(join(target, 'filler'))
    for (let attempt = 0; attempt < 2; attempt++)
      expect((await refusalOf(source.restore({ target }))).code).toBe('disk-full')
    execFileSync('mount', ['-o', 'remount,size=8m', target])
    await source.restore({ target })
    expect(describeDirectory(target)).toEqual(describeDirectory(source.directory))
  })
})

test.runIf(isRoot)('an ordinary user restores all content, and is told whose it was', async () => {
  const { source, vault, open } = await inFolder((initialSource) => {
    mkdirSync(join(initialSource.directory, 'read-only'))
    write(initialSource, 'read-only/file', 'content')
    chmodSync(join(initialSource.directory, 'read-only/file'), 0o400)
    chmodSync(join(initialSource.directory, 'read-only'), 0o500)
  })
  const outcome = await startEngine(
    { operation: 'restore', store: vault, directory: join(open, 'target'), cacheDirectory: '' },
    { as: 65_534 },
  ).outcome
  expect(outcome).toMatchObject({
    damaged: 0,
    problems: expect.arrayContaining([
      { path: 'read-only/file', detail: expect.stringContaining('its owner') as string },
    ]) as unknown[],
  })
  expect(contentOf(describeDirectory(join(open, 'target')))).toEqual(
    contentOf(describeDirectory(source.directory)),
  )
  expect(lstatSync(join(open, 'target/read-only')).mode & 0o777).toBe(0o500)
})

test.each([1, 2])(
  'a disk that fails at flush %i of a restore says so, and the restore can be repeated',
  async (failing) => {
    const source = await makeSource()
    const [programs, calls] = [join(source.root, 'programs'), join(source.root, 'calls')]
    mkdirSync(programs)
    writeFileSync(
      join(programs, 'sync'),
      `#!/bin/sh\necho "$@" >> ${calls}\n[ "$(wc -l < ${calls})" -ne ${failing} ] || { echo 'sync: error syncing: Input/output error' >&2; exit 1; }\n`,
      { mode: 0o755 },
    )
    const path = process.env['PATH']!
    onTestFinished(() => void (process.env['PATH'] = path))
    process.env['PATH'] = `${programs}:${path}`
    const target = source.newTarget()
    expect(await refusalOf(source.restore({ target }))).toMatchObject({
      code: 'target',
      hint: expect.stringContaining('repeat the command') as string,
    })
    const { damaged, problems } = await source.restore({ target })
    expect([damaged, problems]).toEqual([[], []])
    expect(describeDirectory(target)).toEqual(describeDirectory(source.directory))
    expect(readFileSync(calls, 'utf8').split('\n').length - 1).toBeGreaterThan(failing)
  },
)

test('a thread that ends while another request is being fetched ends the restore', async () => {
  const source = new ProtectedSource()
  for (const [seed, name] of ['a', 'b'].entries()) {
    write(source, name, randomBytes(100_000, seed))
    await source.backup()
  }
  const prepared = await prepareRestore({
    store: source.store,
    clock: source.clock,
    random: source.random,
    snapshot: await source.snapshot(),
    target: source.newTarget(),
    paths: [],
    workers: 1,
  })
  const ended = Promise.withResolvers<void>()
  const post = vi.spyOn(Worker.prototype, 'postMessage').mockImplementationOnce(function (this: Worker) {
    this.once('exit', ended.resolve)
    void this.terminate()
  })
  onTestFinished(() => post.mockRestore())
  const getRange = source.store.getRange.bind(source.store)
  let ranges = 0
  source.store.getRange = async (...request) => {
    if (++ranges === 2) await ended.promise
    return getRange(...request)
  }
  await expect(prepared.run()).rejects.toThrow('a worker thread ended')
  expect(ranges).toBe(2)
})
