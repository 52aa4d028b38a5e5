// Searches the trees of many snapshots. A node that an earlier tree had is not read again: what was found in it is
// in this tree too.
import { sha256 } from '../digest.ts'
import { HoldfastError } from '../errors.ts'
import type { SnapshotRef } from '../snapshot/snapshot-list.ts'
import { assertChild, maxWindowChunks } from '../tree/tree.ts'
import type { ChunkSource, TreeSelection } from '../tree/tree.ts'
import type { TreeEntry } from '../tree/tree-entry.ts'
import { decodeNode } from '../tree/tree-node.ts'
import type { TreeChild } from '../tree/tree-node.ts'

const windowBytes = 4 * 1024 * 1024
/** Each takes some hundred bytes of memory. */
const maxListedVersions = 100_000

/** An entry as consecutive snapshots have it. */
export interface EntryVersion {
  entry: Pick<TreeEntry, 'path' | 'type' | 'mode' | 'uid' | 'gid' | 'mtimeNs' | 'size' | 'linkTarget'>
  /** The first and the last snapshot with this version, and how many have it. */
  first: SnapshotRef
  last: SnapshotRef
  snapshots: number
}

interface NodeMatches {
  versions: EntryVersion[]
  below: NodeMatches[]
  /** The snapshot for which the matches were counted last. */
  countedFor: SnapshotRef | null
}

export interface SearchOptions {
  matches: (entry: TreeEntry) => boolean
  /** Nodes without such an entry are not read; null: all are. */
  selection: TreeSelection | null
}

export class TreeSearch {
  private readonly options: SearchOptions
  private readonly nodes = new Map<string, NodeMatches>()
  private readonly byName = new Map<string, EntryVersion>()

  constructor(options: SearchOptions) {
    this.options = options
  }

  /**
   * Searches the tree of a snapshot. Snapshots come oldest first.
   * @throws `damaged`; `invalid-input` if more fits than can be listed.
   */
  async add(chunks: ChunkSource, root: Buffer, snapshot: SnapshotRef): Promise<void> {
    let matches = this.nodes.get(root.toString('latin1'))
    if (matches === undefined) {
      const [bytes] = await chunks.read([root])
      matches = await this.search({ chunks, snapshot }, root, bytes!, null)
    }
    count(matches, snapshot)
  }

  /** In the order of the paths, and of the snapshots. */
  get versions(): EntryVersion[] {
    return [...this.byName.values()].sort(
      (a, b) => Buffer.compare(a.entry.path, b.entry.path) || a.first.timeMs - b.first.timeMs,
    )
  }

  private async search(
    context: { chunks: ChunkSource; snapshot: SnapshotRef },
    digest: Buffer,
    bytes: Buffer,
    parent: { child: TreeChild; height: number; end: Buffer | null } | null,
  ): Promise<NodeMatches> {
    const node = decodeNode(bytes, parent === null ? 'the root of the tree' : 'a node of the tree')
    if (parent !== null) assertChild(parent.child, node, bytes, parent.height)
    const matches: NodeMatches = { versions: [], below: [], countedFor: null }
    if ('entries' in node) {
      for (const entry of node.entries)
        if (this.options.matches(entry)) matches.versions.push(this.versionOf(entry, context.snapshot))
    } else {
      const { children, height } = node
      const ends = children.map((_, index) => children[index + 1]?.firstPath ?? parent?.end ?? null)
      await this.readNew(context, children, height, ends)
      for (const child of children) {
        const below = this.nodes.get(child.digest.toString('latin1'))
        if (below !== undefined && below.versions.length + below.below.length > 0) matches.below.push(below)
      }
    }
    this.nodes.set(digest.toString('latin1'), matches)
    return matches
  }

  private async readNew(
    context: { chunks: ChunkSource; snapshot: SnapshotRef },
    children: readonly TreeChild[],
    height: number,
    ends: readonly (Buffer | null)[],
  ): Promise<void> {
    const { selection } = this.options
    const isNeeded = (child: TreeChild, index: number): boolean =>
      !this.nodes.has(child.digest.toString('latin1')) &&
      selection?.mayHold(child.firstPath, ends[index]!) !== false
    for (let index = 0; index < children.length;) {
      const window: { child: TreeChild; end: Buffer | null }[] = []
      for (
        let bytes = 0;
        index < children.length && bytes < windowBytes && window.length < maxWindowChunks;
        index++
      ) {
        const child = children[index]!
        if (!isNeeded(child, index)) continue
        window.push({ child, end: ends[index]! })
        bytes += child.bytes
      }
      const bodies = await context.chunks.read(window.map(({ child }) => child.digest))
      for (const [at, { child, end }] of window.entries())
        await this.search(context, child.digest, bodies[at]!, { child, height, end })
    }
  }

  /** The same version may be in several nodes, because a change beside it makes another node. */
  private versionOf(entry: TreeEntry, snapshot: SnapshotRef): EntryVersion {
    const { path, type, mode, uid, gid, mtimeNs, size, linkTarget } = entry
    const content = sha256(Buffer.concat([entry.content.digests, linkTarget])).toString('latin1')
    const name = `${type} ${mode} ${uid} ${gid} ${mtimeNs} ${size} ${content} ${path.toString('latin1')}`
    let version = this.byName.get(name)
    if (version !== undefined) return version
    if (this.byName.size >= maxListedVersions)
      throw new HoldfastError(
        'invalid-input',
        `the pattern fits more than ${maxListedVersions.toLocaleString('en-US')} versions of entries`,
        { hint: 'narrow the pattern, e.g. to a directory: `uploads/**/*.pdf`' },
      )
    // Copies, because each is a part of a whole node.
    const copy = { path: Buffer.from(path), linkTarget: Buffer.from(linkTarget) }
    version = {
      entry: { ...copy, type, mode, uid, gid, mtimeNs, size },
      first: snapshot,
      last: snapshot,
      snapshots: 0,
    }
    this.byName.set(name, version)
    return version
  }
}

function count(matches: NodeMatches, snapshot: SnapshotRef): void {
  if (matches.countedFor === snapshot) return
  matches.countedFor = snapshot
  for (const version of matches.versions) {
    if (version.snapshots > 0 && version.last === snapshot) continue
    version.last = snapshot
    version.snapshots++
  }
  for (const below of matches.below) count(below, snapshot)
}
