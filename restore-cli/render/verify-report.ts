// The result of a verification, as text and as a record.
import type { ReadShare, VerifyResult } from '../../engine/operations.ts'
import type { SnapshotChoice } from '../../core/snapshot/snapshot-choice.ts'
import { choiceRecord, choiceWarnings } from './choice-text.ts'
import { timeText } from '../../core/time-text.ts'
import { bytesText, countOf, countText, durationText, rows } from './figures.ts'
import { pathList } from './problem-list.ts'
import { pathRecord } from './terminal-text.ts'

export interface Verification {
  choice: SnapshotChoice
  /** True if it read every byte, false if it read none or a share. */
  readData: boolean
  share: ReadShare | undefined
}

export function verifyRecord(
  result: VerifyResult,
  { choice, readData, share }: Verification,
): Record<string, unknown> {
  const { objects, files, lockedUntilMs, ...figures } = result
  return {
    ...choiceRecord(choice),
    ok: objects.length === 0 && files.length === 0,
    readData,
    readShare: share ?? null,
    ...figures,
    lockedUntil: lockedUntilMs === null ? null : timeText(lockedUntilMs),
    lockedUntilMs,
    objects,
    files: files.map(({ path, detail }) => ({ ...pathRecord(path), detail })),
  }
}

export function renderVerify(result: VerifyResult, choice: SnapshotChoice, readData: boolean): string {
  const isIntact = result.objects.length === 0 && result.files.length === 0
  const { snapshot } = choice
  const checked = readData
    ? `${countOf(result.packs, 'pack')} and ${countText(result.chunks)} chunks; ${countOf(result.packsRead, 'pack')} with ${bytesText(result.bytesRead)} read and hashed`
    : `${countOf(result.packs, 'pack')} by size, checksum and lock, and the tree of ${countText(result.chunks)} chunks; --read-data reads every byte`
  return `${choiceWarnings(choice)}${isIntact ? 'Verified' : 'DAMAGED'}: ${snapshot.source}, snapshot ${snapshot.id} of ${timeText(snapshot.timeMs)}.\n${rows(
    [
      ['checked', checked],
      [
        'locked',
        result.lockedUntilMs === null
          ? 'NOT: at least one object has no lock'
          : `until ${timeText(result.lockedUntilMs)} at least`,
      ],
      ['took', durationText(result.durationMs)],
    ],
  )}${
    result.objects.length === 0
      ? ''
      : pathList(
          'Objects',
          result.objects.map(({ key, detail }) => ({ path: Buffer.from(key), detail })),
        )
  }${result.files.length === 0 ? '' : pathList("Files that can't be restored", result.files)}`
}
