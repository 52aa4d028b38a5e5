// Finds the versions that no snapshot needs and no lock protects any longer.
import { isHoldfastError } from '../../core/errors.ts'
import { readInOrder } from '../../core/ordered-reads.ts'
import { dayMs } from '../../core/snapshot/retention.ts'
import type { ObjectStore } from '../../core/store/object-store.ts'
import { readLock } from '../../core/store/version-lock.ts'
import { maxRequestsAtOnce, versionKinds } from './custody-plan.ts'
import type { CustodyRules, Prune } from './custody-plan.ts'
import type { Inventory, StoredVersion } from './inventory.ts'

interface PruneRun {
  store: ObjectStore
  rules: CustodyRules
  nowMs: number
  /** How many versions this run may still prune. */
  pruneLimit: number
  signal: AbortSignal
}

interface PruneScope {
  inventory: Inventory
  /** Why nothing may be pruned; null if something may. */
  withheld: string | null
  /** True: a share of the source's bytes beyond `maxPruneShare` is refused. */
  isLimited: boolean
}

export interface Pruning {
  prunes: Prune[]
  deferredPrunes: number
  withheld: string | null
}

export async function planPrunes(run: PruneRun, scope: PruneScope): Promise<Pruning> {
  const { inventory, isLimited } = scope
  const candidates = candidatesOf(inventory, run)
  const withheld = candidates.length === 0 ? null : scope.withheld
  if (withheld !== null) return { prunes: [], deferredPrunes: 0, withheld }
  const prunes: Prune[] = []
  for await (const prune of readInOrder(
    candidates,
    () => maxRequestsAtOnce,
    async (version) => pruneOf(version, run),
  ))
    if (prune !== null) prunes.push(prune)
  const bytes = prunes.reduce((sum, prune) => sum + prune.bytes, 0)
  const share = bytes / Math.max(1, inventory.stored.bytes)
  if (isLimited && share > run.rules.maxPruneShare) {
    return {
      prunes: [],
      deferredPrunes: 0,
      withheld: `the run would prune ${percent(share)} of the source's bytes, more than ${percent(run.rules.maxPruneShare)}`,
    }
  }
  const now = prunes.slice(0, Math.max(0, run.pruneLimit))
  return { prunes: now, deferredPrunes: prunes.length - now.length, withheld: null }
}

/** In the order of the deed: manifests first, and within a kind the oldest. */
function candidatesOf(inventory: Inventory, { rules, nowMs }: PruneRun): StoredVersion[] {
  const endMs = nowMs - rules.graceDays * dayMs
  const orderOf = new Map(versionKinds.map((kind, order) => [kind, order]))
  return [...inventory]
    .filter(
      ({ neededUntilMs, isProtected, minLockedUntilMs }) =>
        neededUntilMs === 0 && !isProtected && minLockedUntilMs <= endMs,
    )
    .sort((a, b) => orderOf.get(a.kind)! - orderOf.get(b.kind)! || a.lastModifiedMs - b.lastModifiedMs)
}

/** Null for a version that is locked, whose grace period runs, or that another run has deleted. */
async function pruneOf(version: StoredVersion, run: PruneRun): Promise<Prune | null> {
  run.signal.throwIfAborted()
  const { key, versionId, kind, bytes, isDeleteMarker } = version
  const lockEndedMs = await lockEndOf(version, run.store)
  if (lockEndedMs === 'gone') return null
  if (lockEndedMs !== null && lockEndedMs > run.nowMs - run.rules.graceDays * dayMs) return null
  return { ref: { key, versionId }, kind, isDeleteMarker, bytes, lockEndedMs }
}

async function lockEndOf(version: StoredVersion, store: ObjectStore): Promise<number | null | 'gone'> {
  // S3 can't lock a delete marker.
  if (version.isDeleteMarker) return null
  try {
    return (await readLock(store, version))?.untilMs ?? null
  } catch (error) {
    if (!isHoldfastError(error, 'not-found')) throw error
    return 'gone'
  }
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}
