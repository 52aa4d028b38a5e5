// One pass over a source: walks it, has new and changed files read and packed by worker threads, and builds the tree
// in order while files come back in any order. Bytes in flight are bounded, whatever the store's speed.
import { lstatSync } from 'node:fs'
import type { BigIntStats } from 'node:fs'
import { digestBytes } from '../../core/digest.ts'
import type { TreeEntry } from '../../core/tree/tree-entry.ts'
import { findExtendedAttributes } from './extended-attributes.ts'
import { FileReading } from './file-reading.ts'
import type { FileContent } from './file-reading.ts'
import { sortKeyOf } from './file-records.ts'
import { problemOfSegments, upToGap } from './file-segments.ts'
import { sameStatIdentity, statIdentityOf } from '../stat-identity.ts'
import type { StatIdentity } from '../stat-identity.ts'
import type { DedupIndex } from './dedup-index.ts'
import { HiddenSizes } from './hidden-sizes.ts'
import { LinkGroups } from './link-groups.ts'
import type { BackupProgress, Problem } from '../operations.ts'
import type { PackUploader } from './pack-uploader.ts'
import type { PostgresCluster } from './postgres-cluster.ts'
import type { CachedFile, FileCache } from './file-cache.ts'
import { SnapshotTree } from './snapshot-tree.ts'
import { walk } from '../walk.ts'
import type { WalkedEntry } from '../walk.ts'

/** Entries that may wait for an earlier one's content before the walk pauses. */
const maxPending = 20_000
/** Content is missing from the snapshot, or holds no state that the file ever had. */
const incompleteKinds: ReadonlySet<Problem['kind']> = new Set([
  'unreadable',
  'vanished',
  'changed',
  'outside',
])
/** A file that changed so shortly before it was read may change again within the clock's granularity: not remembered. */
const racyNs = 1_000_000_000n

interface PendingFile extends FileContent {
  entry: TreeEntry
  /** What the cache knew: it was not read then. */
  cachedFile: CachedFile | null
  /** The file that was read has another identity than the one that was listed. */
  isOtherThanListed: boolean
  /** The cache was asked for it, at its turn: only then it may be put there. */
  wasLookedUp: boolean
}

type Pending =
  | { kind: 'entry'; entry: TreeEntry }
  | { kind: 'file'; file: PendingFile }
  | { kind: 'link'; walked: WalkedEntry; first: PendingFile }

export interface PassResult {
  treeRoot: Buffer
  entries: number
  files: number
  bytes: number
  filesUnchanged: number
  bytesRead: number
  bytesNew: number
  problems: Problem[]
  problemCount: number
  incomplete: boolean
  /** Why extended attributes were not looked for; null if they were. */
  notExamined: string | null
}

export class BackupPass {
  private readonly dedupIndex: DedupIndex
  private readonly uploader: PackUploader
  private readonly cachedFile: FileCache
  private readonly startedNs: bigint
  private readonly cluster: PostgresCluster | null
  private readonly reading: FileReading
  private readonly tree: SnapshotTree
  private readonly pending: Pending[] = []
  private head = 0
  private readonly hiddenSizes = new HiddenSizes()
  private readonly links = new LinkGroups<PendingFile>()
  private filesUnchanged = 0
  private bytesUnchanged = 0
  private readonly problems: Problem[] = []
  private problemCount = 0
  private incomplete = false
  private failure: { error: unknown } | null = null
  private readonly waiting: (() => void)[] = []
  private readonly signal: AbortSignal | undefined
  private readonly onProgress: ((progress: BackupProgress) => void) | undefined
  private reportedEntries = 0

  constructor(options: {
    source: string
    workers: number
    dedupIndex: DedupIndex
    uploader: PackUploader
    cachedFile: FileCache
    /** What the source has in packs, as far as the cache knows. */
    bytesBefore: number
    startedNs: bigint
    /** Null for a source of another kind. */
    cluster: PostgresCluster | null
    signal: AbortSignal | undefined
    onProgress: ((progress: BackupProgress) => void) | undefined
  }) {
    this.dedupIndex = options.dedupIndex
    this.uploader = options.uploader
    this.cachedFile = options.cachedFile
    this.startedNs = options.startedNs
    this.cluster = options.cluster
    this.signal = options.signal
    this.onProgress = options.onProgress
    this.tree = new SnapshotTree(options)
    this.reading = new FileReading(options, {
      progress: () => this.proceed(),
      failure: (error) => this.fail(error),
    })
  }

