// Counts passed checks by the record in their log, and fires an alarm if none passed for too long.
import * as aws from '@pulumi/aws'
import type * as pulumi from '@pulumi/pulumi'
import { alarmTopicArn, checkLogGroupName } from '../../guardrails/names.ts'
import type { VaultLocation } from '../../guardrails/names.ts'

/** CloudWatch namespace of the metrics. */
const metricNamespace = 'Holdfast/Checks'

export interface PassedChecks {
  location: VaultLocation
  /** Name of the metric and of its filter, and the prefix of the alarm's name. */
  metricName: string
  /** A CloudWatch Logs filter that matches the record of a passed check. */
  pattern: string
  silenceHours: number
  /** The sentence that on-call reads when the alarm fires. */
  alarmDescription: string
}

export function countPassedChecks(
  name: string,
  { location, metricName, pattern, silenceHours, alarmDescription }: PassedChecks,
  parent: pulumi.Resource,
): void {
  const filter = new aws.cloudwatch.LogMetricFilter(
    name,
    {
      name: metricName,
      logGroupName: checkLogGroupName,
      pattern,
      metricTransformation: { namespace: metricNamespace, name: metricName, value: '1' },
    },
    { parent },
  )
  new aws.cloudwatch.MetricAlarm(
    name,
    {
      name: `${metricName}-missed`,
      alarmDescription,
      namespace: metricNamespace,
      metricName,
      statistic: 'Sum',
      period: 3600,
      evaluationPeriods: silenceHours,
      datapointsToAlarm: silenceHours,
      comparisonOperator: 'LessThanThreshold',
      threshold: 1,
      treatMissingData: 'breaching',
      alarmActions: [alarmTopicArn(location)],
      okActions: [alarmTopicArn(location)],
    },
    { parent, dependsOn: [filter] },
  )
}
