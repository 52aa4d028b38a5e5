// The snapshots of a source from which a recovery can begin: those of a cluster that ran while it was backed up.
import type { SnapshotList, SnapshotRef } from '../snapshot/snapshot-list.ts'
import { readManifests } from '../snapshot/snapshot-manifests.ts'
import type { ObjectStore } from '../store/object-store.ts'
import type { Base } from './recovery-choice.ts'

export interface BaseRules {
  /** This snapshot alone. */
  id?: string | undefined
  /** The reason to skip a snapshot; null to take it. */
  reasonToSkip?: ((ref: SnapshotRef) => Promise<string | null>) | undefined
  signal: AbortSignal
}

/**
 * The newest first. A base that lacks something is none: no WAL brings back a file that wasn't read. Flagged ones are
 * taken only by name.
 */
export async function* newestBases(
  store: ObjectStore,
  list: SnapshotList,
  { id, reasonToSkip, signal }: BaseRules,
): AsyncGenerator<Base> {
  const refs = id === undefined ? newestFirst(list) : list.withId(id.toUpperCase())
  for await (const { ref, manifest } of readManifests(store, refs, signal)) {
    if (manifest?.postgres === undefined || !manifest.complete) continue
    const isSkipped = id === undefined && ref.flags.length > 0
    if (isSkipped || ((await reasonToSkip?.(ref)) ?? null) !== null) continue
    yield { ref, postgres: manifest.postgres }
  }
}

function* newestFirst(list: SnapshotList): Generator<SnapshotRef> {
  for (let index = list.length - 1; index >= 0; index--) yield list.at(index)!
}
