// The operations of a simulated world, with their weights. Each operation keeps the record of the world correct, or
// throws.
import * as fs from 'node:fs'
import { isHoldfastError } from '../../core/errors.ts'
import type { ErrorCode } from '../../core/errors.ts'
import { listSnapshots, loadSnapshot, selectSnapshot } from '../../core/snapshot/snapshot.ts'
import type { RestoreResult, VerifyResult } from '../../engine/operations.ts'
import { verify } from '../../engine/verify/verify.ts'
import { attack, expire, corrupt } from './attacks.ts'
import { differences, readTree } from './comparison.ts'
import { drawExclusions } from './exclusions.ts'
import { crashPoints } from './host-process.ts'
import type { CrashPoint, FaultKind, HostProcess, Plan, PlannedCrash, PlannedFault } from './host-process.ts'
import { assertRestored, isCopy, newestOf } from './invariants.ts'
import { mutate } from './mutations.ts'
import { objectsOf, promiseDays } from './committed-snapshots.ts'
import { keepVault, staySilent } from './custody.ts'
import type { Committed, Host } from './committed-snapshots.ts'
import type { Outcome } from './process-runner.ts'
import { isWithin, sourceName } from './source-tree.ts'
import { dayMs } from './vault.ts'
import { Violation } from './violation.ts'
import type { World } from './world.ts'

const requestFaults: FaultKind[] = [
  'internal error',
  'slow down',
  'too many requests',
  'connection reset',
  'slow answer',
  'expired credentials',
]
const uploadFaults: FaultKind[] = ['lost reply', 'key taken', 'sleep at the commit']
const readFaults: FaultKind[] = ['flipped body', 'other range', 'torn body']
const sourceFaults: FaultKind[] = [
  'source EIO',
  'source EACCES',
  'file changes',
  'file vanishes',
  'cache EIO',
  'cache full',
]
const directoryFaults: FaultKind[] = ['entry moves', 'directory becomes a link']
/** Faults that no process meets: the store has them between two operations. */
export const storeFaults = ['vault made again', 'lost pack', 'short lock'] as const

const targetFaults: FaultKind[] = [
  'target ENOSPC',
  'target EDQUOT',
  'target EIO',
  'target EACCES',
  'sync ENOSPC',
  'sync EIO',
]

/** The error codes that each fault explains. A fault without an entry can't fail an operation on its own. */
const failsWith: Partial<Record<FaultKind, ErrorCode[]>> = {
  'internal error': ['unreachable'],
  'connection reset': ['unreachable'],
  'slow down': ['throttled'],
  'too many requests': ['throttled'],
  'expired credentials': ['credentials'],
  'lost reply': ['unreachable'],
  'sleep at the commit': ['vault-unsafe'],
  'key taken': ['conflict'],
  'torn body': ['unreachable'],
  'broken listing': ['unreachable'],
  'flipped body': ['damaged', 'unsupported-format', 'no-recovery-point'],
  'other range': ['damaged', 'unsupported-format', 'no-recovery-point'],
  'source EIO': ['not-found', 'invalid-input'],
  'cache EIO': ['invalid-input'],
  'cache full': ['disk-full'],
  'target ENOSPC': ['disk-full'],
  'target EDQUOT': ['disk-full'],
  'target EIO': ['target'],
  'target EACCES': ['target'],
  'sync ENOSPC': ['disk-full'],
  'sync EIO': ['target'],
}

