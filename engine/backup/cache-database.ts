// The database file of a writer's cache. One process at a time uses it. A damaged file is replaced; a file
// that only can't be read now stays as it is.
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { HoldfastError, isHoldfastError } from '../../core/errors.ts'
import { tryLock } from '../file-lock.ts'
import { assertOwnFile, prepareCacheDirectory, writeNewFile } from './cache-directory.ts'

/** Raise it when the rows or the way of chunking change. */
const schemaVersion = 4

/** SQLite's primary result code (sqlite.org/rescode.html) for a disk, or a quota, that is full. */
const full = 13
/**
 * SQLite's codes for a file with wrong content: ERROR (a missing table or column), CORRUPT, SCHEMA,
 * CONSTRAINT, MISMATCH, FORMAT, NOTADB.
 */
const damageCodes: ReadonlySet<number> = new Set([1, 11, 17, 19, 20, 24, 26])
/** IOERR_SHORT_READ: the file is shorter than it says. All other I/O errors may pass. */
const shortRead = 522

const databaseSuffixes = ['', '-wal', '-shm', '-journal']

/** The cache doesn't hold what the backup wrote. The backup then discards it and starts again. */
export class CacheDamaged extends Error {}

/**
 * Classifies an error of the cache: `CacheDamaged` makes the backup replace the cache; any other error leaves
 * the cache as it is.
 */
export function cacheFailure(directory: string, error: unknown): CacheDamaged | HoldfastError {
  if (error instanceof CacheDamaged) return error
  const { errcode } = error as { errcode?: number }
  if (errcode !== undefined && (errcode === shortRead || damageCodes.has(errcode & 0xff)))
    return new CacheDamaged((error as Error).message, { cause: error })
  return cacheUnusable(directory, error)
}

/**
 * @param owner the vault and the source: a cache that was copied from another's would name packs that
 * aren't there.
 */
export function openDatabase(file: string, owner: string): DatabaseSync {
  for (const suffix of databaseSuffixes) assertOwnFile(file + suffix)
  const database = new DatabaseSync(file, { timeout: 10_000 })
  try {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cell_size_check = ON')
    const version = database.prepare('PRAGMA user_version').get()!['user_version'] as number
    if (version !== 0 && version !== schemaVersion) throw new CacheDamaged(`it has schema ${version}`)
    database.exec(`
      CREATE TABLE IF NOT EXISTS packs (sha256 TEXT PRIMARY KEY, description TEXT NOT NULL, footer BLOB NOT NULL, checksum INTEGER NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS last_snapshot (one INTEGER PRIMARY KEY, value TEXT NOT NULL, checksum INTEGER NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS named_packs (one INTEGER PRIMARY KEY, digests BLOB NOT NULL, checksum INTEGER NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS attempts (id TEXT NOT NULL, checksum INTEGER NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS files (first_key BLOB PRIMARY KEY, records BLOB NOT NULL, checksum INTEGER NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS identity (one INTEGER PRIMARY KEY, value TEXT NOT NULL, checksum INTEGER NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS owner (one INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
      PRAGMA user_version = ${schemaVersion}`)
    database.prepare('INSERT OR IGNORE INTO owner VALUES (1, ?)').run(owner)
    if (database.prepare('SELECT name FROM owner').get()?.['name'] !== owner)
      throw new CacheDamaged('it belongs to another vault or source')
  } catch (error) {
    database.close()
    throw error
  }
  return database
}

/** Held until the process ends, however it ends. */
export function holdLock(directory: string, name: string, source: string): DatabaseSync {
  let lock: DatabaseSync | null
  try {
    prepareCacheDirectory(directory)
    assertOwnFile(join(directory, name))
    lock = tryLock(join(directory, name))
  } catch (error) {
    throw cacheUnusable(directory, error)
  }
  if (lock !== null) return lock
  throw new HoldfastError('conflict', `another backup of ${source} is running`, {
    hint: 'wait for it to end, or give this one a --cache-dir of its own',
    retryable: true,
  })
}

/** True for SQLite's and the file system's codes of a full disk or quota. */
function isOutOfRoom(error: unknown): boolean {
  const { errcode, code } = error as { errcode?: number; code?: string }
  return errcode === full || code === 'ENOSPC' || code === 'EDQUOT'
}

export function cacheUnusable(path: string, error: unknown): HoldfastError {
  if (isHoldfastError(error)) return error
  if (isOutOfRoom(error)) {
    return new HoldfastError('disk-full', `there is no room left for the cache in ${path}`, {
      hint: 'make room there and repeat the command: what was uploaded is used again',
      retryable: true,
      cause: error,
    })
  }
  return new HoldfastError(
    'invalid-input',
    `the cache in ${path} can't be used: ${(error as Error).message}`,
    {
      hint:
        'it was left as it is: repeat the command; if that fails too, give --cache-dir another local directory that you may write to, ' +
        'with room in it, which costs one full upload',
      cause: error,
    },
  )
}

/** Why the cache was begun anew, until a snapshot was committed since; null if it was not. */
export function readResetNote(file: string): string | null {
  const path = resetNoteFile(file)
  assertOwnFile(path)
  return existsSync(path) ? `the cache was begun anew: ${readFileSync(path, 'utf8')}` : null
}

/**
 * Throws the cache away. Why stands beside it first: the run that ends before it has a snapshot leaves it
 * to the next one to say so.
 */
export function removeDatabase(file: string, reason: string): void {
  writeNewFile(resetNoteFile(file), reason)
  for (const suffix of databaseSuffixes) rmSync(file + suffix, { force: true })
}

export function deleteResetNote(file: string): void {
  rmSync(resetNoteFile(file), { force: true })
}

function resetNoteFile(file: string): string {
  return `${file}.begun-anew`
}
