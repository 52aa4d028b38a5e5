// Counts checks that passed, by the record that they print, and wakes somebody if none did for too long.
import * as aws from '@pulumi/aws'
import type * as pulumi from '@pulumi/pulumi'
import { alarmTopicArn, checkLogGroupName } from '../../guardrails/names.ts'
import type { VaultPlace } from '../../guardrails/names.ts'

/** What passed checks are counted under. */
const metricNamespace = 'Holdfast/Checks'

export interface PassedChecks {
  place: VaultPlace
  /** Of metric and filter; the alarm's begins with it. */
  called: string
  /** A filter of CloudWatch Logs. */
  pattern: string
  silenceHours: number
  /** What nobody knows if it is missed. */
  missed: string
}

export function countPassed(
  name: string,
  { place, called, pattern, silenceHours, missed }: PassedChecks,
  parent: pulumi.Resource,
): void {
  const filter = new aws.cloudwatch.LogMetricFilter(
    name,
    {
      name: called,
      logGroupName: checkLogGroupName,
      pattern,
      metricTransformation: { namespace: metricNamespace, name: called, value: '1' },
    },
    { parent },
  )
  new aws.cloudwatch.MetricAlarm(
    name,
    {
      name: `${called}-missed`,
      alarmDescription: missed,
      namespace: metricNamespace,
      metricName: called,
      statistic: 'Sum',
      period: 3600,
      evaluationPeriods: silenceHours,
      datapointsToAlarm: silenceHours,
      comparisonOperator: 'LessThanThreshold',
      threshold: 1,
      treatMissingData: 'breaching',
      alarmActions: [alarmTopicArn(place)],
      okActions: [alarmTopicArn(place)],
    },
    { parent, dependsOn: [filter] },
  )
}
