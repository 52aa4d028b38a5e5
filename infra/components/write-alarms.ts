// Alarms on a source that writes more than its budget. None counts backups by their objects, because a stolen writer
// could add any: the check of freshness pages on-call instead.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import { alarmTopicArn, vaultBucketName, writeLogGroupName, writeRuleName } from '../../guardrails/names.ts'
import { renderPolicy } from '../../guardrails/policy.ts'
import {
  createdObjects,
  writeLogPolicy,
  writeMetricNamespace,
  writeMetrics,
} from '../../guardrails/write-alarms.ts'
import type { WriteMetric } from '../../guardrails/write-alarms.ts'
import type { VaultLocation } from '../../guardrails/names.ts'
import type { SourceConfig } from '../config.ts'

export interface WriteAlarmsArgs {
  location: VaultLocation
  sources: readonly Pick<SourceConfig, 'name' | 'budget'>[]
}

interface Threshold {
  alarmName: string
  description: string
  threshold: number
}

/** The log serves the metrics. The trail keeps the history. */
const logDays = 7
const bytesPerGib = 2 ** 30

export class WriteAlarms extends pulumi.ComponentResource {
  private readonly topicArn: string

  constructor(name: string, args: WriteAlarmsArgs, options: pulumi.ComponentResourceOptions) {
    super('holdfast:audit:WriteAlarms', name, {}, options)
    this.topicArn = alarmTopicArn(args.location)
    const log = this.logCreatedObjects(name, args)
    for (const { name: source, budget } of args.sources) {
      const { objects, bytes } = writeMetrics(source)
      this.watch(`${name}-objects-${source}`, log, objects, {
        alarmName: `holdfast-flood-objects-${source}`,
        description: `${source} wrote more than ${budget.objectsPerDay} objects in a day. A stolen writer may fill the vault.`,
        threshold: budget.objectsPerDay,
      })
      this.watch(`${name}-bytes-${source}`, log, bytes, {
        alarmName: `holdfast-flood-bytes-${source}`,
        description: `${source} wrote more than ${budget.gibPerDay} GiB in a day. A stolen writer may fill the vault.`,
        threshold: budget.gibPerDay * bytesPerGib,
      })
    }
    this.registerOutputs({})
  }

  private logCreatedObjects(name: string, { location }: WriteAlarmsArgs): pulumi.Resource {
    const protectedOptions = { parent: this, protect: true, retainOnDelete: true }
    const bucket = vaultBucketName(location)
    const log = new aws.cloudwatch.LogGroup(
      name,
      { name: writeLogGroupName, retentionInDays: logDays, deletionProtectionEnabled: true },
      protectedOptions,
    )
    const access = new aws.cloudwatch.LogResourcePolicy(
      name,
      { policyName: writeRuleName, policyDocument: renderPolicy(writeLogPolicy(location)) },
      { parent: this, dependsOn: [log] },
    )
    const rule = new aws.cloudwatch.EventRule(
      name,
      {
        name: writeRuleName,
        description: 'Every object that was created in the vault; metrics count them',
        eventPattern: JSON.stringify(createdObjects(bucket)),
      },
      { parent: this },
    )
    new aws.cloudwatch.EventTarget(
      name,
      {
        rule: writeRuleName,
        targetId: 'log',
        arn: `arn:aws:logs:${location.region}:${location.accountId}:log-group:${writeLogGroupName}`,
      },
      { parent: this, dependsOn: [rule, access] },
    )
    return log
  }

  private watch(
    name: string,
    log: pulumi.Resource,
    metric: WriteMetric,
    { alarmName, description, threshold }: Threshold,
  ): void {
    const filter = new aws.cloudwatch.LogMetricFilter(
      name,
      {
        name: metric.name,
        logGroupName: writeLogGroupName,
        pattern: metric.pattern,
        metricTransformation: {
          namespace: writeMetricNamespace,
          name: metric.name,
          value: metric.value,
        },
      },
      { parent: this, dependsOn: [log] },
    )
    new aws.cloudwatch.MetricAlarm(
      name,
      {
        name: alarmName,
        alarmDescription: description,
        namespace: writeMetricNamespace,
        metricName: metric.name,
        statistic: 'Sum',
        period: 86_400,
        evaluationPeriods: 1,
        datapointsToAlarm: 1,
        comparisonOperator: 'GreaterThanThreshold',
        threshold,
        // Missing data means that nothing was written.
        treatMissingData: 'notBreaching',
        alarmActions: [this.topicArn],
        okActions: [this.topicArn],
      },
      { parent: this, dependsOn: [filter] },
    )
  }
}
