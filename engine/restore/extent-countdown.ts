// Counts down the extents that each file still lacks, and so knows when a file is complete.
import type { PlannedFiles } from '../../core/restore-plan/planned-entries.ts'
import type { PlannedRequest } from '../../core/restore-plan/restore-plan.ts'
import type { CorruptChunk } from './restore-message.ts'

export class ExtentCountdown {
  /** Files whose last extent was written. */
  filesDone = 0
  /** The files among them that no thread has finished, because their extents came in several messages. */
  readonly unfinished: number[] = []
  /** Extents that a file lacks; indexed by the number of the file. */
  private readonly remaining: Int32Array

  constructor(files: PlannedFiles) {
    this.remaining = new Int32Array(files.length)
    for (let file = 0; file < files.length; file++) this.remaining[file] = files.extentCountOf(file)
  }

  /** @param wholeFiles files with all their extents in this request: the thread has finished them. */
  recordWritten(
    request: PlannedRequest,
    corruptChunks: readonly CorruptChunk[],
    wholeFiles: ReadonlySet<number>,
  ): void {
    const isCorrupt = new Set(corruptChunks.map(({ frame, chunk }) => `${frame}.${chunk}`))
    request.frames.forEach(({ chunks }, frame) =>
      chunks.forEach(({ extents }, chunk) => {
        if (isCorrupt.size > 0 && isCorrupt.has(`${frame}.${chunk}`)) return
        for (const { file } of extents) {
          if (--this.remaining[file]! > 0) continue
          this.filesDone++
          if (!wholeFiles.has(file)) this.unfinished.push(file)
        }
      }),
    )
  }
}