  async run(directory: string): Promise<PassResult> {
    try {
      const attributes = findExtendedAttributes(directory, (problem) => this.addProblem(problem))
      let steps = 0
      for (const walked of walk(directory)) {
        if ('kind' in walked) this.addProblem(walked)
        else this.addEntry(walked)
        if (++steps % 256 === 0) await this.yieldToEventLoop()
        if (this.mustWait()) await this.waitFor(() => !this.mustWait())
      }
      this.reading.dispatch()
      await this.waitFor(() => this.reading.isIdle)
      this.reading.flush()
      await this.waitFor(() => this.reading.isFlushed)
      this.emit()
      for (const problem of this.cluster?.changes() ?? []) this.addProblem(problem)
      this.cachedFile.finish()
      const treeRoot = this.tree.finish()
      await this.uploader.drain(0)
      const notExamined = await attributes
      this.report()
      const { entries, files, bytes } = this.tree
      const { bytesRead, bytesNew } = this.reading
      const { filesUnchanged, problems, problemCount, incomplete } = this
      return {
        treeRoot,
        entries,
        files,
        bytes,
        filesUnchanged,
        bytesRead,
        bytesNew,
        problems,
        problemCount,
        incomplete,
        notExamined,
      }
    } finally {
      await this.reading.stop()
      await this.uploader.settle()
    }
  }

  /** Lets replies in, so that the store is kept busy while a large tree is walked. */
  private async yieldToEventLoop(): Promise<void> {
    this.signal?.throwIfAborted()
    this.report()
    await new Promise((resolve) => setImmediate(resolve))
    if (this.failure !== null) throw this.failure.error
  }

  private mustWait(): boolean {
    return this.reading.isBehind || this.pending.length - this.head > maxPending
  }

