import { expect, test } from 'vitest'
import { encodeManifest } from '../../../core/snapshot/manifest.ts'
import type { Snapshot } from '../../../core/snapshot/snapshot.ts'
import { CustodyVault } from './custody-vault.ts'

const files = { root: '0'.repeat(64), entries: 101, files: 100, bytes: 10_000 }

/** Two years of daily runs, five days at a time, under a silent source. */
async function stayLocked(vault: CustodyVault, { id, key, versionId, manifest }: Snapshot): Promise<void> {
  for (let day = 0; day < 730; day += 5) {
    vault.passDays(5)
    const plan = await vault.run()
    expect(plan.lastGood?.id).toBe(id)
    for (const ref of [{ key, versionId }, ...manifest.packs])
      expect(vault.daysLeft(ref), `${ref.key} on day ${day}`).toBeGreaterThanOrEqual(15)
  }
}

test('the last good snapshot of a silent source never runs out, and everything older is pruned', async () => {
  const vault = new CustodyVault()
  const shared = await vault.addPack()
  const old = await vault.addPack()
  const first = await vault.attested([shared, old])
  vault.passDays(5)
  const last = await vault.attested([shared, await vault.addPack()])
  await stayLocked(vault, last)
  expect([vault.daysLeft(old), vault.daysLeft(first)]).toEqual([null, null])
  // The manifest, two packs and the receipt.
  expect(vault.store.versions).toHaveLength(4)
})

test('bogus newer snapshots take its part under no circumstances: unattested, refused, incomplete, collapsed, or garbage', async () => {
  const vault = new CustodyVault()
  const pack = await vault.addPack()
  const good = await vault.attested([pack])
  vault.passDays(1)
  await vault.snapshotOf([])
  await vault.attest(await vault.snapshotOf([pack]), { outcome: 'refused' })
  await vault.attested([pack], { complete: false })
  await vault.attest(await vault.snapshotOf([], { tree: { ...files, files: 10 } }), {
    flags: [{ kind: 'collapsed', detail: '10 files of 100' }],
  })
  vault.store.add('sources/files/manifests/01KNWSZZZZZZZZZZZZZZZZZZZZ', Buffer.from('garbage'))
  await stayLocked(vault, good)
  expect(vault.store.versions).toHaveLength(3)
})

test('a receipt by another key decides nothing, and stops all pruning of the source', async () => {
  const vault = new CustodyVault()
  const { key, versionId, sha256 } = await vault.attested([await vault.addPack()])
  const { TrustedKeys } = await import('../../../core/signature.ts')
  const { TestSigner } = await import('../../fixtures/test-signer.ts')
  vault.store.add('sources/files/manifests/01KNWSZZZZZZZZZZZZZZZZZZZZ', Buffer.from('garbage'))
  vault.passDays(50)
  const plan = await vault.planOf({}, { keys: TrustedKeys.parse(new TestSigner().pem, 'test') })
  expect(plan.lastGood).toMatchObject({ confirmation: 'unattested' })
  expect(plan.prunes).toEqual([])
  expect(plan.withheld).toMatch(/1 receipts can't be trusted/)
  expect([key, versionId, sha256]).not.toContain(undefined)
})

test('without any receipt, the newest snapshot that is complete, whole and not collapsed stays', async () => {
  const vault = new CustodyVault()
  const pack = await vault.addPack()
  const good = await vault.snapshotOf([pack])
  vault.passDays(1)
  await vault.snapshotOf([pack], { complete: false })
  await vault.snapshotOf([pack], { tree: { ...files, bytes: 10 } })
  await vault.snapshotOf([{ ...pack, versionId: 'absent' }])
  await stayLocked(vault, good)
  expect((await vault.planOf()).lastGood?.confirmation).toBe('unattested')
})

test('a source whose snapshots are all incomplete keeps the newest attested one', async () => {
  const vault = new CustodyVault()
  const pack = await vault.addPack()
  await vault.attested([pack], { complete: false })
  vault.passDays(1)
  const newest = await vault.attested([pack, await vault.addPack()], { complete: false })
  await vault.snapshotOf([pack])
  await stayLocked(vault, newest)
})

test('no refused or collapsed snapshot takes the part of an attested one, also if none is complete', async () => {
  const vault = new CustodyVault()
  const pack = await vault.addPack()
  const attested = await vault.attested([pack], { complete: false })
  vault.passDays(1)
  await vault.attest(await vault.snapshotOf([pack], { complete: false }), { outcome: 'refused' })
  await vault.attest(await vault.snapshotOf([], { complete: false }), {
    flags: [{ kind: 'collapsed', detail: '10 files of 100' }],
  })
  expect((await vault.planOf()).lastGood?.id).toBe(attested.id)
})

test('a snapshot that lost a pack is not the last good one', async () => {
  const vault = new CustodyVault()
  const pack = await vault.addPack()
  const good = await vault.attested([pack])
  vault.passDays(1)
  const second = await vault.addPack()
  await vault.attested([pack, second])
  vault.store.versions = vault.store.versions.filter(({ versionId }) => versionId !== second.versionId)
  expect((await vault.planOf()).lastGood?.id).toBe(good.id)
})

test('a manifest that lies about its place is garbage, and stops nothing', async () => {
  const vault = new CustodyVault()
  const good = await vault.attested([await vault.addPack()])
  vault.store.add('sources/files/manifests/01KNWSZZZZZZZZZZZZZZZZZZZZ', encodeManifest(good.manifest))
  expect(await vault.planOf()).toMatchObject({ lastGood: { id: good.id }, withheld: null, problems: [] })
})
