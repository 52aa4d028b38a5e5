// Reads files of a source in a worker thread: bytes into one buffer, cut into chunks, hashed.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import type { BigIntStats } from 'node:fs'
import { findCut } from '../core/chunker.ts'
import { digestBytes, sha256 } from '../core/digest.ts'
import { sameStamp, stampOf } from './file-stamp.ts'
import type { FileStamp } from './file-stamp.ts'
import { reasonOf } from './walk.ts'

/** A whole small file, or a segment of a large one. */
export interface ReadItem {
  absolute: Uint8Array
  stamp: FileStamp
  offset: number
  bytes: number
}

export interface ItemContent {
  digests: Uint8Array
  lengths: number[]
  /** What fstat said after reading, if the file as read differs from the stamp: the entry must say what was read. */
  restamped: { stamp: FileStamp; mode: number; uid: number; gid: number; blocks: number } | null
  problem: { kind: 'unreadable' | 'vanished' | 'changed'; detail: string } | null
}

/** Chunks of a batch: where each lies in the batch's buffer. */
export interface BatchChunk {
  digest: Buffer
  offset: number
  bytes: number
}

/** No batch has more bytes: a segment of a large file. */
export const maxBatchBytes = 16 * 1024 * 1024

const attempts = 3

/** Reads the items one after the other into `buffer`, which has room for all of them. */
export function readBatch(items: readonly ReadItem[], buffer: Buffer): { contents: ItemContent[]; chunks: BatchChunk[] } {
  const chunks: BatchChunk[] = []
  const contents: ItemContent[] = []
  let used = 0
  for (const item of items) {
    const read = readItem(item, buffer.subarray(used, used + item.bytes))
    const first = chunks.length
    for (let start = used; start < used + read.bytes;) {
      const end = findCut(buffer, start, used + read.bytes)
      chunks.push({ digest: sha256(buffer.subarray(start, end)), offset: start, bytes: end - start })
      start = end
    }
    used += read.bytes
    const own = chunks.slice(first)
    const digests = new Uint8Array(own.length * digestBytes)
    own.forEach(({ digest }, index) => digests.set(digest, index * digestBytes))
    contents.push({ digests, lengths: own.map(({ bytes }) => bytes), restamped: read.restamped, problem: read.problem })
  }
  return { contents, chunks }
}

interface ItemRead extends Pick<ItemContent, 'restamped' | 'problem'> {
  bytes: number
}

function readItem(item: ReadItem, into: Buffer): ItemRead {
  let descriptor: number
  try {
    // A FIFO that took the file's place must not block, and a link must not be followed.
    descriptor = openSync(item.absolute as Buffer, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    // With O_NOFOLLOW, ELOOP says that a link took its place.
    const kind = code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP' ? 'vanished' : 'unreadable'
    return { bytes: 0, restamped: null, problem: { kind, detail: reasonOf(error) } }
  }
  try {
    return readOpened(descriptor, item, into)
  } catch (error) {
    return { bytes: 0, restamped: null, problem: { kind: 'unreadable', detail: reasonOf(error) } }
  } finally {
    closeSync(descriptor)
  }
}

function readOpened(descriptor: number, item: ReadItem, into: Buffer): ItemRead {
  for (let attempt = 1; ; attempt++) {
    const before = fstatSync(descriptor, { bigint: true })
    if (!before.isFile()) return { bytes: 0, restamped: null, problem: { kind: 'vanished', detail: 'it is no longer a regular file' } }
    const bytes = readFully(descriptor, into, item.offset)
    const after = fstatSync(descriptor, { bigint: true })
    const whole = item.offset === 0 && item.bytes === item.stamp.size
    if (sameStamp(stampOf(after), item.stamp) && bytes === item.bytes) return { bytes, restamped: null, problem: null }
    // A whole file that held still while it was read is consistent, though it isn't the one that was listed.
    const isStill = sameStamp(stampOf(before), stampOf(after))
    if (whole && isStill && Number(after.size) <= into.length && bytes === Number(after.size)) return { bytes, restamped: restampOf(after), problem: null }
    if (!whole || attempt === attempts || Number(after.size) > into.length) {
      return { bytes, restamped: whole ? restampOf(after) : null, problem: { kind: 'changed', detail: 'it changed while it was read' } }
    }
  }
}

function restampOf(stats: BigIntStats): NonNullable<ItemContent['restamped']> {
  return {
    stamp: stampOf(stats), mode: Number(stats.mode & 0o7777n), uid: Number(stats.uid), gid: Number(stats.gid), blocks: Number(stats.blocks),
  }
}

function readFully(descriptor: number, into: Buffer, offset: number): number {
  let bytes = 0
  while (bytes < into.length) {
    const read = readSync(descriptor, into, bytes, into.length - bytes, offset + bytes)
    if (read === 0) break
    bytes += read
  }
  return bytes
}
