// The receipts of a source in the order of its snapshots. A receipt is read when it is needed, and once.
import { readListedReceipts } from '../../core/snapshot/receipt-list.ts'
import type { ReceiptList } from '../../core/snapshot/receipt-list.ts'
import { continuesSource } from '../../core/snapshot/receipt.ts'
import type { Receipt } from '../../core/snapshot/receipt.ts'
import type { SnapshotList } from '../../core/snapshot/snapshot-list.ts'
import type { TrustedKeys } from '../../core/signature.ts'
import type { ObjectStore } from '../../core/store/object-store.ts'

/** How many receipts before a snapshot are read to find one that fits. */
const maxSteps = 64

export class ReceiptHistory {
  rejectedCount = 0
  private readonly store: Pick<ObjectStore, 'getRange'>
  private readonly snapshots: SnapshotList
  private readonly listed: ReceiptList
  private readonly keys: TrustedKeys
  private readonly read = new Map<number, Receipt | null>()

  constructor(
    store: Pick<ObjectStore, 'getRange'>,
    snapshots: SnapshotList,
    listed: ReceiptList,
    keys: TrustedKeys,
  ) {
    this.store = store
    this.snapshots = snapshots
    this.listed = listed
    this.keys = keys
  }

  /** True if an object lies where the receipts of this snapshot lie: it is read only if it is needed. */
  hasReceipt(index: number): boolean {
    return this.listed.refsOf(this.snapshots.at(index)!.id).length > 0
  }

  /** The newest valid receipt of the snapshot with this number in the list; null if there is none. */
  async at(index: number): Promise<Receipt | null> {
    const readBefore = this.read.get(index)
    if (readBefore !== undefined) return readBefore
    const ref = this.snapshots.at(index)!
    const receipts = await readListedReceipts(this.store, this.listed, this.keys, [ref.id])
    this.rejectedCount += receipts.rejectedCount
    const receipt = receipts.of(ref)?.receipt ?? null
    this.read.set(index, receipt)
    return receipt
  }

  /** Call it for a receipt that was written in this run. */
  put(index: number, receipt: Receipt): void {
    this.read.set(index, receipt)
  }

  /**
   * The snapshots after `from` and before `to` that continue it, by their receipts: also those that are refused. One
   * that has another host or directory is none.
   */
  async successorsOf(from: number, to: number): Promise<ReadonlySet<string>> {
    const ids = new Set([this.snapshots.at(from)!.id])
    for (let at = Math.max(from + 1, to - maxSteps); at < to; at++) {
      if (!this.read.has(at) && !this.hasReceipt(at)) continue
      const receipt = await this.at(at)
      const parentId = receipt?.snapshot?.parentId ?? null
      if (receipt === null || parentId === null || !continuesSource(receipt)) continue
      if (ids.has(parentId)) ids.add(this.snapshots.at(at)!.id)
    }
    return ids
  }

  /** The nearest snapshot before this one whose receipt fits; null if there is none among the last few. */
  async findBefore(
    index: number,
    fits: (receipt: Receipt) => boolean,
  ): Promise<{ index: number; receipt: Receipt } | null> {
    for (let at = index - 1, steps = 0; at >= 0 && steps < maxSteps; at--) {
      if (!this.read.has(at) && !this.hasReceipt(at)) continue
      steps++
      const receipt = await this.at(at)
      if (receipt !== null && fits(receipt)) return { index: at, receipt }
    }
    return null
  }
}
