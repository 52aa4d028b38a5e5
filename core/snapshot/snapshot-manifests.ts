// Reads the manifests of a list of snapshots. A manifest that can't be used stays in the list, and hides no
// other.
import { isHoldfastError } from '../errors.ts'
import type { ObjectStore } from '../store/object-store.ts'
import type { Manifest } from './manifest.ts'
import { loadSnapshot } from './snapshot.ts'
import type { SnapshotRef } from './snapshot.ts'

export interface ListedSnapshot {
  ref: SnapshotRef
  manifest: Manifest | null
  /** Why there is no manifest; null if there is one. */
  unusable: string | null
}

/** Manifests read at a time: each is one small object. */
const readers = 16

/** In the order of `refs`. @throws if the store fails, or the reason of `signal`. */
export async function readManifests(
  store: ObjectStore,
  refs: readonly SnapshotRef[],
  signal: AbortSignal,
): Promise<ListedSnapshot[]> {
  const snapshots = new Array<ListedSnapshot>(refs.length)
  let next = 0
  const read = async (): Promise<void> => {
    while (next < refs.length) {
      signal.throwIfAborted()
      const index = next++
      snapshots[index] = await readManifest(store, refs[index]!)
    }
  }
  await Promise.all(Array.from({ length: readers }, read))
  return snapshots
}

async function readManifest(store: ObjectStore, ref: SnapshotRef): Promise<ListedSnapshot> {
  try {
    return { ref, manifest: (await loadSnapshot(store, ref)).manifest, unusable: null }
  } catch (error) {
    if (!isHoldfastError(error, 'damaged', 'unsupported-format', 'not-found')) throw error
    return { ref, manifest: null, unusable: error.message }
  }
}