export const operations = {
  mutate: { weight: 5, run: mutateSource },
  backup: { weight: 9, run: (world: World) => backUp(world, world.processes.start('backup')) },
  'backup with rules': { weight: 4, run: backUpByRules },
  'backup with faults': {
    weight: 52,
    run: (world: World) =>
      backUp(
        world,
        world.processes.start('backup', {
          faults: plan(world, [
            ...requestFaults,
            ...uploadFaults,
            ...uploadFaults,
            ...sourceFaults,
            ...sourceFaults,
            'source EACCES',
            'file changes',
            'file changes',
            'file changes',
            'file vanishes',
            'file vanishes',
            'file vanishes',
            ...directoryFaults,
            ...directoryFaults,
            'entry moves',
            'entry moves',
            'cache EIO',
            'cache EIO',
            'cache full',
            'internal error',
            'source EIO',
            'expired credentials',
            ...Array<FaultKind>(3).fill('sleep at the commit'),
            ...Array<FaultKind>(13).fill('directory becomes a link'),
          ]),
        }),
      ),
  },
  'crash in a backup': { weight: 12, run: crashBackup },
  'two writers': { weight: 4, run: twoWriters },
  'reader with a writer': { weight: 4, run: readerWithWriter },
  'restore with faults': {
    weight: 34,
    run: (world: World) =>
      restoreTwice(world, {
        faults: plan(world, [
          ...requestFaults.slice(1),
          'expired credentials',
          ...readFaults,
          ...readFaults,
          'torn body',
          'torn body',
          ...targetFaults,
          ...targetFaults,
          ...targetFaults,
          ...targetFaults,
          'target EIO',
          'sync ENOSPC',
          'sync EIO',
          'sync EIO',
        ]),
      }),
  },
  'interrupted restore': {
    weight: 8,
    run: (world: World) =>
      restoreTwice(world, {
        crash: planCrash(world, 'restore', [
          'crash at a request',
          'crash after a request',
          'crash in a file system call',
        ]),
      }),
  },
  'restore of one path': { weight: 4, run: restorePath },
  'restore at a point in time': { weight: 5, run: restoreAt },
  'verify with faults': { weight: 7, run: verifyWithFaults },
  custodian: { weight: 5, run: runCustodian },
  'silent source': { weight: 4, run: staySilent },
  expire: { weight: 4, run: expire },
  corrupt: { weight: 5, run: corrupt },
  'make the vault again': { weight: 7, run: makeVaultAgain },
  'lose a pack': { weight: 10, run: losePack },
  'shorten a lock': { weight: 6, run: shortenLock },
  'turn the clock': { weight: 6, run: turnClock },
  attack: { weight: 6, run: attack },
  'lose the cache': { weight: 3, run: loseCache },
  'spoil the cache': { weight: 3, run: corruptCache },
} satisfies Record<string, { weight: number; run: (world: World) => Promise<void> | void }>

export type OperationName = keyof typeof operations
export const operationNames = Object.keys(operations) as OperationName[]
export const weights = Object.fromEntries(
  operationNames.map((name) => [name, operations[name].weight]),
) as Record<OperationName, number>

/** The usual number of events that a fault can hit in one operation; the plan draws the hit among them. */
const usualEvents: Partial<Record<FaultKind, number>> = {
  'cache EIO': 25,
  'cache full': 3,
  'sync ENOSPC': 2,
  'sync EIO': 2,
  'file changes': 2,
  'file vanishes': 2,
  'directory becomes a link': 2,
  'entry moves': 2,
  'key taken': 3,
  'lost reply': 4,
  'sleep at the commit': 1,
  'other range': 3,
  'target ENOSPC': 12,
  'target EDQUOT': 12,
  'target EIO': 12,
  'target EACCES': 5,
}

/**
 * One or two kinds of faults. A change of a file comes alone, because a second fault could make the engine read the
 * file twice.
 */
function plan({ random }: World, kinds: readonly FaultKind[]): PlannedFault[] {
  const first = random.pick(kinds)
  const chosen =
    changesSource(first) || random.chance(0.6)
      ? [first]
      : [first, random.pick(kinds)].filter((kind) => !changesSource(kind))
  return chosen.map((kind) => ({
    kind,
    at: 1 + random.below(usualEvents[kind] ?? (random.chance(0.6) ? 2 : 8)),
    times: random.chance(0.6) ? 1 : 1 + random.below(10),
  }))
}

