import { createHash } from 'node:crypto'
import { AssumeRoleCommand, GetCallerIdentityCommand, GetSessionTokenCommand } from '@aws-sdk/client-sts'
import type { AssumeRoleCommandInput, STSClient } from '@aws-sdk/client-sts'
import { fromTemporaryCredentials } from '@aws-sdk/credential-providers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { issueWorkloadSession } from '../../../../lab/sandbox/sts/role-session.ts'
import { oneTimeCode } from '../../../../lab/sandbox/sts/second-factor.ts'
import {
  account,
  accountIds,
  allow,
  cloud,
  deny,
  named,
  policy,
  role,
  trust,
} from '../authorization/declaration.ts'
import { codeOf, startStsCloud, toSdk } from './cloud.ts'
import type { StsCloud } from './cloud.ts'

const { vault, production, outsider } = accountIds
const everySts = [named(policy(allow(['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'])))]
const app = role(production, 'app', { policies: everySts, path: '/workloads/' })
const unprivileged = role(production, 'unprivileged')
const human = role(production, 'human', { policies: everySts })
const takes = (
  name: string,
  action: string | string[],
  Condition: Record<string, unknown> | undefined,
  input: Parameters<typeof role>[2] = {},
) =>
  role(vault, name, {
    trust: trust({ AWS: production }, { Action: action, ...(Condition && { Condition }) }),
    ...input,
  })
const chain = ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity']

const roles = {
  app,
  unprivileged,
  human,
  attacker: role(outsider, 'attacker', { policies: everySts }),
  writer: takes('writer', 'sts:AssumeRole', { StringEquals: { 'sts:ExternalId': 'the-id' } }),
  plain: takes('plain', 'sts:AssumeRole', undefined, {
    maxSessionSeconds: 7200,
    policies: [named(policy(allow('s3:*')), 'arn:aws:iam::111111111111:policy/s3')],
  }),
  named: takes('named', 'sts:AssumeRole', { StringEquals: { 'sts:RoleSessionName': 'expected' } }),
  tagged: takes('tagged', ['sts:AssumeRole', 'sts:TagSession'], {
    StringEquals: { 'aws:RequestTag/source': ['a', 'b'], 'sts:ExternalId': 'the-id' },
  }),
  sourced: takes('sourced', ['sts:AssumeRole', 'sts:SetSourceIdentity'], {
    StringLike: { 'sts:SourceIdentity': 'dev-*' },
  }),
  guarded: takes('guarded', 'sts:AssumeRole', {
    Bool: { 'aws:MultiFactorAuthPresent': 'true' },
    NumericLessThan: { 'aws:MultiFactorAuthAge': '3600' },
  }),
  first: takes('first', chain, undefined, { policies: everySts, tags: { team: 'vault' } }),
  second: role(vault, 'second', {
    trust: trust({ AWS: `arn:aws:iam::${vault}:role/first` }, { Action: chain }),
    policies: everySts,
  }),
  third: role(vault, 'third', {
    trust: trust({ AWS: `arn:aws:iam::${vault}:role/second` }, { Action: 'sts:AssumeRole' }),
  }),
  revoked: role(vault, 'revoked', {
    trust: trust({ AWS: production }),
    policies: [
      named(
        policy(
          allow('sts:AssumeRole'),
          deny('*', '*', { Condition: { DateLessThan: { 'aws:TokenIssueTime': '2100-01-01T00:00:00Z' } } }),
        ),
      ),
    ],
  }),
}
const device = {
  serial: `arn:aws:iam::${production}:mfa/human`,
  holderArn: human.arn,
  secret: Buffer.from('12345678901234567890'),
}

let running: StsCloud
beforeAll(async () => {
  const accounts = [account(vault), account(production), account(outsider)]
  running = await startStsCloud(cloud({ accounts, roles: Object.values(roles) }), { mfaDevices: [device] })
})
afterAll(async () => {
  expect(running.sandbox.defects).toEqual([])
  await running.stop()
})

function assume(
  target: keyof typeof roles,
  input: Partial<AssumeRoleCommandInput> = {},
  client = running.clientOf(app.arn),
) {
  return client.send(
    new AssumeRoleCommand({ RoleArn: roles[target].arn, RoleSessionName: 'session', ...input }),
  )
}

/** A client with the credentials in a reply of AssumeRole. */
function clientFrom({ Credentials: credentials }: Awaited<ReturnType<typeof assume>>): STSClient {
  return running.client({
    accessKeyId: credentials?.AccessKeyId ?? '',
    secretAccessKey: credentials?.SecretAccessKey ?? '',
    sessionToken: credentials?.SessionToken ?? '',
    expiresMs: null,
  })
}

