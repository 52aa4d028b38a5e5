// Whether a snapshot is much smaller than the one before it. A file system that was not mounted, and an accident that
// was backed up, look like this: the snapshot is complete, and not what the reader expects.
import { isHoldfastError, objectFailures } from '../errors.ts'
import type { ObjectStore } from '../store/object-store.ts'
import type { SnapshotChoice } from './snapshot-choice.ts'
import { loadSnapshot } from './snapshot.ts'
import type { Snapshot } from './snapshot.ts'

/** A file of a volume is often removed; half of them seldom are. */
const smallShare = 0.5

interface TreeFigures {
  files: number
  bytes: number
}

/** True if the tree has less than half of the files or bytes that it had before. */
export function hasCollapsed(tree: TreeFigures, before: TreeFigures): boolean {
  return tree.files < before.files * smallShare || tree.bytes < before.bytes * smallShare
}

/** Returns `before` if it has more than twice the files or bytes of the chosen snapshot; else null. */
export function largerBefore({ snapshot }: SnapshotChoice, before: Snapshot | null): Snapshot | null {
  return before !== null && hasCollapsed(snapshot.manifest.tree, before.manifest.tree) ? before : null
}

/** Returns the newest readable snapshot before the chosen one; null if there is none among the last few. */
export async function loadBefore(store: ObjectStore, { older }: SnapshotChoice): Promise<Snapshot | null> {
  for (const ref of older.toReversed()) {
    try {
      return await loadSnapshot(store, ref)
    } catch (error) {
      if (!isHoldfastError(error, ...objectFailures)) throw error
    }
  }
  return null
}
