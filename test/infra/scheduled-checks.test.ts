import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { sourcePlans, taskPlans, trailPlans, vaultPlans } from '../../checks/check-plan.ts'
import type { EventPattern } from '../../guardrails/alarm-patterns.ts'
import { recordProgram } from '../../infra/recording.ts'
import { emptyAccount } from '../../infra/recording-monitor.ts'
import type { RecordedResource, Recording } from '../../infra/recording.ts'
import { exampleConfig } from '../../lab/sandbox/loader/example-config.ts'
import { buildProgram } from '../../restore-cli/program.ts'
import { matchesPattern } from '../guardrails/event-pattern.ts'

const vaultId = '111111111111'
const location = { accountId: vaultId, region: 'eu-central-1' }
const sources = exampleConfig.sources.map(({ name }) => name)
const notaryPem = '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n'
const target = {
  location,
  silenceHours: 24,
  promiseDays: 30,
  generationDays: 10,
  lockMode: 'COMPLIANCE',
  renewal: 'extend',
  notaryPem,
  expected: '{"buckets":{}}',
} as const
const optionsOf: Readonly<Record<string, object>> = {
  check: {
    maxAge: 30 * 3_600_000,
    generationDays: 10,
    lockMode: 'COMPLIANCE',
    signingKey: 'alias/holdfast-reports',
  },
  custodian: { apply: true, renewal: 'extend' },
}
/** Every task: its plan, its family and the arguments of its command. */
const tasks = [
  ...sourcePlans.flatMap((plan) =>
    sources.map((source) => ({
      plan,
      name: `${plan.name}-${source}`,
      source,
      command: plan.command({ ...target, source }),
    })),
  ),
  ...vaultPlans.map((plan) => ({ plan, name: plan.name, source: null, command: plan.command(target) })),
  ...trailPlans.map((plan) => ({
    plan,
    name: plan.name,
    source: null,
    command: plan.command({ location, accountIds: ['222222222222', '333333333333'] }),
  })),
]

const elsewhere = {
  name: 'archive',
  region: 'eu-west-1',
  trust: { awsRoleArn: 'arn:aws:iam::222222222222:role/workloads/archive' },
}
const everything = {
  ...exampleConfig,
  layer: 'vault',
  regions: ['eu-west-1'],
  sources: [...exampleConfig.sources, { ...elsewhere, kind: 'postgres' }],
}

let vault: Recording
let without: Recording
let examining: Recording
beforeAll(async () => {
  vault = await recordProgram({ ...exampleConfig, layer: 'vault', examine: false })
  examining = await recordProgram(everything)
  without = await recordProgram({ ...exampleConfig, layer: 'vault', image: '', examine: false })
})

const ofType = (recording: Recording, type: string) =>
  recording.resources.filter((resource) => resource.type.endsWith(`:${type}`))
const inputsOf = <T = Record<string, unknown>>(resource: RecordedResource) => resource.inputs as T
const only = (type: string, name: string) => {
  const matches = ofType(vault, type).filter((resource) => resource.name === name)
  if (matches.length !== 1) throw new Error(`${matches.length} of ${type} ${name}`)
  return matches[0]!
}

interface Container {
  image: string
  entryPoint: string[]
  command: string[]
  user: string
  readonlyRootFilesystem: boolean
  linuxParameters: unknown
}

const containersOf = (task: RecordedResource) =>
  JSON.parse(String(task.inputs['containerDefinitions'])) as Container[]

