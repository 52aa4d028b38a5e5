import { writeFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { recordProgram } from '../../../infra/recording.ts'
import { exampleConfig } from '../../../lab/sandbox/loader/example-config.ts'
import { loadDeclaration } from '../../../lab/sandbox/loader/loader.ts'
import { issueWorkloadSession } from '../../../lab/sandbox/sts/role-session.ts'
import { startScriptedIam } from '../../aws/scripted-iam.ts'
import { startStsCloud } from '../../lab/sandbox/sts/cloud.ts'
import type { StsCloud } from '../../lab/sandbox/sts/cloud.ts'
import { makeFolder, runCommand } from '../command-line.ts'
import type { Outcome } from '../command-line.ts'

const folder = makeFolder()
const home = makeFolder()
const config = join(folder, 'production.json')
let cloud: StsCloud
let launcher: Record<string, string>
let agentArn: string

beforeAll(async () => {
  const [declaration, { outputs }] = await Promise.all([
    loadDeclaration(),
    recordProgram({ ...exampleConfig, layer: 'production' }),
  ])
  cloud = await startStsCloud(declaration)
  writeFileSync(config, JSON.stringify(outputs))
  agentArn = (outputs as { agents: Record<string, { roleArn: string }> }).agents['staging']!.roleArn
  launcher = variablesOf(exampleConfig.launchers[0]!)
}, 120_000)

afterAll(async () => {
  expect(cloud.sandbox.defects).toEqual([])
  await cloud.stop()
})

function variablesOf(roleArn: string): Record<string, string> {
  const role = cloud.sandbox && declaredRole(roleArn)
  const { credentials } = issueWorkloadSession(cloud.sandbox, role, {
    sessionName: 'workload',
    nowMs: cloud.clock.nowMs(),
  })
  return {
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_SESSION_TOKEN: credentials.sessionToken!,
  }
}

function declaredRole(arn: string): Parameters<typeof issueWorkloadSession>[1] {
  const [, accountId = '', path = '/', name = ''] = /^arn:aws:iam::(\d{12}):role(\/(?:.*\/)?)([^/]+)$/.exec(
    arn,
  )!
  return {
    accountId,
    arn,
    name,
    path,
    maxSessionSeconds: 3600,
    trust: {},
    policies: [],
    boundary: null,
    tags: {},
  }
}

function agentSession(args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  return runCommand(['agent-session', ...args], {
    env: {
      HOME: home,
      AWS_REGION: 'eu-central-1',
      AWS_ENDPOINT_URL: cloud.sandbox.endpoint,
      ...launcher,
      ...env,
    },
  })
}

const asMaria = ['--config', config, '--source-identity', 'maria@example.com']

/** The session with this key, as the sandbox's token service has it. */
function sessionOf(accessKeyId: string): {
  roleArn: string
  sourceIdentity: string | null
  sessionName: string
  policies: unknown[]
  tags: object
} {
  return cloud.sandbox.credentials.find(accessKeyId)!.principal.session!
}

describe('a session of an agent', () => {
  test('belongs to its role and names the person behind it, for 15 minutes', async () => {
    const outcome = await agentSession(['staging', ...asMaria, '--session-name', 'task-42', '--json'])
    expect(outcome).toMatchObject({ status: 0, stderr: '' })
    const [record] = outcome.records() as { expires: string; credentials: { accessKeyId: string } }[]
    expect(record).toMatchObject({
      type: 'agent-session',
      agent: 'staging',
      roleArn: agentArn,
      sourceIdentity: 'maria@example.com',
      narrowed: false,
    })
    expect(sessionOf(record!.credentials.accessKeyId)).toMatchObject({
      roleArn: agentArn,
      sourceIdentity: 'maria@example.com',
      sessionName: 'task-42',
      policies: [],
    })
    const leftSeconds = (Date.parse(record!.expires) - cloud.clock.nowMs()) / 1000
    expect(leftSeconds).toBeGreaterThan(840)
    expect(leftSeconds).toBeLessThanOrEqual(901)
  })

  test("has the configuration's length, or that of --session-seconds, and never more than an hour", async () => {
    const longer = join(folder, 'longer.json')
    writeFileSync(
      longer,
      JSON.stringify(
        (
          await recordProgram({
            ...exampleConfig,
            agents: exampleConfig.agents.map((agent) => ({ ...agent, sessionSeconds: 1800 })),
            layer: 'production',
          })
        ).outputs,
      ),
    )
    const minutes = async (...args: string[]): Promise<number> => {
      const [record] = (
        await agentSession(['staging', '--config', longer, '--source-identity', 'maria', '--json', ...args])
      ).records() as { expires: string }[]
      return Math.round((Date.parse(record!.expires) - cloud.clock.nowMs()) / 60_000)
    }
    expect([await minutes(), await minutes('--session-seconds', '900')]).toEqual([30, 15])
    writeFileSync(
      longer,
      JSON.stringify({
        formatVersion: 1,
        layer: 'production',
        agents: { staging: { roleArn: agentArn, sessionSeconds: 7200 } },
      }),
    )
    expect(await agentSession(['staging', '--config', longer, '--source-identity', 'maria'])).toMatchObject({
      status: 2,
      stdout: '',
    })
  })

  test('is printed for a shell and for an SDK, and works', async () => {
    const shell = await agentSession(['staging', ...asMaria])
    const variables = Object.fromEntries(
      [...shell.stdout.matchAll(/^export (\w+)='([^']*)'$/gm)].map(([, name, value]) => [name!, value!]),
    )
    expect(Object.keys(variables)).toEqual([
      'AWS_ACCESS_KEY_ID',
      'AWS_SECRET_ACCESS_KEY',
      'AWS_SESSION_TOKEN',
      'AWS_CREDENTIAL_EXPIRATION',
    ])
    const process = JSON.parse(
      (await agentSession(['staging', ...asMaria, '--format', 'credential-process'])).stdout,
    ) as Record<string, string>
    expect(process).toMatchObject({
      Version: 1,
      AccessKeyId: expect.stringMatching(/^ASIA/) as string,
      Expiration: expect.stringMatching(/Z$/) as string,
    })
    // An agent can't launch itself: its own session is refused, which also shows that it is taken for what it is.
    const again = await agentSession(['staging', ...asMaria], variables)
    expect(again.status).toBe(6)
    expect(again.stderr).toMatch(/assumed-role\/holdfast-agent-staging/)
  })

  test('is narrowed by a policy', async () => {
    const file = join(folder, 'narrow.json')
    const policy = {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 'ec2:Describe*', Resource: '*' }],
    }
    writeFileSync(file, JSON.stringify(policy, null, 4))
    const outcome = await agentSession(['staging', ...asMaria, '--policy', file, '--json'])
    const [record] = outcome.records() as { narrowed: boolean; credentials: { accessKeyId: string } }[]
    expect(record!.narrowed).toBe(true)
    expect(sessionOf(record!.credentials.accessKeyId).policies).toEqual([policy])
  })

  test.each([
    ["nobody's behalf", ['staging', '--config'], 'pass --source-identity'],
    [
      'a session tag, by which it would choose its environment',
      ['staging', '--source-identity', 'maria', '--tag', 'holdfast-environment=production', '--config'],
      'without session tags',
    ],
  ])('on %s is denied, and the hint has the requirements of the trust policy', async (_what, args, hint) => {
    const outcome = await agentSession([...args, config])
    expect(outcome).toMatchObject({ status: 6, stdout: '' })
    expect(outcome.stderr).toContain(hint)
  })

  test("of another account's role, or of a missing role, is denied", async () => {
    expect(
      await agentSession(['nobody', '--account', agentArn.split(':')[4]!, '--source-identity', 'maria']),
    ).toMatchObject({ status: 6 })
    expect(
      await agentSession(['staging', '--account', '999999999999', '--source-identity', 'maria']),
    ).toMatchObject({ status: 6 })
  })

  test('has the same role by the naming rule as by the configuration', async () => {
    const outcome = await agentSession([
      'staging',
      '--account',
      agentArn.split(':')[4]!,
      '--source-identity',
      'maria',
      '--json',
    ])
    expect(outcome.records()).toMatchObject([{ roleArn: agentArn }])
  })
})

