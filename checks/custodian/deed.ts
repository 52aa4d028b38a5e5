// Does what a plan says. A run that is killed at any step leaves a vault from which the next plan goes on: every step
// is complete by itself, and the lock of each version is the only record of what was done.
import type { Clock, Random } from '../../core/clock.ts'
import { HoldfastError, isHoldfastError } from '../../core/errors.ts'
import { actAtOnce, readInOrder } from '../../core/ordered-reads.ts'
import { custodyRetry, retryAfterDelay } from '../../core/retry.ts'
import type { LockExtender, VersionPruner } from '../../core/store/custody.ts'
import type { ObjectStore } from '../../core/store/object-store.ts'
import { readLock } from '../../core/store/version-lock.ts'
import { maxRequestsAtOnce } from './custody-plan.ts'
import type { CustodyPlan, Extension, Figures, Prune } from './custody-plan.ts'

export interface DeedOptions {
  store: ObjectStore
  extender: LockExtender
  pruner: VersionPruner
  clock: Clock
  random: Random
  signal: AbortSignal
  onProgress?: (progress: DeedProgress) => void
}

export interface DeedProgress {
  extended: number
  pruned: number
}

export interface DeedResult {
  extended: Figures
  pruned: Figures
  /** Versions that another run locked or deleted after the plan was made. */
  skipped: number
}

/** A snapshot that was committed after the plan may need what it prunes; the grace period covers more than this. */
const maxPlanAgeMs = 6 * 3_600_000

/**
 * Extends all locks first: they are what a run is for.
 * @throws `denied` if the role may not extend or delete; `conflict` for a plan that is too old; the store's errors.
 */
export async function applyPlan(plan: CustodyPlan, options: DeedOptions): Promise<DeedResult> {
  const { store, signal, onProgress } = options
  const { serverTimeMs } = await store.lockDefault()
  if (serverTimeMs - plan.nowMs > maxPlanAgeMs)
    throw new HoldfastError('conflict', "the custodian's plan is older than six hours", {
      hint: 'make a new plan: the vault may have changed',
      retryable: true,
    })
  const result: DeedResult = { extended: none(), pruned: none(), skipped: 0 }
  const report = (): void =>
    onProgress?.({ extended: result.extended.versions, pruned: result.pruned.versions })
  const count = (isDone: boolean, figures: Figures, { bytes }: { bytes: number }): void => {
    if (!isDone) result.skipped++
    else {
      figures.versions++
      figures.bytes += bytes
    }
    report()
  }
  const all = <Item>(of: (source: CustodyPlan['sources'][number]) => Item[]): Item[] =>
    plan.sources.flatMap(of)
  await actAtOnce(
    all(({ extensions }) => extensions),
    maxRequestsAtOnce,
    async (extension) => {
      signal.throwIfAborted()
      count(await extend(extension, options), result.extended, extension)
    },
  )
  const prune = async (item: Prune): Promise<{ item: Prune; isDone: boolean }> => {
    signal.throwIfAborted()
    return { item, isDone: await remove(item, options) }
  }
  // In order: a manifest whose deletion is slow must not lose packs meanwhile.
  const prunes = all((source) => source.prunes)
  for await (const { item, isDone } of readInOrder(prunes, () => maxRequestsAtOnce, prune))
    count(isDone, result.pruned, item)
  return result
}

function none(): Figures {
  return { versions: 0, bytes: 0 }
}

/** False if another run has extended the lock further, or the version is gone. */
async function extend({ ref, mode, untilMs }: Extension, options: DeedOptions): Promise<boolean> {
  try {
    await retried(options, () => options.extender.extendLock(ref, { mode, untilMs }))
    return true
  } catch (error) {
    if (isHoldfastError(error, 'not-found')) return false
    if (!isHoldfastError(error, 'denied')) throw error
    const current = await readLock(options.store, ref)
    if (current !== null && current.untilMs >= untilMs) return false
    throw error
  }
}

/** False if another run has extended the lock meanwhile. */
async function remove({ ref, isDeleteMarker }: Prune, options: DeedOptions): Promise<boolean> {
  try {
    await retried(options, () => options.pruner.deleteVersion(ref))
    return true
  } catch (error) {
    if (!isHoldfastError(error, 'denied') || isDeleteMarker) throw error
    const { serverTimeMs } = await options.store.lockDefault()
    const current = await readLock(options.store, ref)
    if (current !== null && current.untilMs > serverTimeMs) return false
    throw error
  }
}

function retried({ clock, random, signal }: DeedOptions, call: () => Promise<void>): Promise<void> {
  return retryAfterDelay(custodyRetry, { random, sleep: (ms) => clock.sleep(ms, signal) }, call)
}
