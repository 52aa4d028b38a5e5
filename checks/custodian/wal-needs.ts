// The WAL that the bases of a source need. No base stays without the WAL after it, and no WAL stays without a base:
// what lies before the oldest base of its cluster can't be replayed any more.
import type { BaseBackup } from '../../core/snapshot/base-backup.ts'
import { parseLsnHex } from '../../core/wal/lsn.ts'
import { parseWalHistoryKey, parseWalPartKey } from '../../core/wal/wal-keys.ts'
import type { Inventory } from './inventory.ts'

export class WalNeeds {
  /** The first position that a base needs, by the system identifier of its cluster. */
  private readonly starts = new Map<string, bigint>()

  addBase({ systemId, startLsn }: BaseBackup): void {
    const start = parseLsnHex(startLsn)!
    const first = this.starts.get(systemId)
    if (first === undefined || start < first) this.starts.set(systemId, start)
  }

  /** Keeps the WAL from the oldest base of each cluster on, on every timeline. */
  protect(inventory: Inventory): void {
    for (const version of inventory) {
      if (version.kind !== 'wal' || version.isDeleteMarker) continue
      if (this.isNeeded(version.key)) version.isProtected = true
    }
  }

  /** Marks the WAL from one base on as needed, also what is newer: it holds the newest state. */
  markFrom(inventory: Inventory, base: BaseBackup, { untilMs, id }: { untilMs: number; id: string }): void {
    this.addBase(base)
    const needs = new WalNeeds()
    needs.addBase(base)
    for (const version of inventory) {
      if (version.kind !== 'wal' || version.isDeleteMarker || !needs.isNeeded(version.key)) continue
      if (version.neededUntilMs >= untilMs) continue
      version.neededUntilMs = untilMs
      version.neededBy = id
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

const maxSegmentBytes = 2n ** 30n
