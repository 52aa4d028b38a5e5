// How far a vault is from being retired: which sources still receive writes, and when the last lock ends. It
// only reads.
import type { ObjectStore, ObjectVersion } from '../core/store/object-store.ts'
import { readLock } from '../core/store/version-lock.ts'

export interface SourceState {
  /** A source; for objects outside `sources/` and `receipts/`, their top folder. */
  name: string
  versions: number
  bytes: number
  lastWrittenMs: number
  lockedVersions: number
  /** When the last lock ends; null if none is locked. */
  lastLockEndsMs: number | null
}

/**
 * `stop-writers`: the vault received a write recently. `wait`: some versions are locked. `unprotect`: no
 * version is locked.
 */
export type RetirementStep = 'stop-writers' | 'wait' | 'unprotect'

export interface Retirement {
  step: RetirementStep
  /** The store's clock. */
  nowMs: number
  sources: SourceState[]
  versions: number
  bytes: number
  lockedVersions: number
  lastWrittenMs: number | null
  lastLockEndsMs: number | null
  /** When the last lock ends if no writer adds a version and no custodian extends a lock from now on. */
  emptyableFromMs: number
}

export interface RetirementOptions {
  /** Writers count as stopped after this time without a write. */
  quietMs: number
  signal: AbortSignal
  onProgress: (versions: number) => void
}

const readers = 16

/** @throws `denied` if the role can't read locks: without them there is no result. */
export async function readRetirement(
  store: ObjectStore,
  { quietMs, signal, onProgress }: RetirementOptions,
): Promise<Retirement> {
  const { serverTimeMs: nowMs } = await store.lockDefault()
  const sources = new Map<string, SourceState>()
  let versionCount = 0
  const pending = store.listVersions('')[Symbol.asyncIterator]()
  let hasFailed = false
  const read = async (): Promise<void> => {
    try {
      for (let next = await pending.next(); next.done !== true && !hasFailed; next = await pending.next()) {
        signal.throwIfAborted()
        addVersion(sources, next.value, await lockEndOf(store, next.value), nowMs)
        if (++versionCount % 100 === 0) onProgress(versionCount)
      }
    } catch (error) {
      // Stop the other readers: their results are lost.
      hasFailed = true
      throw error
    }
  }
  await Promise.all(Array.from({ length: readers }, read))
  return summarize(
    [...sources.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    nowMs,
    quietMs,
  )
}

async function lockEndOf(store: ObjectStore, version: ObjectVersion): Promise<number | null> {
  // S3 can't lock a delete marker.
  if (version.isDeleteMarker) return null
  return (await readLock(store, version))?.untilMs ?? null
}

function addVersion(
  sources: Map<string, SourceState>,
  version: ObjectVersion,
  lockEndsMs: number | null,
  nowMs: number,
): void {
  const [top = '', second = ''] = version.key.split('/')
  const name = top === 'sources' || top === 'receipts' ? second : `${top}/`
  const state = sources.get(name) ?? {
    name,
    versions: 0,
    bytes: 0,
    lastWrittenMs: 0,
    lockedVersions: 0,
    lastLockEndsMs: null,
  }
  state.versions++
  state.bytes += version.bytes
  state.lastWrittenMs = Math.max(state.lastWrittenMs, version.lastModifiedMs)
  if (lockEndsMs !== null && lockEndsMs > nowMs) {
    state.lockedVersions++
    state.lastLockEndsMs = Math.max(state.lastLockEndsMs ?? 0, lockEndsMs)
  }
  sources.set(name, state)
}

function summarize(sources: SourceState[], nowMs: number, quietMs: number): Retirement {
  const total = (figure: 'versions' | 'bytes' | 'lockedVersions'): number =>
    sources.reduce((sum, source) => sum + source[figure], 0)
  const latest = (times: (number | null)[]): number | null =>
    times.reduce((last, time) => (time === null || (last !== null && last > time) ? last : time), null)
  const lastWrittenMs = latest(sources.map((source) => source.lastWrittenMs))
  const lastLockEndsMs = latest(sources.map((source) => source.lastLockEndsMs))
  const isQuiet = lastWrittenMs === null || nowMs - lastWrittenMs >= quietMs
  return {
    step: !isQuiet ? 'stop-writers' : lastLockEndsMs === null ? 'unprotect' : 'wait',
    nowMs,
    sources,
    versions: total('versions'),
    bytes: total('bytes'),
    lockedVersions: total('lockedVersions'),
    lastWrittenMs,
    lastLockEndsMs,
    emptyableFromMs: lastLockEndsMs ?? nowMs,
  }
}
