// Reads what carries an alarm to on-call, as an account has it now: alarms and the filters that count for them, rules,
// schedules and topics. Each response is checked: one of another shape is an error, and never an absent resource.
import { GetTopicAttributesCommand, ListSubscriptionsByTopicCommand, SNSClient } from '@aws-sdk/client-sns'
import { z } from 'zod'
import { HoldfastError } from '../core/errors.ts'
import { JsonServices } from './json-services.ts'
import type { JsonRequest } from './json-services.ts'
import { askUntil, clientSettings } from './service-settings.ts'
import type { ServiceSettings } from './service-settings.ts'

/** The names by which a service finds a resource. */
type Names = Readonly<Record<string, string>>
interface Location {
  region: string
  names: Names
}
type Read = (location: Location) => Promise<Record<string, unknown>>

/** A topic takes 12.5 million subscriptions; ours has a few. */
const maxPages = 20

const texts = z.array(z.string()).default([])
const alarms = z.object({
  MetricAlarms: z.array(
    z.object({
      ActionsEnabled: z.boolean(),
      AlarmActions: texts,
      OKActions: texts,
      Namespace: z.string().optional(),
      MetricName: z.string().optional(),
      Dimensions: z.array(z.object({ Name: z.string(), Value: z.string() })).default([]),
      Statistic: z.string().optional(),
      Period: z.number().optional(),
      EvaluationPeriods: z.number(),
      DatapointsToAlarm: z.number().optional(),
      ComparisonOperator: z.string(),
      Threshold: z.number().optional(),
      TreatMissingData: z.string().optional(),
    }),
  ),
})
const filters = z.object({
  metricFilters: z.array(
    z.object({
      filterName: z.string(),
      filterPattern: z.string().default(''),
      metricTransformations: z.array(
        z.object({
          metricNamespace: z.string(),
          metricName: z.string(),
          metricValue: z.string(),
          dimensions: z.record(z.string(), z.string()).default({}),
        }),
      ),
    }),
  ),
})
const rule = z.object({
  EventPattern: z.string().optional(),
  ScheduleExpression: z.string().optional(),
  State: z.string(),
})
const targets = z.object({
  Targets: z.array(z.object({ Id: z.string(), Arn: z.string(), RoleArn: z.string().optional() })),
  NextToken: z.string().nullish(),
})
const schedule = z.object({
  ScheduleExpression: z.string(),
  ScheduleExpressionTimezone: z.string().default('UTC'),
  State: z.string(),
  Target: z.object({
    Arn: z.string(),
    RoleArn: z.string(),
    EcsParameters: z.object({ TaskDefinitionArn: z.string() }).nullish(),
  }),
})

export class AlarmServices {
  private readonly services: JsonServices
  private readonly settings: ServiceSettings
  private readonly topics = new Map<string, SNSClient>()
  private readonly reads: Readonly<Record<string, Read>> = {
    alarm: (location) => this.readAlarm(location),
    'metric filter': (location) => this.readFilter(location),
    rule: (location) => this.readRule(location),
    schedule: (location) => this.readSchedule(location),
    topic: (location) => this.readTopic(location),
  }

  constructor(settings: ServiceSettings, services = new JsonServices(settings)) {
    this.settings = settings
    this.services = services
  }

  get kinds(): string[] {
    return Object.keys(this.reads)
  }

  /** @throws `denied`, `not-found`, `credentials`, `throttled`, `unreachable`. */
  read(kind: string, location: Location): Promise<Record<string, unknown>> {
    return this.reads[kind]!(location)
  }

  close(): void {
    for (const client of this.topics.values()) client.destroy()
  }

  /** https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html */
  private async readAlarm({ region, names: { name = '' } }: Location): Promise<Record<string, unknown>> {
    const { MetricAlarms } = await this.ask(`reading the alarm ${name}`, alarms, {
      service: 'monitoring',
      region,
      target: { name: 'GraniteServiceVersion20100801.DescribeAlarms', version: '1.0' },
      body: { AlarmNames: [name], AlarmTypes: ['MetricAlarm'] },
    })
    const alarm = onlyOne(MetricAlarms, `the alarm ${name}`)
    return {
      isEnabled: alarm.ActionsEnabled,
      actions: alarm.AlarmActions,
      okActions: alarm.OKActions,
      namespace: alarm.Namespace ?? null,
      metric: alarm.MetricName ?? null,
      dimensions: Object.fromEntries(alarm.Dimensions.map(({ Name, Value }) => [Name, Value])),
      statistic: alarm.Statistic ?? null,
      periodSeconds: alarm.Period ?? null,
      periods: alarm.EvaluationPeriods,
      datapoints: alarm.DatapointsToAlarm ?? alarm.EvaluationPeriods,
      comparison: alarm.ComparisonOperator,
      threshold: alarm.Threshold ?? null,
      missingData: alarm.TreatMissingData ?? 'missing',
    }
  }

