// The result of a notary's run on one source, as text and as a record.
import type { NotaryResult } from '../../checks/notary/notary.ts'
import type { WalNotaryResult } from '../../checks/notary/wal/wal-notary.ts'
import type { Receipt } from '../../core/snapshot/receipt.ts'
import type { SnapshotRef } from '../../core/snapshot/snapshot-list.ts'
import { timeText } from '../../core/time-text.ts'
import { countOf } from './figures.ts'
import { terminalText } from './terminal-text.ts'

export interface NotaryCounts {
  attested: number
  /** All refused snapshots, also the unlocked ones. */
  refused: number
  /** Refused for their locks alone. */
  unlocked: number
  flagged: number
  /** Snapshots beyond the limit of one run. */
  waiting: number
  /** Receipts in the vault that can't be trusted. */
  rejected: number
}

const lockKinds: ReadonlySet<string> = new Set([
  'unlocked',
  'expired',
  'short-lock',
  'other-lock',
  'unknown-lock',
])

export function countsOf({ receipts, notExamined, receiptsRejected }: NotaryResult): NotaryCounts {
  const count = (fits: (receipt: Receipt) => boolean) =>
    receipts.filter(({ receipt }) => fits(receipt)).length
  return {
    attested: count(({ outcome }) => outcome === 'attested'),
    refused: count(({ outcome }) => outcome === 'refused'),
    unlocked: count(isOnlyUnlocked),
    flagged: count(({ outcome, flags }) => outcome === 'attested' && flags.length > 0),
    waiting: notExamined,
    rejected: receiptsRejected,
  }
}

/** A receipt that doesn't list all findings may hide another kind. */
function isOnlyUnlocked({ outcome, findings, findingCount }: Receipt): boolean {
  const listsAll = findings.length === findingCount
  return outcome === 'refused' && listsAll && findings.every(({ kind }) => lockKinds.has(kind))
}

export function notaryRecord(result: NotaryResult): Record<string, unknown> {
  const { refused, flagged, waiting, rejected, ...counts } = countsOf(result)
  return {
    source: result.source,
    ok: refused + flagged + waiting + rejected === 0,
    snapshots: result.snapshots,
    ...counts,
    refused,
    flagged,
    waiting,
    rejected,
    feedbackPacks: result.feedbackPacks,
  }
}

/** One line for each new receipt. */
export function receiptLine({ source }: NotaryResult, ref: SnapshotRef, receipt: Receipt): string {
  const { outcome, flags, findings, findingCount, packsRead } = receipt
  const reasons = [...findings, ...flags].map(({ detail }) => detail)
  const hiddenCount = findingCount - findings.length
  const detail = [
    ...(reasons.length === 0 ? [`${countOf(packsRead, 'pack')} read`] : reasons),
    ...(hiddenCount === 0 ? [] : [`${hiddenCount} more`]),
  ]
  const verdict = outcome === 'refused' ? 'REFUSED' : flags.length > 0 ? 'attested, FLAGGED' : 'attested'
  return `${terminalText(`${verdict}: ${source}, ${ref.id} of ${timeText(ref.timeMs)}: ${detail.join('; ')}`)}\n`
}

export function walReceiptRecord({
  receipt,
  isNew,
  receiptsRejected,
}: WalNotaryResult): Record<string, unknown> {
  const { source, id, lines, flags, flagCount, completeMs, checkedMs, partsRead, bytesRead } = receipt
  return {
    source,
    ok: isWalAttested({ receipt, isNew, receiptsRejected }),
    id,
    isNew,
    timelines: lines.map(({ systemId, timeline, runs }) => ({ systemId, timeline, runs: runs.length })),
    flags,
    flagCount,
    isComplete: completeMs >= receipt.readMs,
    partsRead,
    bytesRead,
    checkedMs,
    rejected: receiptsRejected,
  }
}

/** True if a receipt leaves no part out, and flags none. */
export function isWalAttested({ receipt, receiptsRejected }: WalNotaryResult): boolean {
  return receipt.flagCount + receiptsRejected === 0 && receipt.completeMs >= receipt.readMs
}

export function renderWalReceipt({ receipt, isNew, receiptsRejected }: WalNotaryResult): string {
  const { source, lines, flags, flagCount, partsRead, completeMs, readMs } = receipt
  const runs = lines.reduce((sum, line) => sum + line.runs.length, 0)
  const parts = [
    isNew ? `${countOf(partsRead, 'part')} read` : 'no new part',
    `${countOf(runs, 'range')} attested`,
    ...(flagCount === 0 ? [] : [`${countOf(flagCount, 'part')} FLAGGED`]),
    ...(completeMs >= readMs ? [] : ['more parts wait for the next run']),
    ...(receiptsRejected === 0 ? [] : [`${countOf(receiptsRejected, 'receipt')} can't be trusted`]),
  ]
  const lineOf = ({ kind, key, detail }: (typeof flags)[number]) =>
    terminalText(`  ${kind}: ${key}: ${detail}`)
  return `${[`${source}, WAL: ${parts.join('; ')}.`, ...flags.map(lineOf)].join('\n')}\n`
}

export function renderNotary(result: NotaryResult): string {
  const { attested, refused, flagged, waiting, rejected } = countsOf(result)
  const { source, snapshots, receipts, feedbackPacks } = result
  const parts = [
    receipts.length === 0
      ? 'no new snapshot'
      : `${attested} attested (${flagged} flagged), ${refused} refused of ${countOf(receipts.length, 'new snapshot')}`,
    ...(waiting === 0 ? [] : [`${waiting} wait for the next run`]),
    ...(rejected === 0 ? [] : [`${countOf(rejected, 'receipt')} can't be trusted`]),
    ...(feedbackPacks === null ? [] : [`the writer is asked for ${countOf(feedbackPacks, 'pack')}`]),
  ]
  return `${source}: ${countOf(snapshots, 'snapshot')}; ${parts.join('; ')}.\n`
}
