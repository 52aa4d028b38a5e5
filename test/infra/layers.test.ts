import { beforeAll, describe, expect, it } from 'vitest'
import { recordProgram } from '../../infra/recording.ts'
import type { RecordedResource, Recording } from '../../infra/recording.ts'
import { exampleConfig, withoutOrganization } from '../../lab/sandbox/loader/example-config.ts'

const [vaultId, productionId, managementId] = ['111111111111', '222222222222', '333333333333']
const certificate = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'
const byCertificate = {
  name: 'plant',
  trust: { rolesAnywhere: { certificateAuthorityPem: certificate, commonName: 'plant-1' } },
}

let vault: Recording
let production: Recording
let organization: Recording
beforeAll(async () => {
  vault = await recordProgram({
    ...exampleConfig,
    layer: 'vault',
    sources: [...exampleConfig.sources, byCertificate],
  })
  production = await recordProgram({ ...exampleConfig, layer: 'production' })
  organization = await recordProgram({ ...exampleConfig, layer: 'organization' })
})

const allResources = () => [vault, production, organization].flatMap(({ resources }) => resources)
const real = (recording: Recording) => recording.resources.filter(({ type }) => type.startsWith('aws:'))
const list = (recording: Recording) =>
  real(recording)
    .map(({ type, name }) => `${type.split(':').at(-1)} ${name}`)
    .sort()
const shortType = ({ type }: RecordedResource) => type.split(':').at(-1)!

describe('the vault layer', () => {
  it('declares these and nothing else', () => {
    expect(list(vault)).toMatchSnapshot()
  })

  it('is in the vault account, by a provider that takes no other', () => {
    expect(new Set(real(vault).map(({ accountId }) => accountId))).toEqual(new Set([vaultId]))
  })

  it('makes the vault bucket with Object Lock from birth', () => {
    expect(find(vault, 'Bucket', 'vault').inputs).toEqual({
      bucket: `holdfast-vault-${vaultId}-eu-central-1`,
      objectLockEnabled: true,
    })
    expect(find(vault, 'BucketObjectLockConfiguration', 'vault').inputs['rule']).toEqual({
      defaultRetention: { mode: 'COMPLIANCE', days: 40 },
    })
  })

  it('locks in GOVERNANCE for as long until it is armed', async () => {
    const unarmed = await recordProgram({ ...exampleConfig, layer: 'vault', arm: '', native: [] })
    expect(find(unarmed, 'BucketObjectLockConfiguration', 'vault').inputs['rule']).toEqual({
      defaultRetention: { mode: 'GOVERNANCE', days: 40 },
    })
  })

  it('lets nothing in the vault expire: its lifecycle aborts multipart uploads, and that is all', () => {
    expect(find(vault, 'BucketLifecycleConfiguration', 'vault').inputs['rules']).toEqual([
      {
        id: 'abort-multipart-uploads',
        status: 'Enabled',
        filter: { prefix: '' },
        abortIncompleteMultipartUpload: { daysAfterInitiation: 1 },
      },
    ])
  })

  it('protects and retains every part of both buckets', () => {
    const parts = real(vault).filter(({ type }) => type.startsWith('aws:s3/'))
    // Four buckets, the account's public access block, and the events of created objects.
    expect(parts.length).toBe(30)
    for (const { name, type, protect, retainOnDelete } of parts) {
      expect({ name, type, protect, retainOnDelete }).toEqual({
        name,
        type,
        protect: true,
        retainOnDelete: true,
      })
    }
  })

  it("puts the bucket's policy last: without an Organization it freezes what comes before", () => {
    const policy = find(vault, 'BucketPolicy', 'vault')
    const otherResources = real(vault).filter(
      ({ type, name }) =>
        name === 'vault' && type.startsWith('aws:s3/bucket') && !type.endsWith(':BucketPolicy'),
    )
    expect(otherResources.length).toBe(8)
    expect(policy.dependsOn).toEqual(expect.arrayContaining(otherResources.map(({ urn }) => urn)))
  })

  it("freezes the configuration in the bucket's policy if there is no Organization, and only then", async () => {
    const detached = await recordProgram({
      ...exampleConfig,
      layer: 'vault',
      ...withoutOrganization,
    })
    expect(find(detached, 'BucketPolicy', 'vault').inputs['policy']).toContain('FreezeVaultBucket')
    expect(find(vault, 'BucketPolicy', 'vault').inputs['policy']).not.toContain('FreezeVaultBucket')
  })

  it('has one identity provider for all sources of an issuer', async () => {
    const oidc = (audience: string) => ({
      oidc: { issuer: 'https://oidc.example.com', audience, subject: 's' },
    })
    const sources = [
      { name: 'a', trust: oidc('one') },
      { name: 'b', trust: oidc('two') },
      { name: 'c', trust: oidc('one') },
    ]
    const recording = await recordProgram({ ...exampleConfig, layer: 'vault', sources, examine: false })
    const providers = real(recording).filter((resource) => shortType(resource) === 'OpenIdConnectProvider')
    expect(providers.map(({ inputs }) => inputs)).toEqual([
      { url: 'https://oidc.example.com', clientIdLists: ['one', 'two'] },
    ])
  })

  it("lets a certificate's machine in by a trust anchor of its own", () => {
    const trust = find(vault, 'Role', 'writer-plant').inputs['assumeRolePolicy']
    expect(trust).toContain(
      find(vault, 'TrustAnchor', 'writer-plant').inputs['name'] === 'holdfast-writer-plant'
        ? 'trust-anchor/recorded-writer-plant'
        : 'never',
    )
    expect(trust).toContain('plant-1')
  })

  it('tells the tools where everything is, in a versioned form and without a secret', () => {
    expect(vault.outputs).toMatchObject({
      formatVersion: 1,
      layer: 'vault',
      vaultBucket: `holdfast-vault-${vaultId}-eu-central-1`,
      lock: { mode: 'COMPLIANCE', days: 40, promiseDays: 30 },
      roles: { restorer: `arn:aws:iam::${vaultId}:role/holdfast/holdfast-restorer` },
      writers: { 'rental-db': `arn:aws:iam::${vaultId}:role/holdfast/holdfast-writer-rental-db` },
    })
    expect(JSON.stringify(vault.outputs)).not.toContain('CERTIFICATE')
  })
})

