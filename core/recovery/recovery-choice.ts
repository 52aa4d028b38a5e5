// Chooses the base backup and the WAL for a recovery, and proves that they reach the target before a file is written.
//
//   for each base, the newest first, that ends at or before the target:
//     for each timeline that the base leads to: follow the WAL from the base on
//       a time T is reached by a commit or an abort past T, because PostgreSQL stops there; or by a statement of the
//       stream that no WAL followed up to T. PostgreSQL fails without either, after hours of replay.
//   several timelines that reach T in different states: the user must name one
//
// The content of the WAL is not proved here: a restore checks every byte of it before PostgreSQL starts.
import { HoldfastError } from '../errors.ts'
import { listText } from '../list-text.ts'
import { readInOrder } from '../ordered-reads.ts'
import type { BaseBackup } from '../snapshot/base-backup.ts'
import type { SnapshotRef } from '../snapshot/snapshot-list.ts'
import { lsnText, parseLsnHex } from '../wal/lsn.ts'
import type { WalPartRef } from '../wal/wal-list.ts'
import type { TransactionEnd, WalPart } from '../wal/wal-part.ts'
import type { ClusterWal } from './cluster-wal.ts'
import { exactTimeText } from './postgres-time.ts'
import { findRecord } from './record-search.ts'
import { targetText } from './recovery-target.ts'
import type { RecordTarget, RecoveryTarget } from './recovery-target.ts'
import { followWal } from './wal-chain.ts'
import type { ChainLink, PathStep } from './wal-chain.ts'

/** The snapshot of a cluster that ran, from which a recovery can begin. */
export interface Base {
  ref: SnapshotRef
  postgres: BaseBackup
}

export interface RecoveryChoice {
  base: Base
  target: RecoveryTarget
  /** The timeline that the recovery follows; always a number, because `latest` may be another history. */
  timeline: number
  path: readonly PathStep[]
  /** The WAL that the recovery needs, in order. */
  links: ChainLink<WalPartRef>[]
  /** The first position that the recovery doesn't get. */
  endLsn: bigint
  /** The last commit or abort in the WAL of the vault that this timeline reaches; null if it has none. */
  last: TransactionEnd | null
  /** Why the target is reached. */
  proof: 'later-transaction' | 'no-later-transaction' | 'position' | 'end'
  /** The WAL that is missing before later WAL of the vault, without a target: the cluster was newer. Else null. */
  gap: string | null
  /** Timelines that have WAL of their own and that the recovery doesn't follow. */
  otherTimelines: number[]
}

export interface RecoveryRequest {
  target: RecoveryTarget
  timeline?: number
}

/** How far the WAL reaches from one base on one timeline. */
interface Reach {
  base: Base
  timeline: number
  path: readonly PathStep[]
  links: ChainLink<WalPartRef>[]
  endLsn: bigint
  endTimeline: number
}

const maxReadsAtOnce = 16
const maxIdleRead = 16
const maxListed = 5

/**
 * @param bases of one source, the newest first; no more are read than the choice needs.
 * @throws `no-recovery-point` with the latest time that can be reached, and the gap; `ambiguous` if the target is
 * reached on several timelines.
 */
export async function chooseRecovery(
  bases: AsyncIterable<Base> | Iterable<Base>,
  clusters: ReadonlyMap<string, ClusterWal>,
  request: RecoveryRequest,
): Promise<RecoveryChoice> {
  const misses: string[] = []
  let late: string | null = null
  let oldest: Base | null = null
  for await (const base of bases) {
    oldest = base
    const cluster = clusters.get(base.postgres.systemId)
    const lateness = endsTooLate(base, request.target)
    if (lateness !== null) late = lateness
    else if (cluster === undefined)
      misses.push(`the vault has no WAL of the cluster of the base ${base.ref.id}`)
    else {
      const choices = await choicesFrom(base, { cluster, request, misses })
      if (choices.length > 0) return oneOf(choices, request)
    }
  }
  // A base that fits and doesn't reach the target says more than a newer one that doesn't fit.
  throw notReached(oldest, request, misses.length === 0 && late !== null ? [late] : misses)
}

