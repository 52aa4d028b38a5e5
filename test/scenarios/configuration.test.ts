// `holdfast check --only configuration`, with the role of the checks, on the vault that the program declares: each
// setting and document is made bad behind the program's back, and made good again.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  DeleteBucketLifecycleCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  PutBucketReplicationCommand,
  PutObjectLockConfigurationCommand,
  PutPublicAccessBlockCommand,
} from '@aws-sdk/client-s3'
import type { S3Client } from '@aws-sdk/client-s3'
import { create } from 'tar'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { recordProgram } from '../../infra/recording.ts'
import type { DeclaredResource, DeclaredRole } from '../../lab/sandbox/declaration.ts'
import { exampleAccounts, exampleConfig } from '../../lab/sandbox/loader/example-config.ts'
import { loadProgram } from '../../lab/sandbox/loader/loader.ts'
import { clientOf } from '../lab/sandbox/world.ts'
import { startStsCloud } from '../lab/sandbox/sts/cloud.ts'
import { makeFolder, runCommand } from '../restore-cli/command-line.ts'
import { runTask, sessionOf } from './container-task.ts'
import type { TaskWorld } from './container-task.ts'

const { region, vaultBucket: Bucket } = exampleConfig
const folder = makeFolder()
const expectedFile = join(folder, 'expected.json')
/** Without the way of the alarms, because hundreds of requests take seconds. */
const shortFile = join(folder, 'expected-short.json')
const role = (name: string) => `arn:aws:iam::${exampleAccounts.vault}:role/holdfast/holdfast-${name}`
let world: TaskWorld
let root: S3Client

beforeAll(async () => {
  const program = await loadProgram({ layers: ['vault'] })
  world = { ...program, cloud: await startStsCloud(program.declaration) }
  root = clientOf(world.cloud.sandbox, world.cloud.sandbox.rootCredentials(exampleAccounts.vault))
  const { resources } = await recordProgram({ ...exampleConfig, layer: 'vault', toolkit: emptyTool() })
  const expected = resources.find(({ name }) => name === 'toolkit-expected')!
  const content = String(expected.inputs['content'])
  const { buckets, roles } = JSON.parse(content) as Record<string, unknown>
  writeFileSync(expectedFile, content)
  writeFileSync(shortFile, JSON.stringify({ buckets, roles }))
})

afterAll(() => world.cloud.stop())

/** A package that needs no other: the program puts one into the toolkit. */
function emptyTool(): string {
  const file = join(folder, 'holdfast-0.1.0.tgz')
  mkdirSync(join(folder, 'package'))
  writeFileSync(join(folder, 'package/package.json'), '{}')
  create({ file, cwd: folder, gzip: true, sync: true }, ['package'])
  return file
}

async function check(roleName = 'holdfast-drill', source = 'rental-db', expected = shortFile) {
  const { AccessKeyId, SecretAccessKey, Token } = sessionOf(world, roleName)
  const outcome = await runCommand(
    [
      ...['check', '--bucket', Bucket, '--expected', expected, '--only', 'configuration', '--source', source],
      ...['--no-assume-role', '--no-report', '--json'],
    ],
    {
      env: {
        HOME: folder,
        AWS_REGION: region,
        AWS_ENDPOINT_URL: world.cloud.sandbox.endpoint,
        AWS_ACCESS_KEY_ID: AccessKeyId,
        AWS_SECRET_ACCESS_KEY: SecretAccessKey,
        AWS_SESSION_TOKEN: Token,
      },
    },
  )
  const record = outcome.records().find(({ type }) => type === 'check') as
    { status: string; summary: string; findings: { subject: string; detail: string }[] } | undefined
  return {
    exit: outcome.status,
    stderr: outcome.stderr,
    status: record?.status,
    summary: record?.summary,
    findings: record?.findings.map(({ subject, detail }) => `${subject}: ${detail}`),
  }
}

