// What the operations on a real file system take and give: backup, restore, verify. Implementations: backup.ts,
// restore.ts, verify.ts. No AWS, no environment and no wall clock here; adapters are arguments.

import type { Clock, Random } from '../core/clock.ts'
import type { ObjectStore } from '../core/store/object-store.ts'
import type { Snapshot } from '../core/snapshot/snapshot.ts'

/** A path below a source's root, as bytes: names need not be UTF-8. Components are joined by `/`; the root is empty. */
export type TreePath = Buffer

export interface Problem {
  path: TreePath
  /**
   * `unreadable`, `vanished`, `changed`, `outside`: content is missing, the snapshot is incomplete (`outside`: a link leads
   * out of a cluster's directory). `not-restorable`: recorded, but never created by a restore (devices, sockets, FIFOs).
   * `not-recorded`: xattrs or ACLs that the backup leaves out.
   */
  kind: 'unreadable' | 'vanished' | 'changed' | 'outside' | 'not-restorable' | 'not-recorded'
  detail: string
}

interface Environment {
  store: ObjectStore
  clock: Clock
  random: Random
  signal?: AbortSignal
}

export interface BackupOptions extends Environment {
  source: string
  kind: 'volume' | 'postgres'
  /** Of a cluster that has a lock file: its server is stopped, or the directory lies in an atomic file-system snapshot. */
  atRest?: 'stopped' | 'file-system-snapshot' | undefined
  /** The root of what is backed up. */
  directory: string
  /** Where the local cache lies; created if missing. Losing it costs one full upload and nothing else. */
  cacheDirectory: string
  /** How long each recovery point must stay restorable. The bucket's default retention must exceed it. */
  promiseDays: number
  /** Accept a bucket without Object Lock or with less retention than promised. For trials; the result says so. */
  allowUnlocked?: boolean
  /** Accept a root without entries although the last snapshot has some, and one on another file system than before. */
  allowEmpty?: boolean
  allowOtherFileSystem?: boolean
  /** Walk, read and chunk, but upload nothing. */
  dryRun?: boolean
  /** Threads that read, hash and compress; default: the number of processors, 8 at most. 0: none but the caller's. */
  workers?: number
  toolVersion: string
  onProgress?: (progress: BackupProgress) => void
}

export interface BackupProgress {
  entries: number
  bytesRead: number
  bytesUnchanged: number
  bytesUploaded: number
  packsUploaded: number
}

export interface BackupResult {
  /** Null on a dry run. */
  snapshot: { id: string; key: string; versionId: string; sha256: string; timeMs: number } | null
  source: string
  parentId: string | null
  complete: boolean
  /** Whether the bucket locks what was uploaded, and how. */
  lock: { mode: 'COMPLIANCE' | 'GOVERNANCE'; days: number } | null
  entries: number
  files: number
  bytes: number
  filesUnchanged: number
  /** Content that was read because it is new or changed. */
  bytesRead: number
  /** Content that no known pack held. */
  bytesNew: number
  bytesUploaded: number
  packsUploaded: number
  packsReferenced: number
  /** The first of each kind, 1,000 in all; `problemCount` counts all. */
  problems: Problem[]
  problemCount: number
  /** Why nobody could look for extended attributes and ACLs, which are not recorded; null if someone did. */
  attributesNote: string | null
  /** Why the local cache was not used, if it was not: missing, damaged, another vault's. */
  cacheNote: string | null
  durationMs: number
}

/** A restore that was planned: nothing has been written yet. */
export interface PreparedRestore {
  plan: RestorePlan
  run: (onProgress?: (progress: RestoreProgress) => void) => Promise<RestoreResult>
}

export interface RestoreOptions extends Environment {
  snapshot: Snapshot
  /** A new or empty directory, or one that an interrupted restore of the same snapshot left. */
  target: string
  /** Only these and what lies below them; empty: everything. */
  paths: TreePath[]
  /** Restore setuid, setgid and sticky bits too. */
  specialBits?: boolean
  /** As of a backup. */
  workers?: number
}

/** What a restore would do: a value that can be shown before anything is written. */
export interface RestorePlan {
  entries: number
  files: number
  directories: number
  symlinks: number
  hardLinks: number
  bytes: number
  packs: number
  /** Stored bytes that will be fetched, and in how many requests. */
  bytesToFetch: number
  requests: number
  notRestorable: Problem[]
}

export interface RestoreProgress {
  /** Finished, those that an interrupted restore had finished too. */
  files: number
  /** Of files that an interrupted restore had finished. */
  bytesResumed: number
  bytesFetched: number
  bytesWritten: number
}

export interface RestoreResult {
  plan: RestorePlan
  /** What an interrupted restore had finished already. */
  filesResumed: number
  bytesResumed: number
  /** Content written, in bytes (holes of sparse files count as written). */
  bytesWritten: number
  bytesFetched: number
  /** Entries that exist but lack an owner, a time or a mode, e.g. because the restore doesn't run as root. */
  problems: { path: TreePath; detail: string }[]
  problemCount: number
  /** What could not be brought back, because bytes in the vault are lost or damaged; the rest was restored. */
  damaged: { path: TreePath; detail: string }[]
  durationMs: number
}

export interface ReadShare {
  /** 0 to `of` - 1. */
  part: number
  of: number
}

export interface VerifyOptions extends Environment {
  snapshot: Snapshot
  /** Fetch and re-hash every byte; otherwise existence, size, checksum and lock of every object, and the whole tree. */
  readData: boolean
  /** Read only this share of the packs, and any that look damaged: one part after the other, `of` runs read them all. */
  share?: ReadShare
  onProgress?: (progress: { packs: number; packsTotal: number; bytesRead: number }) => void
}

export interface VerifyResult {
  packs: number
  /** How many of them were read back whole. */
  packsRead: number
  chunks: number
  bytesRead: number
  /** The earliest end of a lock among the objects that the snapshot needs; null if one has none. */
  lockedUntilMs: number | null
  /** What is wrong with which object. Only what is lost or damaged costs files. */
  objects: { key: string; versionId: string; kind: 'lost' | 'damaged' | 'unlocked'; detail: string }[]
  /** Every file that can't be restored because of it. */
  files: { path: TreePath; detail: string }[]
  durationMs: number
}
