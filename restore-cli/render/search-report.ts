// The results of `holdfast find`: versions of entries, or changes by snapshot.
import type { ChangedSnapshot } from '../../core/browse/history.ts'
import type { EntryVersion } from '../../core/browse/tree-search.ts'
import type { SnapshotRef } from '../../core/snapshot/snapshot-list.ts'
import { timeText } from '../../core/time-text.ts'
import type { ChangeCount } from './change-text.ts'
import { entryRecord, modifiedText, nameText, sizeText } from './entry-text.ts'
import { countOf, countText } from './figures.ts'

const timeWidth = '2026-04-24T10:15:00.000Z'.length
const idWidth = 26
const countWidth = '99,999,999'.length

/** @param newest the newest snapshot of the source that was searched. */
export function versionRecord(
  source: string,
  { entry, first, last, snapshots }: EntryVersion,
  newest: SnapshotRef,
): Record<string, unknown> {
  return {
    source,
    ...entryRecord(entry),
    first: refRecord(first),
    last: refRecord(last),
    snapshots,
    inNewest: last === newest,
  }
}

/** The versions of one path under each other. */
export function versionsText(versions: readonly EntryVersion[], newest: SnapshotRef): string {
  let path: Buffer | null = null
  let text = ''
  for (const version of versions) {
    const { entry, first, last, snapshots } = version
    if (path?.equals(entry.path) !== true) text += `${nameText(entry)}\n`
    path = entry.path
    const range =
      first === last
        ? `in ${refText(first)}`
        : `in ${countText(snapshots)} snapshots, from ${refText(first)} to ${refText(last)}`
    const state = last === newest ? '' : '; not in the newest'
    text += `  ${sizeText(entry).padStart(6)}  ${modifiedText(entry)}  ${range}${state}\n`
  }
  return text
}

export const historyHead = `${'TIME'.padEnd(timeWidth)}  ${'SNAPSHOT'.padEnd(idWidth)}  ${['ADDED', 'CHANGED', 'REMOVED'].map((text) => text.padStart(countWidth)).join('  ')}\n`

export function historyRow({ ref, isComplete }: ChangedSnapshot, counts: ChangeCount): string {
  const figures = [counts.added, counts.changed, counts.removed].map(({ entries }) =>
    countText(entries).padStart(countWidth),
  )
  const state = isComplete ? '' : '  incomplete'
  return `${timeText(ref.timeMs).padEnd(timeWidth)}  ${ref.id}  ${figures.join('  ')}${state}\n`
}

export interface Damage {
  /** The snapshot in which the most entries are changed or removed, and the one before it. */
  ref: SnapshotRef
  before: SnapshotRef
  entries: number
}

export function damageText(damage: Damage | null): string {
  if (damage === null) return '\nNo entry was changed or removed.\n'
  const { ref, before, entries } = damage
  return `\nThe most changes and removals, ${countOf(entries, 'entry', 'entries')}, came with ${refText(ref)}.\nThe snapshot before: ${refText(before)}. To restore it, pass --snapshot ${before.id}\n`
}

export function damageRecord(damage: Damage | null): object | null {
  if (damage === null) return null
  return { snapshot: refRecord(damage.ref), before: refRecord(damage.before), entries: damage.entries }
}

export function refRecord({ id, timeMs }: SnapshotRef): { id: string; time: string } {
  return { id, time: timeText(timeMs) }
}

function refText({ id, timeMs }: SnapshotRef): string {
  return `${id} of ${timeText(timeMs)}`
}
