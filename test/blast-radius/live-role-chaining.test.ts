import { afterEach, describe, expect, test } from 'vitest'
import { IdentityService } from '../../aws/identity-service.ts'
import { readLiveSafeguards } from '../../blast-radius/live-safeguards.ts'
import { simulatedPermissions } from '../../blast-radius/live-role-chaining.ts'
import type { Permission, PermissionSource } from '../../blast-radius/permissions.ts'
import { startScriptedIam } from '../aws/scripted-iam.ts'
import type { ScriptedIam } from '../aws/scripted-iam.ts'

const arn = (name: string): string => `arn:aws:iam::111122223333:role/${name}`
const account = 'arn:aws:iam::111122223333:root'
const open: { stop(): unknown }[] = []
afterEach(() => Promise.all(open.splice(0).map((server) => server.stop())))

const trusting = (AWS: string, fields: object = {}): object => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { AWS }, Action: 'sts:AssumeRole', ...fields }],
})
const policy = (Action: string): object => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action, Resource: '*' }],
})

interface SimulatedRequest {
  source: PermissionSource
  permissions: Permission[]
  calls: Record<string, string>[]
}

/** @param rights what IAM allows, as `role action resource`, with `*` for any resource. */
async function ask(
  otherRoles: NonNullable<ScriptedIam['others']>,
  rights: string[],
  overrides: Partial<ScriptedIam> = {},
  actions = ['ec2:DeleteVolume'],
): Promise<SimulatedRequest> {
  const server = await startScriptedIam({
    roleArn: arn('start'),
    inline: { task: policy('*') },
    others: otherRoles,
    simulate: (action, resource, roleArn) => {
      const [name] = roleArn.split('/').slice(-1)
      return {
        decision: rights.some(
          (right) => right === `${name} ${action} *` || right === `${name} ${action} ${resource}`,
        )
          ? 'allowed'
          : 'implicitDeny',
      }
    },
    ...overrides,
  })
  const iam = new IdentityService({
    endpoint: server.endpoint,
    credentials: () => Promise.resolve({ accessKeyId: 'AKID', secretAccessKey: 's' }),
  })
  open.push(server, { stop: () => iam.close() })
  const source = await simulatedPermissions(iam, arn('start'), { resources: [] })
  return { source, permissions: await source.decide(actions), calls: server.calls() }
}

const chain = ['a', 'b', 'c', 'd'].map((name, index, names) => ({
  arn: arn(name),
  trust: trusting(arn(names[index - 1] ?? 'start')),
  policy: policy('*'),
}))

describe('the roles that a role may assume', () => {
  test('add their permissions, with the path to them', async () => {
    const { permissions } = await ask(
      chain,
      ['b ec2:DeleteVolume *', 'b ec2:DeleteSnapshot *', 'start ec2:DeleteSnapshot *'],
      {},
      ['ec2:DeleteVolume', 'ec2:DeleteSnapshot', 'rds:DeleteDBInstance'],
    )
    expect(permissions.map(({ action, allowed, through }) => [action, allowed, through])).toEqual([
      ['ec2:DeleteVolume', true, [arn('a'), arn('b')]],
      ['ec2:DeleteSnapshot', true, undefined],
      ['rds:DeleteDBInstance', false, undefined],
    ])
  })

  test('are simulated for further resources of an action whose safeguard AWS reports', async () => {
    const scratch = 'arn:aws:s3:::scratch/*'
    const { permissions, calls } = await ask(
      chain.slice(0, 1),
      [
        `start s3:DeleteObjectVersion ${scratch}`,
        'start ec2:DetachVolume *',
        'a s3:DeleteObjectVersion *',
        'a ec2:DetachVolume *',
      ],
      {
        inline: {
          task: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: scratch }] },
        },
      },
      ['s3:DeleteObjectVersion', 'ec2:DetachVolume'],
    )
    expect(permissions).toMatchObject([
      { allowed: true, resources: [scratch], furtherResources: ['*'] },
      { allowed: true, resources: ['*'] },
    ])
    expect(permissions.map(({ through }) => through)).toEqual([undefined, undefined])
    expect(
      calls.filter(
        (call) => call['PolicySourceArn'] === arn('a') && call['ActionNames.member.1'] === 'ec2:DetachVolume',
      ),
    ).toEqual([])
    const buckets = ['scratch', 'prod'].map((name) => ({
      name,
      versioned: true,
      lock: name === 'prod' ? null : { retention: { mode: 'COMPLIANCE' as const, days: 40 } },
      oldVersionsDays: null,
    }))
    const readings = await readLiveSafeguards(
      {
        buckets: {
          list: () => Promise.resolve(['scratch', 'prod']),
          read: (name) => Promise.resolve(buckets.find((bucket) => bucket.name === name)!),
        },
        databases: {} as never,
        delays: {} as never,
        regions: ['eu-central-1'],
        nowMs: 0,
      },
      permissions,
    )
    expect(readings.get('s3:DeleteObjectVersion')).toEqual({
      state: 'absent',
      detail: 'no default retention on prod',
    })
  })

  test('are followed for three steps at most, and circles end', async () => {
    expect((await ask(chain, ['c ec2:DeleteVolume *'])).permissions).toMatchObject([
      { through: [arn('a'), arn('b'), arn('c')] },
    ])
    expect((await ask(chain, ['d ec2:DeleteVolume *'])).permissions).toMatchObject([{ allowed: false }])
    const circle = [
      { arn: arn('start'), trust: trusting(arn('a')) },
      { arn: arn('a'), trust: trusting(arn('start')) },
    ]
    expect((await ask(circle, [])).permissions).toMatchObject([{ allowed: false }])
  })

  test('need a permission if the trust names the account, and none if it names the role, unless a statement denies it', async () => {
    const byAccount = [{ arn: arn('a'), trust: trusting(account), policy: policy('*') }]
    const right = 'a ec2:DeleteVolume *'
    expect((await ask(byAccount, [right])).permissions).toMatchObject([{ allowed: false }])
    expect((await ask(byAccount, [right, `start sts:AssumeRole ${arn('a')}`])).permissions).toMatchObject([
      { allowed: true, through: [arn('a')] },
    ])
    const denied = await ask(chain, [], {
      simulate: (action, _resource, roleArn) => ({
        decision:
          action === 'sts:AssumeRole' ? 'explicitDeny' : roleArn === arn('a') ? 'allowed' : 'implicitDeny',
      }),
    })
    expect(denied.permissions).toMatchObject([{ allowed: false }])
  })

  test('may have conditions, which are listed: those of the trust, and context that IAM lacks', async () => {
    const { permissions } = await ask(
      [
        {
          arn: arn('a'),
          trust: trusting(account, { Condition: { StringEquals: { 'sts:ExternalId': 'x' } } }),
          policy: policy('*'),
        },
      ],
      [],
      {
        simulate: (action, _resource, roleArn) =>
          action === 'sts:AssumeRole'
            ? { decision: 'implicitDeny', missing: ['aws:SourceIp'] }
            : { decision: roleArn === arn('a') ? 'allowed' : 'implicitDeny' },
      },
    )
    expect(permissions).toMatchObject([
      {
        through: [arn('a')],
        conditions: [
          'StringEquals sts:ExternalId x (to become a)',
          "IAM can't decide without aws:SourceIp (to become a)",
        ],
      },
    ])
  })

  test('are simulated only if their trust could name the role', async () => {
    const { calls } = await ask(
      [...chain.slice(0, 1), { arn: arn('elsewhere'), trust: trusting('arn:aws:iam::999999999999:root') }],
      [],
    )
    const assumed = calls.filter((call) => call['ActionNames.member.1'] === 'sts:AssumeRole')
    expect(
      assumed.map((call) => [
        call['PolicySourceArn'],
        call['ResourceArns.member.1'],
        call['ResourceArns.member.2'],
      ]),
    ).toEqual([[arn('start'), arn('a'), undefined]])
    expect(calls.filter(({ RoleName }) => RoleName === 'elsewhere')).toEqual([])
  })

  test('are bounded in number, which is a caveat', async () => {
    const many = Array.from({ length: 60 }, (_, index) => ({
      arn: arn(`r${index}`),
      trust: trusting(arn('start')),
    }))
    const { source, calls } = await ask(many, [], { pageSize: 40 })
    expect(source.caveats).toContain('it may assume more than 25 roles, and only these are followed')
    expect(
      new Set(
        calls
          .filter(({ Action, RoleName }) => Action === 'GetRole' && RoleName !== 'start')
          .map(({ RoleName }) => RoleName),
      ).size,
    ).toBe(25)
  })
})

