// The problems of one snapshot, as text and as a record.
import type { Snapshot } from '../../core/snapshot/snapshot.ts'
import type { SnapshotProblems } from '../../core/snapshot/snapshot-problems.ts'
import { timeText } from '../../core/time-text.ts'
import { countOf } from './figures.ts'
import { problemLines, problemRecords } from './problem-list.ts'

export function snapshotProblemsRecord(
  { id, source, timeMs, manifest }: Snapshot,
  { missing, others, unlistedCount }: SnapshotProblems,
): Record<string, unknown> {
  return {
    source,
    id,
    time: timeText(timeMs),
    complete: manifest.complete,
    problemCount: manifest.problemCount,
    problems: problemRecords([...missing, ...others]),
    unlistedProblems: unlistedCount,
  }
}

export function renderSnapshotProblems(
  { id, source, timeMs, manifest }: Snapshot,
  { missing, others, unlistedCount }: SnapshotProblems,
): string {
  const problems = [...missing, ...others]
  const state = manifest.complete ? 'complete' : 'INCOMPLETE'
  return `${source}, snapshot ${id} of ${timeText(timeMs)}: ${state}, ${countOf(manifest.problemCount, 'problem')}.\n${problemLines(
    problems,
    problems.length + unlistedCount,
  )}`
}
