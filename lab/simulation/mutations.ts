// The changes that users make to a source between two backups, and sometimes during one.
import type { Seeded } from './random.ts'
import { isWithin, parentOf } from './source-tree.ts'
import type { SourceTree } from './source-tree.ts'

/** In latin1: some are not UTF-8, one contains a control sequence, one looks like the temporary folder of a restore. */
const names = [
  'a',
  'b',
  'c',
  'd e',
  'f\n',
  '\x1b[2J',
  'g\xff\xfe',
  '\xc3\xa9',
  '.holdfast-restore-x',
  'state.json',
  '-rf',
  'tree',
]
const modes = [0o644, 0o600, 0o444, 0o755, 0o640]
const maxEntries = 24
const maxBytes = 2_500_000

const changes = {
  'add a file': 6,
  'add a large file': 0.5,
  'add a directory': 2,
  'edit unnoticeably': 4,
  edit: 3,
  append: 2,
  truncate: 1.5,
  delete: 2,
  rename: 2,
  'replace by another of the same size and time': 1.5,
  'hard link': 1.5,
  'symbolic link': 1.5,
  'change a mode': 1,
  'change a time': 1,
} as const

type Change = keyof typeof changes

/** @returns the name of the change; null if the tree allowed none of this kind. */
export function mutate(tree: SourceTree, random: Seeded): string | null {
  const change = random.weigh<Change>(changes)
  return doChange(change, tree, random) ? change : null
}

function doChange(change: Change, tree: SourceTree, random: Seeded): boolean {
  if (
    change === 'add a file' ||
    change === 'add a large file' ||
    change === 'add a directory' ||
    change === 'symbolic link'
  )
    return add(change, tree, random)
  const entries = [...tree.nodes.keys()].filter((path) => path !== '')
  const files = tree.paths('file')
  if (change === 'delete' || change === 'rename' || change === 'change a time') {
    if (entries.length === 0) return false
    return moveOrRemove(change, random.pick(entries), tree, random)
  }
  if (files.length === 0) return false
  const path = random.pick(files)
  const node = tree.nodes.get(path)!
  if (change === 'hard link') {
    const to = freePath(tree, random)
    if (to === null) return false
    tree.addLink(to, path)
  } else if (change === 'change a mode') tree.setMode(path, random.pick(modes))
  else if (change === 'edit') tree.write(path, edited(node.bytes, random))
  else if (change === 'edit unnoticeably') tree.write(path, edited(node.bytes, random), node.mtimeNs)
  else if (change === 'append')
    tree.write(path, Buffer.concat([node.bytes, content(tree, random, random.below(500))]))
  else if (change === 'truncate') tree.write(path, truncated(node.bytes, random))
  else replaceFile(path, tree, random)
  return true
}

function add(
  change: 'add a file' | 'add a large file' | 'add a directory' | 'symbolic link',
  tree: SourceTree,
  random: Seeded,
): boolean {
  const path = freePath(tree, random)
  if (path === null) return false
  if (change === 'add a directory') tree.addDirectory(path, random.pick([0o755, 0o700, 0o2775]))
  else if (change === 'symbolic link')
    tree.addSymlink(
      path,
      Buffer.from(
        random.pick(['a', '../sentinel', '/', '/etc/passwd', 'no\xffwhere', '../../../sentinel']),
        'latin1',
      ),
    )
  else
    tree.addFile(
      path,
      content(tree, random, change === 'add a file' ? sizeOf(random) : 300_000 + random.below(500_000)),
      random.pick(modes),
    )
  return true
}

function moveOrRemove(
  change: 'delete' | 'rename' | 'change a time',
  path: string,
  tree: SourceTree,
  random: Seeded,
): boolean {
  if (change === 'delete') tree.remove(path)
  else if (change === 'change a time')
    tree.setTime(path, BigInt(random.below(2 ** 31)) * 1_000_000_000n + BigInt(random.below(1e9)))
  else {
    const to = freePath(tree, random)
    if (to === null || isWithin(to, path)) return false
    tree.rename(path, to)
  }
  return true
}

/** An editor writes a new file and renames it over the old one: another inode, here with the same size and time. */
function replaceFile(path: string, tree: SourceTree, random: Seeded): void {
  const { bytes, mtimeNs, mode } = tree.nodes.get(path)!
  const temporary = `${parentOf(path)}${parentOf(path) === '' ? '' : '/'}.new`
  tree.addFile(temporary, edited(bytes, random), mode)
  tree.setTime(temporary, mtimeNs)
  tree.rename(temporary, path)
}

function freePath(tree: SourceTree, random: Seeded): string | null {
  if (tree.nodes.size > maxEntries) return null
  const parent = random.pick(tree.paths('directory'))
  const path = parent === '' ? random.pick(names) : `${parent}/${random.pick(names)}`
  return tree.nodes.has(path) ? null : path
}

function sizeOf(random: Seeded): number {
  return random.chance(0.1) ? 0 : random.below(random.chance(0.2) ? 20_000 : 2000)
}

function content(tree: SourceTree, random: Seeded, maxContentBytes: number): Buffer {
  const used = [...new Set(tree.nodes.values())].reduce((sum, node) => sum + node.bytes.length, 0)
  const bytes = Math.min(maxContentBytes, Math.max(0, maxBytes - used))
  if (random.chance(0.5)) return random.bytes(bytes)
  return random.chance(0.2)
    ? Buffer.alloc(bytes)
    : Buffer.alloc(bytes, `line ${random.below(1000)} of a file that compresses\n`)
}

/** A copy of the same size in which one byte differs, unless the file is empty. */
function edited(bytes: Buffer, random: Seeded): Buffer {
  const copy = Buffer.from(bytes)
  if (copy.length > 0) copy[random.below(copy.length)]! ^= 1 + random.below(255)
  return copy
}

/** A shorter copy, or one with a hole at its end. */
function truncated(bytes: Buffer, random: Seeded): Buffer {
  return random.chance(0.7)
    ? bytes.subarray(0, random.below(bytes.length + 1))
    : Buffer.concat([bytes, Buffer.alloc(random.below(5000))])
}
