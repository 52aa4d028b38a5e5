// The receipts of the snapshots among which a restore chooses. A receipt is read when its snapshot is looked at.
import type { TrustedKeys } from '../signature.ts'
import type { ObjectStore } from '../store/object-store.ts'
import { ReceiptList, readListedReceipts } from './receipt-list.ts'
import type { ListedReceipt } from './receipt-list.ts'
import { doubtOf } from './receipt-doubt.ts'
import type { SnapshotRef } from './snapshot-list.ts'

/** See `SnapshotRequest`. */
export type Preference = 'attested' | 'unflagged'

export class SnapshotReceipts {
  private readonly store: ObjectStore
  private readonly list: ReceiptList
  private readonly keys: TrustedKeys

  private constructor(store: ObjectStore, list: ReceiptList, keys: TrustedKeys) {
    this.store = store
    this.list = list
    this.keys = keys
  }

  static async open(store: ObjectStore, source: string, keys: TrustedKeys): Promise<SnapshotReceipts> {
    return new SnapshotReceipts(store, await ReceiptList.read(store, source), keys)
  }

  get isEmpty(): boolean {
    return this.list.isEmpty
  }

  async of(ref: SnapshotRef): Promise<ListedReceipt | null> {
    return (await readListedReceipts(this.store, this.list, this.keys, [ref.id])).of(ref)
  }

  async reasonToSkip(ref: SnapshotRef, preference: Preference): Promise<string | null> {
    const listed = await this.of(ref)
    if (listed === null) return preference === 'attested' ? 'the notary has not attested it' : null
    return doubtOf(listed)
  }
}
