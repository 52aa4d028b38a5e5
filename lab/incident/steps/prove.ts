// Step 7: every version from before the wipe is still in the vault, by its API and on its disk.
import { bytesText, countText } from '../../../restore-cli/render/figures.ts'
import type { ClaimFindings } from '../claims.ts'
import { directories } from '../drill-context.ts'
import type { DrillContext, Provisioned } from '../drill-context.ts'
import { findAdditions, findLockChanges, findLosses } from '../inventory/comparison.ts'
import { readDiskInventory } from '../inventory/disk-inventory.ts'
import { readKey, takeInventory } from '../inventory/store-inventory.ts'
import type { Inventory, InventoryItem } from '../inventory/store-inventory.ts'
import { connectS3 } from '../sessions.ts'
import type { Attacked } from './attack.ts'

export interface VaultState {
  byApi: Inventory
  byDisk: Inventory
}

export async function recordVault(
  context: DrillContext,
  { sandbox, region, vault, sessions }: Provisioned,
): Promise<VaultState> {
  const client = connectS3(
    { endpoint: sandbox.endpoint, region, clockOffsetMs: sandbox.clock.offsetMs },
    await sessions.of('holdfast-drill'),
  )
  try {
    const byApi = await takeInventory(client, vault.name, (count) =>
      context.timeline.progress(`reading back version ${count}`),
    )
    return { byApi, byDisk: await readDiskInventory(directories(context).sandbox, vault.name) }
  } finally {
    client.destroy()
  }
}

/** Adds to an earlier record the versions that came since. Those of the earlier record must be as they were. */
export async function addRecord(
  context: DrillContext,
  provisioned: Provisioned,
  earlier: VaultState,
): Promise<VaultState> {
  const now = await recordVault(context, provisioned)
  return {
    byApi: new Map([...now.byApi, ...earlier.byApi]),
    byDisk: new Map([...now.byDisk, ...earlier.byDisk]),
  }
}

export async function prove(
  context: DrillContext,
  before: VaultState,
  after: VaultState,
  attacked?: Attacked,
): Promise<void> {
  const added = attacked?.added ?? []
  const { ledger, report, timeline } = context
  const items = [...before.byApi.values()]
  const bytes = items.reduce((sum, item) => sum + item.bytes, 0)
  report.inventory = { versions: items.length, bytes }
  const evidence = `${countText(items.length)} versions, ${bytesText(bytes)}`
  // An empty vault is a finding, because it can't lose anything.
  const examine = (findings: string[]): ClaimFindings => ({
    findings: items.length === 0 ? ['the vault was empty'] : findings,
    evidence,
  })
  await ledger.examine('versions-survive', () => examine(findLosses(before.byApi, after.byApi)))
  await ledger.examine('locks-unchanged', () => examine(findLockChanges(before.byApi, after.byApi)))
  await ledger.examine('nothing-hidden-or-added', () =>
    examine(findAdditions(before.byApi, leaveOut(after.byApi))),
  )
  if (attacked !== undefined) {
    await ledger.examine('writers-confined', () =>
      examineAdded(
        [...after.byApi.values()].filter((item) => !before.byApi.has(readKey(item)) && isAdded(item)),
      ),
    )
  }
  await ledger.examine('disk-agrees', () =>
    examine([
      ...findLosses(before.byApi, after.byDisk),
      ...findLockChanges(before.byApi, after.byDisk),
      ...findAdditions(before.byDisk, leaveOut(after.byDisk)),
    ]),
  )
  timeline.note(`read back ${evidence}, by the API and from the disk, and compared with before the wipe`)

  /** Whether a duty let an identity add the version. A delete marker is never one. */
  function isAdded({ key, isDeleteMarker }: InventoryItem): boolean {
    return !isDeleteMarker && added.some((start) => key.startsWith(start))
  }

  function leaveOut(inventory: Inventory): Inventory {
    return new Map([...inventory].filter(([name, item]) => before.byApi.has(name) || !isAdded(item)))
  }

  function examineAdded(additions: InventoryItem[]): ClaimFindings {
    const findings = additions
      .filter(({ lock }) => lock?.mode !== 'COMPLIANCE')
      .map(({ key }) => `${key} is not locked`)
    if (additions.length === 0)
      findings.push('no stolen writer could add an object, so the claim examined nothing')
    const bytes = additions.reduce((sum, item) => sum + item.bytes, 0)
    return {
      findings,
      evidence: `${additions.length} objects, ${bytesText(bytes)}, each below the prefix of its writer`,
    }
  }
}
