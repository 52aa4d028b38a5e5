import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { HoldfastError } from '../../../core/errors.ts'
import type { ObjectStore } from '../../../core/store/object-store.ts'
import type { RestoreResult } from '../../../engine/operations.ts'
import { write } from '../../fixtures/backup-steps.ts'
import { describeDirectory } from '../../fixtures/directory-description.ts'
import { FaultyStore, flip } from '../../fixtures/faulty-store.ts'
import { randomBytes } from '../../fixtures/manual-clock.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'
import { packOf, refusalOf } from '../../fixtures/restore-steps.ts'

const mib = 1024 * 1024

/** Six packs of content, small files, links, an empty directory and one that is read-only. */
async function makeSource(): Promise<ProtectedSource> {
  const source = new ProtectedSource()
  for (const name of ['a/deep', 'b', 'c', 'empty', 'closed'])
    mkdirSync(join(source.directory, name), { recursive: true })
  for (let index = 0; index < 12; index++) {
    const name = `${'abc'[index % 3]}/f${index}`
    write(source, name, randomBytes(6 * mib, index))
    // Whole seconds, so that a test can give a file exactly this time.
    utimesSync(join(source.directory, name), 1.6e9 + index, 1.6e9 + index)
  }
  for (let index = 0; index < 40; index++) write(source, `a/deep/s${index}`, `small file ${index}`)
  write(source, 'closed/file', 'closed')
  write(source, 'zero', '')
  symlinkSync('a/f0', join(source.directory, 'link'))
  linkSync(join(source.directory, 'a/f0'), join(source.directory, 'c/again'))
  chmodSync(join(source.directory, 'closed'), 0o500)
  utimesSync(join(source.directory, 'empty'), 1e9, 1e9)
  await source.backup()
  return source
}

type Changes = Parameters<ProtectedSource['restore']>[0]

class Shards {
  readonly source: ProtectedSource
  readonly target: string
  readonly count: number

  constructor(source: ProtectedSource, count: number) {
    this.source = source
    this.target = source.newTarget()
    this.count = count
  }

  static async make(count = 4): Promise<Shards> {
    return new Shards(await makeSource(), count)
  }

  run(index: number, changes: Changes = {}): Promise<RestoreResult> {
    const part = { kind: 'shard', shard: { index, count: this.count } } as const
    return this.source.restore({ target: this.target, part, ...changes })
  }

  async runAll(except: readonly number[] = [], changes: Changes = {}): Promise<void> {
    const indices = Array.from({ length: this.count }, (_, index) => index + 1)
    await Promise.all(
      indices.filter((index) => !except.includes(index)).map((index) => this.run(index, changes)),
    )
  }

  finish(changes: Changes = {}): Promise<RestoreResult> {
    return this.source.restore({ target: this.target, part: { kind: 'finish' }, ...changes })
  }

  /** The entries that a reader of the target sees. */
  get published(): string[] {
    return readdirSync(this.target).filter((name) => !name.startsWith('.holdfast-restore-'))
  }

  get folder(): string {
    return join(
      this.target,
      readdirSync(this.target).find((name) => name.startsWith('.holdfast-restore-'))!,
    )
  }

  expectWhole(): void {
    expect(describeDirectory(this.target)).toEqual(describeDirectory(this.source.directory))
  }
}

/** Fails each read after `allowed` ones. */
function failing(source: ProtectedSource, allowed: number): ObjectStore {
  const store = new FaultyStore(source.store)
  let reads = 0
  store.onRead = (_, bytes) => {
    if (++reads > allowed) throw new HoldfastError('unreachable', 'the network is gone', { retryable: true })
    return bytes
  }
  return store
}

