// Lists the snapshots of a vault and selects the one for a point in time. Overview:
//
//   listSnapshots(source):
//     versions  = every version below sources/<source>/manifests/; delete markers are ignored
//     time      = the server's LastModified of the version, never a time from the client
//     flags     = multipart upload | not the first version of its key | too large
//   selectSnapshot(refs, time):
//     for each second at or before `time`, newest first:
//       loaded  = the snapshots of that second without flags whose manifest checks; the others are reported as skipped
//       if one is loaded: return it; if several: the one that descends from all others, else `ambiguous`
//     else `no-recovery-point`
//
// A reader pins the version id, because an attacker can put another version or a delete marker on top.
import { damaged } from '../bytes.ts'
import { sha256Hex } from '../digest.ts'
import { HoldfastError, isHoldfastError } from '../errors.ts'
import { decodeManifest, maxManifestBytes } from './manifest.ts'
import type { Manifest } from './manifest.ts'
import type { ObjectStore, ObjectVersion } from '../store/object-store.ts'
import { rereadDamaged } from '../retry.ts'
import { isSourceName, manifestPrefix, parseManifestKey, sourcesPrefix } from '../store/vault-keys.ts'

/** A manifest's object version, as the store lists it, before the manifest is read. */
export interface SnapshotRef {
  /** ULID of the manifest. */
  id: string
  source: string
  key: string
  versionId: string
  /** The time of this recovery point: the server's `LastModified` of the manifest. */
  timeMs: number
  bytes: number
  /**
   * True if a delete marker lies over the manifest, because a role tried to hide it. The snapshot can be
   * restored all the same.
   */
  isHidden: boolean
  /** Reasons not to choose this snapshot silently; empty if there is none. */
  flags: string[]
}

/** A committed snapshot with its checked manifest. */
export interface Snapshot extends SnapshotRef {
  /** SHA-256 of the manifest's bytes, lower-case hex. A child names its parent by this. */
  sha256: string
  manifest: Manifest
}

/** A snapshot that was not chosen, with the reason. */
export interface SkippedSnapshot {
  ref: SnapshotRef
  reason: string
}

export async function listSources(store: ObjectStore): Promise<string[]> {
  return (await store.listFolders(sourcesPrefix)).filter(isSourceName).sort()
}

/**
 * All snapshots of a source, oldest first. Each version of each manifest is listed, also below a delete
 * marker.
 */
export async function listSnapshots(store: ObjectStore, source: string): Promise<SnapshotRef[]> {
  const versions: ObjectVersion[] = []
  const hidden = new Set<string>()
  for await (const version of store.listVersions(manifestPrefix(source))) {
    if (version.isDeleteMarker) hidden.add(version.key)
    else versions.push(version)
  }
  const oldest = new Map<string, ObjectVersion>()
  for (const version of versions) {
    // A store lists the versions of a key newest first, so that the last one in the listing is the oldest.
    oldest.set(version.key, version)
  }
  const snapshots = versions.flatMap((version): SnapshotRef[] => {
    const name = parseManifestKey(version.key)
    if (name === null || name.source !== source) return []
    const flags: string[] = []
    if (version.isMultipart) flags.push("uploaded in parts: its time can't be trusted")
    if (oldest.get(version.key) !== version) flags.push('written over an earlier manifest of the same name')
    if (version.bytes > maxManifestBytes) flags.push('too large for a manifest')
    return [
      {
        id: name.ulid,
        source,
        key: version.key,
        versionId: version.versionId,
        timeMs: version.lastModifiedMs,
        bytes: version.bytes,
        isHidden: hidden.has(version.key),
        flags,
      },
    ]
  })
  return snapshots.sort((a, b) => a.timeMs - b.timeMs || (a.id < b.id ? -1 : 1))
}

/** Reads and checks a snapshot's manifest, by its version. */
export async function loadSnapshot(store: ObjectStore, ref: SnapshotRef): Promise<Snapshot> {
  if (ref.bytes > maxManifestBytes)
    throw damaged(`the manifest ${ref.id} of ${ref.source}`, `it has ${ref.bytes} bytes`)
  return rereadDamaged(async () => {
    const bytes = Buffer.from(await store.getRange(ref, 0, ref.bytes))
    return { ...ref, sha256: sha256Hex(bytes), manifest: decodeManifest(bytes, ref) }
  })
}

/**
 * Selects the newest snapshot at or before `timeMs` (null: the newest of all) without a flag, and reports the
 * snapshots that it skipped. Snapshots of the same second are ordered by their parents.
 * @throws `no-recovery-point` if there is none, `ambiguous` if the parents don't order snapshots of the same
 *   second.
 */
export async function selectSnapshot(
  store: ObjectStore,
  refs: readonly SnapshotRef[],
  timeMs: number | null,
): Promise<{ snapshot: Snapshot; skipped: SkippedSnapshot[] }> {
  const candidates = refs
    .filter((ref) => timeMs === null || ref.timeMs <= timeMs)
    .sort((a, b) => b.timeMs - a.timeMs)
  const skipped: SkippedSnapshot[] = []
  for (let index = 0; index < candidates.length;) {
    const sameSecond = candidates.filter((ref) => ref.timeMs === candidates[index]!.timeMs)
    index += sameSecond.length
    const loaded: Snapshot[] = []
    for (const ref of sameSecond) {
      if (ref.flags.length > 0) {
        skipped.push({ ref, reason: ref.flags.join('; ') })
        continue
      }
      try {
        loaded.push(await loadSnapshot(store, ref))
      } catch (error) {
        if (!isHoldfastError(error, 'damaged', 'unsupported-format', 'not-found')) throw error
        skipped.push({ ref, reason: error.message })
      }
    }
    if (loaded.length > 0) return { snapshot: newestOf(loaded), skipped }
  }
  throw noRecoveryPoint(refs, timeMs, skipped)
}

/** Returns the snapshot that descends from all others of the same second. */
function newestOf(snapshots: Snapshot[]): Snapshot {
  const superseded = new Set(snapshots.flatMap(({ manifest }) => manifest.supersedes))
  // The hash proves that the writer has seen the parent; an id alone could be guessed.
  const parents = new Set(snapshots.map(({ manifest }) => manifest.parent?.sha256))
  const newest = snapshots.filter(({ id, sha256 }) => !superseded.has(id) && !parents.has(sha256))
  if (newest.length === 1) return newest[0]!
  const ids = snapshots.map(({ id }) => id)
  throw new HoldfastError(
    'ambiguous',
    `${snapshots.length} snapshots were committed in the same second, and none is the others' successor`,
    {
      hint: `choose one with --snapshot: ${ids.join(', ')}`,
      context: { snapshots: ids },
    },
  )
}

function noRecoveryPoint(
  refs: readonly SnapshotRef[],
  timeMs: number | null,
  skipped: readonly SkippedSnapshot[],
): HoldfastError {
  const first = refs[0]
  const last = refs.at(-1)
  const timeLimit = timeMs === null ? '' : ` at or before ${new Date(timeMs).toISOString()}`
  const unusable =
    skipped.length === 0
      ? ''
      : `; passed over: ${skipped.map(({ ref, reason }) => `${ref.id} (${reason})`).join(', ')}`
  return new HoldfastError('no-recovery-point', `there is no usable snapshot${timeLimit}${unusable}`, {
    hint:
      first === undefined || last === undefined
        ? 'check the name of the source and the bucket; `holdfast snapshots` lists all snapshots'
        : `${refs.length} snapshots from ${new Date(first.timeMs).toISOString()} to ${new Date(last.timeMs).toISOString()} are listed by \`holdfast snapshots\``,
  })
}