describe('the production layer', () => {
  it('declares these and nothing else', () => {
    expect(list(production)).toMatchSnapshot()
  })

  it('is in the production account, by a provider that takes no other', () => {
    expect(new Set(real(production).map(({ accountId }) => accountId))).toEqual(new Set([productionId]))
  })

  it('gives every agent its path, its environment, the boundary and an hour at most', () => {
    const agents = real(production).filter(
      (resource) => shortType(resource) === 'Role' && resource.name.startsWith('agent-'),
    )
    expect(
      agents.map(({ inputs }) => (inputs['tags'] as Record<string, string>)['holdfast-environment']),
    ).toEqual(['production', 'staging'])
    for (const { name, inputs } of agents) {
      expect(inputs).toMatchObject({
        path: '/holdfast-agents/',
        permissionsBoundary: `arn:aws:iam::${productionId}:policy/holdfast-agent-boundary-${name.slice('agent-'.length)}`,
        maxSessionDuration: 3600,
      })
    }
  })

  it('quarantines an agent by a state machine in each region that tells of its attempts, started by exactly those rules', () => {
    const machines = real(production)
      .filter((resource) => shortType(resource) === 'StateMachine')
      .map(({ inputs }) => [inputs['region'], inputs['roleArn']])
    const role = `arn:aws:iam::${productionId}:role/holdfast-production/holdfast-quarantine`
    expect(machines).toEqual([
      ['eu-central-1', role],
      ['us-east-1', role],
    ])
    const targets = real(production).filter(({ inputs }) => inputs['targetId'] === 'quarantine')
    const rules = real(production).filter(
      (resource) =>
        shortType(resource) === 'EventRule' && String(resource.inputs['name']).startsWith('holdfast-agent-'),
    )
    const place = ({ inputs }: RecordedResource, key: string) =>
      `${String(inputs['region'])} ${String(inputs[key])}`
    expect(targets.map((target) => place(target, 'rule')).sort()).toEqual(
      rules.map((rule) => place(rule, 'name')).sort(),
    )
    for (const { inputs, dependsOn } of targets) {
      expect(inputs['arn']).toBe(
        `arn:aws:states:${String(inputs['region'])}:${productionId}:stateMachine:holdfast-quarantine`,
      )
      expect(dependsOn).toContain(
        rules.find(
          (rule) => rule.inputs['name'] === inputs['rule'] && rule.inputs['region'] === inputs['region'],
        )!.urn,
      )
    }
  })

  it('quarantines no agent unless quarantineAgents is true', async () => {
    const recording = await recordProgram({
      ...exampleConfig,
      layer: 'production',
      quarantineAgents: false,
      responders: [],
    })
    expect(
      list(recording).filter((candidate) =>
        /quarantine\b(?!-failed)|responder/.test(candidate.replace(/quarantine-failed/, '')),
      ),
    ).toEqual([])
    expect(recording.outputs).toMatchObject({ quarantineAgents: false, responder: null })
  })

  it('asks for an approval of break-glass if approvers are named: as deployed, no person is approved', async () => {
    const approver = `arn:aws:iam::${productionId}:role/people/duty-manager`
    const recording = await recordProgram({ ...exampleConfig, layer: 'production', approvers: [approver] })
    const policyArn = `arn:aws:iam::${productionId}:policy/holdfast-break-glass-approval`
    expect(find(recording, 'Role', 'break-glass').inputs['permissionsBoundary']).toBe(policyArn)
    expect(find(recording, 'Policy', 'break-glass-approval').inputs['policy']).toContain('NobodyApproved')
    expect(find(recording, 'Role', 'approver').inputs['assumeRolePolicy']).toContain(approver)
    expect(recording.outputs['approval']).toEqual({
      policyArn,
      approver: `arn:aws:iam::${productionId}:role/holdfast-production/holdfast-approver`,
    })
    expect(find(production, 'Role', 'break-glass').inputs).not.toHaveProperty('permissionsBoundary')
    expect(production.outputs).toMatchObject({ approval: null })
  })

  it('does without an administrator if none is named', async () => {
    const recording = await recordProgram({ ...exampleConfig, layer: 'production', administrators: [] })
    expect(list(recording)).not.toContain('Role administrator')
    expect(recording.outputs).toMatchObject({ administrator: null })
  })
})

