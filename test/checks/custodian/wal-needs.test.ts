import { expect, test } from 'vitest'
import type { BaseBackup } from '../../../core/snapshot/base-backup.ts'
import { lsnHex } from '../../../core/wal/lsn.ts'
import { handmadeBase } from '../../fixtures/handmade-base.ts'
import { HandmadeWal } from '../../fixtures/handmade-wal.ts'
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
  async addBase(days = 0, systemId = handmadeBase().systemId) {
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
    return this.attested([await this.addPack()], { sourceKind: 'postgres', postgres: handmadeBase(changes) })
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
