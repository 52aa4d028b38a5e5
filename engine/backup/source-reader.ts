// Reads files of a source in a worker thread: into one buffer, then cuts the bytes into chunks and hashes
// them.
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs'
import type { BigIntStats } from 'node:fs'
import { findCut, maxChunkBytes } from '../../core/pack/chunker.ts'
import { digestBytes, sha256 } from '../../core/digest.ts'
import { maxFileReads } from '../../core/retry.ts'
import { sameStatIdentity, statIdentityOf } from '../stat-identity.ts'
import type { StatIdentity } from '../stat-identity.ts'
import { reasonOf } from '../walk.ts'

/** How many bytes a thread reads at once: several small files, or a part of a segment. */
export const partBytes = 4 * 1024 * 1024
/** Room for a part, and for the bytes behind the last cut of the part before. */
export const bufferBytes = partBytes + maxChunkBytes
/** Several threads read a large file, in segments of this size. Each segment is cut on its own. */
export const segmentBytes = 64 * 1024 * 1024

/** Linux refuses to read a sysctl into a buffer of 4 MiB (ENOMEM), because it allocates as much itself. */
const maxSysctlReadBytes = 64 * 1024

/**
 * The chunk that a file of zeros begins with. Holes are read as zeros, in which each chunk is this one: a comparison
 * finds it in a fraction of the time that cut and hash take.
 */
const zeroChunk = Buffer.alloc(findCut(Buffer.alloc(maxChunkBytes), 0, maxChunkBytes))
const zeroDigest = sha256(zeroChunk)

/** A whole file, or a segment of a large one. */
export interface ReadItem {
  /** Below the root of the source. */
  path: Uint8Array
  identity: StatIdentity
  offset: number
  bytes: number
  /** True if the file shows a size of 0 and may have content: `bytes` is then the maximum to read. */
  hasNoSize?: boolean
  /** True if the segment was a hole of the file with this identity. It has `segmentBytes`. */
  isHole?: boolean
}

export interface FileStats {
  identity: StatIdentity
  mode: number
  uid: number
  gid: number
  blocks: number
}

export interface ItemContent {
  digests: Uint8Array
  lengths: number[]
  /**
   * The result of fstat after the read, if the identity differs: the entry must describe the file as it was
   * read.
   */
  newStats: FileStats | null
  problem: { kind: 'unreadable' | 'vanished' | 'changed'; detail: string } | null
}

/** A chunk and its location in the batch's buffer. */
export interface BatchChunk {
  digest: Buffer
  offset: number
  bytes: number
}

/** The location of an item for a call that doesn't follow links. It may throw as that call does. */
export type LocateItem = (path: Buffer) => Buffer

/** Reads the items one after the other into `buffer`, which has room for all items. */
export function readBatch(
  items: readonly ReadItem[],
  buffer: Buffer,
  locate: LocateItem,
): { contents: ItemContent[]; chunks: BatchChunk[] } {
  const chunks: BatchChunk[] = []
  const contents: ItemContent[] = []
  let used = 0
  for (const item of items) {
    const read = readItem(item, buffer.subarray(used, used + item.bytes), locate)
    const itemChunks = cutChunks(buffer, used, used + read.bytes, 1)
    used += read.bytes
    chunks.push(...itemChunks)
    contents.push(contentOf(itemChunks, read))
  }
  return { contents, chunks }
}

/**
 * Reads a segment part by part. The bytes behind a part's last cut go before the next part, so that cuts
 * don't depend on parts.
 */
export class SegmentReader {
  private readonly item: ReadItem
  private readonly locate: LocateItem
  private bytesRead = 0
  private remainder = { start: 0, end: 0 }
  isDone = false

  constructor(item: ReadItem, locate: LocateItem) {
    this.item = item
    this.locate = locate
  }

  /**
   * @param buffer of `bufferBytes`, the same at each call, which overwrites the chunks of the part before.
   */
  next(buffer: Buffer): { contents: ItemContent[]; chunks: BatchChunk[] } {
    buffer.copyWithin(0, this.remainder.start, this.remainder.end)
    const used = this.remainder.end - this.remainder.start
    const bytes = Math.min(partBytes, this.item.bytes - this.bytesRead)
    const read = readItem(
      { ...this.item, offset: this.item.offset + this.bytesRead, bytes },
      buffer.subarray(used, used + bytes),
      this.locate,
    )
    this.bytesRead += read.bytes
    this.isDone = read.bytes < bytes || this.bytesRead === this.item.bytes
    const end = used + read.bytes
    const chunks = cutChunks(buffer, 0, end, this.isDone ? 1 : maxChunkBytes)
    const last = chunks.at(-1)
    this.remainder = { start: last === undefined ? 0 : last.offset + last.bytes, end }
    return { contents: [contentOf(chunks, read)], chunks }
  }
}

/**
 * The content of a segment that is a hole, without a read; null if the file changed since the hole was found.
 * @param buffer has the one chunk of which the hole consists.
 */
export function skipHole(
  item: ReadItem,
  buffer: Buffer,
  locate: LocateItem,
): { contents: ItemContent[]; chunks: BatchChunk[] } | null {
  if (!isStillHole(item, locate)) return null
  buffer.fill(0, 0, zeroChunk.length)
  const chunks = Array.from({ length: item.bytes / zeroChunk.length }, () => ({
    digest: zeroDigest,
    offset: 0,
    bytes: zeroChunk.length,
  }))
  return { contents: [contentOf(chunks, { newStats: null, problem: null })], chunks }
}

