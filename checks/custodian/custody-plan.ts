// The plan of a custodian's run, as a value: which locks it extends, which versions it prunes, and why. A plan changes
// nothing (deed.ts does), so that an operator can read it first.
import type { Lock, Renewal } from '../../core/snapshot/retention.ts'
import type { LockMode, ObjectRef } from '../../core/store/object-store.ts'

/** Requests under way at once: the bucket's request rate belongs to backups and restores. */
export const maxRequestsAtOnce = 50

/** In the order in which versions are pruned: a run that is killed must not leave a manifest without its packs. */
export const versionKinds = [
  'manifest',
  'receipt',
  'pack',
  'wal',
  'proof',
  'report',
  'acknowledgement',
] as const
export type VersionKind = (typeof versionKinds)[number]

/** A version stays so many days after its lock has ended, so that a mistake can be noticed. */
export const defaultGraceDays = 3

const maxAheadDays = 2

/**
 * How many days a lock must last beyond the need of the newest snapshot. With `extend`, the next two daily snapshots
 * must find locks that cover them; with a short generation, the next ones within half of it.
 */
export function aheadDays(renewal: Renewal, generationDays: number): number {
  return renewal === 'extend' ? Math.min(maxAheadDays, generationDays / 2) : 0
}

export interface CustodyRules {
  /** The guaranteed retention of each snapshot. */
  promiseDays: number
  /**
   * How writers keep content locked that doesn't change. With `extend`, the custodian extends locks ahead of the next
   * snapshots.
   */
  renewal: Renewal
  /** A version stays this long after its lock has ended. */
  graceDays: number
  /** A run prunes no more versions; the next run goes on. */
  maxPrunes: number
  /** A run that would prune a larger share of a source's bytes prunes nothing of this source. */
  maxPruneShare: number
  /** Sources that are given up: their last good snapshot may run out. */
  retiredSources: ReadonlySet<string>
}

export interface Extension {
  ref: ObjectRef
  bytes: number
  mode: LockMode
  /** The end of the lock now; null without a lock. */
  fromMs: number | null
  untilMs: number
  /** The newest snapshot that needs the version. */
  neededBy: string
}

export interface Prune {
  ref: ObjectRef
  kind: VersionKind
  isDeleteMarker: boolean
  bytes: number
  /** Null for a version that never had a lock, and for a delete marker. */
  lockEndedMs: number | null
}

/**
 * How far a last good snapshot is confirmed. `good`: attested by the notary, complete and not collapsed. `attested`:
 * no snapshot is good, and this one is attested. `unattested`: no snapshot is attested, and this one is complete, not
 * collapsed, and all its packs are listed.
 */
export type Confirmation = 'good' | 'attested' | 'unattested'

export interface LastGood {
  id: string
  timeMs: number
  confirmation: Confirmation
}

export interface Figures {
  versions: number
  bytes: number
}

export interface SourcePlan {
  /** A source, `reports/` or `acknowledgements/`. */
  name: string
  stored: Figures
  /** Snapshots within their guaranteed retention. */
  liveSnapshots: number
  /** The snapshot whose locks never end while the source is silent; null if there is none. */
  lastGood: LastGood | null
  /** A newer good one that can be another party's: it stays too until an operator has looked. Null if there is none. */
  doubtful: LastGood | null
  extensions: Extension[]
  /** In the order of the deed. */
  prunes: Prune[]
  /** Versions that could be pruned, and are beyond the limit of this run. */
  deferredPrunes: number
  /** Why the run prunes nothing of this source although it could; null if it may. */
  withheld: string | null
  /** Failures that need a human: objects that a good snapshot needs and that are not there. */
  problems: string[]
  /** Objects that this version of Holdfast doesn't know. It never prunes them. */
  unrecognized: Figures
}

export interface CustodyPlan {
  /** The store's clock when the plan began. */
  nowMs: number
  lock: Lock
  sources: SourcePlan[]
}
