// What the writer remembers between backups, since it can't read the vault: which files it has read, which
// packs it has uploaded. A local SQLite file; losing it costs one full upload and nothing else. Each row
// carries a checksum.
import { createHash } from 'node:crypto'
import { dirname, join } from 'node:path'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { crc32 } from 'node:zlib'
import { isHoldfastError } from '../../core/errors.ts'
import type { IndexChunk } from '../../core/pack/pack-index.ts'
import type { ChunkLocation } from '../../core/snapshot/manifest.ts'
import type { Generation, Lock } from '../../core/snapshot/retention.ts'
import {
  CacheDamaged,
  cacheFailure,
  deleteResetNote,
  holdLock,
  openDatabase,
  readResetNote,
  removeDatabase,
  cacheUnusable,
} from './cache-database.ts'
import { FileRecords } from './file-records.ts'
import type { SourceRoot } from './source-root.ts'

export interface CachedPack {
  sha256: string
  key: string
  versionId: string
  bytes: number
  /** When the lock began, by the server's time; rather too early than too late. */
  uploadedMs: number
  lock: Lock | null
  footer: Buffer
}

/** The last committed snapshot, as the next one needs to know it. */
export interface LastSnapshot {
  id: string
  sha256: string
  generation: Generation
  /** Caches of earlier versions have none. */
  root?: SourceRoot
  index: (IndexChunk & { location: ChunkLocation; packSha256: string })[]
}

export class BackupCache {
  private readonly database: DatabaseSync
  /** A second connection, whose view of the files doesn't move while they are rewritten. */
  private readonly reader: DatabaseSync
  private readonly lock: DatabaseSync
  private readonly putBlock: StatementSync
  private readonly dropBlock: StatementSync
  private pendingWrites = 0
  private readonly file: string
  /** Why nothing was remembered, if so. */
  readonly resetNote: string | null

  private constructor(file: string, owner: string, lock: DatabaseSync) {
    this.file = file
    this.lock = lock
    this.resetNote = readResetNote(file)
    this.database = openDatabase(file, owner)
    try {
      this.putBlock = this.database.prepare('INSERT OR REPLACE INTO files VALUES (?, ?, ?)')
      this.dropBlock = this.database.prepare('DELETE FROM files WHERE first_key = ?')
      this.reader = openDatabase(file, owner)
    } catch (error) {
      this.database.close()
      throw error
    }
  }

  /**
   * One that is damaged, or another's, is begun anew; `note` says so until a snapshot has been committed since.
   * @param vault what the cache belongs to: the store's name. Another vault has another cache.
   * @throws `conflict` if another backup of the same source runs with this cache, `invalid-input` or `disk-full` if it can't
   * be used now: it is left as it is then.
   */
  static open(directory: string, vault: string, source: string): BackupCache {
    const { file, owner, lock } = acquireLock(directory, vault, source)
    try {
      return new BackupCache(file, owner, lock)
    } catch (error) {
      const failure = cacheFailure(directory, error)
      if (failure instanceof CacheDamaged) return BackupCache.recreate(file, owner, lock, failure)
      lock.close()
      throw failure
    }
  }

  /** Forgets everything, after a CacheDamaged. */
  static reset(directory: string, vault: string, source: string, damage: CacheDamaged): BackupCache {
    const { file, owner, lock } = acquireLock(directory, vault, source)
    return BackupCache.recreate(file, owner, lock, damage)
  }

  private static recreate(
    file: string,
    owner: string,
    lock: DatabaseSync,
    damage: CacheDamaged,
  ): BackupCache {
    try {
      removeDatabase(file, damage.message)
      return new BackupCache(file, owner, lock)
    } catch (error) {
      lock.close()
      throw cacheUnusable(dirname(file), error)
    }
  }

  *packs(): Generator<CachedPack> {
    const rows = this.guard(() => this.database.prepare('SELECT * FROM packs').iterate())
    for (;;) {
      const next = this.guard(() => rows.next())
      if (next.done === true) return
      yield packOf(next.value)
    }
  }

  /** Of one of `packs`, or of a pack that was put since. */
  footer(sha256: string): Buffer {
    const row = this.guard(() => this.database.prepare('SELECT * FROM packs WHERE sha256 = ?').get(sha256))
    if (row === undefined) throw new CacheDamaged('a pack is gone')
    return packOf(row).footer
  }

  putPack({ footer, ...pack }: CachedPack): void {
    const description = JSON.stringify(pack)
    this.write(() => {
      this.database
        .prepare('INSERT OR REPLACE INTO packs VALUES (?, ?, ?, ?)')
        .run(pack.sha256, description, footer, checksum(description, footer))
    })
    // A pack that was uploaded must not be uploaded again after a crash.
    this.commit()
  }

  dropPacks(sha256s: readonly string[]): void {
    const drop = this.guard(() => this.database.prepare('DELETE FROM packs WHERE sha256 = ?'))
    for (const sha256 of sha256s) this.write(() => drop.run(sha256))
  }

