// Lists the snapshots of a vault and selects the one for a point in time. Overview:
//
//   listSnapshots(source):
//     versions  = every version below sources/<source>/manifests/; delete markers are ignored
//     time      = the server's LastModified of the version, never a time from the client
//     flags     = multipart upload | not the first version of its key | too large
//   selectSnapshot(list, time):
//     for each moment at or before `time`, newest first (a `time` in whole seconds names the whole second, as one
// moment):
//       loaded  = the snapshots of that moment without flags whose manifest checks; the others are reported as skipped
//       if one is loaded: return it; if several: the one that descends from all others, else `ambiguous`
//     else `no-recovery-point`
//
// A reader pins the version id, because an attacker can put another version or a delete marker on top.
import { damaged } from '../bytes.ts'
import { sha256Hex } from '../digest.ts'
import { HoldfastError, isHoldfastError, objectFailures } from '../errors.ts'
import { maxManifestBytes } from '../limits.ts'
import { listText } from '../list-text.ts'
import { readInOrder } from '../ordered-reads.ts'
import { decodeManifest } from './manifest.ts'
import { endOfTime } from './point-in-time.ts'
import type { Manifest } from './manifest.ts'
import type { ObjectStore } from '../store/object-store.ts'
import { damagedReadRetry, retryAtOnce } from '../retry.ts'
import type { RetryPolicy } from '../retry.ts'
import { SnapshotList } from './snapshot-list.ts'
import type { SnapshotRef } from './snapshot-list.ts'
import { isSourceName, sourcesPrefix } from '../store/vault-keys.ts'

/** Manifests read at a time: each is one small object. */
export const maxReadsAtOnce = 16
/** A message names this many, and counts the others: an attacker can add any number of manifests. */
const maxListed = 10
/** As many as a result keeps. */
const maxSkippedListed = 100

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
 * @param onProgress gets the number of versions so far.
 */
export async function listSnapshots(
  store: ObjectStore,
  source: string,
  onProgress?: (versions: number) => void,
): Promise<SnapshotList> {
  return SnapshotList.read(store, source, onProgress)
}

/**
 * Reads and checks a snapshot's manifest, by its version. A manifest that doesn't check is read again, until it
 * arrives with the same bytes twice: then it is so in the vault.
 */
export async function loadSnapshot(store: ObjectStore, ref: SnapshotRef): Promise<Snapshot> {
  if (ref.bytes > maxManifestBytes)
    throw damaged(`the manifest ${ref.id} of ${ref.source}`, `it has ${ref.bytes} bytes`)
  let lastSha256 = ''
  let isSettled = false
  const policy: RetryPolicy = {
    ...damagedReadRetry,
    isRetryable: (error) => !isSettled && damagedReadRetry.isRetryable(error),
  }
  return retryAtOnce(policy, async () => {
    const bytes = Buffer.from(await store.getRange(ref, 0, ref.bytes))
    const sha256 = sha256Hex(bytes)
    isSettled = sha256 === lastSha256
    lastSha256 = sha256
    return { ...ref, sha256, manifest: decodeManifest(bytes, ref) }
  })
}

/** The conditions of a selection, beside the time. */
export interface SelectionRules {
  /** Skips incomplete snapshots too. */
  completeOnly?: boolean
  /** The reason to skip a snapshot; null to take it. */
  reasonToSkip?: (ref: SnapshotRef) => Promise<string | null>
}

/** Snapshots that were passed over, newest first: the first ones, and how many there are. */
export interface SkippedSnapshots {
  skipped: SkippedSnapshot[]
  skippedCount: number
}

/**
 * The part of a manifest that the choice among snapshots of one moment needs: many whole ones would take too much
 * memory.
 */
interface Candidate {
  index: number
  ref: SnapshotRef
  sha256: string
  supersedes: readonly string[]
  parentSha256: string | undefined
  /** Null if others were read at the same time, or are usable too. */
  snapshot: Snapshot | null
}

/** A snapshot that can't be chosen. */
interface Passed extends SkippedSnapshot {
  index: number
}

/**
 * Selects the newest snapshot at or before `timeMs` (null: the newest of all) without a flag, and reports the
 * snapshots that it skipped. Snapshots of the same moment are ordered by their parents.
 * @param timeMs of whole seconds: the whole second, which counts as one moment.
 * @throws `no-recovery-point` if there is none, `ambiguous` if the parents don't order snapshots of the same
 *   second.
 */