function changesSource(kind: FaultKind): boolean {
  return kind.startsWith('file ') || directoryFaults.includes(kind)
}

function planCrash({ random, processes }: World, name: string, points: readonly CrashPoint[]): PlannedCrash {
  const point = random.pick(points)
  return { point, at: 1 + random.below(Math.max(4, processes.usualSteps.get(name)?.get(point) ?? 0)) }
}

/** The faults must explain the failure. No failure at all and a wrong reason are both worse. */
function judge(process: HostProcess, outcome: Outcome<unknown>): void {
  if (outcome === 'crashed' || 'result' in outcome) return
  const codes = [...process.fired].flatMap((kind) => failsWith[kind] ?? [])
  if (!isHoldfastError(outcome.error, ...codes) || codes.length === 0) {
    throw new Violation(
      `${process.name} failed after ${[...process.fired].join(', ') || 'no fault at all'}: ${String(outcome.error instanceof Error ? outcome.error.stack : outcome.error)}`,
    )
  }
}

function mutateSource(world: World): void {
  const changes: string[] = []
  for (let count = 1 + world.random.below(4); count > 0; count--) {
    const change = mutate(world.tree, world.random)
    if (change !== null) changes.push(change)
    // Often two changes fall into one tick of the kernel's clock.
    if (world.random.chance(0.4)) world.clock.pass(world.random.below(3000))
  }
  world.log.push(changes.join(', '))
}

async function backUp(world: World, process: HostProcess, host = hostOf(world)): Promise<void> {
  if (world.random.chance(0.8)) mutateSource(world)
  const outcome = await world.backup(host, process)
  judge(process, outcome)
  world.log.push(
    `${describe(process)}: ${outcome === 'crashed' ? 'crashed' : 'error' in outcome ? String(outcome.error) : outcome.result.snapshot!.id}`,
  )
}

function hostOf(world: World): Host {
  return world.hosts[world.random.chance(0.85) ? 0 : 1]!
}

function describe(process: HostProcess): string {
  return `${process.name}${process.fired.size === 0 ? '' : ` (${[...process.fired].join(', ')})`}${process.crashed ? ' (ended)' : ''}`
}

/** A backup that crashes; in half of the cases the host starts it again. */
async function crashBackup(world: World): Promise<void> {
  const host = hostOf(world)
  await backUp(
    world,
    world.processes.start('backup', { crash: planCrash(world, 'backup', crashPoints) }),
    host,
  )
  if (world.random.chance(0.5)) await backUp(world, world.processes.start('backup'), host)
}

/**
 * Two hosts with a cache each, or one host twice. On one host the second writer must report a conflict if the first
 * still runs.
 */
async function twoWriters(world: World): Promise<void> {
  const isOneHost = world.random.chance(0.3)
  const [first, second] = world.hosts as [Host, Host]
  const processes = [world.processes.start('first writer'), world.processes.start('second writer')] as const
  const outcomes = await Promise.all([
    world.backup(first, processes[0]),
    world.backup(isOneHost ? first : second, processes[1]),
  ])
  const conflicts = outcomes.filter(
    (outcome) => outcome !== 'crashed' && 'error' in outcome && isHoldfastError(outcome.error, 'conflict'),
  )
  if (
    conflicts.length > (isOneHost ? 1 : 0) ||
    outcomes.filter((outcome) => outcome !== 'crashed' && 'result' in outcome).length !== 2 - conflicts.length
  ) {
    throw new Violation(
      `two writers on ${isOneHost ? 'one host' : 'two hosts'} ended with ${outcomes.map((outcome) => (outcome === 'crashed' ? outcome : 'error' in outcome ? String(outcome.error) : 'a snapshot')).join(' and ')}`,
    )
  }
  world.log.push(isOneHost ? 'on one host' : 'on two hosts')
}

