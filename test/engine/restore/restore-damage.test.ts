import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isHoldfastError } from '../../../core/errors.ts'
import { openPack } from '../../../core/pack/pack.ts'
import { comparePaths } from '../../../core/tree/tree-entry.ts'
import { write } from '../../fixtures/backup-steps.ts'
import { describeDirectory } from '../../fixtures/directory-description.ts'
import { FaultyStore, flip } from '../../fixtures/faulty-store.ts'
import { randomBytes } from '../../fixtures/manual-clock.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'
import { makeSource, packOf, packsOf } from '../../fixtures/restore-steps.ts'

const mib = 1024 * 1024

describe('damage', () => {
  /** Restores what can be, and checks that each file is either equal or named, and absent. */
  async function expectNamedOrEqual(
    source: ProtectedSource,
    expected: Record<string, unknown>,
    damageName: string,
  ): Promise<string[]> {
    const { target, damaged } = await source.restore()
    const named = damaged.map(({ path }) => path.toString())
    const restored = describeDirectory(target)
    for (const [name, entry] of Object.entries(expected)) {
      if (named.includes(name)) expect(restored, damageName).not.toHaveProperty([name])
      else expect(restored[name], `${damageName}: ${name}`).toEqual(entry)
    }
    expect(Object.keys(restored).length + named.length, damageName).toBe(Object.keys(expected).length)
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
        const damageName = `${kind} ${offset}`
        const code = await source.restore().then(
          ({ target }) => rmSync(target, { recursive: true }),
          (error: unknown) => (isHoldfastError(error) ? error.code : String(error)),
        )
        if (code !== undefined) {
          expect([kind, code]).toEqual(['tree', 'damaged'])
        } else {
          const named = await expectNamedOrEqual(source, expected, damageName)
          costs.set(kind, Math.max(costs.get(kind) ?? 0, named.length))
          if (kind === 'data') expect(named.length, damageName).toBeLessThanOrEqual(5)
        }
        const { objects, files } = await source
          .verify(true)
          .catch(() => ({ objects: ['the tree'], files: [] }))
        expect([objects.length, damageName]).toEqual([1, damageName])
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
      for (let index = 0; index < 40; index++)
        write(source, `d${10 + directory}/file-${100 + index}-${'x'.repeat(40)}`, `${directory} ${index}`)
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
      const parts = damaged.map(({ path, detail }) => ({
        from: path,
        to: Buffer.from(/ up to (\S+) is /.exec(detail)?.[1] ?? '\xff', 'latin1'),
      }))
      const restored = describeDirectory(target)
      for (const [name, entry] of Object.entries(expected)) {
        const path = Buffer.from(name === '.' ? '' : name, 'latin1')
        const isLost = parts.some(
          ({ from, to }) => comparePaths(from, path) <= 0 && comparePaths(path, to) < 0,
        )
        const isGuessed = isLost && restored[name]?.type === 'directory'
        if (!isLost) expect(restored[name], name).toEqual(entry)
        else if (!isGuessed) expect(restored, name).not.toHaveProperty([name])
        lostEntries += isLost && !isGuessed ? 1 : 0
      }
      rmSync(target, { recursive: true })
      const { objects, files } = await source.verify(true)
      expect([objects.length, files.map(({ path }) => path.toString())]).toEqual([
        1,
        damaged.map(({ path }) => path.toString()),
      ])
      expect(damaged.length).toBeGreaterThan(0)
    }
    // Each entry was lost with one part, or its directory was found again by what lies in it.
    expect(lostEntries).toBeGreaterThan(1000)
    tree.body = good
    const [damagedEntry] = (await source.restore({ paths: [Buffer.from('d20')] })).damaged
    expect(damagedEntry).toBeUndefined()
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
    expect(await expectNamedOrEqual(source, describeDirectory(source.directory), 'shared')).toEqual([
      'a',
      'b',
      'c',
    ])
  })

  test('of one chunk of a large file costs the file, and leaves no part of it behind', async () => {
    const source = new ProtectedSource()
    write(source, 'large', randomBytes(40 * mib, 1))
    write(source, 'other', 'other')
    await source.backup()
    for (const version of packsOf(source.store)
      .filter(({ body }) => body.length > 10 * mib)
      .slice(0, 1))
      version.body = flip(version.body, 3 * mib)
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
    source.store.versions = source.store.versions.filter(
      (version) => version !== packOf(source.store, 'data'),
    )
    const lost = await expectNamedOrEqual(source, describeDirectory(source.directory), 'first data pack')
    expect(lost).toEqual([
      ...Array.from({ length: 5 }, (_, index) => `d/small-${index}`),
      ...Array.from({ length: 4 }, (_, index) => `large-${index}`),
    ])
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
      const damagedKeys = new Set<string>()
      faulty.onRead = (ref, bytes) => {
        if (damagedKeys.has(ref.key)) return bytes
        damagedKeys.add(ref.key)
        return spoil(bytes)
      }
      const { target, damaged, problems } = await source.restore({ store: faulty })
      expect([damaged, problems]).toEqual([[], []])
      expect(describeDirectory(target)).toEqual(expected)
      expect(damagedKeys.size).toBeGreaterThan(3)
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

test('an archived pack costs its files alone, which are named with the archive; the rest is restored', async () => {
  const source = await makeSource()
  const expected = describeDirectory(source.directory)
  packOf(source.store, 'data').archive = 'GLACIER'
  const { target, damaged } = await source.restore()
  const restored = describeDirectory(target)
  expect(damaged.length).toBeGreaterThan(0)
  for (const { detail } of damaged) expect(detail).toContain('GLACIER')
  expect(Object.keys(restored).length + damaged.length).toBe(Object.keys(expected).length)
  // The index is a cache, so that its pack costs nothing.
  delete packOf(source.store, 'data').archive
  packOf(source.store, 'index').archive = 'GLACIER'
  expect((await source.restore()).damaged).toEqual([])
})
