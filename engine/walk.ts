// The entries of a directory tree in the order of the format, each with its lstat. Names are bytes; links are not followed.
import { lstatSync, readdirSync, readlinkSync } from 'node:fs'
import type { BigIntStats } from 'node:fs'
import { HoldfastError } from '../core/errors.ts'
import { makeEntry } from '../core/tree/tree-entry.ts'
import type { EntryType, TreeEntry } from '../core/tree/tree-entry.ts'
import { clampTimeNs } from './stat-identity.ts'
import type { Problem } from './operations.ts'

export interface WalkedEntry {
  entry: TreeEntry
  stats: BigIntStats
  /** The path to open. */
  absolute: Buffer
}

/** @throws `not-found` or `invalid-input` if `root` itself can't be walked; anything below it becomes a problem. */
export function* walk(root: string): Generator<WalkedEntry | Problem> {
  const absolute = Buffer.from(root)
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
  yield* walkDirectory({ entry: entryOf(Buffer.alloc(0), 'directory', stats), stats, absolute })
}

function* walkDirectory(directory: WalkedEntry): Generator<WalkedEntry | Problem> {
  yield directory
  const { path } = directory.entry
  let names: string[]
  try {
    // A byte is a character then, in their order, and takes half the time of a buffer for each name.
    names = readdirSync(directory.absolute, 'latin1')
  } catch (error) {
    yield problemOf(path, error)
    return
  }
  names.sort()
  const pathPrefix = path.length === 0 ? '' : `${path.toString('latin1')}/`
  const absolutePrefix = `${directory.absolute.toString('latin1')}/`
  for (const name of names) {
    const childPath = Buffer.from(pathPrefix + name, 'latin1')
    const absolute = Buffer.from(absolutePrefix + name, 'latin1')
    let child: WalkedEntry
    try {
      const stats = lstatSync(absolute, { bigint: true })
      const entry = entryOf(childPath, typeOf(stats), stats)
      if (entry.type === 'symlink') entry.linkTarget = readlinkSync(absolute, { encoding: 'buffer' })
      child = { entry, stats, absolute }
    } catch (error) {
      yield problemOf(childPath, error)
      continue
    }
    if (child.entry.type === 'directory') yield* walkDirectory(child)
    else yield child
  }
}

function typeOf(stats: BigIntStats): EntryType {
  if (stats.isFile()) return 'file'
  if (stats.isDirectory()) return 'directory'
  if (stats.isSymbolicLink()) return 'symlink'
  if (stats.isFIFO()) return 'fifo'
  if (stats.isSocket()) return 'socket'
  return stats.isBlockDevice() ? 'block-device' : 'character-device'
}

function entryOf(path: Buffer, type: EntryType, stats: BigIntStats): TreeEntry {
  const isDevice = type === 'block-device' || type === 'character-device'
  const size = type === 'file' ? Number(stats.size) : 0
  return makeEntry({
    path,
    type,
    size,
    mode: Number(stats.mode) & 0o7777,
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    mtimeNs: clampTimeNs(stats.mtimeNs),
    sparse: type === 'file' && Number(stats.blocks) * 512 < size,
    rdev: isDevice ? Number(stats.rdev) : 0,
  })
}

function problemOf(path: Buffer, error: unknown): Problem {
  const code = (error as NodeJS.ErrnoException).code
  return {
    path,
    kind: code === 'ENOENT' || code === 'ENOTDIR' ? 'vanished' : 'unreadable',
    detail: reasonOf(error),
  }
}

/** A system error without its path, which is hostile text, e.g. `EACCES: permission denied`. */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.split(',')[0]!
}
