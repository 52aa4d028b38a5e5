// The daily test alarm: it takes the way of every alarm, and a person must acknowledge it. So a way that is dead
// shows in the checks, which take another way.
import * as aws from '@pulumi/aws'
import type * as pulumi from '@pulumi/pulumi'
import { alarmTopicArn } from '../guardrails/names.ts'
import type { VaultLocation } from '../guardrails/names.ts'

const ruleName = 'holdfast-test-alarm'

export function declareTestAlarm(location: VaultLocation, options: pulumi.CustomResourceOptions): void {
  const rule = new aws.cloudwatch.EventRule(
    'test-alarm',
    {
      name: ruleName,
      description: 'A test alarm each day, which on-call acknowledges',
      // The hour in which a shift begins.
      scheduleExpression: 'cron(0 7 * * ? *)',
    },
    options,
  )
  new aws.cloudwatch.EventTarget(
    'test-alarm',
    {
      rule: ruleName,
      targetId: 'topic',
      arn: alarmTopicArn(location),
      inputTransformer: {
        inputPaths: { id: '$.id', time: '$.time' },
        inputTemplate: JSON.stringify(
          "Holdfast's test alarm of <time>. Nothing is wrong. Acknowledge it: holdfast acknowledge <id> --config vault.json",
        ),
      },
    },
    { ...options, dependsOn: [rule] },
  )
}
