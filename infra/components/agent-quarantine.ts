// Ends an agent's sessions after a destructive attempt, with a state machine in each region that has a rule
// for such attempts.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import {
  quarantineMachineArn,
  quarantineName,
  quarantineStarterName,
  rolePaths,
} from '../../guardrails/names.ts'
import {
  quarantineDefinition,
  quarantinePolicy,
  quarantineStarterPolicy,
  quarantineStarterTrustPolicy,
  quarantineTrustPolicy,
} from '../../guardrails/quarantine.ts'
import { ScopedRole } from './scoped-role.ts'

export interface AgentQuarantineArgs {
  accountId: string
  regions: readonly string[]
  /**
   * Names of the event rules that match an agent's attempts. Every region has all of them once `rulesOf`
   * exists.
   */
  rules: readonly string[]
  rulesOf: pulumi.Resource
}

export class AgentQuarantine extends pulumi.ComponentResource {
  constructor(name: string, args: AgentQuarantineArgs, options: pulumi.ComponentResourceOptions) {
    super('holdfast:production:AgentQuarantine', name, {}, options)
    const { accountId } = args
    const childOptions = { parent: this }
    const writer = new ScopedRole(
      name,
      {
        roleName: quarantineName,
        path: rolePaths.production,
        description: 'Ends the sessions of an agent after a destructive attempt, and does nothing else',
        trust: quarantineTrustPolicy(accountId),
        policy: quarantinePolicy(accountId),
      },
      childOptions,
    )
    const starter = new ScopedRole(
      `${name}-starter`,
      {
        roleName: quarantineStarterName,
        path: rolePaths.production,
        description: 'Starts the quarantine, and does nothing else',
        trust: quarantineStarterTrustPolicy(accountId),
        policy: quarantineStarterPolicy(accountId),
      },
      childOptions,
    )
    const definition = JSON.stringify(quarantineDefinition(accountId))
    for (const region of args.regions) {
      const machine = new aws.sfn.StateMachine(
        `${name}-${region}`,
        { region, name: quarantineName, definition, roleArn: writer.role.arn },
        { parent: this, dependsOn: [writer] },
      )
      const arn = quarantineMachineArn(accountId, region)
      for (const rule of args.rules) {
        new aws.cloudwatch.EventTarget(
          `${name}-${rule}-${region}`,
          { region, rule, targetId: 'quarantine', arn, roleArn: starter.role.arn },
          { parent: this, dependsOn: [machine, starter, args.rulesOf] },
        )
      }
    }
    this.registerOutputs({})
  }
}
