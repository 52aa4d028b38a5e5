import { beforeAll, describe, expect, it } from 'vitest'
import { recordProgram } from '../../../../infra/recording.ts'
import type { RecordedResource } from '../../../../infra/recording.ts'
import { createAuthorizer } from '../../../../lab/sandbox/authorization/authorizer.ts'
import type { CloudDeclaration } from '../../../../lab/sandbox/declaration.ts'
import { exampleConfig, withoutOrganization } from '../../../../lab/sandbox/loader/example-config.ts'
import { declareCloud, loadDeclaration } from '../../../../lab/sandbox/loader/loader.ts'

let cloud: CloudDeclaration
beforeAll(async () => {
  cloud = await loadDeclaration()
})

const bucketOf = (declaration: CloudDeclaration, kind: string) =>
  declaration.buckets.find(({ name }) => name.startsWith(`holdfast-${kind}-`))!
const roleOf = (declaration: CloudDeclaration, name: string) =>
  declaration.roles.find((role) => role.name === name)!

describe('the cloud that the program declares', () => {
  it('has the vault bucket in the vault account, locked in COMPLIANCE for promise and generation', () => {
    expect(bucketOf(cloud, 'vault')).toMatchObject({
      accountId: '111111111111',
      region: 'eu-central-1',
      versioning: 'Enabled',
      objectLock: { enabled: true, default: { mode: 'COMPLIANCE', days: 40 } },
      encryption: { algorithm: 'AES256', kmsKeyId: null },
      publicAccessBlock: {
        blockPublicAcls: true,
        ignorePublicAcls: true,
        blockPublicPolicy: true,
        restrictPublicBuckets: true,
      },
      ownership: 'BucketOwnerEnforced',
    })
    expect(bucketOf(cloud, 'vault').lifecycleRules).toHaveLength(1)
    expect(bucketOf(cloud, 'vault').policy).toMatchObject({ Version: '2012-10-17' })
  })

  it('has a role for every duty, source and agent, with documents, tags and boundary', () => {
    expect(cloud.roles.map(({ arn }) => arn).sort()).toMatchSnapshot()
    expect(roleOf(cloud, 'holdfast-writer-rental-db')).toMatchObject({
      path: '/holdfast/',
      maxSessionSeconds: 3600,
      tags: { 'holdfast-source': 'rental-db' },
      boundary: null,
      policies: [{ name: 'duty' }],
    })
    expect(roleOf(cloud, 'holdfast-agent-staging').boundary?.name).toBe(
      'arn:aws:iam::222222222222:policy/holdfast-agent-boundary-staging',
    )
    expect(roleOf(cloud, 'holdfast-administrator').policies.map(({ name }) => name)).toEqual([
      'arn:aws:iam::aws:policy/AdministratorAccess',
    ])
  })

  it("binds the vault's and production's accounts by control policies, but not the management account or an outsider", () => {
    const named = cloud.accounts.map(({ name, isManagement, scps, rcps }) => ({
      name,
      isManagement,
      scps: scps.map((level) => level.map((policy) => policy.name)),
      rcps: rcps.map((level) => level.map((policy) => policy.name)),
    }))
    expect(named).toMatchSnapshot()
  })

  it('has the identity provider of production outside AWS', () => {
    expect(cloud.oidcProviders).toEqual([
      {
        accountId: '111111111111',
        arn: 'arn:aws:iam::111111111111:oidc-provider/oidc.platform.example',
        url: 'oidc.platform.example',
        clientIds: ['holdfast'],
      },
    ])
  })

  it("lists what the sandbox doesn't emulate", () => {
    expect(
      [...new Set(cloud.notEmulated.map(({ type, account }) => `${type} ${account}`))].sort(),
    ).toMatchSnapshot()
  })

  it("names no action and no condition key that AWS doesn't have", async () => {
    expect((await createAuthorizer(cloud, { nowMs: () => 0 })).findings).toEqual([])
  })

  it('has the roles of workloads and people that the configuration names, which may assume roles and nothing else', () => {
    const outsideHoldfast = cloud.roles.filter(({ path }) => !path.startsWith('/holdfast'))
    expect(outsideHoldfast.map(({ arn }) => arn).sort()).toEqual([
      'arn:aws:iam::111111111111:role/people/check-runner',
      'arn:aws:iam::111111111111:role/people/restore-operator',
      'arn:aws:iam::111111111111:role/people/vault-deployer',
      'arn:aws:iam::222222222222:role/people/operator',
      'arn:aws:iam::222222222222:role/workloads/agent-launcher',
      'arn:aws:iam::222222222222:role/workloads/rental-db',
      'arn:aws:iam::222222222222:role/workloads/uploads',
    ])
    for (const { policies } of outsideHoldfast)
      expect(JSON.stringify(policies)).not.toMatch(/"(?!sts:)[a-z0-9]+:[A-Z*]/)
  })
})

describe('other configurations', () => {
  it("without an Organization: no control policies, no management account, the freeze in the bucket's policy", async () => {
    const detached = await loadDeclaration({ config: withoutOrganization })
    expect(detached.organizationId).toBeNull()
    expect(detached.accounts.map(({ name, scps }) => ({ name, scps }))).toEqual(
      ['vault', 'production', 'outsider'].map((name) => ({ name, scps: [] })),
    )
    expect(JSON.stringify(bucketOf(detached, 'vault').policy)).toContain('FreezeVaultBucket')
  })

  it('one layer alone', async () => {
    const alone = await loadDeclaration({ layers: ['vault'] })
    expect(alone.roles.some(({ name }) => name === 'holdfast-break-glass')).toBe(false)
    expect(alone.buckets.map(({ name }) => name.split('-')[1]).sort()).toEqual([
      'audit',
      'feedback',
      'toolkit',
      'vault',
    ])
  })

  it('are refused as `pulumi up` would refuse them', async () => {
    await expect(loadDeclaration({ config: { promiseDays: 36_500 } })).rejects.toThrow(
      'holdfast:promiseDays: ',
    )
  })
})

describe('a setting that the sandbox would have to ignore', () => {
  let resources: RecordedResource[]
  beforeAll(async () => {
    resources = (await recordProgram({ ...exampleConfig, layer: 'vault' })).resources
  })

  function declare(
    change: (resource: RecordedResource) => RecordedResource | RecordedResource[],
  ): CloudDeclaration {
    const frame = {
      region: 'eu-central-1',
      organizationId: null,
      accounts: [{ id: '111111111111', name: 'vault', member: false, isManagement: false }],
    }
    return declareCloud(
      resources.flatMap((resource) => change(structuredClone(resource))),
      frame,
    )
  }
  const changing = (type: string, edit: (inputs: Record<string, unknown>) => void) => () =>
    declare((resource) => {
      if (resource.type.endsWith(`:${type}`)) edit(resource.inputs)
      return resource
    })

  it.each<[string, () => unknown]>([
    [
      'a bucket that may be destroyed by force',
      changing('Bucket', (inputs) => Object.assign(inputs, { forceDestroy: true })),
    ],
    [
      'a retention in years',
      changing('BucketObjectLockConfiguration', (inputs) =>
        Object.assign(inputs, { rule: { defaultRetention: { mode: 'COMPLIANCE', years: 1 } } }),
      ),
    ],
    [
      'a second rule of encryption',
      changing('BucketServerSideEncryptionConfiguration', (inputs) =>
        (inputs['rules'] as unknown[]).push({}),
      ),
    ],
    ['MFA delete', changing('BucketVersioning', (inputs) => Object.assign(inputs, { mfa: '123' }))],
    [
      "a policy that isn't JSON",
      changing('BucketPolicy', (inputs) => Object.assign(inputs, { policy: '{' })),
    ],
    [
      'a role with managed policies inside',
      changing('Role', (inputs) =>
        Object.assign(inputs, { managedPolicyArns: ['arn:aws:iam::aws:policy/AdministratorAccess'] }),
      ),
    ],
    [
      'a boundary that nobody declared',
      changing('Role', (inputs) =>
        Object.assign(inputs, { permissionsBoundary: 'arn:aws:iam::111111111111:policy/gone' }),
      ),
    ],
    [
      'a policy for a bucket that nobody declared',
      changing('BucketPolicy', (inputs) => Object.assign(inputs, { bucket: 'elsewhere' })),
    ],
    [
      'two lock configurations of one bucket',
      () =>
        declare((resource) =>
          resource.type.endsWith('ObjectLockConfiguration')
            ? [resource, structuredClone(resource)]
            : resource,
        ),
    ],
    [
      "a role's policy without the role",
      () =>
        declare((resource) =>
          resource.type.endsWith(':Role') && resource.name === 'notary' ? [] : resource,
        ),
    ],
  ])('%s is an error', (_, run) => {
    expect(run).toThrow(expect.objectContaining({ code: 'internal' }) as Error)
  })

  it("a type that it doesn't know is listed", () => {
    const stray = {
      ...structuredClone(resources.find(({ type }) => type === 'aws:s3/bucket:Bucket')!),
      type: 'aws:sqs/queue:Queue',
      name: 'alarms',
    }
    expect(
      declare((resource) =>
        resource.name === 'notary' && resource.type.endsWith(':Role') ? [resource, stray] : resource,
      ).notEmulated,
    ).toContainEqual({ type: 'aws:sqs/queue:Queue', name: 'alarms', account: '111111111111' })
  })
})