function endsTooLate({ ref, postgres }: Base, target: RecoveryTarget): string | null {
  const stopLsn = consistentLsn(postgres)
  if (target.kind === 'lsn' && stopLsn > target.lsn) return endsTooLateText({ ref, postgres })
  if (target.kind === 'time' && BigInt(postgres.stopTime) > target.timeUs)
    return `the base ${ref.id} ends at ${exactTimeText(BigInt(postgres.stopTime))}, after the target`
  return null
}

function endsTooLateText({ ref, postgres }: Base): string {
  return `the base ${ref.id} ends at ${lsnText(consistentLsn(postgres))}, after the target`
}

/** The files of the base are one state only from here on. */
function consistentLsn({ stopLsn, minRecoveryLsn }: BaseBackup): bigint {
  const stop = parseLsnHex(stopLsn)!
  const minRecovery = minRecoveryLsn === null ? 0n : parseLsnHex(minRecoveryLsn)!
  return stop > minRecovery ? stop : minRecovery
}

interface Search {
  cluster: ClusterWal
  request: RecoveryRequest
  misses: string[]
}

async function choicesFrom(base: Base, { cluster, request, misses }: Search): Promise<RecoveryChoice[]> {
  const { timeline } = base.postgres
  const stopLsn = consistentLsn(base.postgres)
  const timelines = cluster
    .timelinesFrom(timeline, stopLsn)
    .filter((candidate) => request.timeline === undefined || request.timeline === candidate)
  if (timelines.length === 0)
    misses.push(`timeline ${request.timeline} doesn't follow from the base ${base.ref.id}`)
  const choices: RecoveryChoice[] = []
  for (const candidate of timelines) {
    const result = await tryTimeline(base, candidate, { cluster, request })
    if (typeof result === 'string') misses.push(result)
    else choices.push(result)
  }
  return choices
}

/** Begins again without a part that can't be used. Each turn gives up at least one part. */
async function tryTimeline(
  base: Base,
  timeline: number,
  { cluster, request }: Pick<Search, 'cluster' | 'request'>,
): Promise<RecoveryChoice | string> {
  for (;;) {
    const unusable = cluster.unusable.size
    const reach = reachOf(base, timeline, cluster)
    const result = await prove(reach, request.target, cluster)
    if (cluster.unusable.size === unusable) return result
  }
}

function reachOf(base: Base, timeline: number, cluster: ClusterWal): Reach {
  const { startLsn, segmentBytes } = base.postgres
  const path = cluster.pathOf(timeline)
  const chain = followWal(
    path,
    { timeline: base.postgres.timeline, lsn: parseLsnHex(startLsn)!, segmentBytes },
    (step) => cluster.partsOf(step),
  )
  return {
    ...{ base, timeline, path },
    links: chain.links,
    endLsn: chain.end,
    endTimeline: chain.timeline,
  }
}

