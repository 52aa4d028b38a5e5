// The authorizer compiles each statement once and remembers what it says; the evaluator's public entry point parses
// every policy for each question and remembers nothing. On random policies and requests both decide the same.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { AccessRequest } from '../../../../lab/sandbox/authorization/access.ts'
import { createAuthorizer } from '../../../../lab/sandbox/authorization/authorizer.ts'
import type { PolicyDocument } from '../../../../lab/sandbox/declaration.ts'
import type { Principal } from '../../../../lab/sandbox/identity/principal.ts'
import {
  account,
  accountIds,
  anonymous,
  cloud,
  named,
  policy,
  role,
  rootOf,
  sessionOf,
} from './declaration.ts'
import { simulatePublicly } from './public-simulation.ts'

type Statement = Record<string, unknown>

const { production, vault, outsider } = accountIds
const objectArn = 'arn:aws:s3:::vault/some/key'
const keyArn = `arn:aws:kms:us-east-1:${vault}:key/k`
const volumeArn = `arn:aws:ec2:us-east-1:${production}:volume/v`
const targetArn = `arn:aws:iam::${vault}:role/target`

const subjects = [
  { action: 's3:GetObject', resource: objectArn, owner: vault },
  { action: 's3:DeleteObjectVersion', resource: objectArn, owner: vault },
  { action: 's3:GetBucketPolicy', resource: 'arn:aws:s3:::vault', owner: vault },
  { action: 'kms:Decrypt', resource: keyArn, owner: vault },
  { action: 'kms:ScheduleKeyDeletion', resource: keyArn, owner: vault },
  { action: 'ec2:DeleteVolume', resource: volumeArn, owner: production },
  { action: 'ec2:DescribeVolumes', resource: '*', owner: production },
  { action: 'sts:AssumeRole', resource: targetArn, owner: vault },
  { action: 'iam:PassRole', resource: `arn:aws:iam::${production}:role/aws-reserved/r`, owner: production },
] as const

const callers: readonly Principal[] = [
  ...['plain', 'bounded'].map((name) => sessionOf(role(production, name))),
  sessionOf(role(production, 'plain'), { multiFactor: { present: true, ageSeconds: 10 } }),
  sessionOf(role(vault, 'keeper'), { sourceIdentity: 'developer' }),
  rootOf(vault),
  rootOf(outsider),
  anonymous,
]

const patterns = [
  '*',
  's3:*',
  's3:Get*',
  's3:*Object*',
  'kms:*',
  'KMS:Decrypt',
  'ec2:*Volume?',
  'sts:*',
  'iam:Pass*',
]
const patternList = fc.uniqueArray(fc.constantFrom(...patterns), { minLength: 1, maxLength: 3 })
const resources = [
  '*',
  'arn:aws:s3:::vault/*',
  'arn:aws:s3:::*',
  keyArn,
  'arn:aws:ec2:*:*:volume/*',
  targetArn,
]
const resourceList = fc.uniqueArray(fc.constantFrom(...resources), { minLength: 1, maxLength: 2 })
const conditions: readonly (Statement | undefined)[] = [
  undefined,
  { StringEquals: { 'aws:PrincipalAccount': production } },
  { StringNotEqualsIfExists: { 'aws:PrincipalAccount': [production, vault] } },
  { ArnLike: { 'aws:PrincipalArn': `arn:aws:iam::${production}:role/*` } },
  { ArnNotLike: { 'aws:PrincipalArn': `arn:aws:iam::*:role/keeper` } },
  { BoolIfExists: { 'aws:MultiFactorAuthPresent': 'false' } },
  { NumericGreaterThan: { 'aws:MultiFactorAuthAge': '5' } },
  { Null: { 'aws:SourceIdentity': 'true' } },
  { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } },
  { DateGreaterThan: { 'aws:CurrentTime': '2026-06-01T00:00:00Z' } },
  { StringEquals: { 'aws:ResourceAccount': vault }, Bool: { 'aws:SecureTransport': 'true' } },
]
const principals = [
  '*',
  { AWS: production },
  { AWS: `arn:aws:iam::${production}:role/plain` },
  { AWS: [`arn:aws:iam::${vault}:root`, `arn:aws:iam::${production}:role/bounded`] },
]

interface StatementShape {
  effect: 'Allow' | 'Deny'
  isNotAction: boolean
  isNotResource: boolean
  actions: string[]
  resources: string[]
  condition: Statement | undefined
  principal: unknown
  isNotPrincipal: boolean
}

const shape: fc.Arbitrary<StatementShape> = fc.record({
  effect: fc.constantFrom('Allow', 'Allow', 'Allow', 'Deny'),
  isNotAction: fc.constantFrom(false, false, true),
  isNotResource: fc.constantFrom(false, false, false, true),
  actions: patternList,
  resources: resourceList,
  condition: fc.constantFrom(...conditions),
  principal: fc.constantFrom(...principals),
  isNotPrincipal: fc.constantFrom(false, false, false, true),
})

/** Most policies allow something, so that every result is frequent. */
const everything: StatementShape = {
  effect: 'Allow',
  isNotAction: false,
  isNotResource: false,
  actions: ['*'],
  resources: ['*'],
  condition: undefined,
  principal: '*',
  isNotPrincipal: false,
}

