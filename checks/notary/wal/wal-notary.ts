// The notary on the write-ahead log of a source: it hashes and decodes each new part, compares the parts that overlap,
// and looks at their locks. One receipt a run has the ranges that are attested, and flags each part that is not.
//
// The last receipt is all that a run knows of earlier ones. A run lists from the first gap on, and all once a week.
import { ulid } from 'ulid'
import { sha256Hex } from '../../../core/digest.ts'
import {
  maxReceiptText,
  maxWalPartBytes,
  maxWalReceiptFlags,
  maxWalReceiptLines,
  maxWalReceiptRuns,
} from '../../../core/limits.ts'
import { readInOrder } from '../../../core/ordered-reads.ts'
import { retryAfterDelay, uploadRetry } from '../../../core/retry.ts'
import { dayMs } from '../../../core/snapshot/retention.ts'
import { pathText } from '../../../core/tree/path-text.ts'
import { lsnHex, lsnText, parseLsnHex } from '../../../core/wal/lsn.ts'
import type { WalRange } from '../../../core/wal/wal-coverage.ts'
import { walLinePrefix, walPrefix, walReceiptKey } from '../../../core/wal/wal-keys.ts'
import type { WalLine } from '../../../core/wal/wal-keys.ts'
import { encodeWalReceipt, readNewestWalReceipt } from '../../../core/wal/wal-receipt.ts'
import type { WalFlag, WalReceipt } from '../../../core/wal/wal-receipt.ts'
import { versionName } from '../../source-state.ts'
import { listLines } from '../../wal/wal-survey.ts'
import type { NotaryOptions } from '../notary.ts'
import { AttestedRuns, isCovered, uncovered } from './attested-runs.ts'
import { GroupComparison, examinePart } from './examined-part.ts'
import type { ExaminedPart, WalGuarantee } from './examined-part.ts'
import { groupParts } from './part-groups.ts'
import type { ListedGroup, ListedPart } from './part-groups.ts'

export type WalNotaryOptions = Omit<NotaryOptions, 'feedback' | 'accept' | 'again' | 'maxExamined'> & {
  maxPartsRead?: number
}

export interface WalNotaryResult {
  /** The one that this run wrote, or the last one if nothing is new. */
  receipt: WalReceipt
  isNew: boolean
  /** Receipts in the vault that can't be trusted. */
  receiptsRejected: number
}

/** A flood must not hold up a run for ever. A part every two seconds makes 43,200 a day. */
const maxPartsReadPerRun = 100_000
const maxReadsAtOnce = 16
/** Objects of full size that are in memory at once take no more. */
const maxBytesUnderWay = 64 * 1024 * 1024
const batchGroups = 256
const fullListingDays = 7
/** A part is read twice rather than never: it can arrive while a run lists another timeline. */
const overlapMs = 60_000
const maxPartBytes = BigInt(maxWalPartBytes)

/** Null for a source without WAL. @throws the failures of the store and of the signer. */
export async function notarizeWal(options: WalNotaryOptions): Promise<WalNotaryResult | null> {
  const { store, source, keys, signer } = options
  const { retention, serverTimeMs } = await store.lockDefault()
  const { receipt: last, rejected } = await readNewestWalReceipt(store, source, keys)
  const listedLines = await listLines(store, source)
  const lines = listedLines.slice(-maxWalReceiptLines)
  if (lines.length === 0 && last === null) return null
  const guarantee = { mode: retention?.mode ?? null, days: options.guaranteedDays }
  const run = new WalRun(options, { last, guarantee, nowMs: serverTimeMs })
  for (const line of lines) await run.examine(line)
  run.flagLostLines(listedLines)
  run.flagOtherClusters()
  const result = { receiptsRejected: rejected.length }
  if (last !== null && !run.isWorthAReceipt()) return { ...result, receipt: last, isNew: false }
  const receipt = await retryAfterDelay(uploadRetry, timingOf(options), async () => {
    const statement = run.statement(ulid(store.serverTimeMs ?? serverTimeMs, options.random))
    const body = await encodeWalReceipt(statement, signer)
    await store.putIfAbsent(walReceiptKey(statement), body, sha256Hex(body))
    return statement
  })
  return { ...result, receipt, isNew: true }
}