/** A text says why the target is not reached. */
async function prove(
  reach: Reach,
  target: RecoveryTarget,
  cluster: ClusterWal,
): Promise<RecoveryChoice | string> {
  const { base, timeline, path, links, endLsn } = reach
  const parts = links.map(({ part }) => part)
  const next = cluster.partsOf(reach.endTimeline).find(({ start }) => start > endLsn)
  const gap = gapText(reach, next)
  if (endLsn < consistentLsn(base.postgres))
    return `the WAL that the base ${base.ref.id} itself needs is not in the vault: ${gap}`
  // PostgreSQL takes no other timeline for the target's than the one on which it arrives.
  if (reach.endTimeline !== timeline && cluster.partsOf(timeline).length > 0)
    return `the WAL doesn't reach timeline ${timeline}: ${gap}`
  const last = await lastTransaction(parts, cluster)
  const choice = (proof: RecoveryChoice['proof'], linkCount = links.length): RecoveryChoice => ({
    ...{ base, target, timeline, path, last, proof, gap: null },
    links: links.slice(0, linkCount),
    endLsn: links[linkCount - 1]?.end ?? endLsn,
    otherTimelines: cluster.timelines.filter((id) => !path.some((step) => step.timeline === id)),
  })
  if (target.kind === 'end') return { ...choice('end'), gap: next === undefined ? null : gap }
  if (target.kind === 'base') return choice('position', countUntil(links, consistentLsn(base.postgres)))
  if (target.kind === 'lsn')
    return endLsn > target.lsn
      ? choice('position')
      : `timeline ${timeline} ends at ${lsnText(endLsn)}: ${gap}`
  if (target.kind === 'xid' || target.kind === 'name') {
    const end = await endOfRecord(reach, target, cluster)
    return typeof end === 'bigint' ? choice('position', countUntil(links, end)) : `${end}; ${gap}`
  }
  if (last !== null && last.timeUs > target.timeUs)
    return choice('later-transaction', (await firstPast(parts, target.timeUs, cluster)) + 1)
  const idleUs = await idleUntil(reach, cluster)
  if (idleUs !== null && idleUs >= target.timeUs) return choice('no-later-transaction')
  return `${unreachedText(last, idleUs, timeline)}; ${gap}`
}

/** The position behind the record; a text if a recovery from this base doesn't end there. */
async function endOfRecord(
  { base, timeline, links }: Reach,
  target: RecordTarget,
  cluster: ClusterWal,
): Promise<bigint | string> {
  const { segmentBytes } = base.postgres
  const record = await findRecord(links, target, { cluster, segmentBytes })
  if (record === null)
    return `the WAL of timeline ${timeline} that follows the base ${base.ref.id} has no such record`
  // PostgreSQL fails if it meets the record before the files are one state.
  return record.endLsn > consistentLsn(base.postgres) ? record.endLsn : endsTooLateText(base)
}

/** How many links a recovery up to `lsn` needs. */
function countUntil(links: readonly ChainLink<WalPartRef>[], lsn: bigint): number {
  return links.findIndex(({ end }) => end >= lsn) + 1
}

function unreachedText(last: TransactionEnd | null, idleUs: bigint | null, timeline: number): string {
  if (idleUs !== null && (last === null || idleUs > last.timeUs))
    return `the latest time that timeline ${timeline} reaches is ${exactTimeText(idleUs)}`
  if (last === null) return `timeline ${timeline} has no transaction after the base`
  return `the last transaction of timeline ${timeline} ended at ${exactTimeText(last.timeUs)}, and a time is reached only if a later one ended`
}

/** @param next the first part behind the end; undefined if the vault has none. */
function gapText({ endLsn, endTimeline }: Reach, next: WalPartRef | undefined): string {
  return next === undefined
    ? `the vault has no WAL past ${lsnText(endLsn)} of timeline ${endTimeline}`
    : `WAL of timeline ${endTimeline} is missing from ${lsnText(endLsn)} to ${lsnText(next.start)}`
}

/** The latest end of a transaction in the last part that has one. */
async function lastTransaction(
  parts: readonly WalPartRef[],
  cluster: ClusterWal,
): Promise<TransactionEnd | null> {
  let width = 1
  const read = (part: WalPartRef): Promise<WalPart | null> => cluster.head(part)
  for await (const head of readInOrder(parts.toReversed(), () => width, read)) {
    const end = head === null ? null : endOf(head)
    if (end !== null) return end
    width = Math.min(maxReadsAtOnce, width * 2)
  }
  return null
}

function endOf({ lastCommit, lastAbort }: WalPart): TransactionEnd | null {
  if (lastCommit === null || lastAbort === null) return lastCommit ?? lastAbort
  return lastAbort.timeUs > lastCommit.timeUs ? lastAbort : lastCommit
}

/**
 * The index of a part with a transaction past `timeUs`, and nearly always the first one: times in the WAL can go back
 * by little. PostgreSQL itself stops at the first one. The last part with a transaction has one.
 */