  /** https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeMetricFilters.html */
  private async readFilter({
    region,
    names: { logGroup = '', name = '' },
  }: Location): Promise<Record<string, unknown>> {
    const { metricFilters } = await this.ask(`reading the metric filter ${name}`, filters, {
      service: 'logs',
      region,
      target: { name: 'Logs_20140328.DescribeMetricFilters', version: '1.1' },
      body: { logGroupName: logGroup, filterNamePrefix: name },
    })
    const filter = onlyOne(
      metricFilters.filter(({ filterName }) => filterName === name),
      `the metric filter ${name}`,
    )
    return {
      pattern: filter.filterPattern,
      metrics: filter.metricTransformations.map(
        ({ metricNamespace, metricName, metricValue, dimensions }) => ({
          namespace: metricNamespace,
          metric: metricName,
          value: metricValue,
          dimensions,
        }),
      ),
    }
  }

  /** https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DescribeRule.html */
  private async readRule({
    region,
    names: { bus = 'default', name = '' },
  }: Location): Promise<Record<string, unknown>> {
    const call = (operation: string, body: Record<string, unknown>) => ({
      service: 'events',
      region,
      target: { name: `AWSEvents.${operation}`, version: '1.1' as const },
      body: { ...body, EventBusName: bus },
    })
    const described = await this.ask(`reading the rule ${name}`, rule, call('DescribeRule', { Name: name }))
    const page = await this.ask(
      `listing the targets of the rule ${name}`,
      targets,
      // A rule has five targets at most.
      call('ListTargetsByRule', { Rule: name, Limit: 100 }),
    )
    return {
      state: described.State,
      pattern: described.EventPattern === undefined ? null : parseJson(described.EventPattern),
      schedule: described.ScheduleExpression ?? null,
      targets: Object.fromEntries(
        page.Targets.map(({ Id, Arn, RoleArn }) => [Id, { arn: Arn, role: RoleArn ?? null }]),
      ),
    }
  }

  /** https://docs.aws.amazon.com/scheduler/latest/APIReference/API_GetSchedule.html */
  private async readSchedule({
    region,
    names: { group = '', name = '' },
  }: Location): Promise<Record<string, unknown>> {
    const { ScheduleExpression, ScheduleExpressionTimezone, State, Target } = await this.ask(
      `reading the schedule ${name}`,
      schedule,
      {
        service: 'scheduler',
        region,
        method: 'GET',
        path: `/schedules/${encodeURIComponent(name)}`,
        query: { groupName: group },
      },
    )
    return {
      state: State,
      schedule: ScheduleExpression,
      timezone: ScheduleExpressionTimezone,
      target: Target.Arn,
      role: Target.RoleArn,
      task: Target.EcsParameters?.TaskDefinitionArn ?? null,
    }
  }

  /** Its policy, and each subscription with its endpoint, which can be a secret. */
  private async readTopic({ region, names: { arn = '' } }: Location): Promise<Record<string, unknown>> {
    const client = this.topics.get(region) ?? new SNSClient(clientSettings({ ...this.settings, region }))
    this.topics.set(region, client)
    const ask = askUntil(this.settings.signal)
    const { Attributes } = await ask(`reading the topic ${arn}`, (abort) =>
      client.send(new GetTopicAttributesCommand({ TopicArn: arn }), abort),
    )
    const subscriptions: { protocol: string; endpoint: string; isConfirmed: boolean }[] = []
    let marker: string | undefined
    for (let pages = 0; pages < maxPages; pages++) {
      const { Subscriptions = [], NextToken } = await ask(`listing the subscriptions of ${arn}`, (abort) =>
        client.send(new ListSubscriptionsByTopicCommand({ TopicArn: arn, NextToken: marker }), abort),
      )
      for (const { Protocol = '', Endpoint = '', SubscriptionArn } of Subscriptions)
        subscriptions.push({
          protocol: Protocol,
          endpoint: Endpoint,
          isConfirmed: SubscriptionArn?.startsWith('arn:') === true,
        })
      marker = NextToken
      if (marker === undefined || marker === '')
        return { policy: parseJson(Attributes?.['Policy'] ?? ''), subscriptions }
    }
    throw new HoldfastError('unreachable', `the topic ${arn} has too many subscriptions`, {
      hint: 'remove the subscriptions that the program does not declare',
    })
  }

  private async ask<Response>(
    operation: string,
    schema: z.ZodType<Response>,
    request: Omit<JsonRequest, 'method' | 'path'> & Partial<Pick<JsonRequest, 'method' | 'path'>>,
  ): Promise<Response> {
    const parsed = schema.safeParse(
      await this.services.ask(operation, { method: 'POST', path: '/', ...request }),
    )
    if (parsed.success) return parsed.data
    throw unreadable(operation, parsed.error.issues[0]?.path.join('.') ?? '')
  }
}

function onlyOne<Item>(items: readonly Item[], subject: string): Item {
  const [item] = items
  if (item !== undefined) return item
  throw new HoldfastError('not-found', `${subject} does not exist`, {
    hint: 'run `pulumi up --refresh` in the stack of the vault layer',
  })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw unreadable('reading a document', 'it is no JSON')
  }
}

function unreadable(operation: string, detail: string): HoldfastError {
  return new HoldfastError(
    'unreachable',
    `${operation} failed: the response does not have the form that AWS documents (${detail})`,
    { hint: 'check that the endpoint belongs to AWS; a newer holdfast may know the form' },
  )
}
