import { describe, expect, test } from 'vitest'
import { chooseSnapshot } from '../../../core/snapshot/snapshot-choice.ts'
import type { SnapshotRequest } from '../../../core/snapshot/snapshot-choice.ts'
import type { Snapshot } from '../../../core/snapshot/snapshot.ts'
import { HandmadeVault, sha256Of } from '../../fixtures/handmade-vault.ts'
import { putReceipt } from '../../fixtures/handmade-receipt.ts'
import { ManualClock } from '../../fixtures/manual-clock.ts'
import { TimedMemoryStore } from '../../fixtures/notarized-source.ts'
import { TestSigner } from '../../fixtures/test-signer.ts'

const signer = new TestSigner()
const root = sha256Of(Buffer.from('root'))
const flags = [{ kind: 'collapsed', detail: 'it is small' }] as const

class AttestedVault extends HandmadeVault {
  declare readonly store: TimedMemoryStore

  constructor() {
    super(new TimedMemoryStore())
  }

  async commitAt(minutes: number): Promise<Snapshot> {
    this.store.nowMs += minutes * 60_000
    return this.commitManifest(this.manifest(root, []))
  }

  async choose(request: SnapshotRequest): Promise<{ id: string; reasons: string[]; outcome: unknown }> {
    const { snapshot, skipped, receipt } = await chooseSnapshot(
      this.store,
      { trustedKeys: signer.keys, ...request },
      new ManualClock(this.store.nowMs),
    )
    return {
      id: snapshot.id,
      reasons: skipped.map(({ reason }) => reason),
      outcome: receipt?.receipt.outcome,
    }
  }
}

async function makeVault(): Promise<{
  vault: AttestedVault
  old: Snapshot
  middle: Snapshot
  newest: Snapshot
}> {
  const vault = new AttestedVault()
  const [old, middle, newest] = [await vault.commitAt(1), await vault.commitAt(1), await vault.commitAt(1)]
  return { vault, old, middle, newest }
}

describe('a restore that prefers attested snapshots', () => {
  test('takes the newest of all from a vault without receipts', async () => {
    const { vault, newest } = await makeVault()
    expect(await vault.choose({ prefer: 'attested' })).toEqual({
      id: newest.id,
      reasons: [],
      outcome: undefined,
    })
  })

  test('takes the newest attested one, and says why it passed over the newer ones', async () => {
    const { vault, old, middle } = await makeVault()
    await putReceipt(vault.store, signer, old)
    await putReceipt(vault.store, signer, middle, {
      outcome: 'refused',
      findings: [{ kind: 'lost', key: 'x', detail: 'a pack is missing' }],
      findingCount: 3,
    })
    expect(await vault.choose({ prefer: 'attested' })).toEqual({
      id: old.id,
      reasons: ['the notary has not attested it', 'the notary refuses it: a pack is missing (and 2 more)'],
      outcome: 'attested',
    })
  })

  test('passes over a flagged one, unless an operator has accepted the flag', async () => {
    const { vault, old, middle } = await makeVault()
    await putReceipt(vault.store, signer, old)
    await putReceipt(vault.store, signer, middle, { flags: [...flags] })
    expect((await vault.choose({ prefer: 'attested' })).id).toBe(old.id)
    vault.store.nowMs += 60_000
    await putReceipt(vault.store, signer, middle, { acceptedFlags: [...flags] })
    expect((await vault.choose({ prefer: 'attested' })).id).toBe(middle.id)
  })

  test('takes one without a receipt before a flagged one, and a flagged one before none', async () => {
    const { vault, old, middle, newest } = await makeVault()
    await putReceipt(vault.store, signer, newest, { flags: [...flags] })
    expect((await vault.choose({ prefer: 'attested' })).id).toBe(middle.id)
    await putReceipt(vault.store, signer, middle, { flags: [...flags] })
    await putReceipt(vault.store, signer, old, { outcome: 'refused' })
    expect(await vault.choose({ prefer: 'attested' })).toMatchObject({ id: newest.id, outcome: 'attested' })
  })

  test('takes the newest one without a receipt if the operator allows it, and still no flagged one', async () => {
    const { vault, old, middle, newest } = await makeVault()
    await putReceipt(vault.store, signer, old)
    expect((await vault.choose({ prefer: 'unflagged' })).id).toBe(newest.id)
    await putReceipt(vault.store, signer, newest, { flags: [...flags] })
    expect((await vault.choose({ prefer: 'unflagged' })).id).toBe(middle.id)
  })

  test('takes a refused one that the operator names', async () => {
    const { vault, old, middle } = await makeVault()
    await putReceipt(vault.store, signer, old)
    await putReceipt(vault.store, signer, middle, { outcome: 'refused' })
    expect(await vault.choose({ prefer: 'attested', snapshot: middle.id })).toMatchObject({
      id: middle.id,
      outcome: 'refused',
    })
  })

  test('believes no receipt of another key', async () => {
    const { vault, old, newest } = await makeVault()
    await putReceipt(vault.store, signer, newest)
    vault.store.nowMs += 60_000
    await putReceipt(vault.store, new TestSigner(), newest, { outcome: 'refused' })
    await putReceipt(vault.store, new TestSigner(), old)
    expect(await vault.choose({ prefer: 'attested' })).toMatchObject({ id: newest.id, outcome: 'attested' })
  })

  test('without keys, or without the preference, takes the newest', async () => {
    const { vault, old, newest } = await makeVault()
    await putReceipt(vault.store, signer, old)
    expect((await vault.choose({ prefer: 'attested', trustedKeys: undefined })).id).toBe(newest.id)
    expect(await vault.choose({})).toMatchObject({ id: newest.id, reasons: [] })
  })
})
