// Messages between a restore and its threads. Files and chunks are columns, because a message may describe
// tens of thousands of tiny files. As objects these would take ten times the memory of their content.
import { digestBytes } from '../../core/digest.ts'
import type { Frame } from '../../core/pack/pack-footer.ts'
import type { PlannedFiles } from '../../core/restore-plan/planned-entries.ts'
import type { Metadata } from './entry-metadata.ts'

/** Rows of files. */
export interface FileColumns {
  numbers: Uint32Array<ArrayBuffer>
  /** All paths, concatenated. */
  paths: Uint8Array<ArrayBuffer>
  pathEnds: Uint32Array<ArrayBuffer>
  sizes: Float64Array<ArrayBuffer>
  modes: Uint32Array<ArrayBuffer>
  uids: Uint32Array<ArrayBuffer>
  gids: Uint32Array<ArrayBuffer>
  mtimesNs: BigInt64Array<ArrayBuffer>
  sparse: Uint8Array<ArrayBuffer>
  /** The file's extents, if all of them are in this message; 0 if other messages hold some. */
  totalExtents: Uint32Array<ArrayBuffer>
}

export interface ChunkColumns {
  offsetsInFrame: Uint32Array<ArrayBuffer>
  bytes: Uint32Array<ArrayBuffer>
  digests: Uint8Array<ArrayBuffer>
  /** Extents of each chunk. */
  extentCounts: Uint32Array<ArrayBuffer>
}

/** Extents of files: the row of the file, and the offset in the file. */
export interface ExtentColumns {
  rows: Uint32Array<ArrayBuffer>
  offsets: Float64Array<ArrayBuffer>
}

export type ToRestoreWorker =
  | {
      /** `prove`: no data; looks which extents are on the disk, and names the chunks of the others as corrupt. */
      type: 'write' | 'prove'
      job: number
      packKey: string
      /** The pack's bytes from `offset`. The thread owns a shared buffer until it responds. */
      data: Uint8Array
      offset: number
      frames: { frame: Frame; chunkCount: number }[]
      chunks: ChunkColumns
      extents: ExtentColumns
      files: FileColumns
    }
  /** Finishes files with all extents written, or without any; or removes damaged files. */
  | { type: 'finish'; job: number; files: FileColumns; remove: boolean }

export type FromRestoreWorker =
  | {
      type: 'done'
      job: number
      /** Or the bytes that are on the disk already. */
      bytesWritten: number
      corruptChunks: CorruptChunk[]
      problems: { file: number; detail: string }[]
    }
  | { type: 'failed'; job: number; code: string; syscall: string; file: number; detail: string }

export interface CorruptChunk {
  /** Index in the message. */
  frame: number
  /** Index in the frame. */
  chunk: number
  detail: string
}

/** A row of the columns. */
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

/** The buffers of the columns, to transfer with the message. */
export function buffersOf(...groups: (FileColumns | ChunkColumns | ExtentColumns)[]): ArrayBuffer[] {
  return groups
    .flatMap((columns) => Object.values(columns) as { buffer: ArrayBuffer }[])
    .map(({ buffer }) => buffer)
}