describe('a command that runs with a session', () => {
  const script = (code: string): string[] => ['--', process.execPath, '-e', code]

  test('has it in its environment, and no other credentials', async () => {
    const shown =
      '["AWS_ACCESS_KEY_ID","AWS_PROFILE","AWS_WEB_IDENTITY_TOKEN_FILE","AWS_EC2_METADATA_DISABLED","KEEP"].map((name) => process.env[name] ?? null)'
    const outcome = await agentSession(
      ['staging', ...asMaria, ...script(`console.log(JSON.stringify(${shown}))`)],
      { AWS_WEB_IDENTITY_TOKEN_FILE: '/t', KEEP: 'kept' },
    )
    expect(outcome).toMatchObject({ status: 0, stderr: '' })
    const [key, ...credentialVariables] = JSON.parse(outcome.stdout) as string[]
    expect(sessionOf(key!)).toMatchObject({ roleArn: agentArn })
    expect(credentialVariables).toEqual([null, null, 'true', 'kept'])
  })

  test('ends with its own exit status, also after a signal', async () => {
    expect(await agentSession(['staging', ...asMaria, ...script('process.exit(7)')])).toMatchObject({
      status: 7,
      stderr: '',
    })
    expect(
      await agentSession(['staging', ...asMaria, ...script('process.kill(process.pid, "SIGKILL")')]),
    ).toMatchObject({ status: 137 })
  })

  test('gets its arguments unchanged: there is no shell', async () => {
    const hostile = ['$(id)', '; rm -rf /', '--json', '*', 'a b']
    const outcome = await agentSession([
      'staging',
      ...asMaria,
      '--',
      process.execPath,
      '-e',
      'console.log(JSON.stringify(process.argv.slice(1)))',
      '--',
      ...hostile,
    ])
    expect(JSON.parse(outcome.stdout)).toEqual(hostile)
  })

  test('leaves nothing on disk', async () => {
    await agentSession(['staging', ...asMaria, ...script('')])
    expect(readdirSync(home)).toEqual([])
  })

  test('that does not exist is an error', async () => {
    const outcome = await agentSession(['staging', ...asMaria, '--', '/nonexistent/\u001b[2Jtool'])
    expect(outcome.status).toBe(5)
    expect(outcome.stderr).not.toContain('\u001b')
  })
})

