// Reports of four invented weeks: two sources, nightly checks, weekly drills, and an attack in the third week. The
// pages of the documentation are drawn from them, and tests look at these pages in a browser.
import { checks } from '../../checks/registry.ts'
import { encodeReport } from '../../checks/reports/report.ts'
import type { DrillResult } from '../../checks/reports/drill-result.ts'
import type { Report, SourceReport } from '../../checks/reports/report.ts'

const [minuteMs, hourMs, dayMs] = [60_000, 3_600_000, 86_400_000]
const gib = 2 ** 30
export const sampleDays = 28
export const sampleEndMs = Date.UTC(2026, 3, 29, 6)
const startMs = sampleEndMs - sampleDays * dayMs

interface SampleSource {
  source: string
  backupHours: number
  maxAgeHours: number
  storedBytes: (day: number) => number
  budgetBytes: number | null
}

const sampleSources: readonly SampleSource[] = [
  {
    source: 'rental-db',
    backupHours: 4,
    maxAgeHours: 6,
    storedBytes: (day) => (180 + day * 2.5) * gib,
    budgetBytes: 300 * gib,
  },
  {
    source: 'uploads',
    backupHours: 24,
    maxAgeHours: 26,
    storedBytes: (day) => (420 + day * 6 + (day > 16 ? 90 : 0)) * gib,
    budgetBytes: null,
  },
]

/** Days from the first one on which a check of a source is red. */
const redDays: Readonly<
  Record<string, { from: number; to: number; finding: { subject: string; detail: string } }>
> = {
  'uploads tamper': {
    from: 16,
    to: 19,
    finding: {
      subject: 'sources/uploads/manifests/01KR5PJ0ZBFTW9W5W4FKB1NGJZ',
      detail:
        'version 3 of this key does not begin as a manifest: 1 byte, written by a session of the writer',
    },
  },
  'uploads freshness': {
    from: 17,
    to: 18,
    finding: { subject: 'uploads', detail: 'the newest good snapshot is 2 d old; the objective is 1 d 2 h' },
  },
  'rental-db integrity': {
    from: 26,
    to: 28,
    finding: {
      subject: 'sources/rental-db/packs/20260410/01KR5PJ0ZBFTW9W5W4FKB1NGJZ',
      detail: 'its lock ends on 2026-05-12, before the guaranteed retention of the snapshots that need it',
    },
  },
}

/** Newest first, as a store yields them. Each passes the schema of reports. */
export function sampleReports(): Report[] {
  const reports = Array.from({ length: sampleDays + 1 }, (_, day) => day).flatMap((day) => [
    nightOf(day),
    ...(day % 7 === 6 ? [drillsOf(day)] : []),
  ])
  for (const report of reports) encodeReport(report)
  return reports.toReversed()
}

function frame(startedMs: number, durationMs: number): Omit<Report, 'ok' | 'sources'> {
  const run = `01${startedMs
    .toString(36)
    .toUpperCase()
    .replace(/[ILOU]/g, 'Z')
    .padStart(24, '0')}`
  const [toolVersion, vault] = ['0.1.0', 's3://holdfast-vault-444455556666-eu-central-1']
  return { kind: 'report', formatVersion: 1, run, toolVersion, vault, startedMs, durationMs }
}

function nightOf(day: number): Report {
  const startedMs = startMs + day * dayMs - 4 * hourMs
  const sources = sampleSources.map((source) => sourceOf(source, day, startedMs))
  return { ...frame(startedMs, 340_000), ok: sources.every(({ ok }) => ok), sources }
}

function sourceOf(sample: SampleSource, day: number, startedMs: number): SourceReport {
  const { source, backupHours, maxAgeHours, budgetBytes } = sample
  const outcomes = checks
    .filter(({ id }) => id !== 'cost' || budgetBytes !== null)
    .map(({ id, severity }) => {
      const red = redDays[`${source} ${id}`]
      const isRed = red !== undefined && day >= red.from && day <= red.to
      return {
        ...{ check: id, severity },
        ...(isRed
          ? {
              status: 'failed' as const,
              summary: red.finding.detail,
              findings: [{ status: 'failed' as const, ...red.finding }],
              findingCount: 1,
            }
          : {
              status: 'passed' as const,
              summary: `nothing is wrong with ${source}`,
              findings: [],
              findingCount: 0,
            }),
      }
    })
  const lostDays = source === 'uploads' && (day === 17 || day === 18) ? day - 16 : 0
  const ageMs = (0.3 + ((day * 7) % 5) / 8) * backupHours * hourMs + lostDays * dayMs
  return {
    source,
    ok: outcomes.every(({ status }) => status === 'passed'),
    outcomes,
    newestGood: { id: '01KR5PJ0ZBFTW9W5W4FKB1NGJZ', versionId: 'v', timeMs: Math.round(startedMs - ageMs) },
    mark: null,
    hasState: true,
    readDays: 7,
    storedBytes: Math.round(sample.storedBytes(day)),
    requests: 900 + ((day * 37) % 400),
    objectives: { maxAgeMs: maxAgeHours * hourMs, storedBytes: budgetBytes },
  }
}

function drillsOf(day: number): Report {
  const startedMs = startMs + day * dayMs - hourMs
  const drills = sampleSources.map(({ source, maxAgeHours }) =>
    drillOf(source, { startedMs, day, maxAgeMs: maxAgeHours * hourMs }),
  )
  return { ...frame(startedMs, 25 * minuteMs), ok: true, sources: [], drills }
}

function drillOf(
  source: string,
  { startedMs, day, maxAgeMs }: { startedMs: number; day: number; maxAgeMs: number },
): DrillResult {
  const isCluster = source === 'rental-db'
  const minutes = {
    choose: 0.1,
    plan: 0.4,
    restore: 9 + (day % 5),
    ...(isCluster ? { start: 0.6 } : {}),
    read: 3.5,
    probe: 0.3,
    remove: 0.2,
  }
  let elapsedMs = 0
  const phases = (Object.entries(minutes) as [DrillResult['phases'][number]['name'], number][]).map(
    ([name, length]) => {
      const phase = { name, startMs: Math.round(elapsedMs), durationMs: Math.round(length * minuteMs) }
      elapsedMs += phase.durationMs
      return phase
    },
  )
  const sha256 = '0'.repeat(64)
  return {
    ...{
      source,
      choice: 'newest',
      seed: `${day}`,
      status: 'passed',
      startedMs,
      durationMs: Math.round(elapsedMs),
    },
    requestedMs: startedMs,
    snapshot: { id: '01KR5PJ0ZBFTW9W5W4FKB1NGJZ', versionId: 'v', timeMs: startedMs - 2 * hourMs },
    rpo: { measuredMs: 2 * hourMs, objectiveMs: maxAgeMs },
    rto: { measuredMs: Math.round((10 + (day % 5)) * minuteMs), objectiveMs: 30 * minuteMs },
    phases,
    restored: { files: 48_211, bytes: 92 * gib, sha256 },
    postgres: isCluster ? { databases: 2, tables: 61, rows: 18_400_112, sha256 } : null,
    probes: isCluster
      ? [
          {
            kind: 'query',
            name: 'SELECT count(*) > 0 FROM bookings',
            ok: true,
            durationMs: 41,
            detail: 'true',
          },
        ]
      : [],
    findings: [],
    findingCount: 0,
  }
}