describe('the organization layer', () => {
  it('declares these and nothing else', () => {
    expect(list(organization)).toMatchSnapshot()
  })

  it('is in the management account, and attached to the others, never to itself', () => {
    expect(new Set(real(organization).map(({ accountId }) => accountId))).toEqual(new Set([managementId]))
    const targets = real(organization)
      .filter((resource) => shortType(resource) === 'PolicyAttachment')
      .map(({ inputs }) => inputs['targetId'])
    expect(new Set(targets)).toEqual(
      new Set([vaultId, productionId, 'ou-recorded-units-vault', 'ou-recorded-units-production']),
    )
  })

  it('binds both accounts themselves, moved into a unit or not, and the units for those who join later', async () => {
    const attached = (recording: Recording) =>
      real(recording)
        .filter((resource) => shortType(resource) === 'PolicyAttachment')
        .map(({ name }) => name)
        .sort()
    const plain = await recordProgram({ ...exampleConfig, layer: 'organization', organizationParentId: '' })
    const accounts = [
      'membership-production',
      'membership-vault',
      'production-delays-production',
      'production-mcp-production',
      'production-production',
      'vault-freeze-vault',
      'vault-perimeter-vault',
      'vault-principals-vault',
      'vault-public-access-vault',
    ]
    expect(attached(plain)).toEqual(accounts)
    expect(attached(organization)).toEqual(
      [
        ...accounts,
        'membership-production-unit',
        'membership-vault-unit',
        'production-delays-production-unit',
        'production-mcp-production-unit',
        'production-production-unit',
        'vault-freeze-vault-unit',
        'vault-public-access-vault-unit',
      ].sort(),
    )
    expect(plain.outputs).toMatchObject({ units: null })
    expect(organization.outputs).toMatchObject({
      units: { vault: 'ou-recorded-units-vault', production: 'ou-recorded-units-production' },
    })
  })

  it('makes units below the root that it is told, and manages no account: that could be closed', () => {
    expect(find(organization, 'OrganizationalUnit', 'units-vault').inputs).toEqual({
      name: 'holdfast-vault',
      parentId: 'r-exam',
    })
    expect(real(organization).map(shortType)).not.toContain('Account')
  })

  it('protects and retains every policy and attachment', () => {
    const policies = real(organization).filter(({ type }) => type.startsWith('aws:organizations/'))
    for (const { name, protect, retainOnDelete } of policies)
      expect({ name, protect, retainOnDelete }).toEqual({ name, protect: true, retainOnDelete: true })
  })

  it('thaws by a date in the policy itself, after which it is frozen again', async () => {
    const thawUntil = new Date(Date.now() + 3_600_000).toISOString()
    const thawed = await recordProgram({ ...exampleConfig, layer: 'organization', thawUntil })
    expect(find(thawed, 'Policy', 'vault-freeze').inputs['content']).toContain(
      `{"DateGreaterThan":{"aws:CurrentTime":"${thawUntil}"}}`,
    )
    expect(find(organization, 'Policy', 'vault-freeze').inputs['content']).not.toContain('Condition')
    expect(thawed.outputs).toMatchObject({ vaultFrozen: { again: thawUntil } })
  })
})

