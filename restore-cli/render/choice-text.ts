// The chosen snapshot as text and as a record: with the snapshots passed over, and the time missing up to the request.
import type { SnapshotChoice } from '../../core/snapshot/snapshot-choice.ts'
import { timeText } from '../../core/time-text.ts'
import { countOf, durationText } from './figures.ts'
import { receiptField, receiptWarnings } from './receipt-text.ts'
import { terminalText } from './terminal-text.ts'

/** Passed-over snapshots that a text names; it counts the others. */
const maxShown = 10

/** The time between the snapshot and the requested time, or now. */
function missingMs(choice: SnapshotChoice): number {
  return Math.max(0, (choice.requestedMs ?? choice.serverMs) - choice.snapshot.timeMs)
}

export function missingText(choice: SnapshotChoice): string {
  const ms = missingMs(choice)
  const until = choice.requestedMs === null ? 'now' : timeText(choice.requestedMs)
  return ms === 0 ? `nothing up to ${until}` : `what changed in the ${durationText(ms)} up to ${until}`
}

export function choiceRecord(choice: SnapshotChoice): Record<string, unknown> {
  const { snapshot, requestedMs, skipped, skippedCount, warnings } = choice
  return {
    source: snapshot.source,
    kind: snapshot.manifest.sourceKind,
    snapshot: snapshot.id,
    asOf: timeText(snapshot.timeMs),
    asOfMs: snapshot.timeMs,
    asked: requestedMs === null ? null : timeText(requestedMs),
    missingMs: missingMs(choice),
    complete: snapshot.manifest.complete,
    isHidden: snapshot.isHidden,
    warnings,
    ...receiptField(choice.receipt),
    skipped: skipped.map(({ ref, reason }) => ({
      id: ref.id,
      versionId: ref.versionId,
      time: timeText(ref.timeMs),
      reason,
    })),
    skippedCount,
  }
}

/** One line for each reason to doubt the choice; empty if there is none. */
export function choiceWarnings({
  snapshot,
  skipped,
  skippedCount,
  warnings,
  receipt,
}: SnapshotChoice): string {
  const shown = skipped.slice(0, maxShown)
  const hiddenCount = skippedCount - shown.length
  const lines = [
    ...shown.map(({ ref, reason }) => `passed over ${ref.id} of ${timeText(ref.timeMs)}: ${reason}`),
    ...(hiddenCount === 0 ? [] : [`passed over ${countOf(hiddenCount, 'older snapshot')} too`]),
    ...warnings.map((warning) => `the snapshot is flagged: ${warning}`),
    ...(receipt === undefined ? [] : receiptWarnings(receipt)),
    ...(snapshot.isHidden ? ['a delete marker covers the snapshot: someone tried to hide it'] : []),
    ...(snapshot.manifest.complete
      ? []
      : [
          `the snapshot is incomplete: ${countOf(snapshot.manifest.problemCount, 'problem')} when it was made`,
        ]),
  ]
  return lines.map((line) => `warning: ${terminalText(line)}\n`).join('')
}
