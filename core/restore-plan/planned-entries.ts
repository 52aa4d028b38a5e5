// The entries of a restore plan, in columns: there may be millions, and each would take five times the memory
// as an object. An entry is referred to by its number. Entries are never moved, because a copy would double
// the memory while it is made.
import { PathColumn } from './path-column.ts'
import type { TreeEntry } from '../tree/tree-entry.ts'

const segmentBits = 11
const segmentEntries = 1 << segmentBits
const inSegment = segmentEntries - 1

class MetadataSegment {
  readonly modes = new Uint16Array(segmentEntries)
  readonly uids = new Uint32Array(segmentEntries)
  readonly gids = new Uint32Array(segmentEntries)
  readonly mtimesNs = new BigInt64Array(segmentEntries)
}

class ContentSegment {
  readonly sizes = new Float64Array(segmentEntries)
  readonly extentCounts = new Uint32Array(segmentEntries)
  readonly sparse = new Uint8Array(segmentEntries)
  /** The first name's number + 1; 0 for a first name. Null without further names, as in most segments. */
  links: Uint32Array | null = null
}

/** Directories or symbolic links. */
export class PlannedEntries {
  private readonly paths = new PathColumn()
  private readonly metadata: MetadataSegment[] = []

  get length(): number {
    return this.paths.length
  }

  /** Returns the number of the new entry. */
  add({
    path,
    mode,
    uid,
    gid,
    mtimeNs,
  }: Pick<TreeEntry, 'path' | 'mode' | 'uid' | 'gid' | 'mtimeNs'>): number {
    const number = this.paths.length
    const at = number & inSegment
    if (at === 0) this.metadata.push(new MetadataSegment())
    const segment = this.metadata[number >> segmentBits]!
    segment.modes[at] = mode
    segment.uids[at] = uid
    segment.gids[at] = gid
    segment.mtimesNs[at] = mtimeNs
    this.paths.push(path)
    return number
  }

  pathOf(number: number): Buffer {
    return this.paths.at(number)
  }

  metadataOf(number: number): Pick<TreeEntry, 'mode' | 'uid' | 'gid' | 'mtimeNs'> {
    const { modes, uids, gids, mtimesNs } = this.metadata[number >> segmentBits]!
    const at = number & inSegment
    return { mode: modes[at]!, uid: uids[at]!, gid: gids[at]!, mtimeNs: mtimesNs[at]! }
  }
}

export class PlannedFiles extends PlannedEntries {
  private readonly contents: ContentSegment[] = []
  /** How many files are further names of another one. They are created as hard links. */
  linkCount = 0
  /** The reason why a file can't be restored, by its number. */
  readonly damage = new Map<number, string>()

  override add(
    file: Pick<TreeEntry, 'path' | 'mode' | 'uid' | 'gid' | 'mtimeNs' | 'size' | 'sparse'>,
  ): number {
    const number = super.add(file)
    const at = number & inSegment
    if (at === 0) this.contents.push(new ContentSegment())
    const segment = this.contents[number >> segmentBits]!
    segment.sizes[at] = file.size
    segment.sparse[at] = file.sparse ? 1 : 0
    return number
  }

  sizeOf(number: number): number {
    return this.contents[number >> segmentBits]!.sizes[number & inSegment]!
  }

  isSparse(number: number): boolean {
    return this.contents[number >> segmentBits]!.sparse[number & inSegment] === 1
  }

  /** How many extents of the file must be written. */
  extentCountOf(number: number): number {
    return this.contents[number >> segmentBits]!.extentCounts[number & inSegment]!
  }

  countExtent(number: number): void {
    this.contents[number >> segmentBits]!.extentCounts[number & inSegment]!++
  }

  /** Makes a file a further name of an earlier one. A `Map` of all would hold at most 2^24. */
  link(number: number, firstName: number): void {
    const links = (this.contents[number >> segmentBits]!.links ??= new Uint32Array(segmentEntries))
    links[number & inSegment] = firstName + 1
    this.linkCount++
  }

  /** The number of the first name; null for a first name. */
  firstNameOf(number: number): number | null {
    const first = this.contents[number >> segmentBits]!.links?.[number & inSegment] ?? 0
    return first === 0 ? null : first - 1
  }

  /** Further names and their first names, by number. */
  *links(): Generator<[name: number, firstName: number]> {
    for (let number = 0; this.linkCount > 0 && number < this.length; number++) {
      const firstName = this.firstNameOf(number)
      if (firstName !== null) yield [number, firstName]
    }
  }

  /** Records a reason unless the file has one. */
  noteDamage(number: number, detail: string): void {
    if (!this.damage.has(number)) this.damage.set(number, detail)
  }

  /** The reason why a file can't be restored, by any of its names; null if it can. */
  damageOf(number: number): string | null {
    const first = this.firstNameOf(number)
    return this.damage.get(number) ?? (first === null ? null : (this.damage.get(first) ?? null))
  }
}
