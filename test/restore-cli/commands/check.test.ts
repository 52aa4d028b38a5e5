import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { ulid } from 'ulid'
import { beforeAll, expect, test } from 'vitest'
import { checks } from '../../../checks/registry.ts'
import { rootOf } from '../../lab/sandbox/world.ts'
import { makeFolder } from '../command-line.ts'
import type { Outcome } from '../command-line.ts'
import { startSandboxedCommands } from '../sandboxed-commands.ts'

const { holdfast, sandbox } = await startSandboxedCommands()

const check = (...args: string[]): Promise<Outcome> => holdfast(['check', '--bucket', 'locked', ...args])

async function backUp(source: string): Promise<void> {
  const data = join(makeFolder(), 'data')
  mkdirSync(data)
  writeFileSync(join(data, 'file'), `content of ${source}`)
  const { status, stderr } = await holdfast(['backup', data, '--source', source, '--bucket', 'locked'])
  expect([status, stderr]).toEqual([0, ''])
}

async function putGarbage(source: string): Promise<void> {
  const Key = `sources/${source}/manifests/${ulid()}`
  await rootOf(sandbox).send(new PutObjectCommand({ Bucket: 'locked', Key, Body: 'x' }))
}

function settingsFile(text: string): string {
  const file = join(makeFolder(), 'checks.yaml')
  writeFileSync(file, text)
  return file
}

beforeAll(() => backUp('sound'))

test('a sound source ends with 0, with records that an alarm counts and a report in the vault', async () => {
  const outcome = await check('--source', 'sound', '--json')
  expect(outcome).toMatchObject({ status: 0, stderr: '' })
  const records = outcome.records()
  expect(records.filter(({ type }) => type === 'check').map(({ check: id, status }) => [id, status])).toEqual(
    checks
      .map(({ id }) => id)
      .filter((id) => !['cost', 'configuration', 'alarm-path'].includes(id))
      .map((id) => [id, 'passed']),
  )
  expect(records.at(-2)).toMatchObject({
    type: 'source-checks',
    source: 'sound',
    ok: true,
    readsBytes: true,
    red: [],
  })
  expect(records.at(-1)).toMatchObject({
    type: 'check-run',
    ok: true,
    report: expect.stringMatching(/^reports\/\d{4}\/\d\d\/\d\d\/[0-9A-Z]{26}\.json$/) as string,
  })
  const report = await holdfast(['report', '--bucket', 'locked', '--source', 'sound'])
  expect(report.status).toBe(0)
  expect(report.stdout).toMatch(/^All green\. \d+ reports?, 1 source\.\n\nsound: newest good snapshot of /)
})

test('what is red ends with 14, is in words with the next step, and is in the report of the morning', async () => {
  await backUp('attacked')
  await putGarbage('attacked')
  const outcome = await check('--source', 'attacked')
  expect(outcome.status).toBe(14)
  expect(outcome.stdout).toMatch(/^passed {2}attacked: freshness: /)
  expect(outcome.stdout).toMatch(
    /FAILED {2}attacked: tamper: .*\n {2}[0-9A-Z]{26}: .* doesn't begin as a manifest\n {2}next: Find the session/,
  )
  expect(outcome.stdout).toMatch(/RED: attacked\. Run [0-9A-Z]{26}, report reports\//)
  expect(outcome.stderr).toMatch(/^holdfast: 1 check failed\nhint: /)
  const report = await holdfast(['report', '--bucket', 'locked', '--source', 'attacked', '--json'])
  expect(report.status).toBe(14)
  expect(report.records()[0]).toMatchObject({
    type: 'source-summary',
    source: 'attacked',
    ok: false,
    red: ['tamper'],
  })
  const words = await holdfast(['report', '--bucket', 'locked', '--source', 'attacked'])
  expect(words.stdout).toMatch(/^RED: attacked\./)
  expect(words.stdout).toMatch(/FAILED {3}tamper since .* \(1 run\)/)
})

test('a source that the vault does not have is red, and so is one that the file does not name', async () => {
  const unknown = await check('--source', 'nowhere', '--no-report', '--json')
  expect(unknown.status).toBe(14)
  expect(unknown.records().find((record) => record['check'] === 'freshness')).toMatchObject({
    findings: [{ subject: 'nowhere', detail: 'the vault has no snapshot of it' }],
  })
  const file = settingsFile('formatVersion: 1\nsources: { nowhere: { maxAge: 2h } }\n')
  const outcome = await check('--checks', file, '--no-report', '--only', 'tamper', '--json')
  expect(outcome.records().filter(({ type }) => type === 'source-checks')).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ source: 'nowhere', red: [] }),
      expect.objectContaining({ source: 'sound', red: ['tamper'] }),
    ]),
  )
})

