// S3's catalogue: buckets, versions and uploads in one SQLite database. It holds everything but the bytes of
// objects.

import { randomBytes } from 'node:crypto'
import type { StatementSync } from 'node:sqlite'
import { inTransaction } from '../../store/database.ts'
import type { Database } from '../../store/database.ts'
import type { Bucket, Content, KeyRange, Lock, Part, Upload, Version } from '../model.ts'
import { readBucket, readOptional, readPart, readUpload, readVersion, toJson } from './catalog-rows.ts'

// Keys are blobs, because S3 orders keys by their UTF-8 bytes, and a key can hold NUL.
const schema = `
CREATE TABLE IF NOT EXISTS s3_bucket (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  created_ms INTEGER NOT NULL, versioning TEXT, lock_enabled INTEGER NOT NULL, lock_default TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS s3_configuration (
  bucket_id INTEGER NOT NULL REFERENCES s3_bucket (id) ON DELETE CASCADE, name TEXT NOT NULL, document TEXT NOT NULL,
  PRIMARY KEY (bucket_id, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS s3_version (
  position INTEGER PRIMARY KEY, bucket_id INTEGER NOT NULL REFERENCES s3_bucket (id), key BLOB NOT NULL,
  version_id TEXT NOT NULL, latest INTEGER NOT NULL, marker INTEGER NOT NULL, modified_ms INTEGER NOT NULL, content TEXT,
  lock_mode TEXT, lock_until_ms INTEGER, legal_hold INTEGER NOT NULL, event_hold TEXT
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS s3_version_order ON s3_version (bucket_id, key, position DESC);
CREATE UNIQUE INDEX IF NOT EXISTS s3_version_id ON s3_version (bucket_id, key, version_id);
CREATE UNIQUE INDEX IF NOT EXISTS s3_version_current ON s3_version (bucket_id, key) WHERE latest = 1;
CREATE TABLE IF NOT EXISTS s3_upload (
  id TEXT PRIMARY KEY, position INTEGER NOT NULL, bucket_id INTEGER NOT NULL REFERENCES s3_bucket (id), key BLOB NOT NULL,
  initiated_ms INTEGER NOT NULL, detail TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS s3_upload_order ON s3_upload (bucket_id, key, position);
CREATE TABLE IF NOT EXISTS s3_part (
  upload_id TEXT NOT NULL REFERENCES s3_upload (id) ON DELETE CASCADE, number INTEGER NOT NULL, detail TEXT NOT NULL,
  PRIMARY KEY (upload_id, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS s3_counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
INSERT OR IGNORE INTO s3_counter VALUES ('position', 0);
`

const noFiles: readonly string[] = []
export type NewVersion = Omit<Version, 'order' | 'isLatest' | 'versionId'> & { order: number | null }

export class Catalog {
  private readonly database: Database
  private readonly statements = new Map<string, StatementSync>()

  constructor(database: Database) {
    this.database = database
    database.exec(schema)
  }

  transact<T>(change: () => T): T {
    return inTransaction(this.database, change)
  }

  private prepare(sql: string): StatementSync {
    const statement = this.statements.get(sql) ?? this.database.prepare(sql)
    this.statements.set(sql, statement)
    return statement
  }

  // An upload takes its position when it starts, because of two uploads to one key the later start makes the
  // newer version.
  nextPosition(): number {
    return Number(
      this.prepare("UPDATE s3_counter SET value = value + 1 WHERE name = 'position' RETURNING value").get()
        ?.value,
    )
  }

  // Buckets

  findBucket(name: string): Bucket | null {
    const row = this.prepare('SELECT * FROM s3_bucket WHERE name = ?').get(name)
    return row === undefined ? null : readBucket(row)
  }

  listBuckets(accountId: string): Bucket[] {
    return this.prepare('SELECT * FROM s3_bucket WHERE account_id = ? ORDER BY name')
      .all(accountId)
      .map(readBucket)
  }

