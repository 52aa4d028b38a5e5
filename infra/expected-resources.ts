// The resources that carry an alarm to on-call, as the program declares them, for a check to compare. A transformation
// of the stack sees every resource, so that no component can forget one.
import * as pulumi from '@pulumi/pulumi'
import { z } from 'zod'
import { describeSubscriptions } from '../checks/configuration/subscription-names.ts'

/** As `checks/configuration/expected-state.ts` has them. */
interface ExpectedResource {
  kind: string
  region: string
  names: Record<string, string>
  expected: Record<string, unknown>
}

interface Declared {
  type: string
  region: string
  inputs: unknown
}

const texts = z.array(z.string()).default([])
const document = z.string().transform((text): unknown => JSON.parse(text))
const alarm = z.object({
  name: z.string(),
  actionsEnabled: z.boolean().default(true),
  alarmActions: texts,
  okActions: texts,
  namespace: z.string(),
  metricName: z.string(),
  dimensions: z.record(z.string(), z.string()).default({}),
  statistic: z.string(),
  period: z.number(),
  evaluationPeriods: z.number(),
  datapointsToAlarm: z.number().optional(),
  comparisonOperator: z.string(),
  threshold: z.number(),
  treatMissingData: z.string(),
})
const filter = z.object({
  name: z.string(),
  logGroupName: z.string(),
  pattern: z.string(),
  metricTransformation: z.object({
    namespace: z.string(),
    name: z.string(),
    value: z.string(),
    dimensions: z.record(z.string(), z.string()).default({}),
  }),
})
const rule = z.object({
  name: z.string(),
  eventBusName: z.string().default('default'),
  eventPattern: document.optional(),
  scheduleExpression: z.string().optional(),
})
const target = z.object({
  rule: z.string(),
  eventBusName: z.string().default('default'),
  targetId: z.string(),
  arn: z.string(),
  roleArn: z.string().optional(),
})
const schedule = z.object({
  name: z.string(),
  groupName: z.string(),
  scheduleExpression: z.string(),
  scheduleExpressionTimezone: z.string(),
  target: z.object({
    arn: z.string(),
    roleArn: z.string(),
    ecsParameters: z.object({ taskDefinitionArn: z.string() }).optional(),
  }),
})
const topic = z.object({ name: z.string(), policy: document })
const subscription = z.object({ topic: z.string(), protocol: z.string(), endpoint: z.string() })

const types = {
  alarm: 'aws:cloudwatch/metricAlarm:MetricAlarm',
  filter: 'aws:cloudwatch/logMetricFilter:LogMetricFilter',
  rule: 'aws:cloudwatch/eventRule:EventRule',
  target: 'aws:cloudwatch/eventTarget:EventTarget',
  schedule: 'aws:scheduler/schedule:Schedule',
  topic: 'aws:sns/topic:Topic',
  subscription: 'aws:sns/topicSubscription:TopicSubscription',
} as const
const watchedTypes: readonly string[] = Object.values(types)

/** Begins to collect. Call it before the first resource is declared, and `describe` after the last one. */
export class AlarmPath {
  private readonly declared: { type: string; inputs: pulumi.Inputs; resource: pulumi.Resource }[] = []

  constructor() {
    pulumi.runtime.registerStackTransformation(({ type, props, resource }) => {
      if (watchedTypes.includes(type)) this.declared.push({ type, inputs: props, resource })
      return undefined
    })
  }

  /** Each resource by the name that a finding shows. */
  describe(accountId: string): pulumi.Output<Record<string, ExpectedResource>> {
    const resources = this.declared.map(({ type, inputs, resource }) => {
      // Every resource of AWS has its region as an output.
      const { region } = resource as unknown as { region: pulumi.Output<string> }
      return pulumi.all([region, pulumi.output(inputs)]).apply(([name, values]): Declared => ({
        type,
        region: name,
        inputs: values,
      }))
    })
    return pulumi.all(resources).apply((all) => describeAll(all, accountId))
  }
}

