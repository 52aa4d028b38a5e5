// The plan of a restore, as a value: the entries to create, and the location of every byte in packs and
// files. engine/restore/restore.ts carries it out.
import { damaged } from '../bytes.ts'
import type { ChunkReader, PackContents } from './chunk-reader.ts'
import { frameOf } from './chunk-fetch.ts'
import { divideFiles } from './file-division.ts'
import { decodeContentList } from '../tree/content-list.ts'
import { digestBytes } from '../digest.ts'
import { HoldfastError, isHoldfastError, objectFailures } from '../errors.ts'
import type { TreeLimits } from '../limits.ts'
import { OpenDirectories } from './open-directories.ts'
import { PackExtents, PlannedFrame } from '../pack/pack-extents.ts'
import { PathColumn } from './path-column.ts'
import { pathText } from '../tree/path-text.ts'
import { PlannedEntries, PlannedFiles } from './planned-entries.ts'
import { coalesce } from './ranges.ts'
import type { Shard } from './shards.ts'
import type { EntryFilter, PathSelection } from '../tree/path-selection.ts'
import { maxWindowChunks, readTree, selectPaths } from '../tree/tree.ts'
import type { LostPart } from '../tree/tree.ts'
import { comparePaths, makeEntry } from '../tree/tree-entry.ts'
import type { TreeEntry } from '../tree/tree-entry.ts'
import { selectionSize } from '../tree/tree-size.ts'
import type { TreeSize } from '../tree/tree-size.ts'

/** A pack of the usual size is one request. */
export const maxRequestBytes = 20 * 1024 * 1024
/** How much of a large file's chunk lists is fetched at once. */
const listWindowBytes = 4 * 1024 * 1024

/** One request, and the frames that it fetches. */
export interface PlannedRequest {
  pack: number
  offset: number
  bytes: number
  frames: PlannedFrame[]
}

/** Directories, files and symbolic links are referred to by their numbers. */
export interface EntryPlan {
  directories: PlannedEntries
  files: PlannedFiles
  symlinks: PlannedEntries
  /** Indexed by the number of the symbolic link. */
  linkTargets: PathColumn
  /** Devices, sockets and FIFOs: recorded, never created. */
  specialFiles: TreeEntry[]
  /** Parts of the tree that can't be read. */
  lostParts: LostPart[]
  /**
   * Directories whose own entries are lost while entries in them are not: created without recorded metadata.
   */
  inferredDirectories: Set<number>
  bytes: number
  /** Keyed by the number of the pack in the manifest. */
  packs: Map<number, PackExtents>
}

export interface PlanScope {
  limits?: TreeLimits
  /** Only the entries of this shard, and the directories above them. */
  shard?: Shard | undefined
  /** Locate no chunk: other processes restore the content. */
  namesOnly?: boolean
}

/**
 * Reads the tree and locates every chunk. A file with lost chunks is planned as damaged; a lost part of the
 * tree is recorded with its bounds; a lost root is an error.
 * @throws `not-found` if a path of the selection is not in the snapshot, or nothing fits a pattern; `damaged`.
 */
export async function planRestore(
  reader: ChunkReader,
  selection: PathSelection,
  { limits, shard, namesOnly = false }: PlanScope = {},
): Promise<EntryPlan> {
  const planner = new Planner(reader, selectionSize(limits), namesOnly)
  const { plan } = planner
  const share = shard === undefined ? null : await divideFiles(reader, selection, { shard, limits })
  const filter = selection.filter()
  const root = Buffer.from(reader.manifest.tree.root, 'hex')
  const onLost = (part: LostPart): void => void plan.lostParts.push(part)
  for await (const entries of readTree(reader, root, selectPaths(selection.bases), onLost)) {
    for (const entry of entries) {
      for (const selected of filter.take(entry)) {
        for (const planned of share === null ? [selected] : share.take(selected)) {
          const reading = planner.add(planned)
          if (reading !== null) await reading
        }
      }
    }
  }
  for (const extents of plan.packs.values()) extents.trim()
  if (plan.directories.length === 0) planner.inferDirectory(Buffer.alloc(0))
  assertFound(filter, plan)
  return plan
}

