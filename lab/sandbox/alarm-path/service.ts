// The reads of CloudWatch, CloudWatch Logs, EventBridge, its scheduler and SNS that show the way of an alarm, each in
// the protocol of its service. They show what the declaration has now.
import { z } from 'zod'
import type { DeclaredResource } from '../declaration.ts'
import { AwsError } from '../protocol/aws-error.ts'
import type { Service, ServiceHost, ServiceReply, ServiceRequest } from '../protocol/service.ts'
import { renderXml } from '../protocol/xml.ts'
import type { XmlElement } from '../protocol/xml.ts'
import { readForm } from '../sts/form.ts'

type Inputs = Readonly<Record<string, unknown>>
type Parameters = Readonly<Record<string, unknown>>
type Result = Record<string, unknown>

interface Call {
  host: ServiceHost
  request: ServiceRequest
  accountId: string
  region: string
}

/** Resolves with the response as the JSON protocols have it. */
type Operation = (call: Call, parameters: Parameters) => Promise<Result>

const maxBodyBytes = 64 * 1024
const types = {
  alarm: 'aws:cloudwatch/metricAlarm:MetricAlarm',
  filter: 'aws:cloudwatch/logMetricFilter:LogMetricFilter',
  rule: 'aws:cloudwatch/eventRule:EventRule',
  target: 'aws:cloudwatch/eventTarget:EventTarget',
  schedule: 'aws:scheduler/schedule:Schedule',
  topic: 'aws:sns/topic:Topic',
  subscription: 'aws:sns/topicSubscription:TopicSubscription',
} as const

const operations: Readonly<Record<string, Readonly<Record<string, Operation>>>> = {
  monitoring: { DescribeAlarms: describeAlarms },
  logs: { DescribeMetricFilters: describeMetricFilters },
  events: { DescribeRule: describeRule, ListTargetsByRule: listTargets },
  scheduler: { GetSchedule: getSchedule },
  sns: { GetTopicAttributes: getTopicAttributes, ListSubscriptionsByTopic: listSubscriptions },
}

export const alarmPathServices = Object.keys(operations).map((name) => (host: ServiceHost): Service => ({
  name,
  handle: (request) => handle(host, name, request),
  renderError: name === 'sns' ? renderXmlError : renderJsonError,
}))

async function handle(host: ServiceHost, service: string, request: ServiceRequest): Promise<ServiceReply> {
  let operation = ''
  try {
    const { accountId } = request.principal
    if (request.principal.kind === 'anonymous' || accountId === null)
      throw new AwsError(403, 'MissingAuthenticationToken', 'Request is missing Authentication Token')
    const { name, parameters } = await readRequest(service, request)
    const run = Object.hasOwn(operations[service]!, name) ? operations[service]![name] : undefined
    if (run === undefined)
      throw new AwsError(
        400,
        'UnknownOperationException',
        `The sandbox does not emulate ${name.slice(0, 64)}`,
      )
    operation = name
    const region = request.signature.region ?? ''
    const result = await run({ host, request, accountId, region }, parameters)
    return { ...renderResult(service, name, result), operation }
  } catch (error) {
    if (!(error instanceof AwsError)) throw error
    return { ...(service === 'sns' ? renderXmlError(error) : renderJsonError(error)), operation }
  }
}

async function readRequest(
  service: string,
  request: ServiceRequest,
): Promise<{ name: string; parameters: Parameters }> {
  if (service === 'sns') {
    const form = await readForm(request)
    return { name: form.text('Action') ?? '', parameters: { TopicArn: form.text('TopicArn') ?? '' } }
  }
  if (service === 'scheduler') {
    const [, name = ''] = /^\/schedules\/([^/]+)$/.exec(request.path) ?? []
    const group = new URLSearchParams(request.query).get('groupName') ?? 'default'
    return {
      name: request.method === 'GET' && name !== '' ? 'GetSchedule' : request.path,
      parameters: { Name: decodeURIComponent(name), GroupName: group },
    }
  }
  const name = (request.headers['x-amz-target'] ?? '').split('.').at(-1)!
  try {
    const body: unknown = JSON.parse((await request.body.read(maxBodyBytes)).toString())
    return { name, parameters: z.record(z.string(), z.unknown()).parse(body) }
  } catch (error) {
    throw new AwsError(400, 'SerializationException', 'The body is not JSON', { cause: error })
  }
}

