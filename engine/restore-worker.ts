// What a thread of a restore does: decodes frames, checks each chunk against its hash, and writes it where the plan says.
import { closeSync, constants, ftruncateSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { sha256 } from '../core/digest.ts'
import { isHoldfastError } from '../core/errors.ts'
import { decodeFrame } from '../core/pack.ts'
import type { Frame } from '../core/pack-footer.ts'
import { DirectoryHandles } from './directory-handles.ts'
import { setMetadata } from './entry-metadata.ts'
import type { Metadata } from './entry-metadata.ts'
import type { Reply, WorkerCode } from './worker-pool.ts'

export interface FileTask extends Metadata {
  number: number
  path: Uint8Array
  size: number
  sparse: boolean
  /** All its pieces are in this message: make it, fill it and finish it at once. */
  whole: boolean
}

export interface ChunkTask {
  offsetInFrame: number
  bytes: number
  digest: Uint8Array
  writes: { file: number; offset: number }[]
}

export type ToRestoreWorker =
  | { type: 'write'; job: number; data: Uint8Array; offset: number; what: string; frames: { frame: Frame; chunks: ChunkTask[] }[]; files: FileTask[] }
  /** Files whose last piece was written (or that have none), or that are damaged and must go. */
  | { type: 'finish'; job: number; files: FileTask[]; remove: boolean }

export type FromRestoreWorker =
  | { type: 'done'; job: number; bytesWritten: number; bad: BadChunk[]; problems: { file: number; detail: string }[] }
  | { type: 'failed'; job: number; code: string; syscall: string; file: number; detail: string }

export interface BadChunk {
  /** Index of the frame and of the chunk in the message. */
  frame: number
  chunk: number
  detail: string
}

const openFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW
const maxOpenFiles = 64
const zeros = Buffer.alloc(64 * 1024)

export class RestoreWorker implements WorkerCode<ToRestoreWorker> {
  private directories: DirectoryHandles
  private specialBits: boolean
  private reply: Reply<FromRestoreWorker>
  private openFiles = new Map<number, number>()
  /** What is being written, for a failure's message. */
  private current = -1

  constructor({ root, specialBits }: { root: string; specialBits: boolean }, reply: Reply<FromRestoreWorker>) {
    this.directories = new DirectoryHandles(root)
    this.specialBits = specialBits
    this.reply = reply
  }

  receive(message: ToRestoreWorker): void {
    this.current = -1
    try {
      this.reply(message.type === 'write' ? this.write(message) : this.finish(message))
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
    const data = Buffer.from(message.data.buffer, message.data.byteOffset, message.data.byteLength)
    const files = new Map(message.files.map((file) => [file.number, file]))
    const bad: BadChunk[] = []
    const spoiled = new Set<number>()
    let bytesWritten = 0
    message.frames.forEach(({ frame, chunks }, frameNumber) => {
      let raw: Buffer | null = null
      let reason = ''
      try {
        raw = decodeFrame(frame, data.subarray(frame.offset - message.offset, frame.offset - message.offset + frame.storedBytes), message.what)
      } catch (error) {
        if (!isHoldfastError(error, 'damaged')) throw error
        reason = error.message
      }
      chunks.forEach((chunk, chunkNumber) => {
        const bytes = raw?.subarray(chunk.offsetInFrame, chunk.offsetInFrame + chunk.bytes)
        if (bytes === undefined || !sha256(bytes).equals(chunk.digest)) {
          bad.push({ frame: frameNumber, chunk: chunkNumber, detail: bytes === undefined ? reason : `${message.what} has other bytes than a chunk's hash says` })
          for (const { file } of chunk.writes) spoiled.add(file)
          return
        }
        for (const { file, offset } of chunk.writes) {
          this.writePiece(files.get(file)!, bytes, offset)
          bytesWritten += bytes.length
        }
      })
    })
    const problems = this.finishFiles(message.files.filter((file) => file.whole && !spoiled.has(file.number)))
    return { type: 'done', job: message.job, bytesWritten, bad, problems }
  }

  private finish(message: Extract<ToRestoreWorker, { type: 'finish' }>): FromRestoreWorker {
    let problems: { file: number; detail: string }[] = []
    if (message.remove) message.files.forEach((file) => this.remove(file))
    else problems = this.finishFiles(message.files)
    return { type: 'done', job: message.job, bytesWritten: 0, bad: [], problems }
  }

  private writePiece(file: FileTask, bytes: Buffer, offset: number): void {
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
    const known = this.openFiles.get(file.number)
    if (known !== undefined) return known
    if (this.openFiles.size >= maxOpenFiles) {
      const [oldest, descriptor] = this.openFiles.entries().next().value!
      this.openFiles.delete(oldest)
      closeSync(descriptor)
    }
    const descriptor = openSync(this.directories.at(Buffer.from(file.path)), openFlags, 0o600)
    this.openFiles.set(file.number, descriptor)
    return descriptor
  }

  private closeFile(file: FileTask): void {
    const descriptor = this.openFiles.get(file.number)
    if (descriptor === undefined) return
    this.openFiles.delete(file.number)
    closeSync(descriptor)
  }

  private finishFiles(files: FileTask[]): { file: number; detail: string }[] {
    return files.flatMap((file) => {
      const descriptor = this.openFile(file)
      // Sets the size of a file that ends in a hole, and cuts what an interrupted restore may have left.
      ftruncateSync(descriptor, file.size)
      const problems = setMetadata(descriptor, file, this.specialBits)
      this.closeFile(file)
      return problems.map((detail) => ({ file: file.number, detail }))
    })
  }

  private remove(file: FileTask): void {
    this.closeFile(file)
    try {
      unlinkSync(this.directories.at(Buffer.from(file.path)))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
}

function writeFully(descriptor: number, bytes: Buffer, offset: number): void {
  let written = 0
  while (written < bytes.length) written += writeSync(descriptor, bytes, written, bytes.length - written, offset + written)
}
