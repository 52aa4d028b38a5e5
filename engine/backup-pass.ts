// One pass over a source: walks it, has new and changed files read and packed by worker threads, and builds the tree
// in order while files come back in any order. Bytes in flight are bounded, whatever the store's speed.
import { digestBytes } from '../core/digest.ts'
import { foldContent } from '../core/content-list.ts'
import { PackBuilder, assertSealed } from '../core/pack.ts'
import { choosePackBytes } from '../core/pack-size.ts'
import { comparePaths, sumBytes } from '../core/tree-entry.ts'
import type { TreeEntry } from '../core/tree-entry.ts'
import { TreeBuilder } from '../core/tree.ts'
import { BackupWorker } from './backup-worker.ts'
import type { FromBackupWorker, ToBackupWorker } from './backup-worker.ts'
import { findExtendedAttributes } from './extended-attributes.ts'
import { joinContents, problemOfSegments, upToGap } from './file-segments.ts'
import { sortKeyOf } from './file-records.ts'
import { stampOf } from './file-stamp.ts'
import type { FileStamp } from './file-stamp.ts'
import type { KnownChunks } from './known-chunks.ts'
import { LinkGroups } from './link-groups.ts'
import type { BackupProgress, Problem } from './operations.ts'
import { PackMemory } from './pack-memory.ts'
import type { PackUploader } from './pack-uploader.ts'
import type { RememberedFile, RememberedFiles } from './remembered-files.ts'
import { partBytes, segmentBytes } from './source-reader.ts'
import type { ItemContent, ReadItem } from './source-reader.ts'
import { walk } from './walk.ts'
import type { WalkedEntry } from './walk.ts'
import { WorkerPool } from './worker-pool.ts'
import type { PoolMember } from './worker-pool.ts'

/** Small files are read in batches of `partBytes` at most, and of so many files. */
const batchFiles = 512
/** Batches that one thread has been given and not packed yet. */
const batchesPerWorker = 2
/** Packs that may wait for the store, beside those that the threads build, before packing pauses. */
const maxPacksInFlight = 2
/** Entries that may wait for an earlier one's content before the walk pauses. */
const maxPending = 20_000
/** Batches that may wait for a thread before the walk pauses. */
const maxQueued = 8
/** A file that changed so shortly before it was read may change again within the clock's granularity: not remembered. */
const racyNs = 1_000_000_000n

interface PendingFile {
  entry: TreeEntry
  stamp: FileStamp
  segments: (ItemContent | null)[]
  missing: number
  /** What the cache knew: it was not read then. */
  remembered: RememberedFile | null
}

type Pending = { kind: 'entry'; entry: TreeEntry } | { kind: 'file'; file: PendingFile } | { kind: 'link'; entry: TreeEntry; first: PendingFile }

interface Batch {
  items: ReadItem[]
  /** Which segment of which file each item is. */
  owners: { file: PendingFile; segment: number }[]
  bytes: number
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
  /** Why extended attributes were not looked for; null if they were. */
  notExamined: string | null
}

export class BackupPass {
  private source: string
  private known: KnownChunks
  private uploader: PackUploader
  private remembered: RememberedFiles
  private startedNs: bigint
  private pool: WorkerPool<{ source: string; packBytes: number }, ToBackupWorker, FromBackupWorker>
  private batches = new Map<number, { batch: Batch; member: PoolMember<ToBackupWorker> }>()
  private load: number[]
  private nextBatch = 0
  private queued: Batch[] = []
  private packMemory = new PackMemory(maxPacksInFlight)
  private bytesBefore: number
  private open: Batch = { items: [], owners: [], bytes: 0 }
  private pending: Pending[] = []
  private head = 0
  private links = new LinkGroups<PendingFile>()
  private tree: TreeBuilder
  private metadata: PackBuilder
  private bytesUnchanged = 0
  private failure: { error: unknown } | null = null
  private flushed = 0
  private waiting: (() => void)[] = []
  private signal: AbortSignal | undefined
  private report: () => void
  private result: PassResult = {
    treeRoot: Buffer.alloc(0), entries: 0, files: 0, bytes: 0, filesUnchanged: 0, bytesRead: 0, bytesNew: 0, problems: [], problemCount: 0, incomplete: false, notExamined: null,
  }

