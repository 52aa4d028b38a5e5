// Finds the entries that a walk has missed: an entry that moves, while the walk is under way, from a
// directory that is still to be listed to one that was listed is under neither of its names. After the walk, each
// directory whose times have changed is listed again: an entry in it that existed before and wasn't visited was missed.
import { lstatSync, readdirSync } from 'node:fs'
import type { BigIntStats } from 'node:fs'
import { sha256 } from '../../core/digest.ts'
import { PathColumn } from '../../core/restore-plan/path-column.ts'
import { comparePaths } from '../../core/tree/tree-entry.ts'
import { DirectoryHandles } from '../directory-handles.ts'
import type { TreePath } from '../operations.ts'
import { Selection } from '../selection.ts'
import type { DeviceClocks } from './device-clocks.ts'
import type { EntryStats } from '../stat-identity.ts'
import type { WalkedEntry } from '../walk.ts'

const blockEntries = 64 * 1024
/** Directories in moved directories, and so on: deeper ones count as missed. */
const maxRounds = 64
/** A longer path needs the descriptor of its directory. */
const maxPathBytes = 4095

/** In the place of a directory's time: it is listed again in any case. */
const notSettled = -1n

/** A number for each inode of all devices; for a file of several names, one for each name. */
type EntryKey = bigint

export interface VisitTimes {
  clocks: Pick<DeviceClocks, 'see' | 'settledNs'>
  /** The kernel's time now. */
  nowNs: () => bigint
}

/** An entry of a directory that has changed. */
interface Candidate {
  path: TreePath
  stats: BigIntStats
}

export class VisitedEntries {
  private readonly root: string
  private readonly selection: Selection
  /** Directories whose content was left out, in latin1. */
  private readonly unlisted = new Set<string>()
  private readonly times: VisitTimes
  /** A column, because a set of a million numbers takes sixty megabytes. */
  private readonly keys: BigInt64Array[] = []
  private count = 0
  private readonly directories = new PathColumn()
  private readonly directoryKeys: EntryKey[] = []
  private readonly directoryTimes: bigint[] = []
  private firstDevice: bigint | null = null

  constructor(root: string, times: VisitTimes, selection = new Selection()) {
    this.root = root
    this.selection = selection
    this.times = times
  }

  add(walked: WalkedEntry): void {
    const { entry, stats } = walked
    const at = this.count++ % blockEntries
    if (at === 0) this.keys.push(new BigInt64Array(blockEntries))
    const key = this.keyOf(stats)
    this.keys.at(-1)![at] = hasOtherNames(stats, entry.type === 'directory') ? nameKey(key, entry.path) : key
    if (entry.type !== 'directory') return
    this.directories.push(entry.path)
    this.directoryKeys.push(key)
    // A directory that has just changed may change again within the same tick of its clock.
    const isSettled = stats.ctimeNs < this.times.clocks.settledNs(walked)
    this.directoryTimes.push(isSettled ? stats.ctimeNs : notSettled)
  }

  /** Changes in the directory are no concern of the snapshot. */
  leaveOutContent(path: TreePath): void {
    this.unlisted.add(path.toString('latin1'))
  }

  /** Inodes of two devices can be equal. The first device, of nearly all entries, costs no arithmetic. */
  private keyOf(stats: Pick<EntryStats, 'dev' | 'ino'>): EntryKey {
    this.firstDevice ??= stats.dev
    return stats.dev === this.firstDevice ? stats.ino : BigInt.asIntN(64, stats.ino + (stats.dev << 40n))
  }

  /** The paths of entries that were missed. Call it when the walk has listed its last directory. */
  findMissed(): TreePath[] {
    const handles = new DirectoryHandles(this.root)
    try {
      const missed: TreePath[] = []
      let changed = this.changedDirectories(handles)
      for (let round = 0; changed.length > 0; round++) {
        const candidates = changed.flatMap((path) => this.candidatesIn(path, handles))
        const unvisited = this.withoutVisited(candidates)
        missed.push(...unvisited.filter(({ stats }) => this.isOld(stats)).map(({ path }) => path))
        const missedSet = new Set(missed)
        changed = candidates
          .filter(({ path, stats }) => stats.isDirectory() && this.isRecent(stats) && !missedSet.has(path))
          .map(({ path }) => path)
        if (round === maxRounds) missed.push(...changed.splice(0))
      }
      return unique(missed)
    } finally {
      handles.close()
    }
  }

