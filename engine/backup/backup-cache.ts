// The writer's local cache, a SQLite file: the files that it has read and the packs that it has uploaded. The
// writer needs it because it can't read the vault. A lost cache costs one full upload and nothing else. Each
// row has a checksum.
import { createHash } from 'node:crypto'
import { dirname, join } from 'node:path'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { crc32 } from 'node:zlib'
import { digestBytes } from '../../core/digest.ts'
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
import type { NewestChanges } from './device-clocks.ts'
import { FileRecords } from './file-records.ts'
import type { SourceRoot } from './source-root.ts'
import type { VaultIdentity } from './vault-identity.ts'

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
  versionId: string
  sha256: string
  /** As reported with the commit: whole seconds of the server's clock. */
  timeMs: number
  /** As in the manifest. */
  client: { host: string; root: string }
  generation: Generation
  /** Without it the root could not be read. */
  root?: SourceRoot
  newestChanges?: NewestChanges
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
   * Replaces a damaged cache, and one of another vault or source; `note` reports it until the next committed
   * snapshot.
   * @param vault the name of the store. Each vault has a cache of its own.
   * @throws `conflict` if another backup of the same source uses this cache. `invalid-input` or `disk-full`
   * if the cache can't be used now; it stays as it is.
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

  /** Null in a new cache. @throws CacheDamaged if the cache names packs and no vault. */
  identity(): VaultIdentity | null {
    const row = this.guard(() => this.database.prepare('SELECT value, checksum FROM identity').get())
    if (row !== undefined)
      return decodeRow(
        'the identity',
        () =>
          JSON.parse(verifyChecksum('the identity', row['checksum'], String(row['value']))) as VaultIdentity,
      )
    if (this.guard(() => this.database.prepare('SELECT 1 FROM packs LIMIT 1').get()) !== undefined)
      throw new CacheDamaged('it names no vault')
    return null
  }

  putIdentity(identity: VaultIdentity): void {
    const value = JSON.stringify(identity)
    this.write(() =>
      this.database.prepare('INSERT OR REPLACE INTO identity VALUES (1, ?, ?)').run(value, checksum(value)),
    )
    this.commit()
  }

  *packs(): Generator<CachedPack> {
    const rows = this.guard(() => this.database.prepare('SELECT * FROM packs').iterate())
    for (;;) {
      const next = this.guard(() => rows.next())
      if (next.done === true) return
      yield packOf(next.value)
    }
  }

  /** @param sha256 of a pack from `packs`, or from a later `putPack`. */
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
    if (row === undefined) return null
    return decodeRow(
      'the last snapshot',
      () =>
        JSON.parse(
          verifyChecksum('the last snapshot', row['checksum'], String(row['value'])),
        ) as LastSnapshot,
    )
  }

  /** Hashes of the packs that the last snapshot names; empty if the writer did not renew packs then. */
  namedPacks(): ReadonlySet<string> {
    const row = this.guard(() => this.database.prepare('SELECT digests, checksum FROM named_packs').get())
    if (row === undefined) return new Set()
    return decodeRow('the named packs', () => {
      const digests = asBuffer(row['digests'] as Uint8Array)
      verifyChecksum('the named packs', row['checksum'], '', digests)
      const names = new Set<string>()
      for (let at = 0; at < digests.length; at += digestBytes)
        names.add(digests.toString('hex', at, at + digestBytes))
      return names
    })
  }

  /**
   * The committed snapshot. Deletes the attempts that led to it, because their outcome is known now.
   * @param namedPacks hashes of the packs that it names, for a writer that renews them.
   */
  putLastSnapshot(snapshot: LastSnapshot, namedPacks: readonly string[] = []): void {
    const value = JSON.stringify(snapshot)
    const digests = Buffer.from(namedPacks.join(''), 'hex')
    this.write(() => {
      this.database
        .prepare('INSERT OR REPLACE INTO named_packs VALUES (1, ?, ?)')
        .run(digests, checksum('', digests))
      this.database
        .prepare('INSERT OR REPLACE INTO last_snapshot VALUES (1, ?, ?)')
        .run(value, checksum(value))
      this.database.exec('DELETE FROM attempts')
    })
    this.commit()
    this.guard(() => deleteResetNote(this.file))
  }

  /**
   * The ids of manifests that were sent after the last snapshot without an acknowledgement: each may be in
   * the vault. The oldest is first.
   */
  attempts(): string[] {
    return this.guard(() =>
      this.database.prepare('SELECT id, checksum FROM attempts ORDER BY rowid').all(),
    ).map((row) => verifyChecksum('an attempt', row['checksum'], String(row['id'])))
  }

  /**
   * Call it before the upload of a manifest: after a crash, the next backup must know that the vault may hold
   * it.
   */
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
      const row = next.value
      yield decodeRow('a block of files', () => {
        const records = asBuffer(row['records'] as Uint8Array)
        verifyChecksum('a block of files', row['checksum'], '', row['first_key'] as Uint8Array, records)
        return records
      })
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
      // Ignore: the caller is already throwing the original error, and the next statement reports a broken
      // database.
    }
  }

  /**
   * A failed commit is ignored here, because the next backup then reads these files again. An error would
   * hide the error that ended the backup.
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
  return decodeRow('a pack', () => decodePack(row))
}

/** SQLite can give a row that lacks a column after damage to a page: every error in decoding is damage. */
function decodeRow<Row>(rowName: string, decode: () => Row): Row {
  try {
    return decode()
  } catch (error) {
    if (error instanceof CacheDamaged) throw error
    throw new CacheDamaged(`${rowName} can't be decoded`, { cause: error })
  }
}

function decodePack(row: Record<string, unknown>): CachedPack {
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