  createBucket(bucket: Omit<Bucket, 'id'>): Bucket {
    const row = this.prepare(
      'INSERT INTO s3_bucket (name, account_id, region, created_ms, versioning, lock_enabled, lock_default) VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING *',
    ).get(
      bucket.name,
      bucket.accountId,
      bucket.region,
      bucket.createdMs,
      bucket.versioning,
      Number(bucket.lockEnabled),
      toJson(bucket.lockDefault),
    )
    return readBucket(row ?? {})
  }

  updateBucket(bucket: Bucket): void {
    this.prepare('UPDATE s3_bucket SET versioning = ?, lock_enabled = ?, lock_default = ? WHERE id = ?').run(
      bucket.versioning,
      Number(bucket.lockEnabled),
      toJson(bucket.lockDefault),
      bucket.id,
    )
  }

  /** Null if the bucket holds a version; otherwise the files of its unfinished uploads, which are deleted with it. */
  deleteBucket(bucketId: number): readonly string[] | null {
    if (this.prepare('SELECT 1 FROM s3_version WHERE bucket_id = ? LIMIT 1').get(bucketId) !== undefined)
      return null
    const uploads = this.prepare('SELECT id FROM s3_upload WHERE bucket_id = ?')
      .all(bucketId)
      .map(({ id }) => String(id))
    const orphans = uploads.flatMap((id) => this.listParts(id).map((part) => part.file))
    this.prepare('DELETE FROM s3_upload WHERE bucket_id = ?').run(bucketId)
    this.prepare('DELETE FROM s3_bucket WHERE id = ?').run(bucketId)
    return orphans
  }

  readConfiguration(bucketId: number, name: string): string | null {
    const row = this.prepare('SELECT document FROM s3_configuration WHERE bucket_id = ? AND name = ?').get(
      bucketId,
      name,
    )
    return row === undefined ? null : String(row.document)
  }

  writeConfiguration(bucketId: number, name: string, document: string): void {
    this.prepare(
      'INSERT INTO s3_configuration VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET document = excluded.document',
    ).run(bucketId, name, document)
  }

  deleteConfiguration(bucketId: number, name: string): void {
    this.prepare('DELETE FROM s3_configuration WHERE bucket_id = ? AND name = ?').run(bucketId, name)
  }

  listConfigurations(bucketId: number, prefix: string): { name: string; document: string }[] {
    return this.prepare(
      'SELECT name, document FROM s3_configuration WHERE bucket_id = ? AND substr(name, 1, length(?)) = ? ORDER BY name',
    )
      .all(bucketId, prefix, prefix)
      .map((row) => ({ name: String(row.name), document: String(row.document) }))
  }

  // Versions

  currentVersion(bucketId: number, key: string): Version | null {
    return readOptional(
      this.prepare('SELECT * FROM s3_version WHERE bucket_id = ? AND key = ? AND latest = 1').get(
        bucketId,
        keyBytes(key),
      ),
      readVersion,
    )
  }

  findVersion(bucketId: number, key: string, versionId: string): Version | null {
    return readOptional(
      this.prepare('SELECT * FROM s3_version WHERE bucket_id = ? AND key = ? AND version_id = ?').get(
        bucketId,
        keyBytes(key),
        versionId,
      ),
      readVersion,
    )
  }

