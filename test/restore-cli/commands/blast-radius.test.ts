import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { plantCredentials } from '../../blast-radius/search/planted.ts'
import { startScriptedIam } from '../../aws/scripted-iam.ts'
import { sendError, sendXml } from '../../aws/scripted-server.ts'
import type { Script } from '../../aws/scripted-server.ts'
import { makeFolder, runCommand } from '../command-line.ts'
import type { Outcome } from '../command-line.ts'

const folder = makeFolder()
const home = makeFolder()
const planted = plantCredentials()
const roleArn = 'arn:aws:iam::111122223333:role/ci'

function write(name: string, content: string | object): string {
  const file = join(folder, name)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return file
}

function blastRadius(args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  return runCommand(['blast-radius', ...args], { env: { HOME: home, ...env } })
}

const statement = (Action: unknown, fields: object = {}): object => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action, Resource: '*', ...fields }],
})
const reader = write('reader.json', statement(['s3:GetObject*', 'ec2:Describe*']))
const destroyer = write(
  'destroyer.json',
  statement(['ec2:DeleteVolume', 'iam:PassRole', 'kms:ScheduleKeyDeletion']),
)

beforeAll(() => {
  for (const { file, text } of planted) write(`tree/${file}`, text)
  symlinkSync('..', join(folder, 'tree/loop'))
})

