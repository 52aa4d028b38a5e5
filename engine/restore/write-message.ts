// Makes the message that tells a thread which chunks to decode from fetched bytes, and where in which files to write
// them.
import { digestBytes } from '../../core/digest.ts'
import { digestOf } from '../../core/pack/pack.ts'
import type { PackFooter } from '../../core/pack/pack-footer.ts'
import type { PlannedFiles } from '../../core/restore-plan/planned-entries.ts'
import type { PlannedRequest } from '../../core/restore-plan/restore-plan.ts'
import { fileColumns, makeChunkColumns } from './restore-message.ts'
import type { ChunkColumns, ExtentColumns, ToRestoreWorker } from './restore-message.ts'

export interface FetchedRange {
  packKey: string
  data: Uint8Array
  offset: number
}

type WriteMessage = Extract<ToRestoreWorker, { type: 'write' | 'prove' }>

/** Returns also the files with all their extents in this message: the thread finishes them at once. */
export function makeWriteMessage(
  files: PlannedFiles,
  footer: PackFooter,
  request: PlannedRequest,
  range: FetchedRange,
): { message: WriteMessage; wholeFiles: Set<number> } {
  const { frames, chunks, extents, fileRows } = columnsOf(request, footer)
  const rows = [...fileRows].map(([number, { extentCount }]) => ({
    number,
    totalExtents: extentCount === files.extentCountOf(number) ? extentCount : 0,
  }))
  const wholeFiles = new Set(rows.filter(({ totalExtents }) => totalExtents > 0).map(({ number }) => number))
  return {
    message: { type: 'write', job: 0, ...range, frames, chunks, extents, files: fileColumns(files, rows) },
    wholeFiles,
  }
}

interface RequestColumns {
  frames: WriteMessage['frames']
  chunks: ChunkColumns
  extents: ExtentColumns
  /** The files of the request, in the order of their rows. */
  fileRows: ReadonlyMap<number, FileRow>
}

interface FileRow {
  row: number
  /** The file's extents in this request. */
  extentCount: number
}

function columnsOf(request: PlannedRequest, footer: PackFooter): RequestColumns {
  let [chunkCount, extentCount] = [0, 0]
  for (const frame of request.frames) {
    chunkCount += frame.chunkCount
    extentCount += frame.extentCount
  }
  const chunks = makeChunkColumns(chunkCount)
  const extents = { rows: new Uint32Array(extentCount), offsets: new Float64Array(extentCount) }
  const fileRows = new Map<number, FileRow>()
  let chunk = 0
  let extent = 0
  const frames = request.frames.map(({ frame, chunks: plannedChunks }) => {
    let offsetInFrame = 0
    let at = frame.firstChunk
    for (const { chunk: number, extents: fileExtents } of plannedChunks) {
      for (; at < number; at++) offsetInFrame += footer.lengths[at]!
      chunks.offsetsInFrame[chunk] = offsetInFrame
      chunks.bytes[chunk] = footer.lengths[number]!
      chunks.digests.set(digestOf(footer, number), chunk * digestBytes)
      chunks.extentCounts[chunk++] = fileExtents.length
      for (const { file, offset } of fileExtents) {
        let entry = fileRows.get(file)
        if (entry === undefined) fileRows.set(file, (entry = { row: fileRows.size, extentCount: 0 }))
        entry.extentCount++
        extents.rows[extent] = entry.row
        extents.offsets[extent++] = offset
      }
    }
    return { frame, chunkCount: plannedChunks.length }
  })
  return { frames, chunks, extents, fileRows }
}
