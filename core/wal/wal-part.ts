// A WAL part: bytes of a cluster's write-ahead log, from one position up to another one. It is a whole segment, as
// `archive_command` gives it, or what a stream received since the last part. No part crosses the border of a segment.
//
// A part also records the last times of commits and aborts in it. A recovery to a time T stops at the first of them
// past T, and fails if there is none, so that a restore needs the times before it begins.
import { z } from 'zod'
import { sha256Hex } from '../digest.ts'
import { HoldfastError } from '../errors.ts'
import { maxWalPartBytes, maxWalPartObjectBytes } from '../limits.ts'
import { isSourceName, isUlid } from '../store/vault-keys.ts'
import { isSegmentBytes, isTimeline, lsnHex, lsnText, parseLsnHex, segmentStart } from './lsn.ts'
import { isSystemId } from './wal-keys.ts'
import type { WalPartName } from './wal-keys.ts'
import { decodeWalBody, compressWal, decodeWalHead, encodeWalObject, walDamaged } from './wal-object.ts'

/** A record that ends a transaction. */
export interface TransactionEnd {
  /** Where the record begins; it may begin in an earlier part. */
  lsn: bigint
  /** Microseconds since 2000-01-01 00:00:00 UTC, by the clock of the server: PostgreSQL's own unit. */
  timeUs: bigint
}

/** The statements of a writer about the bytes of a part. */
export interface WalPartFacts {
  /** The size of the cluster's segments; a power of two. */
  segmentBytes: number
  /** PostgreSQL's major version, e.g. 15: the WAL of each is another one. */
  postgresMajor: number
  /** The commit with the latest time among those whose record ends in the part; null if there is none. */
  lastCommit: TransactionEnd | null
  /** The same for aborts. */
  lastAbort: TransactionEnd | null
  /**
   * True if each record that ends in the part was examined. False if the first one begins in an earlier part, which
   * the writer had not.
   */
  isExamined: boolean
  /**
   * A time, in the unit of commits, at which the server had written no WAL past the part's end; null if it was not
   * asked. A part of zero bytes says this alone.
   */
  idleAtUs: bigint | null
}

export interface WalPart extends WalPartName, WalPartFacts {
  /** SHA-256 of the bytes of the log. */
  sha256: string
}

const microseconds = z.string().regex(/^(0|-?[1-9][0-9]{0,18})$/)
const position = z.string().refine((text) => parseLsnHex(text) !== null, 'not a position')
const transactionEnd = z.strictObject({ lsn: position, time: microseconds }).nullable()

const headerSchema = z.strictObject({
  kind: z.literal('wal'),
  source: z.string().refine(isSourceName, "not a source's name"),
  id: z.string().refine(isUlid, 'not a ULID'),
  systemId: z.string().refine(isSystemId, 'not a system identifier'),
  timeline: z.number().refine(isTimeline, 'not a timeline'),
  start: position,
  end: position,
  segmentBytes: z.number().refine(isSegmentBytes, 'not the size of a segment'),
  postgresMajor: z.number().int().min(10).max(1000),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  lastCommit: transactionEnd,
  lastAbort: transactionEnd,
  examined: z.boolean(),
  idleAt: microseconds.nullable(),
})
type Header = z.infer<typeof headerSchema>

/**
 * Compresses a part once, for as many attempts to upload it as are needed: each has an id of its own.
 * @param bytes the log from `range.start` up to `range.end`, and their `sha256`.
 * @throws `internal` for a part that a reader would refuse.
 */
export async function prepareWalPart(
  range: Omit<WalPartName, 'id'>,
  facts: WalPartFacts,
  bytes: Uint8Array,
  sha256 = sha256Hex(bytes),
): Promise<(id: string) => Buffer> {
  const frame = await compressWal(bytes)
  const description = { ...facts, sha256, bytes: bytes.length }
  return (id) => encodeWalObject(headerOf({ ...range, id }, description), frame)
}

/** As `prepareWalPart`, for one attempt. */
export async function encodeWalPart(
  name: WalPartName,
  facts: WalPartFacts,
  bytes: Uint8Array,
): Promise<Buffer> {
  return (await prepareWalPart(name, facts, bytes))(name.id)
}

