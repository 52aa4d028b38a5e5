// Measures a blast radius: decides on every destructive action, and corrects the stated safeguards by those
// that AWS reports.
import { BucketSettings } from '../aws/bucket-settings.ts'
import { DatabaseSettings } from '../aws/database-settings.ts'
import { DelaySettings } from '../aws/delay-settings.ts'
import { JsonServices } from '../aws/json-services.ts'
import type { ServiceSettings } from '../aws/service-settings.ts'
import { assess } from './assessment.ts'
import type { Assessment } from './assessment.ts'
import { actionsToAsk } from './destructive-actions.ts'
import { correctSafeguards, readLiveSafeguards } from './live-safeguards.ts'
import type { SafeguardReadings } from './live-safeguards.ts'
import type { Permission, PermissionSource } from './permissions.ts'
import type { StatedSafeguards } from './stated-safeguards.ts'

export interface BlastRadiusOptions {
  /** The safeguards that the user states. */
  stated: StatedSafeguards
  /** Regions in which to read the safeguards from AWS; empty: rely on the stated ones. */
  regions: readonly string[]
  settings: ServiceSettings
  nowMs: number
}

export interface BlastRadius {
  /** The source of the decisions, with the limits of the readings added to its caveats. */
  source: PermissionSource
  assessment: Assessment
}

export async function measureBlastRadius(
  source: PermissionSource,
  options: BlastRadiusOptions,
): Promise<BlastRadius> {
  const { stated, regions, nowMs } = options
  const permissions = await source.decide(actionsToAsk())
  if (regions.length === 0) return { source, assessment: assess(permissions, stated, nowMs) }
  const readings = await readSafeguards(permissions, options)
  const caveats = new Set([...readings.values()].flatMap(({ caveat }) => caveat ?? []))
  return {
    source: {
      ...source,
      caveats: [
        ...source.caveats,
        `safeguards were read in ${regions.join(', ')}: resources in other regions are not considered`,
        ...caveats,
      ],
    },
    assessment: assess(permissions, correctSafeguards(stated, readings), nowMs, readings),
  }
}

async function readSafeguards(
  permissions: readonly Permission[],
  { regions, settings, nowMs }: BlastRadiusOptions,
): Promise<SafeguardReadings> {
  const regional = { ...settings, region: regions[0] }
  const buckets = new BucketSettings(regional)
  try {
    return await readLiveSafeguards(
      {
        buckets,
        databases: new DatabaseSettings(regional),
        delays: new DelaySettings(new JsonServices(regional)),
        regions,
        nowMs,
      },
      permissions,
    )
  } finally {
    buckets.close()
  }
}