async function describeAlarms(call: Call, { AlarmNames }: Parameters): Promise<Result> {
  const names = z.array(z.string()).min(1).parse(AlarmNames)
  for (const name of names)
    await allow(call, 'cloudwatch:DescribeAlarms', arnOf(call, 'cloudwatch', `alarm:${name}`))
  const alarms = ofType(call, types.alarm).filter(({ name }) => names.includes(String(name)))
  return {
    MetricAlarms: alarms.map((inputs) => ({
      AlarmName: inputs['name'],
      ActionsEnabled: inputs['actionsEnabled'] ?? true,
      AlarmActions: inputs['alarmActions'] ?? [],
      OKActions: inputs['okActions'] ?? [],
      Namespace: inputs['namespace'],
      MetricName: inputs['metricName'],
      Dimensions: Object.entries((inputs['dimensions'] ?? {}) as Record<string, string>).map(
        ([Name, Value]) => ({ Name, Value }),
      ),
      Statistic: inputs['statistic'],
      Period: inputs['period'],
      EvaluationPeriods: inputs['evaluationPeriods'],
      DatapointsToAlarm: inputs['datapointsToAlarm'],
      ComparisonOperator: inputs['comparisonOperator'],
      Threshold: inputs['threshold'],
      TreatMissingData: inputs['treatMissingData'],
    })),
  }
}

async function describeMetricFilters(
  call: Call,
  { logGroupName, filterNamePrefix }: Parameters,
): Promise<Result> {
  await allow(
    call,
    'logs:DescribeMetricFilters',
    arnOf(call, 'logs', `log-group:${String(logGroupName)}:log-stream:`),
  )
  const filters = ofType(call, types.filter).filter(
    (inputs) =>
      inputs['logGroupName'] === logGroupName && String(inputs['name']).startsWith(String(filterNamePrefix)),
  )
  return {
    metricFilters: filters.map((inputs) => {
      const { namespace, name, value, dimensions } = inputs['metricTransformation'] as Record<string, unknown>
      return {
        filterName: inputs['name'],
        filterPattern: inputs['pattern'],
        metricTransformations: [
          { metricNamespace: namespace, metricName: name, metricValue: value, dimensions },
        ],
      }
    }),
  }
}

async function describeRule(call: Call, parameters: Parameters): Promise<Result> {
  const inputs = await allowedRule(call, 'events:DescribeRule', {
    name: String(parameters['Name']),
    bus: textOf(parameters['EventBusName'], 'default'),
  })
  return {
    Name: inputs['name'],
    EventPattern: inputs['eventPattern'],
    ScheduleExpression: inputs['scheduleExpression'],
    State: inputs['state'] ?? 'ENABLED',
  }
}

async function listTargets(call: Call, parameters: Parameters): Promise<Result> {
  const rule = {
    name: String(parameters['Rule']),
    bus: textOf(parameters['EventBusName'], 'default'),
  }
  await allowedRule(call, 'events:ListTargetsByRule', rule)
  const targets = ofType(call, types.target).filter(
    (inputs) => inputs['rule'] === rule.name && (inputs['eventBusName'] ?? 'default') === rule.bus,
  )
  return {
    Targets: targets.map((inputs) => ({
      Id: inputs['targetId'],
      Arn: inputs['arn'],
      RoleArn: inputs['roleArn'],
    })),
  }
}

function textOf(value: unknown, fallback: string): string {
  return typeof value === 'string' ? value : fallback
}

async function allowedRule(
  call: Call,
  action: string,
  { name, bus }: { name: string; bus: string },
): Promise<Inputs> {
  const path = bus === 'default' ? name : `${bus}/${name}`
  await allow(call, action, arnOf(call, 'events', `rule/${path}`))
  const rule = ofType(call, types.rule).find(
    (inputs) => inputs['name'] === name && (inputs['eventBusName'] ?? 'default') === bus,
  )
  if (rule === undefined)
    throw new AwsError(400, 'ResourceNotFoundException', `Rule ${name.slice(0, 64)} does not exist.`)
  return rule
}

async function getSchedule(call: Call, { Name, GroupName }: Parameters): Promise<Result> {
  const path = `schedule/${String(GroupName)}/${String(Name)}`
  await allow(call, 'scheduler:GetSchedule', arnOf(call, 'scheduler', path))
  const inputs = ofType(call, types.schedule).find(
    ({ name, groupName }) => name === Name && groupName === GroupName,
  )
  if (inputs === undefined)
    throw new AwsError(404, 'ResourceNotFoundException', `Schedule ${String(Name)} does not exist.`)
  const target = inputs['target'] as Record<string, unknown>
  const ecs = target['ecsParameters'] as { taskDefinitionArn: string } | undefined
  return {
    Name,
    GroupName,
    ScheduleExpression: inputs['scheduleExpression'],
    ScheduleExpressionTimezone: inputs['scheduleExpressionTimezone'],
    State: inputs['state'] ?? 'ENABLED',
    Target: {
      Arn: target['arn'],
      RoleArn: target['roleArn'],
      ...(ecs === undefined ? {} : { EcsParameters: { TaskDefinitionArn: ecs.taskDefinitionArn } }),
    },
  }
}

