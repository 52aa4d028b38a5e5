// What a restore has to do, as a value: which entries to make, and which bytes of which pack go where. Doing it is
// engine/restore.ts.
import type { ChunkReader } from './chunk-reader.ts'
import { frameOf } from './chunk-reader.ts'
import { decodeContentList } from './content-list.ts'
import { digestBytes } from './digest.ts'
import { HoldfastError, isHoldfastError } from './errors.ts'
import { damaged } from './bytes.ts'
import type { Frame } from './pack-footer.ts'
import { pathText } from './path-text.ts'
import { coalesce } from './ranges.ts'
import { parentPath, readTree } from './tree.ts'
import type { LostPart } from './tree.ts'
import { comparePaths, makeEntry } from './tree-entry.ts'
import type { TreeEntry } from './tree-entry.ts'

/** A pack of the usual size is one request. */
export const maxRequestBytes = 20 * 1024 * 1024
/** Of a file's chunk lists that are held at once. */
const listWindowBytes = 4 * 1024 * 1024

/** What a plan may hold: a small tree can name the same chunks, or share the same long path, without end. */
const planLimits = { pieces: 2 ** 26, pathBytes: 2 ** 30 }

/** What a restore must know of a file. There may be millions: as a buffer, its path alone would take as much as all the rest. */
export interface PlannedFile extends Pick<TreeEntry, 'size' | 'sparse' | 'mode' | 'uid' | 'gid' | 'mtimeNs'> {
  /** The bytes of its path, each a character: see `pathOf`. */
  latin1Path: string
  /** How many pieces of it must be written. */
  writes: number
  /** The first name of the file, if this is another one: it is made as a hard link. */
  linkTo: PlannedFile | null
  /** Why it can't be restored; null if it can. */
  damage: string | null
}

/** Pieces of files that lie in one pack: `chunk[i]` goes to `file[i]` at `offset[i]`. */
interface PackWrites {
  chunk: number[]
  file: number[]
  offset: number[]
}

/** A chunk and where its bytes go, as a part of its pack's writes: of tiny files there are tens of thousands in a request. */
export class PlannedChunk {
  /** Index in the pack's footer. */
  readonly chunk: number
  private all: PackWrites
  private order: Uint32Array
  private from: number
  private to: number

  /** @param at the first of its writes in `order`, which has the pack's writes in the order of their chunks. */
  constructor(all: PackWrites, order: Uint32Array, at: number) {
    this.chunk = all.chunk[order[at]!]!
    this.all = all
    this.order = order
    this.from = at
    this.to = at
  }

  /** Takes the next write, which is of the same chunk. */
  extend(): void {
    this.to++
  }

  get writeCount(): number {
    return this.to - this.from
  }

  get writes(): { file: number; offset: number }[] {
    return Array.from(this.order.subarray(this.from, this.to), (index) => ({ file: this.all.file[index]!, offset: this.all.offset[index]! }))
  }
}

/** One request, and what to do with the bytes it brings. */
export interface PlannedRequest {
  pack: number
  offset: number
  bytes: number
  frames: { frame: Frame; chunks: PlannedChunk[] }[]
}

export function pathOf(file: PlannedFile): Buffer {
  return Buffer.from(file.latin1Path, 'latin1')
}

export interface EntryPlan {
  directories: TreeEntry[]
  files: PlannedFile[]
  symlinks: TreeEntry[]
  /** Devices, sockets and FIFOs: recorded, never created. */
  special: TreeEntry[]
  /** What the tree can no longer say. */
  lost: LostPart[]
  /** Directories whose own entries are lost, but not what lies in them: made with no metadata of theirs. */
  guessed: Set<TreeEntry>
  bytes: number
  /** Of all files, each a chunk that goes somewhere. */
  pieces: number
  /** By number of the pack in the manifest. */
  packs: Map<number, PackWrites>
}

/**
 * Reads the tree and finds every chunk. A file whose chunks are lost is planned as damaged; of a part of the tree that
 * is lost, its bounds are named; a root that is lost is an error.
 * @throws `not-found` if one of `paths` is not in the snapshot, `damaged`.
 */
