// The local journal of `wal-push`: which files the vault has acknowledged, with the hashes of their bytes. PostgreSQL
// asks for a file again if it crashed before it noted our reply. Losing the journal costs an upload of the same
// bytes, and nothing else.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { sha256Hex } from '../../core/digest.ts'
import { isHoldfastError } from '../../core/errors.ts'
import type { WalkState } from '../../core/wal/record-walk.ts'
import { assertOwnFile, prepareCacheDirectory } from '../backup/cache-directory.ts'
import { cacheUnusable } from '../backup/cache-database.ts'

const schemaVersion = 1
const suffixes = ['', '-wal', '-shm', '-journal']
/** PostgreSQL asks again for the last few alone. Older rows only find a file whose bytes changed. */
const keptRows = 20_000

export interface JournalRow {
  /** The hash of the file's bytes; of each part, if it has several. */
  digest: string
  /** True if the vault has acknowledged the file; false if only its records were walked. */
  isPushed: boolean
  /** Where the walk over its records ended; null if it can't go on in the next file. */
  state: WalkState | null
}

export class PushJournal {
  private readonly database: DatabaseSync

  private constructor(database: DatabaseSync) {
    this.database = database
  }

  /**
   * Begins anew if the file is damaged.
   * @param vault the name of the store: another vault has none of the files.
   * @throws `invalid-input` for a directory that other users can change, or that can't be used; `disk-full`.
   */
  static open(directory: string, { vault, source }: { vault: string; source: string }): PushJournal {
    const file = join(directory, `wal-${source}-${sha256Hex(Buffer.from(vault)).slice(0, 16)}.db`)
    try {
      prepareCacheDirectory(directory)
      for (const suffix of suffixes) assertOwnFile(file + suffix)
    } catch (error) {
      throw cacheUnusable(directory, error)
    }
    try {
      return new PushJournal(openDatabase(file))
    } catch (error) {
      if (isHoldfastError(error)) throw error
      for (const suffix of suffixes) rmSync(file + suffix, { force: true })
    }
    try {
      return new PushJournal(openDatabase(file))
    } catch (error) {
      throw cacheUnusable(directory, error)
    }
  }

  /** The system identifier of the cluster that pushes under this source; null before the first file. */
  get systemId(): string | null {
    const row = this.database.prepare('SELECT system_id FROM cluster').get()
    return (row?.['system_id'] as string | undefined) ?? null
  }

  set systemId(systemId: string) {
    this.database.prepare('INSERT OR REPLACE INTO cluster VALUES (1, ?)').run(systemId)
  }

  lookup(name: string): JournalRow | null {
    const row = this.database.prepare('SELECT digest, pushed, state FROM files WHERE name = ?').get(name)
    if (row === undefined) return null
    const state = row['state'] as string | null
    return {
      digest: row['digest'] as string,
      isPushed: row['pushed'] === 1,
      state: state === null ? null : (JSON.parse(state) as WalkState),
    }
  }

  put(name: string, { digest, isPushed, state }: JournalRow): void {
    const stateText = state === null ? null : JSON.stringify(state)
    this.database
      .prepare('INSERT OR REPLACE INTO files (name, digest, pushed, state) VALUES (?, ?, ?, ?)')
      .run(name, digest, isPushed ? 1 : 0, stateText)
    this.database
      .prepare('DELETE FROM files WHERE number <= (SELECT max(number) FROM files) - ?')
      .run(keptRows)
  }

  close(): void {
    this.database.close()
  }
}

function openDatabase(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: 10_000 })
  try {
    // A power failure may cost the last rows, and then the vault gets the same bytes twice.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cell_size_check = ON')
    const version = database.prepare('PRAGMA user_version').get()!['user_version'] as number
    if (version !== 0 && version !== schemaVersion) throw new Error(`it has schema ${version}`)
    database.exec(`
      CREATE TABLE IF NOT EXISTS cluster (one INTEGER PRIMARY KEY, system_id TEXT NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS files (number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,
        digest TEXT NOT NULL, pushed INTEGER NOT NULL, state TEXT) STRICT;
      PRAGMA user_version = ${schemaVersion}`)
    database.prepare('SELECT count(*) FROM files').get()
  } catch (error) {
    database.close()
    throw error
  }
  return database
}
