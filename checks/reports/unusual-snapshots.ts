// The snapshots that the behaviour checks found unusual, as the reports in the vault have them. A report names an
// unusual snapshot for some days, and no longer once an operator has accepted it.
import { dayMs } from '../../core/snapshot/retention.ts'
import type { SnapshotList, SnapshotRef } from '../../core/snapshot/snapshot-list.ts'
import type { ObjectStore } from '../../core/store/object-store.ts'
import { reportedDays } from '../checks/behaviour.ts'
import { readReports } from './report-store.ts'
import type { Report, SourceReport } from './report.ts'

/** Those that a thief's snapshot could turn red. A flood of objects says nothing about a snapshot. */
const behaviourChecks: readonly string[] = ['shrinkage', 'change-rate', 'entropy']

interface Night {
  startedMs: number
  unusualIds: readonly string[]
}

export class UnusualSnapshots {
  /** The newest first. */
  private readonly nights = new Map<string, Night[]>()

  /** @param days how far back; a snapshot that is older is not unusual. */
  static async read(
    store: ObjectStore,
    { nowMs, days, signal }: { nowMs: number; days: number; signal: AbortSignal },
  ): Promise<UnusualSnapshots> {
    const unusual = new UnusualSnapshots()
    for await (const { report } of readReports(store, nowMs, days)) {
      signal.throwIfAborted()
      if (report !== null) unusual.add(report)
    }
    return unusual
  }

  /** The time of the first unusual snapshot of the source; infinite if there is none. */
  firstTimeOf(list: SnapshotList): number {
    const nights = this.nights.get(list.source) ?? []
    const ids = new Set(nights.flatMap(({ unusualIds }) => unusualIds))
    const times = [...ids]
      .flatMap((id) => list.withId(id))
      .filter((ref) => isUnusual(ref, nights))
      .map(({ timeMs }) => timeMs)
    return Math.min(Infinity, ...times)
  }

  private add({ startedMs, sources }: Report): void {
    for (const { source, outcomes } of sources) {
      const unusualIds = unusualIdsOf(outcomes)
      if (unusualIds === null) continue
      const nights = this.nights.get(source) ?? []
      nights.push({ startedMs, unusualIds })
      this.nights.set(source, nights)
    }
  }
}

/** True if the last report that could name the snapshot does so. */
function isUnusual({ id, timeMs }: SnapshotRef, nights: readonly Night[]): boolean {
  const lastMs = timeMs + reportedDays * dayMs
  const last = nights.find(({ startedMs }) => startedMs > timeMs && startedMs < lastMs)
  return last?.unusualIds.includes(id) ?? false
}

/** Null if the run didn't ask all of the checks, or if one could not tell. */
function unusualIdsOf(outcomes: SourceReport['outcomes']): string[] | null {
  const behaviour = outcomes.filter(
    ({ check, status }) => behaviourChecks.includes(check) && status !== 'unknown',
  )
  if (behaviour.length < behaviourChecks.length) return null
  return behaviour.flatMap(({ findings }) =>
    findings.filter(({ status }) => status === 'failed').map(({ subject }) => subject),
  )
}
