// How a source changed from snapshot to snapshot.
import type { Snapshot } from '../snapshot/snapshot.ts'
import type { SnapshotRef } from '../snapshot/snapshot-list.ts'
import type { ObjectStore } from '../store/object-store.ts'
import type { TreeSelection } from '../tree/tree.ts'
import { openInOrder, reasonToSkip } from './opened-snapshots.ts'
import type { TreeChunks } from './tree-chunks.ts'
import { compareTrees } from './tree-comparison.ts'
import type { TreeChange } from './tree-comparison.ts'

/** A snapshot, and how it differs from the one before it. */
export interface ChangedSnapshot {
  ref: SnapshotRef
  /** The snapshot before it that could be read. */
  before: SnapshotRef
  isComplete: boolean
  /** Can be read once, and must be read before the next snapshot. */
  changes: AsyncIterable<TreeChange>
}

export interface HistoryOptions {
  store: ObjectStore
  chunks: TreeChunks
  selection: TreeSelection | null
  signal: AbortSignal
  /** Called for each snapshot that can't be compared. The next one is compared with the last readable one. */
  onUnreadable: (ref: SnapshotRef, reason: string) => void
}

/** @param refs oldest first. */
export async function* readHistory(
  refs: Iterable<SnapshotRef>,
  { store, chunks, selection, signal, onUnreadable }: HistoryOptions,
): AsyncGenerator<ChangedSnapshot> {
  let before: Snapshot | null = null
  for await (const { ref, snapshot, unusable } of openInOrder(store, refs, chunks, signal)) {
    if (snapshot === null) {
      onUnreadable(ref, unusable!)
      continue
    }
    if (before !== null) {
      const outcome = { isReadable: true }
      const changes = changesOf(before, snapshot)
      yield { ref, before, isComplete: snapshot.manifest.complete, changes: tolerant(ref, changes, outcome) }
      if (!outcome.isReadable) continue
    }
    before = snapshot
  }

  function changesOf(from: Snapshot, to: Snapshot): AsyncGenerator<TreeChange> {
    const [first, second] = [from, to].map(({ manifest }) => ({
      chunks: chunks.of(manifest),
      root: Buffer.from(manifest.tree.root, 'hex'),
    }))
    return compareTrees(first!, second!, selection)
  }

  async function* tolerant(
    ref: SnapshotRef,
    changes: AsyncGenerator<TreeChange>,
    outcome: { isReadable: boolean },
  ): AsyncGenerator<TreeChange> {
    try {
      yield* changes
    } catch (error) {
      outcome.isReadable = false
      onUnreadable(ref, reasonToSkip(error))
    }
  }
}
