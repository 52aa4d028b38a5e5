// `holdfast drill` against the sandbox, with the role that the program gives to drills and with no other right.
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3'
import type { S3Client } from '@aws-sdk/client-s3'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { decodeReport } from '../../checks/reports/report.ts'
import { stagePostgres } from '../../lab/postgres/binaries.ts'
import { Cluster, initializeCluster } from '../../lab/postgres/cluster.ts'
import { findUnprivilegedUser } from '../../lab/postgres/unprivileged-user.ts'
import { exampleConfig } from '../../lab/sandbox/loader/example-config.ts'
import { loadProgram } from '../../lab/sandbox/loader/loader.ts'
import { startStsCloud } from '../lab/sandbox/sts/cloud.ts'
import { clientOf } from '../lab/sandbox/world.ts'
import { makeFolder, runProcess } from '../restore-cli/command-line.ts'
import type { Outcome, ProcessSurroundings } from '../restore-cli/command-line.ts'
import { sessionOf } from './container-task.ts'
import type { TaskWorld } from './container-task.ts'

const folder = makeFolder()
const at = (...parts: string[]) => join(folder, ...parts)
const bucket = exampleConfig.vaultBucket
/** Other lanes share the processor. */
const patienceMs = 280_000
let world: TaskWorld
let programs: string

beforeAll(async () => {
  chmodSync(folder, 0o711)
  const program = await loadProgram({ layers: ['vault'] })
  world = { ...program, cloud: await startStsCloud(program.declaration) }
  await makeCluster()
  mkdirSync(at('uploads'))
  for (let index = 0; index < 20; index++) writeFileSync(at('uploads', `file-${index}`), `content ${index}`)
  await backUp('rental-db', at('data'), 'postgres')
  await backUp('uploads', at('uploads'), 'volume')
})
afterAll(() => world.cloud.stop())

beforeEach(() => mkdirSync(at('scratch'), { recursive: true, mode: 0o711 }))
afterEach(() => expect(readdirSync(at('scratch'))).toEqual([]))

async function makeCluster(): Promise<void> {
  const user = await findUnprivilegedUser()
  const binaries = await stagePostgres(at('postgres'))
  programs = join(binaries.directory, 'bin')
  await initializeCluster(binaries, at('data'), user)
  const settings = { fsync: 'off', io_method: 'sync' }
  const cluster = await Cluster.start({ binaries, dataDirectory: at('data'), user, settings })
  const client = await cluster.connect()
  await client.query('CREATE TABLE booking AS SELECT n AS id FROM generate_series(1, 500) n')
  await client.end()
  await cluster.stop('fast')
}

function runAs(
  roleName: string,
  args: readonly string[],
  surroundings: ProcessSurroundings = {},
): Promise<Outcome> {
  const { AccessKeyId, SecretAccessKey, Token } = sessionOf(world, roleName)
  const env = {
    HOME: folder,
    AWS_REGION: exampleConfig.region,
    AWS_ENDPOINT_URL: world.cloud.sandbox.endpoint,
    AWS_ACCESS_KEY_ID: AccessKeyId,
    AWS_SECRET_ACCESS_KEY: SecretAccessKey,
    AWS_SESSION_TOKEN: Token,
  }
  return runProcess([...args, '--bucket', bucket], { timeoutMs: patienceMs, ...surroundings, env })
}

async function backUp(source: string, directory: string, kind: string): Promise<void> {
  const args = ['backup', directory, '--source', source, '--kind', kind, '--cache-dir', at(`cache-${source}`)]
  expect(await runAs(`holdfast-writer-${source}`, args)).toMatchObject({ status: 0 })
}

const drill = (args: readonly string[], surroundings?: ProcessSurroundings) =>
  runAs('holdfast-drill', ['drill', '--scratch', at('scratch'), '--json', ...args], surroundings)
const drillCluster = (args: readonly string[], surroundings?: ProcessSurroundings) =>
  drill(['--source', 'rental-db', '--postgres-bin', programs, ...args], surroundings)

function clientOfDrill(): S3Client {
  const { AccessKeyId, SecretAccessKey, Token } = sessionOf(world, 'holdfast-drill')
  return clientOf(world.cloud.sandbox, {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: Token,
    expiresMs: null,
  })
}

async function countReports(): Promise<number> {
  const { KeyCount } = await clientOfDrill().send(
    new ListObjectsV2Command({ Bucket: bucket, Prefix: 'reports/' }),
  )
  return KeyCount ?? 0
}

