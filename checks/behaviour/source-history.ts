// The history of a source as a run sees it: the manifests in the vault, the local state, and the listing.
import type { SourceObjectives } from '../objectives.ts'
import type { SeenSnapshot } from '../good-snapshots.ts'
import type { SourceView } from '../source-view.ts'
import { dailyFigures, dayOf } from './daily-figures.ts'
import type { SnapshotFigures } from './daily-figures.ts'
import type { History } from './rules.ts'

/** @throws as the store. */
export async function readHistory(
  view: SourceView,
  { accepted }: Pick<SourceObjectives, 'accepted'>,
): Promise<History> {
  const { seen } = await view.snapshots()
  return {
    days: dailyFigures(seen.flatMap(figuresOf)),
    uploads: view.state.uploads,
    today: dayOf(await view.nowMs()),
    accepted,
  }
}

/** None for a snapshot that no restore takes. */
function figuresOf({ ref: { id, timeMs, flags }, record: { manifest } }: SeenSnapshot): SnapshotFigures[] {
  if (manifest?.figures === undefined || flags.length > 0) return []
  const { files, bytes, figures } = manifest
  return [{ id, timeMs, files, bytes, ...figures }]
}