async function firstPast(parts: readonly WalPartRef[], timeUs: bigint, cluster: ClusterWal): Promise<number> {
  let [low, high] = [0, parts.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    // A part without a transaction counts as the next one that has one.
    const next = await nextEnd(parts, { from: middle, to: high }, cluster)
    if (next === null || next.end.timeUs > timeUs) high = middle
    else low = next.index + 1
  }
  return lowestWithEnd(parts, low, cluster)
}

async function nextEnd(
  parts: readonly WalPartRef[],
  { from, to }: { from: number; to: number },
  cluster: ClusterWal,
): Promise<{ index: number; end: TransactionEnd } | null> {
  for (let index = from; index <= to; index++) {
    const head = await cluster.head(parts[index]!)
    const end = head === null ? null : endOf(head)
    if (end !== null) return { index, end }
  }
  return null
}

async function lowestWithEnd(
  parts: readonly WalPartRef[],
  from: number,
  cluster: ClusterWal,
): Promise<number> {
  const next = await nextEnd(parts, { from, to: parts.length - 1 }, cluster)
  return next?.index ?? parts.length - 1
}

/** The latest time at which the server had written no WAL past the end; null if no part says so. */
async function idleUntil({ endLsn, endTimeline, links }: Reach, cluster: ClusterWal): Promise<bigint | null> {
  const statements = cluster
    .partsOf(endTimeline)
    .filter(({ start, end }) => start === end && end === endLsn)
    .sort((a, b) => (a.id < b.id ? 1 : -1))
    .slice(0, maxIdleRead)
  const lastPart = links.at(-1)?.part
  if (lastPart?.end === endLsn) statements.push(lastPart)
  let latest: bigint | null = null
  for await (const head of readInOrder(
    statements,
    () => maxReadsAtOnce,
    (part) => cluster.head(part),
  )) {
    const idleUs = head?.idleAtUs ?? null
    if (idleUs !== null && (latest === null || idleUs > latest)) latest = idleUs
  }
  return latest
}

/** Several timelines can reach the target. Where they share the WAL up to it, they reach the same state. */
function oneOf(choices: readonly RecoveryChoice[], { target }: RecoveryRequest): RecoveryChoice {
  const [first] = choices
  if (choices.length === 1) return first!
  if (target.kind === 'end') return newestOf(choices)
  const ends = new Set(choices.map(({ links }) => links.at(-1)?.part.key))
  // The one without ancestors after the shared part: its own name for it.
  if (ends.size === 1) return first!
  const timelines = choices.map(({ timeline }) => String(timeline))
  throw new HoldfastError(
    'ambiguous',
    `${targetText(target)} is in the history of several timelines: ${listText(timelines, maxListed)}`,
    {
      hint: 'choose one with --timeline: after a failover, the higher number is the new primary',
      context: { timelines: timelines.slice(0, maxListed) },
    },
  )
}

function newestOf(choices: readonly RecoveryChoice[]): RecoveryChoice {
  const timeOf = ({ last }: RecoveryChoice): bigint => last?.timeUs ?? -(2n ** 63n)
  return choices.reduce((newest, choice) => (timeOf(choice) >= timeOf(newest) ? choice : newest))
}

function notReached(
  oldest: Base | null,
  { target, timeline }: RecoveryRequest,
  misses: readonly string[],
): HoldfastError {
  const where = timeline === undefined ? '' : ` on timeline ${timeline}`
  const [first] = misses
  return new HoldfastError(
    'no-recovery-point',
    `${targetText(target)} can't be reached${where}: ${first ?? 'the source has no base backup of a running cluster'}`,
    {
      hint: hintFor(oldest, target),
      context: { reasons: misses.slice(0, maxListed) },
    },
  )
}

function hintFor(oldest: Base | null, target: RecoveryTarget): string {
  if (oldest === null) return 'make one with `holdfast backup --kind postgres --connect`'
  const firstUs = BigInt(oldest.postgres.stopTime)
  return target.kind === 'time' && firstUs > target.timeUs
    ? `the first base ends at ${exactTimeText(firstUs)}: pass that time or a later one`
    : 'pass an earlier target, or none to recover to the end of the WAL that the vault holds'
}
