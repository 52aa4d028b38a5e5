import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { HoldfastError, isHoldfastError } from '../../../core/errors.ts'
import { decodeFrame, openPack } from '../../../core/pack/pack.ts'
import { dayMs } from '../../../core/snapshot/retention.ts'
import { verify } from '../../../engine/verify/verify.ts'
import type { VerifyResult } from '../../../engine/operations.ts'
import { write } from '../../fixtures/backup-steps.ts'
import { FaultyStore, flip } from '../../fixtures/faulty-store.ts'
import { HandmadeVault, sha256Of } from '../../fixtures/handmade-vault.ts'
import { ManualClock, randomBytes } from '../../fixtures/manual-clock.ts'
import type { StoredVersion } from '../../fixtures/memory-store.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'
import { parseManifestKey, parsePackKey } from '../../../core/store/vault-keys.ts'

interface World {
  source: ProtectedSource
  data: StoredVersion
  tree: StoredVersion
  index: StoredVersion
  manifest: StoredVersion
}

async function makeWorld(): Promise<World> {
  const source = new ProtectedSource()
  mkdirSync(join(source.directory, 'd'))
  for (const name of ['d/one', 'd/two']) writeFileSync(join(source.directory, name), name)
  for (let index = 0; index < 3; index++)
    writeFileSync(join(source.directory, `large-${index}`), randomBytes(70_000, index))
  await source.backup()
  const packs = source.store.versions.filter(({ key }) => parsePackKey(key) !== null)
  const find = (begin: string): StoredVersion =>
    packs.find(({ body }) => {
      const {
        frames: [frame],
      } = openPack(body, 'files', 'it')
      return (
        decodeFrame(frame!, body.subarray(frame!.offset, frame!.offset + frame!.storedBytes), 'it')
          .subarray(0, 6)
          .toString('latin1') === begin
      )
    })!
  const [tree, index] = [find('HFLEAF'), find('HFINDE')]
  return {
    source,
    tree,
    index,
    data: packs.find((pack) => pack !== tree && pack !== index)!,
    manifest: source.store.versions.find(({ key }) => parseManifestKey(key) !== null)!,
  }
}

function lose(source: ProtectedSource, version: StoredVersion): void {
  source.store.versions = source.store.versions.filter((candidate) => candidate !== version)
}

const filesOf = ({ files }: VerifyResult): string[] => files.map(({ path }) => path.toString())
const objectsOf = ({ objects }: VerifyResult): [string, string][] =>
  objects.map(({ key, kind }) => [key, kind])
const allFiles = ['d/one', 'd/two', 'large-0', 'large-1', 'large-2']

describe('a snapshot that is whole', () => {
  test('is found so; with its data read, every byte of every pack was', async () => {
    const { source } = await makeWorld()
    const quick = await source.verify(false)
    expect(quick).toMatchObject({
      objects: [],
      files: [],
      packs: 3,
      bytesRead: 0,
      lockedUntilMs: source.store.nowMs + 40 * dayMs,
    })
    const full = await source.verify(true)
    const packBytes = source.store.versions
      .filter(({ key }) => parsePackKey(key) !== null)
      .reduce((sum, { body }) => sum + body.length, 0)
    expect(full).toMatchObject({ objects: [], files: [], bytesRead: packBytes, chunks: quick.chunks })
    expect(full.chunks).toBeGreaterThanOrEqual(6)
  })

  test('is found so when an answer was spoiled on the way', async () => {
    const { source } = await makeWorld()
    const snapshot = await source.snapshot()
    const faulty = new FaultyStore(source.store)
    const visited = new Set<string>()
    faulty.onRead = (ref, bytes, offset) => {
      const name = `${ref.key} ${offset} ${bytes.length}`
      return visited.size === visited.add(name).size ? bytes : flip(bytes, bytes.length >> 1)
    }
    expect(await source.verify(true, snapshot, faulty)).toMatchObject({ objects: [], files: [] })
  })
})

