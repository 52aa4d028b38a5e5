// What a restore has to do, as a value: which entries to make, and which bytes of which pack go where. Doing it is
// engine/restore/restore.ts.
import { damaged } from '../bytes.ts'
import type { ChunkReader, PackContents } from './chunk-reader.ts'
import { frameOf } from './chunk-reader.ts'
import { decodeContentList } from '../tree/content-list.ts'
import { digestBytes } from '../digest.ts'
import { HoldfastError, isHoldfastError } from '../errors.ts'
import { OpenDirectories } from './open-directories.ts'
import { PackExtents, PlannedFrame } from '../pack/pack-extents.ts'
import { PathColumn } from './path-column.ts'
import { pathText } from '../tree/path-text.ts'
import { PlannedEntries, PlannedFiles } from './planned-entries.ts'
import { coalesce } from './ranges.ts'
import { readTree } from '../tree/tree.ts'
import type { LostPart } from '../tree/tree.ts'
import { comparePaths, makeEntry } from '../tree/tree-entry.ts'
import type { TreeEntry } from '../tree/tree-entry.ts'

/** A pack of the usual size is one request. */
export const maxRequestBytes = 20 * 1024 * 1024
/** Of a file's chunk lists that are held at once. */
const listWindowBytes = 4 * 1024 * 1024

/** What a plan may hold: a small tree can name the same chunks, or share the same long path, without end. */
const planLimits = { extents: 2 ** 26, pathBytes: 2 ** 30 }

/** One request, and what to do with the bytes it brings. */
export interface PlannedRequest {
  pack: number
  offset: number
  bytes: number
  frames: PlannedFrame[]
}

/** Directories, files and symbolic links go by their numbers. */
export interface EntryPlan {
  directories: PlannedEntries
  files: PlannedFiles
  symlinks: PlannedEntries
  /** By number of the symbolic link. */
  linkTargets: PathColumn
  /** Devices, sockets and FIFOs: recorded, never created. */
  specialFiles: TreeEntry[]
  /** What the tree can no longer say. */
  lostParts: LostPart[]
  /** Directories whose own entries are lost, but not what lies in them: made with no metadata of theirs. */
  inferredDirectories: Set<number>
  bytes: number
  /** Of all files, each a chunk that goes somewhere. */
  extents: number
  /** By number of the pack in the manifest. */
  packs: Map<number, PackExtents>
}

/**
 * Reads the tree and finds every chunk. A file whose chunks are lost is planned as damaged; of a part of the tree that
 * is lost, its bounds are named; a root that is lost is an error.
 * @throws `not-found` if one of `paths` is not in the snapshot, `damaged`.
 */
export async function planRestore(
  reader: ChunkReader,
  paths: readonly Buffer[],
  limits = planLimits,
): Promise<EntryPlan> {
  let pathBytes = 0
  const plan: EntryPlan = {
    directories: new PlannedEntries(),
    files: new PlannedFiles(),
    symlinks: new PlannedEntries(),
    linkTargets: new PathColumn(),
    specialFiles: [],
    lostParts: [],
    inferredDirectories: new Set(),
    bytes: 0,
    extents: 0,
    packs: new Map(),
  }
  const groups = new Map<number, number>()
  const missing = new Set(paths.filter((path) => path.length > 0).map((path) => path.toString('latin1')))
  const open = new OpenDirectories()
  const onLost = (part: LostPart): void => void plan.lostParts.push(part)
  for await (const entries of readTree(
    reader,
    Buffer.from(reader.manifest.tree.root, 'hex'),
    paths,
    onLost,
  )) {
    for (const entry of entries) {
      pathBytes += entry.path.length
      if (pathBytes > limits.pathBytes)
        throw damaged('the tree', 'its paths are more than a restore can hold')
      if (missing.size > 0) missing.delete(entry.path.toString('latin1'))
      if (plan.directories.length === 0 && entry.path.length > 0) inferDirectory(plan, Buffer.alloc(0))
      for (const parent of open.enter(entry.path, entry.type === 'directory'))
        inferParent(plan, parent, entry.path)
      if (entry.type === 'directory') plan.directories.add(entry)
      else if (entry.type === 'file') {
        const reading = planFile(reader, plan, entry, groups, limits.extents)
        if (reading !== null) await reading
      } else if (entry.type === 'symlink') {
        plan.symlinks.add(entry)
        plan.linkTargets.push(entry.linkTarget)
      } else plan.specialFiles.push(entry)
    }
  }
  for (const packExtents of plan.packs.values()) packExtents.trim()
  if (plan.directories.length === 0) inferDirectory(plan, Buffer.alloc(0))
  for (const path of missing) {
    if (plan.lostParts.some((part) => mightContain(part, Buffer.from(path, 'latin1')))) continue
    throw new HoldfastError('not-found', `the snapshot holds no ${pathText(Buffer.from(path, 'latin1'))}`, {
      hint: 'paths are relative to the root of the source, e.g. `uploads/2026`; restore with --dry-run and without paths to see what is there',
    })
  }
  return plan
}

/** What can't be brought back: the damaged files, and of each part of the tree that is lost the first path, which stands for it. */
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

function inferDirectory(plan: EntryPlan, path: Buffer): void {
  plan.inferredDirectories.add(plan.directories.add(makeEntry({ path, type: 'directory', mode: 0o700 })))
}

