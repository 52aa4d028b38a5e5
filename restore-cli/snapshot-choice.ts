// Which snapshot the user means. Nothing is chosen silently: what was passed over, and why, comes with the choice.
import { HoldfastError } from '../core/errors.ts'
import type { ObjectStore } from '../core/store/object-store.ts'
import { listSnapshots, listSources, loadSnapshot, selectSnapshot } from '../core/snapshot/snapshot.ts'
import type { SkippedSnapshot, Snapshot, SnapshotRef } from '../core/snapshot/snapshot.ts'
import { assertSourceName } from '../core/store/vault-keys.ts'
import { assertNotInFuture, parsePointInTime } from './point-in-time.ts'
import { timeText } from './render/figures.ts'

export interface SnapshotFlags {
  source?: string
  snapshot?: string
  pointInTime?: string
}

export interface Choice {
  snapshot: Snapshot
  /** The point in time that was asked for; null if none was. */
  askedMs: number | null
  skipped: SkippedSnapshot[]
  /** What the chosen snapshot's own record says against it: it was named, so it is used all the same. */
  warnings: string[]
  /** The store's clock. */
  serverMs: number
}

/** A vault whose clock is known after the first reply. */
export type TimedStore = ObjectStore & { readonly serverTimeMs: number | null }

/**
 * @throws `invalid-input` for a time that can't be meant, `no-recovery-point`, `not-found`, `ambiguous`: each says what
 * there is.
 */
export async function chooseSnapshot(store: TimedStore, flags: SnapshotFlags): Promise<Choice> {
  const askedMs = await parseAsked(store, flags)
  const source = await chooseSource(store, flags.source)
  const refs = await listSnapshots(store, source)
  const serverMs = store.serverTimeMs ?? Date.now()
  if (refs.length === 0) {
    throw new HoldfastError('no-recovery-point', `the source ${source} has no snapshot in ${store.name}`, {
      hint: await describeSources(store),
    })
  }
  if (flags.snapshot !== undefined) {
    const snapshot = await loadSnapshot(store, findRef(refs, flags.snapshot))
    return { snapshot, askedMs, skipped: [], warnings: snapshot.flags, serverMs }
  }
  if (askedMs !== null) {
    assertNotBeforeFirst(askedMs, refs, source)
    explaining(() => assertNotInFuture(askedMs, serverMs), describeRange(refs, source))
  }
  return { ...(await selectSnapshot(store, refs, askedMs)), askedMs, warnings: [], serverMs }
}

/** A time that is not understood is refused with what there is to choose from, if the vault can be asked. */
async function parseAsked(store: ObjectStore, flags: SnapshotFlags): Promise<number | null> {
  const text = flags.pointInTime
  if (text === undefined) return null
  try {
    return parsePointInTime(text)
  } catch (error) {
    const available = await chooseSource(store, flags.source)
      .then(async (source) => describeRange(await listSnapshots(store, source), source))
      .catch(() => '')
    return explaining(() => {
      throw error
    }, available)
  }
}

/** Adds what is available to the hint of whatever `work` refuses. */
function explaining<Result>(work: () => Result, available: string): Result {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof HoldfastError) || available === '') throw error
    throw new HoldfastError(error.code, error.message, {
      hint: [error.hint, available].join('; '),
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

/** The source that is named, or the only one that there is. */
export async function chooseSource(store: ObjectStore, named: string | undefined): Promise<string> {
  if (named !== undefined) {
    assertSourceName(named)
    return named
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

function assertNotBeforeFirst(askedMs: number, refs: readonly SnapshotRef[], source: string): void {
  const first = refs[0]!
  if (askedMs >= first.timeMs) return
  throw new HoldfastError(
    'no-recovery-point',
    `the point in time ${timeText(askedMs)} is before the first snapshot of ${source}`,
    {
      hint: `pass --point-in-time ${timeText(first.timeMs)} or later; ${describeRange(refs, source)}`,
      context: { first: timeText(first.timeMs), last: timeText(refs.at(-1)!.timeMs), snapshots: refs.length },
    },
  )
}

function findRef(refs: readonly SnapshotRef[], id: string): SnapshotRef {
  const named = refs.filter((ref) => ref.id === id.toUpperCase())
  // Of several manifests under one name, the first to be written is the one that nothing speaks against.
  const chosen = named.find((ref) => ref.flags.length === 0) ?? named[0]
  if (chosen !== undefined) return chosen
  throw new HoldfastError(
    'not-found',
    `there is no snapshot ${JSON.stringify(id.slice(0, 40))} of this source`,
    {
      hint: `the newest is ${refs.at(-1)!.id}; \`holdfast snapshots\` lists all ${refs.length}`,
    },
  )
}

async function describeSources(store: ObjectStore): Promise<string> {
  const sources = await listSources(store)
  return sources.length === 0
    ? "the vault holds no source: check the bucket's name and the account"
    : `the vault holds: ${sources.join(', ')}`
}
