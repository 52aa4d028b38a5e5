// One pass over a source: walks it, has threads read and pack new and changed files, and builds the tree in
// the order of the walk while files are finished in any order. The bytes in memory are bounded, however
// slow the store is.
import type { TreeEntry } from '../../core/tree/tree-entry.ts'
import type { BackupProgress, Problem } from '../operations.ts'
import { walk } from '../walk.ts'
import type { WalkedEntry } from '../walk.ts'
import type { DedupIndex } from './dedup-index.ts'
import { findExtendedAttributes } from './extended-attributes.ts'
import type { FileCache } from './file-cache.ts'
import { FileReading } from './file-reading.ts'
import { sortKeyOf } from './file-records.ts'
import { problemOfSegments, upToGap } from './file-segments.ts'
import { HiddenSizes } from './hidden-sizes.ts'
import { LinkGroups } from './link-groups.ts'
import type { PackUploader } from './pack-uploader.ts'
import { PassEvents } from './pass-events.ts'
import { PendingEntries, isNameOf, makePendingFile } from './pending-entries.ts'
import type { PendingEntry, PendingFile } from './pending-entries.ts'
import type { PostgresCluster } from './postgres-cluster.ts'
import { ProblemList } from './problem-list.ts'
import { SnapshotTree } from './snapshot-tree.ts'
import type { FileStats } from './source-reader.ts'
import { UnchangedFiles } from './unchanged-files.ts'

/** The walk pauses while more entries wait for the content of an earlier file. */
const maxPending = 20_000
/**
 * A file that changed this shortly before the pass may change again within the clock's granularity, so that
 * it isn't cached.
 */
const racyNs = 1_000_000_000n
/** The walk yields to the event loop after this many entries. */
const entriesPerTurn = 256