describe('the tasks', () => {
  it('are one for each check of each source, and one each for custodian, drill and agents, and each has a schedule and an alarm', () => {
    const names = tasks.map(({ name }) => `check-${name}`).sort()
    for (const type of ['TaskDefinition', 'Schedule'])
      expect(
        ofType(vault, type)
          .map(({ name }) => name)
          .sort(),
      ).toEqual(names)
    expect(ofType(vault, 'MetricAlarm').map(({ name }) => name)).toEqual(expect.arrayContaining(names))
  })

  it('run the very image that the configuration names, as the user 65534, without a writable disk or a right of the host', () => {
    for (const task of ofType(vault, 'TaskDefinition')) {
      const [container, ...furtherContainers] = containersOf(task)
      expect(furtherContainers).toEqual([])
      expect(container).toMatchObject({
        image: exampleConfig.image,
        entryPoint: ['holdfast'],
        user: '65534:65534',
        readonlyRootFilesystem: true,
        linuxParameters: { capabilities: { drop: ['ALL'] } },
      })
    }
  })

  it('have each the role of its duty, and ECS another that no container is given', () => {
    for (const { plan, name } of tasks) {
      expect(inputsOf(only('TaskDefinition', `check-${name}`))).toMatchObject({
        taskRoleArn: `arn:aws:iam::${vaultId}:role/${plan.duty === 'audit-reader' ? 'holdfast-checks' : 'holdfast'}/holdfast-${plan.duty}`,
        executionRoleArn: `arn:aws:iam::${vaultId}:role/holdfast-checks/holdfast-task-execution`,
        networkMode: 'awsvpc',
        requiresCompatibilities: ['FARGATE'],
      })
    }
  })

  it('stay when there is a newer image: a run that has begun names them until its end', () => {
    for (const { inputs } of ofType(examining, 'TaskDefinition'))
      expect(inputs).toMatchObject({ skipDestroy: true })
  })

  it('hold no secret and no credentials', () => {
    const text = ofType(vault, 'TaskDefinition')
      .map(({ inputs }) => String(inputs['containerDefinitions']))
      .join('\n')
    expect(text).not.toMatch(/secret|environment|AKIA|password|token/i)
  })

  it.each(tasks)('run a command that the CLI has: $name', async ({ source, command: [name, ...args] }) => {
    const program = await buildProgram(
      {
        bin: 'holdfast',
        environment: {},
        signal: new AbortController().signal,
        stdout: process.stdout,
        stderr: process.stderr,
      },
      [name!],
    )
    const command = program.commands.find((candidate) => candidate.name() === name)
    expect(command).toBeDefined()
    expect(command!.parseOptions(args)).toEqual({ operands: [], unknown: [] })
    const ofVault = {
      bucket: `holdfast-vault-${vaultId}-eu-central-1`,
      notaryKey: notaryPem,
      promiseDays: 30,
    }
    const ofTrail = {
      bucket: `holdfast-audit-${vaultId}-eu-central-1`,
      account: ['222222222222', '333333333333'],
    }
    expect(command!.opts()).toMatchObject({
      ...(source === null ? {} : { source }),
      assumeRole: false,
      json: true,
      ...(name === 'agents' ? ofTrail : ofVault),
      ...optionsOf[name!],
    })
  })

  it('get the public key of the notary that the program makes, so that no other receipt counts', () => {
    const pem = String(emptyAccount['aws:kms/getPublicKey:getPublicKey']!({})['publicKeyPem'])
    // The audit trail has no receipts.
    for (const task of ofType(vault, 'TaskDefinition').filter(({ name }) => name !== 'check-agents'))
      expect(containersOf(task)[0]!.command).toContain(pem)
  })
})

describe('the schedules', () => {
  it('start a task of this very revision, in the network without internet, as a role that may do nothing else', () => {
    for (const schedule of ofType(vault, 'Schedule')) {
      expect(inputsOf(schedule)).toMatchObject({
        groupName: 'holdfast-checks',
        target: {
          arn: `arn:aws:ecs:eu-central-1:${vaultId}:cluster/holdfast-checks`,
          roleArn: `arn:aws:iam::${vaultId}:role/holdfast-checks/holdfast-check-scheduler`,
          deadLetterConfig: { arn: `arn:aws:sqs:eu-central-1:${vaultId}:holdfast-checks-not-started` },
          ecsParameters: {
            launchType: 'FARGATE',
            taskDefinitionArn: expect.stringMatching(/:task-definition\/holdfast-check-[a-z-]+:1$/) as string,
            networkConfiguration: {
              subnets: ['recorded-checks'],
              securityGroups: ['recorded-checks-tasks'],
              assignPublicIp: false,
            },
          },
        },
      })
    }
  })

  it('have no disk to write to, but for the drill, whose image has the directory', () => {
    for (const { plan, name } of tasks) {
      const { volumes, ephemeralStorage } = only('TaskDefinition', `check-${name}`).inputs
      if (plan.disk === undefined) expect([volumes, ephemeralStorage]).toEqual([undefined, undefined])
      else {
        expect(volumes).toEqual([{ name: 'scratch' }])
        expect(ephemeralStorage).toEqual({ sizeInGib: plan.disk.gib })
        expect(readFileSync('infra/Containerfile', 'utf8')).toContain(`VOLUME ["${plan.disk.path}"]`)
      }
    }
  })

  it('have names that AWS takes, for the longest name of a source too', () => {
    for (const { name } of sourcePlans) expect(`${name}-${'a'.repeat(48)}`.length).toBeLessThanOrEqual(64)
  })

  it('leave room for one run to be late before an alarm, and stay in what CloudWatch looks back over', () => {
    for (const { silenceHours, schedule, windowMinutes } of taskPlans) {
      const [, hours, days] = /^cron\(\d+ (?:0\/(\d+)|\d+) (?:\* \* \?|\? \* (WED,SUN)) \*\)$/.exec(schedule)!
      const gapHours = days === undefined ? Number(hours ?? 24) : 4 * 24
      expect(silenceHours).toBeGreaterThan(gapHours + windowMinutes / 60)
      expect(silenceHours).toBeLessThanOrEqual(168)
    }
  })
})

