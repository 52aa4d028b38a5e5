// Problems with single files, by kind.
import { pathText } from '../../core/tree/path-text.ts'
import { problemKinds } from '../../core/snapshot/snapshot-problems.ts'
import type { ProblemKind, RecordedProblem } from '../../core/snapshot/snapshot-problems.ts'
import { countOf, countText } from './figures.ts'
import { pathRecord, terminalText } from './terminal-text.ts'

/** The text shows this many of each kind, to fit a screen; the record has all. */
const shownPerKind = 20

const headings: Record<ProblemKind, string> = {
  unreadable: 'Unreadable, not in the snapshot',
  vanished: 'Vanished while being read, not in the snapshot',
  changed: 'Changed while being read, not consistent in the snapshot',
  moved: 'Moved while the backup ran, not in the snapshot',
  outside: 'Outside of the directory, not in the snapshot',
  'not-restorable': 'Recorded, but not created by a restore',
  'not-recorded': 'Not recorded, so not restored',
  unnoticed: 'Changed earlier without another time, found by reading again',
}

export function problemRecords(problems: readonly RecordedProblem[]): object[] {
  return problems.map(({ kind, path, detail }) => ({ kind, ...pathRecord(path), detail }))
}

/** @param count number of all problems; `problems` may be only the first ones. */
export function problemLines(problems: readonly RecordedProblem[], count: number): string {
  const byKind = Map.groupBy(problems, ({ kind }) => kind)
  const unknownKinds = [...byKind.keys()].filter((kind) => !Object.hasOwn(headings, kind))
  const text = [...problemKinds, ...unknownKinds]
    .map((kind) => {
      const ofKind = byKind.get(kind) ?? []
      const heading = Object.hasOwn(headings, kind) ? headings[kind as ProblemKind] : terminalText(kind)
      return ofKind.length === 0 ? '' : pathList(heading, ofKind)
    })
    .join('')
  return count > problems.length
    ? `${text}${countOf(count - problems.length, 'more problem')} not listed.\n`
    : text
}

export function pathList(heading: string, entries: readonly { path: Uint8Array; detail: string }[]): string {
  const lines = entries
    .slice(0, shownPerKind)
    .map(
      ({ path, detail }) => `  ${pathText(path) || '.'}${detail === '' ? '' : `: ${terminalText(detail)}`}\n`,
    )
  const unlisted =
    entries.length > shownPerKind
      ? `  … and ${countText(entries.length - shownPerKind)} more; --json lists them\n`
      : ''
  return `${heading}:\n${lines.join('')}${unlisted}`
}
