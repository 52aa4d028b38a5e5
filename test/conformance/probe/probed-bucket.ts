// A bucket that a probe may do anything to, and the calls that its questions are made of.
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  PutObjectLockConfigurationCommand,
  PutObjectRetentionCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import type { HeadObjectCommandOutput, PutObjectCommandInput } from '@aws-sdk/client-s3'

export interface ProbedEndpoint {
  endpoint?: string
  region: string
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }
  /** It must not exist: the probe makes it, with Object Lock and a default of one day of GOVERNANCE, and removes it. */
  bucket: string
}

export type Mode = 'COMPLIANCE' | 'GOVERNANCE'

/** The clean-up waits until the last lock has ended. */
const lockedForMs = 60_000
export const aDay = { Mode: 'GOVERNANCE', Days: 1 } as const

export class ProbedBucket {
  readonly client: S3Client
  readonly name: string
  /** The refusals of calls besides the questions. */
  readonly refusals: string[] = []
  private keys = 0
  /** When the last lock ends. */
  private lockedUntilMs = 0

  private constructor(client: S3Client, name: string) {
    this.client = client
    this.name = name
  }

  static async make({ endpoint, region, credentials, bucket }: ProbedEndpoint): Promise<ProbedBucket> {
    const client = new S3Client({
      region,
      ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
      ...(credentials === undefined ? {} : { credentials }),
    })
    const location =
      endpoint !== undefined || region === 'us-east-1'
        ? {}
        : { CreateBucketConfiguration: { LocationConstraint: region as 'eu-central-1' } }
    const probedBucket = new ProbedBucket(client, bucket)
    const create = (isLocked: boolean): Promise<unknown> =>
      client.send(
        new CreateBucketCommand({
          Bucket: bucket,
          ...(isLocked ? { ObjectLockEnabledForBucket: true } : {}),
          ...location,
        }),
      )
    await create(true).catch(async (error: unknown) => {
      probedBucket.refusals.push(`a bucket with Object Lock: ${describeRefusal(error)}`)
      await create(false)
    })
    await probedBucket.setDefault(aDay).catch((error: unknown) => {
      probedBucket.refusals.push(`a default retention: ${describeRefusal(error)}`)
    })
    return probedBucket
  }

  /**
   * Removes the bucket with all that is in it, after the last lock has ended. Returns how many versions stay, because
   * the store refuses to delete them.
   */
  async remove(sleep: (ms: number) => Promise<unknown>): Promise<number> {
    await this.setDefault(null).catch(() => undefined)
    const { DeleteMarkers = [], Versions = [] } = await this.client.send(
      new ListObjectVersionsCommand({ Bucket: this.name }),
    )
    const waitMs = this.lockedUntilMs - Date.now() + 2_000
    if (waitMs > 0) await sleep(waitMs)
    let remaining = 0
    for (const { Key, VersionId } of [...DeleteMarkers, ...Versions])
      await this.delete(Key!, VersionId, true).catch(() => remaining++)
    if (remaining === 0) await this.client.send(new DeleteBucketCommand({ Bucket: this.name }))
    return remaining
  }

  newKey(): string {
    return `probe/${++this.keys}`
  }

  /** The version id of what was written. */
  async put(key: string, body: string, overrides: Partial<PutObjectCommandInput> = {}): Promise<string> {
    return (
      (
        await this.client.send(
          new PutObjectCommand({ Bucket: this.name, Key: key, Body: body, ...overrides }),
        )
      ).VersionId ?? ''
    )
  }

  async read(key: string, versionId: string): Promise<string> {
    const { Body } = await this.client.send(
      new GetObjectCommand({ Bucket: this.name, Key: key, VersionId: versionId }),
    )
    return Body!.transformToString()
  }

  head(key: string, versionId: string): Promise<HeadObjectCommandOutput> {
    return this.client.send(
      new HeadObjectCommand({ Bucket: this.name, Key: key, VersionId: versionId, ChecksumMode: 'ENABLED' }),
    )
  }

  delete(key: string, versionId?: string, bypass = false): Promise<unknown> {
    return this.client.send(
      new DeleteObjectCommand({
        Bucket: this.name,
        Key: key,
        ...(versionId === undefined ? {} : { VersionId: versionId }),
        ...(bypass ? { BypassGovernanceRetention: true } : {}),
      }),
    )
  }

  retain(
    key: string,
    versionId: string,
    { mode, untilMs }: { mode: Mode; untilMs: number },
    bypass = false,
  ): Promise<unknown> {
    this.lockedUntilMs = Math.max(this.lockedUntilMs, untilMs)
    return this.client.send(
      new PutObjectRetentionCommand({
        Bucket: this.name,
        Key: key,
        VersionId: versionId,
        Retention: { Mode: mode, RetainUntilDate: new Date(untilMs) },
        ...(bypass ? { BypassGovernanceRetention: true } : {}),
      }),
    )
  }

  /** A new version with a lock of its own, a minute long. */
  async putLocked(mode: Mode): Promise<{ key: string; versionId: string; untilMs: number }> {
    const key = this.newKey()
    const untilMs = Math.ceil((Date.now() + lockedForMs) / 1_000) * 1_000
    this.lockedUntilMs = Math.max(this.lockedUntilMs, untilMs)
    return {
      key,
      untilMs,
      versionId: await this.put(key, 'locked', {
        ObjectLockMode: mode,
        ObjectLockRetainUntilDate: new Date(untilMs),
      }),
    }
  }

  setDefault(retention: { Mode: Mode; Days: number } | null): Promise<unknown> {
    return this.client.send(
      new PutObjectLockConfigurationCommand({
        Bucket: this.name,
        ObjectLockConfiguration: {
          ObjectLockEnabled: 'Enabled',
          ...(retention === null ? {} : { Rule: { DefaultRetention: retention } }),
        },
      }),
    )
  }

  async list(
    key: string,
  ): Promise<{ versions: number; markers: number; timeOf: (versionId: string) => number | undefined }> {
    const { Versions = [], DeleteMarkers = [] } = await this.client.send(
      new ListObjectVersionsCommand({ Bucket: this.name, Prefix: key }),
    )
    return {
      versions: Versions.length,
      markers: DeleteMarkers.length,
      timeOf: (versionId) =>
        Versions.find(({ VersionId }) => VersionId === versionId)?.LastModified?.getTime(),
    }
  }
}

/** The error of a store, with its status: `NotImplemented (501)`. */
export function describeRefusal(error: unknown): string {
  const { name, $metadata } = error as { name?: string; $metadata?: { httpStatusCode?: number } }
  const status = $metadata?.httpStatusCode
  const text = JSON.stringify((name ?? 'Error').slice(0, 100)).slice(1, -1)
  return status === undefined ? text : `${text} (${status})`
}

/**
 * Whether a call is refused, for a reason that is none of these: a mistake of the caller's, or trouble of the
 * store's.
 */
export async function isRefused(call: Promise<unknown>): Promise<boolean> {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason as Error & { $metadata?: { httpStatusCode?: number } },
  )
  if (error === null) return false
  const status = error.$metadata?.httpStatusCode
  if (status === 400 || status === 403 || status === 409 || status === 412) return true
  throw error
}
