// Compares two trees. Nodes with the same digest hold the same entries, so that neither is read.
import { comparePaths } from '../tree/tree-entry.ts'
import type { TreeEntry } from '../tree/tree-entry.ts'
import type { ChunkSource, TreeSelection } from '../tree/tree.ts'
import { TreeCursor } from './tree-cursor.ts'
import type { ClosedNode, Position } from './tree-cursor.ts'

const changeAspects = ['type', 'content', 'target', 'mode', 'owner', 'time'] as const
export type ChangeAspect = (typeof changeAspects)[number]

export interface TreeChange {
  path: Buffer
  /** Null: the entry was added. */
  before: TreeEntry | null
  /** Null: the entry was removed. */
  after: TreeEntry | null
  /** In which respects a changed entry differs; empty for one that was added or removed. */
  aspects: ChangeAspect[]
}

export interface StoredTree {
  chunks: ChunkSource
  root: Buffer
}

/**
 * Yields the changes from `before` to `after`, in the order of a tree.
 * @param selection null: all entries.
 * @throws `damaged`.
 */
export async function* compareTrees(
  before: StoredTree,
  after: StoredTree,
  selection: TreeSelection | null = null,
): AsyncGenerator<TreeChange> {
  const cursors: Cursors = {
    before: new TreeCursor(before.chunks, before.root),
    after: new TreeCursor(after.chunks, after.root),
    mayHold: ({ firstPath, end }) => selection?.mayHold(firstPath, end) !== false,
  }
  for (;;) {
    const [first, second] = [cursors.before.position, cursors.after.position]
    if (first === null && second === null) return
    if (await passNodes(cursors, first, second)) continue
    const change = passEntries(cursors, first, second)
    if (change !== null && selection?.holds(change.path) !== false) yield change
  }
}

interface Cursors {
  before: TreeCursor
  after: TreeCursor
  mayHold: (node: ClosedNode) => boolean
}

/** Skips or opens the node that is in front of a cursor. False if the next step is an entry's. */
async function passNodes(
  cursors: Cursors,
  first: Position | null,
  second: Position | null,
): Promise<boolean> {
  const { before, after, mayHold } = cursors
  const [firstNode, secondNode] = [nodeOf(first), nodeOf(second)]
  if (firstNode !== null && secondNode?.digest.equals(firstNode.digest) === true) {
    before.skip()
    after.skip()
    return true
  }
  if (firstNode !== null && !mayHold(firstNode)) return skip(before)
  if (secondNode !== null && !mayHold(secondNode)) return skip(after)
  const order = comparePositions(first, second)
  // A node may hold the entry with the path of the other side, so that it is opened first.
  const opensFirst = firstNode !== null && (order < 0 || (order === 0 && !isHigher(secondNode, firstNode)))
  const opensSecond = secondNode !== null && (order > 0 || (order === 0 && !isHigher(firstNode, secondNode)))
  const [closedBefore, closedAfter] = [before.closedDigests, after.closedDigests]
  await Promise.all([
    opensFirst ? before.open((node) => mayHold(node) && isNew(node, closedAfter)) : null,
    opensSecond ? after.open((node) => mayHold(node) && isNew(node, closedBefore)) : null,
  ])
  return opensFirst || opensSecond
}

function skip(cursor: TreeCursor): true {
  cursor.skip()
  return true
}

function isNew({ digest }: ClosedNode, digests: ReadonlySet<string>): boolean {
  return !digests.has(digest.toString('latin1'))
}

/** Passes the entry with the smaller path, or both. Null if both are the same. */
function passEntries(
  { before, after }: Cursors,
  first: Position | null,
  second: Position | null,
): TreeChange | null {
  const order = comparePositions(first, second)
  const beforeEntry = order <= 0 ? entryOf(first) : null
  const afterEntry = order >= 0 ? entryOf(second) : null
  if (beforeEntry !== null) before.skip()
  if (afterEntry !== null) after.skip()
  const path = (beforeEntry ?? afterEntry!).path
  if (beforeEntry === null || afterEntry === null)
    return { path, before: beforeEntry, after: afterEntry, aspects: [] }
  const aspects = differingAspects(beforeEntry, afterEntry)
  return aspects.length === 0 ? null : { path, before: beforeEntry, after: afterEntry, aspects }
}

function differingAspects(before: TreeEntry, after: TreeEntry): ChangeAspect[] {
  const differs: Readonly<Record<ChangeAspect, boolean>> = {
    type: before.type !== after.type || before.rdev !== after.rdev,
    content: before.size !== after.size || !before.content.digests.equals(after.content.digests),
    target: !before.linkTarget.equals(after.linkTarget),
    mode: before.mode !== after.mode,
    owner: before.uid !== after.uid || before.gid !== after.gid,
    time: before.mtimeNs !== after.mtimeNs,
  }
  return changeAspects.filter((aspect) => differs[aspect])
}

/** The end of a tree is behind every path. */
function comparePositions(first: Position | null, second: Position | null): number {
  if (first === null || second === null) return Number(first === null) - Number(second === null)
  return comparePaths(first.firstPath, second.firstPath)
}

/** Nodes of the same level are opened together: only then is it visible which of their children they share. */
function isHigher(node: ClosedNode | null, counterpart: ClosedNode): boolean {
  return node !== null && node.parentHeight > counterpart.parentHeight
}

function nodeOf(position: Position | null): ClosedNode | null {
  return position?.kind === 'node' ? position : null
}

function entryOf(position: Position | null): TreeEntry | null {
  return position?.kind === 'entry' ? position.entry : null
}