export async function selectSnapshot(
  store: ObjectStore,
  list: SnapshotList,
  timeMs: number | null,
  rules: SelectionRules = {},
): Promise<{ snapshot: Snapshot } & SkippedSnapshots> {
  const passedOver: SkippedSnapshots = { skipped: [], skippedCount: 0 }
  const usable: Candidate[] = []
  // A flood of corrupt manifests must not take a round trip each, and of a good newest one nothing older is read.
  let width = 1
  const read = async (index: number): Promise<Candidate | Passed> =>
    readCandidate(store, { ref: list.at(index)!, index, rules, isAlone: width === 1 })
  for await (const outcome of readInOrder(newestFirst(list, timeMs, usable), () => width, read)) {
    if (usable.length > 0 && !isSameMoment(list, timeMs, usable[0]!.index, outcome.index)) break
    const wasRead = outcome.ref.flags.length === 0
    if (wasRead) width = Math.min(maxReadsAtOnce, width * 2)
    if ('reason' in outcome) addSkipped(passedOver, outcome)
    else addUsable(usable, outcome)
  }
  if (usable.length === 0) throw noRecoveryPoint(list, timeMs, passedOver)
  const { snapshot, ref } = newestOf(usable)
  return { snapshot: snapshot ?? (await loadSnapshot(store, ref)), ...passedOver }
}

/** Ends after the moment of the first usable snapshot. */
function* newestFirst(
  list: SnapshotList,
  timeMs: number | null,
  usable: readonly Candidate[],
): Generator<number> {
  const end = timeMs === null ? list.length : list.countUntil(endOfTime(timeMs))
  for (let index = end - 1; index >= 0; index--) {
    if (usable.length > 0 && !isSameMoment(list, timeMs, usable[0]!.index, index)) return
    yield index
  }
}

function isSameMoment(list: SnapshotList, timeMs: number | null, first: number, second: number): boolean {
  const limitMs = timeMs ?? Infinity
  return Math.min(list.timeOf(first), limitMs) === Math.min(list.timeOf(second), limitMs)
}

async function readCandidate(
  store: ObjectStore,
  {
    ref,
    index,
    rules,
    isAlone,
  }: { ref: SnapshotRef; index: number; rules: SelectionRules; isAlone: boolean },
): Promise<Candidate | Passed> {
  if (ref.flags.length > 0) return { index, ref, reason: ref.flags.join('; ') }
  const reason = (await rules.reasonToSkip?.(ref)) ?? null
  if (reason !== null) return { index, ref, reason }
  try {
    const snapshot = await loadSnapshot(store, ref)
    const { manifest, sha256 } = snapshot
    if (rules.completeOnly === true && !manifest.complete) return { index, ref, reason: 'it is incomplete' }
    const { supersedes, parent } = manifest
    return {
      index,
      ref,
      sha256,
      supersedes,
      parentSha256: parent?.sha256,
      snapshot: isAlone ? snapshot : null,
    }
  } catch (error) {
    if (!isHoldfastError(error, ...objectFailures)) throw error
    return { index, ref, reason: error.message }
  }
}

/** Keeps a manifest only while it is the only one. */
function addUsable(usable: Candidate[], candidate: Candidate): void {
  if (usable.length > 0) usable[0]!.snapshot = null
  usable.push(usable.length === 0 ? candidate : { ...candidate, snapshot: null })
}

function addSkipped(passedOver: SkippedSnapshots, { ref, reason }: Passed): void {
  passedOver.skippedCount++
  if (passedOver.skipped.length < maxSkippedListed) passedOver.skipped.push({ ref, reason })
}

/** Returns the snapshot that descends from all others of the same second. */
function newestOf(candidates: readonly Candidate[]): Candidate {
  const superseded = new Set(candidates.flatMap(({ supersedes }) => supersedes))
  // The hash proves that the writer has seen the parent; an id alone could be guessed.
  const parents = new Set(candidates.map(({ parentSha256 }) => parentSha256))
  const newest = candidates.filter(({ ref, sha256 }) => !superseded.has(ref.id) && !parents.has(sha256))
  if (newest.length === 1) return newest[0]!
  const ids = candidates.map(({ ref }) => ref.id)
  throw new HoldfastError(
    'ambiguous',
    `${candidates.length} snapshots were committed in the same second, and none is the others' successor`,
    {
      hint: `choose one with --snapshot: ${listText(ids, maxListed)}`,
      context: { snapshots: ids.slice(0, maxListed) },
    },
  )
}

function noRecoveryPoint(
  list: SnapshotList,
  timeMs: number | null,
  { skipped, skippedCount }: SkippedSnapshots,
): HoldfastError {
  const first = list.at(0)
  const last = list.at(-1)
  const timeLimit = timeMs === null ? '' : ` at or before ${new Date(timeMs).toISOString()}`
  const reasons = skipped.map(({ ref, reason }) => `${ref.id} (${reason})`)
  const unusable = skippedCount === 0 ? '' : `; passed over: ${listText(reasons, maxListed, skippedCount)}`
  return new HoldfastError('no-recovery-point', `there is no usable snapshot${timeLimit}${unusable}`, {
    hint:
      first === undefined || last === undefined
        ? 'check the name of the source and the bucket; `holdfast snapshots` lists all snapshots'
        : `${list.length} snapshots from ${new Date(first.timeMs).toISOString()} to ${new Date(last.timeMs).toISOString()} are listed by \`holdfast snapshots\``,
  })
}
