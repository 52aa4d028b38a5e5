// Delayed deletion in production: what is deleted by mistake, or by an agent, lies in the Recycle Bin, whose rules are locked.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import { safeguardsInForce, describeDelays } from '../../guardrails/delay-policies.ts'
import type { SafeguardsInForce, DelayReport } from '../../guardrails/delay-policies.ts'

export interface DelayedDeletionArgs {
  /** The Recycle Bin keeps snapshots and images up to 365 days, volumes up to 7. */
  days: number
  /** 7 to 30: so long after an unlocking a rule still can't be changed. */
  unlockDelayDays: number
  /** Where production works: a Recycle Bin is of one region. The first is the provider's own. */
  regions: readonly string[]
  /** Whether the organization holds everyone to the waiting times of keys and secrets. */
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
            // Of the whole region: rules by tag can't be locked, and a tag is taken off by whoever deletes.
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