function describeAll(declared: readonly Declared[], accountId: string): Record<string, ExpectedResource> {
  const ofType = <Inputs>(type: string, schema: z.ZodType<Inputs>) =>
    declared
      .filter((resource) => resource.type === type)
      .map(({ region, inputs }) => ({ region, inputs: schema.parse(inputs) }))
  const targets = ofType(types.target, target)
  const subscriptions = ofType(types.subscription, subscription)
  const described: ExpectedResource[] = [
    ...ofType(types.alarm, alarm).map(describeAlarm),
    ...ofType(types.filter, filter).map(describeFilter),
    ...ofType(types.rule, rule).map(({ region, inputs: { name, eventBusName, ...inputs } }) => ({
      kind: 'rule',
      region,
      names: { bus: eventBusName, name },
      expected: {
        state: 'ENABLED',
        pattern: inputs.eventPattern ?? null,
        schedule: inputs.scheduleExpression ?? null,
        targets: Object.fromEntries(
          targets
            .filter(
              (entry) =>
                entry.region === region &&
                entry.inputs.rule === name &&
                entry.inputs.eventBusName === eventBusName,
            )
            .map(({ inputs: { targetId, arn, roleArn } }) => [targetId, { arn, role: roleArn ?? null }]),
        ),
      },
    })),
    ...ofType(types.schedule, schedule).map(describeSchedule),
    ...ofType(types.topic, topic).map(({ region, inputs: { name, policy } }) => {
      const arn = `arn:aws:sns:${region}:${accountId}:${name}`
      const ofTopic = subscriptions.filter(({ inputs }) => inputs.topic === arn)
      return {
        kind: 'topic',
        region,
        names: { arn },
        expected: {
          policy,
          subscriptions: describeSubscriptions(
            ofTopic.map(({ inputs }) => ({ ...inputs, isConfirmed: true })),
          ),
        },
      }
    }),
  ]
  return Object.fromEntries(
    described.map((resource) => [
      [resource.kind, resource.region, ...Object.values(resource.names)].join(' '),
      resource,
    ]),
  )
}

function describeAlarm({
  region,
  inputs,
}: {
  region: string
  inputs: z.infer<typeof alarm>
}): ExpectedResource {
  return {
    kind: 'alarm',
    region,
    names: { name: inputs.name },
    expected: {
      isEnabled: inputs.actionsEnabled,
      actions: inputs.alarmActions,
      okActions: inputs.okActions,
      namespace: inputs.namespace,
      metric: inputs.metricName,
      dimensions: inputs.dimensions,
      statistic: inputs.statistic,
      periodSeconds: inputs.period,
      periods: inputs.evaluationPeriods,
      datapoints: inputs.datapointsToAlarm ?? inputs.evaluationPeriods,
      comparison: inputs.comparisonOperator,
      threshold: inputs.threshold,
      missingData: inputs.treatMissingData,
    },
  }
}

function describeFilter({
  region,
  inputs,
}: {
  region: string
  inputs: z.infer<typeof filter>
}): ExpectedResource {
  const { namespace, name, value, dimensions } = inputs.metricTransformation
  return {
    kind: 'metric filter',
    region,
    names: { logGroup: inputs.logGroupName, name: inputs.name },
    expected: { pattern: inputs.pattern, metrics: [{ namespace, metric: name, value, dimensions }] },
  }
}

function describeSchedule({
  region,
  inputs,
}: {
  region: string
  inputs: z.infer<typeof schedule>
}): ExpectedResource {
  return {
    kind: 'schedule',
    region,
    names: { group: inputs.groupName, name: inputs.name },
    expected: {
      state: 'ENABLED',
      schedule: inputs.scheduleExpression,
      timezone: inputs.scheduleExpressionTimezone,
      target: inputs.target.arn,
      role: inputs.target.roleArn,
      task: inputs.target.ecsParameters?.taskDefinitionArn ?? null,
    },
  }
}