function timingOf({ clock, random, signal }: WalNotaryOptions) {
  return { random, sleep: (ms: number) => clock.sleep(ms, signal) }
}

interface RunStart {
  last: WalReceipt | null
  guarantee: WalGuarantee
  nowMs: number
}

class WalRun {
  private readonly options: WalNotaryOptions
  private readonly start: RunStart
  private readonly isFull: boolean
  private readonly readMs: number
  private readonly lines: WalReceipt['lines'] = []
  private readonly flags = new Map<string, WalFlag>()
  private readonly clusters = new Map<string, { firstMs: number; lastMs: number }>()
  private readonly figures = { partsRead: 0, bytesRead: 0, bytesUnderWay: 0 }
  private isComplete = true

  constructor(options: WalNotaryOptions, start: RunStart) {
    const { last, nowMs } = start
    this.options = options
    this.start = start
    this.readMs = last?.readMs ?? 0
    this.isFull = last === null || nowMs - last.listedMs >= fullListingDays * dayMs || last.listedMs > nowMs
  }

  async examine(line: WalLine): Promise<void> {
    const { store, signal, maxPartsRead = maxPartsReadPerRun } = this.options
    const earlier = this.earlierRuns(line)
    const attested = new AttestedRuns(this.isFull ? [] : earlier)
    const state: LineState = { line, earlier, attested, listed: new Set(), first: null, lockedUntilMs: 0 }
    let batch: ListedGroup[] = []
    for await (const group of groupParts(
      store.listVersions(walLinePrefix(line), this.listedAfter(line, earlier)),
    )) {
      signal?.throwIfAborted()
      batch.push(group)
      if (batch.length < batchGroups) continue
      await this.judge(batch, state)
      batch = []
      if (this.figures.partsRead >= maxPartsRead) {
        this.isComplete = false
        break
      }
    }
    await this.judge(batch, state)
    this.finish(state)
  }

  /** False if the last receipt says all that this one would say. */
  isWorthAReceipt(): boolean {
    const { last } = this.start
    if (last === null || this.isFull || this.figures.partsRead > 0) return true
    return this.flags.size !== last.flagCount || last.flags.some((flag) => !this.flags.has(flagName(flag)))
  }

  statement(id: string): WalReceipt {
    const { last, guarantee, nowMs } = this.start
    const { source, store, toolVersion } = this.options
    let room = maxWalReceiptRuns
    const lines = this.lines.map((line) => {
      const runs = line.runs.slice(-Math.max(1, room))
      room -= runs.length
      return { ...line, runs }
    })
    const isListed = this.isFull && this.isComplete
    return {
      kind: 'wal-receipt',
      formatVersion: 1,
      source,
      id,
      guarantee,
      lines: lines.slice(-maxWalReceiptLines),
      flags: [...this.flags.values()].slice(-maxWalReceiptFlags),
      flagCount: this.flags.size,
      readMs: Math.max(this.readMs, nowMs - overlapMs),
      completeMs: this.isComplete ? nowMs : (last?.completeMs ?? 0),
      listedMs: isListed ? nowMs : (last?.listedMs ?? 0),
      partsRead: this.figures.partsRead,
      bytesRead: this.figures.bytesRead,
      checkedMs: store.serverTimeMs ?? nowMs,
      notaryVersion: toolVersion,
    }
  }

  private earlierRuns(line: WalLine): WalRange[] {
    return (this.lastLine(line)?.runs ?? []).map(toRange)
  }

  private lastLine({ systemId, timeline }: WalLine): WalReceipt['lines'][number] | undefined {
    return this.start.last?.lines.find(
      (candidate) => candidate.systemId === systemId && candidate.timeline === timeline,
    )
  }

  /** From the first gap on, because a part that arrives late closes it; and from the last part on. */
  private listedAfter(line: WalLine, [first]: readonly WalRange[]): string | undefined {
    if (this.isFull || first === undefined || first.end < maxPartBytes) return undefined
    return walLinePrefix(line) + lsnHex(first.end - maxPartBytes)
  }

