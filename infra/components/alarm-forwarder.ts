// Forwards events that raise an alarm to the vault's event bus, from each region in which CloudTrail sends
// them to EventBridge.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import { forwarderPolicy, forwarderTrustPolicy } from '../../guardrails/audit-policies.ts'
import { alarmBusArn, forwarderRoleName, rolePaths } from '../../guardrails/names.ts'
import { ScopedRole } from './scoped-role.ts'
import type { AlarmPattern } from '../../guardrails/alarm-patterns.ts'
import type { VaultLocation } from '../../guardrails/names.ts'

export interface AlarmForwarderArgs {
  vault: VaultLocation
  accountId: string
  regions: readonly string[]
  patterns: readonly AlarmPattern[]
}

export class AlarmForwarder extends pulumi.ComponentResource {
  constructor(name: string, args: AlarmForwarderArgs, options: pulumi.ComponentResourceOptions) {
    super('holdfast:audit:AlarmForwarder', name, {}, options)
    const bus = alarmBusArn(args.vault)
    const { role } = new ScopedRole(
      name,
      {
        roleName: forwarderRoleName,
        path: rolePaths.audit,
        description: "Puts events on the vault's alarm bus, and does nothing else",
        trust: forwarderTrustPolicy(args.accountId),
        policy: forwarderPolicy(bus),
      },
      { parent: this },
    )
    for (const region of args.regions) {
      for (const alarm of args.patterns) {
        const resourceName = `${name}-${alarm.name}-${region}`
        const ruleName = `holdfast-${alarm.name}`
        const rule = new aws.cloudwatch.EventRule(
          resourceName,
          {
            region,
            name: ruleName,
            description: alarm.sentence,
            eventPattern: JSON.stringify(alarm.pattern),
          },
          { parent: this },
        )
        new aws.cloudwatch.EventTarget(
          resourceName,
          { region, rule: ruleName, targetId: 'vault', arn: bus, roleArn: role.arn },
          { parent: this, dependsOn: [rule] },
        )
      }
    }
    this.registerOutputs({})
  }
}
