// Chooses the snapshot that a source, a snapshot id or a point in time selects. No choice is silent: it lists the
// snapshots that were passed over, with the reasons.
import type { Clock } from '../clock.ts'
import { HoldfastError } from '../errors.ts'
import type { ObjectStore } from '../store/object-store.ts'
import { assertSourceName } from '../store/vault-keys.ts'
import { timeText } from '../time-text.ts'
import { assertNotInFuture, parsePointInTime } from './point-in-time.ts'
import { listSnapshots, listSources, loadSnapshot, selectSnapshot } from './snapshot.ts'
import type { SkippedSnapshot, Snapshot, SnapshotRef } from './snapshot.ts'

/** Empty: the newest snapshot of the vault's only source. */
export interface SnapshotRequest {
  source?: string
  /** ULID of a snapshot, in either case. */
  snapshot?: string
  /** ISO 8601 with a zone. */
  pointInTime?: string
}

export interface SnapshotChoice {
  snapshot: Snapshot
  /** The requested point in time; null if the request has none. */
  requestedMs: number | null
  skipped: SkippedSnapshot[]
  /** Flags of a snapshot that the request named: they do not prevent its use. */
  warnings: string[]
  /** The store's clock. */
  serverMs: number
}

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
  clock: Pick<Clock, 'nowMs'>,
): Promise<SnapshotChoice> {
  const requestedMs = await parseRequestedTime(store, request)
  const source = await chooseSource(store, request.source)
  const refs = await listSnapshots(store, source)
  const serverMs = store.serverTimeMs ?? clock.nowMs()
  if (refs.length === 0) {
    throw new HoldfastError('no-recovery-point', `the source ${source} has no snapshot in ${store.name}`, {
      hint: await describeSources(store),
    })
  }
  if (request.snapshot !== undefined) {
    const snapshot = await loadSnapshot(store, findRef(refs, request.snapshot))
    return { snapshot, requestedMs, skipped: [], warnings: snapshot.flags, serverMs }
  }
  if (requestedMs !== null) {
    assertNotBeforeFirst(requestedMs, refs, source)
    withHint(describeRange(refs, source), () => assertNotInFuture(requestedMs, serverMs))
  }
  return { ...(await selectSnapshot(store, refs, requestedMs)), requestedMs, warnings: [], serverMs }
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

function describeRange(refs: readonly SnapshotRef[], source: string): string {
  const [first, last] = [refs[0], refs.at(-1)]
  if (first === undefined || last === undefined) return ''
  if (first === last) return `the only snapshot of ${source} is of ${timeText(first.timeMs)}`
  return `the first of ${refs.length} snapshots of ${source} is of ${timeText(first.timeMs)}, the last of ${timeText(last.timeMs)}`
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
    hint: `choose one with --source: ${sources.join(', ')}`,
    context: { sources },
  })
}

function assertNotBeforeFirst(requestedMs: number, refs: readonly SnapshotRef[], source: string): void {
  const first = refs[0]!
  if (requestedMs >= first.timeMs) return
  throw new HoldfastError(
    'no-recovery-point',
    `the point in time ${timeText(requestedMs)} is before the first snapshot of ${source}`,
    {
      hint: `pass --point-in-time ${timeText(first.timeMs)} or later; ${describeRange(refs, source)}`,
      context: { first: timeText(first.timeMs), last: timeText(refs.at(-1)!.timeMs), snapshots: refs.length },
    },
  )
}

function findRef(refs: readonly SnapshotRef[], id: string): SnapshotRef {
  const matches = refs.filter((ref) => ref.id === id.toUpperCase())
  // Several manifests can have one name. Prefer the one without flags: it was written first.
  const ref = matches.find(({ flags }) => flags.length === 0) ?? matches[0]
  if (ref !== undefined) return ref
  throw new HoldfastError('not-found', `this source has no snapshot ${JSON.stringify(id.slice(0, 40))}`, {
    hint: `the newest is ${refs.at(-1)!.id}; \`holdfast snapshots\` lists all ${refs.length}`,
  })
}

async function describeSources(store: ObjectStore): Promise<string> {
  const sources = await listSources(store)
  return sources.length === 0
    ? "the vault holds no source: check the bucket's name and the account"
    : `the vault holds: ${sources.join(', ')}`
}
