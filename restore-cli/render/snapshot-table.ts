// The recovery points of a vault, as a table and as records.
import type { ListedSnapshot } from '../../core/snapshot/snapshot-manifests.ts'
import { timeText } from '../../core/time-text.ts'
import { bytesText, countText } from './figures.ts'
import { terminalText } from './terminal-text.ts'

export function snapshotRecord({ ref, manifest, unusable }: ListedSnapshot): Record<string, unknown> {
  return {
    source: ref.source,
    id: ref.id,
    time: timeText(ref.timeMs),
    timeMs: ref.timeMs,
    key: ref.key,
    versionId: ref.versionId,
    usable: unusable === null && ref.flags.length === 0,
    unusable,
    flags: ref.flags,
    isHidden: ref.isHidden,
    ...(manifest === null
      ? {}
      : {
          kind: manifest.sourceKind,
          complete: manifest.complete,
          problemCount: manifest.problemCount,
          files: manifest.tree.files,
          entries: manifest.tree.entries,
          bytes: manifest.tree.bytes,
          packs: manifest.packs.length,
          promiseDays: manifest.retention.promiseDays,
          lock: manifest.retention.lock,
          parentId: manifest.parent?.id ?? null,
        }),
  }
}

export function renderSnapshots(snapshots: readonly ListedSnapshot[]): string {
  const table = [
    ['TIME', 'SOURCE', 'SNAPSHOT', 'FILES', 'SIZE', 'STATE'],
    ...snapshots.map((snapshot) => [
      timeText(snapshot.ref.timeMs),
      snapshot.ref.source,
      snapshot.ref.id,
      snapshot.manifest === null ? '-' : countText(snapshot.manifest.tree.files),
      snapshot.manifest === null ? '-' : bytesText(snapshot.manifest.tree.bytes),
      stateText(snapshot),
    ]),
  ]
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)))
  const isFigure = (column: number): boolean => column === 3 || column === 4
  return table
    .map(
      (row) =>
        `${row
          .map((cell, column) =>
            isFigure(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
          )
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}

function stateText({ ref, manifest, unusable }: ListedSnapshot): string {
  const parts = [
    ...(unusable === null ? [] : [`UNUSABLE: ${unusable}`]),
    ...ref.flags.map((flag) => `FLAGGED: ${flag}`),
    ...(ref.isHidden ? ['a delete marker covers it'] : []),
    ...(manifest?.complete === false ? [`incomplete (${countText(manifest.problemCount)} problems)`] : []),
    ...(manifest?.retention.lock === null ? ['not locked'] : []),
  ]
  return terminalText(parts.length === 0 ? 'complete' : parts.join('; '))
}
