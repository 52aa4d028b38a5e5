// Reads files of a tree that may be hostile, or may change meanwhile. It follows no link, waits for no pipe,
// and reads each file once, into one buffer.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import type { SkipReason } from './finding.ts'
import { isBinary } from './text.ts'

export type FileContent =
  | {
      /** Valid until the next file is read. */
      bytes: Uint8Array
      /** The file grew or shrank while it was read. */
      hasChanged: boolean
    }
  /** No reason for what is no file, or was read before. */
  | { reason: SkipReason | null; detail?: string }

/** A file that is gone since its directory was listed has changed. */
export function failureOf({ code }: NodeJS.ErrnoException): { reason: SkipReason; detail: string } {
  return { reason: code === 'ENOENT' ? 'changed' : 'unreadable', detail: code ?? 'unknown error' }
}

/** A file of /proc says that it is empty. */
const minReadBytes = 65_536

export class FileReader {
  private readonly maxBytes: number
  private buffer = Buffer.alloc(minReadBytes)
  /** Inodes by device. */
  private readonly seen = new Map<number, Set<number>>()

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  read(path: Buffer): FileContent {
    let file
    try {
      file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
      const { dev, ino, size, mode } = fstatSync(file)
      if ((mode & constants.S_IFMT) !== constants.S_IFREG || this.isSeen(dev, ino)) return { reason: null }
      const length = this.fill(file, size)
      if (length === null) return { reason: 'binary' }
      if (size > this.maxBytes || length > this.maxBytes) return { reason: 'too-large' }
      return { bytes: this.buffer.subarray(0, length), hasChanged: size > 0 && length !== size }
    } catch (error) {
      return failureOf(error as NodeJS.ErrnoException)
    } finally {
      if (file !== undefined) closeSync(file)
    }
  }

  /** Null for a binary file. One byte more than allowed shows that a file has grown past the limit. */
  private fill(file: number, size: number): number | null {
    const capacity =
      size > this.maxBytes ? minReadBytes : Math.min(Math.max(size + 1, minReadBytes), this.maxBytes + 1)
    // Few sizes, because every buffer that is given up stays until the next collection.
    if (this.buffer.length < capacity) this.buffer = Buffer.alloc(Math.max(capacity, 4 * this.buffer.length))
    let length = 0
    while (length < capacity) {
      // Most binary files show in their first bytes what they are: the others need not be read.
      const requestBytes = length === 0 ? Math.min(capacity, minReadBytes) : capacity - length
      const bytesRead = readSync(file, this.buffer, length, requestBytes, null)
      if (bytesRead === 0) break
      if (length === 0 && isBinary(this.buffer.subarray(0, bytesRead))) return null
      length += bytesRead
    }
    return length
  }

  private isSeen(device: number, inode: number): boolean {
    const inodes = this.seen.get(device) ?? new Set()
    if (inodes.has(inode)) return true
    this.seen.set(device, inodes.add(inode))
    return false
  }
}
