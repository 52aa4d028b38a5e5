// Reads the lock of a version where a decision depends on it.
import { HoldfastError } from '../errors.ts'
import type { LockMode, ObjectRef, ObjectStore } from './object-store.ts'

/** @throws `denied` if the role can't see locks, because an unknown lock allows no decision. */
export async function readLock(
  store: Pick<ObjectStore, 'headVersion'>,
  ref: ObjectRef,
): Promise<{ mode: LockMode; untilMs: number } | null> {
  const { lock } = await store.headVersion(ref)
  if (lock !== undefined) return lock
  throw new HoldfastError('denied', "this role can't read the locks of the vault's versions", {
    hint: 'use the role of the restorer or of the custodian, which may read retention',
  })
}
