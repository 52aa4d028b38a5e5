import { ulid } from 'ulid'
import { describe, expect, test } from 'vitest'
import { forEachConcurrently, frameOf } from '../../../core/restore-plan/chunk-fetch.ts'
import { ChunkReader, readFooter } from '../../../core/restore-plan/chunk-reader.ts'
import { HoldfastError, isHoldfastError } from '../../../core/errors.ts'
import type { ChunkLocation, Manifest, PackReference } from '../../../core/snapshot/manifest.ts'
import { openPack, verifyPack } from '../../../core/pack/pack.ts'
import { PackBuilder } from '../../../core/pack/pack.ts'
import { encodeIndex } from '../../../core/pack/pack-index.ts'
import { packKey } from '../../../core/store/vault-keys.ts'
import { FaultyStore, flip } from '../../fixtures/faulty-store.ts'
import { HandmadeVault, handmadeGeneration, sha256Of } from '../../fixtures/handmade-vault.ts'
import { randomBytes, seededRandom } from '../../fixtures/manual-clock.ts'
import type { MemoryStore } from '../../fixtures/memory-store.ts'

interface World {
  vault: HandmadeVault
  chunks: Buffer[]
  packs: PackReference[]
  manifest: Manifest
}

const bodyOf = (store: MemoryStore, pack: PackReference) =>
  store.versions.find(({ versionId }) => versionId === pack.versionId)!

/** Two packs of a few chunks, and, if wanted, a third with an index of both. */
async function makeWorld(withIndex: boolean): Promise<World> {
  const vault = new HandmadeVault()
  const chunks = [
    Buffer.from('one'),
    Buffer.alloc(100_000, 'two'),
    randomBytes(70_000, 1),
    Buffer.from('four'),
    randomBytes(300, 2),
  ]
  const packs: PackReference[] = []
  for (const part of [chunks.slice(0, 3), chunks.slice(3)]) {
    for (const chunk of part) vault.keep(chunk)
    packs.push(await vault.pack())
  }
  const index: ChunkLocation[] = []
  if (withIndex) {
    const { pack, location } = await addIndex(vault, packs, packs.length)
    packs.push(pack)
    index.push(location)
  }
  return { vault, chunks, packs, manifest: vault.manifest(sha256Of(chunks[0]!), packs, { index }) }
}

async function addIndex(
  vault: HandmadeVault,
  packs: PackReference[],
  number: number,
): Promise<{ pack: PackReference; location: ChunkLocation }> {
  const footers = packs.map((pack) => {
    const body = bodyOf(vault.store, pack).body
    const bytes = body.readUInt32LE(body.length - 46)
    return {
      sha256: pack.sha256,
      footer: Buffer.from(body.subarray(body.length - 46 - bytes, body.length - 46)),
    }
  })
  const chunk = encodeIndex(footers)
  const builder = new PackBuilder('files')
  builder.add(sha256Of(chunk), chunk, true)
  const sealed = builder.seal()
  const {
    frames: [frame],
  } = verifyPack(Buffer.from(sealed.body), 'files', 'it')
  const key = packKey('files', handmadeGeneration, ulid(1, seededRandom(number)), sealed.sha256)
  const { versionId } = await vault.store.putIfAbsent(key, sealed.body, sealed.sha256)
  const { offset, storedBytes, rawBytes, codec } = frame!
  return {
    pack: { key, versionId, sha256: sealed.sha256, bytes: sealed.body.length },
    location: { sha256: sha256Of(chunk).toString('hex'), pack: number, offset, storedBytes, rawBytes, codec },
  }
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => new Error('it was accepted'),
    (thrown: unknown) => thrown,
  )
  return isHoldfastError(error) ? error.code : String(error)
}