describe('the network', () => {
  it('has no way in, no internet, and one way out to each service that a check needs', () => {
    expect(
      vault.resources.filter(({ type }) =>
        /InternetGateway|NatGateway|EgressOnly|Eip|VpcPeering|:Route:/.test(type),
      ),
    ).toEqual([])
    expect(
      ofType(vault, 'VpcEndpoint')
        .map(({ inputs }) => inputs['serviceName'])
        .sort(),
    ).toEqual(
      ['ecr.api', 'ecr.dkr', 'kms', 'logs', 's3'].map((service) => `com.amazonaws.eu-central-1.${service}`),
    )
    expect(inputsOf(only('DefaultSecurityGroup', 'checks'))).toMatchObject({ ingress: [], egress: [] })
    expect(inputsOf(only('Subnet', 'checks'))).toMatchObject({ mapPublicIpOnLaunch: false })
  })

  it('lets tasks out to the endpoints and to S3 by TLS alone, and nothing in to them', () => {
    const rules = [
      ...ofType(vault, 'SecurityGroupEgressRule'),
      ...ofType(vault, 'SecurityGroupIngressRule'),
    ].map(({ inputs }) => inputs)
    expect(rules.length).toBe(3)
    for (const rule of rules) expect(rule).toMatchObject({ ipProtocol: 'tcp', fromPort: 443, toPort: 443 })
    expect(JSON.stringify(rules)).not.toContain('cidr')
    expect(ofType(vault, 'SecurityGroupIngressRule').map(({ inputs }) => inputs['securityGroupId'])).toEqual([
      'recorded-checks-endpoints',
    ])
  })

  it("resolves only names that AWS's own servers serve", () => {
    const domains = Object.fromEntries(
      ofType(vault, 'ResolverFirewallDomainList').map(({ name, inputs }) => [
        name,
        inputs['domains'] as string[],
      ]),
    )
    expect(domains['checks-all']).toEqual(['*.'])
    for (const domain of domains['checks-served']!)
      expect(domain).toMatch(/^(\*\.)?(api\.ecr|dkr\.ecr|kms|logs|s3|efs)\.eu-central-1\.amazonaws\.com\.$/)
    const [allowing, blocking] = ['checks-served', 'checks-all'].map((name) =>
      inputsOf<{ action: string; priority: number; firewallDomainListId: string }>(
        only('ResolverFirewallRule', name),
      ),
    )
    expect([allowing, blocking]).toMatchObject([
      { action: 'ALLOW', firewallDomainListId: 'recorded-checks-served' },
      { action: 'BLOCK', blockResponse: 'NXDOMAIN', firewallDomainListId: 'recorded-checks-all' },
    ])
    expect(allowing!.priority).toBeLessThan(blocking!.priority)
    expect(inputsOf(only('ResolverFirewallRuleGroupAssociation', 'checks'))).toMatchObject({
      vpcId: 'vpc-recorded-checks',
      firewallRuleGroupId: 'recorded-checks',
    })
    expect(inputsOf(only('ResolverFirewallConfig', 'checks'))).toEqual({
      resourceId: 'vpc-recorded-checks',
      firewallFailOpen: 'DISABLED',
    })
  })

  it('opens no bucket, registry or log of another account, also with credentials of that account', () => {
    for (const endpoint of ofType(vault, 'VpcEndpoint')) {
      const { Statement } = JSON.parse(String(endpoint.inputs['policy'])) as {
        Statement: { Sid: string; Condition?: unknown; Resource: string[] }[]
      }
      for (const { Sid, Condition, Resource } of Statement) {
        // Layers of images come by URLs that ECR has signed with AWS's own credentials.
        if (Sid === 'ReachLayers')
          expect(Resource).toEqual(['arn:aws:s3:::prod-eu-central-1-starport-layer-bucket/*'])
        else expect(Condition).toEqual({ StringEquals: { 'aws:PrincipalAccount': vaultId } })
      }
    }
  })
})