function choose(world: World): Committed | undefined {
  const whole = world.snapshots.list.filter(
    (snapshot) => world.snapshots.isGuaranteed(snapshot) && !world.snapshots.isCorrupt(snapshot),
  )
  return whole.length === 0 ? undefined : world.random.pick(whole)
}

async function readerWithWriter(world: World): Promise<void> {
  const snapshot = choose(world)
  const [reader, writer] = [world.processes.start('reader'), world.processes.start('writer')]
  const target = world.newTarget()
  const [read, written] = await Promise.all([
    snapshot === undefined ? null : world.restore(reader, (store) => load(store, snapshot.id), target),
    world.backup(world.hosts[0]!, writer),
  ])
  judge(writer, written)
  if (snapshot === undefined || read === null) return
  judge(reader, read)
  if (read !== 'crashed' && 'result' in read) assertRestored(snapshot, target)
}

async function load(store: Parameters<typeof listSnapshots>[0], id: string): ReturnType<typeof loadSnapshot> {
  const refs = await listSnapshots(store, sourceName)
  const ref = [...refs].find((candidate) => candidate.id === id && candidate.flags.length === 0)
  if (ref === undefined) throw new Violation(`${id} is not listed`)
  return loadSnapshot(store, ref)
}

/**
 * A restore with faults or a crash; after a failure a second one into the same target without them, which must succeed.
 */
async function restoreTwice(world: World, trouble: Plan): Promise<void> {
  const snapshot = choose(world)
  if (snapshot === undefined) return
  const target = world.newTarget()
  const process = world.processes.start('restore', trouble)
  const outcome = await world.restore(process, (store) => load(store, snapshot.id), target)
  judge(process, outcome)
  world.log.push(
    `${describe(process)} of ${snapshot.id}: ${outcome === 'crashed' ? 'crashed' : 'error' in outcome ? String(outcome.error) : `${outcome.result.damaged.length} damaged`}`,
  )
  if (outcome !== 'crashed' && 'result' in outcome) {
    const named = namedBy(outcome.result, process)
    const mayCorrupt = readFaults.some((kind) => process.fired.has(kind))
    if (named.length > 0 && !mayCorrupt)
      throw new Violation(`a restore names ${JSON.stringify(named)}, and no response was corrupt`)
    return assertRestored(snapshot, target, named)
  }
  const again = world.processes.start('resumed restore')
  const resumed = await world.restore(again, (store) => load(store, snapshot.id), target)
  // The first restore ended between its last two calls: it is complete, and its marker in the target is already
  // removed.
  const isOver =
    process.crashed && resumed !== 'crashed' && 'error' in resumed && isHoldfastError(resumed.error, 'target')
  if (isOver) return assertRestored(snapshot, target, [], true)
  if (resumed === 'crashed' || 'error' in resumed)
    throw new Violation(`a resumed restore failed: ${resumed === 'crashed' ? '' : String(resumed.error)}`)
  // The second restore names again the paths that corrupt responses cost the first one; the snapshot itself is intact.
  const named = namedBy(resumed.result, again)
  if (named.length > 0 && !readFaults.some((kind) => process.fired.has(kind)))
    throw new Violation(`a resumed restore names ${JSON.stringify(named)}`)
  assertRestored(snapshot, target, named)
}

/** Paths that a restore reports as different. A failed last fsync is reported for the root, and costs nothing here. */
function namedBy({ damaged, problems }: RestoreResult, process: HostProcess): string[] {
  const attributable = problems.filter(
    ({ path, detail }) =>
      !(path.length === 0 && process.fired.has('target EIO') && detail.startsWith('its times may not')),
  )
  return [...damaged, ...attributable].map(({ path }) => path.toString('latin1'))
}

