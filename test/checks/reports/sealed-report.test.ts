import { expect, test } from 'vitest'
import { encodeReport, reportKey } from '../../../checks/reports/report.ts'
import type { Report } from '../../../checks/reports/report.ts'
import { readReports, writeReport } from '../../../checks/reports/report-store.ts'
import { openReport, sealReport } from '../../../checks/reports/sealed-report.ts'
import { TrustedKeys, signEnvelope } from '../../../core/signature.ts'
import { MemoryStore } from '../../fixtures/memory-store.ts'
import { TestSigner } from '../../fixtures/test-signer.ts'

const signer = new TestSigner()
const keys = TrustedKeys.parse(signer.pem, 'test')
const report: Report = {
  kind: 'report',
  formatVersion: 1,
  run: '01KR5PJ0ZBFTW9W5W4FKB1NGJZ',
  toolVersion: '1.0.0',
  vault: 's3://vault',
  startedMs: Date.UTC(2026, 3, 24, 2),
  durationMs: 10,
  ok: false,
  sources: [],
}
const key = reportKey(report)

test('a signed report is read with the key that signed it, and without any key', async () => {
  const bytes = await sealReport(report, signer)
  expect(openReport(bytes, key, keys)).toEqual(report)
  expect(openReport(bytes, key, null)).toEqual(report)
})

test('a report that is not signed is refused by a reader with keys, and read by one without', async () => {
  const bytes = await sealReport(report, null)
  expect(bytes).toEqual(encodeReport(report))
  expect(() => openReport(bytes, key, keys)).toThrow(`the report ${key} can't be trusted: it is not signed`)
  expect(openReport(bytes, key, null)).toEqual(report)
})

test('a report that another key has signed is refused', async () => {
  const bytes = await sealReport(report, new TestSigner())
  expect(() => openReport(bytes, key, keys)).toThrow('no trusted key has signed it')
})

test('a signed report with a flipped byte in its payload is refused', async () => {
  const envelope = JSON.parse((await sealReport(report, signer)).toString()) as { payload: string }
  const payload = Buffer.from(JSON.stringify({ ...report, durationMs: 11 })).toString('base64')
  const forged = Buffer.from(JSON.stringify({ ...envelope, payload }))
  expect(() => openReport(forged, key, keys)).toThrow('no trusted key has signed it')
})

test('a signed statement of another type, or of another run, is no report', async () => {
  const statement = await signEnvelope(signer, 'application/vnd.holdfast.receipt+json', encodeReport(report))
  expect(() => openReport(statement, key, keys)).toThrow('it is a statement of another type')
  const bytes = await sealReport(report, signer)
  expect(() => openReport(bytes, key.replace('01KR', '01KS'), keys)).toThrow('it is of another run')
})

test('the reports of a vault are read with their problems: an unsigned one is one of them', async () => {
  const store = new MemoryStore()
  const at = { ...report, startedMs: store.nowMs }
  await writeReport(store, at, signer)
  await writeReport(store, { ...at, run: '01KR5PJ0ZBFTW9W5W4FKB1NGK0' })
  const read = []
  for await (const stored of readReports(store, store.nowMs, 1, keys)) read.push(stored)
  expect(read.map((stored) => [stored.report?.run, stored.problem])).toEqual([
    [undefined, expect.stringContaining('it is not signed')],
    [at.run, null],
  ])
})
