// Whether a snapshot continues the one before it. Two hosts that back up under one source name interleave their
// states, and each of their snapshots is complete: a restore by time would bring back now the one, now the other.
import type { Manifest } from './manifest.ts'

export interface LineageBreak {
  kind: 'other-parent' | 'other-host' | 'other-root'
  detail: string
}

/** A client's statements are hostile text: they are shown, never used for a decision. */
type ClientName = Pick<Manifest['client'], 'host' | 'root'>

export interface Named {
  id: string
  manifest: Pick<Manifest, 'parent' | 'supersedes'> & { client: ClientName }
}

/** A successor follows soon on what it supersedes. */
const maxSupersededKept = 4096

/**
 * Compares each snapshot with the usable one before it. A manifest that an earlier one supersedes is no snapshot of
 * its own: its upload took effect late.
 */
export class Lineage {
  private readonly superseded = new Set<string>()
  private before: Named | null = null

  /** @param isFlagged true for a manifest that no restore chooses silently: it has no successor. */
  breaksOf(snapshot: Named, isFlagged: boolean): LineageBreak[] {
    this.addSuperseded(snapshot.manifest.supersedes)
    if (isFlagged || this.superseded.has(snapshot.id)) return []
    const breaks = findLineageBreaks(snapshot, this.before)
    this.before = snapshot
    return breaks
  }

  private addSuperseded(ids: readonly string[]): void {
    for (const id of ids) this.superseded.add(id)
    for (const id of this.superseded) {
      if (this.superseded.size <= maxSupersededKept) break
      this.superseded.delete(id)
    }
  }
}

/** @param before the snapshot that was committed before it; null if it is the first one. */
export function findLineageBreaks({ id, manifest }: Named, before: Named | null): LineageBreak[] {
  if (before === null) return []
  const breaks: LineageBreak[] = []
  const { parent, supersedes, client } = manifest
  const isSuccessor =
    parent?.id === before.id || supersedes.includes(before.id) || before.manifest.supersedes.includes(id)
  if (!isSuccessor) {
    const follows = parent === null ? 'it begins a chain of its own' : `it follows ${parent.id}`
    breaks.push({
      kind: 'other-parent',
      detail: `${follows}, and the snapshot before it is ${before.id}: another host backs up this source, or a cache was lost`,
    })
  }
  return [...breaks, ...findClientBreaks(client, before.manifest.client)]
}

export function findClientBreaks(client: ClientName, before: ClientName): LineageBreak[] {
  const breaks: LineageBreak[] = []
  if (client.host !== before.host)
    breaks.push({ kind: 'other-host', detail: `the host is ${client.host}, and was ${before.host}` })
  if (client.root !== before.root)
    breaks.push({ kind: 'other-root', detail: `the directory is ${client.root}, and was ${before.root}` })
  return breaks
}
