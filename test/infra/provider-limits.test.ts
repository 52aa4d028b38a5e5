// AWS's limits on names, descriptions and numbers that no type checks. The test applies them to every declared
// resource, with the longest names that the configuration allows. The limits come from AWS's API references.
import { beforeAll, expect, it } from 'vitest'
import { recordProgram } from '../../infra/recording.ts'
import type { RecordedResource } from '../../infra/recording.ts'
import { exampleConfig } from '../../lab/sandbox/loader/example-config.ts'

type Limit = [property: string, shape: RegExp]

const iamName = /^[\w+=,.@-]{1,64}$/
const iamText = /^[\t\n\r\x20-\x7e\xa1-\xff]{0,1000}$/
const groupText = /^[\w .:/()#,@[\]+=&;{}!$*-]{1,255}$/
const bucketName = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/

const limits: Readonly<Record<string, readonly Limit[]>> = {
  'aws:cloudwatch/eventBus:EventBus': [['name', /^[\w./-]{1,256}$/]],
  'aws:cloudwatch/eventRule:EventRule': [
    ['name', /^[\w.-]{1,64}$/],
    ['description', /^[\s\S]{0,512}$/],
    ['eventPattern', /^[\s\S]{1,4096}$/],
  ],
  'aws:cloudwatch/eventTarget:EventTarget': [
    ['targetId', /^[\w.-]{1,64}$/],
    ['inputTransformer.inputTemplate', /^[\s\S]{1,8192}$/],
  ],
  'aws:cloudwatch/logGroup:LogGroup': [
    ['name', /^[\w./#-]{1,512}$/],
    ['retentionInDays', /^(1|3|5|7|14|30|60|90|120|150|180|365|400)$/],
  ],
  'aws:cloudwatch/logMetricFilter:LogMetricFilter': [
    ['name', /^[^:*]{1,512}$/],
    ['pattern', /^[\s\S]{0,1024}$/],
    ['metricTransformation.namespace', /^[^:*$]{0,255}$/],
  ],
  'aws:cloudwatch/metricAlarm:MetricAlarm': [
    ['name', /^.{1,255}$/],
    ['alarmDescription', /^[\s\S]{0,1024}$/],
    ['comparisonOperator', /^(Less|Greater)ThanThreshold$/],
  ],
  'aws:ec2/securityGroup:SecurityGroup': [
    ['name', groupText],
    ['description', groupText],
  ],
  'aws:ecr/repository:Repository': [
    ['name', /^[a-z0-9][a-z0-9._/-]{1,255}$/],
    ['imageTagMutability', /^IMMUTABLE$/],
  ],
  'aws:ecs/cluster:Cluster': [['name', /^[\w-]{1,255}$/]],
  // Pairs of CPU and memory that Fargate has:
  // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
  'aws:ecs/taskDefinition:TaskDefinition': [
    ['family', /^[\w-]{1,255}$/],
    ['cpu', /^(256|1024|2048)$/],
    ['memory', /^(512|1024|2048|3072|4096|5120|6144|7168|8192)$/],
    ['ephemeralStorage.sizeInGib', /^(2[1-9]|[3-9]\d|1\d\d|200)$/],
  ],
  'aws:efs/accessPoint:AccessPoint': [
    ['rootDirectory.path', /^\/[\w-]{1,99}$/],
    ['rootDirectory.creationInfo.permissions', /^0[0-7]{3}$/],
  ],
  'aws:efs/fileSystemPolicy:FileSystemPolicy': [['policy', /^[\s\S]{1,20000}$/]],
  'aws:iam/policy:Policy': [
    ['name', /^[\w+=,.@-]{1,128}$/],
    ['description', iamText],
  ],
  'aws:iam/role:Role': [
    ['name', iamName],
    ['description', iamText],
    ['path', /^\/[\w+=,.@/-]*\/$/],
  ],
  'aws:organizations/organizationalUnit:OrganizationalUnit': [['name', /^[\s\S]{1,128}$/]],
  'aws:organizations/policy:Policy': [
    ['name', /^[\s\S]{1,128}$/],
    ['description', /^[\s\S]{0,512}$/],
  ],
  'aws:rbin/rule:Rule': [
    ['description', /^[\w\s.:/()#,@[\]+=&;{}!$*-]{0,255}$/],
    ['resourceType', /^(EBS_SNAPSHOT|EC2_IMAGE|EBS_VOLUME)$/],
  ],
  'aws:route53/resolverFirewallDomainList:ResolverFirewallDomainList': [['name', /^[\w-]{1,64}$/]],
  'aws:route53/resolverFirewallRule:ResolverFirewallRule': [
    ['name', /^[\w-]{1,64}$/],
    ['action', /^(ALLOW|BLOCK)$/],
    ['priority', /^\d{3}$/],
  ],
  'aws:route53/resolverFirewallRuleGroup:ResolverFirewallRuleGroup': [['name', /^[\w-]{1,64}$/]],
  // AWS keeps 100 and 9900 for itself.
  'aws:route53/resolverFirewallRuleGroupAssociation:ResolverFirewallRuleGroupAssociation': [
    ['name', /^[\w-]{1,64}$/],
    ['priority', /^(10[1-9]|1[1-9]\d)$/],
  ],
  'aws:s3/bucket:Bucket': [['bucket', bucketName]],
  'aws:cloudwatch/logResourcePolicy:LogResourcePolicy': [['policyDocument', /^[\s\S]{1,5120}$/]],
  'aws:scheduler/schedule:Schedule': [
    ['name', /^[\w.-]{1,64}$/],
    ['description', /^.{0,512}$/],
    ['scheduleExpression', /^(cron\(\S+ \S+ (\? \S+ \S+|\S+ \S+ \?) \S+\)|rate\(\d+ \w+\))$/],
    ['target.retryPolicy.maximumEventAgeInSeconds', /^\d{2,5}$/],
  ],
  'aws:scheduler/scheduleGroup:ScheduleGroup': [['name', /^[\w.-]{1,64}$/]],
  'aws:sfn/stateMachine:StateMachine': [
    ['name', /^[\w-]{1,80}$/],
    ['definition', /^[\s\S]{1,1048576}$/],
  ],
  'aws:sns/topic:Topic': [['name', /^[\w-]{1,256}$/]],
  'aws:sqs/queue:Queue': [
    ['name', /^[\w-]{1,80}$/],
    ['messageRetentionSeconds', /^([6-9]\d|\d{3,6}|1[01]\d{5}|120[0-9]{4})$/],
  ],
}

const longest = (first: string) => first.padEnd(48, 'x')
const config = {
  ...exampleConfig,
  regions: ['ap-southeast-7'],
  sources: exampleConfig.sources.map((source, index) => ({
    ...source,
    name: longest(source.name),
    ...(index === 0 ? { region: 'ap-southeast-7' } : {}),
  })),
  agents: exampleConfig.agents.map((agent) => ({ ...agent, name: longest(agent.name) })),
}

let resources: RecordedResource[]
beforeAll(async () => {
  resources = []
  for (const layer of ['vault', 'production', 'organization'])
    resources.push(...(await recordProgram({ ...config, layer })).resources)
})

function textAt(inputs: unknown, property: string): string | undefined {
  const value = property
    .split('.')
    .reduce<unknown>((parent, key) => (parent as Record<string, unknown> | undefined)?.[key], inputs)
  return typeof value === 'number' || typeof value === 'string' ? String(value) : undefined
}

it.each(Object.entries(limits))('%s has names and numbers that AWS takes', (type, properties) => {
  const declared = resources.filter((resource) => resource.type === type)
  expect(declared.length).toBeGreaterThan(0)
  const refused = declared.flatMap(({ name, inputs }) =>
    properties.flatMap(([property, shape]) => {
      const text = textAt(inputs, property)
      return text === undefined || shape.test(text) ? [] : [`${name}: ${property} ${JSON.stringify(text)}`]
    }),
  )
  expect(refused).toEqual([])
})

it('no task has less or more memory than Fargate gives to its processors', () => {
  // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
  const memoryMiB: Record<string, [min: number, max: number]> = {
    256: [512, 2048],
    1024: [2048, 8192],
    2048: [4096, 16_384],
  }
  const tasks = resources.filter(({ type }) => type === 'aws:ecs/taskDefinition:TaskDefinition')
  expect(tasks.length).toBeGreaterThan(0)
  for (const { inputs } of tasks) {
    const [min, max] = memoryMiB[textAt(inputs, 'cpu')!]!
    expect(Number(textAt(inputs, 'memory'))).toBeGreaterThanOrEqual(min)
    expect(Number(textAt(inputs, 'memory'))).toBeLessThanOrEqual(max)
  }
})

it('no name is there twice for two resources of a type, an account and a region', () => {
  const named = resources.filter(
    ({ type, inputs }) =>
      type.startsWith('aws:') && typeof inputs['name'] === 'string' && !/EventRule|RolePolicy/.test(type),
  )
  const marks = named.map(({ type, accountId, region, inputs }) =>
    [
      type,
      accountId,
      inputs['region'] ?? region,
      inputs['groupName'] ?? inputs['logGroupName'] ?? '',
      inputs['name'],
    ].join(' '),
  )
  expect(marks.filter((mark, index) => marks.indexOf(mark) !== index)).toEqual([])
})