test('with --state-dir, the next run sends fewer requests; --only asks one check, --no-report writes none', async () => {
  const folder = join(makeFolder(), 'state')
  const requests: number[] = []
  for (let run = 0; run < 2; run++) {
    const outcome = await check('--source', 'sound', '--state-dir', folder, '--no-report', '--json')
    expect(outcome.status).toBe(0)
    const records = outcome.records()
    expect(records.at(-1)).toMatchObject({ report: null })
    requests.push(Number(records.at(-2)!['requests']))
  }
  expect(requests[1]).toBeLessThan(requests[0]!)
  expect(readdirSync(folder)).toEqual([expect.stringMatching(/^[0-9a-f]{16}-sound\.state$/)])
  const outcome = await check('--source', 'sound', '--only', 'lock', '--no-report', '--json')
  expect(outcome.records().map(({ type }) => type)).toEqual(['check', 'source-checks', 'check-run'])
})

test('a vault that is not locked as guaranteed is red by the objectives of the command line', async () => {
  const outcome = await check('--source', 'sound', '--promise-days', '40', '--no-report', '--json')
  expect(outcome.status).toBe(14)
  // Its packs are older than its manifest, so that their locks may end a moment too early.
  expect(outcome.records().at(-2)!['red']).toContain('lock')
})

test('a role that is denied, and a store that is away, are findings of each check; no check is called passed', async () => {
  const { accessKeyId, secretAccessKey } = sandbox.rootCredentials('222222222222')
  const away = { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' }
  const denied = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey }
  for (const [env, status, code] of [
    [denied, 6, 'denied'],
    [away, 8, 'unreachable'],
  ] as const) {
    const outcome = await holdfast(['check', '--bucket', 'locked', '--source', 'sound', '--json'], { env })
    expect(outcome.status).toBe(status)
    const records = outcome.records().filter(({ type }) => type === 'check')
    expect(new Set(records.map((record) => record['status']))).toEqual(new Set(['unknown']))
    for (const record of records)
      expect(record['findings']).toEqual([
        { status: 'unknown', subject: 'sound', detail: expect.stringContaining(`${code}: `) as string },
      ])
  }
})

test('--list explains each check without a vault', async () => {
  const words = await holdfast(['check', '--list', '--only', 'expiry'])
  expect(words).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^expiry \(critical\): Does .*\?\n {2}evidence {2}/) as string,
  })
  const records = (await holdfast(['check', '--list', '--json'])).records()
  expect(records).toHaveLength(checks.length)
  expect(records[0]).toMatchObject({ type: 'check-description', check: 'freshness', severity: 'critical' })
})

test.each([
  [['--only', 'everything'], 'there is no check "everything"'],
  [['--checks', '/nonexistent.yaml'], "the file /nonexistent.yaml can't be read"],
  [['--source', '../x'], 'is not a source'],
])('%j is refused before any request', async (args, message) => {
  const outcome = await holdfast(['check', '--bucket', 'locked', ...args], {
    env: { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' },
  })
  expect([2, 5]).toContain(outcome.status)
  expect(outcome.stderr).toContain(message)
})

test('a report is missing: the morning says so', async () => {
  const outcome = await holdfast(['report', '--bucket', 'governed'])
  expect(outcome).toMatchObject({
    status: 5,
    stderr: expect.stringContaining('there is no report') as string,
  })
})
