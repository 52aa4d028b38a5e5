// Marks the versions that the snapshots of a source need. A manifest can only add to what is kept, so that a lying one
// gets no version pruned. It counts for the guaranteed retention from its upload, by the server's time, so that it
// keeps no version for ever.
import { isHoldfastError, objectFailures } from '../../core/errors.ts'
import { sha256Hex } from '../../core/digest.ts'
import { maxManifestBytes } from '../../core/limits.ts'
import { dayMs } from '../../core/snapshot/retention.ts'
import { decodeManifest } from '../../core/snapshot/manifest.ts'
import type { Manifest } from '../../core/snapshot/manifest.ts'
import type { SnapshotList, SnapshotRef } from '../../core/snapshot/snapshot-list.ts'
import { readManifests } from '../../core/snapshot/snapshot-manifests.ts'
import type { ObjectStore } from '../../core/store/object-store.ts'
import { parseIdentityKey, parseManifestKey, parseReceiptKey } from '../../core/store/vault-keys.ts'
import type { Inventory } from './inventory.ts'
import { WalNeeds } from './wal-needs.ts'

export interface SourceSurvey {
  store: ObjectStore
  inventory: Inventory
  list: SnapshotList
  promiseDays: number
  /** A version stays so many days after its upload at least. */
  keptDays: number
  /** The store's clock. */
  nowMs: number
  signal: AbortSignal
  /** Failures that need a human. */
  problems: string[]
}

export interface LiveSnapshots {
  count: number
  /** Identities that live snapshots name. */
  identities: Set<string>
  /** Manifests within their guaranteed retention whose packs are unknown: the source must keep all of them. */
  unreadable: string[]
  /** The WAL that bases in the vault need. */
  wal: WalNeeds
}

/** Marks the manifest and the packs of each snapshot that is within its guaranteed retention. */
export async function markLiveSnapshots(survey: SourceSurvey): Promise<LiveSnapshots> {
  const { store, list, inventory, promiseDays, keptDays, nowMs, signal } = survey
  const live: LiveSnapshots = { count: 0, identities: new Set(), unreadable: [], wal: new WalNeeds() }
  const liveAfterMs = nowMs - promiseDays * dayMs
  // A base is in the vault until its lock ends, and must not be there without its WAL, which is a little older.
  const refs = refsAfter(list, inventory.hasWal ? nowMs - keptDays * dayMs : liveAfterMs)
  for await (const snapshot of readManifests(store, refs, signal)) {
    const { ref, manifest } = snapshot
    if (manifest?.postgres !== undefined) live.wal.addBase(manifest.postgres)
    if (ref.timeMs <= liveAfterMs) continue
    if (manifest === null) {
      if (!(await isGarbage(store, ref))) live.unreadable.push(`${ref.id} (${snapshot.unusable})`)
      continue
    }
    if (manifest.vault !== undefined) live.identities.add(manifest.vault)
    // No reader chooses a flagged snapshot silently. Its packs stay, and no lock is extended for it.
    if (ref.flags.length > 0) protectObjects(inventory, manifest)
    else {
      live.count++
      markObjects(inventory, { ref, manifest }, ref.timeMs + promiseDays * dayMs)
    }
  }
  return live
}

/** Marks all objects of one snapshot as needed until `untilMs`, and returns the packs that are not in the vault. */
export function markObjects(
  inventory: Inventory,
  { ref, manifest }: { ref: SnapshotRef; manifest: Manifest },
  untilMs: number,
): string[] {
  const lost: string[] = []
  for (const object of [ref, ...manifest.packs]) {
    const version = inventory.find(object)
    if (version === undefined) lost.push(object.key)
    else if (version.neededUntilMs < untilMs) {
      version.neededUntilMs = untilMs
      version.neededBy = ref.id
    }
  }
  return lost
}

/** True if every pack that the manifest names is in the vault, with the size that it names. */
export function isWhole(inventory: Inventory, manifest: Manifest): boolean {
  return manifest.packs.every((pack) => inventory.find(pack)?.bytes === pack.bytes)
}

/** Marks the receipts of one snapshot as needed. */
export function markReceipts(inventory: Inventory, manifestId: string, untilMs: number): void {
  for (const version of inventory) {
    if (version.isDeleteMarker || parseReceiptKey(version.key)?.manifestId !== manifestId) continue
    version.neededUntilMs = untilMs
    version.neededBy = manifestId
  }
}

/** Keeps the receipts of each manifest that is still there, and the proofs of each identity that a snapshot names. */
export function protectRecords(inventory: Inventory, identities: ReadonlySet<string>): void {
  const manifestIds = new Set<string>()
  for (const { key, kind, isDeleteMarker } of inventory)
    if (kind === 'manifest' && !isDeleteMarker) manifestIds.add(parseManifestKey(key)!.ulid)
  for (const version of inventory) {
    if (version.isDeleteMarker) continue
    const manifestId = parseReceiptKey(version.key)?.manifestId
    const identity = parseIdentityKey(version.key)?.identity
    if (manifestId !== undefined && manifestIds.has(manifestId)) version.isProtected = true
    if (identity !== undefined && identities.has(identity)) version.isProtected = true
  }
}

function protectObjects(inventory: Inventory, manifest: Manifest): void {
  for (const pack of manifest.packs) {
    const version = inventory.find(pack)
    if (version !== undefined) version.isProtected = true
  }
}

function* refsAfter(list: SnapshotList, timeMs: number): Generator<SnapshotRef> {
  for (let index = list.countUntil(timeMs); index < list.length; index++) yield list.at(index)!
}

/**
 * True if a writer uploaded exactly these bytes, and they are no manifest: it never was a snapshot. Otherwise the bytes
 * changed in the vault or on their way, or a later version of Holdfast wrote them, and the packs are unknown.
 */
async function isGarbage(store: ObjectStore, ref: SnapshotRef): Promise<boolean> {
  if (ref.bytes > maxManifestBytes) return true
  try {
    const { sha256 } = await store.headVersion(ref)
    const bytes = Buffer.from(await store.getRange(ref, 0, ref.bytes))
    if (sha256 === null || sha256 !== sha256Hex(bytes)) return false
    decodeManifest(bytes, ref)
    return false
  } catch (error) {
    if (!isHoldfastError(error, ...objectFailures)) throw error
    return error.code === 'damaged'
  }
}