  private changedDirectories(handles: DirectoryHandles): TreePath[] {
    const changed: TreePath[] = []
    const prefix = Buffer.from(`${this.root}/`)
    for (let number = 0; number < this.directories.length; number++) {
      const path = this.directories.at(number)
      const listedNs = this.directoryTimes[number]!
      if (listedNs !== notSettled) {
        const plain = Buffer.concat([prefix, path])
        const stats = statsOf(() => (plain.length <= maxPathBytes ? plain : handles.at(path)))
        // One that is gone was removed, or is an entry of a directory that has changed.
        if (stats === null) continue
        if (stats.ctimeNs === listedNs && this.keyOf(stats) === this.directoryKeys[number]) continue
      }
      changed.push(path)
    }
    return changed
  }

  private candidatesIn(directory: TreePath, handles: DirectoryHandles): Candidate[] {
    if (this.unlisted.has(directory.toString('latin1'))) return []
    const prefix = directory.length === 0 ? '' : `${directory.toString('latin1')}/`
    let names: string[]
    try {
      names = readdirSync(Buffer.concat([handles.at(directory), Buffer.from('/.')]), 'latin1')
    } catch {
      // It is gone, or another entry has its place: what was in it is elsewhere.
      return []
    }
    return names.flatMap((name) => {
      const path = Buffer.from(prefix + name, 'latin1')
      const stats = statsOf(() => handles.at(path))
      if (stats === null || this.selection.patternFor(path, stats.isDirectory()) !== null) return []
      return [{ path, stats }]
    })
  }

  private withoutVisited(candidates: readonly Candidate[]): Candidate[] {
    const byKey = new Map<EntryKey, Candidate[]>()
    for (const candidate of candidates) {
      const key = this.keyOf(candidate.stats)
      // The key of the inode alone, too: the walk may have met the file before it got its other name.
      const keys = hasOtherNames(candidate.stats, candidate.stats.isDirectory())
        ? [key, nameKey(key, candidate.path)]
        : [key]
      for (const candidateKey of keys) {
        const sameKey = byKey.get(candidateKey)
        if (sameKey === undefined) byKey.set(candidateKey, [candidate])
        else sameKey.push(candidate)
      }
    }
    const visited = new Set<Candidate>()
    for (let index = 0; index < this.count && visited.size < candidates.length; index++) {
      const matches = byKey.get(this.keys[Math.floor(index / blockEntries)]![index % blockEntries]!)
      for (const candidate of matches ?? []) visited.add(candidate)
    }
    return candidates.filter((candidate) => !visited.has(candidate))
  }

  /**
   * True if the entry existed when the walk began. The time of its bytes decides where no birth time exists. A time
   * in the future is of a clock that was set back.
   */
  private isOld(stats: BigIntStats): boolean {
    const { birthtimeNs, mtimeNs } = stats
    const madeNs = birthtimeNs > 0n ? birthtimeNs : mtimeNs
    const { startedNs, isOther } = this.times.clocks.see({ stats, absolute: Buffer.from(this.root) })
    return madeNs <= startedNs || (!isOther && madeNs > this.times.nowNs())
  }

  /** A move changes the times of what moves, too. */
  private isRecent(stats: BigIntStats): boolean {
    const { startedNs, tickNs } = this.times.clocks.see({ stats, absolute: Buffer.from(this.root) })
    return stats.ctimeNs >= startedNs - tickNs
  }
}

function hasOtherNames({ nlink }: Pick<EntryStats, 'nlink'>, isDirectory: boolean): boolean {
  return nlink > 1n && !isDirectory
}

/** The walk may have met the inode under another of its names. A hash that users of the source can't make collide. */
function nameKey(key: EntryKey, path: TreePath): EntryKey {
  return BigInt.asIntN(64, key ^ sha256(path).readBigInt64LE(0))
}

function statsOf(locate: () => Buffer): BigIntStats | null {
  try {
    return lstatSync(locate(), { bigint: true })
  } catch {
    return null
  }
}

function unique(paths: readonly TreePath[]): TreePath[] {
  const byText = new Map(paths.map((path) => [path.toString('latin1'), path]))
  return [...byText.values()].sort(comparePaths)
}