describe('shards of a restore into one target', () => {
  test.each([1, 2, 4, 8])('%i at once, and the end, restore what a whole restore does', async (count) => {
    const shards = await Shards.make(count)
    await shards.runAll()
    expect(shards.published).toEqual([])
    const result = await shards.finish()
    expect(result).toMatchObject({ bytesFetched: 0, problems: [], damaged: [], filesResumed: 55 })
    shards.expectWhole()
    expect((await refusalOf(shards.finish())).code).toBe('target')
  })

  test('fetch together hardly more than a whole restore', async () => {
    const shards = await Shards.make(3)
    let fetched = 0
    for (const index of [1, 2, 3]) fetched += (await shards.run(index)).bytesFetched
    const whole = await shards.source.restore()
    expect(fetched).toBeLessThan(whole.bytesFetched * 1.1)
  })

  test('that was killed goes on, and trusts no file that another machine began', async () => {
    const shards = await Shards.make(2)
    await shards.run(1)
    const filesOf = (): string[] =>
      readdirSync(join(shards.folder, 'tree'), { recursive: true, encoding: 'utf8' }).filter((name) =>
        /f\d+$/.test(name),
      )
    const ofFirst = new Set(filesOf())
    const snapshot = await shards.source.snapshot()
    const begun = shards.run(2, { store: failing(shards.source, 6), snapshot })
    expect((await refusalOf(begun)).code).toBe('unreachable')
    expect(await refusalOf(shards.finish())).toMatchObject({
      code: 'incomplete',
      message: expect.stringContaining('of 2 shards, 2 began and did not end') as string,
    })
    const record = join(shards.folder, 'shard-2.json')
    const saved = JSON.parse(readFileSync(record, 'utf8')) as object
    writeFileSync(record, JSON.stringify({ ...saved, bootId: 'of another machine' }))
    // They have the size and the time of finished files, and lost bytes when the other machine ended.
    const ofSecond = filesOf().filter((name) => !ofFirst.has(name))
    expect(ofSecond.length).toBeGreaterThan(0)
    for (const name of ofSecond) {
      const file = join(shards.folder, 'tree', name)
      const { atime, mtime } = lstatSync(join(shards.source.directory, name))
      truncateSync(file, 4096)
      truncateSync(file, 6 * mib)
      utimesSync(file, atime, mtime)
    }
    await shards.run(2)
    await shards.finish()
    shards.expectWhole()
  })

  test('whose record is lost has to run again', async () => {
    const shards = await Shards.make(2)
    await shards.runAll()
    rmSync(join(shards.folder, 'shard-1.json'))
    expect((await refusalOf(shards.finish())).message).toContain('of 2 shards, 1 never began')
    await shards.run(1)
    await shards.finish()
    shards.expectWhole()
  })

  test('run twice, one after the other or at once, do no harm', async () => {
    const shards = await Shards.make(2)
    await shards.runAll()
    expect(await shards.run(1)).toMatchObject({ bytesFetched: 0 })
    const [first, second] = [shards.run(2), refusalOf(shards.run(2))]
    await first
    expect(await second).toMatchObject({
      code: 'conflict',
      retryable: true,
      message: expect.stringContaining('shard 2/2') as string,
    })
    await shards.finish()
    shards.expectWhole()
  })

  test('that come late are refused, and change nothing', async () => {
    const shards = await Shards.make(2)
    await shards.runAll()
    await shards.finish()
    const refusal = await refusalOf(shards.run(1))
    expect(refusal).toMatchObject({ code: 'target', hint: expect.stringContaining('--finish') as string })
    shards.expectWhole()
  })

  test('that come after the end began to publish are refused', async () => {
    const shards = await Shards.make(2)
    await shards.runAll()
    const file = join(shards.folder, 'state.json')
    const state = readFileSync(file, 'utf8')
    writeFileSync(file, state.replace('"writing"', '"publishing"'))
    expect((await refusalOf(shards.run(1))).code).toBe('conflict')
    writeFileSync(file, state)
    await shards.finish()
    shards.expectWhole()
  })

  test('that never came are named, and nothing is published', async () => {
    const shards = await Shards.make(8)
    await shards.runAll([3, 5])
    const refusal = await refusalOf(shards.finish())
    expect(refusal).toMatchObject({
      code: 'incomplete',
      context: { begun: [], absent: ['3', '5'] },
      message: `of 8 shards, 3, 5 never began in ${shards.target}`,
      hint: expect.stringContaining('not shared') as string,
    })
    expect(shards.published).toEqual([])
    await Promise.all([shards.run(3), shards.run(5)])
    await shards.finish()
    shards.expectWhole()
  })

  test('one of which lost a file after its end: the end names it, and the shard brings it back', async () => {
    const shards = await Shards.make(2)
    await shards.runAll()
    rmSync(join(shards.folder, 'tree/a/f3'))
    rmSync(join(shards.folder, 'tree/a/deep'), { recursive: true })
    const refusal = await refusalOf(shards.finish())
    expect(refusal).toMatchObject({
      code: 'incomplete',
      message: expect.stringContaining('a/deep/s0') as string,
    })
    expect(refusal.message).toContain('41 files')
    expect(shards.published).toEqual([])
    await shards.runAll()
    await shards.finish()
    shards.expectWhole()
  })

  test('of a part of the source restore that part', async () => {
    const shards = await Shards.make(2)
    const changes = { paths: [Buffer.from('a')] }
    await shards.runAll([], changes)
    expect((await refusalOf(shards.finish())).code).toBe('target')
    await shards.finish(changes)
    expect(shards.published).toEqual(['a'])
  })

  test('the end waits for no shard that runs, and no shard begins while the end runs', async () => {
    const shards = await Shards.make(2)
    await shards.run(1)
    const store = new FaultyStore(shards.source.store)
    const refusals: Promise<HoldfastError>[] = []
    let isOpen = false
    store.getRange = async (...request) => {
      // The plan's requests are the first ones.
      if (isOpen && refusals.length === 0) refusals.push(refusalOf(shards.finish()))
      await Promise.all(refusals)
      return shards.source.store.getRange(...request)
    }
    const snapshot = await shards.source.snapshot()
    const second = shards.run(2, { store, snapshot, workers: 1, onProgress: () => (isOpen = true) })
    await second
    expect((await Promise.all(refusals)).map(({ code }) => code)).toEqual(['conflict'])
    await shards.finish()
    shards.expectWhole()
  })

  test('of bytes that the vault lost: each file is named at the end, and the others are there', async () => {
    const shards = await Shards.make(3)
    const data = packOf(shards.source.store, 'data')
    data.body = flip(data.body, 100_000)
    await shards.runAll()
    const result = await shards.finish()
    const whole = await shards.source.restore()
    expect(whole.damaged.length).toBeGreaterThan(0)
    expect(result.damaged.map(({ path }) => path.toString())).toEqual(
      whole.damaged.map(({ path }) => path.toString()),
    )
    expect(describeDirectory(shards.target)).toEqual(describeDirectory(whole.target))
  })
})

