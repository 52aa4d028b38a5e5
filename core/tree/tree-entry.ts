// One entry of a snapshot's tree, and its bytes in a leaf. Paths are bytes: names need not be UTF-8.
//
//   entry := varint prefix shared with the entry before, varint length, suffix of the path;
//            u8 type; u8 flags; varint mode; varint uid; varint gid; i64 modification time in ns; then by type:
//            file: varint bytes, [varint link group], content; symlink: varint length, target; device: varint rdev
//   content := u8 depth (0: chunks of data, 1: chunks that list chunks), varint count, count x (SHA-256, varint bytes)
import type { ByteReader, ByteWriter } from '../bytes.ts'
import { digestBytes } from '../digest.ts'
import { maxPathBytes } from '../limits.ts'

export const entryTypes = [
  'directory',
  'file',
  'symlink',
  'fifo',
  'socket',
  'character-device',
  'block-device',
] as const
export type EntryType = (typeof entryTypes)[number]

/** The chunks of a file in order: a digest of 32 bytes and a length each. */
export interface Content {
  /**
   * 0: the chunks hold the file's bytes. 1: the chunks hold lists of such chunks (core/tree/content-list.ts),
   * for large files.
   */
  depth: 0 | 1
  digests: Buffer
  lengths: number[]
}

export interface TreeEntry {
  path: Buffer
  type: EntryType
  /** Permission bits with setuid, setgid and sticky: 12 bits. */
  mode: number
  uid: number
  gid: number
  mtimeNs: bigint
  /** Size of a file in bytes; 0 for other types. */
  size: number
  /** True for a file with holes, which a restore creates again. */
  sparse: boolean
  /** Equal for all names of a file with more than one name in this snapshot; 0 for other entries. */
  linkGroup: number
  content: Content
  /** Target of a symbolic link; empty for other types. */
  linkTarget: Buffer
  /** Device number of a device; 0 for other types. */
  rdev: number
}

const flagSparse = 1
const flagLinked = 2
const slash = 0x2f
const noBytes = Buffer.alloc(0)
const noContent: Content = { depth: 0, digests: noBytes, lengths: [] }

export function makeEntry(entry: Pick<TreeEntry, 'path' | 'type'> & Partial<TreeEntry>): TreeEntry {
  // Each field is named, because spreading takes ten times as long and a backup makes millions of entries.
  const {
    path,
    type,
    mode = 0,
    uid = 0,
    gid = 0,
    mtimeNs = 0n,
    size = 0,
    sparse = false,
    linkGroup = 0,
    content = noContent,
    linkTarget = noBytes,
    rdev = 0,
  } = entry
  return { path, type, mode, uid, gid, mtimeNs, size, sparse, linkGroup, content, linkTarget, rdev }
}

export function encodeEntry(writer: ByteWriter, entry: TreeEntry, previous: Buffer): void {
  const shared = sharedPrefix(entry.path, previous)
  writer.varint(shared)
  writer.varint(entry.path.length - shared)
  writer.slice(entry.path, shared, entry.path.length)
  writer.u8(entryTypes.indexOf(entry.type))
  writer.u8((entry.sparse ? flagSparse : 0) | (entry.linkGroup > 0 ? flagLinked : 0))
  writer.varint(entry.mode)
  writer.varint(entry.uid)
  writer.varint(entry.gid)
  writer.i64(entry.mtimeNs)
  if (entry.type === 'file') {
    writer.varint(entry.size)
    if (entry.linkGroup > 0) writer.varint(entry.linkGroup)
    writer.u8(entry.content.depth)
    writeChunks(writer, entry.content)
  } else if (entry.type === 'symlink') {
    writer.varint(entry.linkTarget.length)
    writer.bytes(entry.linkTarget)
  } else if (entry.type === 'character-device' || entry.type === 'block-device') {
    writer.varint(entry.rdev)
  }
}

