// The report of a run of checks: one JSON object in the vault, locked as every other object there. Only roles of the
// vault's account can write below `reports/`, and its reader trusts none of its bytes all the same.
import { z } from 'zod'
import { HoldfastError } from '../../core/errors.ts'
import { isUlid } from '../../core/store/vault-keys.ts'
import { checkStatuses, severities } from '../outcome.ts'
import { findingLine } from '../finding-text.ts'
import { drillResult } from './drill-result.ts'
import {
  contradictsCount,
  contradictsFindings,
  count,
  findings,
  fitsCount,
  fitsFindings,
  snapshotMark,
  sourceName,
  time,
  ulid,
} from './report-fields.ts'

/** Raised when a field changes its meaning. A reader of an earlier version refuses the report. */
const formatVersion = 1
/** An honest report is smaller: a reader takes no more. */
export const maxReportBytes = 4 * 1024 * 1024
const maxSources = 1000
const maxDrills = 100

const outcome = z
  .strictObject({
    check: z.string().regex(/^[a-z][a-z0-9-]{0,40}$/),
    severity: z.enum(severities),
    status: z.enum(checkStatuses),
    summary: findingLine,
    findings,
    findingCount: count,
  })
  .refine(fitsFindings, contradictsFindings)
  .refine(fitsCount, contradictsCount)

const sourceReport = z
  .strictObject({
    source: sourceName,
    ok: z.boolean(),
    outcomes: z.array(outcome).min(1).max(100),
    /** The newest good snapshot; null if there is none, or if the checks could not tell. */
    newestGood: snapshotMark.nullable(),
    /** The newest snapshot that any run has seen: a later listing without it was rolled back. */
    mark: snapshotMark.nullable(),
    /** False if the run had no local state, so that its mark comes from earlier reports alone. */
    hasState: z.boolean(),
    /** All bytes are read back within so many days; 0: this run read none. */
    readDays: count,
    /** The bytes of all versions of the source; null if no check counted them. */
    storedBytes: count.nullable(),
    /** Requests to the vault for this source. */
    requests: count,
    /** The objectives of the run; reports of an earlier program have none. */
    objectives: z
      .strictObject({
        maxAgeMs: count,
        /** Null: no budget. */
        storedBytes: count.nullable(),
      })
      .optional(),
  })
  .refine(({ ok, outcomes }) => ok === outcomes.every(({ status }) => status === 'passed'), {
    path: ['ok'],
    error: 'contradicts the outcomes',
  })

const schema = z
  .strictObject({
    kind: z.literal('report'),
    formatVersion: z.literal(formatVersion),
    /** The ULID of the run. */
    run: ulid,
    toolVersion: findingLine,
    /** The vault's address, for messages. */
    vault: findingLine,
    /** The store's clock at the start of the run; the day of the key is its day. */
    startedMs: time,
    durationMs: count,
    ok: z.boolean(),
    /** Empty for a run of drills. */
    sources: z.array(sourceReport).max(maxSources),
    drills: z.array(drillResult).max(maxDrills).optional(),
  })
  .refine(
    ({ ok, sources, drills = [] }) =>
      ok ===
      (sources.length + drills.length > 0 &&
        sources.every((source) => source.ok) &&
        drills.every(({ status }) => status === 'passed')),
    { path: ['ok'], error: 'contradicts the sources' },
  )

export type Report = z.infer<typeof schema>
export type SourceReport = Report['sources'][number]
export type SnapshotMark = z.infer<typeof snapshotMark>

/** Above the reports of all days. */
export const reportsPrefix = 'reports/'

/** The folder of all reports of one day. @param timeMs of the store's clock. */
export function reportDayPrefix(timeMs: number): string {
  return `${reportsPrefix}${new Date(timeMs).toISOString().slice(0, 10).replaceAll('-', '/')}/`
}

export function reportKey({ run, startedMs }: Pick<Report, 'run' | 'startedMs'>): string {
  return `${reportDayPrefix(startedMs)}${run}.json`
}

/** The run of a report's key; null if `key` is not one. */
export function parseReportKey(key: string): string | null {
  const [, run = ''] = /^reports\/\d{4}\/\d\d\/\d\d\/([^/]+)\.json$/.exec(key) ?? []
  return isUlid(run) ? run : null
}

export function encodeReport(report: Report): Buffer {
  return Buffer.from(`${JSON.stringify(schema.parse(report))}\n`)
}

/**
 * @param key of the object: a report under another key, or of another day, is refused. Null for a local file.
 * @throws `unsupported-format` for a report of another version, `damaged` for anything else that is no report; no
 * error repeats content of the object.
 */
export function decodeReport(bytes: Uint8Array, key: string | null): Report {
  if (bytes.length > maxReportBytes) throw unusable(`it is larger than ${maxReportBytes} bytes`)
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw unusable('it is not JSON')
  }
  if (isOfOtherVersion(value))
    throw new HoldfastError(
      'unsupported-format',
      'the report has a version that this program does not know',
      {
        hint: 'update holdfast',
      },
    )
  const parsed = schema.safeParse(value)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw unusable(
      issue?.code === 'unrecognized_keys'
        ? 'it has unknown fields'
        : `${issue?.path.join('.') || 'its content'} is not as it should be`,
    )
  }
  if (key !== null && reportKey(parsed.data) !== key)
    throw unusable('it is of another run or day than its key')
  return parsed.data
}

function isOfOtherVersion(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    'kind' in value &&
    value.kind === 'report' &&
    'formatVersion' in value &&
    typeof value.formatVersion === 'number' &&
    value.formatVersion !== formatVersion
  )
}

function unusable(detail: string): HoldfastError {
  return new HoldfastError('damaged', `the report is not usable: ${detail}`, {
    hint: 'count its run as missed: run `holdfast check` again',
  })
}
