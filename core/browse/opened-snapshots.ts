// Opens the snapshots of a list in order, a few at once, for a search through their trees.
import { HoldfastError, isHoldfastError, objectFailures } from '../errors.ts'
import { readInOrder } from '../ordered-reads.ts'
import { loadSnapshot } from '../snapshot/snapshot.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'
import type { SnapshotRef } from '../snapshot/snapshot-list.ts'
import type { ObjectStore } from '../store/object-store.ts'
import type { TreeChunks } from './tree-chunks.ts'

const maxSnapshotsAtOnce = 8
/** Manifests of more bytes together are not read at once. */
const maxBytesAtOnce = 1024 * 1024

export interface OpenedSnapshot {
  ref: SnapshotRef
  /** Null if the manifest can't be read. */
  snapshot: Snapshot | null
  /** Why there is no snapshot; null if there is one. */
  unusable: string | null
}

/** @throws if the store fails, or the reason of `signal`. */
export async function* openInOrder(
  store: ObjectStore,
  refs: Iterable<SnapshotRef>,
  chunks: TreeChunks,
  signal: AbortSignal,
): AsyncGenerator<OpenedSnapshot> {
  let bytesUnderWay = 0
  const width = (): number => (bytesUnderWay < maxBytesAtOnce ? maxSnapshotsAtOnce : 1)
  const read = async (ref: SnapshotRef): Promise<OpenedSnapshot> => {
    signal.throwIfAborted()
    bytesUnderWay += ref.bytes
    try {
      const snapshot = await loadSnapshot(store, ref)
      await chunks.prefetchRoot(snapshot.manifest)
      return { ref, snapshot, unusable: null }
    } catch (error) {
      return { ref, snapshot: null, unusable: reasonToSkip(error) }
    }
  }
  for await (const opened of readInOrder(refs, width, read)) {
    bytesUnderWay -= opened.ref.bytes
    yield opened
  }
}

/** Why a snapshot can't be searched, if the failure concerns this one alone. @throws any other failure. */
export function reasonToSkip(error: unknown): string {
  if (error instanceof HoldfastError && isHoldfastError(error, ...objectFailures)) return error.message
  throw error
}
