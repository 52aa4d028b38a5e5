// The port to a vault's bucket. It adds objects and reads versions; it has no delete and no overwrite, on
// purpose.

/** One immutable object version. `versionId` comes from the reply to the PUT, or from a version listing. */
export interface ObjectRef {
  key: string
  versionId: string
}

export type LockMode = 'COMPLIANCE' | 'GOVERNANCE'

export interface PutReply {
  versionId: string
  /** The reply's `Date`, in milliseconds since the epoch. Retention uses no other clock. */
  serverTimeMs: number
}

export interface ObjectVersion extends ObjectRef {
  bytes: number
  /** The server's `LastModified`, in milliseconds since the epoch, with a granularity of one second. */
  lastModifiedMs: number
  isDeleteMarker: boolean
  isLatest: boolean
  /**
   * True if the object was uploaded in parts. Its `LastModified` is then the time of the initiation, which
   * can be false.
   */
  isMultipart: boolean
}

export interface ObjectState {
  bytes: number
  lastModifiedMs: number
  /** SHA-256 that the server verified at the upload, lower-case hex; null if the server stores none. */
  sha256: string | null
  /** The lock on this version; null if it has none, undefined if the caller may not see it. */
  lock: { mode: LockMode; untilMs: number } | null | undefined
  /**
   * The archive that holds the bytes (a storage class or an archive tier), so that they can't be read before they are
   * copied back; null if they can be read.
   */
  archive: string | null
  /** The response's `Date`; null if it has none. */
  serverTimeMs: number | null
}

export interface LockDefault {
  /** The lock of every new version; null if the bucket has no Object Lock or no default retention. */
  retention: { mode: LockMode; days: number } | null
  serverTimeMs: number
}

/**
 * Every method rejects with a HoldfastError: `denied`, `credentials`, `not-found`, `conflict` (412: the key
 * exists), `archived` (a read of bytes in an archive), `throttled` and `unreachable` (both retryable), `vault-unsafe`
 * (the bucket keeps no versions).
 */
export interface ObjectStore {
  /** For messages, e.g. `s3://bucket`. */
  readonly name: string
  /**
   * One attempt, under `If-None-Match: *`, with a SHA-256 (lower-case hex) that the server verifies. A key is
   * used only once: see core/store/upload.ts.
   */
  putIfAbsent(key: string, body: Uint8Array, sha256: string): Promise<PutReply>
  /**
   * Returns exactly `bytes` bytes from `offset`, or rejects; a shorter or longer response is an error.
   * Retries by itself.
   * @param buffer of at least `bytes` bytes, in which the result may lie. Until then, no other code may write
   *   to it.
   */
  getRange(ref: ObjectRef, offset: number, bytes: number, buffer?: SharedArrayBuffer): Promise<Uint8Array>
  headVersion(ref: ObjectRef): Promise<ObjectState>
  /**
   * Yields every version and delete marker below `prefix`, of all pages, in the store's order.
   * @param after only keys that follow this one: a text of the listing's order, which needs not be a key.
   */
  listVersions(prefix: string, after?: string): AsyncIterable<ObjectVersion>
  /**
   * The names of the folders directly below `prefix` (which ends in `/`) that contain a version or a delete
   * marker.
   */
  listFolders(prefix: string): Promise<string[]>
  lockDefault(): Promise<LockDefault>
}
