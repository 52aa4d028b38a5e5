// The write-ahead log of a source, as the vault has it: per timeline the runs of bytes without a gap. A run of checks
// lists what is new since the last one, and reads the header of each new part. A part whose header can't be read
// covers nothing: else one byte under a key of the WAL would make a silent cluster look backed up.
import { isHoldfastError, objectFailures } from '../../core/errors.ts'
import { readInOrder } from '../../core/ordered-reads.ts'
import { pathOf } from '../../core/recovery/wal-chain.ts'
import type { PathStep } from '../../core/recovery/wal-chain.ts'
import { dayMs } from '../../core/snapshot/retention.ts'
import type { ObjectStore } from '../../core/store/object-store.ts'
import { lsnHex, parseLsnHex, timelineHex } from '../../core/wal/lsn.ts'
import { decodeWalHistory } from '../../core/wal/wal-history.ts'
import {
  isSystemId,
  parseWalHistoryKey,
  parseWalPartKey,
  walLinePrefix,
  walPrefix,
} from '../../core/wal/wal-keys.ts'
import type { WalLine, WalPartName } from '../../core/wal/wal-keys.ts'
import type { WalHistoryRef, WalPartRef } from '../../core/wal/wal-list.ts'
import { walHeadBytes } from '../../core/wal/wal-object.ts'
import { decodeWalPartHead } from '../../core/wal/wal-part.ts'
import { maxWalHistoryBytes, maxWalPartBytes } from '../../core/limits.ts'
import { maxUnusableParts, maxWalLines, maxWalRuns, versionName } from '../source-state.ts'
import type { WalState } from '../source-state.ts'

/** A run that had no state would read the headers of weeks. The others count by their keys. */
const maxHeadersRead = 5000
const maxReadsAtOnce = 16
const maxHistoriesRead = 16
/** As for the other objects of a source: a part that is gone is noticed within a week. */
const fullListingDays = 7
const maxPartBytes = BigInt(maxWalPartBytes)
/** A header is read twice rather than never: a part can arrive while a run lists another timeline. */
const overlapMs = 60_000

/** Bytes of the log without a gap. */
export interface WalRun extends WalPartName {
  /** The server's time of the newest part that ends where the run ends. */
  confirmedMs: number
}

export interface TimelineWal extends WalLine {
  runs: WalRun[]
  path: readonly PathStep[]
}

export interface WalSurvey {
  timelines: TimelineWal[]
  /** Sentences about parts and histories that can't be used, or that contradict each other. */
  problems: { subject: string; detail: string }[]
  /** The headers that this run read. */
  headersRead: number
}

/** @param state gets what this run listed. @throws as the store. */
export async function surveyWal(
  store: ObjectStore,
  source: string,
  { state, nowMs }: { state: WalState; nowMs: number },
): Promise<WalSurvey> {
  const surveyor = new WalSurveyor(store, state, nowMs)
  const lines = await listLines(store, source)
  for (const line of lines.slice(-maxWalLines)) await surveyor.add(line)
  if (lines.length > maxWalLines)
    surveyor.problems.push({
      subject: source,
      detail: `${lines.length - maxWalLines} timelines were not looked at, because there are too many`,
    })
  return surveyor.finish()
}

/** In the order of their timelines. */
export async function listLines(store: ObjectStore, source: string): Promise<WalLine[]> {
  const prefix = walPrefix(source)
  const lines: WalLine[] = []
  const systemIds = (await store.listFolders(prefix)).filter(isSystemId)
  for (const systemId of systemIds.slice(-maxWalLines))
    for (const name of await store.listFolders(`${prefix}${systemId}/`)) {
      const timeline = Number.parseInt(name, 16)
      // Another check reports a folder that isn't named as a timeline.
      if (name === timelineHex(timeline)) lines.push({ source, systemId, timeline })
    }
  return lines.sort((a, b) => a.timeline - b.timeline)
}