  /**
   * Adds a version: under a new id if `keepOthers`, otherwise as `null`, which replaces an earlier `null`.
   * Call it in a transaction, and remove the returned files of a replaced version afterwards.
   */
  addVersion(version: NewVersion, keepOthers: boolean): { version: Version; orphans: readonly string[] } {
    const { bucketId } = version
    const key = keyBytes(version.key)
    const order = version.order ?? this.nextPosition()
    const orphans = keepOthers ? noFiles : this.removeVersion(bucketId, version.key, 'null')
    const versionId = keepOthers ? newVersionId(order) : 'null'
    this.prepare(
      'UPDATE s3_version SET latest = 0 WHERE bucket_id = ? AND key = ? AND latest = 1 AND position < ?',
    ).run(bucketId, key, order)
    const isLatest =
      this.prepare('SELECT 1 FROM s3_version WHERE bucket_id = ? AND key = ? AND latest = 1').get(
        bucketId,
        key,
      ) === undefined
    const { lock, content } = version
    this.prepare('INSERT INTO s3_version VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)').run(
      order,
      bucketId,
      key,
      versionId,
      Number(isLatest),
      Number(content === null),
      version.modifiedMs,
      toJson(content),
      lock.mode,
      lock.untilMs,
      Number(lock.legalHold),
      toJson(lock.eventHold),
    )
    return { version: { ...version, order, versionId, isLatest }, orphans }
  }

  /** Removes a version and makes the next older one the latest; returns its files. Call it in a transaction. */
  removeVersion(bucketId: number, key: string, versionId: string): string[] {
    const row = this.prepare(
      'DELETE FROM s3_version WHERE bucket_id = ? AND key = ? AND version_id = ? RETURNING *',
    ).get(bucketId, keyBytes(key), versionId)
    if (row === undefined) return []
    const version = readVersion(row)
    if (version.isLatest) {
      this.prepare(
        'UPDATE s3_version SET latest = 1 WHERE position = (SELECT position FROM s3_version WHERE bucket_id = ? AND key = ? ORDER BY position DESC LIMIT 1)',
      ).run(bucketId, keyBytes(key))
    }
    return version.content?.segments.map((segment) => segment.file) ?? []
  }

  updateLock(order: number, lock: Lock): void {
    this.prepare(
      'UPDATE s3_version SET lock_mode = ?, lock_until_ms = ?, legal_hold = ?, event_hold = ? WHERE position = ?',
    ).run(lock.mode, lock.untilMs, Number(lock.legalHold), toJson(lock.eventHold), order)
  }

  updateContent(order: number, content: Content): void {
    this.prepare('UPDATE s3_version SET content = ? WHERE position = ?').run(toJson(content), order)
  }

  /** Versions by key, and of one key from the newest to the oldest. */
  versionsIn(bucketId: number, { after, below, limit }: KeyRange): Version[] {
    const sameKey =
      after.order === null
        ? []
        : this.prepare(
            'SELECT * FROM s3_version WHERE bucket_id = ? AND key = ? AND position < ? ORDER BY position DESC LIMIT ?',
          ).all(bucketId, after.key, after.order, limit)
    if (sameKey.length >= limit) return sameKey.map(readVersion)
    const laterKeys = this.prepare(
      `SELECT * FROM s3_version WHERE bucket_id = ? AND key > ? ${belowClause(below)} ORDER BY key, position DESC LIMIT ?`,
    ).all(...[bucketId, after.key, ...(below === null ? [] : [below]), limit - sameKey.length])
    return [...sameKey, ...laterKeys].map(readVersion)
  }

  /** Current objects by key. Keys whose latest version is a delete marker are left out. */
  objectsIn(bucketId: number, { after, below, limit }: KeyRange): Version[] {
    return this.prepare(
      `SELECT * FROM s3_version WHERE bucket_id = ? AND latest = 1 AND marker = 0 AND key > ? ${belowClause(below)} ORDER BY key LIMIT ?`,
    )
      .all(...[bucketId, after.key, ...(below === null ? [] : [below]), limit])
      .map(readVersion)
  }

  // Uploads

  createUpload(upload: Omit<Upload, 'id' | 'order'>): Upload {
    const created = { ...upload, id: randomBytes(48).toString('base64url'), order: this.nextPosition() }
    this.prepare('INSERT INTO s3_upload VALUES (?, ?, ?, ?, ?, ?)').run(
      created.id,
      created.order,
      upload.bucketId,
      keyBytes(upload.key),
      upload.initiatedMs,
      JSON.stringify(created),
    )
    return created
  }

