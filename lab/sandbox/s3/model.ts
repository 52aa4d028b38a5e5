// The records that S3's catalogue stores and its operations use.

import type { LockMode } from '../../../core/store/object-store.ts'
import type { ChecksumAlgorithm } from './objects/checksum.ts'

export interface LockDefault {
  mode: LockMode
  days: number | null
  years: number | null
}

export interface Bucket {
  id: number
  name: string
  accountId: string
  region: string
  createdMs: number
  versioning: 'Enabled' | 'Suspended' | null
  lockEnabled: boolean
  lockDefault: LockDefault | null
}

export interface Encryption {
  algorithm: string
  kmsKeyId: string | null
  /** MD5 of the customer's key in Base64, for SSE-C. The sandbox keeps no key and encrypts nothing. */
  customerKeyMd5: string | null
}

export interface Checksum {
  algorithm: ChecksumAlgorithm
  type: 'FULL_OBJECT' | 'COMPOSITE'
  /** Base64, followed by `-N` for a composite of N parts. */
  value: string
}

/** One file of an object's content. A single PUT has one segment, a multipart upload one per part. */
interface Segment {
  file: string
  bytes: number
  partNumber: number
  checksum: string | null
}

export interface EventHold {
  durationMs: number
  days: number | null
  years: number | null
}

export interface Lock {
  mode: LockMode | null
  untilMs: number | null
  legalHold: boolean
  /** An active hold keeps the end of the lock ahead of the clock by its duration. */
  eventHold: EventHold | null
}

/** The lock in the headers of a write. */
export interface RequestedLock {
  /** Null if the headers set none: the bucket's default applies. */
  retention: { mode: LockMode; untilMs: number } | null
  legalHold: boolean
  eventHold: EventHold | null
}

/** Headers that S3 stores and returns, by name in lower case: content-type, x-amz-meta-…, and others. */
export type StoredHeaders = Record<string, string>

export interface Content {
  bytes: number
  etag: string
  /** Null for a single PUT; the number of parts otherwise. */
  partCount: number | null
  segments: Segment[]
  headers: StoredHeaders
  storageClass: string
  encryption: Encryption
  checksum: Checksum | null
  tags: [string, string][]
  acl: string
}

export interface Version {
  /** Order among the versions of all keys: a newer version has a greater number. */
  order: number
  bucketId: number
  key: string
  /** The text `null` where versioning is off or suspended. */
  versionId: string
  isLatest: boolean
  modifiedMs: number
  /** Null for a delete marker. */
  content: Content | null
  lock: Lock
}

export interface Upload {
  id: string
  order: number
  bucketId: number
  key: string
  initiatedMs: number
  initiator: string
  headers: StoredHeaders
  storageClass: string
  encryption: Encryption
  checksum: { algorithm: ChecksumAlgorithm; type: Checksum['type'] } | null
  tags: [string, string][]
  acl: string
  requestedLock: RequestedLock
}

export interface Part {
  number: number
  bytes: number
  etag: string
  modifiedMs: number
  file: string
  checksum: string | null
}

export const noLock: Lock = { mode: null, untilMs: null, legalHold: false, eventHold: null }

/** The position after `key`, or, with an order, after that version or upload of `key`. */
export interface Position {
  key: Uint8Array
  order: number | null
}

/** At most `limit` entries after a position, all with keys below `below`. */
export interface KeyRange {
  after: Position
  below: Uint8Array | null
  limit: number
}
