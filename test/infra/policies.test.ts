import { describe, expect, it } from 'vitest'
import { policies } from '../../infra/policies.ts'
import { violationsOf } from './policy-run.ts'
import type { Declared } from './policy-run.ts'

const declare = (type: string, inputs: Record<string, unknown>, protect = false): Declared => ({
  type,
  name: 'some',
  inputs,
  protect,
})

/** Throws for a value that only a deployment knows, as Pulumi's own proxy does in a preview. */
const unknown = (property: string, inputs: Record<string, unknown> = {}) =>
  Object.defineProperty({ ...inputs }, property, {
    get: () => {
      throw new Error('unknown during preview')
    },
  })

const agentRole = { name: 'holdfast-agent-x', path: '/holdfast-agents/' }
const boundary = (name: string) => `arn:aws:iam::222222222222:policy/${name}`

describe('the policies of a preview', () => {
  it.each<[string, Declared, RegExp]>([
    [
      'a locked bucket without protection',
      declare('aws:s3/bucket:Bucket', { objectLockEnabled: true }),
      /^vault-kept: some: .*protect: true/,
    ],
    [
      'a locked bucket that is deleted first',
      { ...declare('aws:s3/bucket:Bucket', { objectLockEnabled: true }, true), deleteBeforeReplace: true },
      /^vault-kept: some: .*deleteBeforeReplace/,
    ],
    ['an access key', declare('aws:iam/accessKey:AccessKey', { user: 'ci' }), /^no-access-keys: some: .*ci/],
    [
      'an agent without a boundary',
      declare('aws:iam/role:Role', agentRole),
      /^agent-has-boundary: some: .*holdfast-agent-x/,
    ],
    [
      'an agent with a boundary of another kind',
      declare('aws:iam/role:Role', { ...agentRole, permissionsBoundary: boundary('developers') }),
      /^agent-has-boundary/,
    ],
    [
      'a database without deletion protection',
      declare('aws:rds/instance:Instance', { deletionProtection: false }),
      /^deletion-protection: some: .*`deletionProtection`/,
    ],
    ['a table without it', declare('aws:dynamodb/table:Table', {}), /`deletionProtectionEnabled`/],
    [
      'a user pool without it',
      declare('aws:cognito/userPool:UserPool', { deletionProtection: 'INACTIVE' }),
      /^deletion-protection/,
    ],
    [
      'a bucket that goes with its objects',
      declare('aws:s3/bucket:Bucket', { forceDestroy: true }),
      /^no-forced-deletion: some: .*forceDestroy/,
    ],
    [
      'a database that goes without a snapshot',
      declare('aws:rds/instance:Instance', { deletionProtection: true, skipFinalSnapshot: true }),
      /^no-forced-deletion: some: .*finalSnapshotIdentifier/,
    ],
  ])('refuse %s', async (_, resource, violation) => {
    expect(await violationsOf(policies, [resource])).toEqual([expect.stringMatching(violation)])
  })

  it('let these pass', async () => {
    const sound = [
      declare('aws:s3/bucket:Bucket', { objectLockEnabled: true, bucket: 'b' }, true),
      declare('aws:s3/bucket:Bucket', { bucket: 'plain' }),
      declare('aws:iam/role:Role', { name: 'ci', path: '/' }),
      declare('aws:iam/role:Role', {
        ...agentRole,
        permissionsBoundary: boundary('holdfast-agent-boundary-x'),
      }),
      // The first preview doesn't know the ARN of a boundary that it will make.
      declare('aws:iam/role:Role', unknown('permissionsBoundary', agentRole)),
      declare('aws:rds/instance:Instance', { deletionProtection: true }),
      declare('aws:cognito/userPool:UserPool', { deletionProtection: 'ACTIVE' }),
    ]
    expect(await violationsOf(policies, sound)).toEqual([])
  })

  it('name the vault that a stack would lose, and only if the pack lists it', async () => {
    const resources = [
      declare('aws:s3/bucket:Bucket', { bucket: 'holdfast-vault-1' }, true),
      declare('aws:s3/bucket:Bucket', unknown('bucket')),
    ]
    const config = { 'vault-stays': { buckets: ['holdfast-vault-1', 'holdfast-vault-2'] } }
    expect(await violationsOf(policies, resources, config)).toEqual([
      expect.stringMatching(/^vault-stays: .*holdfast-vault-2/),
    ])
    expect(await violationsOf(policies, [])).toEqual([])
  })
})
