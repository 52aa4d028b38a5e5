// One pass over a source. It walks the source, and threads read and pack new and changed files. It builds the
// tree in the order of the walk, while threads finish files in any order. The bytes in memory are bounded,
// however slow the store is.
import type { TreeEntry } from '../../core/tree/tree-entry.ts'
import type { BaseBackup } from '../../core/snapshot/base-backup.ts'
import type { BackupProgress, Problem, ReadShare } from '../operations.ts'
import { hasPart } from '../read-share.ts'
import type { Selection } from '../selection.ts'
import { statIdentityOf } from '../stat-identity.ts'
import { isWalked } from '../walk.ts'
import type { Step, WalkedEntry } from '../walk.ts'
import type { DeviceClocks } from './device-clocks.ts'
import type { DedupIndex } from './dedup-index.ts'
import { findExtendedAttributes } from './extended-attributes.ts'
import type { CachedFile, FileCache } from './file-cache.ts'
import { FileReading } from './file-reading.ts'
import { sortKeyOf } from './file-records.ts'
import { problemOfSegments, upToGap } from './file-segments.ts'
import { HiddenSizes } from './hidden-sizes.ts'
import { Holes } from './holes.ts'
import { LeftOutCounts } from './left-out.ts'
import { LinkGroups } from './link-groups.ts'
import type { PackUploader } from './pack-uploader.ts'
import { PassEvents } from './pass-events.ts'
import { PendingEntries, isNameOf, makePendingFile } from './pending-entries.ts'
import type { PendingEntry, PendingFile } from './pending-entries.ts'
import type { ClusterEnd, ClusterReading } from './postgres-cluster.ts'
import { ProblemList } from './problem-list.ts'
import { SnapshotTree } from './snapshot-tree.ts'
import { OwnWalk, ThreadWalk } from './source-walk.ts'
import type { FileStats } from './source-reader.ts'
import { UnchangedFiles } from './unchanged-files.ts'
import { VisitedEntries } from './visited-entries.ts'

/**
 * The walk pauses while more entries wait for the content of an earlier file. If few files are read, as in a daily
 * run, few entries may wait: those that wait long take memory, and the garbage collector's time.
 */
const maxPending = { atAll: 20_000, usually: 1024, forEachFile: 4 } as const
const movedDetail = 'it moved to this name after its directory was listed'
const reportIntervalMs = 1000
const noClusterEnd: ClusterEnd = { problems: [], files: [], base: null }

export interface PassOptions {
  source: string
  directory: string
  workers: number
  /** A thread walks the source ahead of the pass, which a small source would not repay. */
  walksAhead: boolean
  dedupIndex: DedupIndex
  uploader: PackUploader
  fileCache: FileCache
  /** Size of the source's packs, as far as the cache has them. */
  bytesBefore: number
  rereadShare: ReadShare | undefined
  selection: Selection
  clocks: DeviceClocks
  /** The kernel's time now. */
  nowNs: () => bigint
  /** Null for a source of another kind. */
  cluster: ClusterReading | null
  signal: AbortSignal | undefined
  onProgress: ((progress: BackupProgress) => void) | undefined
}

export interface PassResult {
  treeRoot: Buffer
  entries: number
  files: number
  bytes: number
  filesUnchanged: number
  filesReread: number
  bytesRead: number
  bytesNew: number
  problems: Problem[]
  problemCount: number
  incomplete: boolean
  /** True if entries moved during the walk, so that another pass can find them. */
  hasMoved: boolean
  leftOut: LeftOutCounts
  /** The base of a running cluster. */
  base: BaseBackup | null
  /** The reason why extended attributes were not looked for; null if they were. */
  notExamined: string | null
}

export class BackupPass {
  private readonly options: PassOptions
  private readonly events: PassEvents
  private readonly unchanged: UnchangedFiles
  private readonly reading: FileReading
  private readonly tree: SnapshotTree
  private readonly pending = new PendingEntries()
  /** Asks the file system what the size of a file means. */
  private readonly extents = { hiddenSizes: new HiddenSizes(), holes: new Holes() }
  private readonly links = new LinkGroups<PendingFile>()
  private readonly problems = new ProblemList()
  private readonly leftOut: LeftOutCounts

