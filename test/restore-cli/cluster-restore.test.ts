import { expect, test } from 'vitest'
import { lsnHex, lsnText } from '../../core/wal/lsn.ts'
import type { OpenVault } from '../../restore-cli/open-vault.ts'
import { planRecovery } from '../../restore-cli/cluster-restore.ts'
import { renderWalDoubts } from '../../restore-cli/render/recovery-report.ts'
import { CheckedSource } from '../checks/checks/source-checks.ts'
import { handmadeBase } from '../fixtures/handmade-base.ts'
import { TimedMemoryStore } from '../fixtures/notarized-source.ts'
import { NotarizedWal } from '../fixtures/notarized-wal.ts'

test('a restore names each WAL part that it needs and that the notary flags', async () => {
  const store = new TimedMemoryStore()
  const wal = new NotarizedWal(store, 'files')
  const source = new CheckedSource(store)
  const start = wal.end
  await wal.archive(1)
  await source.backUp(4, {
    sourceKind: 'postgres',
    postgres: handmadeBase({
      startLsn: lsnHex(start),
      stopLsn: lsnHex(start + 64n),
      backupLabel: handmadeBase().backupLabel.replace('0/2000028', lsnText(start)),
    }),
  })
  const part = await wal.archive(1)
  await wal.archive(1)
  const vault = { store, clock: { nowMs: () => store.nowMs }, signal: new AbortController().signal }
  const plan = async () => {
    const request = { source: 'files', trustedKeys: wal.signer.keys }
    const planned = await planRecovery(vault as unknown as OpenVault, { request, flags: {}, isWhole: true })
    expect(planned!.choice.links).toHaveLength(3)
    return renderWalDoubts(planned!.doubts)
  }
  await wal.notarize()
  expect(await plan()).toBe('')
  part.lock = { mode: 'GOVERNANCE', days: 40 }
  store.versions.pop()
  await wal.notarize()
  expect(await plan()).toMatch(
    `warning: the notary flags WAL that the recovery needs (other-lock): ${part.key}: its lock is GOVERNANCE`,
  )
})