async function getTopicAttributes(call: Call, { TopicArn }: Parameters): Promise<Result> {
  const { inputs } = await allowedTopic(call, 'sns:GetTopicAttributes', String(TopicArn))
  return { Attributes: { TopicArn, Policy: inputs['policy'] } }
}

async function listSubscriptions(call: Call, { TopicArn }: Parameters): Promise<Result> {
  await allowedTopic(call, 'sns:ListSubscriptionsByTopic', String(TopicArn))
  const subscriptions = ofType(call, types.subscription).filter(({ topic }) => topic === TopicArn)
  return {
    Subscriptions: subscriptions.map((inputs, index) => ({
      TopicArn,
      Protocol: inputs['protocol'],
      Endpoint: inputs['endpoint'],
      // The owner of the address has confirmed it, unless a test says otherwise.
      SubscriptionArn:
        inputs['pendingConfirmation'] === true ? 'PendingConfirmation' : `${String(TopicArn)}:${index}`,
    })),
  }
}

async function allowedTopic(call: Call, action: string, arn: string): Promise<{ inputs: Inputs }> {
  await allow(call, action, arn)
  const inputs = ofType(call, types.topic).find(({ name }) => arnOf(call, 'sns', String(name)) === arn)
  if (inputs === undefined) throw new AwsError(404, 'NotFound', 'Topic does not exist')
  return { inputs }
}

function ofType({ host, accountId, region }: Call, type: string): Inputs[] {
  return host.declaration.alarmPath
    .filter(
      (resource: DeclaredResource) =>
        resource.type === type && resource.accountId === accountId && resource.region === region,
    )
    .map(({ inputs }) => inputs)
}

function arnOf({ accountId, region }: Call, service: string, name: string): string {
  return `arn:aws:${service}:${region}:${accountId}:${name}`
}

async function allow({ host, request, accountId }: Call, action: string, resource: string): Promise<void> {
  const decision = await host.authorize(request, {
    action,
    resource,
    resourceAccountId: accountId,
    resourcePolicy: null,
  })
  if (!decision.allowed)
    throw new AwsError(
      403,
      'AccessDeniedException',
      `User: ${request.principal.arn} is not authorized to perform: ${action}`,
    )
}

function renderResult(service: string, operation: string, result: Result): ServiceReply {
  if (service !== 'sns') {
    const type = service === 'scheduler' ? 'application/json' : 'application/x-amz-json-1.1'
    return { status: 200, headers: { 'content-type': type }, body: JSON.stringify(result) }
  }
  const body = renderXml(`${operation}Response`, 'http://sns.amazonaws.com/doc/2010-03-31/', [
    [`${operation}Result`, Object.entries(result).map(([name, value]) => renderMember(name, value))],
    ['ResponseMetadata', [['RequestId', 'sandbox']]],
  ])
  return { status: 200, headers: { 'content-type': 'text/xml' }, body }
}

/** A list has members, and a map has entries with a key and a value. */
function renderMember(name: string, value: unknown): XmlElement {
  if (Array.isArray(value))
    return [
      name,
      value.map((item): XmlElement => [
        'member',
        Object.entries(item as Record<string, unknown>).map(([key, text]): XmlElement => [key, String(text)]),
      ]),
    ]
  return [
    name,
    Object.entries(value as Record<string, unknown>).map(([key, text]): XmlElement => [
      'entry',
      [
        ['key', key],
        ['value', String(text)],
      ],
    ]),
  ]
}

function renderJsonError(error: AwsError): ServiceReply {
  const body = JSON.stringify({ __type: error.code, message: error.message })
  return {
    status: error.status,
    headers: { 'content-type': 'application/x-amz-json-1.1' },
    body,
    errorCode: error.code,
  }
}

function renderXmlError(error: AwsError): ServiceReply {
  const code = error.code === 'AccessDeniedException' ? 'AuthorizationError' : error.code
  const body = renderXml('ErrorResponse', 'http://sns.amazonaws.com/doc/2010-03-31/', [
    [
      'Error',
      [
        ['Type', 'Sender'],
        ['Code', code],
        ['Message', error.message],
      ],
    ],
    ['RequestId', 'sandbox'],
  ])
  return { status: error.status, headers: { 'content-type': 'text/xml' }, body, errorCode: code }
}
