import { describe, expect, test } from 'vitest'
import type { Report } from '../../../checks/reports/report.ts'
import { morningPageOf } from '../../../lab/report/sample-page.ts'
import { sampleReports } from '../../../lab/report/sample-reports.ts'
import { expectStandalone, expectWellFormed } from './page-expectations.ts'

const hostile = `<script src="https://evil.example/x.js"></script><img onerror='x'>&amp;`
const reports = sampleReports()
const night = reports.find(({ sources }) => sources.length > 0)!

/** The newest night, with each text of an attacker's choice. */
function hostileNight(): Report {
  const report = structuredClone(night)
  report.vault = hostile
  for (const source of report.sources) {
    source.ok = false
    for (const outcome of source.outcomes)
      Object.assign(outcome, {
        status: 'failed',
        summary: hostile,
        findings: Array.from({ length: 20 }, () => ({ status: 'failed', subject: hostile, detail: hostile })),
        findingCount: 31,
      })
  }
  report.ok = false
  return report
}

describe('the morning page', () => {
  test('says at the top what is red, then each open finding with its next step', async () => {
    const page = await morningPageOf(reports)
    expect(page).toContain('<h1>Backups: red (rental-db)</h1>')
    expect(page).toMatch(
      /<h2>Status<\/h2>[^]*rental-db[^]*red<\/span>[^]*integrity[^]*uploads[^]*green<\/span>/,
    )
    expect(page).toMatch(/<h2>Open findings<\/h2>[^]*its lock ends on 2026-05-12[^]*Next:<\/b> Run <?/)
    expect(page).toMatch(/since 2026-04-27T02:00:00Z \(3 runs\)/)
    expectWellFormed(page)
    expectStandalone(page)
  })

  test('draws RPO and RTO over time against the objective, and says in words what the charts show', async () => {
    const page = await morningPageOf(reports)
    expect(page).toMatch(
      /aria-label="uploads: recovery point \(RPO\): newest [^"]*; highest 2 d [^"]*; objective 1 d 2 h \(dashed line\); 2 of \d+ missed it \(crosses\)"/,
    )
    expect(page).toMatch(
      /aria-label="rental-db, newest state: time to a working restore \(RTO\): newest [^"]*; objective 30 min/,
    )
    expect(page.match(/class="over"/g)).toHaveLength(2)
  })

  test('shows the last drill: its phases, what it restored, and its probes', async () => {
    const page = await morningPageOf(reports)
    expect(page).toMatch(/<h2>Last drills<\/h2>[^]*aria-label="Phases: choose [^"]*restore [^"]*remove/)
    expect(page).toContain('48,211 files with 98.8 GB, 18,400,112 rows in 61 tables')
    expect(page).toContain('SELECT count(*) &gt; 0 FROM bookings')
  })

  test('shows what was tried, when it was over, and what held meanwhile', async () => {
    const page = await morningPageOf(reports)
    const episode = page.slice(page.indexOf('What was tried'))
    expect(episode).toMatch(/over<\/span>[^]*2026-04-17T02:00:00Z to 2026-04-20T02:00:00Z, 4 runs[^]*tamper/)
    expect(episode).toMatch(/1 byte, written by a session of the writer[^]*unchanged and locked/)
  })

  test('shows storage against its budget', async () => {
    const page = await morningPageOf(reports)
    expect(page).toMatch(/<h2>Storage and cost<\/h2>[^]*uploads: stored bytes[^]*322 GB/)
  })

  test('is green if every check passed, and a failed drill alone makes it red', async () => {
    const green = reports.map((report) => structuredClone(report))
    for (const report of green) {
      report.ok = true
      for (const source of report.sources) {
        source.ok = true
        for (const outcome of source.outcomes)
          Object.assign(outcome, { status: 'passed', findings: [], findingCount: 0 })
      }
    }
    const page = await morningPageOf(green)
    expect(page).toContain('<h1>Backups: all green</h1>')
    expect(page).not.toContain('Open findings')
    const drill = green.find(({ drills }) => drills !== undefined)!.drills![0]!
    Object.assign(drill, {
      status: 'failed',
      rto: null,
      findings: [{ status: 'failed', subject: 's', detail: 'no server' }],
      findingCount: 1,
    })
    const red = await morningPageOf(green)
    expect(red).not.toContain('all green')
    expect(red).toContain('s: no server')
    expect(red).toContain('no working restore')
  })

  test('shows hostile texts, and obeys none of them', async () => {
    const page = await morningPageOf([hostileNight(), ...reports], hostile)
    expect(page).not.toMatch(/<script|<img/)
    expect(page.match(/&lt;script src=&quot;https:\/\/evil\.example/g)!.length).toBeGreaterThan(20)
    expect(page).toContain('and 11 more')
    expect(page).toContain('Objects that are no report')
    expectWellFormed(page)
    expectStandalone(page)
  })

  test('without a report says so, and is red', async () => {
    const page = await morningPageOf([])
    expect(page).toContain('<h1>Backups: red</h1>')
    expect(page).toContain('There is no report of this time')
    expectWellFormed(page)
  })
})
