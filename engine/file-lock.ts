// A lock on a file that ends with its process, however the process ends: SQLite takes it from the kernel, so that no
// lock stays behind a kill or a restart of the machine.
import { DatabaseSync } from 'node:sqlite'

/** SQLite's primary result code for a lock that another connection holds (sqlite.org/rescode.html). */
const busy = 5

/**
 * Null if another process, or another holder in this one, has it. `close()` gives it back.
 * @throws SQLite's error if the file can't be locked.
 */
export function tryLock(file: string): DatabaseSync | null {
  const lock = new DatabaseSync(file)
  try {
    lock.exec('BEGIN EXCLUSIVE')
    return lock
  } catch (error) {
    lock.close()
    if ((error as { errcode?: number }).errcode === busy) return null
    throw error
  }
}