describe('a target that other shards have begun refuses', () => {
  async function begun(): Promise<Shards> {
    const shards = await Shards.make(4)
    await shards.run(1)
    return shards
  }

  test('another number of shards, and names both', async () => {
    const shards = await begun()
    const part = { kind: 'shard', shard: { index: 1, count: 8 } } as const
    expect(await refusalOf(shards.run(1, { part }))).toMatchObject({
      code: 'target',
      message: expect.stringContaining('in 4 shards, and this one is in 8 shards') as string,
    })
  })

  test('a whole restore, and a shard alone', async () => {
    const shards = await begun()
    const whole = await refusalOf(shards.source.restore({ target: shards.target }))
    expect(whole).toMatchObject({
      code: 'target',
      message: expect.stringContaining('in 4 shards, and this one is not in shards') as string,
    })
    const part = { kind: 'alone', shard: { index: 2, count: 4 } } as const
    expect((await refusalOf(shards.run(2, { part }))).message).toContain('shard 2/4 alone')
  })

  test('another snapshot, and names the one of the others', async () => {
    const shards = await begun()
    const { id } = await shards.source.snapshot()
    shards.source.store.nowMs += 1000
    write(shards.source, 'new', 'new')
    await shards.source.backup()
    const refusal = await refusalOf(shards.run(2))
    expect(refusal).toMatchObject({ code: 'target', hint: expect.stringContaining(id) as string })
    expect((await refusalOf(shards.finish())).code).toBe('target')
  })

  test('none of these has changed what the shards have', async () => {
    const shards = await begun()
    await refusalOf(shards.source.restore({ target: shards.target }))
    await shards.runAll([1])
    await shards.finish()
    shards.expectWhole()
  })
})

test('the end without a shard, or without a target, makes nothing', async () => {
  const shards = await Shards.make(2)
  expect((await refusalOf(shards.finish())).code).toBe('target')
  expect(existsSync(shards.target)).toBe(false)
  mkdirSync(shards.target)
  expect(await refusalOf(shards.finish())).toMatchObject({
    code: 'target',
    message: expect.stringContaining('holds no shard') as string,
  })
  expect(readdirSync(shards.target)).toEqual([])
})

test('shards with targets of their own hold together what a whole restore has', async () => {
  const source = await makeSource()
  const whole = await source.restore()
  const paths = new Set<string>()
  for (const index of [1, 2, 3]) {
    const { target } = await source.restore({ part: { kind: 'alone', shard: { index, count: 3 } } })
    for (const path of Object.keys(describeDirectory(target))) paths.add(path)
  }
  expect(paths).toEqual(new Set(Object.keys(describeDirectory(whole.target))))
})

test('a shard goes on with no files that somebody else planted', async () => {
  const shards = await Shards.make(2)
  await shards.runAll()
  for (const name of ['shard-1.json', 'shard-2.json']) chmodSync(join(shards.folder, name), 0o666)
  expect((await refusalOf(shards.finish())).message).toContain('1, 2 never began')
})