async function restorePath(world: World): Promise<void> {
  const snapshot = choose(world)
  const paths =
    snapshot === undefined
      ? []
      : [...snapshot.expected.keys()].filter(
          (path) =>
            path !== '' &&
            !snapshot.changed.has(path) &&
            !snapshot.moved.has(path) &&
            !snapshot.excused.some((excused) => isWithin(path, excused)),
        )
  if (snapshot === undefined || paths.length === 0) return
  const path = world.random.pick(paths)
  const target = world.newTarget()
  const process = world.processes.start('restore of one path')
  const outcome = await world.restore(process, (store) => load(store, snapshot.id), target, [path])
  judge(process, outcome)
  // The restore also makes the folders above the path.
  const selected = new Map([...snapshot.expected].filter(([candidate]) => isWithin(candidate, path)))
  const moved = new Set([...snapshot.moved].flatMap(([from, names]) => [from, ...names]))
  const wrong = differences(selected, readTree(target))
    .filter((difference) => !isWithin(path, difference.path) || difference.path === path)
    .filter(
      (difference) =>
        !snapshot.changed.has(difference.path) &&
        !moved.has(difference.path) &&
        !snapshot.excused.some((excused) => isWithin(difference.path, excused)),
    )
  fs.rmSync(target, { recursive: true, force: true })
  if (wrong.length > 0)
    throw new Violation(`${JSON.stringify(path)} of ${snapshot.id} came back with ${JSON.stringify(wrong)}`)
}

async function restoreAt(world: World): Promise<void> {
  const { snapshots, random } = world
  const committed = snapshots.list
  if (committed.length === 0) return
  const picked = random.pick(committed)
  const isReported = picked.reportedMs !== null && random.chance(0.4)
  const timeMs = isReported ? picked.reportedMs! : picked.timeMs + random.pick([-1000, 0, 0, 1000, 3_600_000])
  const expected = newestOf(world, timeMs)
  if (isReported) assertNamed(world, picked, expected)
  const process = world.processes.start('restore at a point in time')
  const outcome = await world.processes.run(process, async () => {
    const store = world.processes.connect(process)
    const { snapshot } = await selectSnapshot(store, await listSnapshots(store, sourceName), timeMs)
    return snapshot.id
  })
  const chosen =
    outcome === 'crashed'
      ? outcome
      : 'result' in outcome
        ? outcome.result
        : isHoldfastError(outcome.error)
          ? outcome.error.code
          : 'an error'
  if (chosen !== expected && !isCopy(world, chosen))
    throw new Violation(
      `at ${new Date(timeMs).toISOString()} the newest snapshot was ${expected}, and the engine selected ${chosen}`,
    )
  const snapshot = committed.find(({ id }) => id === chosen)
  if (
    snapshot === undefined ||
    !world.snapshots.isGuaranteed(snapshot) ||
    world.snapshots.isCorrupt(snapshot)
  )
    return
  const target = world.newTarget()
  const restored = await world.restore(
    world.processes.start('restore'),
    (store) => load(store, snapshot.id),
    target,
  )
  if (restored === 'crashed' || 'error' in restored) throw new Violation(`${chosen} doesn't restore`)
  assertRestored(snapshot, target)
}

/**
 * A reported time names its snapshot, unless another writer, or a request without a reply, committed in the
 * same second.
 */
function assertNamed({ snapshots, vault }: World, picked: Committed, expected: string): void {
  const isReadable = vault.find(picked)?.turnedOffsets.length === 0
  const rivals = snapshots.list.filter(
    ({ id, timeMs }) =>
      id !== picked.id && Math.floor(timeMs / 1000) === Math.floor(picked.reportedMs! / 1000),
  )
  if (isReadable && rivals.length === 0 && expected !== picked.id)
    throw new Violation(`the reported time of ${picked.id} names ${expected}`)
}

