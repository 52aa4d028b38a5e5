import { describe, expect, it } from 'vitest'
import { createAuthorizer } from '../../../../lab/sandbox/authorization/authorizer.ts'
import { evaluate } from '../../../../lab/sandbox/authorization/evaluate.ts'
import {
  account,
  accountIds,
  allow,
  bucket,
  cloud,
  deny,
  named,
  policy,
  role,
  rootOf,
  sessionOf,
} from './declaration.ts'

const { vault, production } = accountIds
const administrator = role(production, 'administrator', {
  policies: [named(policy(allow('*')), 'AdministratorAccess')],
})
const guard = named(
  policy(deny(['organizations:LeaveOrganization', 'account:CloseAccount'], '*', { Sid: 'Stay' })),
  'guard',
)
const keyArn = `arn:aws:kms:us-east-1:${vault}:key/k`

const authorizer = await createAuthorizer(
  cloud({
    organizationId: 'o-1',
    accounts: [account(vault, { scps: [[guard]] }), account(production, { scps: [[guard]] })],
    roles: [administrator],
    buckets: [
      bucket(vault, 'vault', {
        policy: policy(allow('s3:GetObject', 'arn:aws:s3:::vault/*', { Principal: { AWS: production } })),
      }),
    ],
    keys: [
      { accountId: vault, arn: keyArn, policy: policy(allow('kms:*', '*', { Principal: { AWS: vault } })) },
    ],
  }),
  { nowMs: () => 0 },
)
const admin = sessionOf(administrator)

describe('an action that no service of the sandbox emulates', () => {
  it.for([
    ['iam:DeleteRole', administrator.arn, true],
    ['iam:DeleteRole', `arn:aws:iam::${vault}:role/writer`, false],
    ['iam:UpdateAssumeRolePolicy', `arn:aws:iam::${vault}:role/writer`, false],
    ['kms:ScheduleKeyDeletion', keyArn, false],
    ['organizations:LeaveOrganization', '*', false],
    [
      'organizations:DetachPolicy',
      `arn:aws:organizations::${production}:policy/o-1/service_control_policy/p-1`,
      true,
    ],
    ['account:CloseAccount', `arn:aws:account::${production}:account`, false],
    ['ec2:ModifySnapshotTier', 'arn:aws:ec2:us-east-1::snapshot/snap-1', true],
    ['s3:GetObject', 'arn:aws:s3:::vault/x', true],
    ['s3:DeleteObject', 'arn:aws:s3:::vault/x', false],
  ] as const)('%s on %s is decided on the loaded policies: %s', async ([action, resource, allowed]) => {
    expect((await evaluate(authorizer, { principal: admin, action, resource })).allowed).toBe(allowed)
  })

  it('names the statement that denies', async () => {
    expect(
      await evaluate(authorizer, {
        principal: rootOf(vault),
        action: 'organizations:LeaveOrganization',
        resource: '*',
      }),
    ).toEqual({
      allowed: false,
      result: 'explicit-deny in service control policy',
      statement: { policy: 'guard', sid: 'Stay' },
    })
  })

  it('uses a given policy of the resource in place of the declared one', async () => {
    expect(
      (
        await evaluate(authorizer, {
          principal: admin,
          action: 's3:GetObject',
          resource: 'arn:aws:s3:::vault/x',
          target: { policy: null },
        })
      ).allowed,
    ).toBe(false)
  })

  it('is an error if AWS does not have it', async () => {
    await expect(
      evaluate(authorizer, { principal: admin, action: 'iam:DestroyEverything', resource: '*' }),
    ).rejects.toMatchObject({
      code: 'invalid-input',
    })
  })
})