const whoAmI = async (client: STSClient) => (await client.send(new GetCallerIdentityCommand({}))).Arn

describe('AssumeRole', () => {
  it('returns a session that signs as the role', async () => {
    const reply = await assume('plain')
    expect(reply.AssumedRoleUser?.Arn).toBe(`arn:aws:sts::${vault}:assumed-role/plain/session`)
    expect(reply.AssumedRoleUser?.AssumedRoleId).toMatch(/^AROA[A-Z2-7]{17}:session$/)
    expect(reply.Credentials?.AccessKeyId).toMatch(/^ASIA/)
    expect(await whoAmI(clientFrom(reply))).toBe(`arn:aws:sts::${vault}:assumed-role/plain/session`)
  })

  it('serves the providers of the SDK', async () => {
    const provider = fromTemporaryCredentials({
      masterCredentials: toSdk(issue()),
      params: { RoleArn: roles.writer.arn, RoleSessionName: 'sdk', ExternalId: 'the-id' },
      clientConfig: { endpoint: running.sandbox.endpoint, region: 'us-east-1' },
    })
    const credentials = await provider()
    expect(credentials.sessionToken).toBeTruthy()
    expect(credentials.expiration?.getTime()).toBeGreaterThan(running.clock.nowMs() + 3_500_000)
  })

  it.for([
    ['the right external id', { ExternalId: 'the-id' }, 'none'],
    ['another external id', { ExternalId: 'another' }, 'AccessDenied'],
    ['no external id', {}, 'AccessDenied'],
  ] as const)('with %s', async ([, input, code]) => {
    expect(await codeOf(assume('writer', input))).toBe(code)
  })

  it('lets the trust policy decide on the session name', async () => {
    expect(await codeOf(assume('named', { RoleSessionName: 'expected' }))).toBe('none')
    expect(await codeOf(assume('named', { RoleSessionName: 'other' }))).toBe('AccessDenied')
  })

  it("needs the caller's own policy across accounts", async () => {
    expect(await codeOf(assume('plain', {}, running.clientOf(unprivileged.arn)))).toBe('AccessDenied')
  })

  it('needs the trust policy to name the caller', async () => {
    expect(await codeOf(assume('plain', {}, running.clientOf(roles.attacker.arn)))).toBe('AccessDenied')
  })

  it('is not for the root user of an account', async () => {
    const client = running.client(running.sandbox.rootCredentials(production))
    expect(await codeOf(assume('plain', {}, client))).toBe('AccessDenied')
    expect(await whoAmI(client)).toBe(`arn:aws:iam::${production}:root`)
  })

  it('has the same error for a missing role and for a role that does not trust the caller', async () => {
    const client = running.clientOf(roles.attacker.arn)
    const messageOf = async (name: string) => {
      const error = await client
        .send(new AssumeRoleCommand({ RoleArn: `arn:aws:iam::${vault}:role/${name}`, RoleSessionName: 'x1' }))
        .catch((reason: unknown) => reason as Error)
      return `${(error as Error).name}: ${(error as Error).message}`.replaceAll(name, 'NAME')
    }
    expect(await messageOf('plain')).toBe(await messageOf('nobody'))
    expect(await messageOf('plain')).toContain('is not authorized to perform: sts:AssumeRole on resource:')
  })

  it('writes the deciding statement to the log, not into the reply', async () => {
    await codeOf(assume('revoked'))
    const client = clientFrom(await assume('revoked'))
    await codeOf(assume('plain', {}, client))
    expect(running.sandbox.decisions.entries.at(-1)).toMatchObject({
      action: 'sts:AssumeRole',
      allowed: false,
      result: 'explicit-deny in identity-based policy',
      statement: { sid: '1' },
    })
  })
})

describe('the time of a session', () => {
  it.for([
    ['plain', 900, 'none'],
    ['plain', 899, 'ValidationError'],
    ['plain', 3600, 'none'],
    ['writer', 3601, 'ValidationError'],
    ['plain', 43_201, 'ValidationError'],
    ['plain', -1, 'ValidationError'],
  ] as const)('%s for %d seconds: %s', async ([target, DurationSeconds, code]) => {
    expect(await codeOf(assume(target, { DurationSeconds, ExternalId: 'the-id' }))).toBe(code)
  })

  it('is at most an hour where one role assumes another, whatever the role allows', async () => {
    expect(await codeOf(assume('plain', { DurationSeconds: 7200 }))).toBe('ValidationError')
  })

  it("ends by the sandbox's clock", async () => {
    const session = await assume('plain', { DurationSeconds: 900 })
    expect(await codeOf(clientFrom(session).send(new GetCallerIdentityCommand({})))).toBe('none')
    running.clock.turn(901_000)
    try {
      // Made after the turn, so that the date of the request is right, and only the session has expired.
      expect(await codeOf(clientFrom(session).send(new GetCallerIdentityCommand({})))).toMatch(/ExpiredToken/)
    } finally {
      running.clock.turn(-901_000)
    }
  })
})

