// Makes the plan of a custodian's run. It reads listings and manifests, and asks for the lock of a version only where
// the decision depends on it. It changes nothing.
import type { TrustedKeys } from '../../core/signature.ts'
import { acceptLock, dayMs } from '../../core/snapshot/retention.ts'
import type { Lock } from '../../core/snapshot/retention.ts'
import { listSnapshots, listSources } from '../../core/snapshot/snapshot.ts'
import type { ObjectStore } from '../../core/store/object-store.ts'
import {
  acknowledgementsPrefix,
  isSourceName,
  receiptPrefix,
  receiptsPrefix,
  sourcePrefix,
} from '../../core/store/vault-keys.ts'
import { reportedDays } from '../checks/behaviour.ts'
import { reportsPrefix } from '../reports/report.ts'
import { UnusualSnapshots } from '../reports/unusual-snapshots.ts'
import type { CustodyPlan, CustodyRules, LastGood, SourcePlan } from './custody-plan.ts'
import { planExtensions } from './extensions.ts'
import { Inventory } from './inventory.ts'
import { doubtText, findKept } from './last-good.ts'
import type { KeptSnapshots, LastGoodSnapshot } from './last-good.ts'
import { planPrunes } from './prunes.ts'
import { markLiveSnapshots, markObjects, markReceipts, protectRecords } from './snapshot-needs.ts'
import type { LiveSnapshots, SourceSurvey } from './snapshot-needs.ts'

/** Folders that no snapshot needs: what lies in them goes when its lock has ended. */
const recordPrefixes: readonly string[] = [reportsPrefix, acknowledgementsPrefix]

export interface PlanOptions {
  store: ObjectStore
  rules: CustodyRules
  /** The keys with which the notary signs; null: no receipt can be trusted. */
  keys: TrustedKeys | null
  /** Default: every source, the reports and the acknowledgements. */
  sources?: readonly string[]
  signal: AbortSignal
  onProgress?: (name: string) => void
}

interface Run extends PlanOptions {
  lock: Lock
  /** The store's clock. */
  nowMs: number
  /** How many more versions this run may prune. */
  pruneLimit: number
  unusual: UnusualSnapshots
}

/**
 * @throws `vault-unsafe` if the bucket's lock doesn't exceed the guaranteed retention; `denied` if the role can't read
 * locks; the errors of the store.
 */
export async function planCustody(options: PlanOptions): Promise<CustodyPlan> {
  const { store, rules, signal, onProgress } = options
  const lockDefault = await store.lockDefault()
  const lock = acceptLock(store.name, lockDefault, rules.promiseDays, false)!
  const nowMs = lockDefault.serverTimeMs
  const names = options.sources ?? [...(await listAllSources(store)), ...recordPrefixes]
  const days = lock.days + reportedDays
  const unusual = await UnusualSnapshots.read(store, { nowMs, days, signal })
  const sources: SourcePlan[] = []
  let pruneLimit = rules.maxPrunes
  for (const name of names) {
    signal.throwIfAborted()
    onProgress?.(name)
    const run: Run = { ...options, lock, nowMs, pruneLimit, unusual }
    const sourcePlan = await (recordPrefixes.includes(name) ? planRecords(name, run) : planSource(name, run))
    pruneLimit -= sourcePlan.prunes.length
    sources.push(sourcePlan)
  }
  return { nowMs, lock, sources }
}

/** Also the sources of which only receipts remain. */
async function listAllSources(store: ObjectStore): Promise<string[]> {
  const receipted = (await store.listFolders(receiptsPrefix)).filter(isSourceName)
  return [...new Set([...(await listSources(store)), ...receipted])].sort()
}

