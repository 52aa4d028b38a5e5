import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { reasonTag, secondFactorTag } from '../../../guardrails/names.ts'
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
const unapproved = join(folder, 'unapproved.json')
let cloud: StsCloud
let operator: Record<string, string>
let launcher: Record<string, string>

beforeAll(async () => {
  const approvers = [`arn:aws:iam::${exampleConfig.productionAccountId}:role/people/duty-manager`]
  const declaration = await loadDeclaration({ config: { approvers } })
  // As Identity Center vouches for a second factor.
  declaration.roles.find(({ arn }) => arn === exampleConfig.breakGlass[0])!.tags[secondFactorTag] = 'true'
  cloud = await startStsCloud(declaration)
  writeFileSync(
    config,
    JSON.stringify((await recordProgram({ ...exampleConfig, approvers, layer: 'production' })).outputs),
  )
  writeFileSync(
    unapproved,
    JSON.stringify((await recordProgram({ ...exampleConfig, layer: 'production' })).outputs),
  )
  const variablesOf = (arn: string): Record<string, string> => {
    const { credentials } = issueWorkloadSession(
      cloud.sandbox,
      declaration.roles.find((role) => role.arn === arn)!,
      { sessionName: 'maria', nowMs: cloud.clock.nowMs() },
    )
    return {
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_SESSION_TOKEN: credentials.sessionToken!,
    }
  }
  operator = variablesOf(exampleConfig.breakGlass[0]!)
  launcher = variablesOf(exampleConfig.launchers[0]!)
}, 120_000)

afterAll(async () => {
  expect(cloud.sandbox.defects).toEqual([])
  await cloud.stop()
})

function breakGlass(args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  return runCommand(['break-glass', ...args], {
    env: {
      HOME: home,
      AWS_REGION: 'eu-central-1',
      AWS_ENDPOINT_URL: cloud.sandbox.endpoint,
      ...operator,
      ...env,
    },
  })
}

const asMaria = ['--config', config, '--source-identity', 'maria', '--reason', 'old volume, ticket 4711'].map(
  (line) => line.replace(',', ''),
)

describe('breaking the glass', () => {
  test('opens a session of an hour, with the person and the reason in it', async () => {
    const outcome = await breakGlass([...asMaria, '--json'])
    expect(outcome).toMatchObject({ status: 0, stderr: '' })
    const [record] = outcome.records() as { expires: string; credentials: { accessKeyId: string } }[]
    expect(record).toMatchObject({
      type: 'break-glass',
      sourceIdentity: 'maria',
      reason: 'old volume ticket 4711',
      needsApproval: true,
    })
    const session = cloud.sandbox.credentials.find(record!.credentials.accessKeyId)!.principal.session!
    expect(session).toMatchObject({
      sourceIdentity: 'maria',
      tags: { [reasonTag]: 'old volume ticket 4711' },
    })
    expect((Date.parse(record!.expires) - cloud.clock.nowMs()) / 60_000).toBeGreaterThan(58)
  })

  test('runs a command with it, and ends with its status', async () => {
    const code =
      'process.exit(process.env["AWS_SESSION_TOKEN"] && process.env["AWS_EC2_METADATA_DISABLED"] === "true" ? 7 : 1)'
    expect(await breakGlass([...asMaria, '--', process.execPath, '-e', code])).toMatchObject({
      status: 7,
      stderr: '',
    })
  })

  test('is denied to people who are not named, and the hint has the requirements of the trust policy', async () => {
    const outcome = await breakGlass(asMaria, launcher)
    expect(outcome).toMatchObject({ status: 6, stdout: '' })
    expect(outcome.stderr).toContain('holdfast:breakGlass')
  })

  test('asks for the code of a second factor on a terminal, and fails without one', async () => {
    const outcome = await breakGlass([...asMaria, '--mfa-serial', 'arn:aws:iam::222222222222:mfa/maria'])
    expect(outcome).toMatchObject({ status: 7, stdout: '' })
    expect(outcome.stderr).toContain('no terminal to ask for its code')
  })
})

