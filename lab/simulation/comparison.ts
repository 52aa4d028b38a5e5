// What differs between a directory on the disk and what the model says: by plain system calls, byte for byte.
import * as fs from 'node:fs'
import type { Expected, TreeNode } from './source-tree.ts'

export interface Difference {
  path: string
  what: string
}

interface Found extends Omit<TreeNode, 'mtimeNs'> {
  mtimeUs: bigint
}

export function differences(expected: Expected, directory: string): Difference[] {
  const found = new Map<string, Found>()
  describe(Buffer.from(directory), '', found)
  const differing: Difference[] = []
  for (const [path, node] of expected) {
    const what = differenceOf(node, found.get(path))
    if (what !== null) differing.push({ path, what })
  }
  for (const path of found.keys()) if (!expected.has(path)) differing.push({ path, what: 'nobody knows it' })
  const whole = [...expected].filter(
    ([path, node]) =>
      node.kind === 'file' && found.has(path) && !differing.some((other) => other.path === path),
  )
  return [...differing, ...wrongLinks(whole, found)]
}

function differenceOf(node: Readonly<TreeNode>, found: Found | undefined): string | null {
  if (found === undefined) return 'it is missing'
  if (found.kind !== node.kind) return `it is a ${found.kind}, not a ${node.kind}`
  if (!found.bytes.equals(node.bytes)) return 'it has other bytes'
  if (node.kind !== 'symlink' && found.mode !== node.mode)
    return `it has mode ${found.mode.toString(8)}, not ${node.mode.toString(8)}`
  const mtimeUs = node.mtimeNs / 1000n
  return found.mtimeUs === mtimeUs ? null : `it was changed at ${found.mtimeUs} µs, not ${mtimeUs}`
}

/** Names of one file must be names of one file again, and of no other. */
function wrongLinks(whole: [string, Readonly<TreeNode>][], found: ReadonlyMap<string, Found>): Difference[] {
  const inodes = new Map<Readonly<TreeNode>, bigint>()
  const owners = new Map<bigint, Readonly<TreeNode>>()
  return whole.flatMap(([path, node]) => {
    const { ino } = found.get(path)!
    const isSame = (inodes.get(node) ?? ino) === ino && (owners.get(ino) ?? node) === node
    inodes.set(node, ino)
    owners.set(ino, node)
    return isSame ? [] : [{ path, what: 'its hard links are others' }]
  })
}

function describe(absolute: Buffer, path: string, found: Map<string, Found>): void {
  const stats = fs.lstatSync(absolute, { bigint: true })
  const kind = stats.isDirectory() ? 'directory' : stats.isSymbolicLink() ? 'symlink' : 'file'
  const bytes =
    kind === 'file'
      ? fs.readFileSync(absolute)
      : kind === 'symlink'
        ? fs.readlinkSync(absolute, { encoding: 'buffer' })
        : Buffer.alloc(0)
  found.set(path, {
    kind,
    bytes,
    mode: Number(stats.mode & 0o7777n),
    mtimeUs: stats.mtimeNs / 1000n,
    ino: stats.ino,
  })
  if (kind !== 'directory') return
  for (const name of fs.readdirSync(absolute, { encoding: 'buffer' })) {
    const text = name.toString('latin1')
    describe(Buffer.concat([absolute, Buffer.from('/'), name]), path === '' ? text : `${path}/${text}`, found)
  }
}