/** Verify may fail, and may report a corrupt response as damage. Verify never reports a damaged snapshot as intact. */
async function verifyWithFaults(world: World): Promise<void> {
  const guaranteed = world.snapshots.list.filter((snapshot) => world.snapshots.isGuaranteed(snapshot))
  if (guaranteed.length === 0) return
  const snapshot = world.random.pick(guaranteed)
  const process = world.processes.start('verify', {
    faults: plan(world, [
      ...requestFaults,
      'broken listing',
      'broken listing',
      'broken listing',
      'broken listing',
      'broken listing',
      'broken listing',
    ]).map((fault) => (fault.kind === 'broken listing' ? { ...fault, at: 1 } : fault)),
  })
  const outcome = await world.processes.run(process, async () => {
    const store = world.processes.connect(process)
    return verify({
      store,
      clock: world.clock,
      random: world.random.next,
      snapshot: await load(store, snapshot.id),
      readData: true,
    })
  })
  const isCorrupt = world.snapshots.isCorrupt(snapshot)
  if (!isCorrupt) judge(process, outcome)
  if (outcome === 'crashed' || 'error' in outcome) return
  const { objects } = outcome.result
  if (isCorrupt && objects.length === 0)
    throw new Violation(`${snapshot.id} is damaged, and verify reports no damage`)
  if (!isCorrupt && objects.length > 0 && !readFaults.some((kind) => process.fired.has(kind)))
    throw new Violation(`${snapshot.id} is intact, and verify reports ${JSON.stringify(objects)}`)
}

/** With a crash, with faults, or with neither. */
async function runCustodian(world: World): Promise<void> {
  const kind = world.random.below(3)
  const trouble: Plan =
    kind === 0
      ? { crash: planCrash(world, 'custodian', ['crash at a request', 'crash after a request']) }
      : kind === 1
        ? { faults: plan(world, [...requestFaults, 'flipped body', 'torn body']) }
        : {}
  await keepVault(world, trouble, judge)
}

function turnClock(world: World): void {
  const { random, clock, vault } = world
  // Just before the end of a pack's reuse, because the time of the commit decides, not the time of the lookup.
  const ends = vault
    .versions()
    .map(({ lockedUntilMs }) => lockedUntilMs - promiseDays * dayMs)
    .filter((endMs) => endMs > clock.serverMs)
  if (ends.length > 0 && random.chance(0.4))
    clock.pass(Math.max(0, random.pick(ends) - random.below(10 * 60_000) - clock.serverMs))
  else if (random.chance(0.6)) clock.hostOffsetMs = Math.round((random.next() * 2 - 1) * 24 * 3_600_000)
  else clock.pass(random.below(11 * 24 * 3_600_000))
  world.log.push(
    `the host is ${Math.round(clock.hostOffsetMs / 60_000)} minutes ahead of ${new Date(clock.serverMs).toISOString()}`,
  )
}

/** Rules leave out entries. The backups before and after it have them. */
async function backUpByRules(world: World): Promise<void> {
  const exclusions = drawExclusions(world.tree, world.random)
  const process = world.processes.start('backup with rules')
  judge(process, await world.backup(hostOf(world), process, { exclusions }))
  world.log.push(exclusions.map(({ pattern }) => pattern).join(' '))
}

/** Both hosts keep their caches, which name packs that no vault has. */
async function makeVaultAgain(world: World): Promise<void> {
  world.tally.count('fault', 'vault made again')
  world.vault.makeAgain()
  world.snapshots.list = []
  for (const host of world.hosts) {
    host.chain = []
    host.mayBeginAnew = true
  }
  const process = world.random.chance(0.5)
    ? world.processes.start('backup')
    : world.processes.start('backup', { crash: planCrash(world, 'backup', crashPoints) })
  await backUp(world, process)
}

/**
 * The store loses a pack of a host's last snapshot. Verify names it, and the backup that is told makes a
 * whole snapshot.
 */
