// An index that lies: a stolen writer commits a snapshot without content, whose index says that its packs hold all of
// it. The notary reads the packs themselves. So the snapshot is never the last good one, and no good pack is pruned.
import { ulid } from 'ulid'
import { expect, test } from 'vitest'
import { applyPlan } from '../../checks/custodian/deed.ts'
import { planCustody } from '../../checks/custodian/plan-custody.ts'
import { notarize } from '../../checks/notary/notary.ts'
import { sha256, sha256Hex } from '../../core/digest.ts'
import { assertSealed, openPack, PackBuilder } from '../../core/pack/pack.ts'
import { encodeFooter } from '../../core/pack/pack-footer.ts'
import { encodeIndex } from '../../core/pack/pack-index.ts'
import type { ChunkLocation, PackReference } from '../../core/snapshot/manifest.ts'
import { dayMs } from '../../core/snapshot/retention.ts'
import type { Snapshot } from '../../core/snapshot/snapshot.ts'
import { packKey } from '../../core/store/vault-keys.ts'
import { CustodyStore, rules } from '../checks/custodian/custody-vault.ts'
import { HandmadeVault, handmadeGeneration } from '../fixtures/handmade-vault.ts'
import { ManualClock, seededRandom } from '../fixtures/manual-clock.ts'
import { TestSigner } from '../fixtures/test-signer.ts'

class TimedCustodyStore extends CustodyStore {
  override get serverTimeMs(): number {
    return this.nowMs
  }
}

class LyingVault extends HandmadeVault {
  declare readonly store: TimedCustodyStore
  private readonly signer = new TestSigner()
  private readonly environment = { clock: new ManualClock(), random: seededRandom(5) }
  private readonly signal = new AbortController().signal

  constructor() {
    super(new TimedCustodyStore())
  }

  /** A pack with these bytes alone, and their location in it. */
  async packOf(bytes: Buffer): Promise<{ pack: PackReference; location: Omit<ChunkLocation, 'pack'> }> {
    const builder = new PackBuilder(this.source)
    builder.add(sha256(bytes), bytes, true)
    const sealed = builder.seal()
    const { offset, storedBytes, rawBytes, codec } = assertSealed(sealed, this.source).frames[0]!
    const key = packKey(this.source, handmadeGeneration, ulid(this.store.nowMs), sealed.sha256)
    const { versionId } = await this.store.putIfAbsent(key, sealed.body, sealed.sha256)
    return {
      pack: { key, versionId, sha256: sealed.sha256, bytes: sealed.body.length },
      location: { sha256: sha256Hex(bytes), offset, storedBytes, rawBytes, codec },
    }
  }

  footerOf({ versionId }: PackReference): Buffer {
    const { body } = this.store.versions.find((version) => version.versionId === versionId)!
    return encodeFooter(openPack(body, this.source, 'the pack'))
  }

  /** A snapshot of the same tree in an empty pack, whose index gives this pack the footer of a good one. */
  async commitLie({ manifest }: Snapshot): Promise<Snapshot> {
    const { pack } = await this.packOf(Buffer.from('nothing'))
    const footer = this.footerOf(manifest.packs[0]!)
    const { pack: indexPack, location } = await this.packOf(encodeIndex([{ sha256: pack.sha256, footer }]))
    const packs = [pack, indexPack]
    const { tree } = manifest
    return this.commitManifest(
      this.manifest(Buffer.from(tree.root, 'hex'), packs, { tree, index: [{ ...location, pack: 1 }] }),
    )
  }

  notarize(): ReturnType<typeof notarize> {
    const { store, source, signer, environment } = this
    const { keys } = signer
    return notarize({
      ...{ ...environment, store, source, signer, keys, feedback: null },
      guaranteedDays: rules.promiseDays,
      toolVersion: 'test',
    })
  }

  /** The id of the snapshot that the custodian keeps as the last good one. */
  async custodian(): Promise<string | undefined> {
    const { store, signal, environment } = this
    const plan = await planCustody({ store, rules, keys: this.signer.keys, signal })
    await applyPlan(plan, { ...environment, store, extender: store, pruner: store, signal })
    return plan.sources.find(({ name }) => name === this.source)?.lastGood?.id
  }
}

test('a snapshot whose index lies is refused, and the packs of the last good one are kept', async () => {
  const vault = new LyingVault()
  const file = vault.file('ledger', 'what the writer backed up')
  const good = await vault.commit(vault.tree([vault.directory(''), file]), {
    tree: {
      root: vault.tree([vault.directory(''), file]).toString('hex'),
      entries: 2,
      files: 1,
      bytes: file.size,
    },
  })
  expect((await vault.notarize()).receipts).toMatchObject([{ receipt: { outcome: 'attested' } }])
  vault.store.nowMs += dayMs
  await vault.commitLie(good)
  expect((await vault.notarize()).receipts).toMatchObject([{ receipt: { outcome: 'refused' } }])
  for (let day = 0; day < 100; day += 5) {
    vault.store.nowMs += 5 * dayMs
    expect(await vault.custodian()).toBe(good.id)
    const kept = vault.store.versions.map(({ versionId }) => versionId)
    expect(kept).toEqual(expect.arrayContaining(good.manifest.packs.map(({ versionId }) => versionId)))
  }
})
