import { describe, expect, test } from 'vitest'
import { agentBoundary, agentPolicy } from '../../guardrails/agent-policies.ts'
import { breakGlassActions } from '../../guardrails/catalogue.ts'
import { productionPolicy } from '../../guardrails/organization-policies.ts'
import { assess } from '../../blast-radius/assessment.ts'
import { actionsToAsk } from '../../blast-radius/destructive-actions.ts'
import type { Permission } from '../../blast-radius/permissions.ts'
import { evaluatePolicies } from '../../blast-radius/policy-evaluator.ts'
import type { PolicyDocument, PolicySet } from '../../blast-radius/policy-set.ts'

type Statement = Record<string, unknown>

const vault = { accountId: '222222222222', region: 'eu-central-1' }
const agentArn = 'arn:aws:iam::111122223333:role/holdfast-agents/holdfast-agent-build'

function document(...statements: Statement[]): PolicyDocument {
  return { Version: '2012-10-17', Statement: statements }
}

const allow = (Action: unknown, Resource: unknown = '*', fields: Statement = {}): Statement => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...fields,
})
const deny = (Action: unknown, Resource: unknown = '*', fields: Statement = {}): Statement => ({
  Effect: 'Deny',
  Sid: 'No',
  Action,
  Resource,
  ...fields,
})

function set(identity: PolicyDocument, overrides: Partial<PolicySet> = {}): PolicySet {
  return {
    principalArn: null,
    tags: {},
    identity: [{ name: 'identity', document: identity }],
    boundary: null,
    session: null,
    scps: [],
    ...overrides,
  }
}

async function ask(policies: PolicySet, action: string): Promise<Permission> {
  return (await (await evaluatePolicies(policies)).decide([action]))[0]!
}

const named = (name: string, content: object): { name: string; document: PolicyDocument } => ({
  name,
  document: content as PolicyDocument,
})

describe('an action is allowed', () => {
  test('only on the resources that the policy names', async () => {
    expect(
      await ask(set(document(allow('ec2:*', 'arn:aws:ec2:*:*:volume/vol-1'))), 'ec2:DeleteVolume'),
    ).toEqual({
      action: 'ec2:DeleteVolume',
      allowed: true,
      resources: ['arn:aws:ec2:*:*:volume/vol-1'],
      conditions: [],
      deniedBy: null,
    })
    expect(
      await ask(set(document(allow('ec2:*', 'arn:aws:ec2:*:*:snapshot/*'))), 'ec2:DeleteVolume'),
    ).toMatchObject({ allowed: false })
    expect(await ask(set(document(allow('s3:*'))), 'ec2:DeleteVolume')).toMatchObject({
      allowed: false,
      deniedBy: null,
    })
  })

  test('only on the resources that boundary, session policy, or a deny of all others leave', async () => {
    const everything = document(allow('*'))
    const oneBucket = document(allow('s3:*', 'arn:aws:s3:::b/*'))
    expect(
      await ask(set(everything, { boundary: named('boundary', oneBucket) }), 's3:DeleteObject'),
    ).toMatchObject({ allowed: true, resources: ['arn:aws:s3:::b/*'] })
    expect(
      await ask(
        set(everything, { principalArn: agentArn, session: named('session', oneBucket) }),
        's3:DeleteObject',
      ),
    ).toMatchObject({ allowed: true, resources: ['arn:aws:s3:::b/*'] })
    const allElse = document(allow('*'), { Effect: 'Deny', Action: '*', NotResource: 'arn:aws:s3:::b/*' })
    expect(await ask(set(allElse), 's3:DeleteObject')).toMatchObject({
      allowed: true,
      resources: ['arn:aws:s3:::b/*'],
    })
    expect(
      await ask(set(everything, { boundary: named('boundary', oneBucket) }), 'ec2:DeleteVolume'),
    ).toMatchObject({ allowed: false })
  })

  test('under conditions, which are listed', async () => {
    const tagged = { Condition: { StringEquals: { 'aws:ResourceTag/env': 'staging' } } }
    expect(await ask(set(document(allow('*', '*', tagged))), 'ec2:DeleteVolume')).toMatchObject({
      allowed: true,
      conditions: ['StringEquals aws:ResourceTag/env staging'],
    })
    const unless = { Condition: { BoolIfExists: { 'aws:MultiFactorAuthPresent': 'false' } } }
    expect(await ask(set(document(allow('*'), deny('*', '*', unless))), 'ec2:DeleteVolume')).toMatchObject({
      allowed: true,
      conditions: ['Null aws:MultiFactorAuthPresent false', 'Bool aws:MultiFactorAuthPresent true'],
    })
  })

  test('without conditions, if another statement needs none', async () => {
    const both = document(
      allow('*', '*', { Condition: { StringEquals: { 'aws:ResourceTag/env': 'x' } } }),
      allow('ec2:*'),
    )
    expect(await ask(set(both), 'ec2:DeleteVolume')).toMatchObject({ allowed: true, conditions: [] })
  })
})

