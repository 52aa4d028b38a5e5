// A vault in VersityGW: its buckets, the command line against it, and a plain client that does what no writer
// of ours would.
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectLockConfigurationCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { afterAll } from 'vitest'
import { openS3ObjectStore } from '../../../aws/s3-object-store.ts'
import type { S3ObjectStore } from '../../../aws/s3-object-store.ts'
import { makeFolder, runProcess } from '../../restore-cli/command-line.ts'
import type { Outcome } from '../../restore-cli/command-line.ts'
import { startVersityGateway } from '../versitygw.ts'
import type { VersityGateway } from '../versitygw.ts'

export const lockDays = 40

export interface Listed {
  key: string
  versionId: string
  isDeleteMarker: boolean
  bytes: number
}

export class ThirdPartyVault {
  readonly gateway: VersityGateway
  readonly client: S3Client
  private readonly home = makeFolder()

  private constructor(gateway: VersityGateway, client: S3Client) {
    this.gateway = gateway
    this.client = client
  }

  /**
   * With the buckets `locked` (COMPLIANCE by default) and `versioned` (no Object Lock); stopped after the
   * file's tests: to be called outside of them.
   */
  static async start(): Promise<ThirdPartyVault> {
    const gateway = await startVersityGateway()
    const client = new S3Client({
      endpoint: gateway.endpoint,
      region: gateway.region,
      credentials: gateway.credentials,
      forcePathStyle: true,
      maxAttempts: 1,
    })
    afterAll(async () => {
      client.destroy()
      await gateway.stop()
    })
    await client.send(new CreateBucketCommand({ Bucket: 'locked', ObjectLockEnabledForBucket: true }))
    await client.send(
      new PutObjectLockConfigurationCommand({
        Bucket: 'locked',
        ObjectLockConfiguration: {
          ObjectLockEnabled: 'Enabled',
          Rule: { DefaultRetention: { Mode: 'COMPLIANCE', Days: lockDays } },
        },
      }),
    )
    await client.send(new CreateBucketCommand({ Bucket: 'versioned' }))
    await client.send(
      new PutBucketVersioningCommand({ Bucket: 'versioned', VersioningConfiguration: { Status: 'Enabled' } }),
    )
    return new ThirdPartyVault(gateway, client)
  }

  /** As a user runs it, in a process of its own. */
  holdfast(args: readonly string[]): Promise<Outcome> {
    const { endpoint, region, credentials } = this.gateway
    const env = {
      HOME: this.home,
      AWS_REGION: region,
      AWS_ENDPOINT_URL: endpoint,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    }
    return runProcess(args, { env, timeoutMs: 120_000 })
  }

  open(bucket: string): S3ObjectStore {
    const { endpoint, region, credentials } = this.gateway
    const store = openS3ObjectStore({
      bucket,
      region,
      endpoint,
      credentials: () => Promise.resolve(credentials),
      environment: {},
    })
    afterAll(() => store.close())
    return store
  }

  /** Lists with the SDK alone, page by page. */
  async list(bucket: string, prefix: string): Promise<{ entries: Listed[]; pagesOfMarkersAlone: number }> {
    const entries: Listed[] = []
    let pagesOfMarkersAlone = 0
    let from: { KeyMarker?: string; VersionIdMarker?: string } = {}
    for (let pages = 0; pages < 100; pages++) {
      const page = await this.client.send(
        new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix, ...from }),
      )
      const [versions, markers] = [page.Versions ?? [], page.DeleteMarkers ?? []]
      if (versions.length === 0 && markers.length > 0) pagesOfMarkersAlone++
      for (const { Key, VersionId, Size } of versions)
        entries.push({ key: Key!, versionId: VersionId!, isDeleteMarker: false, bytes: Size! })
      for (const { Key, VersionId } of markers)
        entries.push({ key: Key!, versionId: VersionId!, isDeleteMarker: true, bytes: 0 })
      if (page.IsTruncated !== true) return { entries, pagesOfMarkersAlone }
      from = { KeyMarker: page.NextKeyMarker!, VersionIdMarker: page.NextVersionIdMarker! }
    }
    throw new Error('a listing without an end')
  }

  async overlay(bucket: string, key: string, body: Uint8Array): Promise<string> {
    return (await this.client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }))).VersionId!
  }

  async hide(bucket: string, key: string): Promise<void> {
    await this.client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }))
  }
}

/** The code that a call was refused with; fails if it was not. */
export async function refusalOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason as { name: string },
  )
  if (error === null) throw new Error('the call was expected to be refused, and was not')
  return error.name
}