export async function planRestore(reader: ChunkReader, paths: readonly Buffer[], limits = planLimits): Promise<EntryPlan> {
  let pathBytes = 0
  const plan: EntryPlan = { directories: [], files: [], symlinks: [], special: [], lost: [], guessed: new Set(), bytes: 0, pieces: 0, packs: new Map() }
  const groups = new Map<number, PlannedFile>()
  const missing = new Set(paths.filter((path) => path.length > 0).map((path) => path.toString('latin1')))
  const parents = new Set<string>([''])
  const onLost = (part: LostPart): void => void plan.lost.push(part)
  for await (const entries of readTree(reader, Buffer.from(reader.manifest.tree.root, 'hex'), paths, onLost)) {
    for (const entry of entries) {
      pathBytes += entry.path.length
      if (pathBytes > limits.pathBytes) throw damaged('the tree', 'its paths are more than a restore can hold')
      missing.delete(entry.path.toString('latin1'))
      if (plan.directories.length === 0 && entry.path.length > 0) guessDirectory(plan, parents, Buffer.alloc(0))
      if (entry.path.length > 0 && !parents.has(parentPath(entry.path).toString('latin1'))) {
        guessParents(plan, parents, entry.path)
      }
      if (entry.type === 'directory') {
        parents.add(entry.path.toString('latin1'))
        plan.directories.push(entry)
      } else if (entry.type === 'symlink') plan.symlinks.push(entry)
      else if (entry.type === 'file') await planFile(reader, plan, entry, groups, limits.pieces)
      else plan.special.push(entry)
    }
  }
  if (plan.directories.length === 0) guessDirectory(plan, parents, Buffer.alloc(0))
  for (const path of missing) {
    if (plan.lost.some((part) => mayHold(part, Buffer.from(path, 'latin1')))) continue
    throw new HoldfastError('not-found', `the snapshot holds no ${pathText(Buffer.from(path, 'latin1'))}`, {
      hint: 'paths are relative to the root of the source, e.g. `uploads/2026`; restore with --dry-run and without paths to see what is there',
    })
  }
  return plan
}

/** What is lost with parts of the tree, in words; the first path of each stands for it. */
export function lostEntries({ lost }: EntryPlan): { path: Buffer; detail: string }[] {
  return lost.map(({ from, to, detail }) => ({
    path: from, detail: `it and all that follows ${to === null ? 'to the end' : `up to ${pathText(to)}`} is lost with a part of the tree: ${detail}`,
  }))
}

function guessDirectory(plan: EntryPlan, parents: Set<string>, path: Buffer): void {
  const entry = makeEntry({ path, type: 'directory', mode: 0o700 })
  plan.directories.push(entry)
  plan.guessed.add(entry)
  parents.add(path.toString('latin1'))
}

/** Where a part of the tree is lost, what lies in a directory tells that it was one. Nothing else could have been there. */
function guessParents(plan: EntryPlan, parents: Set<string>, path: Buffer): void {
  const unknown: Buffer[] = []
  for (let parent = parentPath(path); !parents.has(parent.toString('latin1')); parent = parentPath(parent)) unknown.push(parent)
  for (const parent of unknown.reverse()) {
    const isLost = plan.lost.some((part) => mayHold(part, parent))
    if (!isLost) throw damaged('the tree', `${pathText(path)} lies in no directory`)
    guessDirectory(plan, parents, parent)
  }
}

function mayHold({ from, to }: LostPart, path: Buffer): boolean {
  return comparePaths(from, path) <= 0 && (to === null || comparePaths(path, to) < 0)
}

