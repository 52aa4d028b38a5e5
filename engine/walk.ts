// The entries of a directory tree in the order of the format, each with its lstat. Names are bytes; links are not
// followed, except those to the tablespaces of a running cluster.
import { constants, lstatSync, readdirSync, readlinkSync, statSync } from 'node:fs'
import type { BigIntStats } from 'node:fs'
import { HoldfastError } from '../core/errors.ts'
import { maxPathBytes as maxTreePathBytes } from '../core/limits.ts'
import { makeEntry } from '../core/tree/tree-entry.ts'
import type { EntryType, TreeEntry } from '../core/tree/tree-entry.ts'
import { DirectoryReplaced, DirectoryStack } from './directory-stack.ts'
import { clampTimeNs } from './stat-identity.ts'
import type { EntryStats } from './stat-identity.ts'
import type { Problem, TreePath } from './operations.ts'
import { cachesRule, cacheTagName, fileSystemRule, isCacheTag, Selection } from './selection.ts'

export interface WalkedEntry {
  entry: TreeEntry
  stats: EntryStats
  /** Its path by name. Only calls that can't leave the tree by a wrong answer use it. */
  absolute: Buffer
  /** A directory that lies on another file system than the directory above it. */
  isMount?: true
  /** Its modification time is not one that the tree can record, which has the nearest. */
  hasOtherTime?: true
}

/** An entry that a rule leaves out, or a directory whose content is left out. */
export interface LeftOut {
  rule: string
  path: TreePath
  /** True for a directory whose content is left out: the walk has visited the directory itself. */
  isContent: boolean
}

export type Step = WalkedEntry | LeftOut | Problem

/** A longer path needs the descriptor of its directory (PATH_MAX, with the final NUL). */
const maxPathBytes = 4095

/** A directory whose entries are being listed. */
interface Listing {
  /** In latin1, a character for each byte, with the final slash. */
  absolutePrefix: string
  /** The part of an absolute path before the path in the tree. */
  rootBytes: number
  names: string[]
  next: number
  dev: bigint
  /** The names are those of a cache's tag alone. */
  isCache: boolean
}

/** @throws `not-found` or `invalid-input` if `root` itself can't be walked; anything below it becomes a problem. */
export function* walk(root: string, selection = new Selection()): Generator<Step> {
  const stack = new DirectoryStack()
  try {
    yield* walkBelow(lookAtRoot(root), stack, selection)
  } finally {
    stack.closeAll()
  }
}

function lookAtRoot(root: string): WalkedEntry {
  let stats: BigIntStats
  try {
    stats = lstatSync(root, { bigint: true })
  } catch (error) {
    throw new HoldfastError('not-found', `there is no directory ${root} to back up: ${reasonOf(error)}`, {
      cause: error,
    })
  }
  if (!stats.isDirectory()) {
    throw new HoldfastError('invalid-input', `${root} is not a directory`, {
      hint: 'name the directory whose content is to be backed up, not a link to it',
    })
  }
  const entry = entryOf(Buffer.alloc(0), stats)
  const walked = { entry, stats, absolute: Buffer.from(root) }
  return entry.mtimeNs === stats.mtimeNs ? walked : { ...walked, hasOtherTime: true }
}

/** One generator for all depths: with one for each directory, an entry would take longer the deeper it lies. */
function* walkBelow(root: WalkedEntry, stack: DirectoryStack, selection: Selection): Generator<Step> {
  yield root
  const listings: Listing[] = []
  const rootListing = list(root, root.absolute.toString('latin1'), stack, selection)
  if ('kind' in rootListing) yield rootListing
  else listings.push(rootListing)
  for (let listing = listings.at(-1); listing !== undefined; listing = listings.at(-1)) {
    const name = listing.names[listing.next++]
    if (name === undefined) {
      listings.pop()
      stack.leave()
      continue
    }
    const child = lookAt(name, listing, stack, selection)
    if (isWalked(child) && child.entry.type === 'directory' && child.stats.dev !== listing.dev)
      child.isMount = true
    yield child
    if (!isWalked(child) || child.entry.type !== 'directory') continue
    const { path } = child.entry
    if (child.isMount === true && selection.leavesOutFileSystems) {
      yield { rule: fileSystemRule, path, isContent: true }
      continue
    }
    const below = list(child, name, stack, selection)
    if ('kind' in below) {
      yield below
      continue
    }
    if (below.isCache) yield { rule: cachesRule, path, isContent: true }
    listings.push(below)
  }
}