function isStillHole({ isHole, path, bytes, identity }: ReadItem, locate: LocateItem): boolean {
  if (isHole !== true || bytes % zeroChunk.length !== 0) return false
  try {
    const { buffer, byteOffset, byteLength } = path
    const stats = lstatSync(locate(Buffer.from(buffer, byteOffset, byteLength)), { bigint: true })
    return stats.isFile() && sameStatIdentity(statIdentityOf(stats), identity)
  } catch {
    return false
  }
}

/** Cuts from `start` while at least `minBytes` are left before `end`. */
export function cutChunks(buffer: Buffer, start: number, end: number, minBytes: number): BatchChunk[] {
  const chunks: BatchChunk[] = []
  for (let offset = start; end - offset >= minBytes;) {
    const isZero =
      end - offset >= zeroChunk.length &&
      buffer.compare(zeroChunk, 0, zeroChunk.length, offset, offset + zeroChunk.length) === 0
    const cut = isZero ? offset + zeroChunk.length : findCut(buffer, offset, end)
    const digest = isZero ? zeroDigest : sha256(buffer.subarray(offset, cut))
    chunks.push({ digest, offset, bytes: cut - offset })
    offset = cut
  }
  return chunks
}

function contentOf(
  chunks: readonly BatchChunk[],
  { newStats, problem }: Pick<ItemContent, 'newStats' | 'problem'>,
): ItemContent {
  const digests = new Uint8Array(chunks.length * digestBytes)
  chunks.forEach(({ digest }, index) => digests.set(digest, index * digestBytes))
  return { digests, lengths: chunks.map(({ bytes }) => bytes), newStats, problem }
}

interface ItemRead extends Pick<ItemContent, 'newStats' | 'problem'> {
  bytes: number
}

function readItem(item: ReadItem, into: Buffer, locate: LocateItem): ItemRead {
  let descriptor: number
  try {
    // A FIFO in place of the file must not block, and a link in its place must not be followed.
    const { buffer, byteOffset, byteLength } = item.path
    descriptor = openSync(
      locate(Buffer.from(buffer, byteOffset, byteLength)),
      constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
    )
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    // With O_NOFOLLOW, ELOOP means that a link is in its place.
    const kind = code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP' ? 'vanished' : 'unreadable'
    return { bytes: 0, newStats: null, problem: { kind, detail: reasonOf(error) } }
  }
  try {
    return readOpened(descriptor, item, into)
  } catch (error) {
    return { bytes: 0, newStats: null, problem: { kind: 'unreadable', detail: reasonOf(error) } }
  } finally {
    closeSync(descriptor)
  }
}

function readOpened(descriptor: number, item: ReadItem, into: Buffer): ItemRead {
  for (let attempt = 1; ; attempt++) {
    const before = fstatSync(descriptor, { bigint: true })
    if (!before.isFile())
      return {
        bytes: 0,
        newStats: null,
        problem: { kind: 'vanished', detail: 'it is no longer a regular file' },
      }
    const hasNoSize = item.hasNoSize === true
    const bytes = readFully(descriptor, into, item.offset, hasNoSize ? maxSysctlReadBytes : into.length)
    if (hasNoSize) return readWithoutSize(item, bytes)
    const after = fstatSync(descriptor, { bigint: true })
    const whole = item.offset === 0 && item.bytes === item.identity.size
    if (sameStatIdentity(statIdentityOf(after), item.identity) && bytes === item.bytes)
      return { bytes, newStats: null, problem: null }
    // A whole file that didn't change during the read is consistent, although it changed after the walk.
    const isStill = sameStatIdentity(statIdentityOf(before), statIdentityOf(after))
    if (whole && isStill && Number(after.size) <= into.length && bytes === Number(after.size))
      return { bytes, newStats: fileStatsOf(after), problem: null }
    if (!whole || attempt === maxFileReads || Number(after.size) > into.length) {
      return {
        bytes,
        newStats: whole ? fileStatsOf(after) : null,
        problem: { kind: 'changed', detail: 'it changed while it was read' },
      }
    }
  }
}

/** Without a size, a change during the read can't be detected. */
function readWithoutSize(item: ReadItem, bytes: number): ItemRead {
  const isWhole = item.offset + bytes < segmentBytes
  const detail = `it shows no size, and has more than ${segmentBytes} bytes`
  return { bytes, newStats: null, problem: isWhole ? null : { kind: 'changed', detail } }
}

function fileStatsOf(stats: BigIntStats): FileStats {
  return {
    identity: statIdentityOf(stats),
    mode: Number(stats.mode & 0o7777n),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    blocks: Number(stats.blocks),
  }
}

function readFully(descriptor: number, into: Buffer, offset: number, maxReadBytes: number): number {
  let bytes = 0
  while (bytes < into.length) {
    const read = readSync(
      descriptor,
      into,
      bytes,
      Math.min(maxReadBytes, into.length - bytes),
      offset + bytes,
    )
    if (read === 0) break
    bytes += read
  }
  return bytes
}