const checkAll = () => check('holdfast-drill', 'rental-db', expectedFile)
const isGood = async () => expect(await check()).toMatchObject({ exit: 0, status: 'passed', findings: [] })

test('the vault that the program declares is as it declares it, for the role of the checks alone', async () => {
  expect(await checkAll()).toMatchObject({ exit: 0, status: 'passed', findings: [] })
  const { entries } = world.cloud.sandbox.decisions
  const actions = entries
    .filter(({ principalArn }) => principalArn.includes('/holdfast-drill/'))
    .map(({ action }) => action)
  expect([...new Set(actions)].sort()).toEqual([
    'cloudwatch:DescribeAlarms',
    'events:DescribeRule',
    'events:ListTargetsByRule',
    'iam:GetRole',
    'iam:GetRolePolicy',
    'iam:ListAttachedRolePolicies',
    'iam:ListRolePolicies',
    'logs:DescribeMetricFilters',
    's3:GetBucketObjectLockConfiguration',
    's3:GetBucketOwnershipControls',
    's3:GetBucketPolicy',
    's3:GetBucketPublicAccessBlock',
    's3:GetBucketVersioning',
    's3:GetEncryptionConfiguration',
    's3:GetLifecycleConfiguration',
    's3:GetReplicationConfiguration',
    's3:ListBucketVersions',
    'scheduler:GetSchedule',
    'sns:GetTopicAttributes',
    'sns:ListSubscriptionsByTopic',
  ])
  expect(entries.filter(({ allowed }) => !allowed)).toEqual([])
})