async function losePack(world: World): Promise<void> {
  const host = hostOf(world)
  const last = lastWhole(world, host)
  if (last === undefined) return
  const lost = world.random.pick(last.manifest.packs)
  world.vault.lose(lost)
  world.snapshots.failByStore(lost)
  world.tally.count('fault', 'lost pack')
  const verified = await verifyLast(world, last)
  if (!namesPack(verified, lost.key)) throw new Violation(`verify does not name the lost pack ${lost.key}`)
  const process = world.processes.start('backup after a loss')
  const outcome = await world.backup(host, process, { uploadAgain: [lost.sha256] })
  judge(process, outcome)
  world.log.push(lost.key)
}

/**
 * A lock of a host's last snapshot ends too early. Verify names it, and reports no damage. The backup that is told
 * makes a snapshot with whole locks.
 */
async function shortenLock(world: World): Promise<void> {
  const { random, clock } = world
  const host = hostOf(world)
  const last = lastWhole(world, host)
  if (last === undefined) return
  const object = random.pick(objectsOf(last))
  const endMs = last.timeMs + promiseDays * dayMs
  world.vault.shortenLock(object, Math.min(clock.serverMs + random.below(20 * dayMs) - dayMs, endMs - 1000))
  world.snapshots.failByStore(object)
  world.tally.count('fault', 'short lock')
  const verified = await verifyLast(world, last)
  if (!findsOnlyShortLock(verified, object.key))
    throw new Violation(`verify after a short lock of ${object.key}: ${JSON.stringify(verified)}`)
  const packs = last.manifest.packs.filter(({ versionId }) => versionId === object.versionId)
  const process = world.processes.start('backup after a short lock')
  judge(process, await world.backup(host, process, { uploadAgain: packs.map(({ sha256 }) => sha256) }))
  world.log.push(object.key)
}

/** The last snapshot of a host whose cache knows it, if nothing is wrong with it. */
function lastWhole({ snapshots }: World, host: Host): Committed | undefined {
  const last = host.chain.at(-1)
  if (last === undefined || host.mayBeginAnew) return undefined
  return snapshots.isGuaranteed(last) && !snapshots.isCorrupt(last) ? last : undefined
}

function verifyLast(world: World, { id }: Committed): Promise<Outcome<VerifyResult>> {
  const process = world.processes.start('verify after a fault of the store')
  return world.processes.run(process, async () => {
    const store = world.processes.connect(process)
    const snapshot = await load(store, id)
    return verify({ store, clock: world.clock, random: world.random.next, snapshot, readData: false })
  })
}

function findsOnlyShortLock(outcome: Outcome<VerifyResult>, key: string): boolean {
  if (outcome === 'crashed' || 'error' in outcome) return false
  const { objects, files } = outcome.result
  const isShortLock = ({ kind }: (typeof objects)[number]): boolean =>
    kind === 'short-lock' || kind === 'expired'
  return files.length === 0 && objects.length === 1 && objects[0]!.key === key && isShortLock(objects[0]!)
}

function namesPack(outcome: Outcome<VerifyResult>, key: string): boolean {
  if (outcome === 'crashed') return false
  if ('result' in outcome) return outcome.result.objects.some((object) => object.key === key)
  return isHoldfastError(outcome.error, 'damaged') && (outcome.error.hint ?? '').includes(key)
}

function loseCache(world: World): void {
  const host = hostOf(world)
  fs.rmSync(host.cacheDirectory, { recursive: true, force: true })
  host.mayBeginAnew = true
}

/** One byte of the cache's database turns. */
function corruptCache(world: World): void {
  const host = world.hosts[0]!
  const name = fs.existsSync(host.cacheDirectory)
    ? fs.readdirSync(host.cacheDirectory).find((entry) => entry.endsWith('.sqlite'))
    : undefined
  if (name === undefined) return
  const file = `${host.cacheDirectory}/${name}`
  const bytes = fs.readFileSync(file)
  if (bytes.length === 0) return
  bytes[world.random.below(bytes.length)]! ^= 1 << world.random.below(8)
  fs.writeFileSync(file, bytes)
  host.mayBeginAnew = true
}