describe.each([
  ['with an index', true],
  ['without an index', false],
])('chunks %s', (_, withIndex) => {
  test('are found in their packs, and come in the order asked for', async () => {
    const { vault, chunks, manifest } = await makeWorld(withIndex)
    const reader = await ChunkReader.open(vault.store, manifest)
    expect(reader.problems).toEqual([])
    expect(vault.store.requests.get).toBe(withIndex ? 1 : 2)
    const order = [4, 0, 2, 1, 3, 0]
    const read = await reader.read(order.map((index) => sha256Of(chunks[index]!)))
    expect(read.map((bytes, at) => bytes.equals(chunks[order[at]!]!))).toEqual(order.map(() => true))
    expect(vault.store.requests.get).toBe((withIndex ? 1 : 2) + 2)
    expect(reader.locate(sha256Of(chunks[3]!))).toMatchObject({ pack: 1, chunk: 0 })
    expect(reader.locate(Buffer.concat([Buffer.alloc(5), sha256Of(chunks[1]!)]), 5)).toMatchObject({
      pack: 0,
      chunk: 1,
    })
    expect(reader.locate(sha256Of(Buffer.from('none')))).toBeNull()
    expect(await codeOf(reader.read([sha256Of(Buffer.from('none'))]))).toBe('damaged')
  })

  test('with other bytes than their hash says are refused, at every offset of a frame', async () => {
    const { vault, chunks, packs, manifest } = await makeWorld(withIndex)
    const version = bodyOf(vault.store, packs[1]!)
    const { frames } = openPack(version.body, 'files', 'it')
    const good = version.body
    for (const { offset, storedBytes } of frames) {
      for (let at = offset; at < offset + storedBytes; at += 7) {
        version.body = flip(good, at)
        const reader = await ChunkReader.open(vault.store, manifest)
        expect(await codeOf(reader.read(chunks.slice(3).map(sha256Of)))).toBe('damaged')
        expect((await reader.read([sha256Of(chunks[0]!)]))[0]!.toString()).toBe('one')
      }
    }
  })

  test('that were spoiled on the way are fetched again', async () => {
    const { vault, chunks, manifest } = await makeWorld(withIndex)
    const faulty = new FaultyStore(vault.store)
    const readRanges = new Set<string>()
    faulty.onRead = (ref, bytes, offset) => {
      const name = `${ref.key} ${offset}`
      if (readRanges.has(name)) return bytes
      readRanges.add(name)
      return flip(bytes, bytes.length - 1)
    }
    const reader = await ChunkReader.open(faulty, manifest)
    expect(reader.problems).toEqual([])
    expect(
      (await reader.read(chunks.map(sha256Of))).every((bytes, index) => bytes.equals(chunks[index]!)),
    ).toBe(true)
  })

  test('are read from the version that the manifest names, whatever was put over it since', async () => {
    const { vault, chunks, packs, manifest } = await makeWorld(withIndex)
    for (const pack of packs) {
      vault.store.add(pack.key, Buffer.alloc(pack.bytes, 1))
      vault.store.add(pack.key, Buffer.alloc(0), { isDeleteMarker: true })
    }
    const reader = await ChunkReader.open(vault.store, manifest)
    expect(reader.problems).toEqual([])
    expect((await reader.read(chunks.map(sha256Of))).length).toBe(chunks.length)
  })

  test('of a lost pack are missing, and the others are there', async () => {
    const { vault, chunks, packs, manifest } = await makeWorld(withIndex)
    vault.store.versions = vault.store.versions.filter(({ versionId }) => versionId !== packs[0]!.versionId)
    const reader = await ChunkReader.open(vault.store, manifest)
    expect(reader.problems.map(({ key }) => key)).toEqual(withIndex ? [] : [packs[0]!.key])
    expect(await codeOf(reader.read([sha256Of(chunks[0]!)]))).toBe('damaged')
    expect((await reader.read([sha256Of(chunks[3]!)]))[0]!.toString()).toBe('four')
  })
})

