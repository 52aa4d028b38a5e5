// Reads the settings of a bucket, and the documents of roles, as an account has them now. Each setting is a read of its
// own, because a caller may be denied one and not another.
import {
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketOwnershipControlsCommand,
  GetBucketPolicyCommand,
  GetBucketReplicationCommand,
  GetBucketVersioningCommand,
  GetObjectLockConfigurationCommand,
  GetPublicAccessBlockCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { HoldfastError } from '../core/errors.ts'
import { AlarmServices } from './alarm-services.ts'
import { IdentityService } from './identity-service.ts'
import { askUntil, clientSettings } from './service-settings.ts'
import type { Ask, ServiceSettings } from './service-settings.ts'

type Abort = Parameters<Parameters<Ask>[1]>[0]
/** Resolves with the setting as JSON, or undefined if S3's response has none. */
type ReadSetting = (client: S3Client, Bucket: string, abort: Abort) => Promise<unknown>

interface Setting {
  read: ReadSetting
  /** The error with which S3 reports that the bucket has none. */
  absent?: string
}

/** The names are those that the program exports. */
const settings: Readonly<Record<string, Setting>> = {
  versioning: {
    read: async (client, Bucket, abort) =>
      (await client.send(new GetBucketVersioningCommand({ Bucket }), abort)).Status,
  },
  objectLock: {
    read: async (client, Bucket, abort) => {
      const { ObjectLockConfiguration: lock } = await client.send(
        new GetObjectLockConfigurationCommand({ Bucket }),
        abort,
      )
      const { Mode: mode, Days, Years } = lock?.Rule?.DefaultRetention ?? {}
      return mode === undefined ? undefined : { mode, days: Days ?? (Years ?? 0) * 365 }
    },
    absent: 'ObjectLockConfigurationNotFoundError',
  },
  policy: {
    read: async (client, Bucket, abort) =>
      parsePolicy((await client.send(new GetBucketPolicyCommand({ Bucket }), abort)).Policy),
    absent: 'NoSuchBucketPolicy',
  },
  publicAccessBlock: {
    read: async (client, Bucket, abort) => {
      const { PublicAccessBlockConfiguration: block } = await client.send(
        new GetPublicAccessBlockCommand({ Bucket }),
        abort,
      )
      return {
        blockPublicAcls: block?.BlockPublicAcls === true,
        blockPublicPolicy: block?.BlockPublicPolicy === true,
        ignorePublicAcls: block?.IgnorePublicAcls === true,
        restrictPublicBuckets: block?.RestrictPublicBuckets === true,
      }
    },
    absent: 'NoSuchPublicAccessBlockConfiguration',
  },
  ownership: {
    read: async (client, Bucket, abort) =>
      (await client.send(new GetBucketOwnershipControlsCommand({ Bucket }), abort)).OwnershipControls
        ?.Rules?.[0]?.ObjectOwnership,
    absent: 'OwnershipControlsNotFoundError',
  },
  encryption: {
    read: async (client, Bucket, abort) =>
      (await client.send(new GetBucketEncryptionCommand({ Bucket }), abort)).ServerSideEncryptionConfiguration
        ?.Rules?.[0]?.ApplyServerSideEncryptionByDefault?.SSEAlgorithm,
    absent: 'ServerSideEncryptionConfigurationNotFoundError',
  },
  lifecycle: {
    read: async (client, Bucket, abort) => {
      const { Rules = [] } = await client.send(new GetBucketLifecycleConfigurationCommand({ Bucket }), abort)
      const rules = Rules.map(
        ({ ID, Status, AbortIncompleteMultipartUpload, Filter: _filter, Prefix: _prefix, ...actions }) => [
          ID ?? '',
          {
            status: Status,
            abortDays: AbortIncompleteMultipartUpload?.DaysAfterInitiation ?? null,
            // Everything that expires a version, or moves it to an archive.
            otherActions: Object.entries(actions).flatMap(([name, action]) =>
              action === undefined || (Array.isArray(action) && action.length === 0) ? [] : [name],
            ),
          },
        ],
      )
      return Object.fromEntries(rules) as Record<string, unknown>
    },
    absent: 'NoSuchLifecycleConfiguration',
  },
  replication: {
    read: async (client, Bucket, abort) =>
      (
        await client.send(new GetBucketReplicationCommand({ Bucket }), abort)
      ).ReplicationConfiguration?.Rules?.map(({ Destination }) => Destination?.Bucket ?? ''),
    absent: 'ReplicationConfigurationNotFoundError',
  },
}

export interface LiveRole {
  trust: Record<string, unknown>
  /** The inline policies by name. */
  policies: Record<string, Record<string, unknown>>
  /** ARNs of attached policies. */
  attached: string[]
  boundary: string | null
}

export class LiveConfiguration {
  readonly settings = Object.keys(settings)
  private readonly client: S3Client
  private readonly iam: IdentityService
  private readonly alarms: AlarmServices
  private readonly ask: Ask

  constructor(access: { s3: ServiceSettings; iam: ServiceSettings }) {
    this.ask = askUntil(access.s3.signal)
    this.client = new S3Client({
      ...clientSettings(access.s3),
      ...(access.s3.endpoint === undefined ? {} : { forcePathStyle: true }),
    })
    this.iam = new IdentityService(access.iam)
    this.alarms = new AlarmServices(access.iam)
  }

  get kinds(): readonly string[] {
    return this.alarms.kinds
  }

  /** As JSON; null if the bucket has no such setting. @throws `denied`, `not-found`, `credentials`, `unreachable`. */
  async readSetting(bucket: string, name: string): Promise<unknown> {
    const { read, absent } = settings[name]!
    const value = await this.ask(`reading the setting ${name} of the bucket ${bucket}`, async (abort) => {
      try {
        return await read(this.client, bucket, abort)
      } catch (error) {
        if (absent !== undefined && (error as { name?: unknown }).name === absent) return null
        throw error
      }
    })
    return value ?? null
  }

  /** @throws `denied`, `not-found`, `credentials`, `unreachable`. */
  async readRole(arn: string): Promise<LiveRole> {
    const { trustJson, inline, attachedArns, boundaryArn } = await this.iam.readRole(arn)
    return {
      trust: parseObject(trustJson),
      policies: Object.fromEntries(inline.map(({ name, json }) => [name, parseObject(json)])),
      attached: attachedArns,
      boundary: boundaryArn,
    }
  }

  /** @throws `denied`, `not-found`, `credentials`, `throttled`, `unreachable`. */
  readResource(
    kind: string,
    location: { region: string; names: Readonly<Record<string, string>> },
  ): Promise<Record<string, unknown>> {
    return this.alarms.read(kind, location)
  }

  close(): void {
    this.client.destroy()
    this.alarms.close()
    this.iam.close()
  }
}

function parsePolicy(text: string | undefined): unknown {
  return text === undefined ? undefined : parseObject(text)
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // Below.
  }
  throw new HoldfastError('unreachable', 'a policy of AWS is no JSON', {
    hint: 'check that the endpoint belongs to AWS',
  })
}
