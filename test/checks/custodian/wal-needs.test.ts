import { describe, expect, test } from 'vitest'
import type { Receipt } from '../../../core/snapshot/receipt.ts'
import type { BaseBackup } from '../../../core/snapshot/base-backup.ts'
import { lsnHex } from '../../../core/wal/lsn.ts'
import { walReceiptPrefix } from '../../../core/wal/wal-keys.ts'
import { maxWalReceiptsRead } from '../../../core/wal/wal-receipt.ts'
import { notarizeWal } from '../../../checks/notary/wal/wal-notary.ts'
import { handmadeBase } from '../../fixtures/handmade-base.ts'
import { HandmadeWal } from '../../fixtures/handmade-wal.ts'
import { ManualClock, seededRandom } from '../../fixtures/manual-clock.ts'
import { TestSigner } from '../../fixtures/test-signer.ts'
import { CustodyVault } from './custody-vault.ts'

const gib = 2n ** 30n

class ClusterVault extends CustodyVault {
  readonly wal = new HandmadeWal(this.store, this.source)
  private position = 0n

  /** The key of one more part; each lies 2 GiB after the one before. */
  async addWal(systemId = handmadeBase().systemId): Promise<string> {
    this.position += 2n * gib
    return this.wal.add({ start: this.position, end: this.position + 64n, systemId })
  }

  /** A base that begins with the next part. @param days how long the backup takes. */
  async addBase(days = 0, systemId = handmadeBase().systemId, flags: Receipt['flags'] = []) {
    const start = this.position + 2n * gib
    const changes: Partial<BaseBackup> = {
      systemId,
      startLsn: lsnHex(start),
      stopLsn: lsnHex(start + 64n),
      backupLabel: handmadeBase().backupLabel.replace(
        '0/2000028',
        `${(start >> 32n).toString(16).toUpperCase()}/${(start & 0xffffffffn).toString(16).toUpperCase()}`,
      ),
    }
    await this.addWal(systemId)
    this.passDays(days)
    const postgres = handmadeBase(changes)
    const base = await this.snapshotOf([await this.addPack()], { sourceKind: 'postgres', postgres })
    await this.attest(base, { flags })
    return base
  }

  private readonly signer = new TestSigner()
  private readonly notaryRandom = seededRandom(11)

  /** A run of the notary for WAL. */
  async notarize() {
    this.store.nowMs += 120_000
    const { store, source, signer, notaryRandom: random } = this
    const clock = new ManualClock(store.nowMs)
    const work = { store, source, signer, random, clock, keys: signer.keys }
    const result = await notarizeWal({ ...work, guaranteedDays: 30, toolVersion: 'test' })
    if (result === null) throw new Error('the source has no WAL')
    return result
  }

  get walReceipts(): string[] {
    const keys = this.store.versions.map(({ key }) => key)
    return keys.filter((key) => key.startsWith(walReceiptPrefix(this.source)))
  }

  lockDaysOf(key: string): number | null {
    const version = this.store.versions.find((candidate) => candidate.key === key)
    return version === undefined ? null : this.daysLeft(version)
  }

  has(key: string): boolean {
    return this.store.versions.some((version) => version.key === key)
  }
}

test('WAL stays while a base before it is in the vault, and goes with the base', async () => {
  const vault = new ClusterVault()
  const early = await vault.addWal()
  await vault.addBase()
  const later = await vault.addWal()
  vault.passDays(44)
  await vault.addBase()
  const newest = await vault.addWal()
  await vault.run()
  await vault.run()
  expect([early, later, newest].map((key) => vault.has(key))).toEqual([false, false, true])
})

test('no base is in the vault without its WAL, on any day', async () => {
  const vault = new ClusterVault()
  const bases: { key: string; wal: string }[] = []
  for (let day = 0; day < 100; day++) {
    const wal = vault.store.versions.length
    if (day % 3 === 0) {
      // Its WAL is older than its manifest, so that the lock of the WAL ends earlier.
      const { key } = await vault.addBase(1)
      bases.push({ key, wal: vault.store.versions[wal]!.key })
    }
    await vault.addWal()
    vault.passDays(1)
    await vault.run()
    for (const base of bases) if (vault.has(base.key)) expect(vault.has(base.wal)).toBe(true)
  }
  expect(bases.some(({ key, wal }) => !vault.has(key) && !vault.has(wal))).toBe(true)
})

