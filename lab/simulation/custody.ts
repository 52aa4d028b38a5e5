// The custodian in a simulated world: killed at any step, met by faults, and attacked by a writer whose manifests lie.
// The model decides what the custodian must keep.
import type { CustodyRules, SourcePlan } from '../../checks/custodian/custody-plan.ts'
import { applyPlan } from '../../checks/custodian/deed.ts'
import { planCustody } from '../../checks/custodian/plan-custody.ts'
import { sha256Hex } from '../../core/digest.ts'
import { encodeManifest } from '../../core/snapshot/manifest.ts'
import { loadSnapshot } from '../../core/snapshot/snapshot.ts'
import { manifestKey, parsePackKey } from '../../core/store/vault-keys.ts'
import { deleteAll, newUlid } from './attacks.ts'
import { objectsOf, promiseDays } from './committed-snapshots.ts'
import type { Committed } from './committed-snapshots.ts'
import type { HostProcess, Plan } from './host-process.ts'
import { assertRestored, refOf } from './invariants.ts'
import type { Outcome } from './process-runner.ts'
import { notaryKeys, SimulatedNotary } from './simulated-notary.ts'
import { sourceName } from './source-tree.ts'
import { dayMs } from './vault.ts'
import type { StoredVersion } from './vault.ts'
import { Violation } from './violation.ts'
import type { World } from './world.ts'

const rules: CustodyRules = {
  promiseDays,
  renewal: 'upload',
  graceDays: 3,
  maxPrunes: 10_000,
  maxPruneShare: 1,
  retiredSources: new Set(),
}

const notaries = new WeakMap<World, SimulatedNotary>()

function notaryOf(world: World): SimulatedNotary {
  const notary = notaries.get(world) ?? new SimulatedNotary(world)
  notaries.set(world, notary)
  return notary
}

/** A run of the custodian stays away for no longer: see `holdDaysOf` of the plan. */
const maxPauseDays = 14
/** Longer than any lock of a snapshot that is not the last good one, with the grace period. */
const silentDays = 120

/**
 * The custodian once, possibly with a crash or a fault, and then until it has nothing to do.
 * @param judge throws unless the faults of the process explain its failure.
 */
export async function keepVault(
  world: World,
  trouble: Plan,
  judge: (process: HostProcess, outcome: Outcome<unknown>) => void,
): Promise<void> {
  if (world.random.chance(0.5)) world.clock.pass(world.random.below(20) * dayMs)
  await notaryOf(world).attest()
  if (world.random.chance(0.4)) addLie(world)
  const process = world.processes.start('custodian', trouble)
  const outcome = await runCustodian(world, process)
  judge(process, outcome)
  world.log.push(`${[...process.fired].join(', ')}${process.crashed ? ' (ended)' : ''}`)
  // A manifest goes first and its receipt with the next run.
  await runUndisturbed(world)
  await runUndisturbed(world)
  const { extensions, prunes } = await runUndisturbed(world)
  if (extensions.length + prunes.length > 0)
    throw new Violation(
      `the custodian does not converge: it extends ${extensions.length} locks and prunes ${prunes.length} versions again`,
    )
  world.tally.count('check', 'custodian converges')
}

/** Months without a backup: a stolen writer lies, an intruder may delete, and the last good snapshot must restore. */
export async function staySilent(world: World): Promise<void> {
  const { random, clock, tally } = world
  const notary = notaryOf(world)
  await notary.attest()
  await runUndisturbed(world)
  const goodSnapshot = notary.lastGood()
  if (goodSnapshot === null) return
  // Without an intruder, everything that has expired is left to the custodian.
  const hasIntruder = random.chance(0.5)
  for (let days = 0; days < silentDays; days += maxPauseDays) {
    if (days < silentDays / 4 && random.chance(0.5)) addLie(world)
    clock.pass(maxPauseDays * dayMs)
    if (hasIntruder) deleteAll(world)
    assertLockRuns(world, goodSnapshot)
    await runUndisturbed(world)
  }
  const { withheld } = await runUndisturbed(world)
  if (notary.lastGood() !== goodSnapshot)
    throw new Violation(`${goodSnapshot.id} is no longer the last good snapshot`)
  if (withheld === null) assertOnlyPacksOf(world, goodSnapshot)
  await assertRestores(world, goodSnapshot)
  tally.count('check', 'silent source restored')
}

async function runUndisturbed(world: World): Promise<SourcePlan> {
  const outcome = await runCustodian(world, world.processes.start('custodian'))
  if (outcome === 'crashed' || 'error' in outcome)
    throw new Violation(
      `the custodian failed without a fault: ${outcome === 'crashed' ? '' : String(outcome.error)}`,
    )
  const last = notaryOf(world).lastGood()
  if (last !== null) {
    if (outcome.result.lastGood?.id !== last.id)
      throw new Violation(`the custodian keeps ${outcome.result.lastGood?.id}, not the last good ${last.id}`)
    assertLockRuns(world, last)
  }
  return outcome.result
}

