// The two searches of `holdfast find`: versions of entries in all snapshots, and changes from snapshot to snapshot.
import { readHistory } from '../core/browse/history.ts'
import { openInOrder, reasonToSkip } from '../core/browse/opened-snapshots.ts'
import { TreeChunks } from '../core/browse/tree-chunks.ts'
import { TreeSearch } from '../core/browse/tree-search.ts'
import { HoldfastError } from '../core/errors.ts'
import { listSnapshots, listSources } from '../core/snapshot/snapshot.ts'
import { chooseSnapshot } from '../core/snapshot/snapshot-choice.ts'
import type { SnapshotRequest } from '../core/snapshot/snapshot-choice.ts'
import type { SnapshotList, SnapshotRef } from '../core/snapshot/snapshot-list.ts'
import { assertSourceName } from '../core/store/vault-keys.ts'
import { fits } from '../core/tree/path-pattern.ts'
import { basePath, namesOf, parseSelectingPattern } from '../core/tree/path-selection.ts'
import { selectPaths } from '../core/tree/tree.ts'
import type { TreeSelection } from '../core/tree/tree.ts'
import type { TreeEntry } from '../core/tree/tree-entry.ts'
import type { OpenVault } from './open-vault.ts'
import type { Output } from './output.ts'
import { ChangeCount, changeRecord, changeRow } from './render/change-text.ts'
import { countOf, countText } from './render/figures.ts'
import {
  damageRecord,
  damageText,
  historyHead,
  historyRow,
  refRecord,
  versionRecord,
  versionsText,
} from './render/search-report.ts'
import type { Damage } from './render/search-report.ts'

/** The text shows this many changes of a snapshot; the records have all. */
const maxShownChanges = 5

interface SearchContext {
  vault: OpenVault
  output: Output
  onUnreadable: (ref: SnapshotRef, reason: string) => void
}

export interface EntryFilter {
  text: string
  selection: TreeSelection | null
  fits: (entry: Pick<TreeEntry, 'path' | 'type'>) => boolean
}

/** @throws `invalid-input` for a pattern that can't be used. */
export function parseFilter(text: string): EntryFilter {
  const pattern = parseSelectingPattern(text)
  return {
    text,
    selection: selectPaths([basePath(pattern)]),
    fits: ({ path, type }) => path.length > 0 && fits(pattern, namesOf(path), type === 'directory'),
  }
}

/** @throws `not-found` if no entry fits. */
export async function findVersions(
  context: SearchContext,
  filter: EntryFilter,
  sourceName: string | undefined,
): Promise<void> {
  const { store } = context.vault
  if (sourceName !== undefined) assertSourceName(sourceName)
  const sources = sourceName === undefined ? await listSources(store) : [sourceName]
  const totals = { entries: 0, versions: 0, snapshots: 0 }
  for (const source of sources) {
    const { search, newest, snapshots } = await searchSource(context, source, filter)
    totals.snapshots += snapshots
    const { versions } = search
    if (versions.length === 0 || newest === null) continue
    totals.versions += versions.length
    totals.entries += new Set(versions.map(({ entry }) => entry.path.toString('latin1'))).size
    for (const version of versions) context.output.record('version', versionRecord(source, version, newest))
    context.output.text(`${source}\n${versionsText(versions, newest)}`)
  }
  context.output.record('search-summary', { ...totals, requests: store.requests })
  if (totals.versions === 0)
    throw new HoldfastError(
      'not-found',
      `nothing in ${countOf(totals.snapshots, 'snapshot')} fits the pattern ${JSON.stringify(filter.text)}`,
      { hint: 'a pattern with a slash begins at the root of the source; `**/NAME` fits at any depth' },
    )
  context.output.text(
    `${countOf(totals.entries, 'entry', 'entries')} in ${countOf(totals.versions, 'version')}, in ${countOf(totals.snapshots, 'snapshot')}\n`,
  )
}

async function searchSource(
  { vault: { store, signal }, output, onUnreadable }: SearchContext,
  source: string,
  { fits: matches, selection }: EntryFilter,
): Promise<{ search: TreeSearch; newest: SnapshotRef | null; snapshots: number }> {
  const search = new TreeSearch({ matches, selection })
  const chunks = new TreeChunks(store)
  const list = await listSnapshots(store, source)
  const progress = output.progress(`searching ${countOf(list.length, 'snapshot')} of ${source}`)
  let newest: SnapshotRef | null = null
  let snapshots = 0
  try {
    for await (const { ref, snapshot, unusable } of openInOrder(store, list, chunks, signal)) {
      if (snapshot === null) {
        onUnreadable(ref, unusable!)
        continue
      }
      const { manifest } = snapshot
      try {
        await search.add(chunks.of(manifest), Buffer.from(manifest.tree.root, 'hex'), ref)
        newest = ref
        snapshots++
      } catch (error) {
        onUnreadable(ref, reasonToSkip(error))
      }
      const figures = { snapshots, snapshotsTotal: list.length }
      progress.update(
        `${countText(snapshots)} of ${countOf(list.length, 'snapshot')} of ${source} searched`,
        figures,
      )
    }
  } finally {
    progress.stop()
  }
  return { search, newest, snapshots }
}

/** @param requests of the first and the last snapshot, in either order. */
export async function findChanges(
  context: SearchContext,
  filter: EntryFilter | null,
  requests: readonly SnapshotRequest[],
): Promise<void> {
  const { vault, output, onUnreadable } = context
  const { store, clock, signal } = vault
  const limits: SnapshotRef[] = []
  for (const request of requests) limits.push((await chooseSnapshot(store, request, clock, signal)).snapshot)
  limits.sort((a, b) => a.timeMs - b.timeMs)
  const [first, last] = [limits[0]!, limits.at(-1)!]
  const list = await listSnapshots(store, first.source)
  const refs = refsBetween(list, first.timeMs, last.timeMs)
  const chunks = new TreeChunks(store)
  const selection = filter?.selection ?? null
  let damage: Damage | null = null
  output.text(`${first.source}\n${historyHead}`)
  for await (const changed of readHistory(refs, { store, chunks, selection, signal, onUnreadable })) {
    const { ref, before } = changed
    const counts = new ChangeCount()
    const shown: string[] = []
    for await (const change of changed.changes) {
      if (filter !== null && !filter.fits((change.after ?? change.before)!)) continue
      counts.add(change)
      output.record('change', { snapshot: ref.id, ...changeRecord(change) })
      if (shown.length < maxShownChanges) shown.push(`    ${changeRow(change)}`)
    }
    output.record('snapshot-changes', {
      ...refRecord(ref),
      before: before.id,
      complete: changed.isComplete,
      ...counts.record,
    })
    output.text(historyRow(changed, counts) + shown.join(''))
    const entries = counts.changed.entries + counts.removed.entries
    if (entries > (damage?.entries ?? 0)) damage = { ref, before, entries }
    if (!(await output.hasRoom())) return
  }
  output.record('changes-summary', {
    source: first.source,
    damage: damageRecord(damage),
    requests: store.requests,
  })
  output.text(damageText(damage))
}

function* refsBetween(list: SnapshotList, fromMs: number, toMs: number): Generator<SnapshotRef> {
  for (const ref of list) if (ref.timeMs >= fromMs && ref.timeMs <= toMs && ref.flags.length === 0) yield ref
}