async function planSource(source: string, run: Run): Promise<SourcePlan> {
  const { store, rules, lock, nowMs, keys, unusual, signal } = run
  const inventory = new Inventory(lock)
  await inventory.read(store, sourcePrefix(source), signal)
  await inventory.read(store, receiptPrefix(source), signal)
  const list = await listSnapshots(store, source)
  const { promiseDays } = rules
  const keptDays = lock.days + rules.graceDays
  const problems: string[] = []
  const survey: SourceSurvey = {
    ...{ store, inventory, list, promiseDays, keptDays, nowMs, signal, problems },
  }
  const isRetired = rules.retiredSources.has(source)
  const live = await markLiveSnapshots(survey)
  const unusualFromMs = unusual.firstTimeOf(list)
  const kept: KeptSnapshots = isRetired
    ? { lastGood: null, doubtful: null }
    : await findKept(survey, { keys, unusualFromMs })
  for (const snapshot of [kept.doubtful, kept.lastGood])
    if (snapshot !== null) markLastGood(survey, snapshot, live)
  protectRecords(inventory, live.identities)
  live.wal.protect(inventory)
  const { extensions, lost } = await planExtensions(run, inventory)
  const withheld = isRetired ? null : (problems[0] ?? doubtOf(inventory, live, kept.lastGood))
  const pruning = await planPrunes(run, { inventory, withheld, isLimited: !isRetired })
  const doubt = doubtText(kept)
  if (doubt !== null) problems.push(doubt)
  problems.push(...lost.map((key) => `${key} is listed, and the store has lost it`))
  if (pruning.withheld !== null) problems.push(`nothing is pruned: ${pruning.withheld}`)
  return {
    name: source,
    stored: inventory.stored,
    liveSnapshots: live.count,
    lastGood: summarize(kept.lastGood),
    doubtful: summarize(kept.doubtful),
    extensions,
    ...pruning,
    problems,
    unrecognized: inventory.unrecognized,
  }
}

function summarize(snapshot: LastGoodSnapshot | null): LastGood | null {
  if (snapshot === null) return null
  const { ref, confirmation } = snapshot
  return { id: ref.id, timeMs: ref.timeMs, confirmation }
}

/**
 * The custodian may stop for this long before the lock of a last good snapshot ends. This is less than the guaranteed
 * retention, because the locks of a source that is not silent must not be extended for it.
 */
function holdDaysOf(promiseDays: number): number {
  return Math.max(promiseDays / 2, Math.min(promiseDays, 2))
}

function markLastGood(
  { inventory, promiseDays, nowMs }: SourceSurvey,
  lastGood: LastGoodSnapshot,
  live: LiveSnapshots,
): void {
  const holdMs = nowMs + holdDaysOf(promiseDays) * dayMs
  const untilMs = Math.max(holdMs, lastGood.ref.timeMs + promiseDays * dayMs)
  markObjects(inventory, lastGood, untilMs)
  // Without its receipt, it would no longer be attested.
  markReceipts(inventory, lastGood.ref.id, untilMs)
  // Look at each lock: of a silent source, no later receipt would bring a wrong one to light.
  for (const ref of [lastGood.ref, ...lastGood.manifest.packs]) {
    const version = inventory.find(ref)
    if (version !== undefined) version.minLockedUntilMs = 0
  }
  if (lastGood.manifest.postgres !== undefined)
    live.wal.markFrom(inventory, lastGood.manifest.postgres, { untilMs, id: lastGood.ref.id })
  if (lastGood.manifest.vault !== undefined) live.identities.add(lastGood.manifest.vault)
}

/** Why no version of the source may be pruned; null if the run knows all that its snapshots need. */
function doubtOf(
  inventory: Inventory,
  { unreadable }: LiveSnapshots,
  lastGood: KeptSnapshots['lastGood'],
): string | null {
  const [first] = unreadable
  if (first !== undefined)
    return `the packs of ${unreadable.length} manifests within the guaranteed retention are unknown, first of ${first}`
  if (lastGood === null && inventory.hasPacks) return 'the source has packs, and no usable snapshot'
  return null
}

async function planRecords(prefix: string, run: Run): Promise<SourcePlan> {
  const inventory = new Inventory(run.lock)
  await inventory.read(run.store, prefix, run.signal)
  return {
    name: prefix,
    stored: inventory.stored,
    liveSnapshots: 0,
    lastGood: null,
    doubtful: null,
    extensions: [],
    ...(await planPrunes(run, { inventory, withheld: null, isLimited: false })),
    problems: [],
    unrecognized: inventory.unrecognized,
  }
}
