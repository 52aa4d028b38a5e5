// A position in a tree, in front of a node that is not opened or in front of an entry. Two trees can so be compared
// without the nodes that they share.
import { damaged } from '../bytes.ts'
import { decodeNode } from '../tree/tree-node.ts'
import type { TreeChild } from '../tree/tree-node.ts'
import { assertChild, maxWindowChunks } from '../tree/tree.ts'
import type { ChunkSource } from '../tree/tree.ts'
import { comparePaths } from '../tree/tree-entry.ts'
import type { TreeEntry } from '../tree/tree-entry.ts'

/** How many bytes of nodes are fetched at once. */
const windowBytes = 2 * 1024 * 1024

/** A node that is not opened. */
export interface ClosedNode {
  kind: 'node'
  firstPath: Buffer
  digest: Buffer
  /** Null for the root, of which no parent says anything. */
  child: TreeChild | null
  /** All paths in the node are before this one; null: to the end. */
  end: Buffer | null
  /** The parent's; 0 for the root. */
  parentHeight: number
}

export type Position = ClosedNode | { kind: 'entry'; firstPath: Buffer; entry: TreeEntry }

interface Level {
  nodes: ClosedNode[]
  next: number
}

export class TreeCursor {
  private readonly source: ChunkSource
  /** The nodes that are still to come, the innermost level last. */
  private readonly levels: Level[]
  private leaf: { entries: Iterator<TreeEntry>; end: Buffer | null } | null = null
  private entry: TreeEntry | null = null
  private previousPath: Buffer | null = null
  /** Nodes that were fetched before their turn. */
  private readonly fetched = new Map<string, Buffer>()

  constructor(source: ChunkSource, root: Buffer) {
    this.source = source
    const node = { kind: 'node', firstPath: Buffer.alloc(0), digest: root, child: null } as const
    this.levels = [{ nodes: [{ ...node, end: null, parentHeight: 0 }], next: 0 }]
  }

  /** Null at the end. */
  get position(): Position | null {
    const { entry } = this
    if (entry !== null) return { kind: 'entry', firstPath: entry.path, entry }
    return this.closedNode
  }

  private get closedNode(): ClosedNode | null {
    for (let level = this.levels.at(-1); level !== undefined; level = this.levels.at(-1)) {
      const node = level.nodes[level.next]
      if (node !== undefined) return node
      this.levels.pop()
    }
    return null
  }

  /** The digests of the nodes to come, as far as their parents are open. */
  get closedDigests(): Set<string> {
    const digests = this.levels.flatMap(({ nodes, next }) => nodes.slice(next).map(({ digest }) => digest))
    return new Set(digests.map((digest) => digest.toString('latin1')))
  }

  /** Goes behind the entry or the closed node. @throws `damaged`. */
  skip(): void {
    if (this.leaf !== null) this.advance(this.leaf)
    else if (this.closedNode !== null) this.levels.at(-1)!.next++
  }

  /**
   * Opens the node in front of the cursor, and goes in front of its first child or entry.
   * @param isNeeded says which of the next nodes are worth a fetch with it.
   */
  async open(isNeeded: (node: ClosedNode) => boolean): Promise<void> {
    const node = this.closedNode!
    const bytes = await this.fetch(node, isNeeded)
    this.levels.at(-1)!.next++
    const decoded = decodeNode(bytes, node.child === null ? 'the root of the tree' : 'a node of the tree')
    if (node.child !== null) assertChild(node.child, decoded, bytes, node.parentHeight)
    if ('entries' in decoded) {
      this.leaf = { entries: decoded.entries[Symbol.iterator](), end: node.end }
      this.advance(this.leaf)
      return
    }
    const { children, height } = decoded
    const nodes = children.map((child, index): ClosedNode => ({
      kind: 'node',
      firstPath: child.firstPath,
      digest: child.digest,
      child,
      end: children[index + 1]?.firstPath ?? node.end,
      parentHeight: height,
    }))
    this.levels.push({ nodes, next: 0 })
  }

  private advance(leaf: { entries: Iterator<TreeEntry>; end: Buffer | null }): void {
    const next = leaf.entries.next()
    if (next.done === true) {
      this.leaf = null
      this.entry = null
      return
    }
    const { path } = next.value
    const isInOrder = this.previousPath === null || comparePaths(this.previousPath, path) < 0
    if (!isInOrder || (leaf.end !== null && comparePaths(path, leaf.end) >= 0))
      throw damaged('the tree', 'its leaves are out of order')
    this.previousPath = path
    this.entry = next.value
  }

  private async fetch(node: ClosedNode, isNeeded: (node: ClosedNode) => boolean): Promise<Buffer> {
    const name = node.digest.toString('latin1')
    const fetched = this.fetched.get(name)
    if (fetched !== undefined) {
      this.fetched.delete(name)
      return fetched
    }
    // Nodes that were fetched for an earlier position are no longer needed, or are fetched again.
    this.fetched.clear()
    const { nodes, next } = this.levels.at(-1)!
    const window: ClosedNode[] = [node]
    let bytes = 0
    for (let index = next + 1; index < nodes.length && window.length < maxWindowChunks; index++) {
      bytes += nodes[index]!.child!.bytes
      if (bytes > windowBytes) break
      if (isNeeded(nodes[index]!)) window.push(nodes[index]!)
    }
    const [first, ...siblings] = await this.source.read(window.map(({ digest }) => digest))
    for (const [index, body] of siblings.entries())
      this.fetched.set(window[index + 1]!.digest.toString('latin1'), body)
    return first!
  }
}
