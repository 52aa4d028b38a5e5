// The chosen snapshot as text and as a record: with the snapshots passed over, and the time missing up to the request.
import type { SnapshotChoice } from '../../core/snapshot/snapshot-choice.ts'
import { timeText } from '../../core/time-text.ts'
import { countText, durationText } from './figures.ts'
import { terminalText } from './terminal-text.ts'

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
  const { snapshot, requestedMs, skipped, warnings } = choice
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
    skipped: skipped.map(({ ref, reason }) => ({
      id: ref.id,
      versionId: ref.versionId,
      time: timeText(ref.timeMs),
      reason,
    })),
  }
}

/** One line for each reason to doubt the choice; empty if there is none. */
export function choiceWarnings({ snapshot, skipped, warnings }: SnapshotChoice): string {
  const lines = [
    ...skipped.map(({ ref, reason }) => `passed over ${ref.id} of ${timeText(ref.timeMs)}: ${reason}`),
    ...warnings.map((warning) => `the snapshot is flagged: ${warning}`),
    ...(snapshot.isHidden ? ['a delete marker covers the snapshot: someone tried to hide it'] : []),
    ...(snapshot.manifest.complete
      ? []
      : [
          `the snapshot is incomplete: ${countText(snapshot.manifest.problemCount)} problems when it was made`,
        ]),
  ]
  return lines.map((line) => `warning: ${terminalText(line)}\n`).join('')
}
