// Shared resources of a region's checks: the cluster, a queue of checks that couldn't start, and alarms on
// failures.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import {
  alarmTopicArn,
  checkClusterArn,
  checkClusterName,
  checkGroupName,
  checkLogGroupName,
  checkQueueName,
} from '../../guardrails/names.ts'
import type { VaultLocation } from '../../guardrails/names.ts'

/** The maximum of SQS. */
const queueSeconds = 14 * 86_400

export class CheckCluster extends pulumi.ComponentResource {
  readonly parts: pulumi.Resource[]

  constructor(name: string, args: { location: VaultLocation }, options: pulumi.ComponentResourceOptions) {
    super('holdfast:checks:CheckCluster', name, {}, options)
    const childOptions = { parent: this }
    this.parts = [
      new aws.ecs.Cluster(
        name,
        { name: checkClusterName, settings: [{ name: 'containerInsights', value: 'disabled' }] },
        childOptions,
      ),
      new aws.scheduler.ScheduleGroup(name, { name: checkGroupName }, childOptions),
      new aws.sqs.Queue(
        name,
        { name: checkQueueName, sqsManagedSseEnabled: true, messageRetentionSeconds: queueSeconds },
        childOptions,
      ),
    ]
    this.alarmIfNotStarted(name, args.location)
    this.alarmIfFailed(name, args.location)
    this.registerOutputs({})
  }

  private alarmIfNotStarted(name: string, location: VaultLocation): void {
    new aws.cloudwatch.MetricAlarm(
      `${name}-not-started`,
      {
        name: 'holdfast-check-not-started',
        alarmDescription: `A check could not be started: the queue ${checkQueueName} holds the check and the reason.`,
        namespace: 'AWS/SQS',
        metricName: 'ApproximateNumberOfMessagesVisible',
        dimensions: { QueueName: checkQueueName },
        statistic: 'Maximum',
        period: 300,
        evaluationPeriods: 1,
        comparisonOperator: 'GreaterThanThreshold',
        threshold: 0,
        treatMissingData: 'notBreaching',
        alarmActions: [alarmTopicArn(location)],
      },
      { parent: this },
    )
  }

  /** Also fires without an exit status: the image can't be pulled, or the memory ran out. */
  private alarmIfFailed(name: string, location: VaultLocation): void {
    const ruleName = 'holdfast-check-failed'
    const pattern = {
      source: ['aws.ecs'],
      'detail-type': ['ECS Task State Change'],
      detail: {
        clusterArn: [checkClusterArn(location)],
        lastStatus: ['STOPPED'],
        containers: { exitCode: [{ 'anything-but': [0] }, { exists: false }] },
      },
    }
    const rule = new aws.cloudwatch.EventRule(
      `${name}-failed`,
      { name: ruleName, description: 'A check failed', eventPattern: JSON.stringify(pattern) },
      { parent: this },
    )
    new aws.cloudwatch.EventTarget(
      `${name}-failed`,
      {
        rule: ruleName,
        targetId: 'topic',
        arn: alarmTopicArn(location),
        inputTransformer: {
          inputPaths: {
            group: '$.detail.group',
            reason: '$.detail.stoppedReason',
            task: '$.detail.taskArn',
            time: '$.time',
          },
          inputTemplate: JSON.stringify(
            `A check of the vault failed: <group>, at <time>: <reason>. The log ${checkLogGroupName} holds its findings; task <task>.`,
          ),
        },
      },
      { parent: this, dependsOn: [rule] },
    )
  }
}
