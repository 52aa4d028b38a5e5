// Chooses the snapshot that a source, a snapshot id or a point in time selects. No choice is silent: it lists the
// snapshots that were passed over, with the reasons.
import type { Clock } from '../clock.ts'
import { HoldfastError, isHoldfastError } from '../errors.ts'
import type { TrustedKeys } from '../signature.ts'
import type { ObjectStore } from '../store/object-store.ts'
import { assertSourceName } from '../store/vault-keys.ts'
import { timeText } from '../time-text.ts'
import { assertNotInFuture, endOfTime, parsePointInTime } from './point-in-time.ts'
import { listText } from '../list-text.ts'
import type { ListedReceipt } from './receipt-list.ts'
import { SnapshotReceipts } from './snapshot-receipts.ts'
import type { Preference } from './snapshot-receipts.ts'
import { listSnapshots, listSources, loadSnapshot, selectSnapshot } from './snapshot.ts'
import type { SkippedSnapshots, Snapshot } from './snapshot.ts'
import type { SnapshotList, SnapshotRef } from './snapshot-list.ts'

/** Empty: the newest snapshot of the vault's only source. */
export interface SnapshotRequest {
  source?: string
  /** ULID of a snapshot, in either case. */
  snapshot?: string
  /** ISO 8601 with a zone. */
  pointInTime?: string
  /** Skip incomplete snapshots. */
  completeOnly?: boolean
  /** The keys of the notary. With them, the choice has the receipt of its snapshot. */
  trustedKeys?: TrustedKeys | undefined
  /**
   * `attested`: a snapshot that the notary attests without a flag goes before a newer one. `unflagged`: a snapshot
   * that the notary refuses or flags goes after an older one. Without any such snapshot, all are taken.
   */
  prefer?: Preference | undefined
}

export interface SnapshotChoice extends SkippedSnapshots {
  snapshot: Snapshot
  /** The requested point in time; null if the request has none. */
  requestedMs: number | null
  /** Flags of a snapshot that the request named: they do not prevent its use. */
  warnings: string[]
  /** The last few snapshots of the source before this one, oldest first, without flagged ones. */
  older: SnapshotRef[]
  /** The store's clock. */
  serverMs: number
  /** The receipt of the snapshot; null if it has none, undefined if the request has no keys. */
  receipt?: ListedReceipt | null
}

/** A message names this many sources, and counts the others. */
const maxListed = 20
/** How many snapshots before the chosen one a choice keeps, in case that the last ones can't be read. */
const maxOlder = 3

/** A store's listing has every snapshot after this time. */
export const maxListingLagMs = 10_000

/** A store that reports its own clock after the first response. */
export type TimedStore = ObjectStore & { readonly serverTimeMs: number | null }

/**
 * @param clock stands in for the store's clock if no response carried a date.
 * @throws `invalid-input` for a time that can't be used, `no-recovery-point`, `not-found`, `ambiguous`; each hint lists
 * the snapshots or sources to choose from.
 */
export async function chooseSnapshot(
  store: TimedStore,
  request: SnapshotRequest,
  clock: Pick<Clock, 'nowMs' | 'sleep'>,
  signal?: AbortSignal,
): Promise<SnapshotChoice> {
  const requestedMs = await parseRequestedTime(store, request)
  const source = await chooseSource(store, request.source)
  let list = await listSnapshots(store, source)
  const waitMs =
    requestedMs === null ? 0 : unsettledMs(list, requestedMs, store.serverTimeMs ?? clock.nowMs())
  if (waitMs > 0) {
    await clock.sleep(waitMs, signal)
    list = await listSnapshots(store, source)
  }
  const serverMs = store.serverTimeMs ?? clock.nowMs()
  if (list.length === 0) {
    throw new HoldfastError('no-recovery-point', `the source ${source} has no snapshot in ${store.name}`, {
      hint: await describeSources(store),
    })
  }
  const receipts = request.trustedKeys && (await SnapshotReceipts.open(store, source, request.trustedKeys))
  if (request.snapshot !== undefined) {
    const snapshot = await loadSnapshot(store, findRef(list, request.snapshot))
    return {
      ...(receipts === undefined ? {} : { receipt: await receipts.of(snapshot) }),
      snapshot,
      requestedMs,
      skipped: [],
      skippedCount: 0,
      warnings: snapshot.flags,
      older: list.before(snapshot.timeMs, maxOlder),
      serverMs,
    }
  }
  if (requestedMs !== null) {
    assertNotBeforeFirst(requestedMs, list, source)
    withHint(describeRange(list, source), () => assertNotInFuture(requestedMs, serverMs))
  }
  const selection = await selectPreferred(store, { list, requestedMs, receipts, request })
  const older = list.before(selection.snapshot.timeMs, maxOlder)
  const receipt = receipts === undefined ? {} : { receipt: await receipts.of(selection.snapshot) }
  return { ...selection, ...receipt, requestedMs, warnings: [], older, serverMs }
}

