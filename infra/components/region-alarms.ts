// Alarms of a region: the topic that pages on-call, and an alarm for each source without a committed backup.
// Each region with a vault has its own topic, because CloudWatch reaches only topics of its own region.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import { alarmTopicPolicy } from '../../guardrails/audit-policies.ts'
import { manifestPrefix } from '../../core/store/vault-keys.ts'
import { alarmTopicArn, alarmTopicName, vaultBucketName } from '../../guardrails/names.ts'
import { renderPolicy } from '../../guardrails/policy.ts'
import type { VaultLocation } from '../../guardrails/names.ts'

export interface RegionAlarmsArgs {
  location: VaultLocation
  emails: readonly string[]
  webhooks: readonly string[]
  sources: readonly string[]
  silenceHours: number
  /** The bucket whose requests S3 counts. */
  vaultBucket: aws.s3.Bucket
}

export class RegionAlarms extends pulumi.ComponentResource {
  readonly topic: aws.sns.Topic

  constructor(name: string, args: RegionAlarmsArgs, options: pulumi.ComponentResourceOptions) {
    super('holdfast:audit:RegionAlarms', name, {}, options)
    const topicArn = alarmTopicArn(args.location)
    this.topic = new aws.sns.Topic(
      name,
      { name: alarmTopicName, policy: renderPolicy(alarmTopicPolicy(args.location.accountId, topicArn)) },
      { parent: this, protect: true, retainOnDelete: true },
    )
    const topicOptions = { parent: this, dependsOn: [this.topic] }
    for (const [protocol, endpoints] of [
      ['email', args.emails],
      ['https', args.webhooks],
    ] as const) {
      endpoints.forEach(
        (endpoint, index) =>
          new aws.sns.TopicSubscription(
            `${name}-${protocol}-${index}`,
            { topic: topicArn, protocol, endpoint },
            topicOptions,
          ),
      )
    }
    this.alarmOnSilence(name, args, topicOptions)
    this.registerOutputs({})
  }

  /**
   * One alarm for each source, on S3's count of requests to its manifests. Missing data also fires the alarm.
   */
  private alarmOnSilence(
    name: string,
    args: RegionAlarmsArgs,
    topicOptions: pulumi.CustomResourceOptions,
  ): void {
    const bucket = vaultBucketName(args.location)
    for (const source of args.sources) {
      const filterId = `manifests-${source}`
      const metric = new aws.s3.BucketMetric(
        `${name}-${source}`,
        { bucket, name: filterId, filter: { prefix: manifestPrefix(source) } },
        { parent: this, protect: true, retainOnDelete: true, dependsOn: [args.vaultBucket] },
      )
      new aws.cloudwatch.MetricAlarm(
        `${name}-${source}`,
        {
          name: `holdfast-silence-${source}`,
          alarmDescription: `No backup of ${source} was committed for ${args.silenceHours} hours.`,
          namespace: 'AWS/S3',
          metricName: 'PutRequests',
          dimensions: { BucketName: bucket, FilterId: filterId },
          statistic: 'Sum',
          period: 3600,
          evaluationPeriods: args.silenceHours,
          datapointsToAlarm: args.silenceHours,
          comparisonOperator: 'LessThanThreshold',
          threshold: 1,
          treatMissingData: 'breaching',
          alarmActions: [alarmTopicArn(args.location)],
          okActions: [alarmTopicArn(args.location)],
        },
        { ...topicOptions, dependsOn: [metric] },
      )
    }
  }
}
