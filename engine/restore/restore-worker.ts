// What a thread of a restore does: decodes frames, checks each chunk against its hash, and writes it where the plan says.
import { closeSync, constants, ftruncateSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { digestBytes, sha256 } from '../../core/digest.ts'
import { isHoldfastError } from '../../core/errors.ts'
import { decodeFrame, releaseFrame } from '../../core/pack/pack.ts'
import type { Frame } from '../../core/pack/pack-footer.ts'
import { DirectoryHandles } from './directory-handles.ts'
import { setMetadata } from './entry-metadata.ts'
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

const openFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW
const maxOpenFiles = 64
const zeros = Buffer.alloc(64 * 1024)

export class RestoreWorker implements WorkerCode<ToRestoreWorker> {
  private readonly directories: DirectoryHandles
  private readonly specialBits: boolean
  private readonly isResumed: boolean
  private readonly reply: SendResponse<FromRestoreWorker>
  private readonly openFiles = new Map<number, number>()
  /** What is being written, for a failure's message. */
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
      if (message.type === 'write') this.reply(this.write(message))
      else this.reply(this.finish(message))
    } catch (error) {
      const { code = 'UNKNOWN', syscall = '', message: detail } = error as NodeJS.ErrnoException
      this.reply({ type: 'failed', job: message.job, code, syscall, file: this.current, detail })
    }
  }

  /** A thread that ends closes what it opened; the calling thread goes on. */
  close(): void {
    for (const descriptor of this.openFiles.values()) closeSync(descriptor)
    this.openFiles.clear()
    this.directories.close()
  }

  private write(message: Extract<ToRestoreWorker, { type: 'write' }>): FromRestoreWorker {
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
          // At once, while it is open. One that lacks a piece never gets there.
          if (file.totalExtents > 0 && --remainingExtents[row]! === 0) problems.push(...this.finishFile(file))
        }
      }
      if (raw !== undefined) releaseFrame(frame, raw)
    }
    return { type: 'done', job: message.job, bytesWritten, corruptChunks, problems }
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
    // A hole stays one: its zeros are not written.
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

/** A frame's bytes, or why there are none. */
function decode(
  message: Extract<ToRestoreWorker, { type: 'write' }>,
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