describe('policies', () => {
  test('that destroy nothing end with 0', async () => {
    const outcome = await blastRadius(['--policy', reader])
    expect(outcome).toMatchObject({ status: 0, stderr: '' })
    expect(outcome.stdout).toMatch(/([\d,]+) destructive actions of \1 denied, 0 possible/)
  })

  test('that can destroy end with 14, with the losses and how to undo them', async () => {
    const outcome = await blastRadius(['--policy', destroyer, '--json'])
    expect(outcome.status).toBe(14)
    expect(JSON.parse(outcome.stderr)).toMatchObject({
      code: 'objective-missed',
      context: { unbraked: 2, unbrakedData: 1, destructive: 3, credentials: 0 },
    })
    const [record] = outcome.records() as {
      possible: { action: string; state: string; recoverableUntil: string | null }[]
    }[]
    expect(record).toMatchObject({
      type: 'blast-radius',
      subject: destroyer,
      basis: 'policy documents',
      unbraked: 2,
    })
    expect(record!.possible.map(({ action, state }) => [action, state])).toEqual([
      ['ec2:DeleteVolume', 'not-known'],
      ['kms:ScheduleKeyDeletion', 'recoverable'],
      ['iam:PassRole', 'none'],
    ])
    const leftMs = Date.parse(record!.possible[1]!.recoverableUntil!) - Date.now()
    expect(leftMs).toBeGreaterThan(6.9 * 86_400_000)
    expect(leftMs).toBeLessThan(7.1 * 86_400_000)
  })

  test('count by --fail-on, and by the safeguards in place', async () => {
    const brakes = write('brakes.json', { formatVersion: 1, brakes: { 'ec2:DeleteVolume': { days: 7 } } })
    const statuses = await Promise.all(
      [
        ['--fail-on', 'data'],
        ['--fail-on', 'data', '--brakes', brakes],
        ['--brakes', brakes],
        ['--fail-on', 'destructive', '--brakes', brakes],
        ['--fail-on', 'never'],
      ].map(async (args) => (await blastRadius(['--policy', destroyer, ...args])).status),
    )
    expect(statuses).toEqual([14, 0, 14, 14, 0])
  })

  test('are narrowed by boundary, session and service control policy', async () => {
    for (const option of ['--boundary', '--session-policy', '--scp']) {
      expect(await blastRadius(['--policy', destroyer, option, reader])).toMatchObject({ status: 0 })
    }
  })

  test('of a role in a recorded account', async () => {
    const account = write('account.json', {
      RoleDetailList: [
        {
          Arn: roleArn,
          RolePolicyList: [{ PolicyName: 'task', PolicyDocument: statement('ec2:DeleteVolume') }],
        },
      ],
      Policies: [],
    })
    const outcome = await blastRadius(['--role', roleArn, '--recorded', account])
    expect(outcome.status).toBe(14)
    expect(outcome.stdout).toContain(`Blast radius of ${roleArn} (by policy documents):`)
    expect(await blastRadius(['--role', `${roleArn}2`, '--recorded', account])).toMatchObject({ status: 5 })
  })

  test('of a user or a group in a recorded account, with the policies of its groups', async () => {
    const userArn = 'arn:aws:iam::111122223333:user/deploy'
    const groupArn = 'arn:aws:iam::111122223333:group/admins'
    const group = {
      Arn: groupArn,
      GroupName: 'admins',
      GroupPolicyList: [{ PolicyName: 'all', PolicyDocument: statement('ec2:DeleteVolume') }],
    }
    const user = {
      Arn: userArn,
      UserPolicyList: [{ PolicyName: 'own', PolicyDocument: statement('s3:DeleteBucket') }],
      GroupList: ['admins'],
    }
    const whole = { RoleDetailList: [], UserDetailList: [user], GroupDetailList: [group], Policies: [] }
    const possible = async (arn: string, account: object): Promise<string[]> => {
      const outcome = await blastRadius([
        ...['--role', arn, '--recorded', write('users.json', account), '--json', '--fail-on', 'never'],
      ])
      expect(outcome).toMatchObject({ status: 0, stderr: '' })
      const [record] = outcome.records() as { possible: { action: string }[] }[]
      return record!.possible.map(({ action }) => action).sort()
    }
    expect(await possible(userArn, whole)).toEqual(['ec2:DeleteVolume', 's3:DeleteBucket'])
    expect(await possible(groupArn, whole)).toEqual(['ec2:DeleteVolume'])
    const withoutGroup = write('part.json', { ...whole, GroupDetailList: [] })
    const outcome = await blastRadius(['--role', userArn, '--recorded', withoutGroup])
    expect(outcome).toMatchObject({ status: 5, stdout: '' })
    expect(outcome.stderr).toContain('the group admins, which the user belongs to')
    const elsewhere = await blastRadius([
      ...['--role', userArn.replace('1111', '4444'), '--recorded', write('users.json', whole)],
    ])
    expect(elsewhere).toMatchObject({ status: 5 })
    expect(elsewhere.stderr).toContain('it is a recording of the account 111122223333')
  })

  test('of a role in a recorded account include those of role chaining, with the path', async () => {
    const trust = {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { AWS: roleArn }, Action: 'sts:AssumeRole' }],
    }
    const otherArn = roleArn.replace(/[^/]+$/, 'deployer')
    const account = write('hops.json', {
      RoleDetailList: [
        {
          Arn: roleArn,
          RolePolicyList: [{ PolicyName: 'task', PolicyDocument: statement('ec2:Describe*') }],
        },
        {
          Arn: otherArn,
          AssumeRolePolicyDocument: trust,
          RolePolicyList: [{ PolicyName: 'all', PolicyDocument: statement('ec2:DeleteVolume') }],
        },
      ],
      Policies: [],
    })
    const outcome = await blastRadius(['--role', roleArn, '--recorded', account])
    expect(outcome.status).toBe(14)
    expect(outcome.stdout).toContain('ec2:DeleteVolume: the volume\n      through role/deployer\n')
  })

  test("with hostile names don't control the terminal", async () => {
    const evil = write('evil.json', {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Action: '*',
          Resource: 'arn:aws:s3:::\u001b[2Jx\u202e/*',
          Condition: { StringEquals: { 'aws:ResourceTag/\u0007': 'a' } },
        },
      ],
    })
    const outcome = await blastRadius(['--policy', evil])
    expect(outcome.stdout + outcome.stderr).not.toMatch(/[\u001b\u0007\u202e]/u)
  })
})

