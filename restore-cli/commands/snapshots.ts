// `holdfast snapshots`: what could be restored.
import { HoldfastError, isHoldfastError } from '../../core/errors.ts'
import type { ObjectStore } from '../../core/store/object-store.ts'
import { listSnapshots, listSources, loadSnapshot } from '../../core/snapshot/snapshot.ts'
import type { SnapshotRef } from '../../core/snapshot/snapshot.ts'
import { assertSourceName } from '../../core/store/vault-keys.ts'
import { withVault } from '../open-vault.ts'
import { makeOutput } from '../output.ts'
import type { Invocation } from '../program.ts'
import { renderSnapshots, snapshotRecord } from '../render/snapshot-table.ts'
import type { ListedSnapshot } from '../render/snapshot-table.ts'
import { resolveVault } from '../vault-options.ts'
import type { VaultFlags } from '../vault-options.ts'

/** Manifests read at a time: each is one small object. */
const readers = 16

export async function runSnapshots(
  flags: VaultFlags & { source?: string },
  invocation: Invocation,
): Promise<void> {
  const output = makeOutput(invocation, flags.json ?? false)
  const address = resolveVault(flags, 'snapshots', (configuration) => configuration.roles.restorer)
  if (flags.source !== undefined) assertSourceName(flags.source)
  await withVault(address, invocation.signal, async ({ store, signal }) => {
    const sources = flags.source === undefined ? await listSources(store) : [flags.source]
    const listed: ListedSnapshot[] = []
    for (const source of sources)
      listed.push(...(await readAll(store, await listSnapshots(store, source), signal)))
    if (listed.length === 0) {
      const where = flags.source === undefined ? store.name : `the source ${flags.source} in ${store.name}`
      throw new HoldfastError('no-recovery-point', `there is no snapshot of ${where}`, {
        hint: 'check the names of the bucket and of the source',
      })
    }
    for (const snapshot of listed) output.record('snapshot', snapshotRecord(snapshot))
    output.text(renderSnapshots(listed))
  })
}

/** A manifest that can't be used is listed with what is wrong with it, and hides no other. */
async function readAll(
  store: ObjectStore,
  refs: readonly SnapshotRef[],
  signal: AbortSignal,
): Promise<ListedSnapshot[]> {
  const listed = new Array<ListedSnapshot>(refs.length)
  let next = 0
  const read = async (): Promise<void> => {
    while (next < refs.length) {
      signal.throwIfAborted()
      const index = next++
      listed[index] = await readOne(store, refs[index]!)
    }
  }
  await Promise.all(Array.from({ length: readers }, read))
  return listed
}

async function readOne(store: ObjectStore, ref: SnapshotRef): Promise<ListedSnapshot> {
  try {
    return { ref, manifest: (await loadSnapshot(store, ref)).manifest, unusable: null }
  } catch (error) {
    if (!isHoldfastError(error, 'damaged', 'unsupported-format', 'not-found')) throw error
    return { ref, manifest: null, unusable: error.message }
  }
}
