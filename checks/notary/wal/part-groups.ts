// The listed parts of a timeline in groups that overlap. A reader of the log may take any part of a group, so that the
// notary compares them: a stolen writer could add a longer part with other bytes, which a restore would prefer.
import type { ObjectVersion } from '../../../core/store/object-store.ts'
import { parseWalPartKey } from '../../../core/wal/wal-keys.ts'
import type { WalPartRef } from '../../../core/wal/wal-list.ts'

export interface ListedPart extends WalPartRef {
  isMultipart: boolean
}

/** A flood of parts of one range must not fill the memory of a run. The others are flagged. */
const maxGroupParts = 4096
const maxIgnoredListed = 10

export interface ListedGroup {
  /** In the order of a listing: by start, then by end. Nearly all groups have one part. */
  parts: ListedPart[]
  /** Beyond the limit. */
  ignored: ListedPart[]
}

export async function* groupParts(versions: AsyncIterable<ObjectVersion>): AsyncGenerator<ListedGroup> {
  let group: ListedGroup | null = null
  let end = 0n
  for await (const {
    key,
    versionId,
    bytes: storedBytes,
    lastModifiedMs: modifiedMs,
    ...listed
  } of versions) {
    const name = parseWalPartKey(key)
    if (name === null || listed.isDeleteMarker) continue
    const part = { ...name, key, versionId, storedBytes, modifiedMs, isMultipart: listed.isMultipart }
    const last = group?.parts.at(-1)
    // A part without bytes overlaps no other one, except for another version of its own key.
    if (group !== null && (part.start < end || last?.key === key)) {
      if (group.parts.length < maxGroupParts) group.parts.push(part)
      else if (group.ignored.length < maxIgnoredListed) group.ignored.push(part)
    } else {
      if (group !== null) yield group
      group = { parts: [part], ignored: [] }
      end = part.end
    }
    if (part.end > end) end = part.end
  }
  if (group !== null) yield group
}