describe('the alarms', () => {
  const stopped = (
    containers: Record<string, string | number>[],
    overrides: Record<string, string> = {},
  ) => ({
    source: 'aws.ecs',
    'detail-type': 'ECS Task State Change',
    account: vaultId,
    detail: {
      clusterArn: `arn:aws:ecs:eu-central-1:${vaultId}:cluster/holdfast-checks`,
      lastStatus: 'STOPPED',
      containers,
      ...overrides,
    },
  })

  it.each([
    ['a check that found damage', stopped([{ name: 'holdfast', exitCode: 4 }]), true],
    ['an image that could not be pulled', stopped([{ name: 'holdfast', lastStatus: 'STOPPED' }]), true],
    ['a check that passed', stopped([{ name: 'holdfast', exitCode: 0 }]), false],
    ['a check that is still running', stopped([{ name: 'holdfast' }], { lastStatus: 'RUNNING' }), false],
    [
      'a task of another cluster',
      stopped([{ name: 'holdfast', exitCode: 1 }], {
        clusterArn: 'arn:aws:ecs:eu-central-1:111111111111:cluster/other',
      }),
      false,
    ],
  ])('of a task that failed: %s', (_, event, isAlarm) => {
    const pattern = JSON.parse(
      String(only('EventRule', 'checks-failed').inputs['eventPattern']),
    ) as EventPattern
    expect(matchesPattern(pattern, event)).toBe(isAlarm)
  })

  it('page on-call for a check that failed, could not be started, or was missed', () => {
    const topic = `arn:aws:sns:eu-central-1:${vaultId}:holdfast-alarms`
    expect(inputsOf(only('EventTarget', 'checks-failed'))).toMatchObject({ arn: topic })
    expect(inputsOf(only('MetricAlarm', 'checks-not-started'))).toMatchObject({
      alarmActions: [topic],
      dimensions: { QueueName: 'holdfast-checks-not-started' },
    })
    for (const { plan, name, source } of tasks) {
      const { dimensions, ...alarm } = inputsOf<{ dimensions?: object }>(only('MetricAlarm', `check-${name}`))
      expect(alarm).toMatchObject({
        alarmActions: [topic],
        treatMissingData: 'breaching',
        threshold: 1,
        metricName: `holdfast-check-${plan.name}`,
        evaluationPeriods: plan.silenceHours,
      })
      expect(dimensions).toEqual(source === null ? undefined : { source })
    }
  })

  it('count a run as passed by the record of its own kind, with the source as the dimension', () => {
    const filters = ofType(vault, 'LogMetricFilter').filter(({ name }) => name.startsWith('passed-'))
    expect(filters.map(({ name }) => name)).toEqual(taskPlans.map(({ name }) => `passed-${name}`).sort())
    for (const { inputs } of filters) {
      const { name, metricTransformation } = inputs as { name: string; metricTransformation: object }
      expect(metricTransformation).toMatchObject({ name, value: '1' })
      expect(metricTransformation).toEqual(
        ['custodian', 'drill', 'agents'].some((plan) => name === `holdfast-check-${plan}`)
          ? expect.not.objectContaining({ dimensions: expect.anything() as unknown })
          : expect.objectContaining({ dimensions: { source: '$.source' } }),
      )
    }
    expect(new Set(filters.map(({ inputs }) => inputs['pattern'])).size).toBe(filters.length)
  })
})

describe('without an image', () => {
  it('there is a registry to push it to, the logs of when there was one, and nothing else', () => {
    const types = without.resources.map(({ type }) => type)
    expect(types.filter((type) => /:(ecs|scheduler|ec2|vpc|sqs)\//.test(type))).toEqual([])
    expect(types).toContain('aws:ecr/repository:Repository')
    expect(ofType(without, 'LogGroup').map(({ inputs }) => inputs['name'])).toEqual([
      '/aws/events/holdfast-native',
      '/aws/events/holdfast-writes',
      '/holdfast/checks',
      '/holdfast/examinations',
    ])
    expect(without.outputs).toMatchObject({
      imageRepository: `${vaultId}.dkr.ecr.eu-central-1.amazonaws.com/holdfast`,
      checks: null,
    })
  })
})

describe('what was switched on', () => {
  it.each<[string, object]>([
    ['examinations', { examine: false }],
    ['the last source of a region that can be started', { sources: [...exampleConfig.sources, elsewhere] }],
    ['the image', { image: '', examine: false }],
  ])(
    'can be switched off again, and only its alarms have to be unprotected first: %s',
    async (_, overrides) => {
      const protectedResources = ({ resources }: Recording) =>
        resources.filter(({ protect }) => protect).map(({ type, name }) => `${type} ${name}`)
      expect(protectedResources(examining)).toContain(
        'aws:cloudwatch/logGroup:LogGroup examinations-eu-west-1',
      )
      const later = protectedResources(await recordProgram({ ...everything, ...overrides }))
      const refused = protectedResources(examining).filter((resource) => !later.includes(resource))
      expect(refused.filter((resource) => !resource.startsWith('aws:cloudwatch/metricAlarm:'))).toEqual([])
      expect(refused.length).toBeGreaterThan(0)
    },
  )
})
