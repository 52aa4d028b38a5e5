// A snapshot's tree is a search tree over its sorted paths. The paths alone decide where a node ends, so that
// an unchanged part of the tree has the same nodes in the next snapshot, also next to changes. (Prolly trees,
// as in Noms and Dolt.)
import { damaged } from '../bytes.ts'
import { sha256 } from '../digest.ts'
import { isHoldfastError } from '../errors.ts'
import { maxNodePathBytes } from '../limits.ts'
import { NodeWriter, decodeNode } from './tree-node.ts'
import type { TreeChild, TreeNode } from './tree-node.ts'
import { comparePaths } from './tree-entry.ts'
import type { TreeEntry } from './tree-entry.ts'

const minNodeBytes = 16 * 1024
const fullNodeBytes = 512 * 1024
/** One path in this many ends a node that has reached the minimum size. */
const cutsOneIn = 512
/**
 * An inner node has at least this many children, because long paths could otherwise make a tree higher than
 * `maxTreeHeight`.
 */
const minChildren = 16
/** How many bytes of the tree a reader fetches at once. */
const windowBytes = 4 * 1024 * 1024
/** … and how many nodes, because each small node may lie in a frame of 192 KiB. */
export const maxWindowChunks = 256

export class TreeBuilder {
  private readonly storeChunk: (digest: Buffer, bytes: Buffer) => void
  private readonly levels: NodeWriter<TreeEntry | TreeChild>[] = [new NodeWriter(0)]
  entries = 0

  /** @param storeChunk is called with every node. */
  constructor(storeChunk: (digest: Buffer, bytes: Buffer) => void) {
    this.storeChunk = storeChunk
  }

  /**
   * Adds an entry. Entries come in the order of `comparePaths`, each path once, the root (the empty path)
   * first.
   */
  add(entry: TreeEntry): void {
    this.entries++
    this.addTo(0, entry, entry.path)
  }

  /** Returns the hash of the root node. */
  finish(): Buffer {
    for (let level = 0; ; level++) {
      const writer = this.levels[level]!
      const isTop = level === this.levels.length - 1
      if (isTop) return this.close(writer).digest
      if (!writer.isEmpty) this.addTo(level + 1, this.close(writer), null)
    }
  }

  private addTo(level: number, item: TreeEntry | TreeChild, path: Buffer | null): void {
    const writer = (this.levels[level] ??= new NodeWriter(level))
    writer.add(item)
    const isFull = writer.bytes >= fullNodeBytes || writer.pathBytes >= maxNodePathBytes / 2
    const isCut = isFull || (path !== null && writer.bytes >= minNodeBytes && isBoundary(path))
    if (isCut && (level === 0 || writer.count >= minChildren)) this.addTo(level + 1, this.close(writer), path)
  }

  private close(writer: NodeWriter<TreeEntry | TreeChild>): TreeChild {
    const { firstPath, entries } = writer
    const bytes = writer.finish()
    const digest = sha256(bytes)
    this.storeChunk(digest, bytes)
    return { firstPath, digest, bytes: bytes.length, entries }
  }
}

/** FNV-1a over the path. The hash is not part of the format, because any cut makes a valid tree. */
function isBoundary(path: Buffer): boolean {
  let hash = 0x811c9dc5
  for (let index = 0; index < path.length; index++) hash = Math.imul(hash ^ path[index]!, 0x01000193)
  return ((hash >>> 8) & (cutsOneIn - 1)) === 0
}

/** Returns chunks by their hashes, in the order of the request, each checked against its hash. */
export interface ChunkSource {
  read(digests: readonly Buffer[]): Promise<Buffer[]>
}

/**
 * A part of a tree that can't be read: the paths from `from` up to, but not including, `to` (null: the end).
 */
export interface LostPart {
  from: Buffer
  to: Buffer | null
  detail: string
}

/** The entries of a tree that a reader wants. */
export interface TreeSelection {
  holds(path: Buffer): boolean
  /** True if the paths from `first` up to, but not including, `end` (null: the end) may include a selected one. */
  mayHold(first: Buffer, end: Buffer | null): boolean
  /** The root is always selected, so that a tree without one is refused. */
  readonly holdsRoot: boolean
}

/** These paths, what lies below them, and the directories above them; empty: all entries. */
export function selectPaths(paths: readonly Buffer[]): TreeSelection | null {
  if (paths.length === 0 || paths.some((path) => path.length === 0)) return null
  return {
    holds: (path) => isSelected(path, paths),
    mayHold: (first, end) => holdsSelected(first, end, paths),
    holdsRoot: true,
  }
}

/** A directory and its entries, without what lies deeper. */
export function selectDirectory(directory: Buffer): TreeSelection {
  return {
    holds: (path) => path.equals(directory) || (path.length > 0 && parentPath(path).equals(directory)),
    mayHold: (first, end) => {
      if (comparePaths(first, directory) <= 0) return end === null || comparePaths(directory, end) < 0
      if (!isAtOrBelow(first, directory)) return false
      const nameStart = directory.length === 0 ? 0 : directory.length + 1
      const nameEnd = first.indexOf(slash, nameStart)
      // Else `first` lies deeper, below the entry of the directory that is before it in the tree.
      return nameEnd === -1 || end === null || !isAtOrBelow(end, first.subarray(0, nameEnd))
    },
    holdsRoot: false,
  }
}

const slash = 0x2f

/**
 * Yields the entries of a tree in order, one leaf at a time. The caller must read a leaf to its end before
 * the next.
 * @param selection null: all entries.
 * @param onLost is called for each node below the root that is lost or has other bytes; without it, the first
 *   one is thrown.
 * @throws `damaged` for a node that doesn't match its parent, which rules out cycles and duplicate entries.
 */
