// Whether other users can change a cache, or another local state. A backup as root reads every file, and writes where
// the cache lies: a link or a database that another user planted there would make it write elsewhere, or leave content
// out.
import { closeSync, constants, lstatSync, mkdirSync, openSync, unlinkSync, writeSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { HoldfastError } from '../../core/errors.ts'

/** The local files that a refusal is about. */
export interface LocalFiles {
  /** The subject of the message, e.g. `the cache`. */
  name: string
  hint: string
}

const cacheFiles: LocalFiles = {
  name: 'the cache',
  hint: 'give --cache-dir a directory of this user that no other user may write to (chmod go-w), by a path without links; a new one costs one full upload',
}

const writableByOthers = 0o022
const sticky = 0o1000

/**
 * Creates the directory if it is missing.
 * @throws `invalid-input` if another user owns it or may write to it, if it is a link, or if another user can replace
 * it.
 */
export function prepareCacheDirectory(directory: string, files = cacheFiles): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const stats = lstatSync(directory)
  if (!stats.isDirectory()) throw refused(directory, 'is a link, or no directory', files)
  assertOwn(directory, stats, files)
  let path = resolve(directory)
  while (path !== dirname(path)) {
    path = dirname(path)
    assertOthersCantReplace(directory, path, files)
  }
}

/**
 * @throws `invalid-input` unless the file is missing, or a regular file of this user that no other user may
 * write to.
 */
export function assertOwnFile(file: string, files = cacheFiles): void {
  const stats = lstatSync(file, { throwIfNoEntry: false })
  if (stats === undefined) return
  if (!stats.isFile()) throw refused(file, 'is a link, or no regular file', files)
  if (stats.nlink !== 1) throw refused(file, 'has another name, which another user may have made', files)
  assertOwn(file, stats, files)
}

/** Writes a new file in place of any that is there. Nothing is followed, and nothing emptied. */
export function writeNewFile(file: string, text: string): void {
  removeFile(file)
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants
  const descriptor = openSync(file, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0o600)
  try {
    writeSync(descriptor, text)
  } finally {
    closeSync(descriptor)
  }
}

function removeFile(file: string): void {
  try {
    unlinkSync(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

function assertOwn(path: string, { uid, mode }: Stats, files: LocalFiles): void {
  const user = process.geteuid?.()
  if (user !== undefined && uid !== user) throw refused(path, `belongs to the user ${uid}`, files)
  if ((mode & writableByOthers) !== 0) throw refused(path, 'can be written by other users', files)
}

/** In a sticky directory, such as /tmp, only the owner of an entry can replace it. */
function assertOthersCantReplace(directory: string, ancestor: string, files: LocalFiles): void {
  const { uid, mode } = lstatSync(ancestor)
  const user = process.geteuid?.()
  const isOwn = user === undefined || uid === 0 || uid === user
  if (!isOwn) throw refused(directory, `lies in ${ancestor}, which belongs to the user ${uid}`, files)
  if ((mode & writableByOthers) !== 0 && (mode & sticky) === 0)
    throw refused(directory, `lies in ${ancestor}, which other users can write`, files)
}

function refused(path: string, reason: string, { name, hint }: LocalFiles): HoldfastError {
  return new HoldfastError('invalid-input', `${name} can't be trusted: ${path} ${reason}`, { hint })
}