  constructor(options: {
    source: string; workers: number; known: KnownChunks; uploader: PackUploader
    remembered: RememberedFiles
    /** What the source has in packs, as far as the cache knows. */
    bytesBefore: number
    startedNs: bigint; signal: AbortSignal | undefined; onProgress: ((progress: BackupProgress) => void) | undefined
  }) {
    this.source = options.source
    this.known = options.known
    this.uploader = options.uploader
    this.remembered = options.remembered
    this.startedNs = options.startedNs
    this.signal = options.signal
    this.metadata = new PackBuilder(options.source)
    this.tree = new TreeBuilder((digest, bytes) => this.keepMetadata(digest, bytes))
    this.bytesBefore = options.bytesBefore
    this.load = Array.from({ length: Math.max(1, options.workers) }, () => 0)
    this.pool = new WorkerPool({ code: BackupWorker, thread: './backup-thread' }, options.workers, { source: options.source, packBytes: this.packBytes }, {
      message: (answer, member) => this.receive(answer, member),
      failure: (error) => this.fail(error),
    })
    const { result, uploader } = this
    let lastEntries = 0
    this.report = () => {
      if (options.onProgress === undefined || result.entries === lastEntries) return
      lastEntries = result.entries
      options.onProgress({
        entries: result.entries, bytesRead: result.bytesRead, bytesUnchanged: this.bytesUnchanged,
        bytesUploaded: uploader.bytesUploaded, packsUploaded: uploader.uploaded.length,
      })
    }
  }

  async run(directory: string): Promise<PassResult> {
    try {
      const attributes = findExtendedAttributes(directory, (problem) => this.addProblem(problem))
      let steps = 0
      for (const walked of walk(directory)) {
        if ('kind' in walked) this.addProblem(walked)
        else this.addEntry(walked)
        if (++steps % 256 === 0) await this.breathe()
        if (this.mustWait()) await this.waitFor(() => !this.mustWait())
      }
      this.dispatch()
      await this.waitFor(() => this.batches.size === 0)
      const { started } = this.pool
      for (const member of started) member.send({ type: 'flush' })
      await this.waitFor(() => this.flushed === started.length)
      this.emit()
      this.remembered.finish()
      this.result.treeRoot = this.tree.finish()
      this.sealMetadata()
      await this.uploader.drain(0)
      this.result.notExamined = await attributes
      this.report()
      return this.result
    } finally {
      await this.pool.stop()
      await this.uploader.settle()
    }
  }

  /** What the threads' next packs aim at. Those of the tree stay small: they are few bytes, and one pack more. */
  private get packBytes(): number {
    return choosePackBytes(this.bytesBefore + this.uploader.bytesUploaded, this.load.length + maxPacksInFlight)
  }

  /** Seals what was kept so far, so that the next metadata goes into a pack of its own. */
  private sealMetadata(): void {
    if (this.metadata.isEmpty) return
    const pack = this.metadata.seal()
    assertSealed(pack, this.source)
    this.uploader.add(pack)
    this.metadata = new PackBuilder(this.source)
  }

  private keepMetadata(digest: Buffer, bytes: Buffer): void {
    if (!this.known.claim(digest)) return
    if (this.metadata.isFull) this.sealMetadata()
    this.metadata.add(digest, bytes)
  }

  /** Lets replies in, so that the store is kept busy while a large tree is walked. */
  private async breathe(): Promise<void> {
    this.signal?.throwIfAborted()
    this.report()
    await new Promise((resolve) => setImmediate(resolve))
    if (this.failure !== null) throw this.failure.error
  }

  private mustWait(): boolean {
    return this.queued.length > maxQueued || this.pending.length - this.head > maxPending
  }