describe('a share of the packs', () => {
  test('is read in each part, every pack in exactly one, and a damage is found when its part comes', async () => {
    const { source, data } = await makeWorld()
    const snapshot = await source.snapshot()
    // Without the store's checksum, because every part would find the damage by it.
    const silent = new FaultyStore(source.store)
    silent.onHead = (_, state) => ({ ...state, sha256: null })
    const environment = {
      store: silent,
      clock: source.clock,
      random: source.random,
      snapshot,
      readData: true,
    }
    const run = (part: number): Promise<VerifyResult> => verify({ ...environment, share: { part, of: 3 } })
    const whole = await Promise.all([0, 1, 2].map(run))
    expect(whole.reduce((sum, { packsRead }) => sum + packsRead, 0)).toBe(snapshot.manifest.packs.length)
    expect(whole.reduce((sum, { bytesRead }) => sum + bytesRead, 0)).toBe(
      (await source.verify(true)).bytesRead,
    )
    const version = source.store.versions.find(({ key }) => key === data.key)!
    version.body = flip(version.body, version.body.length >> 1)
    const results = await Promise.all([0, 1, 2].map(run))
    const packPart = Number.parseInt(data.key.slice(-64, -56), 16) % 3
    expect(results.map(({ objects }) => objects.map(({ key }) => key))).toEqual(
      [0, 1, 2].map((part) => (part === packPart ? [data.key] : [])),
    )
  })
})

describe('what is wrong is named by object and by file:', () => {
  test('a pack of data is lost', async () => {
    const { source, data } = await makeWorld()
    lose(source, data)
    for (const readData of [false, true]) {
      const result = await source.verify(readData)
      expect(objectsOf(result)).toEqual([[data.key, 'lost']])
      expect(filesOf(result)).toEqual(allFiles)
    }
  })

  test('a pack of data is lost, and the index that knew it too', async () => {
    const { source, data, index } = await makeWorld()
    lose(source, data)
    lose(source, index)
    const result = await source.verify(true)
    expect(objectsOf(result).sort()).toEqual(
      [
        [data.key, 'lost'],
        [index.key, 'lost'],
      ].sort(),
    )
    expect(filesOf(result)).toEqual(allFiles)
  })

  test('the pack of the index is lost, which costs no file', async () => {
    const { source, index } = await makeWorld()
    lose(source, index)
    const result = await source.verify(true)
    expect(objectsOf(result)).toEqual([[index.key, 'lost']])
    expect(result.files).toEqual([])
  })

  test('the manifest is lost after it was read', async () => {
    const { source, manifest } = await makeWorld()
    const snapshot = await source.snapshot()
    lose(source, manifest)
    const result = await source.verify(true, snapshot)
    expect(objectsOf(result)).toEqual([[manifest.key, 'lost']])
    expect(result.files).toEqual([])
  })

  test('a frame has other bytes: its files, and no others', async () => {
    const { source, data } = await makeWorld()
    const { frames } = openPack(data.body, 'files', 'it')
    const good = data.body
    const affected = new Set<string>()
    // The first frame holds both small files, as they are.
    const offsets = frames.flatMap((frame) => [frame.offset, frame.offset + frame.storedBytes - 1])
    for (const offset of offsets) {
      data.body = flip(good, offset)
      const result = await source.verify(true)
      expect(objectsOf(result)).toEqual([[data.key, 'damaged']])
      expect(result.files.length).toBe(1)
      affected.add(filesOf(result)[0]!)
      expect((await source.restore()).damaged.map(({ path }) => path.toString())).toEqual(filesOf(result))
    }
    expect([...affected].sort()).toEqual(allFiles)
  })

  test('a pack has a bit turned that no decoder minds, nor the store: the object, and no file', async () => {
    const { source, tree } = await makeWorld()
    const [frame] = openPack(tree.body, 'files', 'it').frames
    // The unused bit in zstd's frame header descriptor: readers must ignore it.
    tree.body = flip(tree.body, frame!.offset + 4, 0x10)
    const silent = new FaultyStore(source.store)
    silent.onHead = (_, state) => ({ ...state, sha256: null })
    const result = await source.verify(true, undefined, silent)
    expect(objectsOf(result)).toEqual([[tree.key, 'damaged']])
    expect(result.files).toEqual([])
  })

  test('a footer or a header has other bytes: the object, and what the index knows of it still restores', async () => {
    const { source, data } = await makeWorld()
    const good = data.body
    for (const offset of [0, good.length - 1, good.length - 100]) {
      data.body = flip(good, offset)
      const result = await source.verify(true)
      expect(objectsOf(result)).toEqual([[data.key, 'damaged']])
      expect(filesOf(result)).toEqual([])
      expect((await source.restore()).damaged).toEqual([])
    }
  })

  test('an object is shorter or longer than it was, which is seen without reading it', async () => {
    const { source, data } = await makeWorld()
    const good = data.body
    const silent = new FaultyStore(source.store)
    silent.onHead = (_, state) => ({ ...state, sha256: null })
    for (const body of [good.subarray(0, good.length - 1), Buffer.concat([good, Buffer.alloc(1)])]) {
      data.body = body
      const result = await source.verify(false, undefined, silent)
      expect(objectsOf(result)).toEqual([[data.key, 'damaged']])
    }
  })

  test('the store says that an object has another hash, which is seen without reading it', async () => {
    const { source, data } = await makeWorld()
    data.body = flip(data.body, 40)
    expect(objectsOf(await source.verify(false))).toEqual([[data.key, 'damaged']])
    // A store that keeps no hash says nothing of it; reading does.
    const silent = new FaultyStore(source.store)
    silent.onHead = (_, state) => ({ ...state, sha256: null })
    expect(objectsOf(await source.verify(false, undefined, silent))).toEqual([])
    expect(objectsOf(await source.verify(true, undefined, silent))).toEqual([[data.key, 'damaged']])
  })

  test('a manifest counts other entries than its tree has: someone would be misled about what is there', async () => {
    const { source } = await makeWorld()
    const snapshot = await source.snapshot()
    for (const change of [{ entries: 8 }, { files: 4 }, { bytes: 1 }]) {
      const lying = {
        ...snapshot,
        manifest: { ...snapshot.manifest, tree: { ...snapshot.manifest.tree, ...change } },
      }
      expect(objectsOf(await source.verify(false, lying))).toEqual([[snapshot.key, 'damaged']])
    }
  })

  test('objects are not locked, or not all as long', async () => {
    const { source, data, tree, index, manifest } = await makeWorld()
    let days = 40
    // The earliest end counts, in any order of the objects.
    for (const version of [data, tree, index, manifest]) {
      version.lock = { mode: 'COMPLIANCE', days: --days }
      expect(await source.verify(false)).toMatchObject({
        objects: [],
        lockedUntilMs: source.store.nowMs + days * dayMs,
      })
    }
    data.lock = null
    const result = await source.verify(false)
    expect(objectsOf(result)).toEqual([[data.key, 'unlocked']])
    expect([result.files, result.lockedUntilMs]).toEqual([[], null])
    // A role without the right to read locks gets no finding about them, true or false.
    const blind = new FaultyStore(source.store)
    blind.onHead = (_, state) => ({ ...state, lock: undefined })
    expect(await source.verify(false, undefined, blind)).toMatchObject({ objects: [], lockedUntilMs: null })
  })
})