describe('a bucket', () => {
  const policyOf = (change: (statements: { Sid: string }[]) => object[]) => {
    const { policy } = world.declaration.buckets.find(({ name }) => name === Bucket)!
    const { Statement, ...document } = policy as { Statement: { Sid: string }[] }
    const Policy = JSON.stringify({ ...document, Statement: change(Statement) })
    return new PutBucketPolicyCommand({ Bucket, Policy })
  }
  const lock = (Days: number) =>
    new PutObjectLockConfigurationCommand({
      Bucket,
      ObjectLockConfiguration: {
        ObjectLockEnabled: 'Enabled',
        Rule: { DefaultRetention: { Mode: 'COMPLIANCE', Days } },
      },
    })
  const isPublic = (BlockPublicPolicy: boolean) =>
    new PutPublicAccessBlockCommand({
      Bucket,
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
        BlockPublicPolicy,
      },
    })
  const lifecycle = (expires: boolean) =>
    new PutBucketLifecycleConfigurationCommand({
      Bucket,
      LifecycleConfiguration: {
        Rules: [
          {
            ID: 'abort-multipart-uploads',
            Status: 'Enabled',
            Filter: { Prefix: '' },
            AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
            ...(expires ? { NoncurrentVersionExpiration: { NoncurrentDays: 1 } } : {}),
          },
        ],
      },
    })

  test('without a statement of its policy is red, and green again with it', async () => {
    await root.send(policyOf((all) => all.filter(({ Sid }) => Sid !== 'DenyDeleteMarkers')))
    const drifted = await check()
    expect(drifted).toMatchObject({ exit: 14, status: 'failed' })
    expect(drifted.findings).toEqual([
      expect.stringMatching(
        /^policy: Statement\.DenyDeleteMarkers is missing: \{"Action":\["s3:DeleteObject"\]/,
      ),
    ])
    await root.send(policyOf((all) => all))
    await isGood()
  })

  test('with a shorter default retention is red, and green again with its own', async () => {
    await root.send(lock(1))
    expect((await check()).findings).toEqual(['objectLock: days is 1, not 40'])
    await root.send(lock(40))
    await isGood()
  })

  test('with a hole in its public access block is red, and green again without it', async () => {
    await root.send(isPublic(false))
    expect((await check()).findings).toEqual(['publicAccessBlock: blockPublicPolicy is false, not true'])
    await root.send(isPublic(true))
    await isGood()
  })

  test('whose versions expire is red, and so is one whose uploads do not, and green again', async () => {
    await root.send(lifecycle(true))
    expect((await check()).findings).toEqual([
      'lifecycle: abort-multipart-uploads.otherActions has NoncurrentVersionExpiration besides',
    ])
    await root.send(new DeleteBucketLifecycleCommand({ Bucket }))
    expect((await check()).findings).toEqual([expect.stringMatching(/^lifecycle: it is null, not \{/)])
    await root.send(lifecycle(false))
    await isGood()
  })

  test('that sends its objects elsewhere is red', async () => {
    await root.send(
      new PutBucketReplicationCommand({
        Bucket,
        ReplicationConfiguration: {
          Role: role('notary'),
          Rules: [{ Status: 'Enabled', Prefix: '', Destination: { Bucket: 'arn:aws:s3:::elsewhere' } }],
        },
      }),
    )
    expect((await check()).findings).toEqual(['replication: it is ["arn:aws:s3:::elsewhere"], not null'])
  })
})

describe('a role', () => {
  const declared = (name: string): DeclaredRole =>
    world.declaration.roles.find(({ name: roleName }) => roleName === `holdfast-${name}`)!

  /** Changes the role for one run. */
  async function withChange(name: string, change: Partial<DeclaredRole>, source?: string) {
    const declaredRole = declared(name)
    const before = { ...declaredRole }
    Object.assign(declaredRole, change)
    try {
      const { findings } = await check('holdfast-drill', source)
      return findings!.filter((finding) => !finding.startsWith('replication'))
    } finally {
      Object.assign(declaredRole, before)
    }
  }

  test.each<[string, (role: DeclaredRole) => Partial<DeclaredRole>, RegExp]>([
    [
      'trusts another principal',
      ({ trust }) => ({
        trust: {
          ...trust,
          Statement: [
            ...(trust['Statement'] as object[]),
            { Sid: 'Open', Effect: 'Allow', Principal: '*', Action: 'sts:AssumeRole' },
          ],
        },
      }),
      /: trust\.Statement\.Open was added: \{"Action":\["sts:AssumeRole"\]/,
    ],
    [
      'has another inline policy',
      ({ policies }) => ({ policies: [...policies, { name: 'extra', document: { Statement: [] } }] }),
      /: policies\.extra was added: /,
    ],
    ['has lost its policy', () => ({ policies: [] }), /: policies\.duty is missing: /],
    [
      'has an attached policy',
      ({ policies }) => ({
        policies: [...policies, { name: 'arn:aws:iam::aws:policy/AdministratorAccess', document: {} }],
      }),
      /: attached has arn:aws:iam::aws:policy\/AdministratorAccess besides$/,
    ],
    [
      'has a boundary',
      () => ({ boundary: { name: 'arn:aws:iam::111111111111:policy/x', document: {} } }),
      /: boundary is arn:aws:iam::111111111111:policy\/x, not null$/,
    ],
    ['is gone', () => ({ name: 'renamed' }), /: it is gone$/],
    [
      'was made again under another path',
      ({ arn }) => ({ path: '/', arn: arn.replace('/holdfast/', '/') }),
      /: it is gone$/,
    ],
  ])('that %s is red', async (_, change, finding) => {
    const findings = await withChange('custodian', change(declared('custodian')))
    expect(findings).toEqual([expect.stringMatching(finding)])
    expect(findings[0]).toContain(role('custodian'))
  })

  test('of a writer is compared for its own source alone', async () => {
    const change = { boundary: { name: 'arn:aws:iam::111111111111:policy/x', document: {} } }
    expect(await withChange('writer-uploads', change)).toEqual([])
    expect(await withChange('writer-uploads', change, 'uploads')).toEqual([
      expect.stringContaining('holdfast-writer-uploads: boundary is'),
    ])
  })
})

test('the way of an alarm is red for each resource that does nothing, is gone or pages elsewhere, and green again', async () => {
  const { alarmPath } = world.declaration
  const declared = structuredClone(alarmPath)
  const find = (type: string, isWanted: (inputs: Record<string, unknown>) => boolean = () => true) =>
    alarmPath.find((resource) => resource.type.endsWith(`:${type}`) && isWanted(resource.inputs))!
  const change = (resource: DeclaredResource, inputs: Record<string, unknown>) =>
    Object.assign(resource.inputs, inputs)
  const remove = (resource: DeclaredResource) => alarmPath.splice(alarmPath.indexOf(resource), 1)
  const named = (name: string) => (inputs: Record<string, unknown>) => inputs['name'] === name
  change(find('MetricAlarm', named('holdfast-alarm-silent')), { actionsEnabled: false, threshold: 0 })
  remove(find('MetricAlarm', named('holdfast-alarm-undelivered')))
  change(find('LogMetricFilter'), { pattern: '' })
  change(find('EventRule', named('holdfast-writes')), { state: 'DISABLED' })
  remove(find('EventTarget', ({ rule }) => rule === 'holdfast-alarm-test'))
  remove(find('EventRule', ({ eventBusName }) => eventBusName === 'holdfast-alarms'))
  change(find('Schedule', named('notary-rental-db')), { state: 'DISABLED' })
  remove(find('Schedule', named('custodian')))
  change(find('TopicSubscription'), { pendingConfirmation: true })
  alarmPath.push({
    ...structuredClone(find('TopicSubscription')),
    inputs: { ...find('TopicSubscription').inputs, protocol: 'sms', endpoint: '+10000000000' },
  })
  const { findings, exit } = await checkAll()
  alarmPath.splice(0, Infinity, ...declared)
  expect(exit).toBe(14)
  for (const expected of [
    /^alarm \S+ holdfast-alarm-silent: isEnabled is false, not true$/,
    /^alarm \S+ holdfast-alarm-silent: threshold is 0, not 1$/,
    /^alarm \S+ holdfast-alarm-undelivered: it is gone$/,
    /^metric filter \S+ .*: pattern is , not /,
    /^rule \S+ default holdfast-writes: state is DISABLED, not ENABLED$/,
    /^rule \S+ default holdfast-alarm-test: targets\.topic is missing: /,
    /^rule \S+ holdfast-alarms holdfast-\S+: it is gone$/,
    /^schedule \S+ holdfast-checks notary-rental-db: state is DISABLED, not ENABLED$/,
    /^schedule \S+ holdfast-checks custodian: it is gone$/,
    /^topic \S+ \S+: subscriptions\.email [0-9a-f]{16} is pending, not confirmed$/,
    /^topic \S+ \S+: subscriptions\.sms [0-9a-f]{16} was added: pending$/,
  ])
    expect(findings).toContainEqual(expect.stringMatching(expected))
  expect(findings!.filter((finding) => !finding.startsWith('replication'))).toHaveLength(11)
  expect((await checkAll()).findings!.filter((finding) => !finding.startsWith('replication'))).toEqual([])
})

test('a role without the right to read could not tell, and what it can read is compared', async () => {
  const outcome = await check('holdfast-notary')
  expect(outcome).toMatchObject({ exit: 3, status: 'unknown' })
  expect(outcome.findings).toContainEqual(expect.stringMatching(/^policy: denied: /))
  expect(outcome.findings!.some((finding) => finding.startsWith('objectLock'))).toBe(false)
})

test('the nightly task compares the bucket, for which its network has a way', async () => {
  const outcome = await runTask(world, 'holdfast-check-verify-rental-db')
  const record = outcome.records().find(({ check: id }) => id === 'configuration')
  expect(record).toMatchObject({
    status: 'failed',
    findings: [{ subject: 'replication' }],
    summary:
      '8 settings of the bucket, 0 roles and 0 resources of its alarms were compared, with 1 difference',
  })
})