class WalSurveyor {
  readonly problems: WalSurvey['problems'] = []
  private readonly store: ObjectStore
  private readonly state: WalState
  private readonly nowMs: number
  private readonly isFull: boolean
  private readonly readMs: number
  private readonly unusable: Set<string>
  private readonly timelines: TimelineWal[] = []
  private headersRead = 0

  constructor(store: ObjectStore, state: WalState, nowMs: number) {
    this.store = store
    this.state = state
    this.nowMs = nowMs
    this.isFull = nowMs - state.listedMs >= fullListingDays * dayMs || state.listedMs > nowMs
    this.readMs = state.readMs
    this.unusable = new Set(state.unusable)
  }

  async add(line: WalLine): Promise<void> {
    const earlierRuns = this.isFull ? [] : this.runsOf(line)
    const { runs, fresh, histories } = await this.list(line, earlierRuns)
    const usable = await this.readHeaders(fresh)
    const all = mergeRuns([...runs, ...usable.map(runOf)].sort(compareRuns))
    if (all.length > maxWalRuns)
      this.problems.push({
        subject: walLinePrefix(line),
        detail: `it has ${all.length - 1} gaps`,
      })
    this.timelines.push({
      ...line,
      runs: all.slice(-maxWalRuns),
      path: await this.readPath(line, histories),
    })
  }

  finish(): WalSurvey {
    const { state, timelines, problems, headersRead } = this
    if (this.isFull) state.listedMs = this.nowMs
    state.readMs = Math.max(state.readMs, this.nowMs - overlapMs)
    state.lines = timelines.map(({ systemId, timeline, runs }) => ({
      systemId,
      timeline,
      runs: runs.map(({ start, end, confirmedMs }) => [lsnHex(start), lsnHex(end), confirmedMs]),
    }))
    state.unusable = [...this.unusable].slice(-maxUnusableParts)
    return { timelines, problems, headersRead }
  }

  private runsOf(line: WalLine): WalRun[] {
    const earlier = this.state.lines.find(
      ({ systemId, timeline }) => systemId === line.systemId && timeline === line.timeline,
    )
    return (earlier?.runs ?? []).map(([start, end, confirmedMs]) => ({
      ...line,
      id: '',
      start: parseLsnHex(start)!,
      end: parseLsnHex(end)!,
      confirmedMs,
    }))
  }

  /** From the first gap on, because a part that arrives late closes it; and from the last part on. */
  private async list(
    line: WalLine,
    earlierRuns: readonly WalRun[],
  ): Promise<{ runs: WalRun[]; fresh: WalPartRef[]; histories: WalHistoryRef[] }> {
    const prefix = walLinePrefix(line)
    const firstEnd = earlierRuns[0]?.end
    const after =
      firstEnd === undefined || firstEnd < maxPartBytes ? undefined : prefix + lsnHex(firstEnd - maxPartBytes)
    let fresh: WalPartRef[] = []
    const histories: WalHistoryRef[] = []
    const runs = new RunList(earlierRuns)
    for await (const version of this.store.listVersions(prefix, after)) {
      if (version.isDeleteMarker || version.isMultipart) continue
      const { key, versionId, bytes: storedBytes, lastModifiedMs: modifiedMs } = version
      const listed = { key, versionId, storedBytes, modifiedMs }
      const history = parseWalHistoryKey(key)
      if (history !== null && histories.length < maxHistoriesRead) histories.push({ ...history, ...listed })
      const part = parseWalPartKey(key)
      if (part === null || this.unusable.has(versionName(version))) continue
      if (modifiedMs < this.readMs) runs.add(runOf({ ...part, ...listed }))
      else fresh.push({ ...part, ...listed })
      if (fresh.length < 2 * maxHeadersRead) continue
      fresh.sort((a, b) => a.modifiedMs - b.modifiedMs)
      for (const old of fresh.slice(0, -maxHeadersRead)) runs.add(runOf(old))
      fresh = fresh.slice(-maxHeadersRead)
    }
    return { runs: runs.all, fresh, histories }
  }