function toStatement(entry: StatementShape): Statement {
  return {
    Effect: entry.effect,
    [entry.isNotAction ? 'NotAction' : 'Action']: entry.actions,
    [entry.isNotResource ? 'NotResource' : 'Resource']: entry.resources,
    ...(entry.condition === undefined ? {} : { Condition: entry.condition }),
  }
}

/** AWS refuses a `NotPrincipal` with an Allow, and one that is everything. */
function toResourceStatement(entry: StatementShape): Statement {
  const isNot = entry.isNotPrincipal && entry.effect === 'Deny' && entry.principal !== '*'
  return { ...toStatement(entry), [isNot ? 'NotPrincipal' : 'Principal']: entry.principal }
}

const documents = (toJson: (entry: StatementShape) => Statement): fc.Arbitrary<PolicyDocument> =>
  fc
    .tuple(fc.array(shape, { minLength: 1, maxLength: 4 }), fc.constantFrom(true, true, true, false))
    .map(([list, isWide]) => policy(...(isWide ? [toJson(everything)] : []), ...list.map(toJson)))
const trustStatement = ({ effect, condition, principal }: StatementShape): Statement => ({
  Effect: effect,
  Principal: principal,
  Action: 'sts:AssumeRole',
  ...(condition === undefined ? {} : { Condition: condition }),
})
const rcpStatement = (entry: StatementShape): Statement => ({
  ...toStatement({ ...entry, effect: 'Deny', isNotAction: false, actions: ['s3:*', 'kms:*', 'sts:*'] }),
  Principal: '*',
})

const world = fc.record({
  identity: documents(toStatement),
  boundary: documents(toStatement),
  resource: documents(toResourceStatement),
  trust: documents(trustStatement),
  scps: fc.array(documents(toStatement), { minLength: 1, maxLength: 2 }),
  rcps: fc.array(documents(rcpStatement), { maxLength: 1 }),
  requests: fc.array(
    fc.record({
      subject: fc.constantFrom(...subjects),
      principal: fc.constantFrom(...callers),
      sourceIp: fc.constantFrom('10.1.2.3', '192.0.2.1'),
      hasPolicy: fc.boolean(),
    }),
    { minLength: 8, maxLength: 8 },
  ),
})

const results = {
  allowed: 'Allowed',
  'explicit-deny': 'ExplicitlyDenied',
  'implicit-deny': 'ImplicitlyDenied',
}

it('decides as the entry point that remembers nothing', { timeout: 300_000 }, async () => {
  const counts = new Map<string, number>()
  await fc.assert(
    fc.asyncProperty(world, async ({ requests, ...texts }) => {
      const identity = [named(texts.identity, 'identity')]
      const levels = texts.scps.map((document, index) => [named(document, `scp ${index}`)])
      const rcps = texts.rcps.map((document, index) => [named(document, `rcp ${index}`)])
      const roles = [
        role(production, 'plain', { policies: identity }),
        role(production, 'bounded', { policies: identity, boundary: named(texts.boundary, 'boundary') }),
        role(vault, 'keeper', { policies: identity }),
        role(vault, 'target', { trust: texts.trust }),
      ]
      const accounts = [
        account(production, { scps: levels }),
        account(vault, { scps: levels, rcps }),
        account(outsider),
      ]
      const authorizer = await createAuthorizer(cloud({ organizationId: 'o-1', accounts, roles }), {
        nowMs: () => Date.parse('2026-11-01T00:00:00Z'),
      })
      for (const { subject, principal, sourceIp, hasPolicy } of requests) {
        const { action, resource, owner } = subject
        const resourcePolicy =
          action === 'sts:AssumeRole'
            ? texts.trust
            : hasPolicy && /^(s3|kms):/.test(action)
              ? texts.resource
              : null
        const request: AccessRequest = {
          principal,
          action,
          resource,
          resourceAccountId: owner,
          resourcePolicy,
          context: { 'aws:SourceIp': sourceIp, 'aws:SecureTransport': 'true' },
        }
        const decision = await authorizer.authorize(request)
        const question = await authorizer.gather(request)
        const caller = roles.find(({ arn }) => arn === principal.session?.roleArn)
        const isMember = principal.accountId === production || principal.accountId === vault
        const fullAccess = policy({ Effect: 'Allow', Action: '*', Resource: '*' })
        const { overallResult } = await simulatePublicly(question, {
          identity: caller !== undefined ? [texts.identity] : principal.kind === 'root' ? [fullAccess] : [],
          boundary: caller?.boundary?.document ?? null,
          resource: question.policies.resource === null ? null : resourcePolicy,
          // An SCP without an Allow stands beside FullAWSAccess.
          scps: isMember
            ? texts.scps.map((document) =>
                JSON.stringify(document).includes('"Allow"') ? [document] : [fullAccess, document],
              )
            : [],
          rcps:
            owner === vault && question.policies.rcps.length > 0
              ? texts.rcps.map((document) => [document])
              : [],
        })
        const result = decision.result.split(' in ')[0] as keyof typeof results
        counts.set(result, (counts.get(result) ?? 0) + 1)
        expect({ action, caller: principal.arn, result: results[result] }).toEqual({
          action,
          caller: principal.arn,
          result: overallResult,
        })
      }
    }),
    { numRuns: Number(process.env['HOLDFAST_PROPERTY_RUNS'] ?? 100) },
  )
  for (const result of Object.keys(results))
    expect([result, (counts.get(result) ?? 0) > 20]).toEqual([result, true])
})
