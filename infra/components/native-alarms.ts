// Alarms on copies of AWS Backup that stay away. They are in the vault's account: production can stop its plans,
// and an alarm there would stop with them.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import {
  nativeCopyLogGroupName,
  nativeCopyRuleName,
  nativeMetricNamespace,
  nativeName,
  nativeTimings,
} from '../../guardrails/native-backups.ts'
import { nativeCopies, nativeCopyFilter, nativeCopyLogPolicy } from '../../guardrails/native-copies.ts'
import type { NativeBackup } from '../../guardrails/native-backups.ts'
import { alarmBusName, alarmTopicArn } from '../../guardrails/names.ts'
import type { VaultLocation } from '../../guardrails/names.ts'
import { renderPolicy } from '../../guardrails/policy.ts'

export interface NativeAlarmsArgs {
  /** The vaults. The region of the first has the alarm bus, and so these alarms too. */
  locations: readonly VaultLocation[]
  productionAccountId: string
  native: readonly NativeBackup[]
}

/** The log serves the metrics. The trail keeps the history. */
const logDays = 7

export class NativeAlarms extends pulumi.ComponentResource {
  constructor(name: string, args: NativeAlarmsArgs, options: pulumi.ComponentResourceOptions) {
    super('holdfast:audit:NativeAlarms', name, {}, options)
    const log = this.logCopies(name, args)
    for (const { region } of args.locations)
      for (const entry of args.native)
        this.watch(`${nativeName(entry.tag)}-${region}`, entry, { ...args, region, log })
    this.registerOutputs({})
  }

  private logCopies(name: string, { locations }: NativeAlarmsArgs): pulumi.Resource {
    const first = locations[0]!
    const log = new aws.cloudwatch.LogGroup(
      name,
      { name: nativeCopyLogGroupName, retentionInDays: logDays, deletionProtectionEnabled: true },
      { parent: this, protect: true, retainOnDelete: true },
    )
    const access = new aws.cloudwatch.LogResourcePolicy(
      name,
      {
        policyName: nativeCopyRuleName,
        policyDocument: renderPolicy(nativeCopyLogPolicy(first, alarmBusName)),
      },
      { parent: this, dependsOn: [log] },
    )
    const rule = new aws.cloudwatch.EventRule(
      name,
      {
        name: nativeCopyRuleName,
        eventBusName: alarmBusName,
        description: 'Every copy that AWS Backup completed into an air-gapped vault; metrics count them',
        eventPattern: JSON.stringify(nativeCopies(locations)),
      },
      { parent: this },
    )
    new aws.cloudwatch.EventTarget(
      name,
      {
        rule: nativeCopyRuleName,
        eventBusName: alarmBusName,
        targetId: 'log',
        arn: `arn:aws:logs:${first.region}:${first.accountId}:log-group:${nativeCopyLogGroupName}`,
      },
      { parent: this, dependsOn: [rule, access] },
    )
    return log
  }

  private watch(
    suffix: string,
    { tag, schedule }: NativeBackup,
    args: NativeAlarmsArgs & { region: string; log: pulumi.Resource },
  ): void {
    const metricName = `copies-${suffix}`
    const filter = new aws.cloudwatch.LogMetricFilter(
      `native-${suffix}`,
      {
        name: metricName,
        logGroupName: nativeCopyLogGroupName,
        pattern: nativeCopyFilter(args.productionAccountId, args.region, tag),
        metricTransformation: { namespace: nativeMetricNamespace, name: metricName, value: '1' },
      },
      { parent: this, dependsOn: [args.log] },
    )
    const hours = nativeTimings[schedule].missingAfterHours
    new aws.cloudwatch.MetricAlarm(
      `native-${suffix}`,
      {
        name: `holdfast-native-${suffix}-missing`,
        alarmDescription: `AWS Backup completed no copy of resources with the tag ${tag} into the vault in ${args.region} for ${hours} hours: see docs/aws.md.`,
        namespace: nativeMetricNamespace,
        metricName,
        statistic: 'Sum',
        period: 3600,
        evaluationPeriods: hours,
        datapointsToAlarm: hours,
        comparisonOperator: 'LessThanThreshold',
        threshold: 1,
        treatMissingData: 'breaching',
        alarmActions: [alarmTopicArn(args.locations[0]!)],
        okActions: [alarmTopicArn(args.locations[0]!)],
      },
      { parent: this, dependsOn: [filter] },
    )
  }
}
