// The event that S3 puts on the default bus for a created object. S3 sends none for a refused request.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
import type { LogEvent } from './metric-filter.ts'

export interface CreatedObject {
  bucket: string
  key: string
  bytes: number
}

export function createdObjectEvent({ bucket, key, bytes }: CreatedObject): LogEvent {
  return {
    version: '0',
    'detail-type': 'Object Created',
    source: 'aws.s3',
    resources: [`arn:aws:s3:::${bucket}`],
    detail: {
      version: '0',
      bucket: { name: bucket },
      object: { key, size: bytes },
      reason: 'PutObject',
    },
  }
}