describe('session tags', () => {
  const tags = (Value: string) => ({ ExternalId: 'the-id', Tags: [{ Key: 'source', Value }] })

  it('need sts:TagSession in the trust policy', async () => {
    expect(await codeOf(assume('plain', { Tags: [{ Key: 'source', Value: 'a' }] }))).toBe('AccessDenied')
    expect(await codeOf(assume('tagged', tags('a')))).toBe('none')
  })

  it('are accepted only as the trust policy allows', async () => {
    expect(await codeOf(assume('tagged', tags('c')))).toBe('AccessDenied')
    expect(await codeOf(assume('tagged', { ExternalId: 'the-id' }))).toBe('AccessDenied')
  })

  it.for([
    [
      'twice the same key, whatever the case',
      {
        Tags: [
          { Key: 'a', Value: '1' },
          { Key: 'A', Value: '2' },
        ],
      },
      'InvalidParameterValue',
    ],
    ['a reserved prefix', { Tags: [{ Key: 'aws:x', Value: '1' }] }, 'ValidationError'],
    ['a key that is too long', { Tags: [{ Key: 'k'.repeat(129), Value: '1' }] }, 'ValidationError'],
    ['an odd character', { Tags: [{ Key: 'a', Value: '<script>' }] }, 'ValidationError'],
    [
      'too many',
      { Tags: Array.from({ length: 51 }, (_, at) => ({ Key: `k${at}`, Value: '' })) },
      'ValidationError',
    ],
    ['a transitive key that is no tag', { TransitiveTagKeys: ['x'] }, 'InvalidParameterValue'],
    [
      'more than fits',
      {
        Tags: Array.from({ length: 50 }, (_, at) => ({
          Key: `k${at}`,
          Value: Array.from({ length: 4 }, (_each, part) =>
            createHash('sha256').update(`${at} ${part}`).digest('hex'),
          ).join(''),
        })),
      },
      'PackedPolicyTooLarge',
    ],
  ] as const)('are refused with %s', async ([, input, code]) => {
    expect(await codeOf(assume('first', input as unknown as Partial<AssumeRoleCommandInput>))).toBe(
      code === 'PackedPolicyTooLarge' ? 'PackedPolicyTooLargeException' : code,
    )
  })

  it('pass to a chained session only if they are transitive, and can not be replaced there', async () => {
    const first = clientFrom(
      await assume('first', {
        Tags: [
          { Key: 'kept', Value: '1' },
          { Key: 'lost', Value: '2' },
        ],
        TransitiveTagKeys: ['kept'],
      }),
    )
    const second = await assume('second', {}, first)
    expect(principalOf(second).session?.tags).toEqual({ kept: '1' })
    expect(await codeOf(assume('second', { Tags: [{ Key: 'KEPT', Value: '9' }] }, first))).toBe(
      'InvalidParameterValue',
    )
    // The next role's trust policy lacks sts:TagSession, which inherited tags need too.
    expect(await codeOf(assume('third', {}, clientFrom(second)))).toBe('AccessDenied')
  })
})

describe('the source identity', () => {
  it('needs sts:SetSourceIdentity, and a value that the trust policy accepts', async () => {
    expect(await codeOf(assume('plain', { SourceIdentity: 'dev-ann' }))).toBe('AccessDenied')
    expect(await codeOf(assume('sourced', { SourceIdentity: 'root' }))).toBe('AccessDenied')
    expect((await assume('sourced', { SourceIdentity: 'dev-ann' })).SourceIdentity).toBe('dev-ann')
  })

  it('passes through every role-chaining step, and can not be changed', async () => {
    const first = clientFrom(await assume('first', { SourceIdentity: 'ann' }))
    expect((await assume('second', {}, first)).SourceIdentity).toBe('ann')
    expect((await assume('second', { SourceIdentity: 'ann' }, first)).SourceIdentity).toBe('ann')
    expect(await codeOf(assume('second', { SourceIdentity: 'bob' }, first))).toBe('AccessDenied')
    expect(await codeOf(assume('third', {}, clientFrom(await assume('second', {}, first))))).toBe(
      'AccessDenied',
    )
  })
})

