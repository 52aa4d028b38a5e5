// Options and results of the three operations on a real file system: backup, restore, verify. They know no
// AWS, no environment and no wall clock, because adapters are arguments.

import type { Clock, Random } from '../core/clock.ts'
import type { BaseBackup } from '../core/snapshot/base-backup.ts'
import type { PackReference } from '../core/snapshot/manifest.ts'
import type { Shard } from '../core/restore-plan/shards.ts'
import type { LockMode, ObjectState, ObjectStore } from '../core/store/object-store.ts'
import type { LineageBreak } from '../core/snapshot/lineage.ts'
import type { Renewal } from '../core/snapshot/retention.ts'
import type { Snapshot } from '../core/snapshot/snapshot.ts'
import type { ProblemKind, RecordedProblem } from '../core/snapshot/snapshot-problems.ts'
import type { TreeEntry } from '../core/tree/tree-entry.ts'

/**
 * A path below a source's root, as bytes: names need not be UTF-8. Components are joined by `/`; the root is
 * empty.
 */
export type TreePath = Buffer

export interface Problem {
  path: TreePath
  /**
   * `unreadable`, `vanished`, `changed`, `moved`, `outside`: content is missing, the snapshot is incomplete
   * (`moved`: the entry moved while the walk was under way, and was visited under neither name; `outside`: a link
   * leads out of a cluster's directory). `not-restorable`: recorded, but never created by a restore (devices,
   * sockets, FIFOs). `unnoticed`: the content changed and the times did not, so that earlier snapshots may have the
   * old content. `not-recorded`: xattrs, ACLs and links between symbolic links, which the backup leaves out.
   */
  kind: ProblemKind
  detail: string
}

/** The rules by which a backup leaves out parts of a volume. A cluster is always backed up whole. */
export interface ExcludeOptions {
  /** As lines of .gitignore, relative to the root of the source. */
  patterns?: readonly string[]
  /** The content of directories with a `CACHEDIR.TAG`. */
  caches?: boolean
  /** The content of directories that lie on another file system than the directory above. */
  otherFileSystems?: boolean
  /** The files that a base backup of a running PostgreSQL cluster leaves out; its tablespaces are followed. */
  runningCluster?: boolean
}

interface Environment {
  store: ObjectStore
  clock: Clock
  random: Random
  signal?: AbortSignal
}

/** Where a base backup began. */
export interface BackupStart {
  systemId: string
  /** When the server started, in seconds since 1970. */
  serverStartedSec: number
  tablespaces: BaseBackup['tablespaces']
}

/** The server's report at the end of a base backup. */
export interface BackupEnd {
  base: BaseBackup
  /** The content of the file `tablespace_map`; empty without tablespaces. */
  tablespaceMap: string
}

/** Begins and ends the base backups of a running PostgreSQL server. */
export interface BaseBackupServer {
  /** Ends a base backup that it began before, without a result. */
  begin(): Promise<BackupStart>
  /** Call it when all files are read, `pg_control` last. */
  end(): Promise<BackupEnd>
}

/** Takes the entries and the bytes of a source, without a copy on a disk. */
export interface StreamSink {
  /** Begins an entry, and so ends the file before it. Entries come in any order, each path once. */
  begin(entry: TreeEntry): void
  /** More content of the file that began last. @param bytes valid during the call. */
  write(bytes: Buffer): void
  addProblem(problem: Problem): void
  /** True while enough waits for the store. Then call `drain` before more is read. */
  readonly isBehind: boolean
  /** @throws the first failure of an upload. */
  drain(): Promise<void>
}

/** A source whose content a program sends: no directory is read. */
export interface StreamedSource {
  /** Where the content comes from, as the manifest shows it: no secret. */
  origin: string
  /**
   * Sends everything, once for each pass of a backup. Nothing is committed if it rejects.
   * @returns the base backup that the content is; null if it is none.
   */
  send(sink: StreamSink): Promise<{ base: BaseBackup | null }>
}

