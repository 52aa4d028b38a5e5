// The time that a backup reports for its snapshot: a restore to it must bring back that very snapshot (ADR 18).
import { isHoldfastError } from '../../core/errors.ts'
import type { ObjectRef, ObjectStore } from '../../core/store/object-store.ts'
import type { BackupOptions } from '../operations.ts'
import type { BackupCache, LastSnapshot } from './backup-cache.ts'
import { CacheDamaged } from './cache-database.ts'

/**
 * A reported time has whole seconds, and must name one snapshot: so no two of a writer are committed in the
 * same second.
 */
export async function awaitNewSecond(
  { clock, signal }: Pick<BackupOptions, 'clock' | 'signal'>,
  last: LastSnapshot | null,
  serverTimeMs: number,
): Promise<void> {
  const second = (timeMs: number): number => Math.floor(timeMs / 1000)
  if (last !== null && second(serverTimeMs) <= second(last.timeMs)) await clock.sleep(1000, signal)
}

/**
 * The store's own time of a new manifest, if the role may list it, because the `Date` of a reply can lag behind it.
 * Else `replyTimeMs`. No failure counts, because the snapshot is committed. A listing takes one request; a HEAD takes
 * two where the store names no lock in it.
 */
export async function readCommitTime(
  store: ObjectStore,
  cache: Pick<BackupCache, 'identity'>,
  { key, versionId }: ObjectRef,
  replyTimeMs: number,
): Promise<number> {
  try {
    if (cache.identity()?.mayList !== true) return replyTimeMs
    for await (const version of store.listVersions(key))
      if (version.versionId === versionId) return version.lastModifiedMs
    return replyTimeMs
  } catch (error) {
    if (!(error instanceof CacheDamaged) && !isHoldfastError(error)) throw error
    return replyTimeMs
  }
}
