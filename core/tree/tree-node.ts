// The nodes of a snapshot's tree: leaves hold entries in order, inner nodes refer to their children by hash.
//
//   leaf  := magic, u16 version, varint count, entries (core/tree/tree-entry.ts)
//   inner := magic, u16 version, u8 height, varint count, children x (varint length, first path, SHA-256, varint
// bytes, varint entries)
import { ByteReader, ByteWriter } from '../bytes.ts'
import { digestBytes } from '../digest.ts'
import { maxNodeBytes, maxNodePathBytes, maxPathBytes, maxTreeHeight } from '../limits.ts'
import { formatVersion, unsupported } from '../pack/pack-footer.ts'
import { comparePaths, decodeEntry, encodeEntry, isTreePath } from './tree-entry.ts'
import type { TreeEntry } from './tree-entry.ts'

const leafMagic = Buffer.from('HFLEAF\0\n', 'latin1')
const innerMagic = Buffer.from('HFNODE\0\n', 'latin1')

export interface TreeChild {
  firstPath: Buffer
  digest: Buffer
  /** Size of the encoded node. */
  bytes: number
  /** How many entries lie below the node. */
  entries: number
}

/**
 * The entries of a leaf are decoded while they are read, and can be read once. Decoded all at once, they
 * would outlive the garbage collector's youngest generation and take tens of megabytes. A leaf may prove
 * damaged up to its last entry.
 */
export type TreeNode =
  | { height: 0; count: number; firstPath: Buffer | undefined; entries: Iterable<TreeEntry> }
  | { height: number; children: TreeChild[] }

/** Collects the items of a leaf or an inner node and encodes them. */
export class NodeWriter<Item extends TreeEntry | TreeChild> {
  readonly height: number
  private readonly body = new ByteWriter(64 * 1024)
  count = 0
  private previous: Buffer = Buffer.alloc(0)
  firstPath: Buffer = Buffer.alloc(0)
  entries = 0
  /** Total size of the entries' paths, written out. */
  pathBytes = 0

  constructor(height: number) {
    this.height = height
  }

  get bytes(): number {
    return this.body.length
  }

  get isEmpty(): boolean {
    return this.count === 0
  }

  add(item: Item): void {
    const path = 'path' in item ? item.path : item.firstPath
    if (this.count === 0) this.firstPath = path
    if ('path' in item) {
      encodeEntry(this.body, item, this.previous)
      this.entries++
      this.pathBytes += path.length
    } else {
      this.body.varint(item.firstPath.length)
      this.body.bytes(item.firstPath)
      this.body.bytes(item.digest)
      this.body.varint(item.bytes)
      this.body.varint(item.entries)
      this.entries += item.entries
    }
    this.previous = path
    this.count++
  }

  finish(): Buffer {
    const head = new ByteWriter(32)
    head.bytes(this.height === 0 ? leafMagic : innerMagic)
    head.u16(formatVersion)
    if (this.height > 0) head.u8(this.height)
    head.varint(this.count)
    const node = Buffer.concat([head.finish(), this.body.finish()])
    this.count = 0
    this.entries = 0
    this.pathBytes = 0
    this.previous = Buffer.alloc(0)
    return node
  }
}

/** @param bytes a node after its hash was checked; its content may be hostile all the same. */
export function decodeNode(bytes: Buffer, subject: string): TreeNode {
  const reader = new ByteReader(bytes, subject)
  const magic = reader.take(leafMagic.length)
  const isLeaf = magic.equals(leafMagic)
  if (!isLeaf && !magic.equals(innerMagic)) throw reader.fail('it is not a node of a tree')
  const version = reader.u16()
  if (version !== formatVersion) throw unsupported(subject, version)
  return isLeaf ? decodeLeaf(reader) : decodeInner(reader)
}

function decodeLeaf(reader: ByteReader): TreeNode {
  const count = reader.count(14)
  const start = reader.position
  const firstPath = count === 0 ? undefined : decodeEntry(reader, Buffer.alloc(0)).path
  reader.position = start
  return { height: 0, count, firstPath, entries: decodeEntries(reader, count) }
}

function* decodeEntries(reader: ByteReader, count: number): Generator<TreeEntry> {
  let previous: Buffer = Buffer.alloc(0)
  let pathBytes = 0
  for (let index = 0; index < count; index++) {
    const entry = decodeEntry(reader, previous)
    if (index > 0 && comparePaths(previous, entry.path) >= 0)
      throw reader.fail('its entries are out of order or twice there')
    pathBytes += entry.path.length
    if (pathBytes > maxNodePathBytes) throw reader.fail("its paths are longer than a node's may be")
    yield entry
    previous = entry.path
  }
  reader.expectEnd()
}

function decodeInner(reader: ByteReader): TreeNode {
  const height = reader.u8()
  if (height === 0 || height > maxTreeHeight) throw reader.fail('it has an impossible height')
  const count = reader.count(digestBytes + 3)
  const children: TreeChild[] = []
  for (let index = 0; index < count; index++) {
    const firstPath = reader.take(reader.varint(maxPathBytes))
    if (!isTreePath(firstPath)) throw reader.fail('a child has a path that would leave its directory')
    if (index > 0 && comparePaths(children[index - 1]!.firstPath, firstPath) >= 0)
      throw reader.fail('its children are out of order')
    children.push({
      firstPath,
      digest: reader.take(digestBytes),
      bytes: reader.varint(maxNodeBytes),
      entries: reader.varint(),
    })
  }
  reader.expectEnd()
  return { height, children }
}
