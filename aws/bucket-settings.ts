// What keeps the objects of an account's buckets: versions, Object Lock, and the days after which old versions go.
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
  /** Null without Object Lock; `retention`, which new versions get, null without a default, by which only what was locked one by one is. */
  lock: { retention: DefaultRetention | null } | null
  /** After how many days the first lifecycle rule removes versions that are no longer current; null if none does. */
  oldVersionsDays: number | null
}

export interface DefaultRetention {
  mode: 'COMPLIANCE' | 'GOVERNANCE'
  /** A year counts as 365. */
  days: number
}

const mostPages = 20
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
    for (let pages = 0; pages < mostPages; pages++) {
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
    const what = `reading the settings of the bucket ${Bucket}`
    const versioning = await this.ask(what, (abort) =>
      this.client.send(new GetBucketVersioningCommand({ Bucket }), abort),
    )
    const locked = await this.ask(what, (abort) =>
      unlessAbsent(
        'ObjectLockConfigurationNotFoundError',
        this.client.send(new GetObjectLockConfigurationCommand({ Bucket }), abort),
      ),
    )
    const lifecycle = await this.ask(what, (abort) =>
      unlessAbsent(
        'NoSuchLifecycleConfiguration',
        this.client.send(new GetBucketLifecycleConfigurationCommand({ Bucket }), abort),
      ),
    )
    const lock = locked?.ObjectLockConfiguration
    const retention =
      lock?.Rule?.DefaultRetention === undefined ? null : asRetention(lock.Rule.DefaultRetention)
    if (retention === undefined) throw unreadable(what)
    return {
      name: Bucket,
      versioned: versioning.Status === 'Enabled',
      lock: lock?.ObjectLockEnabled === 'Enabled' ? { retention } : null,
      oldVersionsDays: leastDays(lifecycle?.Rules ?? []),
    }
  }

  close(): void {
    this.client.destroy()
  }
}

/** Null for the one error by which S3 says that nothing is set. */
async function unlessAbsent<Answer>(name: string, answer: Promise<Answer>): Promise<Answer | null> {
  try {
    return await answer
  } catch (error) {
    if ((error as { name?: unknown }).name === name) return null
    throw error
  }
}

/** Undefined for what S3 doesn't answer: another mode, or no days. */
function asRetention({ Mode: mode, Days, Years }: SentRetention): DefaultRetention | undefined {
  const days = Days ?? (Years ?? 0) * 365
  return (mode === 'COMPLIANCE' || mode === 'GOVERNANCE') && days >= 1 ? { mode, days } : undefined
}

function leastDays(rules: readonly LifecycleRule[]): number | null {
  const days = rules
    .filter(({ Status }) => Status !== 'Disabled')
    .flatMap(({ NoncurrentVersionExpiration: expiry }) =>
      expiry === undefined ? [] : [expiry.NoncurrentDays ?? 0],
    )
  return days.length === 0 ? null : Math.min(...days)
}

function unreadable(what: string): HoldfastError {
  return new HoldfastError('unreachable', `${what} failed: the answer could not be read`, {
    hint: "check that the endpoint is S3's",
    retryable: true,
  })
}