export interface BackupOptions extends Environment {
  source: string
  kind: 'volume' | 'postgres'
  /**
   * Why a cluster with a lock file is consistent: its server is stopped, or the directory lies in an atomic
   * file-system snapshot.
   */
  atRest?: 'stopped' | 'file-system-snapshot' | undefined
  /** The server that runs in the directory, which makes the files a base backup. Without one, none may run. */
  server?: BaseBackupServer | undefined
  /** The root of the source. With `streamed` it is not read. */
  directory: string
  /** The manifest names this as the root, if the directory is a temporary one. */
  origin?: string | undefined
  streamed?: StreamedSource | undefined
  /** Holds the local cache; created if missing. A lost cache costs one full upload and nothing else. */
  cacheDirectory: string
  /** How long each recovery point must stay restorable. The bucket's default retention must exceed it. */
  promiseDays: number
  /**
   * `extend`: a custodian extends the locks of the packs that snapshots name, so that they stay in use. Default:
   * `upload`.
   */
  renewal?: Renewal
  /** For trials: accept a bucket without Object Lock or with a shorter retention. The result reports it. */
  allowUnlocked?: boolean
  /**
   * Accept a root without entries although the last snapshot has some, and one on another file system than
   * before.
   */
  allowEmpty?: boolean
  allowOtherFileSystem?: boolean
  exclude?: ExcludeOptions
  /** SHA-256 of packs that the vault lost or that are damaged: no snapshot uses them any more. */
  uploadAgain?: readonly string[]
  /** The keys of packs that the notary's feedback names: no snapshot uses them any more. */
  feedback?: readonly string[]
  /** Also read this share of the files whose metadata show no change. */
  rereadShare?: ReadShare | undefined
  /** Walk, read and chunk, but upload nothing. */
  dryRun?: boolean
  /**
   * Threads that read, hash and compress; default: one per processor, at most 8. 0: the calling thread does
   * the work.
   */
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
  /** Null unless a server ran in the directory: a restore then needs its WAL too. */
  base: BaseBackup | null
  /** Null on a dry run. */
  snapshot: { id: string; key: string; versionId: string; sha256: string; timeMs: number } | null
  /** Reasons to think that the snapshot doesn't continue the one before it: another host, another directory. */
  breaks: LineageBreak[]
  /**
   * Committed in this run, with locks that end before the guaranteed retention: `snapshot` was made because
   * of them. `timeMs` is null for an attempt without a reply: the vault may hold it, and may not.
   */
  shortSnapshots: { id: string; timeMs: number | null; lockedUntilMs: number }[]
  source: string
  parentId: string | null
  complete: boolean
  /** Whether the bucket locks what was uploaded, and how. */
  lock: { mode: 'COMPLIANCE' | 'GOVERNANCE'; days: number } | null
  entries: number
  files: number
  bytes: number
  filesUnchanged: number
  /** Files that were read although their metadata show no change. */
  filesReread: number
  /** Content that was read because it is new or changed. */
  bytesRead: number
  /** Content that no known pack held. */
  bytesNew: number
  bytesUploaded: number
  packsUploaded: number
  packsReferenced: number
  /** The number of packs of `uploadAgain` and `feedback` that the cache had. */
  packsForgotten: number
  /** Missing content first, 1,000 in all; `problemCount` counts all. */
  problems: Problem[]
  problemCount: number
  /**
   * The rules of the operator, each with the number of entries that it left out, or of directories whose content
   * it left out. What lies below them is not counted.
   */
  leftOut: { rule: string; count: number }[]
  /**
   * Directories of the snapshot that lie on another file system than the one above, 1,000 at most; `mountCount`
   * counts all.
   */
  mounts: TreePath[]
  mountCount: number
  /** Why the backup could not look for extended attributes and ACLs; null if it did. */
  attributesNote: string | null
  /** Why the backup did not use its local cache: missing, damaged, or another vault's. Null if it did. */
  cacheNote: string | null
  /** Why the vault could not be compared with the one that the cache describes; null if it was. */
  vaultNote: string | null
  durationMs: number
}

/** A planned restore. Nothing is written before `run`. */
export interface PreparedRestore {
  plan: RestorePlan
  run: (onProgress?: (progress: RestoreProgress) => void) => Promise<RestoreResult>
}

export interface RestoreOptions extends Environment {
  snapshot: Snapshot
  /** A new or empty directory, or one that an interrupted restore of the same snapshot left. */
  target: string
  /** Restore only these entries and the entries below them; with no pattern either: everything. */
  paths: TreePath[]
  /** Restore also what these patterns of .gitignore fit, relative to the root of the source. */
  patterns?: readonly string[]
  /** Restore setuid, setgid and sticky bits too. */
  specialBits?: boolean
  /** Threads, as for a backup. */
  workers?: number
  /** Default: the whole restore. */
  part?: RestorePart | undefined
}

/** The part of one process where several restore a snapshot. */
export type RestorePart =
  /** The content of a shard's files, into a target that all shards share. `finish` publishes them. */
  | { kind: 'shard'; shard: Shard }
  /** The entries of a shard, whole, into a target of its own. */
  | { kind: 'alone'; shard: Shard }
  /** The end, after all shards: links, directories, publishing. */
  | { kind: 'finish' }

