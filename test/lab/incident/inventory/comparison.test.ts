import { describe, expect, test } from 'vitest'
import { findAdditions, findLockChanges, findLosses } from '../../../../lab/incident/inventory/comparison.ts'
import { readKey } from '../../../../lab/incident/inventory/store-inventory.ts'
import type { Inventory, InventoryItem } from '../../../../lab/incident/inventory/store-inventory.ts'

const day = Date.parse('2026-01-01T00:00:00Z')
const item = (key: string, change: Partial<InventoryItem> = {}): InventoryItem => ({
  key,
  versionId: 'v1',
  bytes: 4,
  sha256: 'aa',
  lock: { mode: 'COMPLIANCE', untilMs: day },
  isDeleteMarker: false,
  ...change,
})
const inventory = (...items: InventoryItem[]): Inventory =>
  new Map(items.map((entry) => [readKey(entry), entry]))

const before = inventory(item('pack'), item('manifest'))
const findAll = (after: Inventory) => [
  findLosses(before, after),
  findLockChanges(before, after),
  findAdditions(before, after),
]

describe('comparing two inventories', () => {
  test('finds nothing where nothing happened', () => {
    expect(findAll(inventory(item('manifest'), item('pack')))).toEqual([[], [], []])
  })

  test('names a version that is gone: lost, and not locked any more', () => {
    expect(findAll(inventory(item('manifest')))).toEqual([
      ['version v1 of pack is gone'],
      ['version v1 of pack is not locked any more'],
      [],
    ])
  })

  test('reports other bytes of the same length, and a truncated version', () => {
    expect(
      findLosses(before, inventory(item('pack', { sha256: 'ab' }), item('manifest', { bytes: 3 }))),
    ).toEqual(['version v1 of pack holds other bytes', 'version v1 of manifest holds other bytes'])
  })

  test('sees a lock that became shorter, longer, weaker, or went away', () => {
    const locked = (lock: InventoryItem['lock']) =>
      findLockChanges(before, inventory(item('pack', { lock }), item('manifest')))
    expect(locked({ mode: 'COMPLIANCE', untilMs: day - 1_000 })).toEqual([
      'version v1 of pack is locked until 2025-12-31T23:59:59.000Z instead of 2026-01-01T00:00:00.000Z',
    ])
    expect(locked({ mode: 'COMPLIANCE', untilMs: day + 1 })).toHaveLength(1)
    expect(locked({ mode: 'GOVERNANCE', untilMs: day })).toEqual([
      'version v1 of pack is locked in GOVERNANCE instead of COMPLIANCE',
    ])
    expect(locked(null)).toEqual(['version v1 of pack is not locked any more'])
  })

  test('does not call a version unchanged that was never locked', () => {
    const bare = inventory(item('pack', { lock: null }))
    expect(findLockChanges(bare, bare)).toEqual(['version v1 of pack was never locked'])
  })

  test('reports an added version, an added marker, and a marker from before', () => {
    const marker = item('pack', { versionId: 'v2', isDeleteMarker: true, lock: null, bytes: 0, sha256: '' })
    expect(
      findAdditions(
        before,
        inventory(item('pack'), item('manifest'), marker, item('manifest', { versionId: 'v2' })),
      ),
    ).toEqual(['the delete marker v2 of pack was added', 'version v2 of manifest was added'])
    const hidden = inventory(item('pack'), marker)
    expect(findAdditions(hidden, hidden)).toEqual(['the delete marker v2 of pack was there before'])
  })
})
