// Steps of a walk in one buffer, which one thread hands to another. The receiver makes the objects of an entry when it
// takes it: as messages, they would cost more than the lstat.
//
//   the columns of all steps: 5 x i64, 4 x f64, 5 x u32, 2 x u8 a step; then the bytes of paths and link targets
import { entryTypes, makeEntry } from '../../core/tree/tree-entry.ts'
import type { Problem, TreePath } from '../operations.ts'
import type { EntryStats } from '../stat-identity.ts'
import { clampTimeNs } from '../stat-identity.ts'
import { isWalked } from '../walk.ts'
import type { LeftOut, Step, WalkedEntry } from '../walk.ts'

export interface WalkBatch {
  count: number
  /** Shared, because the collectors of both threads count a buffer that is transferred, and collect sooner. */
  bytes: SharedArrayBuffer
  /** The steps that are no entries, in order, without their paths. */
  withoutEntry: (Omit<LeftOut, 'path'> | Omit<Problem, 'path'>)[]
}

const flag = { sparse: 1, mount: 2, otherTime: 4, noEntry: 8 } as const
const stepBytes = 5 * 8 + 4 * 8 + 5 * 4 + 2
const noBytes = Buffer.alloc(0)

/** Views of the columns, a fixed number of values for each step. */
function columnsOf(bytes: SharedArrayBuffer, count: number) {
  return {
    /** mtime, ctime and birth time in ns, inode, device. */
    longs: new BigInt64Array(bytes, 0, count * 5),
    /** Size, blocks, number of names, device number. */
    numbers: new Float64Array(bytes, count * 40, count * 4),
    /** Mode, uid, gid, end of the path, end of the link's target. */
    words: new Uint32Array(bytes, count * 72, count * 5),
    /** Number of the type, flags. */
    marks: new Uint8Array(bytes, count * 92, count * 2),
    text: Buffer.from(bytes, count * stepBytes),
  }
}

type Columns = ReturnType<typeof columnsOf>

export function encodeSteps(steps: readonly Step[]): WalkBatch {
  let textBytes = 0
  for (const step of steps) textBytes += pathOf(step).length + targetOf(step).length
  const bytes = new SharedArrayBuffer(steps.length * stepBytes + textBytes)
  const columns = columnsOf(bytes, steps.length)
  const withoutEntry: WalkBatch['withoutEntry'] = []
  let end = 0
  for (const [index, step] of steps.entries()) {
    end += pathOf(step).copy(columns.text, end)
    columns.words[index * 5 + 3] = end
    end += targetOf(step).copy(columns.text, end)
    columns.words[index * 5 + 4] = end
    if (isWalked(step)) encodeEntry(columns, index, step)
    else {
      const { path: _, ...pathless } = step
      withoutEntry.push(pathless)
      columns.marks[index * 2 + 1] = flag.noEntry
    }
  }
  return { count: steps.length, bytes, withoutEntry }
}

function encodeEntry({ longs, numbers, words, marks }: Columns, index: number, walked: WalkedEntry): void {
  const { entry, stats } = walked
  const [long, number, word] = [index * 5, index * 4, index * 5]
  longs[long] = entry.mtimeNs
  longs[long + 1] = clampTimeNs(stats.ctimeNs)
  longs[long + 2] = clampTimeNs(stats.birthtimeNs)
  longs[long + 3] = stats.ino
  longs[long + 4] = stats.dev
  numbers[number] = Number(stats.size)
  numbers[number + 1] = Number(stats.blocks)
  numbers[number + 2] = Number(stats.nlink)
  numbers[number + 3] = entry.rdev
  words[word] = entry.mode
  words[word + 1] = entry.uid
  words[word + 2] = entry.gid
  marks[index * 2] = entryTypes.indexOf(entry.type)
  marks[index * 2 + 1] =
    (entry.sparse ? flag.sparse : 0) |
    (walked.isMount === true ? flag.mount : 0) |
    (walked.hasOtherTime === true ? flag.otherTime : 0)
}

/** @param root the directory that was walked. */
export function* decodeSteps({ count, bytes, withoutEntry }: WalkBatch, root: string): Generator<Step> {
  const columns = columnsOf(bytes, count)
  let [start, passed] = [0, 0]
  for (let index = 0; index < count; index++) {
    const pathEnd = columns.words[index * 5 + 3]!
    const end = columns.words[index * 5 + 4]!
    const path = columns.text.subarray(start, pathEnd)
    if (columns.marks[index * 2 + 1] === flag.noEntry) yield { ...withoutEntry[passed++]!, path }
    else {
      // One for all, because a view for each entry would be garbage.
      const linkTarget = pathEnd === end ? noBytes : columns.text.subarray(pathEnd, end)
      yield new DecodedEntry(columns, index, { root, path, linkTarget })
    }
    start = end
  }
}

/** Makes the path by name on demand: most entries need none. */
class DecodedEntry implements WalkedEntry {
  readonly entry: WalkedEntry['entry']
  readonly stats: EntryStats
  readonly isMount?: true
  readonly hasOtherTime?: true
  private readonly root: string

  constructor(
    columns: Columns,
    index: number,
    { root, path, linkTarget }: { root: string; path: TreePath; linkTarget: Buffer },
  ) {
    const { numbers, words, marks, longs } = columns
    const flags = marks[index * 2 + 1]!
    const type = entryTypes[marks[index * 2]!]!
    this.root = root
    this.stats = new DecodedStats(columns, index)
    this.entry = makeEntry({
      path,
      type,
      size: type === 'file' ? numbers[index * 4]! : 0,
      mode: words[index * 5]!,
      uid: words[index * 5 + 1]!,
      gid: words[index * 5 + 2]!,
      mtimeNs: longs[index * 5]!,
      sparse: (flags & flag.sparse) !== 0,
      rdev: numbers[index * 4 + 3]!,
      linkTarget,
    })
    if ((flags & flag.mount) !== 0) this.isMount = true
    if ((flags & flag.otherTime) !== 0) this.hasOtherTime = true
  }

  get absolute(): Buffer {
    const { path } = this.entry
    return path.length === 0 ? Buffer.from(this.root) : Buffer.concat([Buffer.from(`${this.root}/`), path])
  }
}

class DecodedStats implements EntryStats {
  private readonly columns: Columns
  private readonly index: number

  constructor(columns: Columns, index: number) {
    this.columns = columns
    this.index = index
  }

  get mtimeNs(): bigint {
    return this.columns.longs[this.index * 5]!
  }

  get ctimeNs(): bigint {
    return this.columns.longs[this.index * 5 + 1]!
  }

  get birthtimeNs(): bigint {
    return this.columns.longs[this.index * 5 + 2]!
  }

  get ino(): bigint {
    return this.columns.longs[this.index * 5 + 3]!
  }

  get dev(): bigint {
    return this.columns.longs[this.index * 5 + 4]!
  }

  get size(): bigint {
    return BigInt(this.columns.numbers[this.index * 4]!)
  }

  get blocks(): bigint {
    return BigInt(this.columns.numbers[this.index * 4 + 1]!)
  }

  get nlink(): bigint {
    return BigInt(this.columns.numbers[this.index * 4 + 2]!)
  }
}

function pathOf(step: Step): TreePath {
  return isWalked(step) ? step.entry.path : step.path
}

function targetOf(step: Step): Buffer {
  return isWalked(step) ? step.entry.linkTarget : noBytes
}
