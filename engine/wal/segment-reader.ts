// Makes a segment of the write-ahead log again, of the parts that the vault has. PostgreSQL takes a damaged segment,
// and one of another cluster, for the end of the log, and promotes. So each of them is an error here.
import { HoldfastError } from '../../core/errors.ts'
import { maxWalPartObjectBytes } from '../../core/limits.ts'
import type { ObjectStore } from '../../core/store/object-store.ts'
import { lsnText, segmentName, timelineHex } from '../../core/wal/lsn.ts'
import { coverRange } from '../../core/wal/wal-coverage.ts'
import type { WalRange } from '../../core/wal/wal-coverage.ts'
import { decodeWalHistory } from '../../core/wal/wal-history.ts'
import type { EarlierTimeline } from '../../core/wal/wal-history.ts'
import type { WalLine } from '../../core/wal/wal-keys.ts'
import { listSegment, listWalLine } from '../../core/wal/wal-list.ts'
import type { WalPartRef } from '../../core/wal/wal-list.ts'
import { walDamaged, walHeadBytes } from '../../core/wal/wal-object.ts'
import { readSegmentHeader } from '../../core/wal/wal-page.ts'
import { decodeWalPart, decodeWalPartHead } from '../../core/wal/wal-part.ts'

type Reader = Pick<ObjectStore, 'listVersions' | 'getRange'>

export interface SegmentRequest extends WalLine {
  start: bigint
  segmentBytes: number
}

/**
 * The segment that begins at `start`, filled with zeros after the last byte that the vault has: PostgreSQL replays
 * the records that are whole.
 * @returns null if the vault has nothing of it, and no later WAL of this timeline either.
 * @throws `damaged` for a gap, or for a part that can't be used; `conflict` for two parts of one range with other
 * bytes.
 */
export async function readSegment(store: Reader, request: SegmentRequest): Promise<Buffer | null> {
  const { start, segmentBytes } = request
  const segment = Buffer.alloc(segmentBytes)
  const range = { start, end: start + BigInt(segmentBytes) }
  const missing = await fill(store, request, { range, segment })
  const hole = missing.find(({ end }) => end < range.end)
  if (hole !== undefined) throw gap(request, hole)
  const [tail] = missing
  if (tail !== undefined) await assertEndOfLine(store, request, tail)
  if (tail?.start === start) return null
  const header = readSegmentHeader(segment)
  if (header?.systemId !== request.systemId || header.start !== start || header.segmentBytes !== segmentBytes)
    throw walDamaged(subjectOf(request), 'its first page is of another cluster or position')
  return segment
}

/** The history file of a timeline; null if the vault has none. Throws as `readSegment`. */
export async function readHistory(
  store: Reader,
  line: WalLine,
): Promise<{ bytes: Buffer; earlier: EarlierTimeline[] } | null> {
  const { histories } = await listWalLine(store, line)
  let first: Awaited<ReturnType<typeof decodeWalHistory>> | null = null
  for (const ref of histories) {
    const history = await decodeWalHistory(await readObject(store, ref), ref)
    if (first !== null && !first.bytes.equals(history.bytes))
      throw conflict(`history files of timeline ${line.timeline} of ${line.source}`)
    first ??= history
  }
  return first
}

/** @returns the ranges of which the vault has nothing. */
async function fill(
  store: Reader,
  request: SegmentRequest,
  { range, segment }: { range: WalRange; segment: Buffer },
): Promise<WalRange[]> {
  const parts = (await listSegment(store, request, request)).filter(({ start, end }) => end > start)
  const cover = coverRange(parts, range)
  await assertNoConflict(store, cover)
  for (const ref of cover.parts) {
    const { part, bytes } = await decodeWalPart(await readObject(store, ref), ref)
    if (part.segmentBytes !== request.segmentBytes) throw otherSize(request, part.segmentBytes)
    const end = part.end < range.end ? part.end : range.end
    bytes.copy(segment, Number(part.start - request.start), 0, Number(end - part.start))
  }
  const [first] = cover.missing
  if (first?.start !== range.start || first.end === range.end) return cover.missing
  return [...(await fillBefore(store, request, { range: first, segment })), ...cover.missing.slice(1)]
}

/** A timeline begins in the middle of a segment: the bytes before are those of the timeline before it. */
async function fillBefore(
  store: Reader,
  request: SegmentRequest,
  { range, segment }: { range: WalRange; segment: Buffer },
): Promise<WalRange[]> {
  const history = await readHistory(store, request)
  const before = history?.earlier.at(-1)
  if (before === undefined || before.end < range.end) return [range]
  return fill(store, { ...request, timeline: before.timeline }, { range, segment })
}

async function assertNoConflict(
  store: Reader,
  { parts, twins }: { parts: readonly WalPartRef[]; twins: readonly WalPartRef[] },
): Promise<void> {
  for (const twin of twins) {
    const part = parts.find(({ start, end }) => start === twin.start && end === twin.end)!
    const [head, twinHead] = [await readHead(store, part), await readHead(store, twin)]
    if (head.sha256 !== twinHead.sha256)
      throw conflict(
        `parts of the WAL of ${twin.source} at ${lsnText(twin.start)} of timeline ${twin.timeline}`,
      )
  }
}

/** @throws `damaged` if later WAL follows; `invalid-input` if the cluster's segments have another size. */
async function assertEndOfLine(store: Reader, request: SegmentRequest, tail: WalRange): Promise<void> {
  const { parts } = await listWalLine(store, request)
  if (parts.some(({ start, end }) => start >= tail.start && end > start)) throw gap(request, tail)
  const last = parts.at(-1)
  if (last === undefined) return
  const { segmentBytes } = await readHead(store, last)
  // The name of a segment means another position then, at which the vault has nothing.
  if (segmentBytes !== request.segmentBytes) throw otherSize(request, segmentBytes)
}

async function readHead(store: Reader, ref: WalPartRef) {
  return decodeWalPartHead(await store.getRange(ref, 0, Math.min(ref.storedBytes, walHeadBytes)), ref)
}

async function readObject(
  store: Reader,
  ref: { key: string; versionId: string; storedBytes: number },
): Promise<Uint8Array> {
  if (ref.storedBytes > maxWalPartObjectBytes)
    throw walDamaged(`the object ${ref.key}`, `it has ${ref.storedBytes} bytes`)
  return store.getRange(ref, 0, ref.storedBytes)
}

function gap(request: SegmentRequest, { start, end }: WalRange): HoldfastError {
  return walDamaged(
    subjectOf(request),
    `the vault has nothing from ${lsnText(start)} to ${lsnText(end)}, and later WAL`,
  )
}

function otherSize(request: SegmentRequest, segmentBytes: number): HoldfastError {
  return new HoldfastError(
    'invalid-input',
    `the cluster of ${request.source} has segments of ${segmentBytes} bytes, not ${request.segmentBytes}`,
    { hint: `pass --segment-bytes ${segmentBytes}` },
  )
}

function conflict(subject: string): HoldfastError {
  return new HoldfastError('conflict', `the vault has two different ${subject}`, {
    hint: 'find out which cluster wrote each of them: two clusters must never write under one source',
  })
}

function subjectOf({ source, timeline, start, segmentBytes }: SegmentRequest): string {
  return `the segment ${segmentName(timeline, start, segmentBytes)} of ${source} (timeline ${timelineHex(timeline)})`
}