  private async waitFor(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.failure !== null) throw this.failure.error
      this.signal?.throwIfAborted()
      this.reading.dispatch()
      if (condition()) return
      const upload = this.uploader.inFlight > 0 ? this.uploader.drain(this.uploader.inFlight - 1) : null
      await Promise.race([
        new Promise<void>((resolve) => this.waiting.push(resolve)),
        ...(upload === null ? [] : [upload]),
      ])
    }
  }

  private report(): void {
    const { entries } = this.tree
    if (this.onProgress === undefined || entries === this.reportedEntries) return
    this.reportedEntries = entries
    this.onProgress({
      entries,
      bytesRead: this.reading.bytesRead,
      bytesUnchanged: this.bytesUnchanged,
      bytesUploaded: this.uploader.bytesUploaded,
      packsUploaded: this.uploader.uploaded.length,
    })
  }

  /** After something was read. */
  private proceed(): void {
    try {
      this.emit()
    } catch (error) {
      this.fail(error)
    }
    this.wake()
  }

  private fail(error: unknown): void {
    this.failure ??= { error }
    this.wake()
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve()
  }

  private addProblem(problem: Problem): void {
    this.problemCount++
    if (incompleteKinds.has(problem.kind)) this.incomplete = true
    if (this.problems.length < 1000) this.problems.push(problem)
  }

  private addEntry(walked: WalkedEntry): void {
    const { entry, stats } = walked
    if (entry.mtimeNs !== stats.mtimeNs) {
      this.addProblem({
        path: entry.path,
        kind: 'not-restorable',
        detail: 'its time is recorded as the nearest between 1677 and 2262',
      })
    }
    if (entry.type !== 'file') {
      const clusterProblem = this.cluster?.problemOf(entry) ?? null
      if (clusterProblem !== null) this.addProblem(clusterProblem)
      if (entry.type !== 'directory' && entry.type !== 'symlink') {
        this.addProblem({
          path: entry.path,
          kind: 'not-restorable',
          detail: `a ${entry.type} is recorded, but not restored`,
        })
      }
      this.push({ kind: 'entry', entry })
      return
    }
    if (stats.nlink > 1n) {
      const { group, first } = this.links.find(stats)
      entry.linkGroup = group
      if (first !== undefined) {
        this.push({ kind: 'link', walked, first })
        return
      }
    }
    const file = newFile(entry, stats)
    if (entry.linkGroup > 0) this.links.setFirst(stats, file)
    file.cachedFile = this.lookup(entry.path, file.identity)
    if (file.cachedFile === null) this.read(walked, file)
    // Only now: what is pending and lacks nothing is taken for whole, also while a failed run comes to its end.
    this.push({ kind: 'file', file })
    this.emit()
  }

  private read({ entry, stats, absolute }: WalkedEntry, file: PendingFile): void {
    if (entry.size > 0) this.reading.read(absolute, entry.size, file)
    else if (this.hiddenSizes.mayHide(stats.dev, absolute)) this.reading.readToEnd(absolute, file)
  }

  private push(pending: Pending): void {
    this.pending.push(pending)
    if (pending.kind !== 'file') this.emit()
  }

  /** What the cache knows of an unchanged file, if all its chunks are in packs that may be reused. */
  private lookup(path: Buffer, identity: StatIdentity): CachedFile | null {
    const cachedFile = this.cachedFile.lookup(sortKeyOf(path), identity)
    if (cachedFile === null) return null
    const { digests, lengths } = cachedFile
    if (lengths.reduce((sum, bytes) => sum + bytes, 0) !== identity.size) return null
    for (let offset = 0; offset < digests.length; offset += digestBytes)
      if (!this.dedupIndex.has(digests, offset)) return null
    for (let offset = 0; offset < digests.length; offset += digestBytes)
      this.dedupIndex.markUsed(digests, offset)
    return cachedFile
  }

  /** Adds to the tree what is at its turn and complete. */
  private emit(): void {
    while (this.head < this.pending.length) {
      let next = this.pending[this.head]!
      if (next.kind === 'link' && next.first.isOtherThanListed && !isFileOf(next.walked, next.first))
        this.pending[this.head] = next = this.unlink(next.walked)
      if (next.kind === 'file' && next.file.missing > 0) break
      this.head++
      if (next.kind === 'entry') this.tree.add(next.entry)
      else if (next.kind === 'file') this.emitFile(next.file)
      else this.emitLink(next.walked.entry, next.first)
    }
    // What is done with must not live on until the collector moves it.
    if (this.head === this.pending.length || (this.head > 1024 && this.head * 2 > this.pending.length)) {
      this.pending.splice(0, this.head)
      this.head = 0
    }
  }

  /** The name that came first got other content before it was read: this name is stored as a file of its own. */
  private unlink(walked: WalkedEntry): Pending {
    const { entry, stats } = walked
    entry.linkGroup = 0
    const file = { ...newFile(entry, stats), wasLookedUp: false }
    this.read(walked, file)
    return { kind: 'file', file }
  }

  private emitFile(file: PendingFile): void {
    if (file.cachedFile === null) this.emitRead(file)
    else this.emitUnchanged(file.entry, file.cachedFile)
  }

  private emitUnchanged(entry: TreeEntry, cachedFile: CachedFile): void {
    this.cachedFile.keep(cachedFile)
    this.filesUnchanged++
    this.bytesUnchanged += entry.size
    this.tree.addFile(entry, cachedFile)
  }

  private emitRead(file: PendingFile): void {
    const { entry } = file
    const segments = upToGap(
      file.segments.map((segment) => segment!),
      entry.size,
    )
    const problem = problemOfSegments(file.segments)
    if (problem) this.addProblem({ path: entry.path, ...problem })
    const restamped = segments[0]?.newStats
    if (restamped) {
      file.identity = restamped.identity
      file.isOtherThanListed = true
      Object.assign(entry, {
        mode: restamped.mode,
        uid: restamped.uid,
        gid: restamped.gid,
        mtimeNs: restamped.identity.mtimeNs,
      })
      entry.sparse = restamped.blocks * 512 < restamped.identity.size
    }
    // Without content an entry would restore as an empty file that looks whole.
    if (problem && problem.kind !== 'changed') return
    const lengths = segments.flatMap((segment) => segment.lengths)
    const digests = Buffer.concat(segments.map((segment) => segment.digests))
    if (!problem && file.wasLookedUp && file.identity.ctimeNs < this.startedNs - racyNs)
      this.cachedFile.put(sortKeyOf(entry.path), file.identity, { digests, lengths })
    this.tree.addFile(entry, { digests, lengths })
  }

  private emitLink(entry: TreeEntry, first: PendingFile): void {
    const problem = problemOfSegments(first.segments)
    if (problem) this.addProblem({ path: entry.path, ...problem })
    if (problem && problem.kind !== 'changed') return
    const { size, content, sparse, mode, uid, gid, mtimeNs } = first.entry
    this.tree.add({ ...entry, size, content, sparse, mode, uid, gid, mtimeNs })
  }
}

function newFile(entry: TreeEntry, stats: BigIntStats): PendingFile {
  const identity = statIdentityOf(stats)
  return {
    entry,
    identity,
    segments: [],
    missing: 0,
    cachedFile: null,
    isOtherThanListed: false,
    wasLookedUp: true,
  }
}

/** Whether a name still belongs to the file as it was read under another name. */
function isFileOf({ absolute }: WalkedEntry, file: PendingFile): boolean {
  try {
    return sameStatIdentity(statIdentityOf(lstatSync(absolute, { bigint: true })), file.identity)
  } catch {
    return false
  }
}