describe('credentials within reach', () => {
  test('of a directory are named by file, line and owner, and end with 14', async () => {
    const outcome = await blastRadius(['--directory', join(folder, 'tree')])
    expect(outcome.status).toBe(14)
    expect(outcome.stdout).toContain(
      `${join(folder, 'tree/domains.sh')}:3\n    Railway token of backboard.railway.app; lives until it is revoked`,
    )
    expect(outcome.stdout).toContain('database password of bob@db.example.com:5432/app')
    expect(outcome.stdout).toMatch(/Left out: 1 links, not followed/)
  })

  test.each([
    ['in words', []],
    ['as records', ['--json']],
    ['with a trace', ['--json', '--max-entries', '1']],
  ])('are never shown by value: %s', async (_how, args) => {
    const outcome = await runCommand(
      ['blast-radius', '--here', '--directory', join(folder, 'tree'), ...args],
      {
        env: { HOME: join(folder, 'tree'), HOLDFAST_DEBUG: '1', MY_TOKEN: planted[0]!.values[0]! },
      },
    )
    expect(outcome.status).toBe(14)
    for (const value of planted.flatMap(({ values }) => values))
      expect(outcome.stdout + outcome.stderr).not.toContain(value)
  })

  test('of this environment and home are found, by variable and by place', async () => {
    const otherHome = makeFolder()
    mkdirSync(join(otherHome, '.aws'))
    writeFileSync(join(otherHome, '.aws/credentials'), planted[0]!.text)
    const outcome = await runCommand(['blast-radius', '--here', '--json'], {
      env: { HOME: otherHome, DEPLOY_TOKEN: planted[0]!.values[0]! },
    })
    const credentials = outcome.records().filter(({ type }) => type === 'credential')
    expect(credentials.map(({ kind, place, lives }) => [kind, place, lives])).toEqual([
      ['unknown', { type: 'variable', name: 'DEPLOY_TOKEN' }, 'for ever'],
      ['aws-key', { type: 'file', path: join(otherHome, '.aws/credentials'), line: 4 }, 'for ever'],
    ])
  })

  test("that have ended are listed, and don't count", async () => {
    const spent = makeFolder()
    writeFileSync(join(spent, 'cli-cache.json'), planted.find(({ kind }) => kind === 'aws-session')!.text)
    const outcome = await blastRadius(['--directory', spent, '--json'])
    expect(outcome).toMatchObject({ status: 0, stderr: '' })
    expect(outcome.records()).toMatchObject([
      { kind: 'aws-session', isSpent: true, expires: '2020-01-01T00:00:00Z' },
      { type: 'search', credentials: 1 },
    ])
  })

  test('nowhere, end with 0; with 3 if the search stopped at a limit; with 5 if the directory is not there', async () => {
    const empty = makeFolder()
    expect(await blastRadius(['--directory', empty])).toMatchObject({ status: 0, stderr: '' })
    for (const name of ['a', 'b', 'c']) writeFileSync(join(empty, name), 'nothing')
    expect(await blastRadius(['--directory', empty, '--max-entries', '2'])).toMatchObject({ status: 3 })
    expect(await blastRadius(['--directory', join(empty, 'absent')])).toMatchObject({ status: 5 })
  })
})

describe('a live role', () => {
  const started = startScriptedIam({
    roleArn,
    inline: { task: statement('ec2:*') },
    simulate: (action) => ({ decision: action === 'ec2:DetachVolume' ? 'allowed' : 'implicitDeny' }),
  })
  afterAll(async () => (await started).stop())
  const live = async (args: string[]): Promise<Outcome> =>
    blastRadius(args, {
      AWS_ENDPOINT_URL: (await started).endpoint,
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: 'AKID',
      AWS_SECRET_ACCESS_KEY: 'a-secret-of-this-test',
    })

  test('is simulated in IAM', async () => {
    const outcome = await live(['--role', roleArn, '--live', '--json'])
    expect(outcome.status).toBe(14)
    expect(outcome.records()).toMatchObject([
      {
        basis: "IAM's simulator",
        subject: roleArn,
        possible: [{ action: 'ec2:DetachVolume', resources: ['*'] }],
      },
    ])
  })

  test('is the role of the current credentials, with --here', async () => {
    const outcome = await live(['--here', '--live', '--json'])
    expect(outcome.records().at(-1)).toMatchObject({ type: 'blast-radius', subject: roleArn })
    expect(outcome.stdout + outcome.stderr).not.toContain('a-secret-of-this-test')
  })
})

test('the role of the current credentials is assessed with its path, which their ARN lacks', async () => {
  const withPath = roleArn.replace('role/', 'role/people/')
  const server = await startScriptedIam({ roleArn: withPath, inline: { task: statement('s3:GetObject') } })
  const live = (...args: string[]): Promise<Outcome> =>
    blastRadius(['--live', '--json', ...args], {
      AWS_ENDPOINT_URL: server.endpoint,
      AWS_ACCESS_KEY_ID: 'AKID',
      AWS_SECRET_ACCESS_KEY: 'a-secret-of-this-test',
    })
  try {
    expect((await live('--here')).records().at(-1)).toMatchObject({ subject: withPath })
    expect(await live('--role', withPath)).toMatchObject({ status: 0 })
    const withoutPath = await live('--role', roleArn)
    expect(withoutPath).toMatchObject({ status: 5, stdout: '' })
    expect(withoutPath.stderr).toContain(`${roleArn} doesn't exist: that name belongs to ${withPath}`)
  } finally {
    await server.stop()
  }
})