describe('the audit', () => {
  it("delivers one trail of the organization, objects of the vault included, into a locked bucket of the vault's account", () => {
    const trail = find(organization, 'Trail', 'organization-trail').inputs
    expect(trail).toMatchObject({
      s3BucketName: `holdfast-audit-${vaultId}-eu-central-1`,
      isOrganizationTrail: true,
      isMultiRegionTrail: true,
      enableLogFileValidation: true,
    })
    expect(JSON.stringify(trail['advancedEventSelectors'])).toContain(
      `"startsWiths":["arn:aws:s3:::holdfast-vault-${vaultId}-","arn:aws:s3:::holdfast-feedback-${vaultId}-"]`,
    )
    expect(find(vault, 'BucketObjectLockConfiguration', 'audit').inputs['rule']).toEqual({
      defaultRetention: { mode: 'COMPLIANCE', days: 400 },
    })
    expect(find(vault, 'BucketPolicy', 'audit').inputs['policy']).toContain(
      `arn:aws:cloudtrail:eu-central-1:${managementId}:trail/holdfast-audit`,
    )
  })

  it('has a trail of each account without an Organization', async () => {
    const detached = { ...exampleConfig, ...withoutOrganization }
    const [first, second] = [
      await recordProgram({ ...detached, layer: 'vault' }),
      await recordProgram({ ...detached, layer: 'production' }),
    ]
    expect(find(first, 'Trail', 'vault-trail').inputs['isOrganizationTrail']).toBe(false)
    expect(find(second, 'Trail', 'production-trail').accountId).toBe(productionId)
  })

  it("forwards alarms from the vault's region, where IAM is recorded, and where else one works", async () => {
    const elsewhere = await recordProgram({
      ...exampleConfig,
      layer: 'production',
      alarmRegions: ['eu-west-1'],
    })
    const regions = (recording: Recording) =>
      new Set(
        real(recording)
          .filter((resource) => shortType(resource) === 'EventRule')
          .map(({ inputs }) => inputs['region']),
      )
    expect(regions(production)).toEqual(new Set(['eu-central-1', 'us-east-1']))
    expect(regions(elsewhere)).toEqual(new Set(['eu-central-1', 'eu-west-1', 'us-east-1']))
  })

  it('pages on-call for each alarm, and when a source has no good backup', () => {
    const named = (type: string) =>
      real(vault)
        .filter((resource) => shortType(resource) === type && resource.name.startsWith('alarms-'))
        .map(({ name }) => name)
    expect(named('EventTarget')).toEqual(named('EventRule'))
    for (const source of ['plant', 'rental-db', 'site', 'uploads'])
      expect(find(vault, 'MetricAlarm', `check-freshness-${source}`).inputs).toMatchObject({
        evaluationPeriods: 8,
        treatMissingData: 'breaching',
        metricName: 'holdfast-check-freshness',
        dimensions: { source },
      })
    expect(find(vault, 'TopicSubscription', 'alarms-email-0').inputs).toMatchObject({
      protocol: 'email',
      endpoint: 'on-call@pager.example',
    })
    expect(JSON.stringify(vault.outputs)).not.toContain('on-call')
  })

  it('sends a test alarm each day to each topic, and counts what reaches an address', () => {
    const topic = find(vault, 'EventTarget', 'alarms-agent-data').inputs['arn']
    expect(find(vault, 'EventRule', 'alarms-test').inputs).toMatchObject({
      name: 'holdfast-alarm-test',
      scheduleExpression: 'cron(0 8 * * ? *)',
    })
    expect(find(vault, 'EventTarget', 'alarms-test').inputs).toMatchObject({ arn: topic })
    const deliveries = { namespace: 'AWS/SNS', dimensions: { TopicName: 'holdfast-alarms' } }
    expect(find(vault, 'MetricAlarm', 'alarms-undelivered').inputs).toMatchObject({
      ...deliveries,
      metricName: 'NumberOfNotificationsFailed',
      threshold: 0,
      datapointsToAlarm: 1,
      alarmActions: [topic],
    })
    expect(find(vault, 'MetricAlarm', 'alarms-silent').inputs).toMatchObject({
      ...deliveries,
      metricName: 'NumberOfNotificationsDelivered',
      comparisonOperator: 'LessThanThreshold',
      treatMissingData: 'breaching',
      evaluationPeriods: 26,
    })
  })

  it('counts the objects that S3 reports as created, by source, and pages on-call above the budget of a day', () => {
    const rule = find(vault, 'EventRule', 'writes').inputs
    expect(JSON.parse(String(rule['eventPattern']))).toEqual({
      source: ['aws.s3'],
      'detail-type': ['Object Created'],
      detail: { bucket: { name: [`holdfast-vault-${vaultId}-eu-central-1`] } },
    })
    expect(find(vault, 'BucketNotification', 'vault').inputs).toEqual({
      bucket: `holdfast-vault-${vaultId}-eu-central-1`,
      eventbridge: true,
    })
    expect(find(vault, 'EventTarget', 'writes').inputs['arn']).toContain(
      `:log-group:${String(find(vault, 'LogGroup', 'writes').inputs['name'])}`,
    )
    for (const [name, threshold] of [
      ['objects', 100_000],
      ['bytes', 1024 * 2 ** 30],
    ] as const)
      expect(find(vault, 'MetricAlarm', `writes-${name}-site`).inputs).toMatchObject({
        comparisonOperator: 'GreaterThanThreshold',
        period: 86_400,
        threshold,
        treatMissingData: 'notBreaching',
      })
  })

  it('forwards the alarms on delegation and control policies from the management account', () => {
    const rules = real(organization).filter((resource) => shortType(resource) === 'EventRule')
    expect([...new Set(rules.map(({ inputs }) => inputs['name']))].sort()).toEqual([
      'holdfast-control-policies',
      'holdfast-delegated-administrator',
      'holdfast-vault-assignment',
      'holdfast-vault-contacts',
      'holdfast-vault-root-session',
    ])
    expect(find(vault, 'EventBusPolicy', 'alarms').inputs['policy']).toContain(
      `arn:aws:iam::${managementId}:role/holdfast-audit/holdfast-alarm-forwarder`,
    )
  })
})

