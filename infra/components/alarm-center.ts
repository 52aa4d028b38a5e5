// Where alarms come together, in the vault's account: a bus that takes them from production, a rule and a sentence for each,
// the topic that wakes somebody, and the alarm that cries if no backup was committed.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import { alarmBusPolicy, alarmTopicPolicy } from '../../guardrails/audit-policies.ts'
import { alarmBusArn, alarmBusName, alarmTopicArn, alarmTopicName, vaultBucketName } from '../../guardrails/names.ts'
import { renderPolicy } from '../../guardrails/policy.ts'
import type { AlarmPattern } from '../../guardrails/alarm-patterns.ts'
import type { VaultPlace } from '../../guardrails/names.ts'

export interface AlarmCenterArgs {
  place: VaultPlace
  productionAccountId: string
  patterns: readonly AlarmPattern[]
  emails: readonly string[]
  webhooks: readonly string[]
  sources: readonly string[]
  silenceHours: number
}

export class AlarmCenter extends pulumi.ComponentResource {
  constructor(name: string, args: AlarmCenterArgs, options: pulumi.ComponentResourceOptions) {
    super('holdfast:audit:AlarmCenter', name, {}, options)
    const { place } = args
    const topicArn = alarmTopicArn(place)
    const topic = new aws.sns.Topic(
      name,
      { name: alarmTopicName, policy: renderPolicy(alarmTopicPolicy(place.accountId, topicArn)) },
      { parent: this, protect: true, retainOnDelete: true },
    )
    const told = { parent: this, dependsOn: [topic] }
    for (const [protocol, endpoints] of [['email', args.emails], ['https', args.webhooks]] as const) {
      endpoints.forEach((endpoint, index) => new aws.sns.TopicSubscription(`${name}-${protocol}-${index}`, { topic: topicArn, protocol, endpoint }, told))
    }
    this.wake(name, args, told)
    this.cry(name, args, told)
    this.registerOutputs({})
  }

  private wake(name: string, args: AlarmCenterArgs, told: pulumi.CustomResourceOptions): void {
    const bus = new aws.cloudwatch.EventBus(name, { name: alarmBusName }, { parent: this, protect: true, retainOnDelete: true })
    const accounts = [args.place.accountId, args.productionAccountId]
    new aws.cloudwatch.EventBusPolicy(
      name,
      { eventBusName: alarmBusName, policy: renderPolicy(alarmBusPolicy(alarmBusArn(args.place), accounts)) },
      { parent: this, dependsOn: [bus] },
    )
    for (const alarm of args.patterns) {
      const called = `${name}-${alarm.name}`
      const ruleName = `holdfast-${alarm.name}`
      const rule = new aws.cloudwatch.EventRule(
        called,
        { name: ruleName, eventBusName: alarmBusName, description: alarm.sentence, eventPattern: JSON.stringify(alarm.pattern) },
        { parent: this, dependsOn: [bus] },
      )
      new aws.cloudwatch.EventTarget(
        called,
        {
          rule: ruleName, eventBusName: alarmBusName, targetId: 'topic', arn: alarmTopicArn(args.place),
          inputTransformer: {
            inputPaths: { account: '$.account', call: '$.detail.eventName', error: '$.detail.errorCode', id: '$.detail.eventID', region: '$.region', time: '$.time', who: '$.detail.userIdentity.arn' },
            inputTemplate: JSON.stringify(`${alarm.sentence} <who> called <call> in account <account>, <region>, at <time>; error: <error>. CloudTrail event <id>.`),
          },
        },
        { ...told, dependsOn: [rule] },
      )
    }
  }

  /** Per source, by the requests that S3 counts below its manifests: no data is as bad as none. */
  private cry(name: string, args: AlarmCenterArgs, told: pulumi.CustomResourceOptions): void {
    const bucket = vaultBucketName(args.place)
    for (const source of args.sources) {
      const filterId = `manifests-${source}`
      const metric = new aws.s3.BucketMetric(
        `${name}-${source}`,
        { bucket, name: filterId, filter: { prefix: `sources/${source}/manifests/` } },
        { parent: this, protect: true, retainOnDelete: true },
      )
      new aws.cloudwatch.MetricAlarm(
        `${name}-${source}`,
        {
          name: `holdfast-silence-${source}`,
          alarmDescription: `No backup of ${source} was committed for ${args.silenceHours} hours.`,
          namespace: 'AWS/S3', metricName: 'PutRequests', dimensions: { BucketName: bucket, FilterId: filterId }, statistic: 'Sum',
          period: 3600, evaluationPeriods: args.silenceHours, datapointsToAlarm: args.silenceHours,
          comparisonOperator: 'LessThanThreshold', threshold: 1, treatMissingData: 'breaching',
          alarmActions: [alarmTopicArn(args.place)], okActions: [alarmTopicArn(args.place)],
        },
        { ...told, dependsOn: [metric] },
      )
    }
  }
}
