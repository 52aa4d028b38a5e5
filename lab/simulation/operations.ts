// What can happen in a simulated world, and how often. Each operation leaves the record of its world true, or throws.
import * as fs from 'node:fs'
import { isHoldfastError } from '../../core/errors.ts'
import type { ErrorCode } from '../../core/errors.ts'
import { listSnapshots, loadSnapshot, selectSnapshot } from '../../core/snapshot/snapshot.ts'
import type { RestoreResult } from '../../engine/operations.ts'
import { verify } from '../../engine/verify.ts'
import { attack, expire, spoil } from './attacks.ts'
import { differences } from './comparison.ts'
import { crashPlaces } from './host-process.ts'
import type { CrashPlace, FaultKind, HostProcess, Plan, PlannedCrash, PlannedFault } from './host-process.ts'
import { assertRestored, isCopy, newestOf } from './invariants.ts'
import { mutate } from './mutations.ts'
import { isWithin } from './source-tree.ts'
import { Violation, dayMs, promiseDays, sourceName } from './world.ts'
import type { Committed, Host, Outcome, World } from './world.ts'

const requestFaults: FaultKind[] = [
  'internal error',
  'slow down',
  'too many requests',
  'connection reset',
  'slow answer',
  'expired credentials',
]
const uploadFaults: FaultKind[] = ['lost reply', 'key taken']
const readFaults: FaultKind[] = ['flipped body', 'other range', 'torn body']
const sourceFaults: FaultKind[] = [
  'source EIO',
  'source EACCES',
  'file changes',
  'file vanishes',
  'cache EIO',
  'cache full',
]
const targetFaults: FaultKind[] = [
  'target ENOSPC',
  'target EDQUOT',
  'target EIO',
  'target EACCES',
  'sync ENOSPC',
  'sync EIO',
]

/** What an operation may fail with after such a fault. Those not named here can't fail anything on their own. */
const failsWith: Partial<Record<FaultKind, ErrorCode[]>> = {
  'internal error': ['unreachable'],
  'connection reset': ['unreachable'],
  'slow down': ['throttled'],
  'too many requests': ['throttled'],
  'expired credentials': ['credentials'],
  'lost reply': ['unreachable'],
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
  backup: { weight: 9, run: (world: World) => backUp(world, world.startProcess('backup')) },
  'backup with faults': {
    weight: 28,
    run: (world: World) =>
      backUp(
        world,
        world.startProcess('backup', {
          faults: plan(world, [
            ...requestFaults,
            ...uploadFaults,
            ...uploadFaults,
            ...sourceFaults,
            ...sourceFaults,
            'source EACCES',
            'file changes',
            'file vanishes',
            'file vanishes',
          ]),
        }),
      ),
  },
  'crash in a backup': { weight: 12, run: crashBackup },
  'two writers': { weight: 4, run: twoWriters },
  'reader with a writer': { weight: 4, run: readerWithWriter },
  'restore with faults': {
    weight: 30,
    run: (world: World) =>
      restoreTwice(world, {
        faults: plan(world, [
          ...requestFaults.slice(1),
          ...readFaults,
          ...readFaults,
          'torn body',
          'torn body',
          ...targetFaults,
          ...targetFaults,
          ...targetFaults,
          ...targetFaults,
        ]),
      }),
  },
  'interrupted restore': {
    weight: 8,
    run: (world: World) =>
      restoreTwice(world, {
        crash: placeToCrash(world, 'restore', [
          'crash at a request',
          'crash after a request',
          'crash in a file system call',
        ]),
      }),
  },
  'restore of one path': { weight: 4, run: restorePath },
  'restore at a point in time': { weight: 5, run: restoreAt },
  'verify with faults': { weight: 7, run: verifyWithFaults },
  expire: { weight: 4, run: expire },
  corrupt: { weight: 5, run: spoil },
  'turn the clock': { weight: 6, run: turnClock },
  attack: { weight: 6, run: attack },
  'lose the cache': { weight: 3, run: loseCache },
  'spoil the cache': { weight: 3, run: spoilCache },
} satisfies Record<string, { weight: number; run: (world: World) => Promise<void> | void }>

export type OperationName = keyof typeof operations
export const operationNames = Object.keys(operations) as OperationName[]
export const weights = Object.fromEntries(
  operationNames.map((name) => [name, operations[name].weight]),
) as Record<OperationName, number>

/** Of faults that can happen to many events of an operation, or to few, how many they are. */
const usualEvents: Partial<Record<FaultKind, number>> = {
  'cache EIO': 25,
  'cache full': 3,
  'sync ENOSPC': 2,
  'sync EIO': 2,
  'file changes': 2,
  'file vanishes': 2,
  'key taken': 3,
  'lost reply': 4,
  'other range': 3,
  'target ENOSPC': 12,
  'target EDQUOT': 12,
  'target EIO': 12,
  'target EACCES': 5,
}