test('the WAL of the last good base of a silent source never runs out, with what came after it', async () => {
  const vault = new ClusterVault()
  const early = await vault.addWal()
  await vault.addBase()
  const later = await vault.addWal()
  for (let day = 0; day < 120; day += 5) {
    vault.passDays(5)
    await vault.run()
  }
  expect([early, later].map((key) => vault.has(key))).toEqual([false, true])
  const version = vault.store.versions.find(({ key }) => key === later)!
  expect(vault.store.lockEndOf(version)).toBeGreaterThan(vault.store.nowMs)
})

test('WAL of a cluster without a base goes when its lock has ended', async () => {
  const vault = new ClusterVault()
  await vault.addBase()
  const foreign = await vault.addWal('77')
  vault.passDays(44)
  await vault.addBase()
  await vault.run()
  expect(vault.has(foreign)).toBe(false)
})

describe('the custodian takes no word of the notary about WAL as a reason to prune', () => {
  test('a part without a receipt stays, and stays locked, as one that is attested', async () => {
    const vault = new ClusterVault()
    await vault.addBase()
    const attested = await vault.addWal()
    await vault.notarize()
    const unattested = await vault.addWal()
    for (let day = 0; day < 120; day += 5) {
      vault.passDays(5)
      await vault.run()
    }
    for (const key of [attested, unattested]) expect(vault.lockDaysOf(key)).toBeGreaterThan(0)
  })

  test('a flagged part stays, and stays locked: no run can tell which of two the server sent', async () => {
    const vault = new ClusterVault()
    await vault.addBase()
    const start = 10n * gib
    const parts = []
    for (const seed of [1, 2]) parts.push(await vault.wal.add({ start, end: start + 64n, seed }))
    const { receipt } = await vault.notarize()
    expect(receipt.flags.map(({ key }) => key).sort()).toEqual(parts.toSorted())
    for (let day = 0; day < 120; day += 5) {
      vault.passDays(5)
      await vault.run()
    }
    for (const key of parts) expect(vault.lockDaysOf(key)).toBeGreaterThan(0)
  })

  test('the WAL of a doubtful base stays with it', async () => {
    const vault = new ClusterVault()
    await vault.addBase()
    const early = await vault.addWal()
    const doubtful = await vault.addBase(0, '77', [{ kind: 'other-parent', detail: 'it begins a chain' }])
    const later = await vault.addWal('77')
    expect(await vault.planOf()).toMatchObject({ doubtful: { id: doubtful.id } })
    for (let day = 0; day < 120; day += 5) {
      vault.passDays(5)
      await vault.run()
    }
    for (const key of [early, later]) expect(vault.lockDaysOf(key)).toBeGreaterThan(0)
  })

  test('the receipt for the WAL of a silent source never runs out', async () => {
    const vault = new ClusterVault()
    await vault.addBase()
    await vault.addWal()
    await vault.notarize()
    const [receipt] = vault.walReceipts
    for (let day = 0; day < 120; day += 5) {
      vault.passDays(5)
      await vault.run()
      expect(vault.lockDaysOf(receipt!)).toBeGreaterThan(0)
    }
  })

  test('older receipts go, and all of them go with the last base', async () => {
    const vault = new ClusterVault()
    await vault.addBase()
    for (let count = 0; count < maxWalReceiptsRead + 3; count++) {
      await vault.addWal()
      await vault.notarize()
    }
    const receipts = vault.walReceipts
    vault.passDays(44)
    await vault.run()
    expect(vault.walReceipts).toEqual(receipts.slice(-maxWalReceiptsRead))
    await vault.attested([await vault.addPack()])
    for (let day = 0; day < 90; day += 5) {
      vault.passDays(5)
      await vault.run()
    }
    expect(vault.walReceipts).toEqual([])
  })
})
