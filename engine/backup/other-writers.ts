// Whether another host backs up the same source, as far as the writer can tell: by its own last snapshot, and by the
// list of manifests, where the role may list.
import { isHoldfastError } from '../../core/errors.ts'
import { findClientBreaks } from '../../core/snapshot/lineage.ts'
import type { LineageBreak } from '../../core/snapshot/lineage.ts'
import type { ObjectStore, ObjectVersion } from '../../core/store/object-store.ts'
import { manifestKey, manifestPrefix, parseManifestKey } from '../../core/store/vault-keys.ts'
import { timeText } from '../../core/time-text.ts'
import type { BackupCache, LastSnapshot } from './backup-cache.ts'

/** Host and directory, as the manifest will name them. */
type Client = LastSnapshot['client']

export async function findWriterBreaks(
  { store, source }: { store: ObjectStore; source: string },
  cache: Pick<BackupCache, 'attempts' | 'identity' | 'lastSnapshot' | 'putIdentity'>,
  client: Client,
): Promise<{ breaks: LineageBreak[]; isLastListed: boolean }> {
  const last = cache.lastSnapshot()
  const breaks = last === null ? [] : findClientBreaks(client, last.client)
  const { newest, isLastListed } = await findNewestManifest(store, source, cache)
  const id = newest === null ? undefined : parseManifestKey(newest.key)!.ulid
  if (newest === null || id === last?.id || cache.attempts().includes(id!)) return { breaks, isLastListed }
  const expected = last === null ? 'this cache has none' : `the last one of this cache is ${last.id}`
  breaks.unshift({
    kind: 'other-parent',
    detail: `the newest snapshot in the vault is ${id} of ${timeText(newest.lastModifiedMs)}, and ${expected}: another host backs up this source, or a cache was lost`,
  })
  return { breaks, isLastListed }
}

/** Neither is known if no list comes. A denied request is remembered. */
async function findNewestManifest(
  store: ObjectStore,
  source: string,
  cache: Pick<BackupCache, 'identity' | 'lastSnapshot' | 'putIdentity'>,
): Promise<{ newest: ObjectVersion | null; isLastListed: boolean }> {
  const identity = cache.identity()!
  const unknown = { newest: null, isLastListed: false }
  if (!identity.mayList) return unknown
  const last = cache.lastSnapshot()
  let newest: ObjectVersion | null = null
  let isLastListed = false
  try {
    for await (const version of store.listVersions(manifestPrefix(source))) {
      isLastListed ||= version.versionId === last?.versionId && version.key === manifestKey(source, last.id)
      const isManifest = !version.isDeleteMarker && parseManifestKey(version.key) !== null
      if (isManifest && (newest === null || version.lastModifiedMs >= newest.lastModifiedMs)) newest = version
    }
  } catch (error) {
    // A warning that can't be decided is no reason to fail: the commit comes next.
    if (!isHoldfastError(error) || error.code === 'interrupted') throw error
    if (error.code === 'denied') cache.putIdentity({ ...identity, mayList: false })
    return unknown
  }
  return { newest, isLastListed }
}