describe("an index that can't be used", () => {
  test.each<[string, (world: World) => void]>([
    [
      'is lost',
      ({ vault, packs }) =>
        void (vault.store.versions = vault.store.versions.filter(
          ({ versionId }) => versionId !== packs[2]!.versionId,
        )),
    ],
    [
      'is flipped',
      ({ vault, packs }) =>
        void (bodyOf(vault.store, packs[2]!).body = flip(bodyOf(vault.store, packs[2]!).body, 20)),
    ],
    [
      'has another hash than the manifest says',
      ({ manifest }) => void (manifest.index[0]!.sha256 = 'ab'.repeat(32)),
    ],
    [
      'is something else',
      ({ manifest, chunks, packs }) => {
        manifest.index[0] = {
          sha256: sha256Of(chunks[0]!).toString('hex'),
          pack: 0,
          offset: 16,
          storedBytes: 3,
          rawBytes: 3,
          codec: 0,
        }
        expect(packs[0]!.bytes).toBeGreaterThan(19)
      },
    ],
  ])('because it %s costs nothing but requests: the footers say the same', async (_, spoil) => {
    const world = await makeWorld(true)
    spoil(world)
    const reader = await ChunkReader.open(world.vault.store, world.manifest)
    // The pack that holds only the index is no problem of a file, but it is one.
    expect(reader.problems.length).toBeGreaterThan(0)
    const read = await reader.read(world.chunks.slice(3).map(sha256Of))
    expect(read.every((bytes, index) => bytes.equals(world.chunks[3 + index]!))).toBe(true)
  })

  test("because it claims bytes that its pack doesn't have is refused, and the footer asked", async () => {
    const { vault, chunks, packs, manifest } = await makeWorld(true)
    manifest.packs[0] = { ...packs[0]!, bytes: 100 }
    const reader = await ChunkReader.open(vault.store, manifest)
    expect(reader.problems.map(({ key }) => key)).toContain(packs[0]!.key)
    expect(reader.locate(sha256Of(chunks[1]!))).toBeNull()
  })

  test('does not hide a failure that says nothing of it', async () => {
    const { vault, manifest } = await makeWorld(true)
    const faulty = new FaultyStore(vault.store)
    faulty.onRead = () => {
      throw new HoldfastError('unreachable', 'no network', { retryable: true })
    }
    expect(await codeOf(ChunkReader.open(faulty, manifest))).toBe('unreachable')
  })
})

describe('a footer', () => {
  test('is read from the end of its pack, however long it is', async () => {
    const vault = new HandmadeVault()
    for (let index = 0; index < 5000; index++) vault.keep(Buffer.from(`chunk ${index}`))
    const pack = await vault.pack()
    const footer = await readFooter(vault.store, pack, 'files')
    expect([footer.lengths.length, vault.store.requests.get]).toEqual([5000, 2])
    for (const chunk of [0, 1, 2500, 4999]) {
      const frame = frameOf(footer, chunk)
      expect(chunk).toBeGreaterThanOrEqual(frame.firstChunk)
      expect(chunk).toBeLessThan(frame.firstChunk + frame.chunkCount)
    }
  })

  test('with any byte flipped is refused', async () => {
    const { vault, packs } = await makeWorld(false)
    const version = bodyOf(vault.store, packs[1]!)
    const good = version.body
    const start = good.length - 46 - good.readUInt32LE(good.length - 46)
    for (let offset = start; offset < good.length; offset++) {
      version.body = flip(good, offset, 0x01)
      expect(['damaged', 'unsupported-format']).toContain(
        await codeOf(readFooter(vault.store, packs[1]!, 'files')),
      )
    }
    for (const bytes of [0, 1, 45])
      expect(await codeOf(readFooter(vault.store, { ...packs[1]!, bytes }, 'files'))).toBe('damaged')
  })

  test("of another source is refused: its chunks are not this one's", async () => {
    const { vault, packs } = await makeWorld(false)
    expect(await codeOf(readFooter(vault.store, packs[0]!, 'other'))).toBe('damaged')
  })
})

describe('a read', () => {
  test('that would need more memory than any reader has is refused before it begins', async () => {
    const vault = new HandmadeVault()
    const digests = Array.from({ length: 40 }, (_, index) => vault.keep(Buffer.alloc(4 * 1024 * 1024, index)))
    const reader = await ChunkReader.open(vault.store, vault.manifest(digests[0]!, [await vault.pack()]))
    vault.store.requests.get = 0
    expect(await codeOf(reader.read(digests))).toBe('damaged')
    expect(vault.store.requests.get).toBe(0)
    expect((await reader.read(digests.slice(0, 3)))[2]![0]).toBe(2)
  })
})

describe('work on many things', () => {
  test('is never on more at once than allowed, stops at the first failure, and throws it', async () => {
    let active = 0
    let maxAtOnce = 0
    const finished: number[] = []
    const work = async (item: number): Promise<void> => {
      maxAtOnce = Math.max(maxAtOnce, ++active)
      await new Promise((resolve) => setImmediate(resolve))
      active--
      if (item === 7) throw new Error('seven')
      finished.push(item)
    }
    await forEachConcurrently([1, 2, 3, 4, 5, 6], 4, work)
    expect([maxAtOnce, finished.length]).toEqual([4, 6])
    await expect(forEachConcurrently([1, 7, 8, 9, 10, 11, 12], 2, work)).rejects.toThrow('seven')
    expect(finished).not.toContain(12)
    await forEachConcurrently([], 4, work)
  })
})