  constructor(options: PassOptions) {
    this.options = options
    this.events = new PassEvents(options.signal)
    this.unchanged = new UnchangedFiles(options.fileCache, options.dedupIndex)
    this.leftOut = new LeftOutCounts(options.selection)
    this.tree = new SnapshotTree({ ...options, isUnordered: options.selection.isRunningCluster })
    this.reading = new FileReading(options, {
      progress: () => this.onReply(),
      failure: (error) => this.events.fail(error),
    })
  }

  async run(): Promise<PassResult> {
    const { directory, uploader, fileCache, cluster } = this.options
    // The content of a large file, and its way to the store, take minutes in which the walk stands still.
    const reports = setInterval(() => this.report(), reportIntervalMs)
    try {
      const attributes = findExtendedAttributes(directory, (problem) => this.addProblem(problem))
      await cluster?.begin()
      await this.walk()
      this.reading.dispatch()
      await this.waitFor(() => this.reading.isIdle)
      this.reading.flush()
      await this.waitFor(() => this.reading.isFlushed)
      this.addComplete()
      const clusterEnd = (await cluster?.finish()) ?? noClusterEnd
      for (const problem of clusterEnd.problems) this.problems.add(problem)
      for (const { entry, bytes } of clusterEnd.files) this.tree.addBytes(entry, bytes)
      fileCache.finish()
      const treeRoot = this.tree.finish()
      await uploader.drain(0)
      const notExamined = await attributes
      this.report()
      return this.result(treeRoot, clusterEnd.base, notExamined)
    } finally {
      clearInterval(reports)
      await this.reading.stop()
      await uploader.settle()
    }
  }

  private async walk(): Promise<void> {
    const { directory, selection } = this.options
    const visited = new VisitedEntries(directory, this.options, selection)
    const source =
      this.options.walksAhead && this.options.workers > 0
        ? new ThreadWalk(directory, selection, {
            progress: () => this.events.notify(),
            failure: (error) => this.events.fail(error),
          })
        : new OwnWalk(directory, selection)
    const dispatchFew = (): void => this.reading.dispatchFew(this.pending.length)
    try {
      for (;;) {
        await this.waitFor(() => source.hasNext, dispatchFew)
        const steps = source.next()
        if (steps === null) break
        for (const step of steps) {
          this.addStep(step, visited)
          if (this.mustWait()) await this.waitFor(() => !this.mustWait())
        }
        await this.yieldToEventLoop()
      }
    } finally {
      await source.stop()
    }
    // A recovery repeats each move in a running cluster.
    if (selection.isRunningCluster) return
    for (const path of visited.findMissed()) this.problems.add({ path, kind: 'moved', detail: movedDetail })
  }

  private addStep(step: Step, visited: VisitedEntries): void {
    if ('kind' in step) this.addProblem(step)
    else if (isWalked(step)) {
      this.options.clocks.see(step)
      visited.add(step)
      if (step.isMount === true) this.leftOut.addMount(step.entry.path)
      this.addEntry(step)
    } else {
      this.leftOut.add(step.rule)
      if (step.isContent) visited.leaveOutContent(step.path)
    }
  }

  private addProblem(problem: Problem): void {
    if (this.options.cluster?.isMended(problem) !== true) this.problems.add(problem)
  }

  private result(treeRoot: Buffer, base: BaseBackup | null, notExamined: string | null): PassResult {
    return {
      treeRoot,
      base,
      entries: this.tree.entries,
      files: this.tree.files,
      bytes: this.tree.bytes,
      filesUnchanged: this.unchanged.files,
      filesReread: this.unchanged.filesReread,
      bytesRead: this.reading.bytesRead,
      bytesNew: this.reading.bytesNew,
      problems: this.problems.problems,
      problemCount: this.problems.count,
      incomplete: this.problems.isIncomplete,
      hasMoved: this.problems.hasMoved,
      leftOut: this.leftOut,
      notExamined,
    }
  }