export function isWalked(step: Step): step is WalkedEntry {
  return 'entry' in step
}

function lookAt(
  name: string,
  { absolutePrefix, rootBytes }: Listing,
  stack: DirectoryStack,
  selection: Selection,
): Step {
  const absolute = Buffer.from(absolutePrefix + name, 'latin1')
  const path = absolute.subarray(rootBytes)
  if (path.length > maxTreePathBytes)
    return { path, kind: 'unreadable', detail: `its path has more than ${maxTreePathBytes} bytes` }
  try {
    // lstat goes by path, because this takes two thirds of the time: no content comes from here, and a file or a
    // directory that is opened later is compared with it.
    const location = absolute.length <= maxPathBytes ? absolute : stack.at(absolute, name)
    const stats = statsAt(location, selection.follows(path))
    const entry = entryOf(path, stats)
    const rule = selection.patternFor(path, entry.type === 'directory')
    if (rule !== null) return { rule, path, isContent: false }
    if (entry.type === 'symlink')
      entry.linkTarget = readlinkSync(stack.at(absolute, name), { encoding: 'buffer' })
    return entry.mtimeNs === stats.mtimeNs
      ? { entry, stats, absolute }
      : { entry, stats, absolute, hasOtherTime: true }
  } catch (error) {
    return problemOf(path, error)
  }
}

function statsAt(location: Buffer, follow: boolean): BigIntStats {
  return follow ? statSync(location, { bigint: true }) : lstatSync(location, { bigint: true })
}

/** Lists a directory, which becomes the innermost of the stack. */
function list(
  { entry: { path }, stats, absolute }: WalkedEntry,
  name: string,
  stack: DirectoryStack,
  selection: Selection,
): Listing | Problem {
  const isRoot = path.length === 0
  try {
    stack.enter(name, stats, selection.follows(path))
  } catch (error) {
    return problemOf(path, error)
  }
  try {
    // A byte is a character then, in their order, and takes half the time of a buffer for each name.
    const names = selection.namesIn(path, readdirSync(stack.at(absolute), 'latin1'))
    names.sort()
    const absolutePrefix = `${absolute.toString('latin1')}/`
    const rootBytes = absolute.length - path.length + (isRoot ? 1 : 0)
    // A tag in the root itself does not count, because the operator names the root.
    const isCache =
      !isRoot &&
      selection.leavesOutCaches &&
      names.includes(cacheTagName) &&
      isCacheTag(stack.at(absolute, cacheTagName))
    const listed = isCache ? [cacheTagName] : names
    return { absolutePrefix, rootBytes, names: listed, next: 0, dev: stats.dev, isCache }
  } catch (error) {
    stack.leave()
    return problemOf(path, error)
  }
}

/** The type by the bits of the mode, because each question to `stats` takes as long as a tenth of the lstat. */
function typeOf(mode: number): EntryType {
  switch (mode & constants.S_IFMT) {
    case constants.S_IFREG:
      return 'file'
    case constants.S_IFDIR:
      return 'directory'
    case constants.S_IFLNK:
      return 'symlink'
    case constants.S_IFIFO:
      return 'fifo'
    case constants.S_IFSOCK:
      return 'socket'
    default:
      return (mode & constants.S_IFMT) === constants.S_IFBLK ? 'block-device' : 'character-device'
  }
}

function entryOf(path: Buffer, stats: BigIntStats): TreeEntry {
  const mode = Number(stats.mode)
  const type = typeOf(mode)
  const isDevice = type === 'block-device' || type === 'character-device'
  const size = type === 'file' ? Number(stats.size) : 0
  return makeEntry({
    path,
    type,
    size,
    mode: mode & 0o7777,
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    mtimeNs: clampTimeNs(stats.mtimeNs),
    sparse: type === 'file' && Number(stats.blocks) * 512 < size,
    rdev: isDevice ? Number(stats.rdev) : 0,
  })
}

function problemOf(path: Buffer, error: unknown): Problem {
  const code = (error as NodeJS.ErrnoException).code
  const isGone =
    error instanceof DirectoryReplaced || code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP'
  return { path, kind: isGone ? 'vanished' : 'unreadable', detail: reasonOf(error) }
}

/** A system error without its path, which is hostile text, e.g. `EACCES: permission denied`. */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.split(',')[0]!
}
