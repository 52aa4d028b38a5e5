import { ulid } from 'ulid'
import { expect, test } from 'vitest'
import { encodeReport, reportKey } from '../../../checks/reports/report.ts'
import type { Report } from '../../../checks/reports/report.ts'
import { readReports, writeReport } from '../../../checks/reports/report-store.ts'
import { summarize } from '../../../checks/reports/summary.ts'
import type { ReportSummary } from '../../../checks/reports/summary.ts'
import { dayMs } from '../../../core/snapshot/retention.ts'
import { sampleReports } from '../../../lab/report/sample-reports.ts'
import { MemoryStore } from '../../fixtures/memory-store.ts'

const hourMs = 3_600_000
const finding = { status: 'failed', subject: 'files', detail: 'too old' } as const

function reportOf(startedMs: number, failed: Readonly<Record<string, boolean>>): Report {
  const outcomes = Object.entries(failed).map(([check, isRed]) => ({
    check,
    severity: 'critical' as const,
    status: isRed ? ('failed' as const) : ('passed' as const),
    summary: check,
    findings: isRed ? [finding] : [],
    findingCount: isRed ? 1 : 0,
  }))
  const ok = outcomes.every(({ status }) => status === 'passed')
  const source = {
    source: 'files',
    ok,
    outcomes,
    newestGood: null,
    mark: null,
    hasState: false,
    readDays: 0,
    storedBytes: 5,
    requests: 1,
  }
  return {
    kind: 'report',
    formatVersion: 1,
    run: ulid(startedMs),
    toolVersion: '1',
    vault: 'v',
    startedMs,
    durationMs: 1,
    ok,
    sources: [source],
  }
}

async function summaryOf(
  nights: Readonly<Record<string, boolean>>[],
  extra?: (store: MemoryStore) => void,
): Promise<ReportSummary> {
  const store = new MemoryStore()
  for (const failed of nights) {
    store.nowMs += dayMs
    await writeReport(store, reportOf(store.nowMs, failed))
  }
  extra?.(store)
  const { nowMs } = store
  return summarize(readReports(store, nowMs, 8), { sinceMs: nowMs - 7 * dayMs, nowMs, maxGapMs: 30 * hourMs })
}

test('green nights are green', async () => {
  const summary = await summaryOf([{ freshness: false }, { freshness: false }])
  expect(summary).toMatchObject({
    ok: true,
    runs: 2,
    problems: [],
    sources: [{ source: 'files', ok: true, runs: 2, storedBytes: 5 }],
  })
})

test('a red check is red since the first run of its streak, and an earlier streak is another one', async () => {
  const summary = await summaryOf([{ a: true }, { a: false }, { a: true }, { a: true }])
  expect(summary.ok).toBe(false)
  expect(summary.sources[0]!.checks).toMatchObject([
    { redRuns: 2, redSinceMs: Date.UTC(2026, 3, 4), timeMs: Date.UTC(2026, 3, 5) },
  ])
})

test('a check that turned green again is green', async () => {
  const summary = await summaryOf([{ a: true }, { a: false }])
  expect(summary).toMatchObject({ ok: true, sources: [{ checks: [{ redRuns: 0, redSinceMs: null }] }] })
})

test('the last outcome of each check counts, also if the last run asked others', async () => {
  const summary = await summaryOf([{ a: true }, { b: false }])
  expect(summary.sources[0]!.checks.map(({ outcome }) => [outcome.check, outcome.status])).toEqual([
    ['b', 'passed'],
    ['a', 'failed'],
  ])
})

test('silence is red: a check that no run has asked since', async () => {
  const summary = await summaryOf([{ a: false, b: false }, { a: false }, { a: false }])
  expect(summary.ok).toBe(false)
  expect(summary.sources[0]!.checks.map(({ outcome, isStale }) => [outcome.check, isStale])).toEqual([
    ['a', false],
    ['b', true],
  ])
})

test('no report at all is red', async () => {
  expect(await summaryOf([])).toEqual({ ok: false, runs: 0, sources: [], drills: [], problems: [] })
})

test('an object that is no usable report is red, and named; a second version and a delete marker count for nothing', async () => {
  const later = reportOf(Date.UTC(2026, 3, 2), { a: false })
  const rubbish = await summaryOf([{ a: false }], (store) =>
    store.add(reportKey(later), Buffer.from('rubbish')),
  )
  expect(rubbish).toMatchObject({
    ok: false,
    runs: 1,
    problems: [expect.stringContaining('not JSON') as string],
  })
  const overlaid = await summaryOf([{ a: true }], (store) => {
    const { key } = store.versions[0]!
    const forged = { ...later, run: key.slice(-31, -5) }
    store.add(key, encodeReport(forged))
    store.add(key, Buffer.alloc(0), { isDeleteMarker: true })
  })
  expect(overlaid).toMatchObject({ ok: false, runs: 1, sources: [{ checks: [{ redRuns: 1 }] }] })
})

test('the newest drill of each source and choice counts, and one that did not pass is red', async () => {
  const drilled = sampleReports().filter(({ drills }) => drills !== undefined)
  const summary = async (failed: number): Promise<ReportSummary> =>
    summaryOf([{ a: false }], (store) =>
      drilled.slice(0, 2).forEach((report, age) => {
        const startedMs = store.nowMs - age * hourMs
        const drills = report.drills!.map((drill) => ({
          ...drill,
          ...(age === failed ? { status: 'failed' as const, findings: [finding], findingCount: 1 } : {}),
        }))
        const copy = { ...report, startedMs, ok: age !== failed, drills }
        store.add(reportKey(copy), encodeReport(copy))
      }),
    )
  expect(await summary(0)).toMatchObject({
    ok: false,
    drills: [{ source: 'rental-db', status: 'failed' }, { status: 'failed' }],
  })
  expect(await summary(1)).toMatchObject({
    ok: true,
    drills: [{ source: 'rental-db', status: 'passed' }, { source: 'uploads' }],
  })
})
