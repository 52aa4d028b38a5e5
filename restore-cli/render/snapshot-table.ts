// The recovery points of a vault, as a table and as records.
import type { ListedReceipt } from '../../core/snapshot/receipt-list.ts'
import type { ListedSnapshot } from '../../core/snapshot/snapshot-manifests.ts'
import { timeText } from '../../core/time-text.ts'
import { bytesText, countOf, countText } from './figures.ts'
import { receiptField, receiptState } from './receipt-text.ts'
import { terminalText } from './terminal-text.ts'

/** With milliseconds, as some stores list them. */
const timeWidth = '2026-04-24T10:15:00.000Z'.length
const idWidth = 26
const filesWidth = '99,999,999'.length
const sizeWidth = '999 MB'.length

/** @param receipt null if the snapshot has none, undefined without the keys of the notary. */
export function snapshotRecord(
  { ref, manifest, unusable, breaks }: ListedSnapshot,
  receipt?: ListedReceipt | null,
): Record<string, unknown> {
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
    breaks,
    ...receiptField(receipt),
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

/** Rows with widths that are known before the first one, because a listing is shown while it is read. */
export class SnapshotTable {
  private readonly sourceWidth: number

  /** @param sources all names that rows will have. */
  constructor(sources: readonly string[]) {
    this.sourceWidth = sources.reduce((width, { length }) => Math.max(width, length), 'SOURCE'.length)
  }

  get head(): string {
    return this.line(['TIME', 'SOURCE', 'SNAPSHOT', 'FILES', 'SIZE', 'STATE'])
  }

  /** @param receipt as of `snapshotRecord`. */
  row(snapshot: ListedSnapshot, receipt?: ListedReceipt | null): string {
    const { ref, manifest } = snapshot
    return this.line([
      timeText(ref.timeMs),
      ref.source,
      ref.id,
      manifest === null ? '-' : countText(manifest.tree.files),
      manifest === null ? '-' : bytesText(manifest.tree.bytes),
      stateText(snapshot, receipt),
    ])
  }

  private line([time, source, id, files, size, state]: Cells): string {
    const cells = [
      time.padEnd(timeWidth),
      source.padEnd(this.sourceWidth),
      id.padEnd(idWidth),
      files.padStart(filesWidth),
      size.padStart(sizeWidth),
      state,
    ]
    return `${cells.join('  ').trimEnd()}\n`
  }
}

type Cells = [time: string, source: string, id: string, files: string, size: string, state: string]

function stateText(
  { ref, manifest, unusable, breaks }: ListedSnapshot,
  receipt: ListedReceipt | null | undefined,
): string {
  const parts = [
    ...(unusable === null ? [] : [`UNUSABLE: ${unusable}`]),
    ...ref.flags.map((flag) => `FLAGGED: ${flag}`),
    ...(ref.isHidden ? ['a delete marker covers it'] : []),
    ...(manifest?.complete === false ? [`incomplete (${countOf(manifest.problemCount, 'problem')})`] : []),
    ...(manifest?.retention.lock === null ? ['not locked'] : []),
  ]
  const state = parts.length === 0 ? ['complete'] : parts
  const attestation = receipt === undefined ? [] : [receiptState(receipt)]
  const warnings = breaks.map(({ detail }) => `WARNING: ${detail}`)
  return terminalText([...state, ...attestation, ...warnings].join('; '))
}