/** The plan of a restore, as a value, so that a command can show it before the restore writes anything. */
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
  /** Entries that the snapshot lacks at or below the paths, as far as its manifest lists them. */
  missing: RecordedProblem[]
  /** False if the snapshot lacks something at or below the paths, or may lack it. */
  isComplete: boolean
  /** Metadata that the backup did not record, or that no restore can set. */
  notRecorded: RecordedProblem[]
  /** Problems of the backup that the manifest only counts. */
  unlistedProblems: number
  /** The rules of the backup that left something out, anywhere in the source. */
  leftOut: BackupResult['leftOut']
}

export interface RestoreProgress {
  /** Finished files, also those that an interrupted restore finished. */
  files: number
  /** Bytes that an interrupted restore left on the disk, of finished files and of others. */
  bytesResumed: number
  bytesFetched: number
  bytesWritten: number
}

export interface RestoreResult {
  plan: RestorePlan
  /** Files that an interrupted restore finished. */
  filesResumed: number
  /** Bytes that it left on the disk, of finished files and of others. */
  bytesResumed: number
  /** Content written, in bytes (holes of sparse files count as written). */
  bytesWritten: number
  bytesFetched: number
  /** Entries that exist but lack an owner, a time or a mode, e.g. because the restore doesn't run as root. */
  problems: { path: TreePath; detail: string }[]
  problemCount: number
  /** Entries that could not be restored, because bytes in the vault are lost or damaged. */
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
  /**
   * Fetch and hash every byte. Otherwise check existence, size, checksum and lock of every object, and read
   * the tree.
   */
  readData: boolean
  /**
   * Read only this share of the packs, and every pack that looks damaged. `of` runs, one for each part, read
   * all packs.
   */
  share?: ReadShare
  /** Look at, and read, only the packs of this shard. Its result speaks of no other pack. */
  shard?: Shard | undefined
  /** Replaces the guarantee in the manifest, which its writer states, and may understate. */
  guarantee?: StatedGuarantee
  /** Null for a pack that no earlier verification has read. */
  verifiedBefore?: (pack: PackReference) => VerifiedPack | null
  onProgress?: (progress: { packs: number; packsTotal: number; bytesRead: number }) => void
}

export interface StatedGuarantee {
  /** Null for a bucket without a lock: then every object is reported as not locked. */
  mode: LockMode | null
  days: number
}

/** A pack that an earlier verification has read whole. It is not read again while its footer is the same. */
export interface VerifiedPack {
  /** As of `footerDigest`; null if no snapshot has named a chunk of this pack. */
  footerSha256: string | null
  /** Its lock, which never becomes shorter: the pack is not looked at. Null: it is looked at again. */
  lock: NonNullable<ObjectState['lock']> | null
}

/**
 * `lost`, `damaged`, `archived`: bytes can't be read back; archived bytes must be copied back first. The others are
 * about locks, and the bytes are complete: `unlocked` (no lock), `expired` (the lock has ended), `short-lock` (it
 * ends before the guaranteed retention), `other-lock` (GOVERNANCE where COMPLIANCE was guaranteed).
 */
export interface ObjectFinding {
  key: string
  versionId: string
  kind: 'lost' | 'damaged' | 'archived' | LockFindingKind
  detail: string
}

const lockFindingKinds = ['unlocked', 'expired', 'short-lock', 'other-lock'] as const
type LockFindingKind = (typeof lockFindingKinds)[number]

export function isLockFinding({ kind }: Pick<ObjectFinding, 'kind'>): boolean {
  return (lockFindingKinds as readonly string[]).includes(kind)
}

export interface VerifyResult {
  packs: number
  /** Packs that were read whole. */
  packsRead: number
  chunks: number
  bytesRead: number
  /** The earliest end of a lock among the objects that the snapshot needs; null if one has none. */
  lockedUntilMs: number | null
  /** The store's time when it described the last object; null if its responses have no time. */
  serverTimeMs: number | null
  /** The end of the guaranteed retention: no lock may end before it. */
  guaranteedUntilMs: number
  /** How many objects could not be checked in a respect. */
  unchecked: {
    /** The store returned no checksum, and the bytes were not read. */
    checksums: number
    /** The role may not see the lock, or the store sends no time to compare it with. */
    locks: number
  }
  /** Findings by object. Only a lost, damaged or archived object costs files. */
  objects: ObjectFinding[]
  /** Every file that can't be restored because of these objects. */
  files: { path: TreePath; detail: string }[]
  durationMs: number
}
