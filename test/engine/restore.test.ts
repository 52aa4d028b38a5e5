import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { HoldfastError, isHoldfastError } from '../../core/errors.ts'
import type { Snapshot } from '../../core/snapshot.ts'
import { comparePaths } from '../../core/tree-entry.ts'
import { decodeFrame, openPack } from '../../core/pack.ts'
import { listSnapshots, selectSnapshot } from '../../core/snapshot.ts'
import type { RestoreProgress, RestoreResult } from '../../engine/operations.ts'
import { prepareRestore } from '../../engine/restore.ts'
import { contentOf, describeDirectory } from '../fixtures/directory-description.ts'
import { FaultyStore, flip } from '../fixtures/faulty-store.ts'
import { FolderStore } from '../fixtures/folder-store.ts'
import { HandmadeVault } from '../fixtures/handmade-vault.ts'
import { ManualClock, randomBytes, seededRandom } from '../fixtures/manual-clock.ts'
import type { MemoryStore, StoredVersion } from '../fixtures/memory-store.ts'
import { ProtectedSource } from '../fixtures/protected-source.ts'
import { startEngine } from '../fixtures/start-engine.ts'
import { makeTemporaryDirectory } from '../fixtures/temporary-directory.ts'

const isRoot = process.getuid?.() === 0
const mib = 1024 * 1024

function write(source: ProtectedSource, name: string, content: string | Buffer): void {
  writeFileSync(join(source.directory, name), content)
}

async function refusalOf(work: Promise<unknown>): Promise<HoldfastError> {
  const error: unknown = await work.then(() => new Error('it succeeded'), (thrown: unknown) => thrown)
  if (!isHoldfastError(error)) throw error
  return error
}

/** A few directories, small files that share a frame, larger ones with frames of their own, links. */
async function makeSource(): Promise<ProtectedSource> {
  const source = new ProtectedSource()
  mkdirSync(join(source.directory, 'd'))
  for (let index = 0; index < 5; index++) write(source, `d/small-${index}`, `small file ${index}`)
  for (let index = 0; index < 4; index++) write(source, `large-${index}`, randomBytes(70_000, index))
  write(source, 'empty', '')
  symlinkSync('d', join(source.directory, 'link'))
  await source.backup()
  return source
}

function packsOf(store: MemoryStore): StoredVersion[] {
  return store.versions.filter(({ key }) => key.includes('/packs/'))
}

/** What each pack holds, told by its first chunk. */
function packOf(store: MemoryStore, kind: 'data' | 'tree' | 'index'): StoredVersion {
  return packsOf(store).find(({ body }) => {
    const { frames: [frame] } = openPack(body, 'files', 'it')
    const begin = decodeFrame(frame!, body.subarray(frame!.offset, frame!.offset + frame!.storedBytes), 'it').subarray(0, 6).toString('latin1')
    return (begin === 'HFLEAF' || begin === 'HFNODE' ? 'tree' : begin === 'HFINDE' ? 'index' : 'data') === kind
  })!
}

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
    ['holds the folder of another restore', (target) => mkdirSync(join(target, '.holdfast-restore-01KN35E000B6GR48QH7ECGPZ10'))],
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
    for (const target of [file, join(file, 'below')]) expect((await refusalOf(source.restore({ target }))).code).toBe('target')
    expect(readFileSync(file, 'utf8')).toBe('file')
  })

  test('is not touched by a plan, nor by a refusal of the paths', async () => {
    const source = await makeSource()
    const target = source.newTarget()
    const options = { store: source.store, clock: source.clock, random: source.random, snapshot: await source.snapshot(), target, workers: 1 }
    const { plan } = await prepareRestore({ ...options, paths: [] })
    expect(plan).toMatchObject({ files: 10, directories: 2, symlinks: 1, bytes: 280_060 })
    expect((await refusalOf(prepareRestore({ ...options, paths: [Buffer.from('nowhere')] }))).code).toBe('not-found')
    expect(existsSync(target)).toBe(false)
  })

  test.runIf(isRoot)('that may not be written to is refused, with the reason', async () => {
    const { source, vault } = await inFolder()
    const { answer } = startEngine({ operation: 'restore', store: vault, directory: join(source.root, 'closed', 'target'), cacheDirectory: '' }, { as: 65_534 })
    expect(await answer).toMatchObject({ error: 'target', message: expect.stringContaining('EACCES') as string })
  })
})