function assertFound({ missingPaths, unmatched }: EntryFilter, { lostParts }: EntryPlan): void {
  const hint =
    'paths are relative to the root of the source, e.g. `uploads/2026`; `holdfast ls` shows the entries of a snapshot, `holdfast find` searches all snapshots'
  const missing = missingPaths.find((path) => !lostParts.some((part) => mightContain(part, path)))
  if (missing !== undefined)
    throw new HoldfastError('not-found', `the snapshot holds no ${pathText(missing)}`, { hint })
  if (unmatched.length > 0 && lostParts.length === 0)
    throw new HoldfastError(
      'not-found',
      `nothing in the snapshot fits the pattern ${JSON.stringify(unmatched[0])}`,
      { hint },
    )
}

/**
 * Lists the damaged files, and for each lost part of the tree its first path, which stands for the whole
 * part.
 */
export function damagedEntries({ files, lostParts }: EntryPlan): { path: Buffer; detail: string }[] {
  const entries: { path: Buffer; detail: string }[] = []
  for (let file = 0; files.damage.size > 0 && file < files.length; file++) {
    const detail = files.damageOf(file)
    if (detail !== null) entries.push({ path: files.pathOf(file), detail })
  }
  for (const { from, to, detail } of lostParts) {
    const end = to === null ? 'to the end' : `up to ${pathText(to)}`
    entries.push({
      path: from,
      detail: `it and all that follows ${end} is lost with a part of the tree: ${detail}`,
    })
  }
  return entries
}

function mightContain({ from, to }: LostPart, path: Buffer): boolean {
  return comparePaths(from, path) <= 0 && (to === null || comparePaths(path, to) < 0)
}

/** Adds the entries of a tree, in its order, to a plan. */
class Planner {
  readonly plan: EntryPlan = {
    directories: new PlannedEntries(),
    files: new PlannedFiles(),
    symlinks: new PlannedEntries(),
    linkTargets: new PathColumn(),
    specialFiles: [],
    lostParts: [],
    inferredDirectories: new Set(),
    bytes: 0,
    packs: new Map(),
  }
  private readonly reader: ChunkReader
  /** A small hostile tree can name the same chunks, or share the same long path, without end. */
  private readonly size: TreeSize
  private readonly namesOnly: boolean
  private readonly open = new OpenDirectories()
  /** The first file of each link group. */
  private readonly firstNames = new Map<number, number>()

  constructor(reader: ChunkReader, size: TreeSize, namesOnly: boolean) {
    this.reader = reader
    this.size = size
    this.namesOnly = namesOnly
  }

  /**
   * Null for most entries; a promise for a file whose chunk lists must be read before the next entry is
   * added.
   */
  add(entry: TreeEntry): Promise<void> | null {
    const { plan } = this
    this.size.addEntry(entry.path.length)
    if (plan.directories.length === 0 && entry.path.length > 0) this.inferDirectory(Buffer.alloc(0))
    for (const parent of this.open.enter(entry.path, entry.type === 'directory'))
      this.inferParent(parent, entry.path)
    if (entry.type === 'file') return this.addFile(entry)
    if (entry.type === 'directory') plan.directories.add(entry)
    else if (entry.type === 'symlink') {
      plan.symlinks.add(entry)
      plan.linkTargets.push(entry.linkTarget)
    } else plan.specialFiles.push(entry)
    return null
  }

  inferDirectory(path: Buffer): void {
    const { directories, inferredDirectories } = this.plan
    inferredDirectories.add(directories.add(makeEntry({ path, type: 'directory', mode: 0o700 })))
  }

  /**
   * The entry of a parent may be lost with a part of the tree. Its path must have been a directory, because
   * an entry lies in it.
   */
  private inferParent(parent: Buffer, path: Buffer): void {
    const isLost = this.plan.lostParts.some((part) => mightContain(part, parent))
    if (!isLost) throw damaged('the tree', `${pathText(path)} lies in no directory`)
    this.inferDirectory(parent)
  }

