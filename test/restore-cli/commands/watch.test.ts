import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeFolder } from '../command-line.ts'
import type { Outcome } from '../command-line.ts'
import { startSandboxedCommands } from '../sandboxed-commands.ts'

const { holdfast } = await startSandboxedCommands()

async function watchUntil(text: string, jobs: string, folder: string): Promise<Outcome> {
  const file = join(folder, 'checks.yaml')
  writeFileSync(file, `formatVersion: 1\njobs:\n${jobs}`)
  return holdfast(['watch', '--config', file, '--state-dir', join(folder, 'state'), '--json'], {
    onStart: (child) => {
      let output = ''
      child.stdout!.on('data', (chunk: string) => {
        output += chunk
        if (output.includes(text)) child.kill('SIGTERM')
      })
    },
  })
}

test('jobs run by their schedules in processes of their own, pass on their records, and end with the watch', async () => {
  const folder = makeFolder()
  const data = join(folder, 'data')
  mkdirSync(data)
  writeFileSync(join(data, 'file'), 'content')
  await holdfast(['backup', data, '--source', 'watched', '--bucket', 'locked'])
  const jobs = `  check: { schedule: '*/2 * * * * *', command: [check, --bucket, locked, --source, watched, --json] }\n`
  const outcome = await watchUntil('"type":"watch-run"', jobs, folder)
  expect(outcome.status).toBe(130)
  const records = outcome.records()
  expect(records.find(({ type }) => type === 'source-checks')).toMatchObject({ source: 'watched', ok: true })
  expect(records.find(({ type }) => type === 'watch-run')).toMatchObject({
    job: 'check',
    reason: 'scheduled',
    ok: true,
    status: 0,
  })
})

test('a job that ends with another status is no success', async () => {
  const jobs = `  check: { schedule: '* * * * * *', command: [check, --bucket, locked, --source, none] }\n`
  const outcome = await watchUntil('"type":"watch-run"', jobs, makeFolder())
  const lines = outcome.stdout.split('\n').filter((line) => line.startsWith('{"type":"watch-run"'))
  expect(JSON.parse(lines[0]!)).toMatchObject({ job: 'check', ok: false, status: 14 })
})

test.each([
  ['', 'has no jobs'],
  [`  check: { schedule: '0 25 * * *', command: [check] }\n`, 'jobs.check.schedule is not usable'],
  [
    `  check: { schedule: '0 2 * * *', command: [backup] }\n`,
    'jobs.check.command: must begin with one of: check',
  ],
  [`  check: { schedule: '0 2 * * *', command: [] }\n`, 'jobs.check.command: must name a command'],
  [`  check: { schedule: '0 2 * * *' }\n`, 'jobs.check.command: '],
  [`  Check: { schedule: '0 2 * * *', command: [check] }\n`, 'jobs.Check: is not the name of a job'],
])('%j is refused at the start with the key', async (jobs, message) => {
  const folder = makeFolder()
  const file = join(folder, 'checks.yaml')
  writeFileSync(file, `formatVersion: 1\n${jobs === '' ? '' : 'jobs:\n'}${jobs}`)
  const outcome = await holdfast(['watch', '--config', file, '--state-dir', join(folder, 'state')])
  expect([outcome.status, outcome.stdout]).toEqual([2, ''])
  expect(outcome.stderr).toContain(message)
})

test('a watch serves the metrics of its jobs, and tells its channels of a job that fails', async () => {
  const folder = makeFolder()
  const messages: string[] = []
  const receiver = createServer((request, response) => {
    request.setEncoding('utf8')
    request.on('data', (chunk: string) => messages.push(chunk))
    request.on('end', () => response.end())
  })
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', () => resolve()))
  const { port } = receiver.address() as AddressInfo
  const file = join(folder, 'checks.yaml')
  writeFileSync(
    file,
    [
      'formatVersion: 1',
      'metrics: { port: 0 }',
      'notifications: { pager: { kind: webhook, urlVariable: PAGER_URL } }',
      `jobs: { check: { schedule: '* * * * * *', command: [check, --bucket, locked, --source, none] } }`,
    ].join('\n'),
  )
  let metrics = ''
  const outcome = await holdfast(
    ['watch', '--config', file, '--state-dir', join(folder, 'state'), '--json'],
    {
      env: { PAGER_URL: `http://127.0.0.1:${port}/` },
      onStart: (child) => {
        let output = ''
        child.stdout!.on('data', (chunk: string) => {
          output += chunk
          const [, url] = /"type":"watch-metrics","url":"([^"]+)"/.exec(output) ?? []
          const hasHeard = messages.some((message) => message.includes('it ended with status 14'))
          if (!hasHeard || url === undefined || metrics !== '') return
          metrics = 'asked'
          void fetch(url)
            .then((response) => response.text())
            .then((text) => (metrics = text))
            .finally(() => child.kill('SIGTERM'))
        })
      },
    },
  )
  receiver.close().closeAllConnections()
  expect(outcome.status).toBe(130)
  expect(metrics).toContain('holdfast_watch_job_exit_status{job_name="check"} 14')
  expect(metrics).toContain(
    'holdfast_check_status{source="none",check="freshness",severity="critical",status="failed"} 1',
  )
  expect(outcome.stdout).toContain('{"type":"notification","channel":"pager","ok":true,"opened":1')
})
