// The alarm bus in the vault's account, which receives events from production and from every region. A rule
// for each alarm sends a sentence to the region's topic.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import { alarmBusPolicy } from '../../guardrails/audit-policies.ts'
import { alarmBusArn, alarmBusName, alarmTopicArn } from '../../guardrails/names.ts'
import { renderPolicy } from '../../guardrails/policy.ts'
import type { AlarmPattern } from '../../guardrails/alarm-patterns.ts'
import type { VaultLocation } from '../../guardrails/names.ts'

export interface AlarmCenterArgs {
  location: VaultLocation
  /** The accounts whose forwarders may put events on the bus. */
  accountIds: readonly string[]
  patterns: readonly AlarmPattern[]
}

export class AlarmCenter extends pulumi.ComponentResource {
  constructor(name: string, args: AlarmCenterArgs, options: pulumi.ComponentResourceOptions) {
    super('holdfast:audit:AlarmCenter', name, {}, options)
    const bus = new aws.cloudwatch.EventBus(
      name,
      { name: alarmBusName },
      { parent: this, protect: true, retainOnDelete: true },
    )
    new aws.cloudwatch.EventBusPolicy(
      name,
      {
        eventBusName: alarmBusName,
        policy: renderPolicy(alarmBusPolicy(alarmBusArn(args.location), args.accountIds)),
      },
      { parent: this, dependsOn: [bus] },
    )
    for (const alarm of args.patterns) {
      const resourceName = `${name}-${alarm.name}`
      const ruleName = `holdfast-${alarm.name}`
      const rule = new aws.cloudwatch.EventRule(
        resourceName,
        {
          name: ruleName,
          eventBusName: alarmBusName,
          description: alarm.sentence,
          eventPattern: JSON.stringify(alarm.pattern),
        },
        { parent: this, dependsOn: [bus] },
      )
      new aws.cloudwatch.EventTarget(
        resourceName,
        {
          rule: ruleName,
          eventBusName: alarmBusName,
          targetId: 'topic',
          arn: alarmTopicArn(args.location),
          inputTransformer: {
            inputPaths: {
              account: '$.account',
              call: '$.detail.eventName',
              error: '$.detail.errorCode',
              id: '$.detail.eventID',
              region: '$.region',
              time: '$.time',
              who: '$.detail.userIdentity.arn',
            },
            inputTemplate: JSON.stringify(
              `${alarm.sentence} <who> called <call> in account <account>, <region>, at <time>; error: <error>. CloudTrail event <id>.`,
            ),
          },
        },
        { parent: this, dependsOn: [rule] },
      )
    }
    this.registerOutputs({})
  }
}
