// The code of a restore's thread: decodes frames, compares each chunk with its hash, and writes it to its
// files.
import { closeSync, constants, ftruncateSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { digestBytes, sha256 } from '../../core/digest.ts'
import { isHoldfastError } from '../../core/errors.ts'
import { decodeFrame, releaseFrame } from '../../core/pack/pack.ts'
import type { Frame } from '../../core/pack/pack-footer.ts'
import { DirectoryHandles } from '../directory-handles.ts'
import { setMetadata } from './entry-metadata.ts'
import { ExtentReader } from './extent-reader.ts'
import { fileOf } from './restore-message.ts'
import type {
  CorruptChunk,
  FileColumns,
  FileTask,
  FromRestoreWorker,
  ToRestoreWorker,
} from './restore-message.ts'
import type { SendResponse, WorkerCode } from '../worker-pool.ts'

export interface RestoreWorkerData {
  root: string
  specialBits: boolean
  isResumed: boolean
}

type WriteMessage = Extract<ToRestoreWorker, { type: 'write' | 'prove' }>

const openFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW
const maxOpenFiles = 64
const zeros = Buffer.alloc(64 * 1024)

export class RestoreWorker implements WorkerCode<ToRestoreWorker> {
  private readonly directories: DirectoryHandles
  private readonly specialBits: boolean
  private readonly isResumed: boolean
  private readonly reply: SendResponse<FromRestoreWorker>
  private readonly openFiles = new Map<number, number>()
  /** The number of the file in work, for the message of a failure. */
  private current = -1

  constructor({ root, specialBits, isResumed }: RestoreWorkerData, reply: SendResponse<FromRestoreWorker>) {
    this.directories = new DirectoryHandles(root)
    this.specialBits = specialBits
    this.isResumed = isResumed
    this.reply = reply
  }

  receive(message: ToRestoreWorker): void {
    this.current = -1
    try {
      if (message.type === 'finish') this.reply(this.finish(message))
      else this.reply(message.type === 'write' ? this.write(message) : this.prove(message))
    } catch (error) {
      const { code = 'UNKNOWN', syscall = '', message: detail } = error as NodeJS.ErrnoException
      this.reply({ type: 'failed', job: message.job, code, syscall, file: this.current, detail })
    }
  }

  /** Needed for the calling thread, which lives on. The end of a thread closes its files anyway. */
  close(): void {
    for (const descriptor of this.openFiles.values()) closeSync(descriptor)
    this.openFiles.clear()
    this.directories.close()
  }

  private write(message: WriteMessage): FromRestoreWorker {
    const { chunks, extents: writes, files } = message
    const remainingExtents = Uint32Array.from(files.totalExtents)
    const corruptChunks: CorruptChunk[] = []
    const problems: { file: number; detail: string }[] = []
    let bytesWritten = 0
    let chunk = 0
    let write = 0
    for (const [frameNumber, { frame, chunkCount }] of message.frames.entries()) {
      const { raw, reason } = decode(message, frame)
      for (let inFrame = 0; inFrame < chunkCount; inFrame++, chunk++) {
        const start = chunks.offsetsInFrame[chunk]!
        const bytes = raw?.subarray(start, start + chunks.bytes[chunk]!)
        const isCorrupt =
          bytes === undefined ||
          !sha256(bytes).equals(chunks.digests.subarray(chunk * digestBytes, (chunk + 1) * digestBytes))
        if (isCorrupt)
          corruptChunks.push({
            frame: frameNumber,
            chunk: inFrame,
            detail: reason ?? `${message.packKey} has other bytes than a chunk's hash says`,
          })
        for (const end = write + chunks.extentCounts[chunk]!; write < end; write++) {
          if (isCorrupt) continue
          const row = writes.rows[write]!
          const file = fileOf(files, row)
          this.writeExtent(file, bytes, writes.offsets[write]!)
          bytesWritten += bytes.length
          // Finish it at once, because it is open. A file with a corrupt chunk never counts down to 0.
          if (file.totalExtents > 0 && --remainingExtents[row]! === 0) problems.push(...this.finishFile(file))
        }
      }
      if (raw !== undefined) releaseFrame(frame, raw)
    }
    return { type: 'done', job: message.job, bytesWritten, corruptChunks, problems }
  }

  /** Trusts no byte that doesn't have its hash: the interrupted restore may have ended within a write. */
  private prove(message: WriteMessage): FromRestoreWorker {
    const { chunks, extents, files } = message
    const unprovedExtents = Uint32Array.from(files.totalExtents)
    const missingChunks: CorruptChunk[] = []
    const problems: { file: number; detail: string }[] = []
    const reader = new ExtentReader(this.directories)
    let bytesFound = 0
    let chunk = 0
    let next = 0
    for (const [frame, { chunkCount }] of message.frames.entries()) {
      for (let inFrame = 0; inFrame < chunkCount; inFrame++, chunk++) {
        const first = next
        next += chunks.extentCounts[chunk]!
        const rows = extents.rows.subarray(first, next)
        const bytes = chunks.bytes[chunk]!
        const digest = chunks.digests.subarray(chunk * digestBytes, (chunk + 1) * digestBytes)
        if (
          !rows.every((row, at) =>
            reader.holds(fileOf(files, row), extents.offsets[first + at]!, bytes, digest),
          )
        ) {
          missingChunks.push({ frame, chunk: inFrame, detail: '' })
          continue
        }
        for (const row of rows) {
          const file = fileOf(files, row)
          bytesFound += bytes
          if (file.totalExtents > 0 && --unprovedExtents[row]! === 0) problems.push(...this.finishFile(file))
        }
      }
    }
    reader.close()
    return {
      type: 'done',
      job: message.job,
      bytesWritten: bytesFound,
      corruptChunks: missingChunks,
      problems,
    }
  }

  private finish(message: Extract<ToRestoreWorker, { type: 'finish' }>): FromRestoreWorker {
    const problems: { file: number; detail: string }[] = []
    for (const file of rowsOf(message.files)) {
      if (message.remove) this.remove(file)
      else problems.push(...this.finishFile(file))
    }
    return { type: 'done', job: message.job, bytesWritten: 0, corruptChunks: [], problems }
  }

  private writeExtent(file: FileTask, bytes: Buffer, offset: number): void {
    const descriptor = this.openFile(file)
    if (!file.sparse) {
      writeFully(descriptor, bytes, offset)
      return
    }
    // Skip blocks of zeros, so that a hole stays a hole.
    for (let start = 0; start < bytes.length; start += zeros.length) {
      const block = bytes.subarray(start, start + zeros.length)
      if (!block.equals(zeros.subarray(0, block.length))) writeFully(descriptor, block, offset + start)
    }
  }

  private openFile(file: FileTask): number {
    this.current = file.number
    const openDescriptor = this.openFiles.get(file.number)
    if (openDescriptor !== undefined) return openDescriptor
    if (this.openFiles.size >= maxOpenFiles) {
      const [oldest, descriptor] = this.openFiles.entries().next().value!
      this.openFiles.delete(oldest)
      closeSync(descriptor)
    }
    const descriptor = openSync(this.directories.at(file.path), openFlags, (file.mode & 0o777) | 0o600)
    this.openFiles.set(file.number, descriptor)
    return descriptor
  }

  private closeFile(file: FileTask): void {
    const descriptor = this.openFiles.get(file.number)
    if (descriptor === undefined) return
    this.openFiles.delete(file.number)
    closeSync(descriptor)
  }

  private finishFile(file: FileTask): { file: number; detail: string }[] {
    const descriptor = this.openFile(file)
    // Sets the size of a file that ends in a hole, and cuts what an interrupted restore may have left.
    if (file.sparse || this.isResumed) ftruncateSync(descriptor, file.size)
    const problems = setMetadata(descriptor, file, this.specialBits)
    this.closeFile(file)
    return problems.map((detail) => ({ file: file.number, detail }))
  }

  private remove(file: FileTask): void {
    this.closeFile(file)
    try {
      unlinkSync(this.directories.at(file.path))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
}

function* rowsOf(files: FileColumns): Generator<FileTask> {
  for (let row = 0; row < files.numbers.length; row++) yield fileOf(files, row)
}

/** The decoded bytes of a frame, or the reason without them. */
function decode(
  message: WriteMessage,
  frame: Frame,
): { raw: Buffer | undefined; reason: string | undefined } {
  const start = frame.offset - message.offset
  const stored = Buffer.from(message.data.buffer, message.data.byteOffset, message.data.byteLength).subarray(
    start,
    start + frame.storedBytes,
  )
  try {
    return { raw: decodeFrame(frame, stored, message.packKey), reason: undefined }
  } catch (error) {
    if (!isHoldfastError(error, 'damaged')) throw error
    return { raw: undefined, reason: error.message }
  }
}

function writeFully(descriptor: number, bytes: Buffer, offset: number): void {
  let written = 0
  while (written < bytes.length)
    written += writeSync(descriptor, bytes, written, bytes.length - written, offset + written)
}