describe('a lock', () => {
  const lockKinds = ({ objects }: VerifyResult): string[] => [...new Set(objects.map(({ kind }) => kind))]

  test('that has ended by the clock of the store is found, and costs no file', async () => {
    const { source } = await makeWorld()
    source.store.nowMs += 41 * dayMs
    const result = await source.verify(false)
    expect([lockKinds(result), result.files, result.objects.length]).toEqual([['expired'], [], 4])
  })

  test('that ends before the guaranteed retention is found, in the object that it belongs to', async () => {
    const { source, data } = await makeWorld()
    data.lock = { mode: 'COMPLIANCE', days: 29 }
    expect(objectsOf(await source.verify(false))).toEqual([[data.key, 'short-lock']])
    data.lock = { mode: 'COMPLIANCE', days: 30 }
    expect(objectsOf(await source.verify(false))).toEqual([])
  })

  test('of GOVERNANCE is found where COMPLIANCE was guaranteed, and not the other way round', async () => {
    const { source, tree } = await makeWorld()
    tree.lock = { mode: 'GOVERNANCE', days: 40 }
    expect(objectsOf(await source.verify(false))).toEqual([[tree.key, 'other-lock']])
    const snapshot = await source.snapshot()
    const governed = {
      ...snapshot.manifest,
      retention: { promiseDays: 30, lock: { mode: 'GOVERNANCE' as const, days: 40 } },
    }
    expect(objectsOf(await source.verify(false, { ...snapshot, manifest: governed }))).toEqual([])
  })
})

describe('what could not be checked', () => {
  test('is counted: checksums that the store does not return, until the bytes are read', async () => {
    const { source } = await makeWorld()
    expect((await source.verify(false)).unchecked).toEqual({ checksums: 0, locks: 0 })
    const silent = new FaultyStore(source.store)
    silent.onHead = (_, state) => ({ ...state, sha256: null })
    expect((await source.verify(false, undefined, silent)).unchecked).toEqual({ checksums: 4, locks: 0 })
    // The manifest's bytes were compared with their own hash alone.
    expect((await source.verify(true, undefined, silent)).unchecked).toEqual({ checksums: 1, locks: 0 })
  })

  test('is counted: locks that the role may not see, or that no time of the store can be compared with', async () => {
    const { source } = await makeWorld()
    for (const change of [{ lock: undefined }, { serverTimeMs: null }]) {
      const blind = new FaultyStore(source.store)
      blind.onHead = (_, state) => ({ ...state, ...change })
      expect((await source.verify(false, undefined, blind)).unchecked).toEqual({ checksums: 0, locks: 4 })
    }
  })
})