async function runCustodian(world: World, process: HostProcess): Promise<Outcome<SourcePlan>> {
  const before = world.vault.versions()
  const outcome = await world.processes.run(process, async () => {
    const store = world.processes.connect(process)
    const signal = new AbortController().signal
    const plan = await planCustody({ store, rules, keys: notaryKeys, signal })
    const { clock, random } = world
    await applyPlan(plan, { store, extender: store, pruner: store, clock, random: random.next, signal })
    return plan.sources[0] ?? emptyPlan
  })
  assertPruned(world, before)
  return outcome
}

/** The plan of a vault without any source. */
const emptyPlan: SourcePlan = {
  name: sourceName,
  stored: { versions: 0, bytes: 0 },
  liveSnapshots: 0,
  lastGood: null,
  doubtful: null,
  extensions: [],
  prunes: [],
  deferredPrunes: 0,
  withheld: null,
  problems: [],
  unrecognized: { versions: 0, bytes: 0 },
}

/** Only versions without a lock, after the grace period; no object of a snapshot that must be restorable. */
function assertPruned(world: World, before: readonly StoredVersion[]): void {
  const { vault, clock, snapshots, tally } = world
  const last = notaryOf(world).lastGood()
  const live = snapshots.list.filter((snapshot) => snapshots.isGuaranteed(snapshot))
  const neededIds = new Set([...live, ...(last === null ? [] : [last])].flatMap(objectIds))
  for (const version of before) {
    if (vault.find(version) !== undefined) continue
    const endMs = version.isDeleteMarker ? version.lastModifiedMs : version.lockedUntilMs
    if (endMs + rules.graceDays * dayMs > clock.serverMs)
      throw new Violation(`${version.key} was pruned before the end of its grace period`)
    if (neededIds.has(version.versionId)) throw new Violation(`${version.key} was pruned, and is needed`)
    tally.count('check', 'pruned')
  }
}

function objectIds(snapshot: Committed): string[] {
  return objectsOf(snapshot).map(({ versionId }) => versionId)
}

function assertLockRuns({ vault, clock }: World, snapshot: Committed): void {
  for (const ref of objectsOf(snapshot)) {
    const version = vault.find(ref)
    if (version === undefined || version.lockedUntilMs <= clock.serverMs)
      throw new Violation(`${snapshot.id} is the last good snapshot, and the lock of ${ref.key} has ended`)
  }
}

function assertOnlyPacksOf({ vault }: World, snapshot: Committed): void {
  const ids = new Set(objectIds(snapshot))
  const packs = vault.versions().filter(({ key }) => parsePackKey(key) !== null)
  const surplus = packs.filter(({ versionId }) => !ids.has(versionId))
  if (surplus.length > 0) throw new Violation(`the custodian keeps ${surplus[0]!.key} for ever`)
}

async function assertRestores(world: World, snapshot: Committed): Promise<void> {
  if (world.snapshots.isCorrupt(snapshot)) return
  const target = world.newTarget()
  const process = world.processes.start('restore after silence')
  const outcome = await world.restore(process, (store) => loadSnapshot(store, refOf(snapshot, world)), target)
  if (outcome === 'crashed' || 'error' in outcome)
    throw new Violation(`${snapshot.id} doesn't restore after the silence`)
  assertRestored(snapshot, target)
}

/**
 * A stolen writer commits a manifest that is well-formed and wrong: it names packs of others' snapshots and garbage, is
 * larger than every honest one, and claims to succeed them all.
 */
function addLie(world: World): void {
  const { random, clock, vault, snapshots } = world
  const [example] = snapshots.list
  if (example === undefined) return
  const stored = vault
    .versions()
    .filter(({ key, isDeleteMarker }) => parsePackKey(key) !== null && !isDeleteMarker)
  const named = stored.filter(() => random.chance(0.5))
  const packs = [...new Map(named.map((version) => [parsePackKey(version.key)!.sha256, version])).values()]
  clock.pass(1000)
  const id = newUlid(world)
  const body = encodeManifest({
    ...example.manifest,
    id,
    parent: null,
    supersedes: snapshots.list.slice(-10).map((snapshot) => snapshot.id),
    retention: { promiseDays: 36_500, lock: { mode: 'COMPLIANCE', days: 36_500 } },
    complete: true,
    tree: { ...example.manifest.tree, files: 1e9, bytes: 1e12 },
    packs: packs.map(({ key, versionId, body: bytes }) => ({
      key,
      versionId,
      sha256: parsePackKey(key)!.sha256,
      bytes: bytes.length,
    })),
    index: [],
    problems: [],
    problemCount: 0,
  })
  vault.put(manifestKey(sourceName, id), body, sha256Hex(body))
  world.snapshots.lies.add(id)
  clock.pass(1000)
  world.tally.count('check', 'lying manifest')
}
