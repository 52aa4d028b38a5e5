// Traces of a party that wrote what no backup of this source writes.
import { Lineage } from '../../core/snapshot/lineage.ts'
import { FindingList } from '../outcome.ts'
import type { Check } from '../check.ts'
import { countOf } from '../../core/count-text.ts'
import type { SeenSnapshot } from '../good-snapshots.ts'
import { strayText } from '../source-listing.ts'

export const tamper: Check = {
  id: 'tamper',
  question: 'Does the vault have only what the backups of this source wrote, as one chain of snapshots?',
  severity: 'warning',
  evidence:
    'Delete markers, second versions, uploads in parts and keys outside the layout; manifests and receipts that can not be trusted; snapshots with another parent, host or root.',
  remedy:
    "Find the session that wrote it in the audit trail, and revoke the writer's sessions if it is not yours. Then pass the id or key to `--accept` (it is as it should be) or `--ignore` (it is bogus).",
  async run({ source, isConfigured, objectives: { accepted, ignored }, view }) {
    const findings = new FindingList()
    if (!isConfigured)
      findings.failed(
        source,
        'the vault has this source, and the configuration of the checks does not name it',
      )
    const { strays, strayCount, isFull } = await view.listing()
    for (const stray of strays)
      if (!ignored.has(stray.key) && !ignored.has(stray.key.slice(-26)))
        findings.failed(stray.key, strayText(stray))
    if (strayCount > strays.length)
      findings.failed(source, `${countOf(strayCount - strays.length, 'more version')} of the kinds above`)
    for (const folder of await view.strayFolders())
      findings.failed(folder, 'this folder is no part of the layout of a vault')
    const { seen, unreadCount } = await view.snapshots()
    const lineage = new Lineage()
    const sha256ById = new Map(seen.map(({ ref, record }) => [ref.id, record.manifest?.sha256]))
    for (const snapshot of seen)
      if (!accepted.has(snapshot.ref.id))
        for (const detail of problemsOf(snapshot, lineage, sha256ById))
          findings.failed(snapshot.ref.id, detail)
    if (unreadCount > 0)
      findings.failed(
        source,
        `${countOf(unreadCount, 'new manifest')} not read, because there are too many: a writer floods the vault`,
      )
    const { rejected, rejectedCount } = await view.receipts()
    for (const { ref, reason } of rejected) findings.failed(ref.key, reason)
    if (rejectedCount > rejected.length)
      findings.failed(
        source,
        `${countOf(rejectedCount - rejected.length, 'more receipt')} that can't be trusted`,
      )
    return findings.outcome(
      `${countOf(seen.length, 'manifest')} of ${source} compared; ${isFull ? 'every version listed' : 'manifests and the newest packs listed'}`,
    )
  },
}

function problemsOf(
  { ref, record: { manifest, reason } }: SeenSnapshot,
  lineage: Lineage,
  sha256ById: ReadonlyMap<string, string | undefined>,
): string[] {
  if (manifest === null) return [...ref.flags, reason ?? 'it has no manifest']
  const { parent, supersedes, host, root } = manifest
  const breaks = lineage.breaksOf(
    { id: ref.id, manifest: { parent, supersedes, client: { host, root } } },
    ref.flags.length > 0,
  )
  const parentSha256 = parent === null ? undefined : sha256ById.get(parent.id)
  const forged = parent !== null && parentSha256 !== undefined && parentSha256 !== parent.sha256
  return [
    ...ref.flags,
    ...breaks.map(({ detail }) => detail),
    ...(forged ? [`its parent ${parent.id} has another content in the vault`] : []),
  ]
}
