// Reads the settings that protect the objects of an account's buckets: versioning, Object Lock, and the lifecycle of
// old versions.
import {
  GetBucketLifecycleConfigurationCommand,
  GetBucketVersioningCommand,
  GetObjectLockConfigurationCommand,
  ListBucketsCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import type { DefaultRetention as SentRetention, LifecycleRule } from '@aws-sdk/client-s3'
import { HoldfastError } from '../core/errors.ts'
import { askUntil, clientSettings } from './service-settings.ts'
import type { Ask, ServiceSettings } from './service-settings.ts'

export interface BucketKeeping {
  name: string
  versioned: boolean
  /**
   * Null without Object Lock. `retention` is the default for new versions; null without one, so that only single
   * versions are locked.
   */
  lock: { retention: DefaultRetention | null } | null
  /** Days after which the first lifecycle rule removes noncurrent versions; null if no rule does. */
  oldVersionsDays: number | null
}

export interface DefaultRetention {
  mode: 'COMPLIANCE' | 'GOVERNANCE'
  /** A year counts as 365. */
  days: number
}

const maxPages = 20
const namePattern = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/

export class BucketSettings {
  private readonly client: S3Client
  private readonly ask: Ask

  constructor(settings: ServiceSettings = {}) {
    this.ask = askUntil(settings.signal)
    this.client = new S3Client({
      ...clientSettings(settings),
      followRegionRedirects: true,
      ...(settings.endpoint === undefined ? {} : { forcePathStyle: true }),
    })
  }

  /** Names of the account's buckets. @throws `denied`, `credentials`, `unreachable`. */
  async list(): Promise<string[]> {
    const names: string[] = []
    let ContinuationToken: string | undefined
    for (let pages = 0; pages < maxPages; pages++) {
      const page = await this.ask('listing the buckets of the account', (abort) =>
        this.client.send(new ListBucketsCommand({ MaxBuckets: 1000, ContinuationToken }), abort),
      )
      names.push(...(page.Buckets ?? []).map(({ Name }) => Name ?? ''))
      if (!names.every((name) => namePattern.test(name)))
        throw unreadable('listing the buckets of the account')
      if (page.ContinuationToken === undefined || page.ContinuationToken === ContinuationToken) return names
      ContinuationToken = page.ContinuationToken
    }
    throw unreadable('listing the buckets of the account')
  }

  /** @throws `denied`, `not-found`, `credentials`, `unreachable`. */
  async read(Bucket: string): Promise<BucketKeeping> {
    const operation = `reading the settings of the bucket ${Bucket}`
    const versioning = await this.ask(operation, (abort) =>
      this.client.send(new GetBucketVersioningCommand({ Bucket }), abort),
    )
    const locked = await this.ask(operation, (abort) =>
      unlessAbsent(
        'ObjectLockConfigurationNotFoundError',
        this.client.send(new GetObjectLockConfigurationCommand({ Bucket }), abort),
      ),
    )
    const lifecycle = await this.ask(operation, (abort) =>
      unlessAbsent(
        'NoSuchLifecycleConfiguration',
        this.client.send(new GetBucketLifecycleConfigurationCommand({ Bucket }), abort),
      ),
    )
    const lock = locked?.ObjectLockConfiguration
    const retention =
      lock?.Rule?.DefaultRetention === undefined ? null : asRetention(lock.Rule.DefaultRetention)
    if (retention === undefined) throw unreadable(operation)
    return {
      name: Bucket,
      versioned: versioning.Status === 'Enabled',
      lock: lock?.ObjectLockEnabled === 'Enabled' ? { retention } : null,
      oldVersionsDays: minDays(lifecycle?.Rules ?? []),
    }
  }

  close(): void {
    this.client.destroy()
  }
}

/** The response, or null for the error `name`, with which S3 reports that a setting does not exist. */
async function unlessAbsent<Output>(name: string, response: Promise<Output>): Promise<Output | null> {
  try {
    return await response
  } catch (error) {
    if ((error as { name?: unknown }).name === name) return null
    throw error
  }
}

/** Undefined for a value that S3 never sends: another mode, or no days. */
function asRetention({ Mode: mode, Days, Years }: SentRetention): DefaultRetention | undefined {
  const days = Days ?? (Years ?? 0) * 365
  return (mode === 'COMPLIANCE' || mode === 'GOVERNANCE') && days >= 1 ? { mode, days } : undefined
}

function minDays(rules: readonly LifecycleRule[]): number | null {
  const days = rules
    .filter(({ Status }) => Status !== 'Disabled')
    .flatMap(({ NoncurrentVersionExpiration: expiry }) =>
      expiry === undefined ? [] : [expiry.NoncurrentDays ?? 0],
    )
  return days.length === 0 ? null : Math.min(...days)
}

function unreadable(operation: string): HoldfastError {
  return new HoldfastError('unreachable', `${operation} failed: the response could not be read`, {
    hint: 'check that the endpoint belongs to S3',
    retryable: true,
  })
}