/** The first preference with a snapshot decides; without receipts, all snapshots count alike. */
async function selectPreferred(
  store: ObjectStore,
  {
    list,
    requestedMs,
    receipts,
    request: { prefer, completeOnly = false },
  }: {
    list: SnapshotList
    requestedMs: number | null
    receipts: SnapshotReceipts | undefined
    request: SnapshotRequest
  },
): ReturnType<typeof selectSnapshot> {
  const hasReceipts = receipts !== undefined && !receipts.isEmpty
  const preferences = hasReceipts && prefer !== undefined ? fallbacks[prefer] : []
  for (const preference of preferences) {
    try {
      const reasonToSkip = (ref: SnapshotRef) => receipts!.reasonToSkip(ref, preference)
      return await selectSnapshot(store, list, requestedMs, { completeOnly, reasonToSkip })
    } catch (error) {
      if (!isHoldfastError(error, 'no-recovery-point')) throw error
    }
  }
  return selectSnapshot(store, list, requestedMs, { completeOnly })
}

const fallbacks: Readonly<Record<Preference, readonly Preference[]>> = {
  attested: ['attested', 'unflagged'],
  unflagged: ['unflagged'],
}

/**
 * How long to wait before the listing of a requested time is final. A listing can lag, and a snapshot has the time at
 * which its upload began. No wait if a listed snapshot has just this time.
 */
function unsettledMs(list: SnapshotList, requestedMs: number, serverMs: number): number {
  const endMs = endOfTime(requestedMs)
  const isListed = list.countUntil(endMs) > list.countUntil(requestedMs - 1)
  if (requestedMs >= serverMs + 1000 || isListed) return 0
  return Math.max(0, endMs + maxListingLagMs - serverMs)
}

/** The error for a time that can't be parsed lists the range of snapshots, if the vault can be read. */
async function parseRequestedTime(store: ObjectStore, request: SnapshotRequest): Promise<number | null> {
  const text = request.pointInTime
  if (text === undefined) return null
  try {
    return parsePointInTime(text)
  } catch (error) {
    const range = await chooseSource(store, request.source)
      .then(async (source) => describeRange(await listSnapshots(store, source), source))
      .catch(() => '')
    return withHint(range, () => {
      throw error
    })
  }
}

/** Runs `work`, and appends `hint` to the hint of an error that it throws. */
function withHint<Result>(hint: string, work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof HoldfastError) || hint === '') throw error
    throw new HoldfastError(error.code, error.message, {
      hint: [error.hint, hint].join('; '),
      context: error.context,
      cause: error.cause,
    })
  }
}

function describeRange(list: SnapshotList, source: string): string {
  const [first, last] = [list.at(0), list.at(-1)]
  if (first === undefined || last === undefined) return ''
  if (list.length === 1) return `the only snapshot of ${source} is of ${timeText(first.timeMs)}`
  return `the first of ${list.length} snapshots of ${source} is of ${timeText(first.timeMs)}, the last of ${timeText(last.timeMs)}`
}

/** The source with this name, or the vault's only source if `sourceName` is undefined. */
export async function chooseSource(store: ObjectStore, sourceName: string | undefined): Promise<string> {
  if (sourceName !== undefined) {
    assertSourceName(sourceName)
    return sourceName
  }
  const sources = await listSources(store)
  if (sources.length === 1) return sources[0]!
  if (sources.length === 0)
    throw new HoldfastError('no-recovery-point', `${store.name} holds no source`, {
      hint: "check the bucket's name and the account",
    })
  throw new HoldfastError('ambiguous', `${store.name} holds ${sources.length} sources`, {
    hint: `choose one with --source: ${listText(sources, maxListed)}`,
    context: { sources: sources.slice(0, maxListed) },
  })
}

function assertNotBeforeFirst(requestedMs: number, list: SnapshotList, source: string): void {
  const first = list.at(0)!
  if (endOfTime(requestedMs) >= first.timeMs) return
  throw new HoldfastError(
    'no-recovery-point',
    `the point in time ${timeText(requestedMs)} is before the first snapshot of ${source}`,
    {
      hint: `pass --point-in-time ${timeText(first.timeMs)} or later; ${describeRange(list, source)}`,
      context: { first: timeText(first.timeMs), last: timeText(list.at(-1)!.timeMs), snapshots: list.length },
    },
  )
}

function findRef(list: SnapshotList, id: string): SnapshotRef {
  const matches = list.withId(id.toUpperCase())
  // Several manifests can have one name. Prefer the one without flags: it was written first.
  const ref = matches.find(({ flags }) => flags.length === 0) ?? matches[0]
  if (ref !== undefined) return ref
  throw new HoldfastError('not-found', `this source has no snapshot ${JSON.stringify(id.slice(0, 40))}`, {
    hint: `the newest is ${list.at(-1)!.id}; \`holdfast snapshots\` lists all ${list.length}`,
  })
}

async function describeSources(store: ObjectStore): Promise<string> {
  const sources = await listSources(store)
  return sources.length === 0
    ? "the vault holds no source: check the bucket's name and the account"
    : `the vault holds: ${listText(sources, maxListed)}`
}
