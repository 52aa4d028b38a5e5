import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readRecordedAccount } from '../../blast-radius/policy-set.ts'
import { evaluateWithRoleChaining, reachableRoles } from '../../blast-radius/role-chaining.ts'
import { makeFolder } from '../restore-cli/command-line.ts'

const folder = makeFolder()
const account = '111122223333'
const arn = (name: string): string => `arn:aws:iam::${account}:role/${name}`
const allow = (Action: string, fields: object = {}): object => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action, Resource: '*', ...fields }],
})
const trusting = (AWS: string, fields: object = {}): object => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { AWS }, Action: 'sts:AssumeRole', ...fields }],
})
const root = `arn:aws:iam::${account}:root`

interface Role {
  trust: object
  policy: object
}

async function reach(roles: Record<string, Role>, from = 'start') {
  const file = join(folder, 'account.json')
  const RoleDetailList = Object.entries(roles).map(([name, { trust, policy }]) => ({
    Arn: arn(name),
    AssumeRolePolicyDocument: trust,
    RolePolicyList: [{ PolicyName: `${name}-policy`, PolicyDocument: policy }],
  }))
  writeFileSync(file, JSON.stringify({ RoleDetailList, Policies: [] }))
  const recorded = readRecordedAccount(file)
  const set = recorded.policiesOf(arn(from))
  const reached = await reachableRoles(recorded, set)
  return {
    recorded,
    set,
    paths: reached.map(({ path }) => path.map((roleArn) => roleArn.split('/')[1]).join(' > ')),
    reached,
  }
}

const nobody = trusting('arn:aws:iam::999999999999:root')
const mayAssume = allow('sts:AssumeRole')
const idle = allow('s3:ListAllMyBuckets')

describe('role chaining', () => {
  test('follows roles for three steps at most, by the shortest path', async () => {
    const { paths } = await reach({
      start: { trust: nobody, policy: mayAssume },
      a: { trust: trusting(arn('start')), policy: mayAssume },
      b: { trust: trusting(arn('a')), policy: mayAssume },
      c: { trust: trusting(arn('b')), policy: mayAssume },
      d: { trust: trusting(arn('c')), policy: mayAssume },
      short: { trust: trusting(root), policy: idle },
    })
    expect(paths).toEqual(['a', 'short', 'a > b', 'a > b > c'])
  })

  test('needs a trust and, if the trust names the account, a permission', async () => {
    const { paths } = await reach({
      start: { trust: nobody, policy: idle },
      byAccount: { trust: trusting(root), policy: idle },
      byName: { trust: trusting(arn('start')), policy: idle },
      elsewhere: { trust: nobody, policy: idle },
      service: {
        trust: {
          Version: '2012-10-17',
          Statement: [
            { Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' },
          ],
        },
        policy: idle,
      },
    })
    expect(paths).toEqual(['byName'])
  })

  test('may need values that the caller chooses, which are listed', async () => {
    const { reached } = await reach({
      start: { trust: nobody, policy: mayAssume },
      asking: {
        trust: trusting(root, { Condition: { StringEquals: { 'sts:ExternalId': 'x' } } }),
        policy: idle,
      },
      other: {
        trust: trusting(root, { Condition: { ArnEquals: { 'aws:PrincipalArn': arn('someone-else') } } }),
        policy: idle,
      },
    })
    expect(reached.map(({ path, conditions }) => [path, conditions])).toEqual([
      [[arn('asking')], ['StringEquals sts:ExternalId x (to become asking)']],
    ])
  })

  test('ends in a circle', async () => {
    const { paths } = await reach({
      start: { trust: trusting(arn('a')), policy: mayAssume },
      a: { trust: trusting(arn('start')), policy: mayAssume },
    })
    expect(paths).toEqual(['a'])
  })
})

describe('a blast radius', () => {
  test('has the permissions of those roles, with the path to them, and direct ones without a path', async () => {
    const { recorded, set } = await reach({
      start: {
        trust: nobody,
        policy: {
          Version: '2012-10-17',
          Statement: [{ Effect: 'Allow', Action: ['sts:AssumeRole', 'ec2:DeleteSnapshot'], Resource: '*' }],
        },
      },
      a: { trust: trusting(root), policy: allow('ec2:Delete*') },
    })
    const permissions = await (
      await evaluateWithRoleChaining(recorded, set)
    ).decide(['ec2:DeleteSnapshot', 'ec2:DeleteVolume', 'rds:DeleteDBInstance'])
    expect(permissions.map(({ action, allowed, through }) => [action, allowed, through])).toEqual([
      ['ec2:DeleteSnapshot', true, undefined],
      ['ec2:DeleteVolume', true, [arn('a')]],
      ['rds:DeleteDBInstance', false, undefined],
    ])
  })

  test('is not narrowed by a session policy after another role is assumed, and not reached if that policy denies the assumption', async () => {
    const { recorded, set } = await reach({
      start: { trust: nobody, policy: mayAssume },
      a: { trust: trusting(root), policy: allow('ec2:DeleteVolume') },
    })
    const through = async (document: Record<string, unknown>) =>
      (
        await (
          await evaluateWithRoleChaining(recorded, { ...set, session: { name: 's', document } })
        ).decide(['ec2:DeleteVolume'])
      )[0]!.allowed
    expect(await through(allow('sts:AssumeRole') as Record<string, unknown>)).toBe(true)
    expect(await through(allow('ec2:DescribeVolumes') as Record<string, unknown>)).toBe(false)
  })

  test('through policies that the recording lacks is refused', async () => {
    const file = join(folder, 'half.json')
    writeFileSync(
      file,
      JSON.stringify({
        RoleDetailList: [
          {
            Arn: arn('start'),
            AssumeRolePolicyDocument: nobody,
            RolePolicyList: [{ PolicyName: 'p', PolicyDocument: mayAssume }],
          },
          {
            Arn: arn('a'),
            AssumeRolePolicyDocument: trusting(root),
            AttachedManagedPolicies: [{ PolicyArn: 'arn:gone' }],
          },
        ],
        Policies: [],
      }),
    )
    const recorded = readRecordedAccount(file)
    await expect(reachableRoles(recorded, recorded.policiesOf(arn('start')))).rejects.toMatchObject({
      code: 'not-found',
    })
  })
})