describe('a live user or group', () => {
  const userArn = 'arn:aws:iam::111122223333:user/ops/deploy'
  const groupArn = 'arn:aws:iam::111122223333:group/admins'
  const started = startScriptedIam({
    roleArn,
    user: { arn: userArn, groups: ['admins'], inline: { own: statement('s3:Get*') } },
    inline: { everything: statement('ec2:*') },
    simulate: (action, _resource, arn) => ({
      decision:
        action === 'ec2:DetachVolume' && [userArn, groupArn].includes(arn) ? 'allowed' : 'implicitDeny',
    }),
  })
  afterAll(async () => (await started).stop())

  test.each([
    ['a user', ['--role', userArn]],
    ['a group', ['--role', groupArn]],
    ['the user of the credentials at hand', []],
  ])('%s is asked of IAM, with the policies of its groups', async (_what, args) => {
    const outcome = await blastRadius([...args, '--live', '--here', '--json', '--fail-on', 'never'], {
      AWS_ENDPOINT_URL: (await started).endpoint,
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: 'AKID',
      AWS_SECRET_ACCESS_KEY: 'a-secret-of-this-test',
    })
    expect(outcome).toMatchObject({ status: 0, stderr: '' })
    expect(outcome.records().at(-1)).toMatchObject({
      type: 'blast-radius',
      subject: args[1] ?? userArn,
      possible: [{ action: 'ec2:DetachVolume' }],
    })
    const [reading] = (await started).calls().filter(({ Action }) => Action === 'GetGroupPolicy')
    expect(reading).toMatchObject({ GroupName: 'admins', PolicyName: 'everything' })
  })
})

