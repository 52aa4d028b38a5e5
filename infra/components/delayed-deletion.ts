// Delayed deletion in production: deleted volumes, snapshots and images stay in the Recycle Bin, whose rules
// are locked.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import { safeguardsInForce, describeDelays } from '../../guardrails/delay-policies.ts'
import type { SafeguardsInForce, DelayReport } from '../../guardrails/delay-policies.ts'

export interface DelayedDeletionArgs {
  /** Days in the Recycle Bin: up to 365 for snapshots and images; volumes stay 7 at most. */
  days: number
  /** Days, 7 to 30, that a rule stays unchangeable after a caller unlocks it. */
  unlockDelayDays: number
  /**
   * The regions of production, because a Recycle Bin belongs to one region. The first is the provider's own.
   */
  regions: readonly string[]
  /** Whether a control policy enforces the waiting times of keys and secrets. */
  isEnforced: boolean
}

const maxVolumeDays = 7

export class DelayedDeletion extends pulumi.ComponentResource {
  readonly report: DelayReport & { regions: readonly string[] }
  readonly safeguards: SafeguardsInForce

  constructor(name: string, args: DelayedDeletionArgs, options: pulumi.ComponentResourceOptions) {
    super('holdfast:production:DelayedDeletion', name, {}, options)
    const volumes = Math.min(args.days, maxVolumeDays)
    const rules = [
      ['volumes', 'EBS_VOLUME', volumes],
      ['snapshots', 'EBS_SNAPSHOT', args.days],
      ['images', 'EC2_IMAGE', args.days],
    ] as const
    for (const [index, region] of args.regions.entries()) {
      for (const [ruleName, resourceType, days] of rules) {
        new aws.rbin.Rule(
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
      }
    }
    const recycleDays = { volumes, snapshots: args.days }
    this.report = { ...describeDelays(recycleDays), regions: args.regions }
    this.safeguards = safeguardsInForce(recycleDays, args.isEnforced)
    this.registerOutputs({})
  }
}
