// Step 6: what was in the vault before the wipe is in it now, by its API and by its disk.
import { bytesText, countText } from '../../../restore-cli/render/figures.ts'
import type { Examination } from '../claims.ts'
import { directories } from '../drill-context.ts'
import type { DrillContext, Provisioned } from '../drill-context.ts'
import { findAdditions, findLockChanges, findLosses } from '../inventory/comparison.ts'
import { readDiskInventory } from '../inventory/disk-inventory.ts'
import { takeInventory } from '../inventory/store-inventory.ts'
import type { Inventory } from '../inventory/store-inventory.ts'
import { connectS3 } from '../sessions.ts'

export interface VaultState {
  byApi: Inventory
  byDisk: Inventory
}

export async function recordVault(context: DrillContext, { sandbox, region, vault, sessions }: Provisioned): Promise<VaultState> {
  const client = connectS3({ endpoint: sandbox.endpoint, region }, await sessions.of('holdfast-drill'))
  try {
    const byApi = await takeInventory(client, vault.name, (done) => context.timeline.progress(`reading back version ${done}`))
    return { byApi, byDisk: await readDiskInventory(directories(context).sandbox, vault.name) }
  } finally {
    client.destroy()
  }
}

export async function prove(context: DrillContext, before: VaultState, after: VaultState): Promise<void> {
  const { ledger, report, timeline } = context
  const items = [...before.byApi.values()]
  const bytes = items.reduce((sum, item) => sum + item.bytes, 0)
  report.inventory = { versions: items.length, bytes }
  const evidence = `${countText(items.length)} versions, ${bytesText(bytes)}`
  // A vault in which nothing was is a vault in which nothing was lost.
  const examine = (findings: string[]): Examination => ({ findings: items.length === 0 ? ['the vault was empty'] : findings, evidence })
  await ledger.examine('versions-survive', () => examine(findLosses(before.byApi, after.byApi)))
  await ledger.examine('locks-unchanged', () => examine(findLockChanges(before.byApi, after.byApi)))
  await ledger.examine('nothing-hidden-or-added', () => examine(findAdditions(before.byApi, after.byApi)))
  await ledger.examine('disk-agrees', () => examine([...findLosses(before.byApi, after.byDisk), ...findLockChanges(before.byApi, after.byDisk),
    ...findAdditions(before.byDisk, after.byDisk)]))
  timeline.note(`read back ${evidence}, by the API and from the disk, and compared with before the wipe`)
}
