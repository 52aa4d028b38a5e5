// A bucket that a probe may do anything to, and the calls that its questions are made of.
import {
  CreateBucketCommand,
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
  /** It must not exist: the probe makes it, with Object Lock and a default of one day of COMPLIANCE, and fills it. */
  bucket: string
}

export type Mode = 'COMPLIANCE' | 'GOVERNANCE'

const lockedForMs = 3_600_000

export class ProbedBucket {
  readonly client: S3Client
  readonly name: string
  private keys = 0

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
    await client.send(
      new CreateBucketCommand({ Bucket: bucket, ObjectLockEnabledForBucket: true, ...location }),
    )
    const probedBucket = new ProbedBucket(client, bucket)
    await probedBucket.setDefault({ Mode: 'COMPLIANCE', Days: 1 })
    return probedBucket
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

  retain(key: string, versionId: string, mode: Mode, untilMs: number, bypass = false): Promise<unknown> {
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

  /** A new version with a lock of its own, an hour long. */
  async putLocked(mode: Mode): Promise<{ key: string; versionId: string; untilMs: number }> {
    const key = this.newKey()
    const untilMs = Math.ceil((Date.now() + lockedForMs) / 1_000) * 1_000
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

/** Whether a call is refused, for a reason that is none of these: a mistake of the caller's, or trouble of the store's. */
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
