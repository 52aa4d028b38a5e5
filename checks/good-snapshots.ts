// Judges which snapshots count as recovery points. A writer decides what it sends, so that an emptied, an incomplete
// and an unreadable snapshot can be the newest one: none of them makes a source look backed up.
import { countOf } from '../core/count-text.ts'
import { hasCollapsed } from '../core/snapshot/shrinkage.ts'
import type { SnapshotRef } from '../core/snapshot/snapshot-list.ts'
import type { ManifestRecord } from './source-state.ts'

/** A manifest's version of the listing, with its content as this run or an earlier one read it. */
export interface SeenSnapshot {
  ref: SnapshotRef
  record: ManifestRecord
}

export interface JudgedSnapshot extends SeenSnapshot {
  /** Why it is no good recovery point; empty for a good one. */
  defects: readonly string[]
}

/**
 * @param seen oldest first.
 * @param needsReceipt true where a notary works: a snapshot that it has not attested is no proof.
 * @param accepted ids of snapshots that an operator expects as they are: incomplete, or much smaller than before.
 */
export function judgeSnapshots(
  seen: readonly SeenSnapshot[],
  { accepted, needsReceipt }: { accepted: ReadonlySet<string>; needsReceipt: boolean },
): JudgedSnapshot[] {
  let before: { files: number; bytes: number } | null = null
  return seen.map((snapshot) => {
    const { ref, record } = snapshot
    const { manifest } = record
    if (manifest === null)
      return { ...snapshot, defects: [...ref.flags, record.reason ?? 'it has no manifest'] }
    const defects = accepted.has(ref.id)
      ? [...ref.flags]
      : [...ref.flags, ...contentDefects(manifest, before)]
    if (needsReceipt && !record.isAttested) defects.push('the notary has not attested it')
    // A stolen writer can make a whole snapshot of its own data: only the flags tell that it isn't the source's.
    if (needsReceipt && !accepted.has(ref.id) && record.flags !== null && record.flags.length > 0)
      defects.push(`the notary flags it: ${record.flags.join(', ')}`)
    if (defects.length === 0) before = manifest
    return { ...snapshot, defects }
  })
}

type Content = NonNullable<ManifestRecord['manifest']>

function contentDefects(manifest: Content, before: { files: number; bytes: number } | null): string[] {
  const defects: string[] = []
  if (!manifest.complete) defects.push('it is incomplete')
  if (before !== null && hasCollapsed(manifest, before)) {
    const [size, sizeBefore] = [manifest, before].map(
      ({ files, bytes }) => `${countOf(files, 'file')} with ${countOf(bytes, 'byte')}`,
    )
    defects.push(`it has collapsed: ${size}, and the good snapshot before it has ${sizeBefore}`)
  }
  return defects
}