describe('an approval', () => {
  const policyArn = `arn:aws:iam::${exampleConfig.productionAccountId}:policy/holdfast-break-glass-approval`

  async function approve(
    args: readonly string[],
    versions: string[],
  ): Promise<{ outcome: Outcome; calls: Record<string, string>[] }> {
    const iam = await startScriptedIam({
      roleArn: 'arn:aws:iam::222222222222:role/holdfast-production/holdfast-approver',
      versions,
    })
    const outcome = await breakGlass(['approve', ...args], { AWS_ENDPOINT_URL: iam.endpoint })
    await iam.stop()
    return { outcome, calls: iam.calls() }
  }

  test("names the person and the end, in a policy that a break-glass session can't write", async () => {
    const { outcome, calls } = await approve(
      ['maria', '--config', config, '--minutes', '30', '--json'],
      ['v1'],
    )
    expect(outcome).toMatchObject({ status: 0, stderr: '' })
    const [record] = outcome.records() as { until: string }[]
    const put = calls.find(({ Action }) => Action === 'CreatePolicyVersion')!
    expect(put).toMatchObject({ PolicyArn: policyArn, SetAsDefault: 'true' })
    const statements = (JSON.parse(put['PolicyDocument']!) as { Statement: { Condition?: unknown }[] })
      .Statement
    expect(statements.map(({ Condition }) => Condition)).toEqual([
      undefined,
      { StringNotEquals: { 'aws:SourceIdentity': 'maria' } },
      { DateGreaterThan: { 'aws:CurrentTime': record!.until } },
    ])
    expect((Date.parse(record!.until) - Date.now()) / 60_000).toBeGreaterThan(28)
    expect((Date.parse(record!.until) - Date.now()) / 60_000).toBeLessThanOrEqual(30)
    expect(calls.map(({ Action }) => Action)).not.toContain('DeletePolicyVersion')
  })

  test('is taken back', async () => {
    const { outcome, calls } = await approve(['maria', '--config', config, '--minutes', '0'], ['v1', 'v2'])
    expect(outcome.stdout).toContain('No break-glass session is approved')
    expect(calls.find(({ Action }) => Action === 'CreatePolicyVersion')!['PolicyDocument']).toContain(
      'NobodyApproved',
    )
  })

  test("deletes the oldest of five versions that isn't in force", async () => {
    const { calls } = await approve(['maria', '--config', config], ['v3', 'v4', 'v5', 'v6', 'v7'])
    expect(calls.find(({ Action }) => Action === 'DeletePolicyVersion')).toMatchObject({
      PolicyArn: policyArn,
      VersionId: 'v3',
    })
  })

  test('that the configuration does not require is an error', async () => {
    const { outcome, calls } = await approve(['maria', '--config', unapproved], ['v1'])
    expect(outcome).toMatchObject({ status: 5, stdout: '' })
    expect(calls).toEqual([])
  })
})

test.each([
  [['--config', 'x', '--source-identity', 'maria']],
  [['--reason', 'because', '--source-identity', 'maria']],
  [['--reason', 'because', '--config', 'x']],
  [['--reason', '\u001b[2J', '--config', 'x', '--source-identity', 'maria']],
  [['--reason', '   ', '--config', 'x', '--source-identity', 'maria']],
  [['--reason', 'because', '--config', 'x', '--source-identity', 'a b']],
  [['approve', 'maria']],
  [['approve', 'a b', '--config', 'x']],
  [['approve', 'maria', '--config', 'x', '--minutes', '61']],
  [['approve', 'maria', '--config', 'x', '--minutes', '-1']],
])('%j is wrong usage, and the hint shows the right one', async (args) => {
  const outcome = await breakGlass(args)
  expect(outcome).toMatchObject({ status: 2, stdout: '' })
  expect(outcome.stderr).toMatch(/^hint: /m)
  expect(outcome.stderr).not.toContain('\u001b')
})