describe('an action is denied', () => {
  test('by a statement, which is named', async () => {
    expect(await ask(set(document(allow('*'), deny('ec2:Delete*'))), 'ec2:DeleteVolume')).toMatchObject({
      allowed: false,
      deniedBy: 'identity No',
    })
  })

  test('by a service control policy about the caller, but not by one about another principal', async () => {
    const scps = [named('production', productionPolicy('111122223333', ['ec2']))]
    const allowAll = document(allow('*'))
    expect(await ask(set(allowAll, { principalArn: agentArn, scps }), 'ec2:DeleteVolume')).toMatchObject({
      allowed: false,
      deniedBy: 'production DenyDestructionByAgents',
    })
    expect(
      await ask(
        set(allowAll, { principalArn: 'arn:aws:iam::111122223333:role/ops', scps }),
        'ec2:DeleteVolume',
      ),
    ).toMatchObject({ allowed: true, conditions: [] })
  })

  test('by a service control policy that lists the allowed actions', async () => {
    const scps = [named('list', document(allow('s3:*')))]
    expect(await ask(set(document(allow('*')), { scps }), 'ec2:DeleteVolume')).toMatchObject({
      allowed: false,
    })
    expect(await ask(set(document(allow('*')), { scps }), 's3:DeleteBucket')).toMatchObject({ allowed: true })
  })

  test('by a known tag of the role', async () => {
    const onlyStaging = document(
      allow('*', '*', { Condition: { StringEquals: { 'aws:PrincipalTag/env': 'staging' } } }),
    )
    expect(
      await ask(
        set(onlyStaging, { principalArn: agentArn, tags: { env: 'production' } }),
        'ec2:DeleteVolume',
      ),
    ).toMatchObject({ allowed: false })
    expect(
      await ask(set(onlyStaging, { principalArn: agentArn, tags: { env: 'staging' } }), 'ec2:DeleteVolume'),
    ).toMatchObject({ allowed: true, conditions: [] })
  })
})

describe('the roles of this project', () => {
  test('an agent that may do everything can destroy nothing, inside its boundary', async () => {
    const source = await evaluatePolicies(
      set(agentPolicy(['*']), {
        boundary: named(
          'boundary',
          agentBoundary(vault, { may: ['ec2:*', 's3:*'], environmentTag: 'environment' }),
        ),
      }),
    )
    const { possible, decided, denied } = assess(await source.decide(actionsToAsk()), {}, 0)
    expect(possible.map(({ action }) => action)).toEqual([])
    expect([decided, denied]).toEqual([denied, decided])
    expect(decided).toBeGreaterThan(70)
  })

  test('without its boundary it can destroy everything', async () => {
    const source = await evaluatePolicies(set(agentPolicy(['*'])))
    const { denied } = assess(await source.decide(actionsToAsk()), {}, 0)
    expect(denied).toBe(0)
  })

  test('a break-glass session can do the actions that the catalogue gives it, and no others', async () => {
    const source = await evaluatePolicies(set(document(allow(breakGlassActions()))))
    const { possible } = assess(await source.decide(actionsToAsk()), {}, 0)
    const families = breakGlassActions()
      .filter((action) => action.includes('*'))
      .map((action) => action.replace('*', ''))
    const expected = actionsToAsk().filter(
      (action) =>
        breakGlassActions().includes(action) || families.some((family) => action.startsWith(family)),
    )
    expect(possible.map(({ action }) => action).sort()).toEqual(expected.sort())
  })
})

