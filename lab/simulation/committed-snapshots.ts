// The record of every committed snapshot: the content that a restore must bring back, its parent chain and its locks.
// The record is the oracle of a simulation. It comes from the model of the source and from the vault, never from the
// engine.
import { sha256Hex } from '../../core/digest.ts'
import { decodeManifest } from '../../core/snapshot/manifest.ts'
import type { Manifest } from '../../core/snapshot/manifest.ts'
import { parsePathText } from '../../core/tree/path-text.ts'
import type { WorldClock } from './clocks.ts'
import { sourceName } from './source-tree.ts'
import type { Expected, TreeNode } from './source-tree.ts'
import type { Tally } from './tally.ts'
import { dayMs } from './vault.ts'
import type { Vault } from './vault.ts'
import { Violation } from './violation.ts'

export const promiseDays = 30

export interface Host {
  readonly cacheDirectory: string
  /** Snapshots committed since the host has its cache, oldest first: a chain without forks. */
  chain: Committed[]
  /** True after the host lost its cache, or the cache was corrupted: the next snapshot may begin a chain of its own. */
  mayBeginAnew: boolean
}

/**
 * Paths that changed during the backup, with each new state; null where the path vanished. Any of a backup's
 * walks may have met any.
 */
export type ChangedPaths = ReadonlyMap<string, readonly (Readonly<TreeNode> | null)[]>
/**
 * Paths that moved during the backup, each with its new names in the order of the moves. An entry must be under one
 * of its names, or be named.
 */
export type MovedPaths = ReadonlyMap<string, readonly string[]>

export interface Committed {
  readonly id: string
  readonly key: string
  readonly versionId: string
  readonly sha256: string
  readonly timeMs: number
  readonly manifest: Manifest
  readonly expected: Expected
  readonly changed: ChangedPaths
  readonly moved: MovedPaths
  /** Paths that the manifest reports as incomplete. */
  readonly excused: readonly string[]
  /** The vault's revision for which the snapshot was last restored and compared. */
  checkedRevision: number
  /** The store itself lost one of its packs, or gave an object a shorter lock than it showed. */
  isFailedByStore: boolean
  /** Its locks end before the guaranteed retention, because the host slept at the commit. */
  isShort: boolean
  /** The time that the backup reported; null if it reported none. */
  reportedMs: number | null
}

interface VaultState {
  readonly vault: Vault
  readonly clock: WorldClock
  readonly tally: Tally
}

export class CommittedSnapshots {
  list: Committed[] = []
  /** Ids of well-formed manifests that an intruder made. */
  readonly lies = new Set<string>()
  private readonly vault: Vault
  private readonly clock: WorldClock
  private readonly tally: Tally

  constructor({ vault, clock, tally }: VaultState) {
    this.vault = vault
    this.clock = clock
    this.tally = tally
  }

  add(
    ref: { readonly key: string; readonly versionId: string },
    expected: Expected,
    { changed, moved }: Pick<Committed, 'changed' | 'moved'>,
    maySleep: boolean,
  ): Committed {
    const { body, lastModifiedMs } = this.vault.find(ref)!
    const id = ref.key.slice(ref.key.lastIndexOf('/') + 1)
    const manifest = decodeManifest(body, { source: sourceName, id })
    const excused = manifest.problems
      .filter(
        ({ kind }) => kind === 'unreadable' || kind === 'vanished' || kind === 'changed' || kind === 'moved',
      )
      .map(({ path }) => parsePathText(path).toString('latin1'))
    if (manifest.complete !== (excused.length === 0))
      throw new Violation(`${id} has complete: ${manifest.complete}, and lacks ${excused.length} paths`)
    const snapshot: Committed = {
      ...ref,
      id,
      sha256: sha256Hex(body),
      timeMs: lastModifiedMs,
      manifest,
      expected,
      changed,
      moved,
      excused,
      checkedRevision: -1,
      isFailedByStore: false,
      isShort: false,
      reportedMs: null,
    }
    this.list.push(snapshot)
    if (maySleep && !this.isLocked(snapshot)) snapshot.isShort = true
    else this.assertLocked(snapshot)
    return snapshot
  }

  /** The chain of a writer has no gap and no fork: each snapshot follows all that this host committed before. */
  link(host: Host, snapshot: Committed): void {
    const { parent, supersedes } = snapshot.manifest
    const parentIndex =
      parent === null
        ? -1
        : host.chain.findIndex(({ id, sha256 }) => id === parent.id && sha256 === parent.sha256)
    const forked = host.chain.slice(parentIndex + 1).filter(({ id }) => !supersedes.includes(id))
    if ((parent !== null && parentIndex === -1) || forked.length > 0) {
      if (parent !== null || !host.mayBeginAnew) {
        throw new Violation(
          `${snapshot.id} follows ${parent?.id ?? 'no snapshot'}, not ${forked.map(({ id }) => id).join(', ') || 'the previous snapshot of its writer'}`,
        )
      }
      host.chain = []
      host.mayBeginAnew = false
    }
    host.chain.push(snapshot)
    this.tally.count('check', 'parent chain')
  }

  /**
   * The vault holds every object of the snapshot, and each lock covers the guaranteed retention, by the server's time.
   */
  assertLocked(snapshot: Committed): void {
    const untilMs = snapshot.timeMs + promiseDays * dayMs
    for (const ref of objectsOf(snapshot)) {
      const version = this.vault.find(ref)
      if (version === undefined)
        throw new Violation(
          `${snapshot.id} is guaranteed until ${iso(untilMs)}, and ${ref.key} (${ref.versionId}) is not in the vault`,
        )
      if (version.lockedUntilMs < untilMs) {
        throw new Violation(
          `${snapshot.id} is guaranteed until ${iso(untilMs)}, and ${ref.key} is locked only until ${iso(version.lockedUntilMs)}`,
        )
      }
    }
    this.tally.count('check', 'retention')
  }

  private isLocked(snapshot: Committed): boolean {
    const untilMs = snapshot.timeMs + promiseDays * dayMs
    return objectsOf(snapshot).every((ref) => (this.vault.find(ref)?.lockedUntilMs ?? 0) >= untilMs)
  }

  /** No snapshot that needs the object is guaranteed any more. */
  failByStore({ versionId }: { readonly versionId: string }): void {
    for (const snapshot of this.list)
      if (objectsOf(snapshot).some((object) => object.versionId === versionId))
        snapshot.isFailedByStore = true
  }

  /** Whether the guaranteed retention of the snapshot still runs. */
  isGuaranteed(snapshot: Committed): boolean {
    return (
      !snapshot.isShort &&
      !snapshot.isFailedByStore &&
      this.clock.serverMs < snapshot.timeMs + promiseDays * dayMs
    )
  }

  /** Whether a stored bit turned in an object of the snapshot. */
  isCorrupt(snapshot: Committed): boolean {
    return objectsOf(snapshot).some((ref) => (this.vault.find(ref)?.turnedOffsets.length ?? 0) > 0)
  }
}

/** The manifest and the packs that it names. */
export function objectsOf(
  snapshot: Committed,
): readonly { readonly key: string; readonly versionId: string }[] {
  return [snapshot, ...snapshot.manifest.packs]
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
