// The snapshots of a source, as a store lists them, in columns: an attacker with a writer's role can add a million
// manifests, and each would take a kilobyte as an object. A row takes about 80 bytes. Rows are never moved, because a
// copy would double the memory.
import { maxManifestBytes } from '../limits.ts'
import type { ObjectStore, ObjectVersion } from '../store/object-store.ts'
import { manifestPrefix, parseManifestKey } from '../store/vault-keys.ts'

/** A manifest's object version, as the store lists it, before the manifest is read. */
export interface SnapshotRef {
  /** ULID of the manifest. */
  id: string
  source: string
  key: string
  versionId: string
  /** The time of this recovery point: the server's `LastModified` of the manifest. */
  timeMs: number
  bytes: number
  /**
   * True if a delete marker lies over the manifest, because a role tried to hide it. The snapshot can be
   * restored all the same.
   */
  isHidden: boolean
  /** Reasons not to choose this snapshot silently; empty if there is none. */
  flags: string[]
}

const idBytes = 26
const segmentBits = 12
const segmentRows = 1 << segmentBits
const inSegment = segmentRows - 1

const bit = { deleteMarker: 1, multipart: 2, overwritten: 4, hidden: 8 } as const

class Segment {
  readonly ids = Buffer.allocUnsafeSlow(idBytes * segmentRows)
  readonly timesMs = new Float64Array(segmentRows)
  readonly sizes = new Float64Array(segmentRows)
  readonly bits = new Uint8Array(segmentRows)
  private readonly versionIdEnds = new Uint32Array(segmentRows)
  private versionIds = Buffer.allocUnsafeSlow(32 * segmentRows)

  /** Copies the text, because a part of a page's text would keep the whole page in memory. */
  setVersionId(row: number, text: string): void {
    const start = row === 0 ? 0 : this.versionIdEnds[row - 1]!
    const end = start + Buffer.byteLength(text)
    if (end > this.versionIds.length) this.versionIds = Buffer.concat([this.versionIds], end * 2)
    this.versionIds.write(text, start)
    this.versionIdEnds[row] = end
  }

  versionId(row: number): string {
    const start = row === 0 ? 0 : this.versionIdEnds[row - 1]!
    return this.versionIds.toString('utf8', start, this.versionIdEnds[row])
  }
}

/** Every version of every manifest, oldest first; those of the same time by their ids. */
export class SnapshotList implements Iterable<SnapshotRef> {
  readonly source: string
  private readonly segments: Segment[] = []
  private rows = 0
  /** The rows of the snapshots, in the order of the list. */
  private order: Uint32Array = new Uint32Array(0)

  private constructor(source: string) {
    this.source = source
  }

  /** @param onProgress gets the number of versions so far. */
  static async read(
    store: Pick<ObjectStore, 'listVersions'>,
    source: string,
    onProgress?: (versions: number) => void,
  ): Promise<SnapshotList> {
    const list = new SnapshotList(source)
    let versions = 0
    for await (const version of store.listVersions(manifestPrefix(source))) {
      list.add(version)
      if ((++versions & inSegment) === 0) onProgress?.(versions)
    }
    list.markOverlaid()
    list.sort()
    return list
  }

  get length(): number {
    return this.order.length
  }

  /** @param index as of an array's `at`. */
  at(index: number): SnapshotRef | undefined {
    const row = this.order.at(index)
    if (row === undefined) return undefined
    const segment = this.segmentOf(row)
    const at = row & inSegment
    const id = segment.ids.toString('latin1', at * idBytes, (at + 1) * idBytes)
    return {
      id,
      source: this.source,
      key: manifestPrefix(this.source) + id,
      versionId: segment.versionId(at),
      timeMs: segment.timesMs[at]!,
      bytes: segment.sizes[at]!,
      isHidden: (segment.bits[at]! & bit.hidden) !== 0,
      flags: flagsOf(segment.bits[at]!, segment.sizes[at]!),
    }
  }

  timeOf(index: number): number {
    const row = this.order[index]!
    return this.segmentOf(row).timesMs[row & inSegment]!
  }

