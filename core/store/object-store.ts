// The port to a vault's bucket. It can add objects and read versions; it has no delete and no overwrite, on purpose.

/** One immutable object version. `versionId` is what the store answered to the PUT, or what a version listing shows. */
export interface ObjectRef {
  key: string
  versionId: string
}

export type LockMode = 'COMPLIANCE' | 'GOVERNANCE'

export interface PutReply {
  versionId: string
  /** The server's `Date` of the reply, in milliseconds since the epoch. The only clock that retention goes by. */
  serverTimeMs: number
}

export interface ObjectVersion extends ObjectRef {
  bytes: number
  /** The server's `LastModified`, in milliseconds since the epoch, with a granularity of one second. */
  lastModifiedMs: number
  isDeleteMarker: boolean
  isLatest: boolean
  /** True if the object was uploaded in parts: its `LastModified` is then the time of initiation, and can lie. */
  isMultipart: boolean
}

export interface ObjectState {
  bytes: number
  lastModifiedMs: number
  /** SHA-256 that the server verified at the upload, lower-case hex; null if it keeps none. */
  sha256: string | null
  /** The lock on this version; null if it has none, undefined if the caller may not see it. */
  lock: { mode: LockMode; untilMs: number } | null | undefined
}

export interface LockDefault {
  /** What the bucket gives to every new version; null if the bucket has no Object Lock or no default retention. */
  retention: { mode: LockMode; days: number } | null
  serverTimeMs: number
}

/**
 * Every method rejects with a HoldfastError: `denied`, `credentials`, `not-found`, `conflict` (412: the key exists),
 * `throttled` and `unreachable` (both retryable), `vault-unsafe` (the bucket keeps no versions).
 */
export interface ObjectStore {
  /** For messages, e.g. `s3://bucket`. */
  readonly name: string
  /**
   * One attempt, under `If-None-Match: *`, with a SHA-256 (lower-case hex) that the server verifies. The caller never
   * calls it twice with one key: see core/store/upload.ts.
   */
  putIfAbsent(key: string, body: Uint8Array, sha256: string): Promise<PutReply>
  /**
   * Exactly `bytes` bytes from `offset`, or an error: a short or longer answer is never returned. Retries by itself.
   * @param buffer of at least `bytes` bytes, which the answer may lie in; nobody else writes to it then.
   */
  getRange(ref: ObjectRef, offset: number, bytes: number, buffer?: SharedArrayBuffer): Promise<Uint8Array>
  headVersion(ref: ObjectRef): Promise<ObjectState>
  /** Every version and delete marker below `prefix`, all pages, in the store's order. */
  listVersions(prefix: string): AsyncIterable<ObjectVersion>
  /** The names of the folders right below `prefix` (which ends in `/`), with a version or a delete marker in them. */
  listFolders(prefix: string): Promise<string[]>
  lockDefault(): Promise<LockDefault>
}
