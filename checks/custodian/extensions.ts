// Finds the locks that end too early for the snapshots that need them. No lock is extended further than the bucket's
// default would lock an upload of now: so a lying manifest can't lock a version for a hundred years.
import { isHoldfastError } from '../../core/errors.ts'
import { readInOrder } from '../../core/ordered-reads.ts'
import { dayMs } from '../../core/snapshot/retention.ts'
import type { Lock } from '../../core/snapshot/retention.ts'
import type { ObjectStore } from '../../core/store/object-store.ts'
import { readLock } from '../../core/store/version-lock.ts'
import { aheadDays, maxRequestsAtOnce } from './custody-plan.ts'
import type { CustodyRules, Extension } from './custody-plan.ts'
import type { Inventory, StoredVersion } from './inventory.ts'

interface ExtensionRun {
  store: ObjectStore
  rules: CustodyRules
  lock: Lock
  nowMs: number
  signal: AbortSignal
}

/** Also returns the keys of versions that are listed and can't be found. */
export async function planExtensions(
  run: ExtensionRun,
  inventory: Inventory,
): Promise<{ extensions: Extension[]; lost: string[] }> {
  const extensions: Extension[] = []
  const lost: string[] = []
  const read = async (version: StoredVersion): Promise<Extension | 'lost' | null> => {
    run.signal.throwIfAborted()
    try {
      return extensionOf(version, await readLock(run.store, version), run)
    } catch (error) {
      if (!isHoldfastError(error, 'not-found')) throw error
      return 'lost'
    }
  }
  const aheadMs = aheadOf(run)
  const doubtful = inventory.filter(
    ({ neededUntilMs, minLockedUntilMs }) => neededUntilMs > 0 && neededUntilMs + aheadMs > minLockedUntilMs,
  )
  for await (const { version, outcome } of readInOrder(
    doubtful,
    () => maxRequestsAtOnce,
    async (candidate) => ({
      version: candidate,
      outcome: await read(candidate),
    }),
  )) {
    if (outcome === 'lost') lost.push(version.key)
    else if (outcome !== null) extensions.push(outcome)
  }
  return { extensions, lost }
}

function extensionOf(
  { key, versionId, bytes, neededUntilMs, neededBy }: StoredVersion,
  current: Awaited<ReturnType<typeof readLock>>,
  run: ExtensionRun,
): Extension | null {
  const { lock, nowMs } = run
  if (current !== null && current.untilMs >= neededUntilMs + aheadOf(run)) return null
  // A generation ahead, so that a pack that stays in use is extended once in a generation.
  const generationEndMs = neededUntilMs + generationDaysOf(run) * dayMs
  return {
    ref: { key, versionId },
    bytes,
    mode: current?.mode ?? lock.mode,
    fromMs: current?.untilMs ?? null,
    untilMs: wholeSecond(Math.min(generationEndMs, nowMs + lock.days * dayMs)),
    neededBy,
  }
}

function aheadOf(run: ExtensionRun): number {
  return aheadDays(run.rules.renewal, generationDaysOf(run)) * dayMs
}

function generationDaysOf({ lock, rules }: ExtensionRun): number {
  return lock.days - rules.promiseDays
}

/** Stores keep the end of a lock in whole seconds. */
function wholeSecond(timeMs: number): number {
  return Math.floor(timeMs / 1000) * 1000
}