  private async waitFor(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.failure !== null) throw this.failure.error
      this.signal?.throwIfAborted()
      this.dispatch()
      if (condition()) return
      const upload = this.uploader.inFlight > 0 ? this.uploader.drain(this.uploader.inFlight - 1) : null
      await Promise.race([new Promise<void>((resolve) => this.waiting.push(resolve)), ...(upload === null ? [] : [upload])])
    }
  }

  private fail(error: unknown): void {
    this.failure ??= { error }
    this.wake()
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve()
  }

  private addProblem(problem: Problem): void {
    const { result } = this
    result.problemCount++
    if (problem.kind === 'unreadable' || problem.kind === 'vanished' || problem.kind === 'changed') result.incomplete = true
    if (result.problems.length < 1000) result.problems.push(problem)
  }

  private addEntry(walked: WalkedEntry): void {
    const { entry, stats } = walked
    if (entry.type !== 'file') {
      if (entry.type !== 'directory' && entry.type !== 'symlink') {
        this.addProblem({ path: entry.path, kind: 'not-restorable', detail: `a ${entry.type} is recorded, but not restored` })
      }
      this.push({ kind: 'entry', entry })
      return
    }
    if (stats.nlink > 1n) {
      const { group, first } = this.links.find(stats)
      entry.linkGroup = group
      if (first !== undefined) {
        this.push({ kind: 'link', entry, first })
        return
      }
    }
    const file: PendingFile = { entry, stamp: stampOf(stats), segments: [], missing: 0, remembered: null }
    if (entry.linkGroup > 0) this.links.setFirst(stats, file)
    this.push({ kind: 'file', file })
    file.remembered = this.recall(entry.path, file.stamp)
    if (file.remembered === null) this.read(walked, file)
    this.emit()
  }

  private push(pending: Pending): void {
    this.pending.push(pending)
    if (pending.kind !== 'file') this.emit()
  }

  /** What the cache knows of an unchanged file, if all its chunks are in packs that may be reused. */
  private recall(path: Buffer, stamp: FileStamp): RememberedFile | null {
    const found = this.remembered.recall(sortKeyOf(path), stamp)
    if (found === null) return null
    const { digests } = found
    for (let offset = 0; offset < digests.length; offset += digestBytes) if (!this.known.has(digests, offset)) return null
    for (let offset = 0; offset < digests.length; offset += digestBytes) this.known.claim(digests, offset)
    return found
  }

  private read({ entry, absolute }: WalkedEntry, file: PendingFile): void {
    if (entry.size === 0) return
    const segments = Math.ceil(entry.size / segmentBytes)
    file.segments = Array.from({ length: segments }, () => null)
    file.missing = segments
    for (let segment = 0; segment < segments; segment++) {
      const offset = segment * segmentBytes
      const item = { absolute, stamp: file.stamp, offset, bytes: Math.min(segmentBytes, entry.size - offset) }
      if (this.open.bytes + item.bytes > partBytes || this.open.items.length >= batchFiles) this.queueOpen()
      this.open.items.push(item)
      this.open.owners.push({ file, segment })
      this.open.bytes += item.bytes
    }
  }

  private queueOpen(): void {
    if (this.open.items.length > 0) this.queued.push(this.open)
    this.open = { items: [], owners: [], bytes: 0 }
    this.dispatch()
  }

  /** Gives batches to the threads that have room, the least busy first. */
  private dispatch(): void {
    if (this.queued.length === 0 && this.open.items.length > 0) {
      this.queued.push(this.open)
      this.open = { items: [], owners: [], bytes: 0 }
    }
    while (this.queued.length > 0) {
      const least = this.load.indexOf(Math.min(...this.load))
      if (this.load[least]! >= batchesPerWorker) return
      const batch = this.queued.shift()!
      const number = this.nextBatch++
      const member = this.pool.members[least]!
      this.load[least]!++
      this.batches.set(number, { batch, member })
      member.send({ type: 'read', batch: number, items: batch.items })
    }
  }

  private receive(answer: FromBackupWorker, member: PoolMember<ToBackupWorker>): void {
    try {
      if (answer.type === 'read') this.receiveRead(answer, member)
      else if (answer.type === 'sealed') {
        this.packMemory.request((memory) => member.send({ type: 'begin', memory, packBytes: this.packBytes }, memory === undefined ? [] : [memory]))
        this.uploader.add(answer, (memory) => this.packMemory.giveBack(memory))
      } else if (answer.type === 'packed') {
        this.batches.delete(answer.batch)
        this.load[member.number]!--
        this.dispatch()
      } else this.flushed++
    } catch (error) {
      this.fail(error)
    }
    this.wake()
  }

  private receiveRead(answer: Extract<FromBackupWorker, { type: 'read' }>, member: PoolMember<ToBackupWorker>): void {
    const { batch } = this.batches.get(answer.batch)!
    const isNew: number[] = []
    for (const content of answer.contents) {
      content.lengths.forEach((bytes, index) => {
        const claimed = this.known.claim(content.digests, index * digestBytes)
        if (claimed) this.result.bytesNew += bytes
        isNew.push(claimed ? 1 : 0)
      })
    }
    this.result.bytesRead += answer.bytesRead
    member.send({ type: 'pack', batch: answer.batch, isNew: Uint8Array.from(isNew) })
    answer.contents.forEach((content, index) => {
      const { file, segment } = batch.owners[index]!
      const before = file.segments[segment] ?? null
      file.segments[segment] = before === null ? content : joinContents(before, content)
      if (answer.isLast) file.missing--
    })
    this.emit()
  }

  /** Adds to the tree what is at its turn and complete. */
  private emit(): void {
    while (this.head < this.pending.length) {
      const next = this.pending[this.head]!
      if (next.kind === 'file' && next.file.missing > 0) break
      this.head++
      if (next.kind === 'entry') this.addToTree(next.entry)
      else if (next.kind === 'file') this.emitFile(next.file)
      else this.emitLink(next.entry, next.first)
    }
    // What is done with must not live on until the collector moves it.
    if (this.head === this.pending.length || (this.head > 1024 && this.head * 2 > this.pending.length)) {
      this.pending.splice(0, this.head)
      this.head = 0
    }
  }

  private emitFile(file: PendingFile): void {
    if (file.remembered === null) this.emitRead(file)
    else this.emitUnchanged(file.entry, file.remembered)
  }

  private emitUnchanged(entry: TreeEntry, remembered: RememberedFile): void {
    this.remembered.keep(remembered)
    this.result.filesUnchanged++
    this.bytesUnchanged += entry.size
    this.addFile(entry, remembered)
  }

  private emitRead(file: PendingFile): void {
    const { entry } = file
    const segments = upToGap(file.segments.map((segment) => segment!), entry.size)
    const problem = problemOfSegments(file.segments)
    if (problem) this.addProblem({ path: entry.path, ...problem })
    const restamped = segments[0]?.restamped
    if (restamped) {
      file.stamp = restamped.stamp
      Object.assign(entry, { mode: restamped.mode, uid: restamped.uid, gid: restamped.gid, mtimeNs: restamped.stamp.mtimeNs })
      entry.sparse = restamped.blocks * 512 < restamped.stamp.size
    }
    // Without content an entry would restore as an empty file that looks whole.
    if (problem && problem.kind !== 'changed') return
    const lengths = segments.flatMap((segment) => segment.lengths)
    const digests = Buffer.concat(segments.map((segment) => segment.digests))
    if (!problem && file.stamp.ctimeNs < this.startedNs - racyNs) this.remembered.put(sortKeyOf(entry.path), file.stamp, { digests, lengths })
    this.addFile(entry, { digests, lengths })
  }

  private addFile(entry: TreeEntry, { digests, lengths }: { digests: Buffer; lengths: number[] }): void {
    entry.size = sumBytes(lengths)
    entry.content = foldContent({ digests, lengths }, (digest, bytes) => this.keepMetadata(digest, bytes))
    this.addToTree(entry)
  }

  private emitLink(entry: TreeEntry, first: PendingFile): void {
    const problem = problemOfSegments(first.segments)
    if (problem) this.addProblem({ path: entry.path, ...problem })
    if (problem && problem.kind !== 'changed') return
    const { size, content, sparse, mode, uid, gid, mtimeNs } = first.entry
    this.addToTree({ ...entry, size, content, sparse, mode, uid, gid, mtimeNs })
  }

  private lastPath: Buffer | null = null

  private addToTree(entry: TreeEntry): void {
    if (this.lastPath !== null && comparePaths(this.lastPath, entry.path) >= 0) throw new Error('the walk left the order of the tree')
    this.lastPath = entry.path
    this.tree.add(entry)
    this.result.entries++
    if (entry.type === 'file') {
      this.result.files++
      this.result.bytes += entry.size
    }
  }
}
