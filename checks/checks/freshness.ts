// The age of the newest good snapshot. Only a good one counts: garbage, emptied and incomplete snapshots don't make a
// source look backed up.
import { durationText } from '../../core/duration-text.ts'
import { timeText } from '../../core/time-text.ts'
import { maxListingLagMs } from '../../core/snapshot/snapshot-choice.ts'
import { FindingList } from '../outcome.ts'
import type { Check } from '../check.ts'
import type { JudgedSnapshot } from '../good-snapshots.ts'

/** A finding says why each of the newest snapshots doesn't count. */
const maxNamed = 5

export const freshness: Check = {
  id: 'freshness',
  question: 'Is the newest good snapshot younger than the recovery point objective?',
  severity: 'critical',
  evidence:
    'The time of the newest complete, uncollapsed and, where a notary works, attested and unflagged snapshot, its age by the clock of the store, and why each newer one does not count.',
  remedy:
    'Look whether the backup of the source runs, and what it reports. If a newer snapshot is as it should be, pass its id to `--accept`.',
  async run({ source, objectives: { maxAgeMs }, view }) {
    const findings = new FindingList()
    const nowMs = await view.nowMs()
    const judged = await view.judged()
    const { unreadCount } = await view.snapshots()
    const good = await view.newestGood()
    const ageMs = good === null ? Infinity : nowMs - good.ref.timeMs
    const summary =
      good === null
        ? `${source} has no good snapshot`
        : `the newest good snapshot of ${source} is of ${timeText(good.ref.timeMs)}, ${durationText(ageMs)} old; the objective is ${durationText(maxAgeMs)}`
    if (good !== null && -ageMs > maxListingLagMs)
      findings.unknown(good.ref.id, `its time, ${timeText(good.ref.timeMs)}, is after the clock of the store`)
    if (ageMs > maxAgeMs) {
      findings.failed(source, judged.length === 0 ? 'the vault has no snapshot of it' : summary)
      for (const { ref, defects } of newerThan(judged, good)) findings.failed(ref.id, defects.join('; '))
      if (unreadCount > 0)
        findings.failed(
          source,
          `${unreadCount} manifests were not read, because there are too many: a writer floods the vault`,
        )
    }
    return findings.outcome(summary)
  },
}

function newerThan(judged: readonly JudgedSnapshot[], good: JudgedSnapshot | null): JudgedSnapshot[] {
  const first = good === null ? 0 : judged.indexOf(good) + 1
  return judged.slice(first).toReversed().slice(0, maxNamed)
}