/** The same source in a vault that another process can read. */
async function inFolder(fill: (source: ProtectedSource) => void = (source) => write(source, 'file', 'file')): Promise<{ source: ProtectedSource; vault: string; open: string }> {
  const source = new ProtectedSource()
  fill(source)
  const vault = join(source.root, 'vault')
  const open = join(source.root, 'open')
  mkdirSync(open)
  chmodSync(open, 0o777)
  mkdirSync(join(source.root, 'closed'), { mode: 0o755 })
  expect(await startEngine({ operation: 'backup', store: vault, directory: source.directory, cacheDirectory: source.cacheDirectory }).answer).toMatchObject({ complete: true })
  return { source, vault, open }
}

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
      const result = await source.restore({ store: faulty, snapshot, target, onProgress: (figures) => progress.push(figures) }).catch((error: unknown) => error)
      if (result !== failure) {
        const { bytesFetched, filesResumed, bytesResumed } = result as RestoreResult
        fetched = bytesFetched
        expect([filesResumed > 0, bytesResumed]).toEqual([true, filesResumed * 3 * mib])
        // What is left is said before anything is fetched.
        expect(progress[0]).toEqual({ files: filesResumed, bytesResumed, bytesFetched: 0, bytesWritten: 0 })
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

  async function interrupt(source: ProtectedSource, more: { paths?: Buffer[]; snapshot?: Snapshot } = {}): Promise<{ target: string; folder: string }> {
    const target = source.newTarget()
    const stop = new AbortController()
    const reason = new HoldfastError('interrupted', 'stopped')
    await expect(source.restore({ target, signal: stop.signal, onProgress: () => stop.abort(reason), workers: 1, ...more })).rejects.toBe(reason)
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
    for (const more of [{ paths: [Buffer.from('d/f0')] }, { specialBits: true }]) {
      const refusal = await refusalOf(source.restore({ target, ...more }))
      expect(refusal).toMatchObject({ code: 'target', hint: expect.stringContaining('.holdfast-restore-') as string })
    }
    source.store.nowMs += 1000
    await source.backup()
    expect((await refusalOf(source.restore({ target }))).code).toBe('target')
    expect(readdirSync(join(folder, 'tree/d')).sort()).toEqual(before)
  })

  test('is begun anew after the system was started again: what looks finished may not have reached the disk', async () => {
    const source = await makeLarge()
    const { target, folder } = await interrupt(source)
    const state = join(folder, 'state.json')
    writeFileSync(state, readFileSync(state, 'utf8').replace(/"bootId":"[^"]*"/, '"bootId":"another"'))
    const [victim] = readdirSync(join(folder, 'tree/d'))
    const stats = lstatSync(join(source.directory, 'd', victim!))
    truncateSync(join(folder, 'tree/d', victim!), stats.size)
    const { bytesFetched } = await source.restore({ target })
    expect(bytesFetched).toBeGreaterThan(67 * mib)
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
    ['before its state was written', (folder) => {
      rmSync(folder, { recursive: true })
      mkdirSync(folder, { mode: 0o700 })
    }],
    ['before its first file was made', (folder) => {
      rmSync(join(folder, 'tree'), { recursive: true })
      mkdirSync(join(folder, 'tree'), { mode: 0o700 })
      renameSync(join(folder, 'state.json'), join(folder, 'state.json.new'))
    }],
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
    for (const plant of [
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
      plant(folder)
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
    expect((await refusalOf(source.restore({ target, onProgress: () => writeFileSync(join(target, 'zz'), 'in the way') }))).code).toBe('target')
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

  test.each([['when its folder was gone', true], ['when its folder was empty', false]])('in the last of its steps, %s, is finished by the next', async (_, isGone) => {
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

  test.runIf(isRoot)('by an ordinary user, among directories that are closed again already, is finished by the next', async () => {
    const { vault, open, source } = await inFolder((made) => {
      mkdirSync(join(made.directory, 'a/b'), { recursive: true })
      write(made, 'a/b/c', 'content')
      for (const name of ['a/b', 'a']) chmodSync(join(made.directory, name), 0o000)
    })
    const target = join(open, 'target')
    const restore = (): Promise<unknown> => startEngine({ operation: 'restore', store: vault, directory: target, cacheDirectory: '' }, { as: 65_534 }).answer
    expect(await restore()).toMatchObject({ damaged: 0 })
    // As it was before the restore's own folder was removed.
    const store = new FolderStore(vault)
    const { snapshot } = await selectSnapshot(store, await listSnapshots(store, 'files'), null)
    const folder = join(target, `.holdfast-restore-${snapshot.id}`)
    mkdirSync(folder, { mode: 0o700 })
    const findings = { damaged: [], problems: [], problemCount: 0 }
    const state = { snapshot: snapshot.id, manifestSha256: snapshot.sha256, paths: [], specialBits: false, bootId: '', phase: 'publishing', findings }
    writeFileSync(join(folder, 'state.json'), JSON.stringify(state))
    for (const path of [join(folder, 'state.json'), folder]) chownSync(path, 65_534, 65_534)
    expect(await restore()).toMatchObject({ damaged: 0 })
    expect(lstatSync(join(target, 'a')).mode & 0o777).toBe(0)
    expect(contentOf(describeDirectory(target))).toEqual(contentOf(describeDirectory(source.directory)))
  })
})

describe('a hostile snapshot', () => {
  const outsideName = 'outside'
  async function tryRestore(build: (vault: HandmadeVault, outside: string) => Parameters<HandmadeVault['tree']>[0]): Promise<{ code: string | null; target: string }> {
    const root = makeTemporaryDirectory()
    const outside = join(root, outsideName)
    mkdirSync(outside)
    writeFileSync(join(outside, 'b'), 'untouched')
    const before = describeDirectory(outside)
    const vault = new HandmadeVault()
    const snapshot = await vault.commit(vault.tree(build(vault, outside)))
    const target = join(root, 'target')
    const work = prepareRestore({ store: vault.store, clock: new ManualClock(), random: seededRandom(1), snapshot, target, paths: [], workers: 1 }).then(({ run }) => run())
    const code = await work.then(() => null, (error: unknown) => (isHoldfastError(error) ? error.code : `no refusal: ${String(error)}`))
    expect(describeDirectory(outside)).toEqual(before)
    expect(readdirSync(root).filter((name) => name !== 'target')).toEqual([outsideName])
    return { code, target }
  }

  test.each<[string, (vault: HandmadeVault, outside: string) => Parameters<HandmadeVault['tree']>[0]]>([
    ['a link and a file below it', (vault, outside) => [vault.directory(''), vault.symlink('a', outside), vault.file('a/b', 'evil')]],
    ['a link and a directory below it', (vault, outside) => [vault.directory(''), vault.symlink('a', outside), vault.directory('a/c'), vault.file('a/c/b', 'evil')]],
    ['a link and a hard link below it', (vault, outside) => [vault.directory(''), vault.file('0', 'evil', { linkGroup: 1 }), vault.symlink('a', outside), vault.file('a/b', 'evil', { linkGroup: 1 })]],
    ['`..`', (vault) => [vault.directory(''), vault.file(`../${outsideName}/b`, 'evil')]],
    ['an absolute path', (vault, outside) => [vault.directory(''), vault.file(`${outside}/b`, 'evil')]],
    ['a file as a parent', (vault) => [vault.directory(''), vault.file('a', 'a'), vault.file('a/b', 'evil')]],
    ['a name twice', (vault, outside) => [vault.directory(''), vault.symlink('a', outside), vault.directory('a'), vault.file('a/b', 'evil')]],
  ])('with %s is refused: nothing is written anywhere', async (_, build) => {
    const { code, target } = await tryRestore(build)
    expect(code).toBe('damaged')
    expect(existsSync(target)).toBe(false)
  })

  test('with a name like the restore\'s own folder is refused in the end, and nothing of it looks whole', async () => {
    const vault = new HandmadeVault()
    const manifest = vault.manifest(Buffer.alloc(32), [])
    const root = vault.tree([vault.directory(''), vault.directory(`.holdfast-restore-${manifest.id}`), vault.file(`.holdfast-restore-${manifest.id}/state.json`, '{}'), vault.file('a', 'a')])
    const snapshot = await vault.commit(root, { id: manifest.id })
    const target = join(makeTemporaryDirectory(), 'target')
    const { run } = await prepareRestore({ store: vault.store, clock: new ManualClock(), random: seededRandom(1), snapshot, target, paths: [], workers: 1 })
    expect((await refusalOf(run())).code).toBe('target')
    expect(readdirSync(target)).toEqual([`.holdfast-restore-${manifest.id}`])
  })

  test('whose links point anywhere is restored as it is: links are made, and not followed', async () => {
    const { code, target } = await tryRestore((vault, outside) => [
      vault.directory('', { mode: 0o755 }), vault.symlink('a', outside), vault.symlink('b', '/etc/passwd'), vault.symlink('c', '../..'), vault.file('d', 'd', { mode: 0o600 }),
    ])
    expect(code).toBeNull()
    expect(Object.keys(describeDirectory(target))).toEqual(['.', 'a', 'b', 'c', 'd'])
  })
})

test('links are made when every file is written: none stands in the way of a path while bytes are', async () => {
  const source = await makeSource()
  const target = source.newTarget()
  const found: string[][] = []
  await source.restore({
    target,
    onProgress: () => {
      const [folder] = readdirSync(target)
      found.push(readdirSync(join(target, folder!, 'tree'), { withFileTypes: true }).filter((entry) => entry.isSymbolicLink()).map(({ name }) => name))
    },
  })
  expect(found.length).toBeGreaterThan(0)
  expect(found.flat()).toEqual([])
  expect(describeDirectory(target)).toEqual(describeDirectory(source.directory))
})

describe('damage', () => {
  /** Restores what can be, and checks that each file is either equal or named, and absent. */
  async function expectNamedOrEqual(source: ProtectedSource, expected: Record<string, unknown>, what: string): Promise<string[]> {
    const { target, damaged } = await source.restore()
    const named = damaged.map(({ path }) => path.toString())
    const restored = describeDirectory(target)
    for (const [name, entry] of Object.entries(expected)) {
      if (named.includes(name)) expect(restored, what).not.toHaveProperty([name])
      else expect(restored[name], `${what}: ${name}`).toEqual(entry)
    }
    expect(Object.keys(restored).length + named.length, what).toBe(Object.keys(expected).length)
    rmSync(target, { recursive: true })
    return named
  }

  test('of any byte of any object is noticed; what it costs is named; the rest is restored', async () => {
    const source = await makeSource()
    const expected = describeDirectory(source.directory)
    const costs = new Map<string, number>()
    for (const kind of ['data', 'tree', 'index'] as const) {
      const version = packOf(source.store, kind)
      const good = version.body
      const steps = kind === 'data' ? 12 : 6
      for (let step = 0; step < steps; step++) {
        const offset = step === 0 ? 0 : Math.floor(((step + 0.5) / steps) * good.length)
        version.body = flip(good, offset, 1 << (step % 8))
        const what = `${kind} ${offset}`
        const code = await source.restore().then(({ target }) => rmSync(target, { recursive: true }), (error: unknown) => (isHoldfastError(error) ? error.code : String(error)))
        if (code !== undefined) {
          expect([kind, code]).toEqual(['tree', 'damaged'])
        } else {
          const named = await expectNamedOrEqual(source, expected, what)
          costs.set(kind, Math.max(costs.get(kind) ?? 0, named.length))
          if (kind === 'data') expect(named.length, what).toBeLessThanOrEqual(5)
        }
        const { objects, files } = await source.verify(true).catch(() => ({ objects: ['the tree'], files: [] }))
        expect([objects.length, what]).toEqual([1, what])
        if (kind === 'index') expect(files).toEqual([])
      }
      version.body = good
    }
    expect(costs.get('data')).toBeGreaterThan(0)
    expect(costs.get('index')).toBe(0)
    expect(await expectNamedOrEqual(source, expected, 'the end')).toEqual([])
  })

  test('of a part of the tree costs that part, whose bounds are named; the rest is restored, in its directories', async () => {
    const source = new ProtectedSource()
    for (let directory = 0; directory < 90; directory++) {
      mkdirSync(join(source.directory, `d${10 + directory}`))
      for (let index = 0; index < 40; index++) write(source, `d${10 + directory}/file-${100 + index}-${'x'.repeat(40)}`, `${directory} ${index}`)
    }
    await source.backup()
    const expected = describeDirectory(source.directory)
    const tree = packOf(source.store, 'tree')
    const good = tree.body
    const { frames } = openPack(good, 'files', 'it')
    expect(frames.length).toBeGreaterThan(2)
    let lostEntries = 0
    for (const frame of frames) {
      tree.body = flip(good, frame.offset + (frame.storedBytes >> 1))
      const result = await source.restore().catch((error: unknown) => error)
      // Without the root nothing is known at all.
      if (isHoldfastError(result)) {
        expect([result.code, frame]).toEqual(['damaged', frames.at(-1)])
        continue
      }
      const { target, damaged } = result as Awaited<ReturnType<ProtectedSource['restore']>>
      const parts = damaged.map(({ path, detail }) => ({ from: path, to: Buffer.from(/ up to (\S+) is /.exec(detail)?.[1] ?? '\xff', 'latin1') }))
      const restored = describeDirectory(target)
      for (const [name, entry] of Object.entries(expected)) {
        const path = Buffer.from(name === '.' ? '' : name, 'latin1')
        const isLost = parts.some(({ from, to }) => comparePaths(from, path) <= 0 && comparePaths(path, to) < 0)
        const isGuessed = isLost && restored[name]?.type === 'directory'
        if (!isLost) expect(restored[name], name).toEqual(entry)
        else if (!isGuessed) expect(restored, name).not.toHaveProperty([name])
        lostEntries += isLost && !isGuessed ? 1 : 0
      }
      rmSync(target, { recursive: true })
      const { objects, files } = await source.verify(true)
      expect([objects.length, files.map(({ path }) => path.toString())]).toEqual([1, damaged.map(({ path }) => path.toString())])
      expect(damaged.length).toBeGreaterThan(0)
    }
    // Each entry was lost with one part, or its directory was found again by what lies in it.
    expect(lostEntries).toBeGreaterThan(1000)
    tree.body = good
    const [kept] = (await source.restore({ paths: [Buffer.from('d20')] })).damaged
    expect(kept).toBeUndefined()
  })

  test('of the data that several names of a file share costs all of them, and they are named', async () => {
    const source = new ProtectedSource()
    write(source, 'a', randomBytes(70_000, 1))
    execFileSync('ln', [join(source.directory, 'a'), join(source.directory, 'b')])
    write(source, 'c', randomBytes(70_000, 1))
    write(source, 'd', randomBytes(70_000, 2))
    await source.backup()
    const data = packOf(source.store, 'data')
    data.body = flip(data.body, 5000)
    expect(await expectNamedOrEqual(source, describeDirectory(source.directory), 'shared')).toEqual(['a', 'b', 'c'])
  })

  test('of one chunk of a large file costs the file, and leaves no part of it behind', async () => {
    const source = new ProtectedSource()
    write(source, 'large', randomBytes(40 * mib, 1))
    write(source, 'other', 'other')
    await source.backup()
    for (const version of packsOf(source.store).filter(({ body }) => body.length > 10 * mib).slice(0, 1)) version.body = flip(version.body, 3 * mib)
    expect(await expectNamedOrEqual(source, describeDirectory(source.directory), 'large')).toEqual(['large'])
  })

  test('that takes a whole pack costs exactly its files; the pack of the index costs none', async () => {
    const source = await makeSource()
    const expected = describeDirectory(source.directory)
    const { versions } = source.store
    source.store.versions = versions.filter((version) => version !== packOf(source.store, 'index'))
    expect(await expectNamedOrEqual(source, expected, 'index')).toEqual([])
    write(source, 'd/new', randomBytes(70_000, 77))
    source.store.versions = [...versions]
    source.store.nowMs += 1000
    await source.backup()
    source.store.versions = source.store.versions.filter((version) => version !== packOf(source.store, 'data'))
    const lost = await expectNamedOrEqual(source, describeDirectory(source.directory), 'first data pack')
    expect(lost).toEqual([...Array.from({ length: 5 }, (_, index) => `d/small-${index}`), ...Array.from({ length: 4 }, (_, index) => `large-${index}`)])
  })

  test('on the way only, of any answer, costs nothing', async () => {
    const source = await makeSource()
    const expected = describeDirectory(source.directory)
    for (const spoil of [
      (bytes: Uint8Array) => flip(bytes, bytes.length >> 1),
      (bytes: Uint8Array) => bytes.subarray(0, bytes.length >> 1),
      (bytes: Uint8Array) => Buffer.alloc(bytes.length),
    ]) {
      const faulty = new FaultyStore(source.store)
      const seen = new Set<string>()
      faulty.onRead = (ref, bytes) => {
        if (seen.has(ref.key)) return bytes
        seen.add(ref.key)
        return spoil(bytes)
      }
      const { target, damaged, problems } = await source.restore({ store: faulty })
      expect([damaged, problems]).toEqual([[], []])
      expect(describeDirectory(target)).toEqual(expected)
      expect(seen.size).toBeGreaterThan(3)
    }
  })

  test('of a newer version over a pack, or a marker, costs nothing: the version that was named is read', async () => {
    const source = await makeSource()
    for (const { key, body } of [...source.store.versions]) {
      source.store.add(key, flip(body, 10))
      source.store.add(key, Buffer.alloc(0), { isDeleteMarker: true })
    }
    expect(await expectNamedOrEqual(source, describeDirectory(source.directory), 'overlaid')).toEqual([])
  })
})

function mountSmall(path: string, sizeKib: number): boolean {
  mkdirSync(path)
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeKib}k`, 'tmpfs', path])
  if (status === 0) onTestFinished(() => void spawnSync('umount', [path]))
  return status === 0
}

describe('a disk that is full', () => {
  test.runIf(isRoot)('is said so, nothing on it looks whole, and with more room the restore goes on', async (context) => {
    const source = new ProtectedSource()
    for (let index = 0; index < 40; index++) write(source, `f${index}`, randomBytes(mib, index))
    await source.backup()
    const target = join(source.root, 'disk')
    context.skip(!mountSmall(target, 28 * 1024), 'a file system can\'t be mounted here')
    const refusal = await refusalOf(source.restore({ target }))
    expect(refusal).toMatchObject({ code: 'disk-full', retryable: true })
    expect(readdirSync(target).filter((name) => !name.startsWith('.holdfast-restore-'))).toEqual([])
    execFileSync('mount', ['-o', 'remount,size=64m', target])
    const { bytesFetched, damaged } = await source.restore({ target })
    expect(damaged).toEqual([])
    expect(bytesFetched).toBeLessThan(36 * mib)
    expect(describeDirectory(target)).toEqual(describeDirectory(source.directory))
  })

  test.runIf(isRoot)('from the beginning is said so, and the restore can be repeated', async (context) => {
    const source = await makeSource()
    const target = join(source.root, 'disk')
    context.skip(!mountSmall(target, 64), 'a file system can\'t be mounted here')
    writeFileSync(join(target, 'filler'), randomBytes(60 * 1024, 1))
    rmSync(join(target, 'filler'))
    for (let attempt = 0; attempt < 2; attempt++) expect((await refusalOf(source.restore({ target }))).code).toBe('disk-full')
    execFileSync('mount', ['-o', 'remount,size=8m', target])
    await source.restore({ target })
    expect(describeDirectory(target)).toEqual(describeDirectory(source.directory))
  })
})

test.runIf(isRoot)('an ordinary user restores all content, and is told whose it was', async () => {
  const { source, vault, open } = await inFolder((made) => {
    mkdirSync(join(made.directory, 'read-only'))
    write(made, 'read-only/file', 'content')
    chmodSync(join(made.directory, 'read-only/file'), 0o400)
    chmodSync(join(made.directory, 'read-only'), 0o500)
  })
  const answer = await startEngine({ operation: 'restore', store: vault, directory: join(open, 'target'), cacheDirectory: '' }, { as: 65_534 }).answer
  expect(answer).toMatchObject({ damaged: 0, problems: expect.arrayContaining([{ path: 'read-only/file', detail: expect.stringContaining('its owner') as string }]) as unknown[] })
  expect(contentOf(describeDirectory(join(open, 'target')))).toEqual(contentOf(describeDirectory(source.directory)))
  expect(lstatSync(join(open, 'target/read-only')).mode & 0o777).toBe(0o500)
})

test.each([1, 2])('a disk that fails at flush %i of a restore says so, and the restore can be repeated', async (failing) => {
  const source = await makeSource()
  const [programs, calls] = [join(source.root, 'programs'), join(source.root, 'calls')]
  mkdirSync(programs)
  writeFileSync(join(programs, 'sync'), `#!/bin/sh\necho "$@" >> ${calls}\n[ "$(wc -l < ${calls})" -ne ${failing} ] || { echo 'sync: error syncing: Input/output error' >&2; exit 1; }\n`, { mode: 0o755 })
  const path = process.env['PATH']!
  onTestFinished(() => void (process.env['PATH'] = path))
  process.env['PATH'] = `${programs}:${path}`
  const target = source.newTarget()
  expect(await refusalOf(source.restore({ target }))).toMatchObject({ code: 'target', hint: expect.stringContaining('repeat the command') as string })
  const { damaged, problems } = await source.restore({ target })
  expect([damaged, problems]).toEqual([[], []])
  expect(describeDirectory(target)).toEqual(describeDirectory(source.directory))
  expect(readFileSync(calls, 'utf8').split('\n').length - 1).toBeGreaterThan(failing)
})
