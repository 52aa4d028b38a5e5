// Numbers the files with more than one name, so that all names of a file have the same group in the tree.
import { inodeOf } from '../stat-identity.ts'
import type { EntryStats } from '../stat-identity.ts'

export class LinkGroups<First> {
  private readonly groups = new Map<string, { group: number; first: First | undefined }>()
  private readonly taken = new Set<number>()

  /** The group of a file; `first` is the value that `setFirst` got for its first name. */
  find(stats: EntryStats): { group: number; first: First | undefined } {
    const key = keyOf(stats)
    const entry = this.groups.get(key)
    if (entry !== undefined) return entry
    // The group is the inode number, so that it is the same in the next snapshot. Inodes of two devices can
    // collide.
    let group = Number(inodeOf(stats) % 2n ** 48n) + 1
    while (this.taken.has(group)) group++
    this.taken.add(group)
    const created = { group, first: undefined }
    this.groups.set(key, created)
    return created
  }

  setFirst(stats: EntryStats, first: First): void {
    this.groups.get(keyOf(stats))!.first = first
  }
}

/**
 * An inode's number alone is no identity: a mail spool removes both names of a file, and the next file gets its number.
 * Where a file system keeps no birth time, another change time makes another file: it is then stored once more.
 */
function keyOf({ dev, ino, birthtimeNs, ctimeNs }: EntryStats): string {
  return birthtimeNs === 0n ? `${dev}:${ino}:changed:${ctimeNs}` : `${dev}:${ino}:${birthtimeNs}`
}
