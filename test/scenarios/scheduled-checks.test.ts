// The tasks that the program schedules, run as ECS would run it, and CloudWatch's filter over what it prints.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import type { S3Client } from '@aws-sdk/client-s3'
import { ulid } from 'ulid'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { KmsSigner } from '../../aws/kms-signer.ts'
import { openReport } from '../../checks/reports/sealed-report.ts'
import { TrustedKeys } from '../../core/signature.ts'
import { notaryKeyAlias, reportKeyAlias } from '../../guardrails/names.ts'
import { emptyAccount } from '../../infra/recording-monitor.ts'
import { exampleConfig } from '../../lab/sandbox/loader/example-config.ts'
import { loadProgram } from '../../lab/sandbox/loader/loader.ts'
import { clientOf, codeOf } from '../lab/sandbox/world.ts'
import { startStsCloud } from '../lab/sandbox/sts/cloud.ts'
import { makeFolder, runProcess } from '../restore-cli/command-line.ts'
import type { Outcome } from '../restore-cli/command-line.ts'
import { isCounted, runTask, sessionOf } from './container-task.ts'
import type { TaskWorld } from './container-task.ts'

const folder = makeFolder()
const home = makeFolder()
let world: TaskWorld
let notaryPem: string

beforeAll(async () => {
  const program = await loadProgram({ layers: ['vault'] })
  world = { ...program, cloud: await startStsCloud(program.declaration) }
  mkdirSync(join(folder, 'data'))
  for (let index = 0; index < 20; index++)
    writeFileSync(join(folder, 'data', `file-${index}`), `content ${index}`.repeat(500))
  const { AccessKeyId, SecretAccessKey, Token } = sessionOf(world, 'holdfast-writer-rental-db')
  const backup = await runProcess(
    [
      'backup',
      join(folder, 'data'),
      '--source',
      'rental-db',
      '--bucket',
      exampleConfig.vaultBucket,
      '--cache-dir',
      join(home, 'cache'),
    ],
    {
      env: {
        HOME: home,
        AWS_REGION: exampleConfig.region,
        AWS_ENDPOINT_URL: world.cloud.sandbox.endpoint,
        AWS_ACCESS_KEY_ID: AccessKeyId,
        AWS_SECRET_ACCESS_KEY: SecretAccessKey,
        AWS_SESSION_TOKEN: Token,
      },
    },
  )
  expect(backup).toMatchObject({ status: 0 })
  notaryPem = await publicKeyOf('holdfast-notary', notaryKeyAlias)
  await acknowledgeAlarm()
})

/** As a person of on-call does each morning. */
async function acknowledgeAlarm(): Promise<void> {
  const { AccessKeyId, SecretAccessKey, Token } = sessionOf(world, 'holdfast-restorer')
  const outcome = await runProcess(
    ['acknowledge', '6a7e8feb-b491-4cf7-a9f1-bf3703467718', '--bucket', exampleConfig.vaultBucket],
    {
      env: {
        HOME: home,
        AWS_REGION: exampleConfig.region,
        AWS_ENDPOINT_URL: world.cloud.sandbox.endpoint,
        AWS_ACCESS_KEY_ID: AccessKeyId,
        AWS_SECRET_ACCESS_KEY: SecretAccessKey,
        AWS_SESSION_TOKEN: Token,
      },
    },
  )
  expect(outcome).toMatchObject({ status: 0 })
}

async function publicKeyOf(roleName: string, alias: string): Promise<string> {
  const { AccessKeyId, SecretAccessKey, Token } = sessionOf(world, roleName)
  const signer = await KmsSigner.open(
    {
      region: exampleConfig.region,
      endpoint: world.cloud.sandbox.endpoint,
      credentials: () =>
        Promise.resolve({
          accessKeyId: AccessKeyId,
          secretAccessKey: SecretAccessKey,
          sessionToken: Token,
        }),
    },
    alias,
  )
  return signer.publicKeyPem
}

afterAll(() => world.cloud.stop())

/** Runs a task with the public key of the sandbox in its command, as a deployment writes it there. */
function run(family: string): Promise<Outcome> {
  const recordedPem = String(emptyAccount['aws:kms/getPublicKey:getPublicKey']!({})['publicKeyPem'])
  return runTask(world, family, { folders: { [recordedPem]: notaryPem } })
}

function clientAs(roleName: string): S3Client {
  const { AccessKeyId, SecretAccessKey, Token } = sessionOf(world, roleName)
  return clientOf(world.cloud.sandbox, {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: Token,
    expiresMs: null,
  })
}

const alarms = [
  'examination-rental-db',
  ...['notary', 'freshness', 'verify', 'read'].flatMap((kind) =>
    ['rental-db', 'uploads'].map((source) => `check-${kind}-${source}`),
  ),
  'check-custodian',
]

