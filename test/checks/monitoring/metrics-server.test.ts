import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { writeMetricsFile } from '../../../checks/monitoring/metrics-file.ts'
import { serveMetrics } from '../../../checks/monitoring/metrics-server.ts'
import { readReportFile, writeReportFile } from '../../../checks/monitoring/report-file.ts'
import { WatchMetrics } from '../../../checks/monitoring/watch-metrics.ts'
import { JournalFile } from '../../../checks/watch/journal.ts'
import { sampleReports } from '../../../lab/report/sample-reports.ts'
import { makeFolder } from '../../restore-cli/command-line.ts'

let render: () => Promise<string> = () => Promise.resolve('holdfast_build_info 1\n')
const server = await serveMetrics({ host: '127.0.0.1', port: 0 }, () => render())
afterAll(() => server.close())

function ask(path: string, method = 'GET'): Promise<{ status: number; body: string; type: string }> {
  return new Promise((resolve, reject) => {
    const url = new URL(path, server.url)
    request(url, { method, agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (body += chunk))
      response.on('end', () =>
        resolve({ status: response.statusCode!, body, type: response.headers['content-type'] ?? '' }),
      )
    })
      .on('error', reject)
      .end()
  })
}

test('serves its metrics at one path, and nothing else', async () => {
  expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/)
  expect(await ask('/metrics')).toEqual({
    status: 200,
    body: 'holdfast_build_info 1\n',
    type: expect.stringContaining('text/plain; version=0.0.4') as string,
  })
  expect(await ask('/metrics', 'HEAD')).toMatchObject({ status: 200, body: '' })
  expect((await ask('/')).status).toBe(404)
  expect((await ask('/metrics/../etc/passwd')).status).toBe(404)
  expect((await ask('/metrics', 'POST')).status).toBe(405)
})

test('metrics that can not be read are a failed scrape, which does not say why', async () => {
  render = () => Promise.reject(new Error('a secret'))
  expect(await ask('/metrics')).toMatchObject({ status: 500, body: 'the metrics could not be read\n' })
  render = () => Promise.resolve('x 1\n')
  expect((await ask('/metrics')).body).toBe('x 1\n')
})

test('an address that another program has is refused with its key', async () => {
  const { port } = new URL(server.url)
  await expect(serveMetrics({ host: '127.0.0.1', port: Number(port) }, render)).rejects.toMatchObject({
    code: 'invalid-input',
    message: expect.stringContaining('EADDRINUSE') as string,
  })
})

test('the textfile is replaced at once, leaves no other file, and may be read by the collector', () => {
  const folder = makeFolder()
  const file = join(folder, 'holdfast.prom')
  writeMetricsFile(file, 'a 1\n')
  writeMetricsFile(file, 'b 2\n')
  expect([readdirSync(folder), readFileSync(file, 'utf8'), statSync(file).mode & 0o777]).toEqual([
    ['holdfast.prom'],
    'b 2\n',
    0o644,
  ])
  mkdirSync(join(folder, 'taken.prom'))
  expect(() => writeMetricsFile(join(folder, 'taken.prom'), 'c 3\n')).toThrow(
    "the file of metrics can't be written",
  )
  expect(readdirSync(folder).sort()).toEqual(['holdfast.prom', 'taken.prom'])
})

test('a report file that is missing, corrupt, a link or of another version is no report', () => {
  const folder = makeFolder()
  const [report] = sampleReports()
  const file = join(folder, 'check.json')
  expect(readReportFile(file)).toBeNull()
  writeReportFile(file, report!)
  expect(readReportFile(file)).toEqual(report)
  symlinkSync(file, join(folder, 'link.json'))
  expect(readReportFile(join(folder, 'link.json'))).toBeNull()
  for (const text of ['rubbish', '{}', JSON.stringify({ ...report, formatVersion: 2 })]) {
    writeFileSync(file, text)
    expect(readReportFile(file)).toBeNull()
  }
})

test('a watch makes its metrics of the journal and of the reports that its jobs leave', async () => {
  const folder = makeFolder()
  const job = { schedule: '0 2 * * *', timeout: 1000 }
  const journal = new JournalFile(folder)
  const metrics = new WatchMetrics({
    jobs: {
      nightly: { ...job, command: ['check', '--bucket', 'b'] },
      prune: { ...job, command: ['custodian', '--apply'] },
      mine: { ...job, command: ['check', '--report-file', '/elsewhere'] },
    },
    stateDirectory: folder,
    journal,
    toolVersion: '0.1.0',
  })
  const file = join(folder, 'reports', 'nightly.json')
  expect(Object.values(metrics.jobs).map(({ command }) => command)).toEqual([
    ['check', '--bucket', 'b', '--report-file', file],
    ['custodian', '--apply'],
    ['check', '--report-file', '/elsewhere'],
  ])
  expect(await metrics.render()).not.toContain('holdfast_check_status{')
  const night = sampleReports().find(({ sources }) => sources.length > 0)!
  writeReportFile(file, night)
  journal.write({
    kind: 'watch-journal',
    formatVersion: 1,
    writtenMs: 1,
    jobs: { nightly: { schedule: job.schedule, dueMs: 5000, startedMs: 1000, endedMs: 2000, status: 14 } },
  })
  metrics.addProblem('missed')
  const text = await metrics.render()
  expect(text).toContain(
    'holdfast_check_status{source="rental-db",check="integrity",severity="critical",status="failed"} 1',
  )
  expect(text).toContain('holdfast_watch_job_exit_status{job_name="nightly"} 14')
  expect(text).toContain('holdfast_watch_problems_total{kind="missed"} 1')
})