describe('revoking', () => {
  test("denies everything to sessions issued up to now, by AWS's clock", async () => {
    const iam = await startScriptedIam({ roleArn: agentArn })
    const before = Date.now()
    const outcome = await agentSession(['revoke', 'staging', '--config', config, '--json'], {
      AWS_ENDPOINT_URL: iam.endpoint,
    })
    await iam.stop()
    expect(outcome).toMatchObject({ status: 0, stderr: '' })
    const put = iam.calls().find(({ Action }) => Action === 'PutRolePolicy')!
    expect(put).toMatchObject({ RoleName: 'holdfast-agent-staging', PolicyName: 'holdfast-revoked-sessions' })
    const [record] = outcome.records() as { issuedBefore: string }[]
    expect(JSON.parse(put['PolicyDocument']!)).toEqual({
      Version: '2012-10-17',
      Statement: [
        {
          Sid: 'RevokeOlderSessions',
          Effect: 'Deny',
          Action: ['*'],
          Resource: ['*'],
          Condition: { DateLessThan: { 'aws:TokenIssueTime': record!.issuedBefore } },
        },
      ],
    })
    // The scripted server's clock is this machine's, to the second.
    expect(Date.parse(record!.issuedBefore)).toBeGreaterThanOrEqual(before - 1000)
    expect(Date.parse(record!.issuedBefore)).toBeLessThanOrEqual(Date.now() + 3000)
  })

  test('without the permission is denied', async () => {
    expect(await agentSession(['revoke', 'nobody', '--config', config])).toMatchObject({ status: 5 })
  })
})

test.each([
  [['staging']],
  [['Staging!', '--account', '111122223333']],
  [['staging', '--account', '1']],
  [['staging', '--role-arn', 'admin']],
  [['staging', '--account', '111122223333', '--session-seconds', '60']],
  [['staging', '--account', '111122223333', '--source-identity', 'a b']],
  [['staging', '--account', '111122223333', '--tag', 'novalue']],
  [['staging', '--account', '111122223333', '--json', '--format', 'env']],
  [['revoke']],
])('%j is wrong usage, and the hint shows the right one', async (args) => {
  const outcome = await agentSession(args)
  expect(outcome).toMatchObject({ status: 2, stdout: '' })
})
