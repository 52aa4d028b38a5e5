// Counts passed runs by the record in their log, and fires an alarm if none passed for too long.
import * as aws from '@pulumi/aws'
import type * as pulumi from '@pulumi/pulumi'
import { alarmTopicArn, checkLogGroupName } from '../../guardrails/names.ts'
import type { VaultLocation } from '../../guardrails/names.ts'

/** CloudWatch namespace of the metrics. */
const metricNamespace = 'Holdfast/Checks'

/** The dimension that tells sources apart: CloudWatch takes 100 filters for a log group, so each serves all sources. */
const sourceDimension = 'source'

export interface PassedRuns {
  /** Name of the metric and of its filter. */
  metricName: string
  /** A CloudWatch Logs filter that matches the record of a passed run. */
  pattern: string
  /** True if the record has the source in the field `source`. */
  isBySource: boolean
}

export function countPassedRuns(
  name: string,
  { metricName, pattern, isBySource }: PassedRuns,
  options: pulumi.CustomResourceOptions,
): pulumi.Resource {
  return new aws.cloudwatch.LogMetricFilter(
    name,
    {
      name: metricName,
      logGroupName: checkLogGroupName,
      pattern,
      metricTransformation: {
        namespace: metricNamespace,
        name: metricName,
        value: '1',
        ...(isBySource ? { dimensions: { [sourceDimension]: `$.${sourceDimension}` } } : {}),
      },
    },
    options,
  )
}

export interface MissedRuns {
  location: VaultLocation
  /** Prefix of the alarm's name. */
  alarmName: string
  metricName: string
  /** Null: the metric has no dimension. */
  source: string | null
  silenceHours: number
  /** The sentence that on-call reads when the alarm fires. */
  alarmDescription: string
}

export function alarmIfMissed(
  name: string,
  { location, alarmName, metricName, source, silenceHours, alarmDescription }: MissedRuns,
  options: pulumi.CustomResourceOptions,
): void {
  new aws.cloudwatch.MetricAlarm(
    name,
    {
      name: `${alarmName}-missed`,
      alarmDescription,
      namespace: metricNamespace,
      metricName,
      ...(source === null ? {} : { dimensions: { [sourceDimension]: source } }),
      statistic: 'Sum',
      period: 3600,
      evaluationPeriods: silenceHours,
      datapointsToAlarm: silenceHours,
      comparisonOperator: 'LessThanThreshold',
      threshold: 1,
      // A task that didn't run prints nothing, and neither does one that ran blind.
      treatMissingData: 'breaching',
      alarmActions: [alarmTopicArn(location)],
      okActions: [alarmTopicArn(location)],
    },
    // Protected, because the alarm pages on-call if its check is deleted.
    { ...options, protect: true },
  )
}
