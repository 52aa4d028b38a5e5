import { expect, test } from 'vitest'
import { ReportHistory } from '../../../checks/reports/history.ts'
import type { Report } from '../../../checks/reports/report.ts'
import { dayMs } from '../../../core/snapshot/retention.ts'
import { sampleDays, sampleEndMs, sampleReports } from '../../../lab/report/sample-reports.ts'

const range = { sinceMs: sampleEndMs - sampleDays * dayMs, nowMs: sampleEndMs }

async function historyOf(
  reports: readonly Report[],
  options: Partial<ConstructorParameters<typeof ReportHistory>[0]> = {},
): Promise<ReportHistory> {
  const history = new ReportHistory({ ...range, ...options })
  const stored = ReadableStream.from(reports.map((report) => ({ key: 'k', report, problem: null })))
  let passedOn = 0
  for await (const { report } of history.follow(stored)) if (report !== null) passedOn++
  expect(passedOn).toBe(reports.length)
  return history
}

test('an episode begins with its first red run, and is over with the first passed one', async () => {
  const { episodes } = await historyOf(sampleReports())
  expect(episodes.map(({ source, check, runs, isOpen }) => [source, check, runs, isOpen])).toEqual([
    ['rental-db', 'integrity', 3, true],
    ['uploads', 'tamper', 4, false],
    ['uploads', 'freshness', 2, false],
  ])
  const [, tamper] = episodes
  expect(tamper!.lastMs - tamper!.firstMs).toBe(3 * dayMs)
  expect(tamper!.passed).toContain('integrity')
  expect(tamper!.passed).not.toContain('tamper')
})

test('two episodes of one check are apart', async () => {
  const reports = sampleReports().filter(({ sources }) => sources.length > 0)
  const middle = reports.find(({ sources }) =>
    sources[1]!.outcomes.some(({ check, status }) => check === 'tamper' && status === 'failed'),
  )!
  const passed = structuredClone(middle)
  for (const outcome of passed.sources[1]!.outcomes) if (outcome.check === 'tamper') outcome.status = 'passed'
  const { episodes } = await historyOf([...reports.slice(0, 1), middle, passed, middle, ...reports.slice(-1)])
  expect(episodes.filter(({ check }) => check === 'tamper').map(({ runs }) => runs)).toEqual([1, 1])
})

test('the figures are in the order of time, with the objectives of the newest run', async () => {
  const sources = (await historyOf(sampleReports())).sources()
  expect(sources.map(({ source, objectives }) => [source, objectives?.maxAgeMs])).toEqual([
    ['rental-db', 6 * 3_600_000],
    ['uploads', 26 * 3_600_000],
  ])
  for (const { points } of sources) {
    expect(points.length).toBe(sampleDays)
    expect(points.map(({ timeMs }) => timeMs)).toEqual(
      points.map(({ timeMs }) => timeMs).sort((a, b) => a - b),
    )
  }
})

test('many runs take bounded memory, and the worst of a short time is kept', async () => {
  const [newest] = sampleReports().filter(({ sources }) => sources.length > 0)
  const many = Array.from({ length: 2000 }, (_, index) => {
    const report = structuredClone(newest!)
    report.startedMs = range.nowMs - index * 600_000
    const [source] = report.sources
    source!.newestGood = index === 777 ? null : { id: 'x', versionId: 'v', timeMs: report.startedMs - 1000 }
    return report
  })
  const [first] = (await historyOf(many)).sources()
  expect(first!.points.length).toBeLessThanOrEqual(121)
  expect(first!.points.filter(({ ageMs }) => ageMs === null)).toHaveLength(1)
})

test('a flood of episodes is counted, and not kept', async () => {
  const [newest] = sampleReports().filter(({ sources }) => sources.length > 0)
  const outcome = {
    check: 'tamper',
    severity: 'warning',
    status: 'failed',
    summary: 's',
    findings: [{ status: 'failed', subject: 's', detail: 'd' }],
    findingCount: 1,
  } as const
  const report = structuredClone(newest!)
  report.sources = Array.from({ length: 250 }, (_, index) => ({
    ...report.sources[0]!,
    source: `s${index}`,
    outcomes: [{ ...outcome, findings: [...outcome.findings] }],
  }))
  const history = await historyOf([report])
  expect([history.episodes.length, history.droppedEpisodes]).toEqual([200, 50])
})

test('a drill has its newest result and its times; only the requested source counts', async () => {
  const [drill, ...furtherDrills] = (await historyOf(sampleReports(), { source: 'rental-db' })).drills()
  expect(furtherDrills).toEqual([])
  expect(drill!.newest.startedMs).toBe(Math.max(...drill!.points.map(({ timeMs }) => timeMs)))
  expect(drill!.points).toHaveLength(4)
})

test('reports before the time do not count', async () => {
  const history = await historyOf(sampleReports(), { sinceMs: range.nowMs - 2 * dayMs })
  expect(history.sources()[0]!.points).toHaveLength(2)
})