export async function* readTree(
  source: ChunkSource,
  root: Buffer,
  selection: TreeSelection | null = null,
  onLost: ((part: LostPart) => void) | null = null,
): AsyncGenerator<Iterable<TreeEntry>> {
  const [bytes] = await source.read([root])
  const node = decodeNode(bytes!, 'the root of the tree')
  if (('entries' in node ? node.count : node.children.length) === 0)
    throw damaged('the tree', 'its root is empty')
  yield* readNode({ source, selection, onLost, previousPath: null, hasLost: false }, node, null)
}

interface TreeReading {
  source: ChunkSource
  selection: TreeSelection | null
  onLost: ((part: LostPart) => void) | null
  /** Path of the previous entry. */
  previousPath: Buffer | null
  hasLost: boolean
}

async function* readNode(
  reading: TreeReading,
  node: TreeNode,
  end: Buffer | null,
): AsyncGenerator<Iterable<TreeEntry>> {
  const { selection } = reading
  if ('entries' in node) {
    yield readLeaf(reading, node.entries, end)
    return
  }
  const { children } = node
  let index = 0
  while (index < children.length) {
    const window: ChildRange[] = []
    for (
      let bytes = 0;
      index < children.length && bytes < windowBytes && window.length < maxWindowChunks;
      index++
    ) {
      const child = children[index]!
      const childEnd = children[index + 1]?.firstPath ?? end
      if (selection?.mayHold(child.firstPath, childEnd) === false) continue
      window.push({ child, end: childEnd })
      bytes += child.bytes
    }
    const nodes = await readChildren(reading, window)
    for (const [at, { child, end: childEnd }] of window.entries()) {
      const bytes = nodes[at]
      if (bytes === undefined) continue
      const below = decodeNode(bytes, 'a node of the tree')
      assertChild(child, below, bytes, node.height)
      yield* readNode(reading, below, childEnd)
    }
  }
}

function* readLeaf(
  reading: TreeReading,
  entries: Iterable<TreeEntry>,
  end: Buffer | null,
): Generator<TreeEntry> {
  const { selection } = reading
  for (const entry of entries) {
    // If the root is selected, the first leaf is always read, because the root is in it.
    const isNext =
      reading.previousPath === null
        ? entry.path.length === 0 || reading.hasLost || selection?.holdsRoot === false
        : comparePaths(reading.previousPath, entry.path) < 0
    if (!isNext || (end !== null && comparePaths(entry.path, end) >= 0))
      throw damaged('the tree', 'its leaves are out of order, or it has no root')
    reading.previousPath = entry.path
    if (selection?.holds(entry.path) !== false) yield entry
  }
}

interface ChildRange {
  child: TreeChild
  end: Buffer | null
}

/**
 * Reads all children at once. If that fails, reads one after the other to find the lost ones, which are
 * undefined in the result.
 */
async function readChildren(
  reading: TreeReading,
  window: readonly ChildRange[],
): Promise<(Buffer | undefined)[]> {
  const { source, onLost } = reading
  try {
    return await source.read(window.map(({ child }) => child.digest))
  } catch (error) {
    if (onLost === null || !isHoldfastError(error, 'damaged')) throw error
  }
  const nodes: (Buffer | undefined)[] = []
  for (const { child, end } of window) {
    try {
      nodes.push((await source.read([child.digest]))[0])
    } catch (error) {
      if (!isHoldfastError(error, 'damaged')) throw error
      nodes.push(undefined)
      reading.hasLost = true
      onLost({ from: child.firstPath, to: end, detail: error.message })
    }
  }
  return nodes
}

/** @throws `damaged` for a node that is not what its parent says. */
export function assertChild(child: TreeChild, below: TreeNode, bytes: Buffer, parentHeight: number): void {
  if (!isChild(child, below, bytes, parentHeight))
    throw damaged('the tree', 'a node is not what its parent says')
}

function isChild(child: TreeChild, below: TreeNode, bytes: Buffer, parentHeight: number): boolean {
  const first = 'entries' in below ? below.firstPath : below.children[0]?.firstPath
  const entries =
    'entries' in below ? below.count : below.children.reduce((sum, next) => sum + next.entries, 0)
  return (
    below.height === parentHeight - 1 &&
    first !== undefined &&
    first.equals(child.firstPath) &&
    bytes.length === child.bytes &&
    entries === child.entries
  )
}

/** True if `path` is one of `selection`, below one, or a directory above one. */
export function isSelected(path: Buffer, selection: readonly Buffer[]): boolean {
  return selection.some((selected) => isAtOrBelow(path, selected) || isAtOrBelow(selected, path))
}

export function isAtOrBelow(path: Buffer, top: Buffer): boolean {
  if (top.length === 0 || path.equals(top)) return true
  return path.length > top.length && path[top.length] === 0x2f && path.subarray(0, top.length).equals(top)
}

/** True if the paths from `first` up to, but not including, `end` may include a selected one. */
function holdsSelected(first: Buffer, end: Buffer | null, selection: readonly Buffer[]): boolean {
  return selection.some((selected) => {
    if (isAtOrBelow(first, selected)) return true
    for (let top = selected; ; top = parentPath(top)) {
      if (comparePaths(first, top) <= 0 && (end === null || comparePaths(top, end) < 0)) return true
      if (top.length === 0) return false
    }
  })
}

export function parentPath(path: Buffer): Buffer {
  return path.subarray(0, Math.max(0, path.lastIndexOf(0x2f)))
}