  private async judge(batch: readonly ListedGroup[], state: LineState): Promise<void> {
    const due: ListedGroup[] = []
    for (const group of batch) {
      const [first] = group.parts
      state.first ??= first!.start
      for (const part of group.parts) if (this.hasFlag(part)) state.listed.add(versionName(part))
      if (this.isDue(group, state)) due.push(group)
      else for (const part of group.parts) if (isCovered(state.earlier, part)) state.attested.add(part)
    }
    const parts = due.flatMap((group) =>
      group.parts.map((part) => ({ part, keepsBytes: group.parts.length > 1 })),
    )
    const examined = readInOrder(
      parts,
      () => (this.figures.bytesUnderWay < maxBytesUnderWay ? maxReadsAtOnce : 1),
      async ({ part, keepsBytes }) => this.read(part, keepsBytes),
    )
    for (const { parts: members, ignored } of due) {
      const comparison = new GroupComparison()
      while (comparison.parts.length < members.length)
        comparison.add((await examined.next()).value as ExaminedPart)
      for (const result of comparison.finish()) this.settle(result, state)
      for (const part of ignored)
        this.flag(part, { kind: 'too-many', detail: 'too many parts of this range to compare them all' })
    }
  }

  /**
   * One part alone is due if no earlier run attested its range, or if it is new. Parts that overlap are due if one is
   * newer than the last full listing: another run might not have listed it.
   */
  private isDue({ parts }: ListedGroup, { earlier }: LineState): boolean {
    const listedMs = this.isFull ? (this.start.last?.listedMs ?? 0) : this.readMs
    return parts.some((part) => {
      if (part.modifiedMs >= (parts.length > 1 ? listedMs : this.readMs)) return true
      const isEmpty = part.start === part.end
      return this.hasFlag(part) || (!isEmpty && !isCovered(earlier, part))
    })
  }

  private hasFlag({ key, versionId }: ListedPart): boolean {
    return this.start.last?.flags.some((flag) => flag.key === key && flag.versionId === versionId) ?? false
  }

  private async read(part: ListedPart, keepsBytes: boolean): Promise<ExaminedPart> {
    this.figures.bytesUnderWay += part.storedBytes
    try {
      const { guarantee } = this.start
      return await examinePart(this.options.store, part, { guarantee, keepsBytes })
    } finally {
      this.figures.bytesUnderWay -= part.storedBytes
    }
  }

  private settle({ part, defects, lockedUntilMs }: ExaminedPart, state: LineState): void {
    this.figures.partsRead++
    this.figures.bytesRead += part.storedBytes
    this.options.onProgress?.(this.figures.bytesRead)
    state.lockedUntilMs = Math.max(state.lockedUntilMs, lockedUntilMs)
    const cluster = this.clusters.get(part.systemId) ?? { firstMs: part.modifiedMs, lastMs: part.modifiedMs }
    cluster.firstMs = Math.min(cluster.firstMs, part.modifiedMs)
    cluster.lastMs = Math.max(cluster.lastMs, part.modifiedMs)
    this.clusters.set(part.systemId, cluster)
    const [defect] = defects
    if (defect === undefined) state.attested.add(part)
    else this.flag(part, defect)
  }

  private finish(state: LineState): void {
    const { line, earlier, attested } = state
    const last = this.lastLine(line)
    const hasSeenAll = this.isFull && this.isComplete
    // A full run that ended early has not seen the rest of the runs.
    const seen =
      this.isFull && !hasSeenAll ? new AttestedRuns([...earlier, ...attested.all]).all : attested.all
    const runs = uncovered(
      seen,
      this.flaggedRanges(line, ({ kind }) => kind === 'other-bytes'),
    )
    if (hasSeenAll) this.flagLost(state, runs)
    this.carryFlags(state, runs)
    const { systemId, timeline } = line
    const lockedUntilMs = Math.max(state.lockedUntilMs, last?.lockedUntilMs ?? 0)
    this.lines.push({ systemId, timeline, lockedUntilMs, runs: runs.map(rangeOf) })
  }