test.each([
  ['notary', ['check-notary-rental-db']],
  ['freshness', ['check-freshness-rental-db']],
  ['verify', ['check-freshness-rental-db', 'check-verify-rental-db']],
  ['read', ['check-read-rental-db']],
])(
  'the task %s of a source ends well with its own role and nothing else, and ends no alarm but %j',
  async (check, ended) => {
    const outcome = await run(`holdfast-check-${check}-rental-db`)
    expect(outcome).toMatchObject({ status: 0 })
    expect(alarms.filter((name) => isCounted(world, name, outcome.stdout))).toEqual(ended)
  },
)

test('the task of the custodian does its work with its own role and nothing else, and ends its own alarm alone', async () => {
  const outcome = await run('holdfast-check-custodian')
  expect(outcome).toMatchObject({ status: 0 })
  expect(outcome.records().at(-1)).toMatchObject({ type: 'custodian', ok: true, applied: true })
  expect(alarms.filter((name) => isCounted(world, name, outcome.stdout))).toEqual(['check-custodian'])
})

test('the notary signs nothing with a key that is not the one of the deployment, and ends no alarm', async () => {
  // The command still has the public key of the recording.
  const outcome = await runTask(world, 'holdfast-check-notary-rental-db')
  expect(outcome.status).toBe(9)
  expect(alarms.filter((name) => isCounted(world, name, outcome.stdout))).toEqual([])
})

test('the task of a source that was never backed up ends with a status that raises an alarm, and counts for nothing', async () => {
  const outcome = await run('holdfast-check-verify-uploads')
  expect(outcome.status).toBe(14)
  expect(isCounted(world, 'check-verify-uploads', outcome.stdout)).toBe(false)
})

test('each run leaves its report in the vault, locked and signed with a key of its own, and the role of a check may add nothing else', async () => {
  const outcome = await run('holdfast-check-read-rental-db')
  expect(outcome.status).toBe(0)
  const { report } = outcome.records().find(({ type }) => type === 'check-run') as { report: string }
  const client = clientAs('holdfast-drill')
  const Bucket = exampleConfig.vaultBucket
  const response = await client.send(new GetObjectCommand({ Bucket, Key: report }))
  expect(response.ObjectLockMode).toBe('COMPLIANCE')
  const pem = await publicKeyOf('holdfast-drill', reportKeyAlias)
  expect(pem).not.toBe(notaryPem)
  const keys = TrustedKeys.parse(pem, 'reports')
  expect(openReport(await response.Body!.transformToByteArray(), report, keys)).toMatchObject({
    ok: true,
    sources: [{ source: 'rental-db', readDays: 7 }],
  })
  const put = new PutObjectCommand({
    Bucket,
    Key: 'sources/rental-db/x',
    Body: 'x',
    IfNoneMatch: '*',
    ChecksumAlgorithm: 'SHA256',
  })
  expect(await codeOf(client.send(put))).toBe('AccessDenied')
})

test('a stolen writer that puts one byte a day under manifests/ feeds no alarm: without backups, the task turns red', async () => {
  const { clock } = world.cloud
  for (let day = 0; day < 2; day++) {
    clock.turn(20 * 3_600_000)
    const writer = clientAs('holdfast-writer-rental-db')
    await writer.send(
      new PutObjectCommand({
        Bucket: exampleConfig.vaultBucket,
        Key: `sources/rental-db/manifests/${ulid()}`,
        Body: 'x',
        IfNoneMatch: '*',
        ChecksumAlgorithm: 'SHA256',
      }),
    )
  }
  const frequent = await run('holdfast-check-freshness-rental-db')
  expect(frequent.status).toBe(14)
  expect(alarms.filter((name) => isCounted(world, name, frequent.stdout))).toEqual([])
  const outcome = await run('holdfast-check-verify-rental-db')
  expect(outcome.status).toBe(14)
  expect(alarms.filter((name) => isCounted(world, name, outcome.stdout))).toEqual([])
  const record = outcome.records().find(({ type }) => type === 'source-checks')
  expect(record).toMatchObject({ ok: false, red: ['freshness', 'tamper'] })
  expect(outcome.records().find(({ check }) => check === 'freshness')).toMatchObject({
    status: 'failed',
    findings: [
      {
        subject: 'rental-db',
        detail: expect.stringMatching(/1 d 16 h old; the objective is 1 d 6 h$/) as string,
      },
      { detail: expect.stringContaining("it doesn't begin as a manifest") as string },
      { detail: expect.stringContaining("it doesn't begin as a manifest") as string },
    ],
  })
})