/** One or two kinds of faults. Changes of files come alone: what a second pass would see of them is another story. */
function plan({ random }: World, kinds: readonly FaultKind[]): PlannedFault[] {
  const first = random.pick(kinds)
  const chosen =
    first === 'file changes' || first === 'file vanishes' || random.chance(0.6)
      ? [first]
      : [first, random.pick(kinds)].filter((kind) => !kind.startsWith('file '))
  return chosen.map((kind) => ({
    kind,
    at: 1 + random.below(usualEvents[kind] ?? (random.chance(0.6) ? 2 : 8)),
    times: random.chance(0.6) ? 1 : 1 + random.below(10),
  }))
}

function placeToCrash(
  { random, usualSteps }: World,
  name: string,
  places: readonly CrashPlace[],
): PlannedCrash {
  const place = random.pick(places)
  return { place, at: 1 + random.below(Math.max(4, usualSteps.get(name)?.get(place) ?? 0)) }
}

/** A failure must be one that the faults explain: silence and the wrong reason are both worse than failing. */
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
  const done: string[] = []
  for (let count = 1 + world.random.below(4); count > 0; count--) {
    const change = mutate(world.tree, world.random)
    if (change !== null) done.push(change)
    // Often within one tick of the kernel's clock.
    if (world.random.chance(0.4)) world.clock.pass(world.random.below(3000))
  }
  world.log.push(done.join(', '))
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

/** Then again, as whoever restarts it would. */
async function crashBackup(world: World): Promise<void> {
  const host = hostOf(world)
  await backUp(
    world,
    world.startProcess('backup', { crash: placeToCrash(world, 'backup', crashPlaces) }),
    host,
  )
  if (world.random.chance(0.5)) await backUp(world, world.startProcess('backup'), host)
}

/** Two hosts with a cache each, or one host twice: then one of them must say that the other runs, unless it has ended by then. */
async function twoWriters(world: World): Promise<void> {
  const isOneHost = world.random.chance(0.3)
  const [first, second] = world.hosts as [Host, Host]
  const processes = [world.startProcess('first writer'), world.startProcess('second writer')] as const
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
  const whole = world.committed.filter((snapshot) => world.isPromised(snapshot) && !world.isSpoiled(snapshot))
  return whole.length === 0 ? undefined : world.random.pick(whole)
}

async function readerWithWriter(world: World): Promise<void> {
  const snapshot = choose(world)
  const [reader, writer] = [world.startProcess('reader'), world.startProcess('writer')]
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
  const ref = refs.find((other) => other.id === id && other.flags.length === 0)
  if (ref === undefined) throw new Violation(`${id} is not listed`)
  return loadSnapshot(store, ref)
}

/** Once with whatever happens to it, then again into the same target without any of it: that must end well. */
async function restoreTwice(world: World, trouble: Plan): Promise<void> {
  const snapshot = choose(world)
  if (snapshot === undefined) return
  const target = world.newTarget()
  const process = world.startProcess('restore', trouble)
  const outcome = await world.restore(process, (store) => load(store, snapshot.id), target)
  judge(process, outcome)
  world.log.push(
    `${describe(process)} of ${snapshot.id}: ${outcome === 'crashed' ? 'crashed' : 'error' in outcome ? String(outcome.error) : `${outcome.result.damaged.length} damaged`}`,
  )
  if (outcome !== 'crashed' && 'result' in outcome) {
    const named = namedBy(outcome.result, process)
    const maySpoil = readFaults.some((kind) => process.fired.has(kind))
    if (named.length > 0 && !maySpoil)
      throw new Violation(`a restore names ${JSON.stringify(named)}, and nothing was spoiled on the way`)
    return assertRestored(snapshot, target, named)
  }
  const again = world.startProcess('resumed restore')
  const resumed = await world.restore(again, (store) => load(store, snapshot.id), target)
  // It ended between its very last two calls: nothing is left to do, and nobody can tell any more that it was ours.
  const isOver =
    process.crashed && resumed !== 'crashed' && 'error' in resumed && isHoldfastError(resumed.error, 'target')
  if (isOver) return assertRestored(snapshot, target, [], true)
  if (resumed === 'crashed' || 'error' in resumed)
    throw new Violation(
      `an interrupted restore doesn't go on: ${resumed === 'crashed' ? '' : String(resumed.error)}`,
    )
  // What bytes that were spoiled on the way had cost is said again; it is named, and the snapshot itself is whole.
  const named = namedBy(resumed.result, again)
  if (named.length > 0 && !readFaults.some((kind) => process.fired.has(kind)))
    throw new Violation(`a resumed restore names ${JSON.stringify(named)}`)
  assertRestored(snapshot, target, named)
}

