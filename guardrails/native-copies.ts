// The copies of AWS Backup that the vault's account counts: the events, the log that holds them, and the metric.
import type { EventPattern } from './alarm-patterns.ts'
import {
  nativeCopyLogGroupName,
  nativeCopyRuleName,
  nativeLocalVaultArn,
  nativeVaultArn,
} from './native-backups.ts'
import type { VaultLocation } from './names.ts'
import { policy } from './policy.ts'
import type { Policy } from './policy.ts'

/**
 * Each completed copy into an air-gapped vault. The alarms on missing copies count them, and no mail reports them.
 */
export function nativeCopies(locations: readonly VaultLocation[]): EventPattern {
  return {
    source: ['aws.backup'],
    'detail-type': ['Copy Job State Change'],
    detail: { state: ['COMPLETED'], destinationBackupVaultArn: locations.map(nativeVaultArn) },
  }
}

/** A filter of CloudWatch Logs for the copies of one entry in one region. */
export function nativeCopyFilter(productionAccountId: string, region: string, tag: string): string {
  return `{ $.detail.sourceBackupVaultArn = "${nativeLocalVaultArn(productionAccountId, region, tag)}" }`
}

/** Lets EventBridge write the log of copies, by its rule on the alarm bus only. */
export function nativeCopyLogPolicy({ accountId, region }: VaultLocation, busName: string): Policy {
  return policy({
    Sid: 'LetRuleLog',
    Effect: 'Allow',
    Principal: { Service: ['events.amazonaws.com', 'delivery.logs.amazonaws.com'] },
    Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
    Resource: [`arn:aws:logs:${region}:${accountId}:log-group:${nativeCopyLogGroupName}:*`],
    Condition: {
      ArnEquals: {
        'aws:SourceArn': `arn:aws:events:${region}:${accountId}:rule/${busName}/${nativeCopyRuleName}`,
      },
    },
  })
}
