// The figures that alarms read about each source: objects and bytes. S3 reports each created object to EventBridge, and
// a refused request creates none, so an attempt doesn't look like a flood.
import { sourcePrefix, writeLogGroupName, writeRuleName } from './names.ts'
import { policy } from './policy.ts'
import type { EventPattern } from './alarm-patterns.ts'
import type { VaultLocation } from './names.ts'
import type { Policy } from './policy.ts'

export const writeMetricNamespace = 'Holdfast/Writes'

/** CloudWatch takes 100 metric filters for a log group, and each source has two. */
export const maxSourcesPerRegion = 50

export interface WriteMetric {
  /** Kebab-case, with the source's name; unique in its namespace. */
  name: string
  /** A filter of CloudWatch Logs, for the events of S3. */
  pattern: string
  /** The amount that a matching event adds to the metric: a number, or the path of a field. */
  value: string
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html */
export function createdObjects(bucket: string): EventPattern {
  return {
    source: ['aws.s3'],
    'detail-type': ['Object Created'],
    detail: { bucket: { name: [bucket] } },
  }
}

export function writeMetrics(source: string): Record<'objects' | 'bytes', WriteMetric> {
  const below = (prefix: string) => `{ $.detail.object.key = "${prefix}*" }`
  return {
    objects: { name: `objects-${source}`, pattern: below(sourcePrefix(source)), value: '1' },
    bytes: { name: `bytes-${source}`, pattern: below(sourcePrefix(source)), value: '$.detail.object.size' },
  }
}

/** Lets EventBridge write the log, by this rule only. */
export function writeLogPolicy({ accountId, region }: VaultLocation): Policy {
  return policy({
    Sid: 'LetRuleLog',
    Effect: 'Allow',
    Principal: { Service: ['events.amazonaws.com', 'delivery.logs.amazonaws.com'] },
    Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
    Resource: [`arn:aws:logs:${region}:${accountId}:log-group:${writeLogGroupName}:*`],
    Condition: {
      ArnEquals: { 'aws:SourceArn': `arn:aws:events:${region}:${accountId}:rule/${writeRuleName}` },
    },
  })
}
