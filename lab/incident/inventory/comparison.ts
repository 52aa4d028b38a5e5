// Compares two inventories of a vault. Each function returns findings as text; none means no difference.
import type { Inventory, InventoryItem } from './store-inventory.ts'

export function findLosses(before: Inventory, after: Inventory): string[] {
  return compareEach(before, after, (was, is) => {
    if (is === undefined) return `${label(was)} is gone`
    if (was.bytes !== is.bytes || was.sha256 !== is.sha256) return `${label(was)} holds other bytes`
    return null
  })
}

export function findLockChanges(before: Inventory, after: Inventory): string[] {
  return compareEach(before, after, (was, is) => {
    if (was.isDeleteMarker) return null
    if (was.lock === null) return `${label(was)} was never locked`
    const lock = is?.lock ?? null
    if (lock === null) return `${label(was)} is not locked any more`
    if (was.lock.mode !== lock.mode)
      return `${label(was)} is locked in ${lock.mode} instead of ${was.lock.mode}`
    if (was.lock.untilMs !== lock.untilMs) {
      return `${label(was)} is locked until ${iso(lock.untilMs)} instead of ${iso(was.lock.untilMs)}`
    }
    return null
  })
}

export function findAdditions(before: Inventory, after: Inventory): string[] {
  const markers = [...before.values()]
    .filter(({ isDeleteMarker }) => isDeleteMarker)
    .map((item) => `${label(item)} was there before`)
  const added = [...after].filter(([key]) => !before.has(key)).map(([, item]) => `${label(item)} was added`)
  return [...markers, ...added]
}

function compareEach(
  before: Inventory,
  after: Inventory,
  compare: (was: InventoryItem, is: InventoryItem | undefined) => string | null,
): string[] {
  return [...before].map(([key, was]) => compare(was, after.get(key))).filter((finding) => finding !== null)
}

function label({ key, versionId, isDeleteMarker }: InventoryItem): string {
  return `${isDeleteMarker ? 'the delete marker' : 'version'} ${versionId} of ${key}`
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
