// Counts the snapshots of a source and their bytes, from their manifests alone.
import { readManifests } from '../snapshot/snapshot-manifests.ts'
import { listSnapshots } from '../snapshot/snapshot.ts'
import type { ObjectStore } from '../store/object-store.ts'

export interface SourceStats {
  /** Also the unusable ones. */
  snapshots: number
  /** Snapshots whose manifests can't be read. */
  unusable: number
  incomplete: number
  firstMs: number
  lastMs: number
  /** The newest snapshot that can be read; null if none can. */
  newest: { id: string; files: number; entries: number; bytes: number } | null
  /** The sum of all snapshots, each as a restore would write it. */
  bytes: number
  /** The packs that a snapshot needs, each once. */
  packs: number
  storedBytes: number
}

/** Null for a source without a snapshot. */
export async function readSourceStats(
  store: ObjectStore,
  source: string,
  signal: AbortSignal,
): Promise<SourceStats | null> {
  const list = await listSnapshots(store, source)
  if (list.length === 0) return null
  const times = { firstMs: list.timeOf(0), lastMs: list.timeOf(list.length - 1) }
  const stats: SourceStats = {
    snapshots: list.length,
    unusable: 0,
    incomplete: 0,
    ...times,
    newest: null,
    bytes: 0,
    packs: 0,
    storedBytes: 0,
  }
  const packs = new Set<string>()
  for await (const { ref, manifest } of readManifests(store, list, signal)) {
    if (manifest === null) {
      stats.unusable++
      continue
    }
    const { files, entries, bytes } = manifest.tree
    if (!manifest.complete) stats.incomplete++
    stats.newest = { id: ref.id, files, entries, bytes }
    stats.bytes += bytes
    for (const pack of manifest.packs) {
      if (packs.has(pack.sha256)) continue
      packs.add(pack.sha256)
      stats.storedBytes += pack.bytes
    }
  }
  stats.packs = packs.size
  return stats
}
