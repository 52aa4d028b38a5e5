// Counts checks that passed, by the record that they print, and wakes somebody if none did for too long.
import * as aws from '@pulumi/aws'
import type * as pulumi from '@pulumi/pulumi'
import { alarmTopicArn, checkLogGroupName } from '../../guardrails/names.ts'
import type { VaultLocation } from '../../guardrails/names.ts'

/** What passed checks are counted under. */
const metricNamespace = 'Holdfast/Checks'

export interface PassedChecks {
  location: VaultLocation
  /** Of metric and filter; the alarm's begins with it. */
  metricName: string
  /** A filter of CloudWatch Logs. */
  pattern: string
  silenceHours: number
  /** What nobody knows if it is missed. */
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