  /** The custodian prunes from the oldest part on. */
  private flagLost({ line, earlier, first }: LineState, runs: readonly WalRange[]): void {
    const key = walLinePrefix(line)
    const present = new AttestedRuns([...runs, ...this.flaggedRanges(line, () => true)]).all
    for (const range of uncovered(earlier, present)) {
      if (first === null || range.start < first) continue
      const text = `${lsnText(range.start)} to ${lsnText(range.end)}`
      const detail = `the WAL from ${text} was attested, and is in the vault no more`
      this.addFlag({ kind: 'lost', key, versionId: null, range: rangeOf(range), detail })
    }
  }

  /** Keeps the flags of parts that this run did not list, and of WAL that is still lost. */
  private carryFlags({ line, listed, first }: LineState, runs: readonly WalRange[]): void {
    for (const flag of this.start.last?.flags ?? []) {
      if (!flag.key.startsWith(walLinePrefix(line))) continue
      const { key, versionId } = flag
      if (versionId !== null) {
        if (!this.isFull && !listed.has(versionName({ key, versionId }))) this.addFlag(flag)
      } else if (flag.range !== null) {
        const range = toRange(flag.range)
        if (!isCovered(runs, range) && (!this.isFull || (first !== null && range.start >= first)))
          this.addFlag(flag)
      }
    }
  }

  /** In order. */
  private flaggedRanges(line: WalLine, isWanted: (flag: WalFlag) => boolean): readonly WalRange[] {
    const prefix = walLinePrefix(line)
    const ranges = [...this.flags.values()].flatMap((flag) =>
      flag.range !== null && flag.key.startsWith(prefix) && isWanted(flag) ? [toRange(flag.range)] : [],
    )
    return new AttestedRuns(ranges).all
  }

  /** A timeline that is hidden although its locks have not ended. */
  flagLostLines(present: readonly WalLine[]): void {
    const { last, nowMs } = this.start
    for (const line of last?.lines ?? []) {
      const { systemId, timeline, lockedUntilMs } = line
      if (present.some((entry) => entry.systemId === systemId && entry.timeline === timeline)) continue
      if (lockedUntilMs <= nowMs) continue
      this.lines.unshift(line)
      const key = walLinePrefix({ source: this.options.source, systemId, timeline })
      const detail = `all WAL of timeline ${timeline} was attested, and is in the vault no more`
      this.addFlag({ kind: 'lost', key, versionId: null, range: null, detail })
    }
  }

  /** After `pg_upgrade` the old cluster writes no more. Two that write at the same time would mix two histories. */
  flagOtherClusters(): void {
    const clusters = [...this.clusters].sort(([, a], [, b]) => a.firstMs - b.firstMs)
    for (const [index, [systemId, { firstMs }]] of clusters.entries()) {
      const earlier = clusters.slice(0, index).find(([, { lastMs }]) => lastMs > firstMs)
      if (earlier === undefined) continue
      const key = `${walPrefix(this.options.source)}${systemId}/`
      const detail = `the clusters ${earlier[0]} and ${systemId} write their WAL under one source`
      this.addFlag({ kind: 'other-cluster', key, versionId: null, range: null, detail })
    }
  }

  private flag(
    { key, versionId, start, end }: ListedPart,
    { kind, detail }: { kind: string; detail: string },
  ): void {
    this.addFlag({ kind, key, versionId, range: rangeOf({ start, end }), detail: clip(detail) })
  }

  private addFlag(flag: WalFlag): void {
    this.flags.set(flagName(flag), flag)
  }
}

interface LineState {
  line: WalLine
  /** The runs of the last receipt. */
  earlier: readonly WalRange[]
  attested: AttestedRuns
  /** The versions that the last receipt flags, and that this run listed. */
  listed: Set<string>
  /** The first position that this run listed. */
  first: bigint | null
  lockedUntilMs: number
}

function flagName({ kind, key, versionId, range }: WalFlag): string {
  return versionId === null ? `${kind} ${key} ${range?.join() ?? ''}` : `${key} ${versionId}`
}

function rangeOf({ start, end }: WalRange): [string, string] {
  return [lsnHex(start), lsnHex(end)]
}

function toRange([start, end]: readonly [string, string]): WalRange {
  return { start: parseLsnHex(start)!, end: parseLsnHex(end)! }
}

/** A message may have text of the writer. */
function clip(text: string): string {
  return pathText(Buffer.from(text)).slice(0, maxReceiptText)
}
