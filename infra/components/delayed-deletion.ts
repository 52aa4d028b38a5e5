// Delayed deletion in production: deleted volumes, snapshots and images stay in the Recycle Bin. The provider may make
// its rules without their lock, so a deployment reads their state and gives the command that locks them.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import { z } from 'zod'
import { safeguardsInForce, describeDelays } from '../../guardrails/delay-policies.ts'
import type { SafeguardsInForce, DelayReport } from '../../guardrails/delay-policies.ts'
import { checkedArgs } from '../component-args.ts'
import { region } from '../config-schema.ts'
import { configSchema } from '../config.ts'

export interface DelayedDeletionArgs {
  /** Days in the Recycle Bin: up to 365 for snapshots and images; volumes stay 7 at most. */
  days: number
  /** Days, 7 to 30, that a rule stays unchangeable after a caller unlocks it. */
  unlockDelayDays: number
  /**
   * The regions of production, because a Recycle Bin belongs to one region. The first is the provider's own.
   */
  regions: readonly string[]
  /**
   * Whether a control policy enforces the waiting times of keys and secrets, as Holdfast's organization layer does.
   * Default: false.
   */
  isEnforced?: boolean
}

const argsSchema = z.object({
  days: configSchema.shape.recycleBinDays.removeDefault(),
  unlockDelayDays: configSchema.shape.unlockDelayDays.removeDefault(),
  regions: z.array(region).min(1, 'name at least one region'),
})

const maxVolumeDays = 7

/** The Recycle Bin for every volume, snapshot and image of an account, with locked rules, in the given regions. */
export class DelayedDeletion extends pulumi.ComponentResource {
  /** The actions that are delayed, for how long, and the actions that nothing delays. */
  readonly report: DelayReport & { regions: readonly string[] }
  /** The input of `holdfast blast-radius --brakes`. */
  readonly safeguards: pulumi.Output<SafeguardsInForce>

  constructor(name: string, args: DelayedDeletionArgs, options: pulumi.ComponentResourceOptions = {}) {
    checkedArgs(`DelayedDeletion ${name}`, () => argsSchema.parse(args))
    super('holdfast:production:DelayedDeletion', name, {}, options)
    const volumes = Math.min(args.days, maxVolumeDays)
    const rules = [
      ['volumes', 'EBS_VOLUME', volumes],
      ['snapshots', 'EBS_SNAPSHOT', args.days],
      ['images', 'EC2_IMAGE', args.days],
    ] as const
    const lockStates: pulumi.Output<boolean>[] = []
    for (const [index, region] of args.regions.entries()) {
      for (const [ruleName, resourceType, days] of rules) {
        const rule = new aws.rbin.Rule(
          index === 0 ? `${name}-${ruleName}` : `${name}-${ruleName}-${region}`,
          {
            region,
            description: `Holdfast: deleted ${ruleName} can be had back for ${days} days`,
            resourceType,
            retentionPeriod: { retentionPeriodUnit: 'DAYS', retentionPeriodValue: days },
            // Covers the whole region, because AWS can't lock a rule by tag, and the caller that deletes
            // could remove the tag.
            lockConfiguration: {
              unlockDelay: { unlockDelayUnit: 'DAYS', unlockDelayValue: args.unlockDelayDays },
            },
          },
          { parent: this, protect: true, retainOnDelete: true },
        )
        lockStates.push(warnIfUnlocked(rule, region, args.unlockDelayDays))
      }
    }
    const recycleDays = { volumes, snapshots: args.days }
    this.report = { ...describeDelays(recycleDays), regions: args.regions }
    this.safeguards = pulumi.all(lockStates).apply((locked) =>
      safeguardsInForce(recycleDays, {
        isEnforced: args.isEnforced ?? false,
        areRulesLocked: locked.every(Boolean),
      }),
    )
    this.registerOutputs({})
  }
}

/** Whether AWS reports the rule as locked. A preview doesn't know the state of a new rule, and doesn't warn. */
function warnIfUnlocked(
  rule: aws.rbin.Rule,
  region: string,
  unlockDelayDays: number,
): pulumi.Output<boolean> {
  return pulumi.all([rule.id, rule.lockState]).apply(([id, state]: [string, string | undefined]) => {
    if (state === 'unlocked')
      void pulumi.log.warn(
        `AWS has made this rule of the Recycle Bin without its lock. Lock it: aws rbin lock-rule --region ${region} --identifier ${id} ` +
          `--lock-configuration 'UnlockDelay={UnlockDelayValue=${unlockDelayDays},UnlockDelayUnit=DAYS}', then run \`pulumi refresh\``,
        rule,
      )
    return state === 'locked'
  })
}
