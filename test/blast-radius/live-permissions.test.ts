import { afterEach, expect, test } from 'vitest'
import { catalogue } from '../../guardrails/catalogue.ts'
import { IdentityService } from '../../aws/identity-service.ts'
import { assess } from '../../blast-radius/assessment.ts'
import { actionsToAsk } from '../../blast-radius/destructive-actions.ts'
import { actionFamilies } from '../../guardrails/recovery.ts'
import { readLiveRole } from '../../blast-radius/live-permissions.ts'
import type { Permission } from '../../blast-radius/permissions.ts'
import { startScriptedIam } from '../aws/scripted-iam.ts'
import type { ScriptedIam } from '../aws/scripted-iam.ts'

const roleArn = 'arn:aws:iam::111122223333:role/ci'
const open: { stop(): unknown }[] = []
afterEach(() => Promise.all(open.splice(0).map((server) => server.stop())))

async function ask(
  statements: object[],
  actions: readonly string[],
  simulate: ScriptedIam['simulate'],
  resources: string[] = [],
): Promise<{ permissions: Permission[]; calls: Record<string, string>[] }> {
  const server = await startScriptedIam({
    roleArn,
    inline: { task: { Version: '2012-10-17', Statement: statements } },
    simulate: simulate!,
  })
  const iam = new IdentityService({
    endpoint: server.endpoint,
    credentials: () => Promise.resolve({ accessKeyId: 'AKID', secretAccessKey: 's' }),
  })
  open.push(server, { stop: () => iam.close() })
  const permissions = await (await readLiveRole(iam, roleArn, { resources })).decide(actions)
  return { permissions, calls: server.calls().filter(({ Action }) => Action === 'SimulatePrincipalPolicy') }
}

const allowAll = { Effect: 'Allow', Action: '*', Resource: '*' }

test("IAM simulates the resources that the role's policies name, and those that the caller adds", async () => {
  const volume = 'arn:aws:ec2:*:111122223333:volume/v'
  const { permissions, calls } = await ask(
    [{ Effect: 'Allow', Action: ['ec2:*', 's3:DeleteBucket'], Resource: volume }],
    ['ec2:DeleteVolume', 's3:DeleteBucket'],
    (_action, resource) => ({ decision: resource === volume ? 'allowed' : 'implicitDeny' }),
    ['arn:aws:s3:::b', 'arn:aws:kms:x'],
  )
  expect(permissions).toMatchObject([{ allowed: true, resources: [volume] }, { allowed: false }])
  expect(calls).toMatchObject([
    {
      'ActionNames.member.1': 'ec2:DeleteVolume',
      'ResourceArns.member.1': '*',
      'ResourceArns.member.2': volume,
      PolicySourceArn: roleArn,
    },
    {
      'ActionNames.member.1': 's3:DeleteBucket',
      'ResourceArns.member.1': '*',
      'ResourceArns.member.2': 'arn:aws:s3:::b',
    },
  ])
})

test('a denial because of missing context counts as allowed, unless no context could lift it', async () => {
  const denied = { decision: 'explicitDeny', missing: ['aws:MultiFactorAuthPresent'] }
  const conditional = {
    Effect: 'Deny',
    Action: '*',
    Resource: '*',
    Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'false' } },
  }
  expect((await ask([allowAll, conditional], ['ec2:DeleteVolume'], () => denied)).permissions).toMatchObject([
    { allowed: true, conditions: ["IAM can't decide without aws:MultiFactorAuthPresent"] },
  ])
  expect(
    (
      await ask(
        [allowAll, conditional, { Effect: 'Deny', Action: 'ec2:Delete*', Resource: '*' }],
        ['ec2:DeleteVolume'],
        () => denied,
      )
    ).permissions,
  ).toMatchObject([{ allowed: false }])
  expect(
    (
      await ask(
        [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }, conditional],
        ['ec2:DeleteVolume'],
        () => denied,
      )
    ).permissions,
  ).toMatchObject([{ allowed: false }])
})

test("a resource that IAM can't decide on stays in the result beside an allowed one, unless no context could allow it", async () => {
  const [scratch, prod] = ['arn:aws:s3:::scratch/*', 'arn:aws:s3:::prod/*']
  const onScratch = { Effect: 'Allow', Action: 's3:*', Resource: scratch }
  const onProd = {
    Effect: 'Allow',
    Action: 's3:*',
    Resource: prod,
    Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'true' } },
  }
  const simulate = (_action: string, resource: string) => ({
    decision: resource === scratch ? 'allowed' : 'implicitDeny',
    missing: resource === prod ? ['aws:MultiFactorAuthPresent'] : [],
  })
  expect((await ask([onScratch, onProd], ['s3:DeleteObjectVersion'], simulate)).permissions).toMatchObject([
    {
      allowed: true,
      resources: [scratch, prod],
      conditions: [`IAM can't decide without aws:MultiFactorAuthPresent, on ${prod}`],
    },
  ])
  expect(
    (
      await ask(
        [onScratch, { Effect: 'Allow', Action: 's3:*', Resource: prod }],
        ['s3:DeleteObjectVersion'],
        (_action, resource) => ({ decision: resource === '*' ? 'implicitDeny' : 'allowed', missing: [] }),
      )
    ).permissions,
  ).toMatchObject([{ resources: [scratch, prod], conditions: [] }])
  expect(
    (
      await ask(
        [onScratch, onProd, { Effect: 'Deny', Action: 's3:*', Resource: '*' }],
        ['s3:DeleteObjectVersion'],
        simulate,
      )
    ).permissions,
  ).toMatchObject([{ allowed: false, deniedBy: 'task statement 3' }])
})

test('an action without a decision of IAM counts as allowed', async () => {
  expect((await ask([allowAll], ['ec2:DeleteVolume'], () => null)).permissions).toMatchObject([
    { allowed: true, conditions: ['IAM made no decision'] },
  ])
})

test('every action is decided, in groups of the size that IAM accepts', async () => {
  const { permissions, calls } = await ask([allowAll], actionsToAsk(), () => ({ decision: 'implicitDeny' }))
  const { possible } = assess(permissions, {}, 0)
  // A bounded number of calls: the other actions of a wide policy count as possible, and say why.
  expect(calls.length).toBe(60)
  const unexplained = possible.filter(({ conditions }) => !/IAM was not asked/.test(conditions.join()))
  expect(unexplained.map(({ action }) => action)).toEqual([])
  const described = catalogue.flatMap(({ action }) => actionFamilies[action] ?? [action])
  expect(possible.map(({ action }) => action).filter((action) => described.includes(action))).toEqual([])
  expect(
    Math.max(
      ...calls.map((call) => Object.keys(call).filter((key) => key.startsWith('ActionNames.')).length),
    ),
  ).toBeLessThanOrEqual(25)
})
