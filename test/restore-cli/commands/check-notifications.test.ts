// `holdfast check` with the files and the messages that it leaves beside its report in the vault.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { ulid } from 'ulid'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { rootOf } from '../../lab/sandbox/world.ts'
import { makeFolder } from '../command-line.ts'
import type { Outcome } from '../command-line.ts'
import { startSandboxedCommands } from '../sandboxed-commands.ts'

const { holdfast, sandbox } = await startSandboxedCommands()

const secret = 'T0000-a-secret-of-this-test'
const folder = makeFolder()
const checksFile = join(folder, 'checks.yaml')
const state = join(folder, 'state')
let status = 200
const messages: { path: string; text: string }[] = []
const receiver = createServer((request, response) => {
  let text = ''
  request.setEncoding('utf8')
  request.on('data', (chunk: string) => (text += chunk))
  request.on('end', () => {
    messages.push({ path: request.url!, text })
    response.writeHead(status).end()
  })
})
let origin: string

beforeAll(async () => {
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', () => resolve()))
  origin = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`
  const channels = [
    '  pager: { kind: webhook, urlVariable: PAGER_URL }',
    '  chat: { kind: slack, urlVariable: SLACK_URL }',
  ]
  writeFileSync(checksFile, `formatVersion: 1\nnotifications:\n${channels.join('\n')}\n`)
  const data = join(makeFolder(), 'data')
  mkdirSync(data)
  writeFileSync(join(data, 'file'), 'content')
  await holdfast(['backup', data, '--source', 'watched', '--bucket', 'locked'])
})
afterAll(() => new Promise((resolve) => receiver.close(resolve).closeAllConnections()))
beforeEach(() => {
  status = 200
  messages.length = 0
})

const check = (...args: string[]): Promise<Outcome> =>
  holdfast(
    [
      'check',
      '--bucket',
      'locked',
      '--source',
      'watched',
      '--checks',
      checksFile,
      '--state-dir',
      state,
      '--no-report',
      ...args,
    ],
    { env: { PAGER_URL: `${origin}/pager/${secret}`, SLACK_URL: `${origin}/slack/${secret}` } },
  )

test('a sound source sends nothing; metrics and report lie in local files', async () => {
  const [metrics, report] = [join(folder, 'holdfast.prom'), join(folder, 'report.json')]
  const outcome = await check('--metrics', metrics, '--report-file', report)
  expect([outcome.status, outcome.stderr, messages]).toEqual([0, '', []])
  expect(readFileSync(metrics, 'utf8')).toContain(
    'holdfast_check_status{source="watched",check="freshness",severity="critical",status="passed"} 1',
  )
  expect(JSON.parse(readFileSync(report, 'utf8'))).toMatchObject({ kind: 'report', ok: true })
})

test('a finding is sent once to each channel, and no output has the secret of a channel', async () => {
  const Key = `sources/watched/manifests/${ulid()}`
  await rootOf(sandbox).send(new PutObjectCommand({ Bucket: 'locked', Key, Body: '<!channel>' }))
  const outcome = await check('--json')
  expect(outcome.status).toBe(14)
  expect(messages.map(({ path }) => path.split('/')[1]).sort()).toEqual(['pager', 'slack'])
  const pager = JSON.parse(messages.find(({ path }) => path.startsWith('/pager'))!.text) as Record<
    string,
    unknown
  >
  expect(pager).toMatchObject({
    kind: 'holdfast-notification',
    origin: expect.stringContaining('locked') as string,
    opened: [
      {
        source: 'watched',
        check: 'tamper',
        subject: Key.slice(-26),
        remedy: expect.stringContaining('audit trail') as string,
      },
    ],
  })
  expect(outcome.records().filter(({ type }) => type === 'notification')).toEqual([
    { type: 'notification', channel: 'pager', ok: true, opened: 1, reminded: 0, recovered: 0, problem: null },
    { type: 'notification', channel: 'chat', ok: true, opened: 1, reminded: 0, recovered: 0, problem: null },
  ])
  expect(outcome.stdout + outcome.stderr).not.toContain(secret)
  messages.length = 0
  expect([(await check()).status, messages]).toEqual([14, []])
  const over = await check('--ignore', Key.slice(-26))
  expect([over.status, messages.length]).toEqual([0, 2])
  expect(messages[0]!.text + messages[1]!.text).toContain('1 over')
})

test('a channel that refuses is a failure of its own, and never hides the result of the checks', async () => {
  status = 403
  const red = await check()
  expect(red.status).toBe(14)
  expect(red.stdout).toContain(
    'NOT NOTIFIED pager (1 new, 0 still open, 0 over): the channel pager refused the notification: HTTP status 403',
  )
  expect(red.stdout).toMatch(/FAILED {2}watched: tamper/)
  expect(red.stdout + red.stderr).not.toContain(secret)
  status = 200
  expect([(await check()).status, messages.length]).toEqual([14, 4])
  status = 403
  const green = await check('--only', 'tamper', '--max-age', '30d', '--ignore', ...ignoredIds(red))
  expect(green.status).toBe(6)
  expect(green.stdout).toContain('All checks of 1 source passed')
})

test('a file that can not be written is a failure of its own too', async () => {
  const outcome = await check('--only', 'lock', '--metrics', join(folder, 'missing', 'holdfast.prom'))
  expect(outcome.status).toBe(11)
  expect(outcome.stdout).toContain("NOT WRITTEN: the file of metrics can't be written: ENOENT")
  expect(outcome.stdout).toContain('All checks of 1 source passed')
})

test('a channel without its variable is named, after the result', async () => {
  const outcome = await holdfast(
    [
      'check',
      '--bucket',
      'locked',
      '--source',
      'watched',
      '--checks',
      checksFile,
      '--max-age',
      '1m',
      '--only',
      'tamper',
      '--no-report',
      '--json',
    ],
    { env: { SLACK_URL: `${origin}/slack/${secret}` } },
  )
  expect(outcome.status).toBe(14)
  expect(
    outcome.records().find(({ type, channel }) => type === 'notification' && channel === 'pager'),
  ).toMatchObject({
    ok: false,
    problem: 'notifications.pager is not usable: the variable PAGER_URL has no URL',
  })
})

function ignoredIds({ stdout }: Outcome): string[] {
  return [...stdout.matchAll(/^ {2}([0-9A-Z]{26}):/gm)].map(([, id]) => id!)
}
