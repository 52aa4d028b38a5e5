// The entries of a backup pass that wait for the content of an earlier file. The tree takes them in the
// order of the walk, while threads finish files in any order.
import { lstatSync } from 'node:fs'
import type { TreeEntry } from '../../core/tree/tree-entry.ts'
import { sameStatIdentity, statIdentityOf } from '../stat-identity.ts'
import type { EntryStats } from '../stat-identity.ts'
import type { WalkedEntry } from '../walk.ts'
import type { CachedFile } from './file-cache.ts'
import type { FileContent } from './file-segments.ts'

export interface PendingFile extends FileContent {
  entry: TreeEntry
  /** The cached content of an unchanged file, which isn't read; null for any other file. */
  cachedFile: CachedFile | null
  /** True if the file that was read has another identity than the file that the walk listed. */
  isOtherThanListed: boolean
  /**
   * True if the cache was asked for the file in the order of the walk. Otherwise it must not be put there.
   */
  wasLookedUp: boolean
  /** The cached content of an unchanged file that is read all the same, to compare. */
  rereadOf: CachedFile | null
  /** A file that changed later may change again without another time, so that it must not be put there either. */
  settledNs: bigint
}

export function makePendingFile(entry: TreeEntry, stats: EntryStats, settledNs: bigint): PendingFile {
  return {
    entry,
    identity: statIdentityOf(stats),
    segments: [],
    missing: 0,
    cachedFile: null,
    isOtherThanListed: false,
    wasLookedUp: true,
    rereadOf: null,
    settledNs,
  }
}

/** True if a name still belongs to the file that was read under another name. */
export function isNameOf({ absolute }: WalkedEntry, file: PendingFile): boolean {
  try {
    return sameStatIdentity(statIdentityOf(lstatSync(absolute, { bigint: true })), file.identity)
  } catch {
    return false
  }
}

export type PendingEntry =
  | { kind: 'entry'; entry: TreeEntry }
  | { kind: 'unchanged'; entry: TreeEntry; cachedFile: CachedFile }
  | { kind: 'file'; file: PendingFile }
  | { kind: 'link'; walked: WalkedEntry; first: PendingFile }

/** A queue whose first entry can be taken when its content is complete. */
export class PendingEntries {
  private readonly entries: PendingEntry[] = []
  /** Entries before this index were taken. */
  private head = 0

  get length(): number {
    return this.entries.length - this.head
  }

  /**
   * Push a file last, after its reading was requested: `takeComplete` returns a file with `missing === 0`
   * as complete.
   */
  push(entry: PendingEntry): void {
    this.entries.push(entry)
  }

  /** Takes the first entry; null if there is none, or if it is a file whose content is not complete. */
  takeComplete(): PendingEntry | null {
    const entry = this.entries[this.head]
    if (entry === undefined || (entry.kind === 'file' && entry.file.missing > 0)) {
      this.dropTaken()
      return null
    }
    this.head++
    return entry
  }

  /** Replaces the entry that `takeComplete` has just returned; the replacement is the first entry again. */
  replaceTaken(entry: PendingEntry): void {
    this.entries[--this.head] = entry
  }

  /** Drops taken entries in large steps, before the garbage collector moves them to its old generation. */
  private dropTaken(): void {
    if (this.head === this.entries.length) this.entries.length = 0
    else if (this.head > 1024 && this.head * 2 > this.entries.length) this.entries.splice(0, this.head)
    else return
    this.head = 0
  }
}