describe('a live role, with the safeguards of a region', () => {
  const besides: Script = ({ url, method, headers }, response) => {
    const json = (body: object): unknown => response.end(JSON.stringify(body))
    const target = String(headers['x-amz-target'])
    if (url.pathname === '/list-rules') return json({ Rules: [{ Identifier: 'abc' }] })
    if (url.pathname === '/rules/abc')
      return json({
        Identifier: 'abc',
        RetentionPeriod: { RetentionPeriodValue: 7, RetentionPeriodUnit: 'DAYS' },
        Status: 'available',
        LockState: 'locked',
      })
    if (target.endsWith('.ListTables')) return json({ TableNames: ['rentals'] })
    if (target.endsWith('.DescribeTable')) return json({ Table: { DeletionProtectionEnabled: false } })
    if (url.pathname === '/backup-vaults/')
      return response.writeHead(403, { 'x-amzn-errortype': 'AccessDeniedException' }).end('{}')
    if (method === 'GET' && url.pathname === '/')
      return sendXml(
        response,
        '<ListAllMyBucketsResult><Buckets><Bucket><Name>uploads</Name></Bucket></Buckets></ListAllMyBucketsResult>',
      )
    if (url.searchParams.has('versioning'))
      return sendXml(response, '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>')
    return sendError(
      response,
      404,
      url.searchParams.has('object-lock')
        ? 'ObjectLockConfigurationNotFoundError'
        : 'NoSuchLifecycleConfiguration',
    )
  }
  const allowed = [
    'ec2:DeleteVolume',
    'dynamodb:DeleteTable',
    'backup:DeleteRecoveryPoint',
    's3:DeleteObject',
    's3:DeleteBucket',
    'iam:PassRole',
  ]
  const started = startScriptedIam({
    roleArn,
    inline: { task: statement(allowed) },
    besides,
    simulate: (action) => ({ decision: allowed.includes(action) ? 'allowed' : 'implicitDeny' }),
  })
  afterAll(async () => (await started).stop())
  const live = async (...args: string[]): Promise<Outcome> =>
    blastRadius(['--role', roleArn, '--live', ...args], {
      AWS_ENDPOINT_URL: (await started).endpoint,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'AKID',
      AWS_SECRET_ACCESS_KEY: 'a-secret-of-this-test',
    })

  test('reports whether each safeguard was seen, is absent, or could not be read', async () => {
    const outcome = await live('--region', 'eu-central-1', '--json')
    expect(outcome.status).toBe(14)
    const [record] = outcome.records() as {
      caveats: string[]
      possible: {
        action: string
        state: string
        unbraked: boolean
        recoverableUntil: string | null
        reading: { state: string } | null
      }[]
    }[]
    expect(
      record!.possible.map(({ action, state, unbraked, reading }) => [
        action,
        state,
        unbraked,
        reading?.state ?? null,
      ]),
    ).toEqual([
      ['ec2:DeleteVolume', 'recoverable', false, 'seen'],
      ['dynamodb:DeleteTable', 'absent', true, 'absent'],
      ['s3:DeleteObject', 'recoverable', false, 'seen'],
      ['s3:DeleteBucket', 'taken-off', true, null],
      ['backup:DeleteRecoveryPoint', 'not-known', true, 'unread'],
      ['iam:PassRole', 'none', true, null],
    ])
    expect(record!.possible[0]!.recoverableUntil).not.toBeNull()
    expect(record!.caveats).toContain(
      'safeguards were read in eu-central-1: resources in other regions are not considered',
    )
  })

  test('reports it as text too', async () => {
    const { stdout, stderr } = await live('--region', 'eu-central-1')
    expect(stdout).toContain('safeguard seen: a locked rule of 7 days in eu-central-1\n')
    expect(stdout).toContain(
      'no safeguard: deletion protection is not in place\n      safeguard absent: no deletion protection on table/rentals\n',
    )
    expect(stdout).toContain(
      'safeguard could not be read: reading it was denied (listing the backup vaults in eu-central-1 failed',
    )
    expect(stdout + stderr).not.toContain('a-secret-of-this-test')
  })

  test('reports the limits of a default retention, below the refused action', async () => {
    const lock =
      '<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>1</Days></DefaultRetention></Rule></ObjectLockConfiguration>'
    const server = await startScriptedIam({
      roleArn,
      inline: { task: statement('s3:DeleteObjectVersion') },
      simulate: (action) => ({ decision: action === 's3:DeleteObjectVersion' ? 'allowed' : 'implicitDeny' }),
      besides: (request, response, index) =>
        request.url.searchParams.has('object-lock')
          ? sendXml(response, lock)
          : besides(request, response, index),
    })
    try {
      const { status, stdout } = await blastRadius(
        ['--role', roleArn, '--live', '--region', 'eu-central-1'],
        {
          AWS_ENDPOINT_URL: server.endpoint,
          AWS_REGION: 'us-east-1',
          AWS_ACCESS_KEY_ID: 'AKID',
          AWS_SECRET_ACCESS_KEY: 'a-secret-of-this-test',
        },
      )
      expect(stdout).toContain('safeguard seen: a default retention on each bucket (1), of 1 day at least\n')
      expect(stdout).toContain(
        '  Not decided: a default retention protects only versions written since it was set',
      )
      expect(status).toBe(0)
    } finally {
      await server.stop()
    }
  })

  test('calls only IAM if no region is named', async () => {
    const server = await started
    const before = server.requests.length
    const outcome = await live('--json')
    expect(outcome.records()).toMatchObject([
      {
        possible: [
          { action: 'ec2:DeleteVolume', state: 'not-known', reading: null },
          ...Array.from({ length: 5 }, () => ({ reading: null })),
        ],
      },
    ])
    expect(
      server.requests.slice(before).filter(({ body }) => !body.toString().startsWith('Action=')),
    ).toEqual([])
  })
})

test.each([
  [[]],
  [['--policy', 'p.json', '--region', 'eu-central-1']],
  [['--role', roleArn, '--live', '--region', 'evil.example/']],
  [['--role', roleArn]],
  [['--role', roleArn, '--policy', 'p.json', '--live']],
  [['--recorded', 'a.json', '--here']],
  [['--policy', 'p.json', '--live']],
  [['--policy', 'p.json', '--fail-on', 'everything']],
  [['--role', 'admin', '--live']],
  [['--directory', '.', '--max-depth', '-1']],
  [['--policy', 'p.json', '--baseline', 'b.json']],
  [['--directory', '.', '--baseline', 'b.json', '--write-baseline', 'b.json']],
])('%j is wrong usage, and the hint shows the right one', async (args) => {
  const outcome = await blastRadius(args)
  expect(outcome).toMatchObject({ status: 2, stdout: '' })
  expect(outcome.stderr).toMatch(/^hint: /m)
})
