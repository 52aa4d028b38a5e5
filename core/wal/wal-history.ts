// The history file of a timeline, as PostgreSQL writes it at a promotion: which timelines came before, and where each
// ended.
import { z } from 'zod'
import { sha256Hex } from '../digest.ts'
import { HoldfastError } from '../errors.ts'
import { maxWalHistoryBytes } from '../limits.ts'
import { isSourceName, isUlid } from '../store/vault-keys.ts'
import { isTimeline, parseLsn } from './lsn.ts'
import { isSystemId } from './wal-keys.ts'
import type { WalHistoryName, WalLine } from './wal-keys.ts'
import { decodeWalBody, compressWal, decodeWalHead, encodeWalObject, walDamaged } from './wal-object.ts'

const headerSchema = z.strictObject({
  kind: z.literal('wal-history'),
  source: z.string().refine(isSourceName, "not a source's name"),
  id: z.string().refine(isUlid, 'not a ULID'),
  systemId: z.string().refine(isSystemId, 'not a system identifier'),
  timeline: z.number().refine(isTimeline, 'not a timeline'),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z.number().int().min(1).max(maxWalHistoryBytes),
})
type Header = z.infer<typeof headerSchema>

/** A timeline before another one. */
export interface EarlierTimeline {
  timeline: number
  /** The first position that isn't of this timeline any more. */
  end: bigint
}

/**
 * As `prepareWalPart`, for a history file.
 * @throws `invalid-input` for a file that is no history of this timeline.
 */
export async function prepareWalHistory(line: WalLine, bytes: Uint8Array): Promise<(id: string) => Buffer> {
  if (parseHistory(bytes, line.timeline) === null)
    throw new HoldfastError('invalid-input', `${subjectOf(line)} is not a file that PostgreSQL writes`)
  const frame = await compressWal(bytes)
  const description = { sha256: sha256Hex(bytes), bytes: bytes.length }
  return (id) => encodeWalObject(headerSchema.parse(headerOf({ ...line, id }, description)), frame)
}

function headerOf(name: WalHistoryName, { sha256, bytes }: { sha256: string; bytes: number }): Header {
  const { source, id, systemId, timeline } = name
  return { kind: 'wal-history', source, id, systemId, timeline, sha256, bytes }
}

/** @throws `damaged`, or `unsupported-format` for a version that this code doesn't read. */
export async function decodeWalHistory(
  object: Uint8Array,
  name: WalHistoryName,
): Promise<{ bytes: Buffer; earlier: EarlierTimeline[] }> {
  const subject = subjectOf(name)
  const { header, bodyOffset } = decodeWalHead(object, headerSchema, subject)
  const isNamed = header.source === name.source && header.id === name.id && header.systemId === name.systemId
  if (!isNamed || header.timeline !== name.timeline) throw walDamaged(subject, 'it claims to be another one')
  const bytes = await decodeWalBody(object.subarray(bodyOffset), header.bytes, subject)
  if (bytes.length !== header.bytes) throw walDamaged(subject, `it decodes to ${bytes.length} bytes`)
  if (sha256Hex(bytes) !== header.sha256) throw walDamaged(subject, 'it has other bytes than its hash says')
  const earlier = parseHistory(bytes, name.timeline)
  if (earlier === null) throw walDamaged(subject, 'it is not a file that PostgreSQL writes')
  return { bytes, earlier }
}

/**
 * The timelines before `timeline`, oldest first; null for a file that PostgreSQL wouldn't take: their numbers rise,
 * and so do their ends.
 */
export function parseHistory(bytes: Uint8Array, timeline: number): EarlierTimeline[] | null {
  if (bytes.length > maxWalHistoryBytes) return null
  const earlier: EarlierTimeline[] = []
  for (const line of Buffer.from(bytes).toString('latin1').split('\n')) {
    if (/^\s*(#|$)/.test(line)) continue
    const [, number, position] =
      /^\s*(\d{1,10})\s+([0-9A-Fa-f]{1,8}\/[0-9A-Fa-f]{1,8})(?:\s|$)/.exec(line) ?? []
    if (number === undefined) return null
    const entry = { timeline: Number(number), end: parseLsn(position!) }
    const before = earlier.at(-1)
    const rises = before === undefined || (before.timeline < entry.timeline && before.end <= entry.end)
    if (!isTimeline(entry.timeline) || entry.timeline >= timeline || !rises) return null
    earlier.push(entry)
  }
  return earlier.length === 0 ? null : earlier
}

function subjectOf({ source, timeline }: WalLine): string {
  return `the history of timeline ${timeline} of ${source}`
}