describe('information that our credentials may not read', () => {
  test.each<[string, NonNullable<ScriptedIam['denies']>, string]>([
    [
      'the list of roles',
      (action) => action === 'ListRoles',
      'roles that it may assume (iam:ListRoles): reading was denied',
    ],
    [
      'a role',
      (action, { RoleName }) => action === 'GetRole' && RoleName === 'a',
      `permissions of ${arn('a')}, which it may assume: reading was denied`,
    ],
    [
      'what IAM says of a role',
      (action, form) =>
        action === 'SimulatePrincipalPolicy' &&
        form['PolicySourceArn'] === arn('a') &&
        form['ActionNames.member.1'] !== 'sts:AssumeRole',
      `permissions of ${arn('a')}, which it may assume: reading was denied`,
    ],
  ])('is a caveat: %s', async (_, denies, caveat) => {
    const { source, permissions } = await ask(
      chain.slice(0, 1),
      ['a ec2:DeleteVolume *', 'start ec2:DetachVolume *'],
      { denies },
      ['ec2:DeleteVolume', 'ec2:DetachVolume'],
    )
    expect(source.caveats).toContain(caveat)
    expect(permissions.map(({ allowed }) => allowed)).toEqual([false, true])
  })

  test('is a caveat too if the role is gone, or too large to simulate', async () => {
    const deletedRole = await ask(chain.slice(0, 1), ['start ec2:DeleteVolume *'], { gone: [arn('a')] })
    expect(deletedRole.source.caveats).toContainEqual(
      expect.stringMatching(/role\/a, which it may assume: could not be read \(reading the role/),
    )
    expect(deletedRole.permissions).toMatchObject([{ allowed: true }])
    const Resource = Array.from({ length: 501 }, (_, index) => `arn:aws:ec2:*:*:volume/v${index}`)
    const large = await ask(
      [
        {
          ...chain[0]!,
          policy: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource }] },
        },
      ],
      ['start ec2:DeleteVolume *'],
    )
    expect(large.source.caveats).toContainEqual(
      expect.stringMatching(/role\/a, which it may assume: could not be read \(the policies name more than/),
    )
    expect(large.permissions).toMatchObject([{ allowed: true }])
  })

  test('is an error if it is about the role itself', async () => {
    await expect(ask([], [], { denies: (action) => action === 'GetRole' })).rejects.toMatchObject({
      code: 'denied',
    })
  })
})

test.each([
  ['an ARN that is none', { arn: 'admin', trust: trusting('*') }],
  ['a trust that is none', { arn: arn('a'), trust: [] }],
])('a list of %s is an error', async (_, otherRole) => {
  await expect(ask([otherRole], [])).rejects.toMatchObject({ name: 'HoldfastError' })
})