export function decodeEntry(reader: ByteReader, previous: Buffer): TreeEntry {
  const shared = reader.varint(previous.length)
  const suffix = reader.take(reader.varint(maxPathBytes - shared))
  const path = Buffer.concat([previous.subarray(0, shared), suffix])
  if (!isTreePath(path)) throw reader.fail('an entry has a path that would leave its directory')
  const type = entryTypes[reader.u8()]
  if (type === undefined) throw reader.fail('an entry has an unknown type')
  const flags = reader.u8()
  if (flags & ~(flagSparse | flagLinked)) throw reader.fail('an entry has unknown flags')
  const mode = reader.varint(0o7777)
  const uid = reader.varint(0xffff_ffff)
  const gid = reader.varint(0xffff_ffff)
  const mtimeNs = reader.i64()
  const entry = makeEntry({ path, type, mode, uid, gid, mtimeNs, sparse: (flags & flagSparse) !== 0 })
  if (path.length === 0 && type !== 'directory') throw reader.fail('the root is not a directory')
  if (type === 'file') {
    entry.size = reader.varint()
    if (flags & flagLinked) entry.linkGroup = reader.varint()
    const depth = reader.u8()
    if (depth > 1) throw reader.fail("a file's content has an unknown form")
    entry.content = { depth: depth as 0 | 1, ...readChunks(reader) }
    if (sumBytes(entry.content.lengths) !== entry.size && depth === 0)
      throw reader.fail("a file's chunks don't add up to its size")
  } else if (type === 'symlink') {
    entry.linkTarget = reader.take(reader.varint(maxPathBytes))
    if (entry.linkTarget.length === 0 || entry.linkTarget.includes(0))
      throw reader.fail('a symbolic link has no valid target')
  } else if (type === 'character-device' || type === 'block-device') {
    entry.rdev = reader.varint()
  }
  return entry
}

export function writeChunks(writer: ByteWriter, content: Pick<Content, 'digests' | 'lengths'>): void {
  writer.varint(content.lengths.length)
  content.lengths.forEach((bytes, index) => {
    writer.slice(content.digests, index * digestBytes, (index + 1) * digestBytes)
    writer.varint(bytes)
  })
}

export function readChunks(reader: ByteReader): { digests: Buffer; lengths: number[] } {
  const count = reader.count(digestBytes + 1)
  const digests = Buffer.allocUnsafe(count * digestBytes)
  const lengths: number[] = []
  for (let index = 0; index < count; index++) {
    reader.take(digestBytes).copy(digests, index * digestBytes)
    const bytes = reader.varint(0xffff_ffff)
    if (bytes === 0) throw reader.fail('a chunk has no bytes')
    lengths.push(bytes)
  }
  return { digests, lengths }
}

/**
 * A valid path has no NUL and no empty component, neither `.` nor `..`, and is not absolute. The empty path
 * is the root.
 */
export function isTreePath(path: Buffer): boolean {
  if (path.length === 0) return true
  if (path.length > maxPathBytes || path.includes(0)) return false
  let start = 0
  while (start <= path.length) {
    const separator = path.indexOf(slash, start)
    const end = separator === -1 ? path.length : separator
    const bytes = end - start
    if (bytes === 0) return false
    if (path[start] === 0x2e && (bytes === 1 || (bytes === 2 && path[start + 1] === 0x2e))) return false
    start = end + 1
  }
  return true
}

/**
 * The order of a tree: a directory, then all entries below it, then its next sibling; names are ordered by
 * their bytes.
 */
export function comparePaths(a: Buffer, b: Buffer): number {
  const shared = sharedPrefix(a, b)
  if (shared === a.length || shared === b.length) return a.length - b.length
  const byteA = a[shared]!
  const byteB = b[shared]!
  return (byteA === slash ? 0 : byteA) - (byteB === slash ? 0 : byteB)
}

export function sumBytes(lengths: readonly number[]): number {
  let sum = 0
  for (const bytes of lengths) sum += bytes
  return sum
}

/** Length of the common prefix. */
export function sharedPrefix(a: Buffer, b: Buffer): number {
  const end = Math.min(a.length, b.length)
  let index = 0
  while (index < end && a[index] === b[index]) index++
  return index
}
