// Reads the manifests of a list of snapshots, one after the other, so that a reader needs no memory for all of them. A
// manifest that can't be used stays in the list, and hides no other.
import { isHoldfastError, objectFailures } from '../errors.ts'
import type { ObjectStore } from '../store/object-store.ts'
import { readInOrder } from '../ordered-reads.ts'
import { Lineage } from './lineage.ts'
import type { LineageBreak } from './lineage.ts'
import type { Manifest } from './manifest.ts'
import { loadSnapshot, maxReadsAtOnce } from './snapshot.ts'
import type { SnapshotRef } from './snapshot-list.ts'

export interface ListedSnapshot {
  ref: SnapshotRef
  manifest: Manifest | null
  /** SHA-256 of the manifest's bytes, lower-case hex; empty if there is no manifest. */
  sha256: string
  /** Why there is no manifest; null if there is one. */
  unusable: string | null
  /** How it doesn't continue the snapshot before it. */
  breaks: LineageBreak[]
}

/** Manifests of more bytes together are not read at once. */
const maxBytesAtOnce = 1024 * 1024

/** Yields in the order of `refs`. @throws if the store fails, or the reason of `signal`. */
export async function* readManifests(
  store: ObjectStore,
  refs: Iterable<SnapshotRef>,
  signal: AbortSignal,
): AsyncGenerator<ListedSnapshot> {
  const lineage = new Lineage()
  let bytesUnderWay = 0
  const width = (): number => (bytesUnderWay < maxBytesAtOnce ? maxReadsAtOnce : 1)
  const read = async (ref: SnapshotRef): Promise<ListedSnapshot> => {
    signal.throwIfAborted()
    bytesUnderWay += ref.bytes
    return readManifest(store, ref)
  }
  for await (const snapshot of readInOrder(refs, width, read)) {
    bytesUnderWay -= snapshot.ref.bytes
    yield { ...snapshot, breaks: breaksOf(snapshot, lineage) }
  }
}

function breaksOf({ ref, manifest }: ListedSnapshot, lineage: Lineage): LineageBreak[] {
  if (manifest === null) return []
  const { parent, supersedes, client } = manifest
  const { host, root } = client
  return lineage.breaksOf(
    { id: ref.id, manifest: { parent, supersedes, client: { host, root } } },
    ref.flags.length > 0,
  )
}

async function readManifest(store: ObjectStore, ref: SnapshotRef): Promise<ListedSnapshot> {
  try {
    const { manifest, sha256 } = await loadSnapshot(store, ref)
    return { ref, manifest, sha256, unusable: null, breaks: [] }
  } catch (error) {
    if (!isHoldfastError(error, ...objectFailures)) throw error
    return { ref, manifest: null, sha256: '', unusable: error.message, breaks: [] }
  }
}