  private addFile(entry: TreeEntry): Promise<void> | null {
    const { plan } = this
    const number = plan.files.add(entry)
    if (entry.linkGroup > 0) {
      const firstName = this.firstNames.get(entry.linkGroup)
      if (firstName !== undefined) {
        plan.files.link(number, firstName)
        return null
      }
      this.size.addLinkGroup()
      this.firstNames.set(entry.linkGroup, number)
    }
    plan.bytes += entry.size
    if (this.namesOnly) return null
    if (entry.content.depth === 1) return this.addLargeFile(entry, number)
    // The decoder of the entry has checked that the chunks add up to the file's size.
    this.addExtents(number, 0, entry.content)
    return null
  }

  private async addLargeFile(entry: TreeEntry, number: number): Promise<void> {
    try {
      let offset = 0
      for await (const list of readLists(this.reader, entry)) offset = this.addExtents(number, offset, list)
      if (offset !== entry.size)
        throw damaged(pathText(entry.path), `its chunks have ${offset} bytes, not ${entry.size}`)
    } catch (error) {
      // Too many extents make the whole plan unusable, not only one file.
      const isFileDamage = isHoldfastError(error, ...objectFailures)
      if (this.size.isExceeded || !isFileDamage) throw error
      this.plan.files.noteDamage(number, error.message)
    }
  }

  /** Adds the extents of file `number` from offset `start`; returns the offset behind them. */
  private addExtents(
    number: number,
    start: number,
    { digests, lengths }: Pick<TreeEntry['content'], 'digests' | 'lengths'>,
  ): number {
    const { plan, reader } = this
    this.size.addExtents(lengths.length)
    const { files } = plan
    let offset = start
    for (let index = 0; index < lengths.length; index++) {
      const bytes = lengths[index]!
      const address = reader.locate(digests, index * digestBytes)
      if (address === null) files.noteDamage(number, `no pack holds its bytes from ${offset}`)
      else if (reader.footers[address.pack]!.lengths[address.chunk] !== bytes)
        files.noteDamage(number, `its bytes from ${offset} have another length in their pack`)
      else {
        let packExtents = plan.packs.get(address.pack)
        if (packExtents === undefined) plan.packs.set(address.pack, (packExtents = new PackExtents()))
        packExtents.add(address.chunk, number, offset)
        files.countExtent(number)
      }
      offset += bytes
    }
    return offset
  }
}

/** Yields the chunk lists of a large file, one after the other. */
async function* readLists(
  reader: ChunkReader,
  { path, content }: TreeEntry,
): AsyncGenerator<{ digests: Buffer; lengths: number[] }> {
  for (let index = 0; index < content.lengths.length;) {
    const names: Buffer[] = []
    for (
      let bytes = 0;
      index < content.lengths.length && bytes < listWindowBytes && names.length < maxWindowChunks;
      bytes += content.lengths[index++]!
    ) {
      names.push(content.digests.subarray(index * digestBytes, (index + 1) * digestBytes))
    }
    for (const bytes of await reader.read(names))
      yield decodeContentList(bytes, `a chunk list of ${pathText(path)}`)
  }
}

/**
 * The requests of a plan, in the order of the packs; each frame is fetched once. `isWanted` leaves files out.
 */
export function* requestsOf(
  { footers }: PackContents,
  plan: EntryPlan,
  isIncluded: (file: number) => boolean = () => true,
): Generator<PlannedRequest> {
  for (const pack of [...plan.packs.keys()].sort((a, b) => a - b)) {
    const extents = plan.packs.get(pack)!
    const footer = footers[pack]!
    const order = extents.sortByChunk(footer.lengths.length, isIncluded)
    const sorted = { extents, order }
    const ranges: { offset: number; bytes: number; planned: PlannedFrame }[] = []
    for (let from = 0, to = 0; from < order.length; from = to) {
      const frame = frameOf(footer, extents.chunks[order[from]!]!)
      const end = frame.firstChunk + frame.chunkCount
      while (to < order.length && extents.chunks[order[to]!]! < end) to++
      ranges.push({
        offset: frame.offset,
        bytes: frame.storedBytes,
        planned: new PlannedFrame(frame, sorted, from, to),
      })
    }
    for (const { offset, bytes, parts } of coalesce(ranges, maxRequestBytes)) {
      yield { pack, offset, bytes, frames: parts.map(({ planned }) => planned) }
    }
  }
}