/** Where a part of the tree is lost, what lies in a directory tells that it was one. Nothing else could have been there. */
function inferParent(plan: EntryPlan, parent: Buffer, path: Buffer): void {
  const isLost = plan.lostParts.some((part) => mightContain(part, parent))
  if (!isLost) throw damaged('the tree', `${pathText(path)} lies in no directory`)
  inferDirectory(plan, parent)
}

function mightContain({ from, to }: LostPart, path: Buffer): boolean {
  return comparePaths(from, path) <= 0 && (to === null || comparePaths(path, to) < 0)
}

/** Null for most files, which need no chunk list. */
function planFile(
  reader: ChunkReader,
  plan: EntryPlan,
  entry: TreeEntry,
  groups: Map<number, number>,
  maxExtents: number,
): Promise<void> | null {
  const number = plan.files.add(entry)
  if (entry.linkGroup > 0) {
    const first = groups.get(entry.linkGroup)
    if (first !== undefined) {
      plan.files.linkTo.set(number, first)
      return null
    }
    groups.set(entry.linkGroup, number)
  }
  plan.bytes += entry.size
  if (entry.content.depth === 1) return planLargeFile(reader, plan, entry, number, maxExtents)
  // That they add up to the file's size was seen when the entry was decoded.
  planChunks(reader, plan, { number, offset: 0 }, entry.content, maxExtents)
  return null
}

async function planLargeFile(
  reader: ChunkReader,
  plan: EntryPlan,
  entry: TreeEntry,
  number: number,
  maxExtents: number,
): Promise<void> {
  try {
    let offset = 0
    for await (const list of readLists(reader, entry))
      offset = planChunks(reader, plan, { number, offset }, list, maxExtents)
    if (offset !== entry.size)
      throw damaged(pathText(entry.path), `its chunks have ${offset} bytes, not ${entry.size}`)
  } catch (error) {
    // Too many pieces are not one file's damage: nothing of the plan can be used.
    if (plan.extents > maxExtents || !isHoldfastError(error, 'damaged', 'not-found', 'unsupported-format'))
      throw error
    plan.files.noteDamage(number, error.message)
  }
}

/** Adds the pieces of a file from `at.offset`; answers the offset behind them. */
function planChunks(
  reader: ChunkReader,
  plan: EntryPlan,
  at: { number: number; offset: number },
  { digests, lengths }: Pick<TreeEntry['content'], 'digests' | 'lengths'>,
  maxExtents: number,
): number {
  plan.extents += lengths.length
  if (plan.extents > maxExtents)
    throw damaged('the tree', 'its files have more pieces than a restore can hold')
  const { files } = plan
  let { offset } = at
  for (let index = 0; index < lengths.length; index++) {
    const bytes = lengths[index]!
    const address = reader.locate(digests, index * digestBytes)
    if (address === null) files.noteDamage(at.number, `no pack holds its bytes from ${offset}`)
    else if (reader.footers[address.pack]!.lengths[address.chunk] !== bytes)
      files.noteDamage(at.number, `its bytes from ${offset} have another length in their pack`)
    else {
      let packExtents = plan.packs.get(address.pack)
      if (packExtents === undefined) plan.packs.set(address.pack, (packExtents = new PackExtents()))
      packExtents.add(address.chunk, at.number, offset)
      files.countExtent(at.number)
    }
    offset += bytes
  }
  return offset
}

/** The chunk lists of a large file, one after the other. */
async function* readLists(
  reader: ChunkReader,
  { path, content }: TreeEntry,
): AsyncGenerator<{ digests: Buffer; lengths: number[] }> {
  for (let index = 0; index < content.lengths.length;) {
    const names: Buffer[] = []
    for (
      let bytes = 0;
      index < content.lengths.length && bytes < listWindowBytes;
      bytes += content.lengths[index++]!
    ) {
      names.push(content.digests.subarray(index * digestBytes, (index + 1) * digestBytes))
    }
    for (const bytes of await reader.read(names))
      yield decodeContentList(bytes, `a chunk list of ${pathText(path)}`)
  }
}

/** The requests of a plan, in the order of the packs; each frame is fetched once. `isWanted` leaves files out. */
export function* requestsOf(
  { footers }: PackContents,
  plan: EntryPlan,
  isIncluded: (file: number) => boolean = () => true,
): Generator<PlannedRequest> {
  for (const pack of [...plan.packs.keys()].sort((a, b) => a - b)) {
    const packExtents = plan.packs.get(pack)!
    const footer = footers[pack]!
    const order = packExtents.sortByChunk(footer.lengths.length, isIncluded)
    const ranges: { offset: number; bytes: number; planned: PlannedFrame }[] = []
    for (let from = 0, to = 0; from < order.length; from = to) {
      const frame = frameOf(footer, packExtents.chunks[order[from]!]!)
      const end = frame.firstChunk + frame.chunkCount
      while (to < order.length && packExtents.chunks[order[to]!]! < end) to++
      ranges.push({
        offset: frame.offset,
        bytes: frame.storedBytes,
        planned: new PlannedFrame(frame, packExtents, order, from, to),
      })
    }
    for (const { offset, bytes, parts } of coalesce(ranges, maxRequestBytes)) {
      yield { pack, offset, bytes, frames: parts.map(({ planned }) => planned) }
    }
  }
}