function headerOf(name: WalPartName, facts: WalPartFacts & { sha256: string; bytes: number }): Header {
  const header: Header = {
    kind: 'wal',
    source: name.source,
    id: name.id,
    systemId: name.systemId,
    timeline: name.timeline,
    start: lsnHex(name.start),
    end: lsnHex(name.end),
    segmentBytes: facts.segmentBytes,
    postgresMajor: facts.postgresMajor,
    sha256: facts.sha256,
    lastCommit: encodeEnd(facts.lastCommit),
    lastAbort: encodeEnd(facts.lastAbort),
    examined: facts.isExamined,
    idleAt: facts.idleAtUs === null ? null : String(facts.idleAtUs),
  }
  const problem =
    rangeProblem(name, facts.segmentBytes) ??
    (BigInt(facts.bytes) === name.end - name.start ? null : `it has ${facts.bytes} bytes`)
  if (problem !== null || !headerSchema.safeParse(header).success)
    throw new HoldfastError(
      'internal',
      `${subjectOf(name)} can't be written: ${problem ?? 'a field is wrong'}`,
    )
  return header
}

/**
 * The header of a part.
 * @param head the first `walHeadBytes` bytes of the object, or all of it.
 * @param name what the object's key says: a part under another key is refused.
 * @throws `damaged`, or `unsupported-format` for a version that this code doesn't read.
 */
export function decodeWalPartHead(head: Uint8Array, name: WalPartName): WalPart {
  return decodeHead(head, name).part
}

/** @param object all bytes of the object. Throws as `decodeWalPartHead`. */
export async function decodeWalPart(
  object: Uint8Array,
  name: WalPartName,
): Promise<{ part: WalPart; bytes: Buffer }> {
  const subject = subjectOf(name)
  if (object.length > maxWalPartObjectBytes) throw walDamaged(subject, `it has ${object.length} bytes`)
  const { part, bodyOffset } = decodeHead(object, name)
  const bytes = await decodeWalBody(object.subarray(bodyOffset), Number(part.end - part.start), subject)
  if (BigInt(bytes.length) !== part.end - part.start)
    throw walDamaged(subject, `it decodes to ${bytes.length} bytes`)
  if (sha256Hex(bytes) !== part.sha256) throw walDamaged(subject, 'it has other bytes than its hash says')
  return { part, bytes }
}

function decodeHead(head: Uint8Array, name: WalPartName): { part: WalPart; bodyOffset: number } {
  const subject = subjectOf(name)
  const { header, bodyOffset } = decodeWalHead(head, headerSchema, subject)
  const { source, id, systemId, timeline, segmentBytes, postgresMajor, sha256 } = header
  const start = parseLsnHex(header.start)!
  const end = parseLsnHex(header.end)!
  const isNamed =
    source === name.source && id === name.id && systemId === name.systemId && timeline === name.timeline
  if (!isNamed || start !== name.start || end !== name.end)
    throw walDamaged(subject, 'it claims to be another part')
  const problem = rangeProblem(name, segmentBytes)
  if (problem !== null) throw walDamaged(subject, problem)
  const part: WalPart = {
    ...{ source, systemId, timeline, start, end, id, segmentBytes, postgresMajor, sha256 },
    lastCommit: decodeEnd(header.lastCommit),
    lastAbort: decodeEnd(header.lastAbort),
    isExamined: header.examined,
    idleAtUs: header.idleAt === null ? null : BigInt(header.idleAt),
  }
  return { part, bodyOffset }
}

function rangeProblem({ start, end }: WalPartName, segmentBytes: number): string | null {
  if (end - start > BigInt(maxWalPartBytes)) return `it claims ${end - start} bytes`
  if (end > segmentStart(start, segmentBytes) + BigInt(segmentBytes))
    return 'it crosses the border of a segment'
  return null
}

function encodeEnd(end: TransactionEnd | null): Header['lastCommit'] {
  return end === null ? null : { lsn: lsnHex(end.lsn), time: String(end.timeUs) }
}

function decodeEnd(end: Header['lastCommit']): TransactionEnd | null {
  return end === null ? null : { lsn: parseLsnHex(end.lsn)!, timeUs: BigInt(end.time) }
}

function subjectOf({ source, timeline, start, end }: WalPartName): string {
  return `the WAL of ${source} on timeline ${timeline} from ${lsnText(start)} to ${lsnText(end)}`
}
