// Pushes one file of the write-ahead log into the vault. It ends only when the vault has acknowledged every byte,
// because PostgreSQL then removes the file.
import { readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { sha256Hex } from '../../core/digest.ts'
import { HoldfastError } from '../../core/errors.ts'
import { maxWalHistoryBytes, maxWalPartBytes } from '../../core/limits.ts'
import type { UploadEnvironment } from '../../core/store/upload.ts'
import { lsnText, parseSegmentName, segmentName } from '../../core/wal/lsn.ts'
import { RecordWalk } from '../../core/wal/record-walk.ts'
import type { WalkedFacts, WalkState } from '../../core/wal/record-walk.ts'
import type { WalLine } from '../../core/wal/wal-keys.ts'
import { readSegmentHeader } from '../../core/wal/wal-page.ts'
import type { SegmentHeader } from '../../core/wal/wal-page.ts'
import type { PushJournal } from './push-journal.ts'
import { parseWalFileName, WalFile } from './wal-file.ts'
import { uploadWalHistory, uploadWalPart } from './wal-upload.ts'

export interface PushOptions extends UploadEnvironment {
  source: string
  journal: PushJournal
  /** The system identifier of a cluster that takes the place of the one before, e.g. after pg_upgrade. */
  acceptedSystemId?: string | undefined
}

export interface PushResult {
  file: string
  /**
   * `pushed`: the vault has acknowledged it now. `repeated`: it had acknowledged the same bytes before. `skipped`:
   * the vault needs no such file.
   */
  outcome: 'pushed' | 'repeated' | 'skipped'
  bytes: number
  storedBytes: number
  /** A reason to look at the server; null if there is none. */
  warning: string | null
}

/** Bytes that the file header of pg_control takes: the system identifier stands first. */
const systemIdBytes = 8

/**
 * @param path as `archive_command` gets it: below the data directory.
 * @throws `conflict` for another cluster than before, or for other bytes under a name that the vault has;
 * `invalid-input` for a file that is no WAL.
 */
export async function pushWalFile(options: PushOptions, path: string): Promise<PushResult> {
  const name = parseWalFileName(path)
  const result = { file: basename(path), bytes: 0, storedBytes: 0, warning: null }
  if (name.kind === 'backup') return { ...result, outcome: 'skipped' }
  const file = new WalFile(path)
  try {
    if (name.kind === 'history') return await pushHistory(options, file, Number.parseInt(name.stem, 16))
    return await pushSegment(options, file, name.kind === 'partial')
  } finally {
    file.close()
  }
}

async function pushHistory(options: PushOptions, file: WalFile, timeline: number): Promise<PushResult> {
  if (file.bytes > maxWalHistoryBytes)
    throw new HoldfastError('invalid-input', `${file.path} is no history file: it has ${file.bytes} bytes`)
  const bytes = file.read(0, file.bytes)
  const systemId = readSystemId(file.path) ?? options.journal.systemId
  if (systemId === null)
    throw new HoldfastError('not-found', `no system identifier found for ${file.path}`, {
      hint: 'run the command in the data directory of PostgreSQL, as archive_command does',
    })
  assertSameCluster(options, systemId, file.path)
  const digest = sha256Hex(bytes)
  const { journal, source } = options
  const name = basename(file.path)
  if (isRepeated(options, name, digest)) return resultOf(file, 'repeated')
  const { storedBytes } = await uploadWalHistory(options, { source, systemId, timeline }, bytes)
  journal.put(name, { digest, isPushed: true, state: null })
  return { ...resultOf(file, 'pushed'), storedBytes }
}

/** A segment, read and walked: the parts to upload, at most `maxWalPartBytes` each. */
interface Segment {
  line: WalLine
  header: SegmentHeader & { postgresMajor: number }
  parts: { offset: number; digest: string; facts: WalkedFacts }[]
  /** The bytes that are pushed; fewer than the file has for the last segment of a timeline. */
  length: number
  /** The bytes of the only part; null if there are several, which are read again. */
  bytes: Buffer | null
  digest: string
  state: WalkState | null
  warning: string | null
}

async function pushSegment(options: PushOptions, file: WalFile, isPartial: boolean): Promise<PushResult> {
  const segment = readSegment(options, file, isPartial)
  const { header, line, digest, state, warning } = segment
  const name = basename(file.path)
  if (isRepeated(options, name, digest)) return resultOf(file, 'repeated')
  if (segment.parts.length === 0) return { ...resultOf(file, 'skipped'), warning }
  options.journal.put(name, { digest, isPushed: false, state })
  let storedBytes = 0
  for (const [index, part] of segment.parts.entries()) {
    const end = segment.parts[index + 1]?.offset ?? segment.length
    const bytes = segment.bytes ?? file.read(part.offset, end - part.offset)
    // Bytes that stayed in memory have the hash of the first reading.
    if (segment.bytes === null && sha256Hex(bytes) !== part.digest)
      throw new HoldfastError('conflict', `${file.path} changed while it was read`)
    const facts = {
      segmentBytes: header.segmentBytes,
      postgresMajor: header.postgresMajor,
      ...part.facts,
      idleAtUs: null,
    }
    const start = header.start + BigInt(part.offset)
    storedBytes += (await uploadWalPart(options, line, facts, { start, bytes, sha256: part.digest }))
      .storedBytes
  }
  options.journal.put(name, { digest, isPushed: true, state })
  return { ...resultOf(file, 'pushed'), storedBytes, warning }
}

function readSegment(options: PushOptions, file: WalFile, isPartial: boolean): Segment {
  const first = file.read(0, Math.min(file.bytes, maxWalPartBytes))
  const name = basename(file.path).slice(0, 24)
  const header = readSegmentHeader(first)
  const position = header === null ? null : parseSegmentName(name, header.segmentBytes)
  // The first segment of a timeline begins with pages that its server copied from the timeline before.
  const isNamed =
    position !== null && position.start === header?.start && header.timeline <= position.timeline
  if (header === null || !isNamed || file.bytes !== header.segmentBytes)
    throw new HoldfastError('invalid-input', `${file.path} is no segment of this name`, {
      hint: 'PostgreSQL or the disk has damaged it, or it was copied from elsewhere: nothing was uploaded, and PostgreSQL keeps it',
    })
  assertSameCluster(options, header.systemId, file.path)
  const { timeline } = position
  const length = isPartial ? recordsLength(file, header) : file.bytes
  const walk = beginWalk(options.journal, timeline, header)
  const parts: Segment['parts'] = []
  let bytes = first
  for (let offset = 0; offset < length; offset += maxWalPartBytes) {
    const partBytes = Math.min(length - offset, maxWalPartBytes)
    bytes = offset === 0 ? first.subarray(0, partBytes) : file.read(offset, partBytes)
    walk.feed(bytes)
    parts.push({ offset, digest: sha256Hex(bytes), facts: walk.takeFacts() })
  }
  return {
    line: { source: options.source, systemId: header.systemId, timeline },
    header: { ...header, postgresMajor: header.postgresMajor ?? readMajor(file.path) },
    parts,
    length,
    bytes: parts.length === 1 ? bytes : null,
    digest: parts.map(({ digest }) => digest).join(','),
    state: walk.state,
    warning: walk.isEnded ? `its records end at ${lsnText(walk.end)}: a recovery ends there too` : null,
  }
}

/** The last segment of a timeline has valid records up to the switch alone. */
function recordsLength(file: WalFile, { start, segmentBytes }: SegmentHeader): number {
  const walk = new RecordWalk({ start, segmentBytes })
  for (let offset = 0; offset < file.bytes && !walk.isEnded; offset += maxWalPartBytes)
    walk.feed(file.read(offset, Math.min(file.bytes - offset, maxWalPartBytes)))
  return Number(walk.end - start)
}

/** Goes on in the middle of a record, if the segment before was pushed from this machine. */
function beginWalk(
  journal: PushJournal,
  timeline: number,
  { start, segmentBytes }: SegmentHeader,
): RecordWalk {
  const position = { start, segmentBytes }
  const earlier = start - BigInt(segmentBytes)
  const row = earlier < 0n ? null : journal.lookup(segmentName(timeline, earlier, segmentBytes))
  const state = row?.state ?? null
  return (state === null ? null : RecordWalk.resume(state, position)) ?? new RecordWalk(position)
}

/** @throws `conflict` if the vault has other bytes under this name. */
function isRepeated({ journal, source }: PushOptions, name: string, digest: string): boolean {
  const row = journal.lookup(name)
  if (row?.isPushed !== true) return false
  if (row.digest === digest) return true
  throw new HoldfastError(
    'conflict',
    `${name} has other bytes than the file of this name that ${source} has in the vault`,
    {
      hint: 'two clusters write under one source, or this one went back in time: find out which is the right one, and give the other a source of its own',
    },
  )
}

/** @throws `conflict` for another cluster than the one that pushed before. */
function assertSameCluster(
  { journal, source, acceptedSystemId }: PushOptions,
  systemId: string,
  path: string,
): void {
  const before = journal.systemId
  if (before === systemId) return
  if (before !== null && acceptedSystemId !== systemId)
    throw new HoldfastError(
      'conflict',
      `${path} is of the cluster ${systemId}, and ${source} has WAL of ${before}`,
      {
        hint: `give this cluster a source of its own; if it takes the place of the other one (pg_upgrade), push one file by hand with --accept-cluster ${systemId}`,
        context: { systemId, expected: before },
      },
    )
  journal.systemId = systemId
}

function readSystemId(path: string): string | null {
  const control = readBeside(path, 'global/pg_control')
  return control === null || control.length < systemIdBytes ? null : String(control.readBigUInt64LE(0))
}

/** @throws `unsupported-format` if neither the WAL nor the data directory names a version. */
function readMajor(path: string): number {
  const text = readBeside(path, 'PG_VERSION')?.toString('latin1').trim() ?? ''
  if (/^\d{2,3}$/.test(text)) return Number(text)
  throw new HoldfastError('unsupported-format', `${path} is of an unknown version of PostgreSQL`, {
    hint: 'update Holdfast, and run the command in the data directory of PostgreSQL, as archive_command does',
  })
}

/** A file of the data directory, in which `pg_wal` lies; null if it can't be read. */
function readBeside(path: string, name: string): Buffer | null {
  try {
    return readFileSync(join(dirname(path), '..', name))
  } catch {
    return null
  }
}

function resultOf(file: WalFile, outcome: PushResult['outcome']): PushResult {
  return { file: basename(file.path), outcome, bytes: file.bytes, storedBytes: 0, warning: null }
}
