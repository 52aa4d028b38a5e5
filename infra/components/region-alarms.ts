// The topic of a region that pages on-call, with its subscriptions. Each region with a vault has its own topic, because
// CloudWatch reaches only topics of its own region.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import { alarmTopicPolicy } from '../../guardrails/audit-policies.ts'
import { alarmTopicArn, alarmTopicName } from '../../guardrails/names.ts'
import { renderPolicy } from '../../guardrails/policy.ts'
import type { VaultLocation } from '../../guardrails/names.ts'

export interface RegionAlarmsArgs {
  location: VaultLocation
  emails: readonly string[]
  webhooks: readonly string[]
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
          void warnOfOpenUnsubscribe(
            endpoint,
            new aws.sns.TopicSubscription(
              `${name}-${protocol}-${index}`,
              { topic: topicArn, protocol, endpoint },
              topicOptions,
            ),
          ),
      )
    }
    this.testPath(name, topicArn)
    this.registerOutputs({})
  }

  /**
   * An alarm that never fires looks like one that can't. So a test alarm takes the same way each day, and metrics count
   * the deliveries.
   */
  private testPath(name: string, topicArn: string): void {
    const ruleName = 'holdfast-alarm-test'
    const rule = new aws.cloudwatch.EventRule(
      `${name}-test`,
      { name: ruleName, description: 'A test alarm each day', scheduleExpression: testSchedule },
      { parent: this },
    )
    new aws.cloudwatch.EventTarget(
      `${name}-test`,
      {
        rule: ruleName,
        targetId: 'topic',
        arn: topicArn,
        inputTransformer: {
          inputPaths: { region: '$.region', time: '$.time' },
          inputTemplate: JSON.stringify(
            'Test alarm of the vault in <region>, at <time>: alarms reach you. If the next one does not come in a day, they no longer do.',
          ),
        },
      },
      { parent: this, dependsOn: [rule] },
    )
    const alarm = (alarmName: string, inputs: Omit<aws.cloudwatch.MetricAlarmArgs, 'evaluationPeriods'>) =>
      new aws.cloudwatch.MetricAlarm(
        `${name}-${alarmName}`,
        {
          name: `holdfast-alarm-${alarmName}`,
          namespace: 'AWS/SNS',
          dimensions: { TopicName: alarmTopicName },
          statistic: 'Sum',
          period: 3600,
          evaluationPeriods: deliveryHours,
          alarmActions: [topicArn],
          ...inputs,
        },
        { parent: this, dependsOn: [this.topic] },
      )
    alarm('undelivered', {
      alarmDescription: 'An alarm did not reach one of its addresses. The other addresses get this one.',
      metricName: 'NumberOfNotificationsFailed',
      datapointsToAlarm: 1,
      comparisonOperator: 'GreaterThanThreshold',
      threshold: 0,
      treatMissingData: 'notBreaching',
    })
    alarm('silent', {
      alarmDescription: `No alarm was delivered for ${deliveryHours} hours, not even the daily test.`,
      metricName: 'NumberOfNotificationsDelivered',
      datapointsToAlarm: deliveryHours,
      comparisonOperator: 'LessThanThreshold',
      threshold: 1,
      treatMissingData: 'breaching',
    })
  }
}

/** In the morning, in UTC: a missing one is noticed by day. */
const testSchedule = 'cron(0 8 * * ? *)'
/** A day, and two hours for a late delivery. */
const deliveryHours = 26

/**
 * The link in each mail ends a subscription without credentials, unless its confirmation was signed. AWS denies no
 * one that link.
 */
function warnOfOpenUnsubscribe(endpoint: string, subscription: aws.sns.TopicSubscription): void {
  pulumi
    .all([subscription.pendingConfirmation, subscription.confirmationWasAuthenticated])
    .apply(([isPending, isAuthenticated]) => {
      if (isPending === false && isAuthenticated === false)
        void pulumi.log.warn(
          `every reader of an alarm to ${endpoint} can end its subscription by the link in the mail: ` +
            'subscribe again, and confirm with `aws sns confirm-subscription --authenticate-on-unsubscribe true`',
          subscription,
        )
    })
}