  private async readHeaders(parts: readonly WalPartRef[]): Promise<WalPartRef[]> {
    const usable: WalPartRef[] = []
    const digests = new Map<string, string>()
    const read = async (ref: WalPartRef): Promise<string | Error> => {
      try {
        const bytes = await this.store.getRange(ref, 0, Math.min(ref.storedBytes, walHeadBytes))
        return decodeWalPartHead(bytes, ref).sha256
      } catch (error) {
        if (!isHoldfastError(error, ...objectFailures)) throw error
        return error
      }
    }
    let index = 0
    for await (const result of readInOrder(parts, () => maxReadsAtOnce, read)) {
      const part = parts[index++]!
      this.headersRead++
      if (typeof result !== 'string') {
        this.unusable.add(versionName(part))
        this.problems.push({ subject: part.key, detail: result.message })
        continue
      }
      const range = `${part.systemId} ${part.timeline} ${part.start}-${part.end}`
      if ((digests.get(range) ?? result) !== result)
        this.problems.push({ subject: part.key, detail: 'another part of the same range has other bytes' })
      digests.set(range, result)
      usable.push(part)
    }
    return usable
  }

  private async readPath(line: WalLine, histories: readonly WalHistoryRef[]): Promise<readonly PathStep[]> {
    const paths = new Map<string, readonly PathStep[]>()
    for (const ref of histories) {
      if (ref.storedBytes > walHeadBytes + maxWalHistoryBytes) continue
      try {
        const bytes = await this.store.getRange(ref, 0, ref.storedBytes)
        const { bytes: text, earlier } = await decodeWalHistory(bytes, ref)
        paths.set(text.toString('latin1'), pathOf(line.timeline, earlier))
      } catch (error) {
        if (!isHoldfastError(error, ...objectFailures)) throw error
        this.problems.push({ subject: ref.key, detail: error.message })
      }
    }
    if (paths.size > 1)
      this.problems.push({
        subject: walLinePrefix(line),
        detail: `the vault holds several histories of timeline ${line.timeline}`,
      })
    const [path] = paths.values()
    return path ?? pathOf(line.timeline, [])
  }
}

/** The runs of parts in any order, in a memory that grows with the gaps alone. */
class RunList {
  private runs: WalRun[]
  private added: WalRun[] = []

  constructor(runs: readonly WalRun[]) {
    this.runs = [...runs]
  }

  add(run: WalRun): void {
    this.added.push(run)
    if (this.added.length >= maxWalRuns) this.merge()
  }

  get all(): WalRun[] {
    this.merge()
    return this.runs
  }

  private merge(): void {
    this.runs = mergeRuns([...this.runs, ...this.added].sort(compareRuns))
    this.added = []
  }
}

function runOf({ modifiedMs, ...part }: WalPartRef): WalRun {
  const { source, systemId, timeline, id, start, end } = part
  return { source, systemId, timeline, id, start, end, confirmedMs: modifiedMs }
}

/** @param sorted by their starts. A part without bytes confirms the end of the run before it, and makes no run. */
function mergeRuns(sorted: readonly WalRun[]): WalRun[] {
  const runs: WalRun[] = []
  for (const next of sorted) {
    const run = runs.at(-1)
    if (run === undefined || next.start > run.end) {
      if (next.end > next.start) runs.push({ ...next })
    } else if (next.end > run.end) Object.assign(run, { end: next.end, confirmedMs: next.confirmedMs })
    else if (next.end === run.end) run.confirmedMs = Math.max(run.confirmedMs, next.confirmedMs)
  }
  return runs
}

function compareRuns(a: WalRun, b: WalRun): number {
  if (a.start !== b.start) return a.start < b.start ? -1 : 1
  // A part without bytes comes behind the one that begins at the same position.
  return a.end === b.end ? 0 : a.end > b.end ? -1 : 1
}