/** Types of resources that a deployment may delete or replace, because the vault's promise doesn't need them. */
const unprotected: Readonly<Record<string, RegExp>> = {
  // The alarms on missed checks are protected: they page on-call if a check is gone.
  'holdfast:checks:': /./,
  'aws:cloudwatch/logMetricFilter:LogMetricFilter': /^passed-/,
  'aws:ecr/replicationConfiguration:ReplicationConfiguration': /./,
  // New content gets a new key, and the old object stays.
  'aws:s3/bucketObjectv2:BucketObjectv2': /^toolkit-/,
  // An agent without its role can do nothing; a check without its role is missed, and pages on-call.
  'aws:iam/role:Role':
    /^(agent-.*|administrator|task-execution|check-scheduler|audit-reader|examination-(machine|starter))$/,
  'aws:iam/rolePolicy:RolePolicy':
    /^(agent-.*|task-execution|check-scheduler|audit-reader|examination-(machine|starter))$/,
  'aws:iam/rolePolicyAttachment:RolePolicyAttachment': /^administrator$/,
}

describe('`pulumi destroy`, with or without a preview', () => {
  it('is refused for every resource but what the promise does not need', async () => {
    const detached = { ...exampleConfig, ...withoutOrganization }
    const recordings = [
      vault,
      production,
      organization,
      await recordProgram({ ...detached, layer: 'vault' }),
      await recordProgram({ ...detached, layer: 'production' }),
    ]
    const open = recordings.flatMap(real).filter(({ protect }) => !protect)
    const unexpected = open.filter(
      ({ type, name, parent }) =>
        !Object.entries(unprotected).some(
          ([start, names]) =>
            (type === start || (start.endsWith(':') && parent?.includes(start) === true)) && names.test(name),
        ),
    )
    expect(unexpected.map(({ type, name }) => `${type} ${name}`)).toEqual([])
    expect(open.length).toBeLessThan(recordings.flatMap(real).length / 3)
  })

  it('leaves the alarms on missed checks', () => {
    const alarms = real(vault).filter(
      (resource) =>
        shortType(resource) === 'MetricAlarm' && String(resource.inputs['name']).endsWith('-missed'),
    )
    expect(alarms.length).toBeGreaterThan(8)
    for (const { name, protect } of alarms) expect({ name, protect }).toEqual({ name, protect: true })
  })
})

