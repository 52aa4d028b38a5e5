// The WAL that the bases of a source need. No base stays without the WAL after it, and no WAL stays without a base:
// what lies before the oldest base of its cluster can't be replayed any more.
import type { BaseBackup } from '../../core/snapshot/base-backup.ts'
import { parseLsnHex } from '../../core/wal/lsn.ts'
import { parseWalHistoryKey, parseWalPartKey, parseWalReceiptKey } from '../../core/wal/wal-keys.ts'
import { maxWalReceiptsRead } from '../../core/wal/wal-receipt.ts'
import type { Inventory, StoredVersion } from './inventory.ts'

export class WalNeeds {
  /** The first position that a base needs, by the system identifier of its cluster. */
  private readonly starts = new Map<string, bigint>()

  addBase({ systemId, startLsn }: BaseBackup): void {
    const start = parseLsnHex(startLsn)!
    const first = this.starts.get(systemId)
    if (first === undefined || start < first) this.starts.set(systemId, start)
  }

  /** Keeps the WAL from the oldest base of each cluster on, on every timeline, and the receipts that attest it. */
  protect(inventory: Inventory): void {
    for (const version of this.neededIn(inventory)) version.isProtected = true
  }

  /** Marks the WAL from one base on as needed, also what is newer: it holds the newest state. */
  markFrom(inventory: Inventory, base: BaseBackup, { untilMs, id }: { untilMs: number; id: string }): void {
    this.addBase(base)
    const needs = new WalNeeds()
    needs.addBase(base)
    for (const version of needs.neededIn(inventory)) {
      if (version.neededUntilMs >= untilMs) continue
      version.neededUntilMs = untilMs
      version.neededBy = id
    }
  }

  private *neededIn(inventory: Inventory): Generator<StoredVersion> {
    const receiptKeys = this.starts.size === 0 ? [] : newestReceiptKeys(inventory)
    for (const version of inventory) {
      if (version.isDeleteMarker) continue
      const isReceipt = version.kind === 'receipt' && receiptKeys.includes(version.key)
      if (isReceipt || (version.kind === 'wal' && this.isNeeded(version.key))) yield version
    }
  }

  private isNeeded(key: string): boolean {
    const part = parseWalPartKey(key)
    if (part !== null) {
      const start = this.starts.get(part.systemId)
      // A recovery reads the segment of its first position from the beginning: a segment has 1 GiB at most.
      return start !== undefined && part.end > start - maxSegmentBytes
    }
    const history = parseWalHistoryKey(key)
    return history !== null && this.starts.has(history.systemId)
  }
}

/**
 * The receipts that a reader tries, trusted or not. The notary writes no new one while it would say the same: so the
 * newest one of a silent source must outlast its lock.
 */
function newestReceiptKeys(inventory: Inventory): string[] {
  const keys = new Set<string>()
  for (const { key, isDeleteMarker } of inventory)
    if (!isDeleteMarker && parseWalReceiptKey(key) !== null) keys.add(key)
  return [...keys].sort().slice(-maxWalReceiptsRead)
}

const maxSegmentBytes = 2n ** 30n