async function planFile(reader: ChunkReader, plan: EntryPlan, entry: TreeEntry, groups: Map<number, PlannedFile>, maxPieces: number): Promise<void> {
  const { path, content, size, sparse, mode, uid, gid, mtimeNs } = entry
  const file: PlannedFile = { latin1Path: path.toString('latin1'), size, sparse, mode, uid, gid, mtimeNs, writes: 0, linkTo: null, damage: null }
  const number = plan.files.push(file) - 1
  if (entry.linkGroup > 0) {
    file.linkTo = groups.get(entry.linkGroup) ?? null
    if (file.linkTo !== null) return
    groups.set(entry.linkGroup, file)
  }
  plan.bytes += entry.size
  try {
    let offset = 0
    for await (const { digests, lengths } of content.depth === 0 ? [content] : readLists(reader, entry)) {
      plan.pieces += lengths.length
      if (plan.pieces > maxPieces) throw damaged('the tree', 'its files have more pieces than a restore can hold')
      offset = planChunks(reader, plan, { file, number, offset }, digests, lengths)
    }
    if (offset !== entry.size) throw damaged(pathText(entry.path), `its chunks have ${offset} bytes, not ${entry.size}`)
  } catch (error) {
    // Too many pieces are not one file's damage: nothing of the plan can be used.
    if (plan.pieces > maxPieces || !isHoldfastError(error, 'damaged', 'not-found', 'unsupported-format')) throw error
    file.damage = error.message
  }
}

/** Adds the pieces of a file from `at.offset`; answers the offset behind them. */
function planChunks(
  reader: ChunkReader, plan: EntryPlan, at: { file: PlannedFile; number: number; offset: number }, digests: Buffer, lengths: readonly number[],
): number {
  const { file, number } = at
  let { offset } = at
  for (const [index, bytes] of lengths.entries()) {
    const found = reader.locate(digests, index * digestBytes)
    if (found === null) file.damage ??= `no pack holds its bytes from ${offset}`
    else if (reader.footers[found.pack]!.lengths[found.chunk] !== bytes) file.damage ??= `its bytes from ${offset} have another length in their pack`
    else {
      let writes = plan.packs.get(found.pack)
      if (writes === undefined) plan.packs.set(found.pack, (writes = { chunk: [], file: [], offset: [] }))
      writes.chunk.push(found.chunk)
      writes.file.push(number)
      writes.offset.push(offset)
      file.writes++
    }
    offset += bytes
  }
  return offset
}

/** The chunk lists of a large file, one after the other. */
async function* readLists(reader: ChunkReader, { path, content }: TreeEntry): AsyncGenerator<{ digests: Buffer; lengths: number[] }> {
  for (let index = 0; index < content.lengths.length;) {
    const names: Buffer[] = []
    for (let bytes = 0; index < content.lengths.length && bytes < listWindowBytes; bytes += content.lengths[index++]!) {
      names.push(content.digests.subarray(index * digestBytes, (index + 1) * digestBytes))
    }
    for (const bytes of await reader.read(names)) yield decodeContentList(bytes, `a chunk list of ${pathText(path)}`)
  }
}

/** The requests of a plan, in the order of the packs; each frame is fetched once. `isWanted` leaves files out. */
export function* requestsOf(reader: ChunkReader, plan: EntryPlan, isWanted: (file: number) => boolean = () => true): Generator<PlannedRequest> {
  for (const pack of [...plan.packs.keys()].sort((left, right) => left - right)) {
    const writes = plan.packs.get(pack)!
    const footer = reader.footers[pack]!
    const order = Uint32Array.from(writes.chunk.keys()).filter((index) => isWanted(writes.file[index]!))
    order.sort((left, right) => writes.chunk[left]! - writes.chunk[right]! || left - right)
    const frames: { frame: Frame; chunks: PlannedChunk[] }[] = []
    for (const [at, index] of order.entries()) {
      const chunk = writes.chunk[index]!
      let last = frames.at(-1)
      if (last === undefined || chunk >= last.frame.firstChunk + last.frame.chunkCount) {
        last = { frame: frameOf(footer, chunk), chunks: [] }
        frames.push(last)
      }
      if (last.chunks.at(-1)?.chunk !== chunk) last.chunks.push(new PlannedChunk(writes, order, at))
      last.chunks.at(-1)!.extend()
    }
    const ranges = frames.map((planned) => ({ offset: planned.frame.offset, bytes: planned.frame.storedBytes, planned }))
    for (const { offset, bytes, parts } of coalesce(ranges, maxRequestBytes)) {
      yield { pack, offset, bytes, frames: parts.map(({ planned }) => planned) }
    }
  }
}