  lastSnapshot(): LastSnapshot | null {
    const row = this.guard(() => this.database.prepare('SELECT value, checksum FROM last_snapshot').get())
    return row === undefined
      ? null
      : (JSON.parse(
          verifyChecksum('the last snapshot', row['checksum'], String(row['value'])),
        ) as LastSnapshot)
  }

  /** What was committed; the attempts that led to it are settled by it. */
  putLastSnapshot(snapshot: LastSnapshot): void {
    const value = JSON.stringify(snapshot)
    this.write(() => {
      this.database
        .prepare('INSERT OR REPLACE INTO last_snapshot VALUES (1, ?, ?)')
        .run(value, checksum(value))
      this.database.exec('DELETE FROM attempts')
    })
    this.commit()
    this.guard(() => deleteResetNote(this.file))
  }

  /**
   * The ids of manifests that were sent after the last snapshot, and of which nobody knows whether they
   * arrived; oldest first.
   */
  attempts(): string[] {
    return this.guard(() =>
      this.database.prepare('SELECT id, checksum FROM attempts ORDER BY rowid').all(),
    ).map((row) => verifyChecksum('an attempt', row['checksum'], String(row['id'])))
  }

  /** Before a manifest is sent: whoever runs after a crash must know that it may be there. */
  putAttempt(id: string): void {
    this.write(() => this.database.prepare('INSERT INTO attempts VALUES (?, ?)').run(id, checksum(id)))
    this.commit()
  }

  /** All files in the order of the tree, in blocks of records, as they were when the iteration began. */
  *files(): Generator<Buffer> {
    this.commit()
    const rows = this.guard(() => this.reader.prepare('SELECT * FROM files ORDER BY first_key').iterate())
    for (;;) {
      const next = this.guard(() => rows.next())
      if (next.done === true) return
      const records = asBuffer(next.value['records'] as Uint8Array)
      verifyChecksum(
        'a block of files',
        next.value['checksum'],
        '',
        next.value['first_key'] as Uint8Array,
        records,
      )
      yield records
    }
  }

  /**
   * Both at once.
   * @param dropped keys of the first files of blocks.
   * @param blocks records, which no block that stays overlaps.
   */
  replaceFiles(dropped: readonly Buffer[], blocks: readonly Buffer[]): void {
    this.write(() => {
      for (const key of dropped) this.dropBlock.run(key)
      for (const records of blocks) {
        const { firstKey } = new FileRecords(records)
        this.putBlock.run(firstKey, records, checksum('', firstKey, records))
      }
    })
  }

  private write(change: () => void): void {
    this.guard(() => {
      if (this.pendingWrites++ === 0) this.database.exec('BEGIN')
      change()
    })
    if (this.pendingWrites >= 100) this.commit()
  }

  private commit(): void {
    if (this.pendingWrites === 0) return
    this.pendingWrites = 0
    this.guard(() => this.database.exec('COMMIT'))
  }

  private guard<Result>(access: () => Result): Result {
    try {
      return access()
    } catch (error) {
      // There is nothing to commit any more: SQLite has rolled back after most failures, but not after one
      // of waiting for a lock.
      this.pendingWrites = 0
      this.rollBack()
      throw cacheFailure(dirname(this.file), error)
    }
  }

  private rollBack(): void {
    try {
      if (this.database.isTransaction) this.database.exec('ROLLBACK')
    } catch {
      // What comes of it is said by what comes next; what it was for is being said.
    }
  }

  /**
   * What can't be kept at the end is read again the next time: no reason to fail, nor to hide what a backup
   * failed with.
   */
  close(): void {
    try {
      this.commit()
    } catch (error) {
      if (!(error instanceof CacheDamaged) && !isHoldfastError(error)) throw error
    } finally {
      this.discard()
    }
  }

  /** Closes without keeping what was not committed: after a CacheDamaged nothing of it is worth keeping. */
  discard(): void {
    for (const database of [this.reader, this.database, this.lock]) if (database.isOpen) database.close()
  }
}

function acquireLock(
  directory: string,
  vault: string,
  source: string,
): { file: string; owner: string; lock: DatabaseSync } {
  const owner = JSON.stringify([vault, source])
  const name = `${source}-${createHash('sha256').update(owner).digest('hex').slice(0, 16)}`
  return { file: join(directory, `${name}.sqlite`), owner, lock: holdLock(directory, `${name}.lock`, source) }
}

function packOf(row: Record<string, unknown>): CachedPack {
  const footer = asBuffer(row['footer'] as Uint8Array)
  const pack = JSON.parse(
    verifyChecksum('a pack', row['checksum'], String(row['description']), footer),
  ) as Omit<CachedPack, 'footer'>
  return { ...pack, footer }
}

function checksum(text: string, ...parts: Uint8Array[]): number {
  return parts.reduce((sum, part) => crc32(part, sum), crc32(text))
}

function verifyChecksum(rowName: string, expected: unknown, text: string, ...parts: Uint8Array[]): string {
  if (checksum(text, ...parts) !== Number(expected)) throw new CacheDamaged(`${rowName} has another checksum`)
  return text
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
