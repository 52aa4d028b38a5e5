// One pass over a source that a program sends. There is nothing to walk, and nothing to skip: all bytes arrive, are cut
// and hashed, and only chunks that no earlier pack holds are packed. No file is written on the way. While the store is
// behind, the program isn't read, so that memory doesn't grow.
import { release } from '../../core/bytes.ts'
import { PackBuilder, assertSealed } from '../../core/pack/pack.ts'
import { choosePackBytes } from '../../core/pack/pack-size.ts'
import type { TreeEntry } from '../../core/tree/tree-entry.ts'
import type { BackupProgress, Problem, StreamSink, StreamedSource } from '../operations.ts'
import { Selection } from '../selection.ts'
import type { PassResult } from './backup-pass.ts'
import { ContentCutter } from './content-cutter.ts'
import type { DedupIndex } from './dedup-index.ts'
import { LeftOutCounts } from './left-out.ts'
import type { PackUploader } from './pack-uploader.ts'
import { ProblemList } from './problem-list.ts'
import { SnapshotTree } from './snapshot-tree.ts'

/** Packs that may wait for the store, besides the one under construction. */
const maxPacksInFlight = 2
const reportIntervalMs = 1000

export interface StreamedPassOptions {
  source: string
  streamed: StreamedSource
  dedupIndex: DedupIndex
  uploader: PackUploader
  /** Size of the source's packs, as far as the cache has them. */
  bytesBefore: number
  signal: AbortSignal | undefined
  onProgress: ((progress: BackupProgress) => void) | undefined
}

interface OpenFile {
  entry: TreeEntry
  digests: Buffer[]
  lengths: number[]
}

export class StreamedPass implements StreamSink {
  private readonly options: StreamedPassOptions
  private readonly tree: SnapshotTree
  private readonly cutter = new ContentCutter((digest, bytes) => this.addChunk(digest, bytes))
  private readonly problems = new ProblemList()
  private readonly freeBuffers: ArrayBuffer[] = []
  private builder: PackBuilder
  private file: OpenFile | null = null
  private bytesRead = 0
  private bytesNew = 0

  constructor(options: StreamedPassOptions) {
    this.options = options
    this.tree = new SnapshotTree({ ...options, isUnordered: true })
    this.builder = this.nextBuilder()
  }

  async run(): Promise<PassResult> {
    const { streamed, uploader } = this.options
    const reports = setInterval(() => this.report(), reportIntervalMs)
    try {
      const { base } = await streamed.send(this)
      this.endFile()
      this.seal()
      const treeRoot = this.tree.finish()
      await uploader.drain(0)
      this.report()
      return this.result(treeRoot, base)
    } finally {
      clearInterval(reports)
      await uploader.settle()
    }
  }

  begin(entry: TreeEntry): void {
    this.options.signal?.throwIfAborted()
    this.endFile()
    if (entry.type === 'file') this.file = { entry, digests: [], lengths: [] }
    else this.tree.add(entry)
  }

  write(bytes: Buffer): void {
    this.bytesRead += bytes.length
    this.cutter.write(bytes)
  }

  addProblem(problem: Problem): void {
    this.problems.add(problem)
  }

  get isBehind(): boolean {
    return this.options.uploader.inFlight > maxPacksInFlight
  }

  async drain(): Promise<void> {
    await this.options.uploader.drain(maxPacksInFlight)
    this.options.signal?.throwIfAborted()
  }

  private endFile(): void {
    if (this.file === null) return
    this.cutter.endFile()
    const { entry, digests, lengths } = this.file
    this.file = null
    this.tree.addFile(entry, { digests: Buffer.concat(digests), lengths })
  }

  private addChunk(digest: Buffer, bytes: Buffer): void {
    this.file!.digests.push(digest)
    this.file!.lengths.push(bytes.length)
    if (!this.options.dedupIndex.markUsed(digest)) return
    this.bytesNew += bytes.length
    if (this.builder.isFull) this.seal()
    this.builder.add(digest, bytes)
  }

  private seal(): void {
    const { source, uploader } = this.options
    if (this.builder.isEmpty) return
    const sealed = this.builder.seal()
    assertSealed(sealed, source)
    uploader.add(sealed, (buffer) => {
      if (this.freeBuffers.length < maxPacksInFlight) this.freeBuffers.push(buffer)
      else release(new Uint8Array(buffer))
    })
    this.builder = this.nextBuilder()
  }

  private nextBuilder(): PackBuilder {
    const { source, bytesBefore, uploader } = this.options
    const bytes = choosePackBytes(bytesBefore + uploader.bytesUploaded, 1 + maxPacksInFlight)
    return new PackBuilder(source, this.freeBuffers.pop(), Math.min(bytes, uploader.maxPackBytes))
  }

  private report(): void {
    const { onProgress, uploader } = this.options
    onProgress?.({
      entries: this.tree.entries,
      bytesRead: this.bytesRead,
      bytesUnchanged: 0,
      bytesUploaded: uploader.bytesUploaded,
      packsUploaded: uploader.uploaded.length,
    })
  }

  private result(treeRoot: Buffer, base: PassResult['base']): PassResult {
    return {
      treeRoot,
      base,
      entries: this.tree.entries,
      files: this.tree.files,
      bytes: this.tree.bytes,
      filesUnchanged: 0,
      filesReread: 0,
      bytesRead: this.bytesRead,
      bytesNew: this.bytesNew,
      problems: this.problems.problems,
      problemCount: this.problems.count,
      incomplete: this.problems.isIncomplete,
      hasMoved: false,
      leftOut: new LeftOutCounts(new Selection()),
      notExamined: null,
    }
  }
}
