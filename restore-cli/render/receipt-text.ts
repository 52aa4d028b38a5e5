// The notary's receipt of one snapshot, as text and as a record.
import type { ListedReceipt } from '../../core/snapshot/receipt-list.ts'
import type { Receipt } from '../../core/snapshot/receipt.ts'
import { doubtOf } from '../../core/snapshot/receipt-doubt.ts'
import { timeText } from '../../core/time-text.ts'

export function receiptRecord(receipt: Receipt): Record<string, unknown> {
  const { id, outcome, flags, acceptedFlags, findings, findingCount, checkedMs } = receipt
  return { id, outcome, flags, acceptedFlags, findings, findingCount, checkedAt: timeText(checkedMs) }
}

/** As a field of a record: nothing without the keys of the notary, null without a receipt. */
export function receiptField(listed: ListedReceipt | null | undefined): Record<string, unknown> {
  if (listed === undefined) return {}
  return { receipt: listed === null ? null : receiptRecord(listed.receipt) }
}

/** One line for a receipt that speaks against the snapshot, or for a receipt that is missing. */
export function receiptWarnings(listed: ListedReceipt | null): string[] {
  if (listed === null) return ['the notary has not attested the snapshot']
  const doubt = doubtOf(listed)
  return doubt === null ? [] : [doubt]
}

/** For the state of a snapshot in a table. */
export function receiptState(listed: ListedReceipt | null): string {
  if (listed === null) return 'not attested'
  const doubt = doubtOf(listed)
  return doubt === null ? 'attested' : `WARNING: ${doubt}`
}
