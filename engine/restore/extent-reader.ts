// Reads back extents that an interrupted restore may have written, to compare them with their hashes.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { sha256 } from '../../core/digest.ts'
import { maxFrameRawBytes } from '../../core/limits.ts'
import type { DirectoryHandles } from '../directory-handles.ts'
import type { FileTask } from './restore-message.ts'

/** A pipe in the file's place must not make the open wait. */
const openFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

export class ExtentReader {
  private readonly directories: DirectoryHandles
  private buffer = Buffer.alloc(0)
  /**
   * The last file, because the extents of a large file follow each other. The descriptor is null without a regular
   * file.
   */
  private last: { file: number; descriptor: number | null } | null = null

  constructor(directories: DirectoryHandles) {
    this.directories = directories
  }

  /** Whether the file has these bytes at this offset. */
  holds(file: FileTask, offset: number, bytes: number, digest: Uint8Array): boolean {
    const descriptor = this.open(file)
    if (descriptor === null || bytes > maxFrameRawBytes) return false
    if (this.buffer.length < bytes) this.buffer = Buffer.allocUnsafeSlow(bytes)
    for (let length = 0; length < bytes;) {
      const read = readSync(descriptor, this.buffer, length, bytes - length, offset + length)
      if (read === 0) return false
      length += read
    }
    return sha256(this.buffer.subarray(0, bytes)).equals(digest)
  }

  close(): void {
    const descriptor = this.last?.descriptor ?? null
    if (descriptor !== null) closeSync(descriptor)
    this.last = null
  }

  private open({ number, path }: FileTask): number | null {
    if (this.last?.file !== number) {
      this.close()
      this.last = { file: number, descriptor: openRegular(this.directories.at(path)) }
    }
    return this.last.descriptor
  }
}

/** Null without a regular file of this name. */
function openRegular(path: Buffer): number | null {
  let descriptor: number
  try {
    descriptor = openSync(path, openFlags)
  } catch (error) {
    if (['ENOENT', 'ELOOP', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return null
    throw error
  }
  if (fstatSync(descriptor).isFile()) return descriptor
  closeSync(descriptor)
  return null
}
