// A thread of a restore: decodes frames, checks each chunk against its hash, and writes it where the plan says.
import { closeSync, constants, ftruncateSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { sha256 } from '../core/digest.ts'
import { isHoldfastError } from '../core/errors.ts'
import { decodeFrame } from '../core/pack.ts'
import type { Frame } from '../core/pack-footer.ts'
import { DirectoryHandles } from './directory-handles.ts'
import { setMetadata } from './entry-metadata.ts'
import type { Metadata } from './entry-metadata.ts'

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

const { root, specialBits } = workerData as { root: string; specialBits: boolean }
const port = parentPort!
const directories = new DirectoryHandles(root)
const openFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW
const maxOpenFiles = 64
const zeros = Buffer.alloc(64 * 1024)
const openFiles = new Map<number, number>()
/** What is being written, for a failure's message. */
let current = -1

port.on('message', (message: ToRestoreWorker) => {
  current = -1
  try {
    port.postMessage(message.type === 'write' ? write(message) : finish(message))
  } catch (error) {
    const { code = 'UNKNOWN', syscall = '', message: detail } = error as NodeJS.ErrnoException
    port.postMessage({ type: 'failed', job: message.job, code, syscall, file: current, detail } satisfies FromRestoreWorker)
  }
})

function write(message: Extract<ToRestoreWorker, { type: 'write' }>): FromRestoreWorker {
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
        writePiece(files.get(file)!, bytes, offset)
        bytesWritten += bytes.length
      }
    })
  })
  const problems = finishFiles(message.files.filter((file) => file.whole && !spoiled.has(file.number)))
  return { type: 'done', job: message.job, bytesWritten, bad, problems }
}

function finish(message: Extract<ToRestoreWorker, { type: 'finish' }>): FromRestoreWorker {
  let problems: { file: number; detail: string }[] = []
  if (message.remove) message.files.forEach(remove)
  else problems = finishFiles(message.files)
  return { type: 'done', job: message.job, bytesWritten: 0, bad: [], problems }
}

function writePiece(file: FileTask, bytes: Buffer, offset: number): void {
  const descriptor = openFile(file)
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

function writeFully(descriptor: number, bytes: Buffer, offset: number): void {
  let written = 0
  while (written < bytes.length) written += writeSync(descriptor, bytes, written, bytes.length - written, offset + written)
}

function openFile(file: FileTask): number {
  current = file.number
  const known = openFiles.get(file.number)
  if (known !== undefined) return known
  if (openFiles.size >= maxOpenFiles) {
    const [oldest, descriptor] = openFiles.entries().next().value!
    openFiles.delete(oldest)
    closeSync(descriptor)
  }
  const descriptor = openSync(directories.at(Buffer.from(file.path)), openFlags, 0o600)
  openFiles.set(file.number, descriptor)
  return descriptor
}

function closeFile(file: FileTask): void {
  const descriptor = openFiles.get(file.number)
  if (descriptor === undefined) return
  openFiles.delete(file.number)
  closeSync(descriptor)
}

function finishFiles(files: FileTask[]): { file: number; detail: string }[] {
  return files.flatMap((file) => {
    const descriptor = openFile(file)
    // Sets the size of a file that ends in a hole, and cuts what an interrupted restore may have left.
    ftruncateSync(descriptor, file.size)
    const problems = setMetadata(descriptor, file, specialBits)
    closeFile(file)
    return problems.map((detail) => ({ file: file.number, detail }))
  })
}

function remove(file: FileTask): void {
  closeFile(file)
  try {
    unlinkSync(directories.at(Buffer.from(file.path)))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}
