// The configuration that the tools read: where the vault is, and which role does what.
import {
  alarmTopicArn,
  auditBucketName,
  duties,
  dutyRoleArn,
  feedbackBucketName,
  vaultBucketName,
  writerRoleArn,
} from '../guardrails/names.ts'
import type { VaultLocation } from '../guardrails/names.ts'
import { locationOf, locationsOf } from './config.ts'
import type { HoldfastConfig } from './config.ts'
import { describeChecks } from './scheduled-checks.ts'

/**
 * The configuration that the tools read from `pulumi stack output --json`. Versioned, and without secrets.
 */
export function describeVault(config: HoldfastConfig, location: VaultLocation): Record<string, unknown> {
  return {
    formatVersion: 1,
    layer: 'vault',
    region: location.region,
    vaultAccountId: location.accountId,
    vaultBucket: vaultBucketName(location),
    feedbackBucket: feedbackBucketName(location),
    auditBucket: auditBucketName(location),
    alarmTopicArn: alarmTopicArn(location),
    regions: Object.fromEntries(
      locationsOf(config).map((regionLocation) => [
        regionLocation.region,
        describeRegion(config, regionLocation),
      ]),
    ),
    silenceHours: config.silenceHours,
    lock: { mode: config.lockMode, days: config.retentionDays, promiseDays: config.promiseDays },
    roles: Object.fromEntries(duties.map((duty) => [duty, dutyRoleArn(location.accountId, duty)])),
    ...describeChecks(config, location),
    writers: Object.fromEntries(
      config.sources.map(({ name }) => [name, writerRoleArn(location.accountId, name)]),
    ),
  }
}

function describeRegion(config: HoldfastConfig, location: VaultLocation): Record<string, unknown> {
  return {
    vaultBucket: vaultBucketName(location),
    feedbackBucket: feedbackBucketName(location),
    alarmTopicArn: alarmTopicArn(location),
    sources: config.sources
      .filter((source) => locationOf(config, source).region === location.region)
      .map(({ name }) => name),
  }
}