describe("a deployment of the vault's layer that stops halfway", () => {
  it("has made the buckets' policies before anything that is no bucket's setting", () => {
    const byUrn = new Map(vault.resources.map((resource) => [resource.urn, resource]))
    const policies = ['vault', 'feedback', 'audit'].map((name) => find(vault, 'BucketPolicy', name).urn)
    const waitsFor = (urn: string, visited = new Set<string>()): Set<string> => {
      const resource = byUrn.get(urn)
      if (resource === undefined || visited.has(urn)) return visited
      visited.add(urn)
      for (const earlier of [...resource.dependsOn, resource.parent ?? '']) waitsFor(earlier, visited)
      return visited
    }
    const settings =
      /VaultBucket|FeedbackBucket|AuditBucket|accountPublicAccessBlock|ToolkitBucket\$aws:s3\/bucket(?!Object)/
    const early = real(vault)
      .filter(({ urn }) => !settings.test(urn))
      .filter(({ urn }) => policies.some((policy) => !waitsFor(urn).has(policy)))
    expect(early.map(({ urn }) => urn)).toEqual([])
  })
})

describe('a vault without an Organization', () => {
  it('is refused without the name of a deployer', async () => {
    await expect(
      recordProgram({
        ...exampleConfig,
        layer: 'vault',
        ...withoutOrganization,
        deployers: [],
      }),
    ).rejects.toThrow(
      'holdfast:deployers: name the roles or users of the vault account that deploy this layer',
    )
  })

  it('keeps its deployers from deletions by a policy that comes last', async () => {
    const detached = { ...exampleConfig, ...withoutOrganization }
    const user = `arn:aws:iam::${vaultId}:user/ci/second`
    const reserved = `arn:aws:iam::${vaultId}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Vault_*`
    const recording = await recordProgram({
      ...detached,
      layer: 'vault',
      deployers: [...exampleConfig.deployers, user, reserved],
    })
    const policyArn = `arn:aws:iam::${vaultId}:policy/holdfast-deployer`
    expect(find(recording, 'RolePolicyAttachment', 'deployer-role-vault-deployer').inputs).toEqual({
      role: 'vault-deployer',
      policyArn,
    })
    expect(find(recording, 'UserPolicyAttachment', 'deployer-user-second').inputs).toEqual({
      user: 'second',
      policyArn,
    })
    const attachments = real(recording).filter(({ name }) => name.startsWith('deployer-'))
    expect(attachments.length).toBe(2)
    const limit = find(recording, 'DeployerLimit', 'deployer')
    for (const name of ['vault', 'audit'])
      expect(limit.dependsOn).toContain(find(recording, 'BucketPolicy', name).urn)
    expect(limit.dependsOn).toContain(find(recording, 'RolePolicy', 'writer-rental-db').urn)
    expect(real(vault).filter(({ name }) => name.startsWith('deployer'))).toEqual([])
  })
})