  findUpload(bucketId: number, key: string, id: string): Upload | null {
    return readOptional(
      this.prepare('SELECT detail FROM s3_upload WHERE id = ? AND bucket_id = ? AND key = ?').get(
        id,
        bucketId,
        keyBytes(key),
      ),
      readUpload,
    )
  }

  /** Uploads by key, and of one key from the oldest to the newest. */
  uploadsIn(bucketId: number, { after, below, limit }: KeyRange): Upload[] {
    const sameKey =
      after.order === null
        ? []
        : this.prepare(
            'SELECT detail FROM s3_upload WHERE bucket_id = ? AND key = ? AND position > ? ORDER BY position LIMIT ?',
          ).all(bucketId, after.key, after.order, limit)
    if (sameKey.length >= limit) return sameKey.map(readUpload)
    const laterKeys = this.prepare(
      `SELECT detail FROM s3_upload WHERE bucket_id = ? AND key > ? ${belowClause(below)} ORDER BY key, position LIMIT ?`,
    ).all(...[bucketId, after.key, ...(below === null ? [] : [below]), limit - sameKey.length])
    return [...sameKey, ...laterKeys].map(readUpload)
  }

  putPart(uploadId: string, part: Part): string | null {
    const before = this.prepare('SELECT detail FROM s3_part WHERE upload_id = ? AND number = ?').get(
      uploadId,
      part.number,
    )
    this.prepare(
      'INSERT INTO s3_part VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET detail = excluded.detail',
    ).run(uploadId, part.number, JSON.stringify(part))
    return before === undefined ? null : readPart(before).file
  }

  listParts(uploadId: string, after = 0, limit = 10_001): Part[] {
    return this.prepare(
      'SELECT detail FROM s3_part WHERE upload_id = ? AND number > ? ORDER BY number LIMIT ?',
    )
      .all(uploadId, after, limit)
      .map(readPart)
  }

  deleteUpload(uploadId: string): void {
    this.prepare('DELETE FROM s3_upload WHERE id = ?').run(uploadId)
  }

  /** Ids of all files that an object or a part uses. */
  namedFiles(): Set<string> {
    const files = new Set<string>()
    for (const row of this.prepare('SELECT content FROM s3_version WHERE content IS NOT NULL').iterate()) {
      for (const segment of (JSON.parse(String(row.content)) as Content).segments) files.add(segment.file)
    }
    for (const row of this.prepare('SELECT detail FROM s3_part').iterate()) files.add(readPart(row).file)
    return files
  }
}

/** Whether the bucket's public access block restricts public buckets now. For the authorizer. */
export function restrictsPublic(database: Database, bucketName: string): boolean {
  const row = database
    .prepare(
      "SELECT document FROM s3_configuration WHERE name = 'publicAccessBlock' AND bucket_id = (SELECT id FROM s3_bucket WHERE name = ?)",
    )
    .get(bucketName)
  return (
    row !== undefined &&
    (JSON.parse(String(row.document)) as { restrictPublicBuckets?: boolean }).restrictPublicBuckets === true
  )
}

function belowClause(below: Uint8Array | null): string {
  return below === null ? '' : 'AND key < ?'
}

export function keyBytes(key: string): Buffer {
  return Buffer.from(key, 'utf8')
}

// The id contains the order, so that a listing can continue after a version that was deleted in the meantime.
function newVersionId(order: number): string {
  return `${randomBytes(18).toString('base64url').replaceAll('-', '.')}.${order.toString(36)}`
}

/** The order in a version id; null if this store didn't make the id. */
export function orderOf(versionId: string): number | null {
  const match = /^[\w.]{24}\.([0-9a-z]{1,11})$/.exec(versionId)
  const order = match === null ? Number.NaN : Number.parseInt(match[1] ?? '', 36)
  return Number.isSafeInteger(order) ? order : null
}