export interface PassOptions {
  source: string
  workers: number
  dedupIndex: DedupIndex
  uploader: PackUploader
  fileCache: FileCache
  /** Size of the source's packs, as far as the cache has them. */
  bytesBefore: number
  startedNs: bigint
  /** Null for a source of another kind. */
  cluster: PostgresCluster | null
  signal: AbortSignal | undefined
  onProgress: ((progress: BackupProgress) => void) | undefined
}

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
  private readonly hiddenSizes = new HiddenSizes()
  private readonly links = new LinkGroups<PendingFile>()
  private readonly problems = new ProblemList()
  private reportedEntries = 0

  constructor(options: PassOptions) {
    this.options = options
    this.events = new PassEvents(options.signal)
    this.unchanged = new UnchangedFiles(options.fileCache, options.dedupIndex)
    this.tree = new SnapshotTree(options)
    this.reading = new FileReading(options, {
      progress: () => this.onReply(),
      failure: (error) => this.events.fail(error),
    })
  }

  async run(directory: string): Promise<PassResult> {
    const { uploader, fileCache, cluster } = this.options
    try {
      const attributes = findExtendedAttributes(directory, (problem) => this.problems.add(problem))
      await this.walk(directory)
      this.reading.dispatch()
      await this.waitFor(() => this.reading.isIdle)
      this.reading.flush()
      await this.waitFor(() => this.reading.isFlushed)
      this.addComplete()
      for (const problem of cluster?.changes() ?? []) this.problems.add(problem)
      fileCache.finish()
      const treeRoot = this.tree.finish()
      await uploader.drain(0)
      const notExamined = await attributes
      this.report()
      return this.result(treeRoot, notExamined)
    } finally {
      await this.reading.stop()
      await uploader.settle()
    }
  }

  private async walk(directory: string): Promise<void> {
    let steps = 0
    for (const walked of walk(directory)) {
      if ('kind' in walked) this.problems.add(walked)
      else this.addEntry(walked)
      if (++steps % entriesPerTurn === 0) await this.yieldToEventLoop()
      if (this.mustWait()) await this.waitFor(() => !this.mustWait())
    }
  }

  private result(treeRoot: Buffer, notExamined: string | null): PassResult {
    return {
      treeRoot,
      entries: this.tree.entries,
      files: this.tree.files,
      bytes: this.tree.bytes,
      filesUnchanged: this.unchanged.files,
      bytesRead: this.reading.bytesRead,
      bytesNew: this.reading.bytesNew,
      problems: this.problems.problems,
      problemCount: this.problems.count,
      incomplete: this.problems.isIncomplete,
      notExamined,
    }
  }

  /** Lets replies in, so that the store stays busy while a large tree is walked. */
  private async yieldToEventLoop(): Promise<void> {
    this.events.throwIfAborted()
    this.report()
    await new Promise((resolve) => setImmediate(resolve))
    this.events.throwIfFailed()
  }

  private mustWait(): boolean {
    return this.reading.isBehind || this.pending.length > maxPending
  }

  private async waitFor(condition: () => boolean): Promise<void> {
    const { uploader } = this.options
    while (!condition()) {
      this.events.throwIfFailed()
      this.events.throwIfAborted()
      this.reading.dispatch()
      if (condition()) return
      const next = this.events.next()
      await (uploader.inFlight > 0 ? Promise.race([next, uploader.drain(uploader.inFlight - 1)]) : next)
    }
  }

  private report(): void {
    const { onProgress, uploader } = this.options
    const { entries } = this.tree
    if (onProgress === undefined || entries === this.reportedEntries) return
    this.reportedEntries = entries
    onProgress({
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
    if (entry.mtimeNs !== stats.mtimeNs) {
      const detail = 'its time is recorded as the nearest between 1677 and 2262'
      this.problems.add({ path, kind: 'not-restorable', detail })
    }
    if (entry.type === 'file') {
      this.addWalkedFile(walked)
      return
    }
    const clusterProblem = this.options.cluster?.problemOf(entry) ?? null
    if (clusterProblem !== null) this.problems.add(clusterProblem)
    if (entry.type !== 'directory' && entry.type !== 'symlink') {
      const detail = `a ${entry.type} is recorded, but not restored`
      this.problems.add({ path, kind: 'not-restorable', detail })
    }
    this.push({ kind: 'entry', entry })
  }

  private addWalkedFile(walked: WalkedEntry): void {
    const { entry, stats } = walked
    if (stats.nlink > 1n) {
      const { group, first } = this.links.find(stats)
      entry.linkGroup = group
      if (first !== undefined) {
        this.push({ kind: 'link', walked, first })
        return
      }
    }
    const file = makePendingFile(entry, stats)
    if (entry.linkGroup > 0) this.links.setFirst(stats, file)
    file.cachedFile = this.unchanged.find(entry.path, file.identity)
    if (file.cachedFile === null) this.read(walked, file)
    // Push last: addComplete() treats a pending file with missing === 0 as complete, also after a failure.
    this.push({ kind: 'file', file })
  }

  private read({ entry, stats, absolute }: WalkedEntry, file: PendingFile): void {
    if (entry.size > 0) this.reading.read(absolute, entry.size, file)
    else if (this.hiddenSizes.mayHide(stats.dev, absolute)) this.reading.readToEnd(absolute, file)
  }

  private push(entry: PendingEntry): void {
    this.pending.push(entry)
    this.addComplete()
  }

  /** Moves entries from the head of the queue to the tree, up to the first incomplete file. */
  private addComplete(): void {
    for (let next = this.pending.takeComplete(); next !== null; next = this.pending.takeComplete()) {
      if (next.kind === 'entry') this.tree.add(next.entry)
      else if (next.kind === 'link') {
        if (next.first.isOtherThanListed && !isNameOf(next.walked, next.first)) this.unlink(next.walked)
        else this.addLink(next.walked.entry, next.first)
      } else if (next.file.cachedFile === null) this.addReadFile(next.file)
      else {
        const { entry, cachedFile } = next.file
        this.unchanged.keep(cachedFile, entry.size)
        this.tree.addFile(entry, cachedFile)
      }
    }
  }

  /**
   * The first name got other content before it was read, so that this name is stored as a file of its own.
   */
  private unlink(walked: WalkedEntry): void {
    const { entry, stats } = walked
    entry.linkGroup = 0
    const file = { ...makePendingFile(entry, stats), wasLookedUp: false }
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
    if (problem) this.problems.add({ path: entry.path, ...problem })
    const newStats = segments[0]?.newStats
    if (newStats) applyStats(file, newStats)
    // Without content, the entry would be restored as an empty file that looks complete.
    if (problem && problem.kind !== 'changed') return
    const lengths = segments.flatMap((segment) => segment.lengths)
    const digests = Buffer.concat(segments.map((segment) => segment.digests))
    const { startedNs, fileCache } = this.options
    if (!problem && file.wasLookedUp && file.identity.ctimeNs < startedNs - racyNs)
      fileCache.put(sortKeyOf(entry.path), file.identity, { digests, lengths })
    this.tree.addFile(entry, { digests, lengths })
  }

  private addLink(entry: TreeEntry, first: PendingFile): void {
    const problem = problemOfSegments(first.segments)
    if (problem) this.problems.add({ path: entry.path, ...problem })
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
