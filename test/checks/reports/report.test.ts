import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { DrillResult } from '../../../checks/reports/drill-result.ts'
import {
  decodeReport,
  encodeReport,
  maxReportBytes,
  parseReportKey,
  reportKey,
} from '../../../checks/reports/report.ts'
import type { Report } from '../../../checks/reports/report.ts'
import { refusalOf } from '../../fixtures/refusal.ts'

const finding = { status: 'failed', subject: 'key', detail: 'lost' } as const
const report: Report = {
  kind: 'report',
  formatVersion: 1,
  run: '01KR5PJ0ZBFTW9W5W4FKB1NGJZ',
  toolVersion: '1.0.0',
  vault: 's3://vault',
  startedMs: Date.UTC(2026, 3, 24, 2),
  durationMs: 10,
  ok: false,
  sources: [
    {
      source: 'files',
      ok: false,
      outcomes: [
        {
          check: 'freshness',
          severity: 'critical',
          status: 'passed',
          summary: 'fresh',
          findings: [],
          findingCount: 0,
        },
        {
          check: 'integrity',
          severity: 'critical',
          status: 'failed',
          summary: 'lost',
          findings: [finding],
          findingCount: 1,
        },
      ],
      newestGood: null,
      mark: { id: '01KR5PJ0ZBFTW9W5W4FKB1NGJZ', versionId: 'v', timeMs: 1 },
      hasState: true,
      readDays: 7,
      storedBytes: 1,
      requests: 2,
    },
  ],
}
const key = 'reports/2026/04/24/01KR5PJ0ZBFTW9W5W4FKB1NGJZ.json'

const change = (path: string, value: unknown): Buffer => {
  const copy = structuredClone(report) as unknown as Record<string, unknown>
  const names = path.split('.')
  const parent = names.slice(0, -1).reduce((object, name) => object[name] as Record<string, unknown>, copy)
  parent[names.at(-1)!] = value
  return Buffer.from(JSON.stringify(copy))
}

test('a report is the same after its way through the vault, under the key of its day', () => {
  expect(reportKey(report)).toBe(key)
  expect(parseReportKey(key)).toBe(report.run)
  expect(decodeReport(encodeReport(report), key)).toEqual(report)
})

test.each([
  ['ok', true],
  ['sources.0.ok', true],
  ['sources.0.outcomes.0.findingCount', 1],
  ['sources.0.outcomes.1.status', 'passed'],
  ['sources.0.outcomes.1.findingCount', 2],
  ['sources.0.outcomes.1.summary', 'a\u001b[2J'],
  ['sources.0.outcomes.1.findings', [{ ...finding, detail: 'two\nlines' }]],
  ['sources.0.outcomes', []],
  ['sources.0.source', '../x'],
  ['sources.0.mark', { id: 'x', versionId: 'v', timeMs: 1 }],
  ['startedMs', 9e15],
  ['startedMs', report.startedMs + 86_400_000],
  ['run', '01KR5PJ0ZBFTW9W5W4FKB1NGJ0'],
  ['unknown', 1],
])('a report whose %s is %j is refused', (path, value) => {
  const error = refusalOf(() => decodeReport(change(path, value), key))!
  expect(error.code).toBe('damaged')
  expect(error.message).not.toMatch(/\u001b|unknown"/)
})

test('a report of another version is no damage', () => {
  for (const version of [0, 2])
    expect(refusalOf(() => decodeReport(change('formatVersion', version), key))?.code).toBe(
      'unsupported-format',
    )
})

test('any bytes are refused with a known error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(refusalOf(() => decodeReport(bytes, key))?.code).toBe('damaged')
    }),
  )
  expect(refusalOf(() => decodeReport(Buffer.alloc(maxReportBytes + 1, 32), key))!.message).toMatch(
    /larger than/,
  )
})

test.each([
  'reports/2026/04/24/x.json',
  'reports/2026/4/24/01KR5PJ0ZBFTW9W5W4FKB1NGJZ.json',
  `x/${key}`,
  `${key}.bak`,
])('%s is not the key of a report', (text) => {
  expect(parseReportKey(text)).toBeNull()
})

describe('drills', () => {
  const sha256 = 'a'.repeat(64)
  const drill: DrillResult = {
    source: 'files',
    choice: 'random',
    seed: 'night-1',
    status: 'passed',
    startedMs: report.startedMs,
    durationMs: 900,
    requestedMs: report.startedMs - 5000,
    snapshot: { id: report.run, versionId: 'v', timeMs: report.startedMs - 9000 },
    rpo: { measuredMs: 4000, objectiveMs: 1000 },
    rto: { measuredMs: 700, objectiveMs: 1000 },
    phases: [
      { name: 'choose', startMs: 0, durationMs: 10 },
      { name: 'restore', startMs: 10, durationMs: 600 },
    ],
    restored: { files: 1, bytes: 3, sha256 },
    postgres: { databases: 1, tables: 2, rows: 3, sha256 },
    probes: [{ kind: 'query', name: 'SELECT true', ok: true, durationMs: 3, detail: 'true' }],
    findings: [],
    findingCount: 0,
  }
  const failed: DrillResult = {
    ...drill,
    status: 'failed',
    restored: null,
    findings: [{ status: 'failed', subject: 'files', detail: 'lost' }],
    findingCount: 1,
  }
  const reportOf = (drills: readonly object[], ok = true) => ({ ...report, ok, sources: [], drills })
  const decode = (value: object) => decodeReport(Buffer.from(JSON.stringify(value)), key)

  test('are the same after their way through the vault, without any check of a source', () => {
    for (const [drills, ok] of [
      [[drill], true],
      [[drill, failed], false],
    ] as const) {
      const run: Report = { ...report, ok, sources: [], drills: [...drills] }
      expect(decodeReport(encodeReport(run), key)).toEqual(run)
    }
  })

  test.each<[string, object]>([
    ['a run of nothing', reportOf([])],
    ['a run that passed with a drill that failed', reportOf([failed])],
    ['a run that failed with drills that passed', reportOf([drill], false)],
    ['a pass that restored nothing', reportOf([{ ...drill, restored: null }])],
    ['a pass without a snapshot', reportOf([{ ...drill, snapshot: null }])],
    [
      'a pass with a probe that failed',
      reportOf([{ ...drill, probes: [{ ...drill.probes[0], ok: false }] }]),
    ],
    ['a pass with findings', reportOf([{ ...failed, status: 'passed' }])],
    ['a failure without findings', reportOf([{ ...drill, status: 'failed' }], false)],
    ['findings that are not listed', reportOf([{ ...failed, findingCount: 2 }], false)],
    ['an unknown phase', reportOf([{ ...drill, phases: [{ name: 'x', startMs: 0, durationMs: 0 }] }])],
    ['a time that no date has', reportOf([{ ...drill, requestedMs: 9e15 }])],
    [
      'a probe that draws on the terminal',
      reportOf([{ ...drill, probes: [{ ...drill.probes[0], detail: 'a\u001b[2J' }] }]),
    ],
    ['too many probes', reportOf([{ ...drill, probes: Array(101).fill(drill.probes[0]) }])],
    ['a seed with blanks', reportOf([{ ...drill, seed: 'a b' }])],
    ['an unknown field', reportOf([{ ...drill, unknown: 1 }])],
  ])('are refused: %s', (_, value) => {
    const error = refusalOf(() => decode(value))!
    expect(error.code).toBe('damaged')
    expect(error.message).not.toMatch(/\u001b|unknown"/)
  })
})