describe('delayed deletion', () => {
  it('locks the Recycle Bin for all volumes, snapshots and images, and tells what nothing delays', () => {
    const rules = real(production)
      .filter((resource) => shortType(resource) === 'Rule')
      .map(({ inputs }) => inputs)
    expect(
      rules.map(({ resourceType, retentionPeriod }) => [
        resourceType,
        (retentionPeriod as Record<string, unknown>)['retentionPeriodValue'],
      ]),
    ).toEqual([
      ['EC2_IMAGE', 14],
      ['EBS_SNAPSHOT', 14],
      ['EBS_VOLUME', 7],
    ])
    for (const rule of rules)
      expect(rule).toMatchObject({
        lockConfiguration: { unlockDelay: { unlockDelayUnit: 'DAYS', unlockDelayValue: 7 } },
      })
    expect(production.outputs['delays']).toMatchObject({
      inForce: { 'ec2:DeleteVolume': 'Recycle Bin, 7 days' },
      none: expect.arrayContaining(['rds:DeleteDBSnapshot']) as string[],
    })
  })

  it('is in each region where production works: a Recycle Bin is of one region', async () => {
    const elsewhere = await recordProgram({
      ...exampleConfig,
      layer: 'production',
      alarmRegions: ['eu-west-1', 'eu-central-1'],
    })
    const rules = real(elsewhere)
      .filter((resource) => shortType(resource) === 'Rule')
      .map(({ name, inputs }) => `${name} ${String(inputs['region'])}`)
    expect(rules.sort()).toEqual(
      ['images', 'snapshots', 'volumes'].flatMap((noun) => [
        `delays-${noun} eu-central-1`,
        `delays-${noun}-eu-west-1 eu-west-1`,
      ]),
    )
    expect(elsewhere.outputs['delays']).toMatchObject({ regions: ['eu-central-1', 'eu-west-1'] })
  })
})

describe('every layer', () => {
  it('hangs every resource on a provider that is bound to one account', () => {
    const providers = allResources().filter(({ type }) => type === 'pulumi:providers:aws')
    expect(providers.map(({ inputs }) => inputs['allowedAccountIds'])).toEqual([
      `["${vaultId}"]`,
      `["${productionId}"]`,
      `["${managementId}"]`,
    ])
  })

  it('never forces anything to be destroyed, and runs no session longer than an hour', () => {
    expect(JSON.stringify(allResources())).not.toMatch(/forceDestroy|forceDelete|closeOnDeletion/)
    // Only task definitions, because a run may still use an older revision.
    for (const { type, inputs } of allResources())
      expect([type, 'skipDestroy' in inputs]).toEqual([
        type,
        type === 'aws:ecs/taskDefinition:TaskDefinition',
      ])
    for (const role of allResources().filter((resource) => resource.type === 'aws:iam/role:Role'))
      expect(role.inputs['maxSessionDuration']).toBe(3600)
  })
})

function find(recording: Recording, type: string, name: string): RecordedResource {
  const match = recording.resources.find((resource) => shortType(resource) === type && resource.name === name)
  if (match === undefined) throw new Error(`there is no ${type} ${name}`)
  return match
}
