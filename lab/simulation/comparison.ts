// Compares a directory on the disk with the model of it, byte for byte, by plain system calls.
import * as fs from 'node:fs'
import { incompleteMark } from '../../core/snapshot/incomplete-mark.ts'
import type { Expected, TreeNode } from './source-tree.ts'

export interface Difference {
  path: string
  problem: string
}

interface RestoredNode extends Omit<TreeNode, 'mtimeNs'> {
  mtimeUs: bigint
}

/** The entries of a directory, by path. */
export type RestoredTree = ReadonlyMap<string, RestoredNode>

export function readTree(directory: string): RestoredTree {
  const restored = new Map<string, RestoredNode>()
  describe(Buffer.from(directory), '', restored)
  return restored
}

export function differences(expected: Expected, restored: RestoredTree): Difference[] {
  const differing: Difference[] = []
  for (const [path, node] of expected) {
    const problem = differenceOf(node, restored.get(path))
    if (problem !== null) differing.push({ path, problem })
  }
  for (const path of restored.keys())
    if (!expected.has(path) && path !== incompleteMark)
      differing.push({ path, problem: 'it is not in the model' })
  const intact = [...expected].filter(
    ([path, node]) =>
      node.kind === 'file' && restored.has(path) && !differing.some((difference) => difference.path === path),
  )
  return [...differing, ...wrongLinks(intact, restored)]
}

/** Whether a file anywhere in the directory has these bytes. */
export function holdsContent(restored: RestoredTree, bytes: Buffer): boolean {
  return [...restored.values()].some((node) => node.kind === 'file' && node.bytes.equals(bytes))
}

/** The difference of one entry, without the entries in it. */
export function nodeDifference(node: Readonly<TreeNode>, absolute: Buffer): string | null {
  return differenceOf(node, describeNode(absolute))
}

function differenceOf(node: Readonly<TreeNode>, actual: RestoredNode | undefined): string | null {
  if (actual === undefined) return 'it is missing'
  if (actual.kind !== node.kind) return `it is a ${actual.kind}, not a ${node.kind}`
  if (!actual.bytes.equals(node.bytes)) return 'it has other bytes'
  if (node.kind !== 'symlink' && actual.mode !== node.mode)
    return `it has mode ${actual.mode.toString(8)}, not ${node.mode.toString(8)}`
  const mtimeUs = node.mtimeNs / 1000n
  return actual.mtimeUs === mtimeUs ? null : `it was changed at ${actual.mtimeUs} µs, not ${mtimeUs}`
}

/** The hard links of one file must be links of one file again, and of no other file. */
function wrongLinks(intact: [string, Readonly<TreeNode>][], restored: RestoredTree): Difference[] {
  const inodes = new Map<Readonly<TreeNode>, bigint>()
  const owners = new Map<bigint, Readonly<TreeNode>>()
  return intact.flatMap(([path, node]) => {
    const { ino } = restored.get(path)!
    const isSame = (inodes.get(node) ?? ino) === ino && (owners.get(ino) ?? node) === node
    inodes.set(node, ino)
    owners.set(ino, node)
    return isSame ? [] : [{ path, problem: 'its hard links differ' }]
  })
}

function describeNode(absolute: Buffer): RestoredNode {
  const stats = fs.lstatSync(absolute, { bigint: true })
  const kind = stats.isDirectory() ? 'directory' : stats.isSymbolicLink() ? 'symlink' : 'file'
  const bytes =
    kind === 'file'
      ? fs.readFileSync(absolute)
      : kind === 'symlink'
        ? fs.readlinkSync(absolute, { encoding: 'buffer' })
        : Buffer.alloc(0)
  return { kind, bytes, mode: Number(stats.mode & 0o7777n), mtimeUs: stats.mtimeNs / 1000n, ino: stats.ino }
}

function describe(absolute: Buffer, path: string, restored: Map<string, RestoredNode>): void {
  const node = describeNode(absolute)
  restored.set(path, node)
  if (node.kind !== 'directory') return
  for (const name of fs.readdirSync(absolute, { encoding: 'buffer' })) {
    const text = name.toString('latin1')
    describe(
      Buffer.concat([absolute, Buffer.from('/'), name]),
      path === '' ? text : `${path}/${text}`,
      restored,
    )
  }
}