  /** Lets replies in, so that the store stays busy while a large tree is walked. */
  private async yieldToEventLoop(): Promise<void> {
    this.events.throwIfAborted()
    this.report()
    this.reading.dispatchFew(this.pending.length)
    await new Promise((resolve) => setImmediate(resolve))
    this.events.throwIfFailed()
  }

  private mustWait(): boolean {
    const { atAll, usually, forEachFile } = maxPending
    const limit = Math.min(atAll, usually + forEachFile * this.reading.files)
    return this.reading.isBehind || this.pending.length > limit
  }

  /** @param dispatch keeps the threads busy meanwhile. */
  private async waitFor(condition: () => boolean, dispatch = () => this.reading.dispatch()): Promise<void> {
    const { uploader } = this.options
    while (!condition()) {
      this.events.throwIfFailed()
      this.events.throwIfAborted()
      dispatch()
      if (condition()) return
      const next = this.events.next()
      await (uploader.inFlight > 0 ? Promise.race([next, uploader.drain(uploader.inFlight - 1)]) : next)
    }
  }

  private report(): void {
    const { onProgress, uploader } = this.options
    const { entries } = this.tree
    onProgress?.({
      entries,
      bytesRead: this.reading.bytesRead,
      bytesUnchanged: this.unchanged.bytes,
      bytesUploaded: uploader.bytesUploaded,
      packsUploaded: uploader.uploaded.length,
    })
  }

  private onReply(): void {
    try {
      this.addComplete()
    } catch (error) {
      this.events.fail(error)
    }
    this.events.notify()
  }

  private addEntry(walked: WalkedEntry): void {
    const { entry, stats } = walked
    const { path } = entry
    if (walked.hasOtherTime === true) {
      const detail = 'its time is recorded as the nearest between 1677 and 2262'
      this.problems.add({ path, kind: 'not-restorable', detail })
    }
    if (entry.type === 'file') {
      this.addWalkedFile(walked)
      return
    }
    const clusterProblem = this.options.cluster?.problemOf(entry) ?? null
    if (clusterProblem !== null) this.problems.add(clusterProblem)
    if (entry.type === 'symlink' && stats.nlink > 1n) {
      const detail = 'it has other names, and a restore makes a link of its own for each'
      this.problems.add({ path, kind: 'not-recorded', detail })
    }
    if (entry.type !== 'directory' && entry.type !== 'symlink') {
      const detail = `a ${entry.type} is recorded, but not restored`
      this.problems.add({ path, kind: 'not-restorable', detail })
    }
    this.push({ kind: 'entry', entry })
  }

  private addWalkedFile(walked: WalkedEntry): void {
    const { entry, stats } = walked
    const link = stats.nlink > 1n ? this.links.find(stats) : null
    if (link !== null) {
      entry.linkGroup = link.group
      if (link.first !== undefined) {
        this.push({ kind: 'link', walked, first: link.first })
        return
      }
    }
    const cachedFile = this.unchanged.find(entry.path, statIdentityOf(stats))
    const isReread = cachedFile !== null && this.isReread(entry.path)
    // Nearly all files of most runs: a pending file for each takes longer, and more memory while it waits.
    if (cachedFile !== null && !isReread && link === null) {
      this.push({ kind: 'unchanged', entry, cachedFile })
      return
    }
    const file = this.makeFile(walked)
    if (link !== null) this.links.setFirst(stats, file)
    if (isReread) file.rereadOf = cachedFile
    else file.cachedFile = cachedFile
    if (file.cachedFile === null) this.read(walked, file)
    // Push last: addComplete() treats a pending file with missing === 0 as complete, also after a failure.
    this.push({ kind: 'file', file })
  }

  private isReread(path: Buffer): boolean {
    const { rereadShare } = this.options
    return rereadShare !== undefined && hasPart(path, rereadShare)
  }

  private makeFile(walked: WalkedEntry): PendingFile {
    return makePendingFile(walked.entry, walked.stats, this.options.clocks.settledNs(walked))
  }

