// The WAL of a source, as a store lists it, before any object is read.
import type { ObjectRef, ObjectStore } from '../store/object-store.ts'
import { segmentStart, timelineHex, lsnHex } from './lsn.ts'
import { parseWalHistoryKey, parseWalPartKey, walLinePrefix, walPrefix } from './wal-keys.ts'
import type { WalHistoryName, WalLine, WalPartName } from './wal-keys.ts'

interface ListedObject extends ObjectRef {
  /** The size of the object. */
  storedBytes: number
  /** The server's `LastModified`. */
  modifiedMs: number
}

/** One version of a WAL part. Its range is what its key says, until its header is read. */
export interface WalPartRef extends WalPartName, ListedObject {}
export interface WalHistoryRef extends WalHistoryName, ListedObject {}

/** All that the vault has of one timeline of a cluster. */
export interface WalLineList extends WalLine {
  /** Sorted by their starts; the longest one first among those with one start. */
  parts: WalPartRef[]
  /** Usually one; several with the same bytes count as one. */
  histories: WalHistoryRef[]
}

type Lister = Pick<ObjectStore, 'listVersions'>

/** The lines of a source, in the order of their system identifiers and timelines. */
export async function listWal(store: Lister, source: string): Promise<WalLineList[]> {
  return collect(store, walPrefix(source), () => true)
}

/** One line of a source. @returns an empty list if the vault has nothing of it. */
export async function listWalLine(store: Lister, line: WalLine): Promise<WalLineList> {
  const [list] = await collect(store, walLinePrefix(line), () => true)
  return list ?? { ...line, parts: [], histories: [] }
}

/** The parts that lie in the segment which begins at `start`: one request for each segment of the default size. */
export async function listSegment(
  store: Lister,
  line: WalLine,
  { start, segmentBytes }: { start: bigint; segmentBytes: number },
): Promise<WalPartRef[]> {
  const last = lsnHex(start + BigInt(segmentBytes) - 1n)
  const first = lsnHex(start)
  let shared = 0
  while (shared < first.length && first[shared] === last[shared]) shared++
  const [list] = await collect(
    store,
    walLinePrefix(line) + first.slice(0, shared),
    (part) => segmentStart(part.start, segmentBytes) === start,
  )
  return list?.parts ?? []
}

async function collect(
  store: Lister,
  prefix: string,
  isWanted: (part: WalPartName) => boolean,
): Promise<WalLineList[]> {
  const lines = new Map<string, WalLineList>()
  const lineOf = ({ source, systemId, timeline }: WalLine): WalLineList => {
    const key = `${systemId.padStart(20)}/${timelineHex(timeline)}`
    const line = lines.get(key) ?? { source, systemId, timeline, parts: [], histories: [] }
    lines.set(key, line)
    return line
  }
  for await (const version of store.listVersions(prefix)) {
    // A delete marker hides nothing: the bytes are there until their lock ends.
    if (version.isDeleteMarker || !version.key.startsWith(prefix)) continue
    const { key, versionId, bytes: storedBytes, lastModifiedMs: modifiedMs } = version
    const part = parseWalPartKey(key)
    if (part !== null && isWanted(part))
      lineOf(part).parts.push({ ...part, key, versionId, storedBytes, modifiedMs })
    const history = part === null ? parseWalHistoryKey(key) : null
    if (history !== null)
      lineOf(history).histories.push({ ...history, key, versionId, storedBytes, modifiedMs })
  }
  for (const line of lines.values()) line.parts.sort(compareParts)
  return [...lines].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line)
}

function compareParts(a: WalPartRef, b: WalPartRef): number {
  if (a.start !== b.start) return a.start < b.start ? -1 : 1
  if (a.end !== b.end) return a.end > b.end ? -1 : 1
  if (a.id !== b.id) return a.id < b.id ? -1 : 1
  return 0
}
