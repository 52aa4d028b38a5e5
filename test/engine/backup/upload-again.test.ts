import { expect, test } from 'vitest'
import type { HoldfastError } from '../../../core/errors.ts'
import { parsePackKey, parsePackName } from '../../../core/store/vault-keys.ts'
import { packsToUploadAgain } from '../../../restore-cli/render/verify-report.ts'
import { expectEqual, write } from '../../fixtures/backup-steps.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'

async function makeDamaged(): Promise<ProtectedSource> {
  const source = new ProtectedSource()
  for (let index = 0; index < 20; index++) write(source, `f${index}`, `content ${index} `.repeat(100))
  await source.backup()
  source.store.nowMs += 60_000
  return source
}

test.each([0, 1, 2])(
  'pack %i that the vault lost is uploaded again when verify has named it',
  async (number) => {
    const source = await makeDamaged()
    const lost = source.store.versions.filter(({ key }) => parsePackKey(key) !== null)[number]!
    source.store.versions.splice(source.store.versions.indexOf(lost), 1)
    const second = await source.backup()
    expect(second.packsUploaded).toBe(0)
    // Without the root of the tree, verify has no list of files, and its error names the pack.
    const keys = await source
      .verify(false)
      .then(packsToUploadAgain, (error: HoldfastError) => error.context['uploadAgain'])
    expect(keys).toEqual([lost.key])
    source.store.nowMs += 60_000
    const result = await source.backup({
      uploadAgain: (keys as string[]).map((key) => parsePackName(key, 'files')),
    })
    expect(result.packsForgotten).toBe(1)
    expect(await source.verify(true)).toMatchObject({ objects: [], files: [] })
    await expectEqual(source)
    source.store.nowMs += 60_000
    expect(await source.backup()).toMatchObject({ packsUploaded: 0 })
    expect(await source.verify(true)).toMatchObject({ objects: [], files: [] })
  },
)

test('a pack that the cache has not is counted, and costs nothing', async () => {
  const source = await makeDamaged()
  expect(await source.backup({ uploadAgain: ['ab'.repeat(32)] })).toMatchObject({
    packsForgotten: 0,
    packsUploaded: 0,
  })
})

test('a dry run forgets nothing', async () => {
  const source = await makeDamaged()
  const { sha256 } = (await source.snapshot()).manifest.packs[0]!
  expect(await source.backup({ dryRun: true, uploadAgain: [sha256] })).toMatchObject({ packsForgotten: 1 })
  expect(await source.backup()).toMatchObject({ packsUploaded: 0 })
})

test.each(['', 'x', 'sources/files/manifests/01KN35E000B6GR48QH7ECGPZ10', 'AB'.repeat(32)])(
  '%j names no pack',
  (text) => {
    expect(() => parsePackName(text, 'files')).toThrow('is not a pack of files')
  },
)

test('a pack of another source is refused', async () => {
  const { key } = (await (await makeDamaged()).snapshot()).manifest.packs[0]!
  expect(() => parsePackName(key, 'other')).toThrow('is not a pack of other')
})
