import { expect, test } from 'vitest'
import { encodeFeedback, feedbackKey, readFeedback } from '../../../core/feedback.ts'
import { packKey, parsePackKey } from '../../../core/store/vault-keys.ts'
import { expectEqual } from '../../fixtures/backup-steps.ts'
import { NotarizedSource } from '../../fixtures/notarized-source.ts'

const packsOf = ({ store }: NotarizedSource) => store.versions.filter(({ key }) => parsePackKey(key) !== null)

test('a pack that the vault lost is uploaded again, once the notary has noticed', async () => {
  const source = new NotarizedSource()
  await source.advance('a')
  await source.notarize()
  const lost = packsOf(source)[0]!
  source.store.versions.splice(source.store.versions.indexOf(lost), 1)
  expect((await source.notarize({ again: true })).feedbackPacks).toBe(1)
  const feedback = (await readFeedback(source.feedback, 'files')).packs
  source.store.nowMs += 60_000
  const result = await source.backup({ feedback })
  expect(result.packsForgotten).toBe(1)
  expect((await source.notarize()).receipts.map(({ receipt }) => receipt.outcome)).toEqual(['attested'])
  await expectEqual(source)
  // The same feedback stays in its bucket for a while: it costs nothing more.
  source.store.nowMs += 60_000
  expect(await source.backup({ feedback })).toMatchObject({ packsForgotten: 0, packsUploaded: 0 })
})

test('a pack that is locked too shortly is uploaded again', async () => {
  const source = new NotarizedSource()
  await source.advance('a')
  packsOf(source)[0]!.lock = { mode: 'COMPLIANCE', days: 20 }
  await source.notarize()
  const feedback = (await readFeedback(source.feedback, 'files')).packs
  source.store.nowMs += 60_000
  await source.backup({ feedback })
  expect((await source.notarize()).receipts.map(({ receipt }) => receipt.outcome)).toEqual(['attested'])
})

test('hostile feedback costs one full upload, and changes nothing else', async () => {
  const source = new NotarizedSource()
  for (const name of ['a', 'b', 'c']) await source.advance(name)
  const bytesOfAll = packsOf(source).reduce((sum, { body }) => sum + body.length, 0)
  const before = await source.snapshot()
  const keys = [
    ...packsOf(source).map(({ key }) => key),
    packKey('files', parsePackKey(packsOf(source)[0]!.key)!.generation, before.id, 'ab'.repeat(32)),
  ]
  const id = before.id
  await source.feedback.put(feedbackKey('files', id), encodeFeedback('files', id, keys))
  const { packs, note } = await readFeedback(source.feedback, 'files')
  expect(note).toBeNull()
  source.store.nowMs += 60_000
  const result = await source.backup({ feedback: packs })
  expect(result.bytesUploaded).toBeLessThanOrEqual(bytesOfAll)
  expect(result.complete).toBe(true)
  expect(result.parentId).toBe(before.id)
  await expectEqual(source)
  const versions = source.store.versions.map(({ versionId }) => versionId)
  expect(await source.restore({ snapshot: before })).toMatchObject({ damaged: [] })
  expect(source.store.versions.map(({ versionId }) => versionId)).toEqual(versions)
  // The packs that were just uploaded have other keys, so that this feedback can't cause a second upload.
  source.store.nowMs += 60_000
  expect(await source.backup({ feedback: packs })).toMatchObject({ packsForgotten: 0, packsUploaded: 0 })
})