  private read({ entry, stats, absolute }: WalkedEntry, file: PendingFile): void {
    if (entry.size > 0)
      this.reading.read(entry.path, entry.size, file, this.extents.holes.findData(absolute, stats))
    else if (this.extents.hiddenSizes.mayHide(stats.dev, absolute)) this.reading.readToEnd(entry.path, file)
  }

  private push(entry: PendingEntry): void {
    this.pending.push(entry)
    this.addComplete()
  }

  /** Moves entries from the head of the queue to the tree, up to the first incomplete file. */
  private addComplete(): void {
    for (let next = this.pending.takeComplete(); next !== null; next = this.pending.takeComplete()) {
      if (next.kind === 'entry') this.tree.add(next.entry)
      else if (next.kind === 'unchanged') this.addUnchanged(next.entry, next.cachedFile)
      else if (next.kind === 'link') {
        if (next.first.isOtherThanListed && !isNameOf(next.walked, next.first)) this.unlink(next.walked)
        else this.addLink(next.walked.entry, next.first)
      } else if (next.file.cachedFile === null) this.addReadFile(next.file)
      else this.addUnchanged(next.file.entry, next.file.cachedFile)
    }
  }

  private addUnchanged(entry: TreeEntry, cachedFile: CachedFile): void {
    this.unchanged.keep(cachedFile, entry.size)
    this.tree.addFile(entry, cachedFile)
  }

  /**
   * The first name got other content before it was read, so that this name is stored as a file of its own.
   */
  private unlink(walked: WalkedEntry): void {
    walked.entry.linkGroup = 0
    const file = { ...this.makeFile(walked), wasLookedUp: false }
    this.read(walked, file)
    this.pending.replaceTaken({ kind: 'file', file })
  }

  private addReadFile(file: PendingFile): void {
    const { entry } = file
    const segments = upToGap(
      file.segments.map((segment) => segment!),
      entry.size,
    )
    const problem = problemOfSegments(file.segments)
    if (problem) this.addProblem({ path: entry.path, ...problem })
    const newStats = segments[0]?.newStats
    if (newStats) applyStats(file, newStats)
    // Without content, the entry would be restored as an empty file that looks complete.
    if (problem && problem.kind !== 'changed') return
    const lengths = segments.flatMap((segment) => segment.lengths)
    const digests = Buffer.concat(segments.map((segment) => segment.digests))
    if (file.rereadOf !== null && !problem) this.compareReread(file, digests)
    if (!problem && file.wasLookedUp && file.identity.ctimeNs < file.settledNs)
      this.options.fileCache.put(sortKeyOf(entry.path), file.identity, { digests, lengths })
    this.tree.addFile(entry, { digests, lengths })
  }

  /** Metadata can't show a write through mmap to a page that was dirty already, or bytes that the disk has changed. */
  private compareReread({ entry, rereadOf, isOtherThanListed }: PendingFile, digests: Buffer): void {
    this.unchanged.filesReread++
    if (isOtherThanListed || rereadOf!.digests.equals(digests)) return
    const detail = 'its content is another one than at the last backup, and its size and times are the same'
    this.problems.add({ path: entry.path, kind: 'unnoticed', detail })
  }

  private addLink(entry: TreeEntry, first: PendingFile): void {
    const problem = problemOfSegments(first.segments)
    if (problem) this.addProblem({ path: entry.path, ...problem })
    if (problem && problem.kind !== 'changed') return
    const { size, content, sparse, mode, uid, gid, mtimeNs } = first.entry
    this.tree.add({ ...entry, size, content, sparse, mode, uid, gid, mtimeNs })
  }
}

/** The entry must describe the file as it was read. */
function applyStats(file: PendingFile, { identity, mode, uid, gid, blocks }: FileStats): void {
  file.identity = identity
  file.isOtherThanListed = true
  Object.assign(file.entry, { mode, uid, gid, mtimeNs: identity.mtimeNs })
  file.entry.sparse = blocks * 512 < identity.size
}