test('an archived pack is named with its files, and is not read', async () => {
  const { source, data } = await makeWorld()
  data.archive = 'DEEP_ARCHIVE'
  for (const readData of [false, true]) {
    const result = await source.verify(readData)
    expect(objectsOf(result)).toEqual([[data.key, 'archived']])
    expect(filesOf(result)).toEqual(allFiles)
  }
})

describe('verification', () => {
  test("fails, rather than finding nothing, if the store denies or can't be reached", async () => {
    const { source } = await makeWorld()
    const snapshot = await source.snapshot()
    for (const code of ['denied', 'unreachable', 'credentials'] as const) {
      for (const method of ['onRead', 'onHead'] as const) {
        const faulty = new FaultyStore(source.store)
        faulty[method] = () => {
          throw new HoldfastError(code, 'no')
        }
        await expect(source.verify(true, snapshot, faulty)).rejects.toSatisfy((error) =>
          isHoldfastError(error, code),
        )
      }
    }
  })

  test('ends when it is interrupted, and tells how far it is', async () => {
    const { source } = await makeWorld()
    const reason = new HoldfastError('interrupted', 'stopped')
    const options = {
      store: source.store,
      clock: source.clock,
      random: source.random,
      snapshot: await source.snapshot(),
      readData: true,
    }
    await expect(verify({ ...options, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const visited: number[] = []
    await verify({ ...options, onProgress: ({ packs, packsTotal }) => visited.push(packs * 10 + packsTotal) })
    expect(visited).toEqual([13, 23, 33])
  })
})

test("a pack whose hash is right but that doesn't hold what it names is found out by reading it, with the files that it costs", async () => {
  const vault = new HandmadeVault()
  const entries = [
    vault.directory(''),
    vault.file('good', 'good content'),
    vault.file('poisoned', 'what was promised'),
  ]
  vault.chunks.set(
    sha256Of(Buffer.from('what was promised')).toString('hex'),
    Buffer.from('something entirel'),
  )
  const data = await vault.pack()
  const root = vault.tree(entries)
  const packs = [data, await vault.pack()]
  const snapshot = await vault.commitManifest(
    vault.manifest(root, packs, { tree: { root: root.toString('hex'), entries: 3, files: 2, bytes: 29 } }),
  )
  const environment = { store: vault.store, clock: new ManualClock(), random: Math.random, snapshot }
  expect(objectsOf(await verify({ ...environment, readData: false }))).toEqual([])
  const read = await verify({ ...environment, readData: true })
  expect([objectsOf(read), filesOf(read)]).toEqual([[[data.key, 'damaged']], ['poisoned']])
})

test('shards of a verification read each pack once, together, and each finds what is wrong with its own', async () => {
  const source = new ProtectedSource()
  for (let index = 0; index < 10; index++) write(source, `f${index}`, randomBytes(10 * 1024 * 1024, index))
  await source.backup()
  const snapshot = await source.snapshot()
  const { packs } = snapshot.manifest
  const lost = source.store.versions.find(({ key }) => key === packs[2]!.key)!
  lost.body = flip(lost.body, 100_000)
  const read: string[] = []
  const store = new FaultyStore(source.store)
  store.onRead = (ref, bytes) => {
    if (bytes.length > 1024 * 1024) read.push(ref.key)
    return bytes
  }
  const results = await Promise.all(
    [1, 2, 3].map((index) =>
      verify({ ...source, store, snapshot, readData: true, shard: { index, count: 3 } }),
    ),
  )
  expect(results.reduce((sum, { packsRead }) => sum + packsRead, 0)).toBe(packs.length)
  expect([...new Set(read)].length).toBe(packs.filter(({ bytes }) => bytes > 1024 * 1024).length)
  const whole = await verify({ ...source, snapshot, readData: true })
  expect(results.reduce((sum, { chunks }) => sum + chunks, 0)).toBe(whole.chunks)
  expect(results.reduce((sum, { bytesRead }) => sum + bytesRead, 0)).toBe(whole.bytesRead)
  const bytes = results.map(({ bytesRead }) => bytesRead)
  expect(Math.max(...bytes) - Math.min(...bytes)).toBeLessThan(17 * 1024 * 1024)
  expect(results.filter(({ objects }) => objects.length > 0).length).toBe(1)
  expect(results.flatMap(({ objects }) => objects)).toEqual(whole.objects)
  expect(results.flatMap(({ files }) => files)).toEqual(whole.files)
})
