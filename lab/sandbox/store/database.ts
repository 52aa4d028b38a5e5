// The sandbox's database: one SQLite file, readable only by its owner.

import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

export type Database = DatabaseSync

/**
 * In write-ahead mode a committed transaction survives a killed process. `synchronous = NORMAL` risks only
 * the last moments before a power cut, which a stand-in cloud may lose.
 */
export function openDatabase(directory: string): Database {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const path = join(directory, 'sandbox.sqlite')
  const database = new DatabaseSync(path)
  chmodSync(path, 0o600)
  database.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 2000',
  )
  database.exec('CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT')
  return database
}

/** Runs `change` in one transaction: all of it is kept, or none. Must not be nested, or wait for a promise. */
export function inTransaction<T>(database: Database, change: () => T): T {
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = change()
    database.exec('COMMIT')
    return result
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

export function readSetting(database: Database, name: string): string | null {
  const row = database.prepare('SELECT value FROM setting WHERE name = ?').get(name)
  return typeof row?.value === 'string' ? row.value : null
}

export function writeSetting(database: Database, name: string, value: string): void {
  database
    .prepare('INSERT INTO setting VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value')
    .run(name, value)
}
