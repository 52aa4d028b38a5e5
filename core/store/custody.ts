// The two ports of the custodian. They are apart from the object store, so that no other code can change a lock or
// delete a version.
import type { LockMode, ObjectRef } from './object-store.ts'

export interface LockExtender {
  /**
   * Moves the end of a version's lock to a later time. The same call again changes nothing.
   * @throws `denied` for an earlier end, an end beyond the cap of the bucket's policy, or a role without the right.
   * `not-found`, `throttled`, `unreachable`, `credentials`.
   */
  extendLock(ref: ObjectRef, lock: { mode: LockMode; untilMs: number }): Promise<void>
}

export interface VersionPruner {
  /**
   * Deletes one version or delete marker for good. A version that is gone already is a success.
   * @throws `denied` while the version is locked, or for a role without the right. `throttled`, `unreachable`,
   * `credentials`.
   */
  deleteVersion(ref: ObjectRef): Promise<void>
}