describe("a set that can't be decided on is refused", () => {
  test.each([
    ["an effect that AWS doesn't have", document({ Effect: 'Perhaps', Action: '*', Resource: '*' })],
    ['no resource', document({ Effect: 'Allow', Action: '*' })],
    ['a statement that is none', document('Allow' as unknown as Statement)],
    ['no statement', { Version: '2012-10-17' }],
  ])('%s', async (_what, policySet) => {
    await expect(ask(set(policySet), 'ec2:DeleteVolume')).rejects.toMatchObject({
      code: 'invalid-input',
      message: expect.stringContaining('identity') as string,
    })
  })

  test('more resources than policies can name', async () => {
    const many = Array.from({ length: 600 }, (_, index) => `arn:aws:s3:::bucket-${index}/*`)
    await expect(ask(set(document(allow('s3:*', many))), 's3:DeleteObject')).rejects.toMatchObject({
      code: 'invalid-input',
    })
  })

  test('without the evaluator, and the message names the package to install', async () => {
    const absent = (): Promise<never> =>
      Promise.reject(Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' }))
    const { loadEvaluator } = await import('../../blast-radius/policy-evaluator.ts')
    await expect(loadEvaluator(absent)).rejects.toMatchObject({
      code: 'invalid-input',
      message: expect.stringContaining('@cloud-copilot/iam-simulate') as string,
      hint: expect.stringContaining('npm install') as string,
    })
    await expect(loadEvaluator(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken')
  })
})

describe('a pattern that can match a resource of the action counts', () => {
  test.each([
    // The account of a snapshot's ARN is empty, and `*` matches nothing too.
    ['ec2:DeleteSnapshot', 'arn:aws:ec2:*:*:snapshot/*'],
    ['ec2:DeleteSnapshot', 'arn:aws:ec2:*'],
    // The default key policy enables the account's IAM policies.
    ['kms:ScheduleKeyDeletion', 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd'],
    // The evaluator can't decide on ARNs of this form.
    ['dms:DeleteReplicationInstance', 'arn:aws:dms:eu-central-1:111122223333:rep:ABC'],
    ['backup:DeleteRecoveryPoint', 'arn:aws:ec2:eu-central-1::snapshot/*'],
    // The evaluator takes the stars of these for a kind of resource.
    ['s3:ReplicateObject', 'arn:*:s3:*:*:*/*'],
    ['ec2:DeleteVolume', 'arn:aws:ec2:eu-central-1:111122223333:vol*'],
  ])('%s on %s is possible', async (action, resource) => {
    expect(await ask(set(document(allow(action, resource))), action)).toMatchObject({ allowed: true })
  })

  test.each([
    ['ec2:DeleteSnapshot', 'arn:aws:ec2:*:*:volume/*'],
    ['s3:DeleteBucket', 'arn:aws:s3:::bucket/*'],
    ['s3:DeleteObject', 'arn:aws:s3:::bucket'],
  ])('%s on %s is not', async (action, resource) => {
    expect(await ask(set(document(allow(action, resource))), action)).toMatchObject({ allowed: false })
  })

  test.each([
    ['another resource', 'arn:aws:ec2:*:*:volume/v-prod*', {}],
    ['a resource of a variable', 'arn:aws:ec2:*:*:volume/${aws:PrincipalTag/team}', {}],
    ['everything, on a condition', '*', { Condition: { Bool: { 'aws:SecureTransport': 'false' } } }],
  ])('beside a deny of %s', async (_resource, Resource, fields) => {
    const policies = set(document(allow('ec2:*', 'arn:aws:ec2:*:*:vol*'), deny('ec2:*', Resource, fields)))
    expect(await ask(policies, 'ec2:DeleteVolume')).toMatchObject({ allowed: true })
  })

  test.each(['arn:aws:ec2:*:*:vol*', 'arn:aws:ec2:*'])('but not beside a deny of %s', async (Resource) => {
    const policies = set(document(allow('ec2:*', 'arn:aws:ec2:*:*:volume/v*'), deny('ec2:*', Resource)))
    expect(await ask(policies, 'ec2:DeleteVolume')).toMatchObject({ allowed: false })
  })
})