/** Paths that a restore says are not as they were. That the last fsync failed is said of the root, and costs it nothing here. */
function namedBy({ damaged, problems }: RestoreResult, process: HostProcess): string[] {
  const own = problems.filter(
    ({ path, detail }) =>
      !(path.length === 0 && process.fired.has('target EIO') && detail.startsWith('its times may not')),
  )
  return [...damaged, ...own].map(({ path }) => path.toString('latin1'))
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
            !snapshot.excused.some((excused) => isWithin(path, excused)),
        )
  if (snapshot === undefined || paths.length === 0) return
  const path = world.random.pick(paths)
  const target = world.newTarget()
  const process = world.startProcess('restore of one path')
  const outcome = await world.restore(process, (store) => load(store, snapshot.id), target, [path])
  judge(process, outcome)
  // The folders above it are there to hold it.
  const selected = new Map([...snapshot.expected].filter(([other]) => isWithin(other, path)))
  const wrong = differences(selected, target)
    .filter((difference) => !isWithin(path, difference.path) || difference.path === path)
    .filter(
      (difference) =>
        ![...snapshot.excused, ...snapshot.changed.keys()].some((other) => isWithin(difference.path, other)),
    )
  fs.rmSync(target, { recursive: true, force: true })
  if (wrong.length > 0)
    throw new Violation(`${JSON.stringify(path)} of ${snapshot.id} came back with ${JSON.stringify(wrong)}`)
}

async function restoreAt(world: World): Promise<void> {
  const { committed, random } = world
  if (committed.length === 0) return
  const timeMs = random.pick(committed).timeMs + random.pick([-1000, 0, 0, 1000, 3_600_000])
  const expected = newestOf(world, timeMs)
  const process = world.startProcess('restore at a point in time')
  const outcome = await world.run(process, async () => {
    const store = world.connect(process)
    const { snapshot } = await selectSnapshot(store, await listSnapshots(store, sourceName), timeMs)
    return snapshot.id
  })
  const found =
    outcome === 'crashed'
      ? outcome
      : 'result' in outcome
        ? outcome.result
        : isHoldfastError(outcome.error)
          ? outcome.error.code
          : 'an error'
  if (found !== expected && !isCopy(world, found))
    throw new Violation(
      `at ${new Date(timeMs).toISOString()} the newest snapshot was ${expected}, and ${found} was chosen`,
    )
  const snapshot = committed.find(({ id }) => id === found)
  if (snapshot === undefined || !world.isPromised(snapshot) || world.isSpoiled(snapshot)) return
  const target = world.newTarget()
  const restored = await world.restore(
    world.startProcess('restore'),
    (store) => load(store, snapshot.id),
    target,
  )
  if (restored === 'crashed' || 'error' in restored) throw new Violation(`${found} doesn't restore`)
  assertRestored(snapshot, target)
}

/** May fail, and may call what is spoiled on the way damaged; never calls what is damaged whole. */
async function verifyWithFaults(world: World): Promise<void> {
  const promised = world.committed.filter((snapshot) => world.isPromised(snapshot))
  if (promised.length === 0) return
  const snapshot = world.random.pick(promised)
  const process = world.startProcess('verify', {
    faults: plan(world, [
      ...requestFaults,
      ...readFaults,
      'broken listing',
      'broken listing',
      'broken listing',
      'broken listing',
    ]).map((fault) => (fault.kind === 'broken listing' ? { ...fault, at: 1 } : fault)),
  })
  const outcome = await world.run(process, async () => {
    const store = world.connect(process)
    return verify({
      store,
      clock: world.clock,
      random: world.random.next,
      snapshot: await load(store, snapshot.id),
      readData: true,
    })
  })
  const isSpoiled = world.isSpoiled(snapshot)
  if (!isSpoiled) judge(process, outcome)
  if (outcome === 'crashed' || 'error' in outcome) return
  const { objects } = outcome.result
  if (isSpoiled && objects.length === 0)
    throw new Violation(`${snapshot.id} is damaged, and verify calls it whole`)
  if (!isSpoiled && objects.length > 0 && !readFaults.some((kind) => process.fired.has(kind)))
    throw new Violation(`${snapshot.id} is whole, and verify says ${JSON.stringify(objects)}`)
}

function turnClock(world: World): void {
  const { random, clock, vault } = world
  // To when a pack may hardly be used again: what counts then is the time of the commit.
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

function loseCache(world: World): void {
  const host = hostOf(world)
  fs.rmSync(host.cacheDirectory, { recursive: true, force: true })
  host.mayBeginAnew = true
}

/** One byte of the cache's database turns. */
function spoilCache(world: World): void {
  const host = world.hosts[0]!
  const name = fs.existsSync(host.cacheDirectory)
    ? fs.readdirSync(host.cacheDirectory).find((other) => other.endsWith('.sqlite'))
    : undefined
  if (name === undefined) return
  const file = `${host.cacheDirectory}/${name}`
  const bytes = fs.readFileSync(file)
  if (bytes.length === 0) return
  bytes[world.random.below(bytes.length)]! ^= 1 << world.random.below(8)
  fs.writeFileSync(file, bytes)
  host.mayBeginAnew = true
}
