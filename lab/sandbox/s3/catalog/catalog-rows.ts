// Converts rows of the catalogue to records.
import type { LockMode } from '../../../../core/store/object-store.ts'
import type { Bucket, Content, EventHold, LockDefault, Part, Upload, Version } from '../model.ts'

type Row = Record<string, unknown>

export function toJson(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value)
}

function readJson<T>(value: unknown): T | null {
  return typeof value === 'string' ? (JSON.parse(value) as T) : null
}

export function readOptional<T>(row: Row | undefined, read: (row: Row) => T): T | null {
  return row === undefined ? null : read(row)
}

export function readBucket(row: Row): Bucket {
  return {
    id: Number(row.id),
    name: String(row.name),
    accountId: String(row.account_id),
    region: String(row.region),
    createdMs: Number(row.created_ms),
    versioning: row.versioning as Bucket['versioning'],
    lockEnabled: row.lock_enabled === 1,
    lockDefault: readJson<LockDefault>(row.lock_default),
  }
}

export function readVersion(row: Row): Version {
  return {
    order: Number(row.position),
    bucketId: Number(row.bucket_id),
    key: Buffer.from(row.key as Uint8Array).toString('utf8'),
    versionId: String(row.version_id),
    isLatest: row.latest === 1,
    modifiedMs: Number(row.modified_ms),
    content: readJson<Content>(row.content),
    lock: {
      mode: row.lock_mode as LockMode | null,
      untilMs: row.lock_until_ms === null ? null : Number(row.lock_until_ms),
      legalHold: row.legal_hold === 1,
      eventHold: readJson<EventHold>(row.event_hold),
    },
  }
}

export function readUpload(row: Row): Upload {
  return JSON.parse(String(row.detail)) as Upload
}

export function readPart(row: Row): Part {
  return JSON.parse(String(row.detail)) as Part
}
