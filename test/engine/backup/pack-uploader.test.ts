import { expect, test } from 'vitest'
import { HoldfastError } from '../../../core/errors.ts'
import { PackBuilder } from '../../../core/pack/pack.ts'
import { parsePackKey } from '../../../core/store/vault-keys.ts'
import type { CachedPack } from '../../../engine/backup/backup-cache.ts'
import { PackUploader } from '../../../engine/backup/pack-uploader.ts'
import { handmadeGeneration, sha256Of } from '../../fixtures/handmade-vault.ts'
import { ManualClock, seededRandom } from '../../fixtures/manual-clock.ts'
import { MemoryStore } from '../../fixtures/memory-store.ts'

const generation = { name: handmadeGeneration, startMs: 0, lock: { mode: 'COMPLIANCE', days: 40 } as const }

function setUp(): { store: MemoryStore; remembered: CachedPack[]; uploader: PackUploader } {
  const store = new MemoryStore()
  const remembered: CachedPack[] = []
  const uploader = new PackUploader(
    { store, clock: new ManualClock(store.nowMs), random: seededRandom(1) },
    { source: 'files', generation },
    { putPack: (pack) => void remembered.push(pack) },
  )
  return { store, remembered, uploader }
}

function sealedPack(text: string): ReturnType<PackBuilder['seal']> {
  const builder = new PackBuilder('files')
  builder.add(sha256Of(Buffer.from(text)), Buffer.from(text))
  return builder.seal()
}

test('packs are uploaded under keys of their own, remembered when they were acknowledged, and their memory given back', async () => {
  const { store, remembered, uploader } = setUp()
  const progressBytes: number[] = []
  for (let index = 0; index < 6; index++)
    uploader.add(sealedPack(`chunk ${index}`), ({ byteLength }) => progressBytes.push(byteLength))
  await uploader.drain(0)
  await uploader.settle()
  expect(progressBytes).toHaveLength(6)
  expect(new Set(store.versions.map(({ key }) => key)).size).toBe(6)
  for (const version of store.versions)
    expect(parsePackKey(version.key)).toMatchObject({
      source: 'files',
      generation: generation.name,
      sha256: sha256Of(version.body).toString('hex'),
    })
  expect(remembered.map(({ versionId }) => versionId).sort()).toEqual(
    store.versions.map(({ versionId }) => versionId).sort(),
  )
  for (const pack of remembered) expect(pack.uploadedMs).toBeLessThanOrEqual(store.nowMs)
})

test('a few are under way at once; a failure begins no other, is thrown to who waits, and remembers nothing that was not acknowledged', async () => {
  const { store, remembered, uploader } = setUp()
  let active = 0
  let maxRunning = 0
  const put = store.putIfAbsent.bind(store)
  store.putIfAbsent = async (...request) => {
    maxRunning = Math.max(maxRunning, ++active)
    await new Promise((resolve) => setImmediate(resolve))
    active--
    if (store.requests.put >= 5) throw new HoldfastError('denied', 'no more')
    return put(...request)
  }
  for (let index = 0; index < 12; index++) uploader.add(sealedPack(`chunk ${index}`))
  await expect(uploader.drain(0)).rejects.toMatchObject({ code: 'denied' })
  await uploader.settle()
  expect(maxRunning).toBeGreaterThan(1)
  expect(maxRunning).toBeLessThanOrEqual(4)
  expect(active).toBe(0)
  expect(remembered.length).toBe(store.versions.length)
  expect(store.versions.length).toBe(5)
  await expect(uploader.drain(0)).rejects.toMatchObject({ code: 'denied' })
})
