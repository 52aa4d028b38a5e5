// The memory of runs of checks about one source, in a local file outside the vault: the high-water mark, each manifest,
// and each object with the end of its lock. It saves requests, and it notices a vault that went back in time.
//
//   file := header line; one line for each manifest, each object, and up to 1000 digests of the sample; the SHA-256 of
//           all lines before
//
// The file may be hostile. One that doesn't check is begun anew, and the run reports it.
import { createHash } from 'node:crypto'
import { readFileSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { sha256Hex } from '../core/digest.ts'
import { maxReceiptFlags } from '../core/limits.ts'
import { isUlid, manifestKey, parseManifestKey, parsePackKey } from '../core/store/vault-keys.ts'
import { isSegmentBytes, isTimeline, parseLsnHex } from '../core/wal/lsn.ts'
import { isSystemId } from '../core/wal/wal-keys.ts'
import { assertOwnFile, prepareCacheDirectory } from '../engine/backup/cache-directory.ts'
import type { LocalFiles } from '../engine/backup/cache-directory.ts'
import { ContentSample, sampleSecretBytes, sampledDigestBytes } from './behaviour/content-sample.ts'
import type { DailyUploads } from './behaviour/daily-figures.ts'
import { replaceFile } from './local-file.ts'

const stateFiles: LocalFiles = {
  name: 'the state of the checks',
  hint: 'give --state-dir a directory of this user that no other user may write to (chmod go-w), by a path without links',
}

const formatVersion = 1
/** More have no place in one state: a run reports them. */
export const maxWalRuns = 1000
export const maxWalLines = 100
export const maxUnusableParts = 1000
const maxStateBytes = 512 * 1024 * 1024
const linesAtOnce = 1000

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const time = count.max(8.64e15)
const ulid = z.string().refine(isUlid)
const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const versionId = z.string().min(1).max(1024)

function hexOf(bytes: number): z.ZodString {
  return z.string().regex(new RegExp(`^[0-9a-f]{${bytes * 2}}$`))
}

const position = z.string().refine((text) => parseLsnHex(text) !== null)

const walLine = z.strictObject({
  systemId: z.string().refine(isSystemId),
  timeline: z.number().refine(isTimeline),
  /** Bytes without a gap, in order: where they begin and end, and when the vault got the last part that ends there. */
  runs: z.array(z.tuple([position, position, time])).max(maxWalRuns),
})

const mark = z.strictObject({ id: ulid, versionId, timeMs: time })

const header = z.strictObject({
  kind: z.literal('check-state'),
  formatVersion: z.literal(formatVersion),
  vault: z.string(),
  source: z.string(),
  mark: mark.nullable(),
  /** The store's clock at the last run. */
  serverMs: time,
  /** The day, by the store's clock, up to which shares of bytes were read; null before the first. */
  readDay: count.nullable(),
  /** When every version of the source was listed last. */
  fullListingMs: time,
  /** Versions and bytes below each folder of the source. */
  folders: z.array(z.tuple([z.string(), count, count])).max(100_000),
  /** Objects and bytes that were uploaded on each day. */
  uploads: z
    .array(z.tuple([count, count, count]))
    .max(1000)
    .default([]),
  /** The WAL of the source, as far as earlier runs listed it. */
  wal: z
    .strictObject({
      /** When all of it was listed last. */
      listedMs: time,
      /** The headers of parts before this time were read. */
      readMs: time,
      lines: z.array(walLine).max(maxWalLines),
      /** Versions of parts that can't be used, by name. */
      unusable: z.array(z.string().max(2100)).max(maxUnusableParts),
    })
    .optional(),
  /** The rule of the sample of the content; the lines of `content` have its digests. */
  sample: z
    .strictObject({ secret: hexOf(sampleSecretBytes), bits: z.number().int().min(0).max(32) })
    .optional(),
})

const manifestRecord = z.strictObject({
  id: ulid,
  versionId,
  timeMs: time,
  /** Null: no restore can use it. */
  manifest: z
    .strictObject({
      sha256,
      complete: z.boolean(),
      files: count,
      bytes: count,
      parent: z.strictObject({ id: ulid, sha256 }).nullable(),
      supersedes: z.array(ulid),
      host: z.string(),
      root: z.string(),
      guaranteedUntilMs: time,
      /** The cluster that ran while it was backed up; null for files. Absent in states of an earlier program. */
      cluster: z
        .strictObject({
          systemId: z.string().refine(isSystemId),
          timeline: z.number().refine(isTimeline),
          startLsn: position,
          /** The files are one state from here on. */
          stopLsn: position,
          segmentBytes: z.number().refine(isSegmentBytes),
        })
        .nullable()
        .optional(),
      /** Figures for the baselines; absent if the run that read the manifest did not know them. */
      figures: z
        .strictObject({
          neededBytes: count,
          packs: count,
          newBytes: count.nullable(),
          incompressibleBytes: count.nullable(),
          leftOut: count,
        })
        .optional(),
    })
    .nullable(),
  reason: z.string().nullable(),
  /** The newest valid receipt that a run read attests it. */
  isAttested: z.boolean(),
  /** The kinds of flags that this receipt raises; null: no run has read them. */
  flags: z.array(z.string().max(40)).max(maxReceiptFlags).nullable().default(null),
})

const objectRecord = z.strictObject({
  key: z.string().refine((key) => parsePackKey(key) !== null || parseManifestKey(key) !== null),
  versionId,
  sha256,
  bytes: count,
  /** The id of the last snapshot that needs it, and the end of that snapshot's guaranteed retention. */
  neededBy: ulid,
  neededUntilMs: time,
  /** The end of its lock; null before a run has looked and found the object sound. */
  lockedUntilMs: time.nullable(),
  /** Its bytes were read, and are not those that were uploaded. */
  isCorrupt: z.boolean(),
})

const contentRecord = z.strictObject({
  day: count,
  digests: z.string().regex(new RegExp(`^(?:[0-9a-f]{${sampledDigestBytes * 2}})+$`)),
})

const line = z.union([
  z.strictObject({ manifest: manifestRecord }),
  z.strictObject({ object: objectRecord }),
  z.strictObject({ content: contentRecord }),
])

export type StateMark = z.infer<typeof mark>
export type ManifestRecord = z.infer<typeof manifestRecord>
export type ContentFigures = NonNullable<NonNullable<ManifestRecord['manifest']>['figures']>
export type ObjectRecord = z.infer<typeof objectRecord>
export type ClusterRecord = NonNullable<NonNullable<ManifestRecord['manifest']>['cluster']>
export type WalState = NonNullable<z.infer<typeof header>['wal']>

export interface FolderFigures {
  versions: number
  bytes: number
}

export class SourceState {
  mark: StateMark | null = null
  serverMs = 0
  readDay: number | null = null
  fullListingMs = 0
  folders = new Map<string, FolderFigures>()
  /** Keys are days since 1970. */
  uploads = new Map<number, DailyUploads>()
  content = new ContentSample()
  wal: WalState = { listedMs: 0, readMs: 0, lines: [], unusable: [] }
  /** Keys of both maps are names of versions: see `versionName`. */
  readonly manifests = new Map<string, ManifestRecord>()
  readonly objects = new Map<string, ObjectRecord>()
}

/** The name of one version, for maps. */
export function versionName({ key, versionId: id }: { key: string; versionId: string }): string {
  return `${key} ${id}`
}

/** Where a run keeps the states of its sources. */
export class StateDirectory {
  private readonly directory: string
  private readonly vault: string

  /** @throws `invalid-input` for a directory that another user could have written to. */
  constructor(directory: string, vault: string) {
    this.directory = directory
    this.vault = vault
    prepareCacheDirectory(directory, stateFiles)
  }

  /** @returns the state; or null with the reason why there is none to use. */
  load(source: string): { state: SourceState; lost: null } | { state: null; lost: string } {
    const file = this.fileOf(source)
    assertOwnFile(file, stateFiles)
    const size = statSync(file, { throwIfNoEntry: false })?.size
    if (size === undefined) return { state: null, lost: 'there is no state of an earlier run' }
    if (size > maxStateBytes) return { state: null, lost: 'the state of the earlier run is too large' }
    try {
      return { state: this.parse(readFileSync(file), source), lost: null }
    } catch (error) {
      if (!(error instanceof UnusableState)) throw error
      return { state: null, lost: `the state of the earlier run can't be used: ${error.message}` }
    }
  }

  /**
   * Replaces the file at once. The mark never goes back, so that of two runs at once the one that saw more wins.
   * @throws `disk-full` or `target` if the file can't be written.
   */
  save(source: string, state: SourceState): void {
    const file = this.fileOf(source)
    const saved = this.load(source).state?.mark ?? null
    if (saved !== null && saved.timeMs > (state.mark?.timeMs ?? 0)) state.mark = saved
    replaceFile(file, stateFiles, (descriptor) => this.write(descriptor, source, state))
  }

  private fileOf(source: string): string {
    return join(this.directory, `${sha256Hex(Buffer.from(this.vault)).slice(0, 16)}-${source}.state`)
  }

  private write(descriptor: number, source: string, state: SourceState): void {
    const hash = createHash('sha256')
    for (const text of batchesOf(this.linesOf(source, state))) {
      hash.update(text)
      writeSync(descriptor, text)
    }
    writeSync(descriptor, `${hash.digest('hex')}\n`)
  }

  private *linesOf(source: string, state: SourceState): Generator<string> {
    const { mark: newest, serverMs, readDay, fullListingMs, wal, content } = state
    const folders = [...state.folders].map(([name, { versions, bytes }]) => [name, versions, bytes])
    yield JSON.stringify({
      kind: 'check-state',
      formatVersion,
      vault: this.vault,
      source,
      mark: newest,
      serverMs,
      readDay,
      fullListingMs,
      folders,
      uploads: [...state.uploads].map(([day, { puts, bytes }]) => [day, puts, bytes]),
      wal,
      sample: { secret: content.secret.toString('hex'), bits: content.sampledBits },
    })
    for (const manifest of state.manifests.values()) yield JSON.stringify({ manifest })
    for (const object of state.objects.values()) yield JSON.stringify({ object })
    for (const record of content.entries(linesAtOnce)) yield JSON.stringify({ content: record })
  }

  private parse(bytes: Buffer, source: string): SourceState {
    const end = bytes.length - 65
    if (end < 0 || bytes.at(-1) !== 10) throw new UnusableState('it ends early')
    const digest = sha256Hex(bytes.subarray(0, end))
    if (digest !== bytes.toString('latin1', end, end + 64))
      throw new UnusableState('it has other bytes than its hash')
    const lines = linesIn(bytes, end)
    const head = header.safeParse(parseLine(lines.next().value))
    if (!head.success) throw new UnusableState('it is of another version')
    if (head.data.vault !== this.vault || head.data.source !== source)
      throw new UnusableState('it belongs to another vault or source')
    const state = new SourceState()
    state.mark = head.data.mark
    state.serverMs = head.data.serverMs
    state.readDay = head.data.readDay
    state.fullListingMs = head.data.fullListingMs
    for (const [name, versions, folderBytes] of head.data.folders)
      state.folders.set(name, { versions, bytes: folderBytes })
    for (const [day, puts, uploadedBytes] of head.data.uploads)
      state.uploads.set(day, { puts, bytes: uploadedBytes })
    const { sample, wal } = head.data
    if (wal !== undefined) state.wal = wal
    if (sample !== undefined)
      state.content = new ContentSample(Buffer.from(sample.secret, 'hex'), sample.bits)
    for (const text of lines) addLine(state, source, text)
    return state
  }
}

/** The content of a state is not what a run of this program wrote. */
class UnusableState extends Error {}

function addLine(state: SourceState, source: string, text: string): void {
  const parsed = line.safeParse(parseLine(text))
  if (!parsed.success) throw new UnusableState('a line is not as it should be')
  if ('manifest' in parsed.data) {
    const record = parsed.data.manifest
    state.manifests.set(
      versionName({ key: manifestKey(source, record.id), versionId: record.versionId }),
      record,
    )
  } else if ('object' in parsed.data) state.objects.set(versionName(parsed.data.object), parsed.data.object)
  else state.content.restore(parsed.data.content)
}

function parseLine(text: string | void): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    throw new UnusableState('a line is not JSON')
  }
}

/** The lines of `bytes` before `end`, each ended by a line feed. */
function* linesIn(bytes: Buffer, end: number): Generator<string, void> {
  for (let start = 0; start < end;) {
    const next = bytes.indexOf(10, start)
    yield bytes.toString('utf8', start, next)
    start = next + 1
  }
}

/** Joins lines, because a write for each would take minutes. */
function* batchesOf(lines: Iterable<string>): Generator<string> {
  let batch: string[] = []
  for (const text of lines) {
    batch.push(text)
    if (batch.length < linesAtOnce) continue
    yield `${batch.join('\n')}\n`
    batch = []
  }
  if (batch.length > 0) yield `${batch.join('\n')}\n`
}