  /** The number of snapshots at or before this time. */
  countUntil(timeMs: number): number {
    let [low, high] = [0, this.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.timeOf(middle) <= timeMs) low = middle + 1
      else high = middle
    }
    return low
  }

  *[Symbol.iterator](): Generator<SnapshotRef> {
    for (let index = 0; index < this.length; index++) yield this.at(index)!
  }

  /** The snapshots with this id, because several manifests can have one name. */
  withId(id: string): SnapshotRef[] {
    const bytes = Buffer.from(id, 'latin1')
    if (bytes.length !== idBytes) return []
    const matches: SnapshotRef[] = []
    for (let index = 0; index < this.length; index++)
      if (this.compareId(this.order[index]!, bytes) === 0) matches.push(this.at(index)!)
    return matches
  }

  /** The newest snapshots without flags before this time, oldest first. */
  before(timeMs: number, limit: number): SnapshotRef[] {
    const refs: SnapshotRef[] = []
    for (let index = this.countUntil(timeMs) - 1; index >= 0 && refs.length < limit; index--) {
      const ref = this.timeOf(index) < timeMs ? this.at(index)! : null
      if (ref?.flags.length === 0) refs.unshift(ref)
    }
    return refs
  }

  private segmentOf(row: number): Segment {
    return this.segments[row >> segmentBits]!
  }

  private add({ key, versionId, lastModifiedMs, bytes, isDeleteMarker, isMultipart }: ObjectVersion): void {
    const name = parseManifestKey(key)
    if (name?.source !== this.source) return
    const at = this.rows & inSegment
    if (at === 0) this.segments.push(new Segment())
    const segment = this.segments.at(-1)!
    segment.ids.write(name.ulid, at * idBytes, 'latin1')
    segment.timesMs[at] = lastModifiedMs
    segment.sizes[at] = bytes
    segment.bits[at] = (isDeleteMarker ? bit.deleteMarker : 0) | (isMultipart ? bit.multipart : 0)
    segment.setVersionId(at, versionId)
    this.rows++
  }

  /** Sets the bits that depend on the other versions of the same key. */
  private markOverlaid(): void {
    const byId = new Uint32Array(this.rows)
    for (let row = 0; row < this.rows; row++) byId[row] = row
    this.sortRows(byId, (a, b) => this.compareIds(a, b) || a - b)
    for (let from = 0, to = 0; from < byId.length; from = to) {
      while (to < byId.length && this.compareIds(byId[from]!, byId[to]!) === 0) to++
      if (to - from > 1) this.markOverlaidKey(byId.subarray(from, to))
    }
  }

  /** @param rows the versions of one key, in the store's order: newest first, so that the last one is the oldest. */
  private markOverlaidKey(rows: Uint32Array): void {
    const isMarker = (row: number): boolean =>
      (this.segmentOf(row).bits[row & inSegment]! & bit.deleteMarker) !== 0
    const isHidden = rows.some(isMarker)
    const oldest = rows.findLast((row) => !isMarker(row))
    for (const row of rows) {
      const bits = (isHidden ? bit.hidden : 0) | (row === oldest ? 0 : bit.overwritten)
      this.segmentOf(row).bits[row & inSegment]! |= bits
    }
  }

  private sort(): void {
    const snapshots = new Uint32Array(this.rows)
    let length = 0
    for (let row = 0; row < this.rows; row++) {
      if ((this.segmentOf(row).bits[row & inSegment]! & bit.deleteMarker) === 0) snapshots[length++] = row
    }
    const order = snapshots.subarray(0, length)
    const timeOf = (row: number): number => this.segmentOf(row).timesMs[row & inSegment]!
    this.sortRows(order, (a, b) => timeOf(a) - timeOf(b) || this.compareIds(a, b) || a - b)
    this.order = order
  }

  /** Most listings are in order already. */
  private sortRows(rows: Uint32Array, compare: (a: number, b: number) => number): void {
    for (let index = 1; index < rows.length; index++)
      if (compare(rows[index - 1]!, rows[index]!) > 0) return void rows.sort(compare)
  }

  private compareIds(a: number, b: number): number {
    const at = (b & inSegment) * idBytes
    return this.compareId(a, this.segmentOf(b).ids, at)
  }

  private compareId(row: number, ids: Buffer, start = 0): number {
    const at = (row & inSegment) * idBytes
    return this.segmentOf(row).ids.compare(ids, start, start + idBytes, at, at + idBytes)
  }
}

function flagsOf(bits: number, bytes: number): string[] {
  const flags: string[] = []
  if ((bits & bit.multipart) !== 0) flags.push("uploaded in parts: its time can't be trusted")
  if ((bits & bit.overwritten) !== 0) flags.push('written over an earlier manifest of the same name')
  if (bytes > maxManifestBytes) flags.push('too large for a manifest')
  return flags
}