test('a cluster is restored at a random time and as it is now, starts, is probed, and the report has all of it', async () => {
  const files = ['--metrics', at('drill.prom'), '--report-file', at('drill.json')]
  const probe = ['--probe', 'SELECT count(*) = 500 FROM booking']
  const outcome = await drillCluster([...probe, '--seed', 'first', ...files])
  expect(outcome).toMatchObject({ status: 0, stderr: '' })
  expect(readFileSync(at('drill.prom'), 'utf8')).toContain(
    'holdfast_drill_status{source="rental-db",choice="random",status="passed"} 1',
  )
  expect(JSON.parse(readFileSync(at('drill.json'), 'utf8'))).toMatchObject({ kind: 'report', ok: true })
  const results = outcome.records().filter(({ type }) => type === 'drill')
  expect(results.map(({ choice, ok, status }) => ({ choice, ok, status }))).toEqual(
    ['random', 'newest'].map((choice) => ({ choice, ok: true, status: 'passed' })),
  )
  for (const result of results) {
    expect(result).toMatchObject({
      source: 'rental-db',
      seed: 'first',
      probes: [{ kind: 'query', ok: true, detail: 'true' }],
      postgres: { databases: 2, tables: 1, rows: 500 },
    })
    expect((result['phases'] as { name: string }[]).map(({ name }) => name)).toEqual([
      'choose',
      'plan',
      'restore',
      'read',
      'start',
      'rows',
      'probe',
      'remove',
    ])
  }
  const { report } = outcome.records().at(-1) as { report: string }
  const response = await clientOfDrill().send(new GetObjectCommand({ Bucket: bucket, Key: report }))
  expect(response.ObjectLockMode).toBe('COMPLIANCE')
  const stored = decodeReport(await response.Body!.transformToByteArray(), report)
  expect(stored).toMatchObject({
    ok: true,
    sources: [],
    drills: [{ choice: 'random' }, { choice: 'newest' }],
  })
})

test('a probe that returns something else has failed, and a check still passes after it', async () => {
  const outcome = await drillCluster(['--choice', 'newest', '--probe', 'SELECT count(*) > 500 FROM booking'])
  expect(outcome).toMatchObject({ status: 14 })
  expect(outcome.records().find(({ type }) => type === 'drill')).toMatchObject({
    status: 'failed',
    findings: [{ subject: 'query: SELECT count(*) > 500 FROM booking', detail: 'false' }],
  })
  expect(await runAs('holdfast-drill', ['check', '--source', 'rental-db'])).toMatchObject({ status: 0 })
})

test('a dry run says what would be restored, the same for the same seed, and writes nothing', async () => {
  const reports = await countReports()
  const plans = [await drill(['--dry-run', '--seed', 'a']), await drill(['--dry-run', '--seed', 'a'])]
  for (const plan of plans) expect(plan).toMatchObject({ status: 0, stderr: '' })
  expect(plans[0]!.records().map(({ type, choice }) => [type, choice])).toEqual([
    ['drill-plan', 'random'],
    ['drill-plan', 'newest'],
  ])
  expect(plans[0]!.records()[0]).toEqual(plans[1]!.records()[0])
  expect(await countReports()).toBe(reports)
})

test('a query that hangs has failed at its deadline, and nothing is left', async () => {
  const checks = at('hanging.yaml')
  writeFileSync(checks, 'formatVersion: 1\ndefaults:\n  drill: { maxProbeTime: 1m }\n')
  const hanging = ['--choice', 'newest', '--probe', 'SELECT pg_sleep(3600) IS NULL', '--checks', checks]
  const outcome = await drillCluster(hanging)
  expect(outcome).toMatchObject({ status: 14 })
  expect(outcome.records().find(({ type }) => type === 'drill')).toMatchObject({
    status: 'failed',
    postgres: { rows: 500 },
    probes: [{ kind: 'query', ok: false, detail: 'it did not end in time' }],
  })
  expect(readdirSync(at('scratch'))).toEqual([])
})

test('a volume is judged by its program', async () => {
  const file = at('probe')
  writeFileSync(file, '#!/bin/sh\ntest "$(ls "$1" | wc -l)" = 20\n', { mode: 0o755 })
  const outcome = await drill(['--source', 'uploads', '--choice', 'newest', '--program', file])
  expect(outcome).toMatchObject({ status: 0, stderr: '' })
})

test.each([
  ['SIGTERM', 130],
  ['SIGKILL', null],
] as const)(
  'after %s nothing is left, at the latest when the next drill has begun',
  async (signal, status) => {
    let ending = Promise.resolve()
    const outcome = await drillCluster(['--choice', 'newest', '--probe', 'SELECT pg_sleep(3600) IS NULL'], {
      timeoutMs: patienceMs,
      onStart: (child) => {
        ending = vi
          .waitUntil(isServerRunning, { timeout: patienceMs, interval: 50 })
          .then(() => void child.kill(signal))
      },
    })
    await ending
    expect(outcome.status).toBe(status)
    expect(readdirSync(at('scratch'))).toHaveLength(signal === 'SIGTERM' ? 0 : 1)
    const next = await drill(['--source', 'uploads', '--choice', 'newest', '--no-report'])
    expect(next).toMatchObject({ status: 0 })
  },
)

/** The server has its lock file while it runs. */
function isServerRunning(): boolean {
  return readdirSync(at('scratch')).some((name) => existsSync(at('scratch', name, 'data', 'postmaster.pid')))
}

test('a role that may read nothing gets no drill', async () => {
  const outcome = await runAs('holdfast-writer-uploads', [
    'drill',
    '--scratch',
    at('scratch'),
    '--source',
    'uploads',
  ])
  expect([3, 6]).toContain(outcome.status)
})
