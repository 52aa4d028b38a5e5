// The connection and the credentials of one role, which all clients of a command share.
import { S3Client } from '@aws-sdk/client-s3'
import { HoldfastError } from '../core/errors.ts'
import { sdkAttempts } from '../core/retry.ts'
import { resolveCredentials } from './credentials.ts'
import type { CredentialProvider } from './credential-chain.ts'
import type { OpenedSession, RenewedCredentials, RoleToAssume } from './credentials.ts'
import { defaultDeadlines, S3Connection } from './s3-connection.ts'
import type { Deadlines } from './s3-connection.ts'
import type { ServiceSettings } from './service-settings.ts'

export interface AccessSettings {
  /** Default: the SDK's region (AWS_REGION, profile), else us-east-1. */
  region?: string
  /** An S3-compatible store's URL. Default: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, else AWS. */
  endpoint?: string
  /**
   * The endpoint of the AWS profile: see `readProfileEndpoint`. Used if neither `endpoint` nor the
   * environment has one.
   */
  profileEndpoint?: string | undefined
  role?: RoleToAssume
  readMfaCode?: (serial: string) => Promise<string>
  /** Default: the SDK's chain. */
  credentials?: CredentialProvider
  /** A session of the role that an earlier command opened. */
  opened?: OpenedSession | undefined
  deadlines?: Partial<Deadlines>
  /** Maximum attempts of the SDK at one read, and of ours at a truncated body. Default 5. */
  readAttempts?: number
  environment?: Record<string, string | undefined>
  /** Ends every call in progress; they reject with its reason. */
  signal?: AbortSignal
}

export interface S3Access {
  connection: S3Connection
  credentials: RenewedCredentials
  region: () => Promise<string>
  /** Undefined: AWS's own. */
  endpoint: string | undefined
  readAttempts: number
  /** For a client of another service with the same session. A store of --endpoint has all services at one address. */
  serviceSettings: (service: string) => Promise<ServiceSettings & { region: string }>
}

/** @throws `invalid-input` for an endpoint that is no URL. */
export function openS3Access(settings: AccessSettings): S3Access {
  const environment = settings.environment ?? process.env
  const endpoint =
    settings.endpoint ??
    environment['AWS_ENDPOINT_URL_S3'] ??
    environment['AWS_ENDPOINT_URL'] ??
    settings.profileEndpoint
  if (endpoint !== undefined && !URL.canParse(endpoint)) {
    throw new HoldfastError('invalid-input', 'the endpoint is not a URL', {
      hint: 'pass --endpoint https://host:port',
    })
  }
  // A store of --endpoint has its token service at the same address; the SDK finds AWS's.
  const stsEndpoint =
    environment['AWS_ENDPOINT_URL_STS'] ?? settings.endpoint ?? environment['AWS_ENDPOINT_URL']
  const region = () => resolveRegion(settings.region)
  const credentials = resolveCredentials({
    region,
    environment,
    ...(stsEndpoint === undefined ? {} : { stsEndpoint }),
    ...(settings.role === undefined ? {} : { role: settings.role }),
    ...(settings.readMfaCode === undefined ? {} : { readMfaCode: settings.readMfaCode }),
    ...(settings.credentials === undefined ? {} : { base: settings.credentials }),
    opened: settings.opened,
  })
  const readAttempts = settings.readAttempts ?? sdkAttempts.read
  const connection = new S3Connection({
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    credentials,
    deadlines: { ...defaultDeadlines, ...settings.deadlines },
    readAttempts,
    environment,
    ...(settings.signal === undefined ? {} : { signal: settings.signal }),
  })
  const serviceSettings = async (service: string) => {
    const serviceEndpoint =
      environment[`AWS_ENDPOINT_URL_${service.toUpperCase()}`] ??
      settings.endpoint ??
      environment['AWS_ENDPOINT_URL']
    return {
      region: await region(),
      credentials: () => credentials.get(),
      environment,
      ...(serviceEndpoint === undefined ? {} : { endpoint: serviceEndpoint }),
      ...(settings.signal === undefined ? {} : { signal: settings.signal }),
    }
  }
  return { connection, credentials, region, endpoint, readAttempts, serviceSettings }
}

async function resolveRegion(explicit: string | undefined): Promise<string> {
  if (explicit !== undefined) return explicit
  return new S3Client({}).config.region().catch(() => 'us-east-1')
}