describe('session policies', () => {
  const inline = (document: unknown) => ({ Policy: JSON.stringify(document) })

  it('are stored with the session, inline and by ARN', async () => {
    const reply = await assume('plain', {
      ...inline(policy(allow('s3:GetObject'))),
      PolicyArns: [{ arn: `arn:aws:iam::${vault}:policy/s3` }],
    })
    expect(principalOf(reply).session?.policies).toHaveLength(2)
    expect(reply.PackedPolicySize).toBeGreaterThan(0)
  })

  it.for([
    ['no JSON', { Policy: '{' }, 'MalformedPolicyDocumentException'],
    ['no policy', { Policy: '{"a":1}' }, 'MalformedPolicyDocumentException'],
    [
      'a principal',
      inline(policy(allow('s3:*', '*', { Principal: '*' }))),
      'MalformedPolicyDocumentException',
    ],
    ['a deep document', { Policy: '['.repeat(2000) }, 'MalformedPolicyDocumentException'],
    ['too long a document', inline(policy(allow('s3:*', '*', { Sid: 'x'.repeat(2048) }))), 'ValidationError'],
    [
      'an unknown policy',
      { PolicyArns: [{ arn: 'arn:aws:iam::aws:policy/NoSuchPolicy' }] },
      'MalformedPolicyDocumentException',
    ],
    [
      "another account's policy",
      { PolicyArns: [{ arn: `arn:aws:iam::${production}:policy/s3` }] },
      'MalformedPolicyDocumentException',
    ],
    [
      'too many ARNs',
      { PolicyArns: Array.from({ length: 11 }, () => ({ arn: `arn:aws:iam::${vault}:policy/s3` })) },
      'ValidationError',
    ],
  ] as const)('are refused with %s', async ([, input, code]) => {
    expect(await codeOf(assume('plain', input as unknown as Partial<AssumeRoleCommandInput>))).toBe(code)
  })
})

describe('a second factor', () => {
  const mfa = (TokenCode: string, SerialNumber = device.serial) => ({ SerialNumber, TokenCode })

  it('opens a role that requires one, once per code', async () => {
    const client = running.clientOf(human.arn)
    const code = oneTimeCode(device.secret, running.clock.nowMs())
    expect(await codeOf(assume('guarded', {}, client))).toBe('AccessDenied')
    const session = await assume('guarded', mfa(code), client)
    expect(principalOf(session).session?.multiFactor).toBeNull()
    expect(await codeOf(assume('guarded', mfa(code), client))).toBe('AccessDenied')
  })

  it('is accepted only as the right code of the right device from its holder', async () => {
    const code = oneTimeCode(device.secret, running.clock.nowMs() + 0)
    expect(
      await codeOf(
        assume('guarded', mfa(code === '000000' ? '000001' : '000000'), running.clientOf(human.arn)),
      ),
    ).toBe('AccessDenied')
    expect(await codeOf(assume('guarded', mfa(code, `${device.serial}2`), running.clientOf(human.arn)))).toBe(
      'AccessDenied',
    )
    expect(await codeOf(assume('guarded', mfa(code), running.clientOf(app.arn)))).toBe('AccessDenied')
    expect(await codeOf(assume('guarded', { TokenCode: code }, running.clientOf(human.arn)))).toBe(
      'AccessDenied',
    )
    expect(await codeOf(assume('guarded', mfa('12345'), running.clientOf(human.arn)))).toBe('ValidationError')
  })

  it('is computed as RFC 6238 has it', () => {
    expect(
      [59, 1_111_111_109, 1_234_567_890, 2_000_000_000].map((seconds) =>
        oneTimeCode(device.secret, seconds * 1000),
      ),
    ).toEqual(['287082', '081804', '005924', '279037'])
  })
})

describe('a caller without a role session', () => {
  it('gets no session token', async () => {
    expect(await codeOf(running.clientOf(app.arn).send(new GetSessionTokenCommand({})))).toBe('AccessDenied')
    expect(
      await codeOf(
        running.client(running.sandbox.rootCredentials(production)).send(new GetSessionTokenCommand({})),
      ),
    ).toBe('AccessDenied')
  })

  it('gets an error in a region that is off', async () => {
    expect(await codeOf(assume('plain', {}, running.client(issue(), 'af-south-1')))).toBe(
      'RegionDisabledException',
    )
  })
})

function principalOf({ Credentials: credentials }: Awaited<ReturnType<typeof assume>>) {
  const issued = running.sandbox.credentials.find(credentials?.AccessKeyId ?? '')
  if (issued === null) throw new Error('the session was not registered')
  return issued.principal
}

function issue() {
  return issueWorkloadSession(running.sandbox, app, { sessionName: 'workload', nowMs: running.clock.nowMs() })
    .credentials
}
