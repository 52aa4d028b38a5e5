// What a thread of a restore is told, and answers. Files and chunks are columns: of tiny files there are tens of thousands
// in a message, and as objects they would take ten times the bytes that they describe.
import { digestBytes } from '../../core/digest.ts'
import type { Frame } from '../../core/pack/pack-footer.ts'
import type { PlannedFiles } from '../../core/restore-plan/planned-entries.ts'
import type { Metadata } from './entry-metadata.ts'

/** Rows of files. */
export interface FileColumns {
  numbers: Uint32Array<ArrayBuffer>
  /** One behind the other. */
  paths: Uint8Array<ArrayBuffer>
  pathEnds: Uint32Array<ArrayBuffer>
  sizes: Float64Array<ArrayBuffer>
  modes: Uint32Array<ArrayBuffer>
  uids: Uint32Array<ArrayBuffer>
  gids: Uint32Array<ArrayBuffer>
  mtimesNs: BigInt64Array<ArrayBuffer>
  sparse: Uint8Array<ArrayBuffer>
  /** How many pieces of a file are in the message, if these are all that it has; 0 if more come, or came, in others. */
  totalExtents: Uint32Array<ArrayBuffer>
}

export interface ChunkColumns {
  offsetsInFrame: Uint32Array<ArrayBuffer>
  bytes: Uint32Array<ArrayBuffer>
  digests: Uint8Array<ArrayBuffer>
  /** How many of the writes are the chunk's. */
  extentCounts: Uint32Array<ArrayBuffer>
}

/** Pieces of files: the row of the file, and where in it. */
export interface ExtentColumns {
  rows: Uint32Array<ArrayBuffer>
  offsets: Float64Array<ArrayBuffer>
}

export type ToRestoreWorker =
  | {
      type: 'write'
      job: number
      packKey: string
      /** What lies in the pack from `offset`. Shared memory is the thread's until it answers. */
      data: Uint8Array
      offset: number
      frames: { frame: Frame; chunkCount: number }[]
      chunks: ChunkColumns
      extents: ExtentColumns
      files: FileColumns
    }
  /** Files whose last piece was written (or that have none), or that are damaged and must go. */
  | { type: 'finish'; job: number; files: FileColumns; remove: boolean }

export type FromRestoreWorker =
  | {
      type: 'done'
      job: number
      bytesWritten: number
      corruptChunks: CorruptChunk[]
      problems: { file: number; detail: string }[]
    }
  | { type: 'failed'; job: number; code: string; syscall: string; file: number; detail: string }

export interface CorruptChunk {
  /** Index of the frame in the message, and of the chunk in the frame. */
  frame: number
  chunk: number
  detail: string
}

/** A row. */
export interface FileTask extends Metadata {
  number: number
  path: Buffer
  size: number
  sparse: boolean
  totalExtents: number
}

export function fileColumns(
  files: PlannedFiles,
  rows: readonly { number: number; totalExtents: number }[],
): FileColumns {
  const count = rows.length
  const paths = rows.map(({ number }) => files.pathOf(number))
  const columns: FileColumns = {
    numbers: new Uint32Array(count),
    paths: new Uint8Array(paths.reduce((sum, path) => sum + path.length, 0)),
    pathEnds: new Uint32Array(count),
    sizes: new Float64Array(count),
    modes: new Uint32Array(count),
    uids: new Uint32Array(count),
    gids: new Uint32Array(count),
    mtimesNs: new BigInt64Array(count),
    sparse: new Uint8Array(count),
    totalExtents: new Uint32Array(count),
  }
  let end = 0
  rows.forEach(({ number, totalExtents }, row) => {
    const { mode, uid, gid, mtimeNs } = files.metadataOf(number)
    columns.numbers[row] = number
    columns.paths.set(paths[row]!, end)
    columns.pathEnds[row] = end += paths[row]!.length
    columns.sizes[row] = files.sizeOf(number)
    columns.modes[row] = mode
    columns.uids[row] = uid
    columns.gids[row] = gid
    columns.mtimesNs[row] = mtimeNs
    columns.sparse[row] = files.isSparse(number) ? 1 : 0
    columns.totalExtents[row] = totalExtents
  })
  return columns
}

export function fileOf(columns: FileColumns, row: number): FileTask {
  const start = row === 0 ? 0 : columns.pathEnds[row - 1]!
  return {
    number: columns.numbers[row]!,
    path: Buffer.from(columns.paths.buffer, start, columns.pathEnds[row]! - start),
    size: columns.sizes[row]!,
    sparse: columns.sparse[row] === 1,
    totalExtents: columns.totalExtents[row]!,
    mode: columns.modes[row]!,
    uid: columns.uids[row]!,
    gid: columns.gids[row]!,
    mtimeNs: columns.mtimesNs[row]!,
  }
}

export function makeChunkColumns(count: number): ChunkColumns {
  return {
    offsetsInFrame: new Uint32Array(count),
    bytes: new Uint32Array(count),
    digests: new Uint8Array(count * digestBytes),
    extentCounts: new Uint32Array(count),
  }
}

/** The memory of columns, to be handed over with them. */
export function buffersOf(...groups: (FileColumns | ChunkColumns | ExtentColumns)[]): ArrayBuffer[] {
  return groups
    .flatMap((columns) => Object.values(columns) as { buffer: ArrayBuffer }[])
    .map(({ buffer }) => buffer)
}
