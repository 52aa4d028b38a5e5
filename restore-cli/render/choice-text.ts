// Which snapshot was chosen, what was passed over on the way, and what is missing up to the time that was asked for.
import type { Choice } from '../snapshot-choice.ts'
import { countText, durationText, timeText } from './figures.ts'
import { terminalText } from './terminal-text.ts'

/** How much of the source's history lies between the snapshot and the time asked for, or now. */
function missingMs(choice: Choice): number {
  return Math.max(0, (choice.askedMs ?? choice.serverMs) - choice.snapshot.timeMs)
}

export function missingText(choice: Choice): string {
  const ms = missingMs(choice)
  const until = choice.askedMs === null ? 'now' : timeText(choice.askedMs)
  return ms === 0 ? `nothing up to ${until}` : `what changed in the ${durationText(ms)} up to ${until}`
}

export function choiceRecord(choice: Choice): Record<string, unknown> {
  const { snapshot, askedMs, skipped, warnings } = choice
  return {
    source: snapshot.source,
    kind: snapshot.manifest.sourceKind,
    snapshot: snapshot.id,
    asOf: timeText(snapshot.timeMs),
    asOfMs: snapshot.timeMs,
    asked: askedMs === null ? null : timeText(askedMs),
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

/** Lines that must not be missed, each with its reason; empty if nothing speaks against the choice. */
export function choiceWarnings({ snapshot, skipped, warnings }: Choice): string {
  const lines = [
    ...skipped.map(({ ref, reason }) => `passed over ${ref.id} of ${timeText(ref.timeMs)}: ${reason}`),
    ...warnings.map((warning) => `the snapshot is flagged: ${warning}`),
    ...(snapshot.isHidden ? ['a delete marker lies over the snapshot: someone tried to hide it'] : []),
    ...(snapshot.manifest.complete
      ? []
      : [
          `the snapshot is incomplete: ${countText(snapshot.manifest.problemCount)} problems when it was made`,
        ]),
  ]
  return lines.map((line) => `warning: ${terminalText(line)}\n`).join('')
}
