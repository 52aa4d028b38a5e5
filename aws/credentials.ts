// Credentials of one role: the SDK's default chain, plus an optional role to assume, renewed before they run out.
import { fromNodeProviderChain, fromTemporaryCredentials, fromTokenFile } from '@aws-sdk/credential-providers'
import { HoldfastError } from '../core/errors.ts'
import { translateError } from './error-translation.ts'

/** Sessions end with the task: STS's shortest by default, never longer than one hour. */
const shortestSessionSeconds = 900
const longestSessionSeconds = 3600
/** Renewed while this much of the session is left: an upload that has begun must not outlive what signed it. */
const renewalMarginMs = 300_000

export interface SessionCredentials {
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string
  expiration?: Date
}

export interface RoleToAssume {
  roleArn: string
  /** Shown in CloudTrail; default `holdfast`. */
  sessionName?: string
  /** Survives role chaining and can't be changed: who is behind the session. */
  sourceIdentity?: string
  /** What the role's trust asks for, so that a deputy isn't confused about whom it serves. */
  externalId?: string
  /** 900 to 3600. Default 900; 3600 with a second factor, whose code can't be used twice. */
  durationSeconds?: number
  /** ARN of the second factor, if the role asks for one. */
  mfaSerial?: string
}

export interface CredentialSettings {
  role?: RoleToAssume
  /** Where STS is asked; default: AWS's endpoint of the region, or what the environment names. */
  stsEndpoint?: string
  region: () => Promise<string>
  /** Asks the human for the code of a second factor. */
  readMfaCode?: (serial: string) => Promise<string>
  /** A workload outside AWS has its identity in a file: AWS_WEB_IDENTITY_TOKEN_FILE, with AWS_ROLE_ARN or without. */
  environment?: Record<string, string | undefined>
  /** What the role is assumed with, or what is used without one; default: the SDK's chain. */
  base?: CredentialProvider
}

export type CredentialProvider = (options?: { forceRefresh?: boolean }) => Promise<SessionCredentials>

/**
 * Credentials that are fetched once for all callers. Ages are reckoned on this machine's clock from the moment of the
 * fetch, never by comparing the server's expiry to it: a clock that is off by a day neither renews for ever nor too late.
 */
export class RenewedCredentials {
  private readonly fetch: CredentialProvider
  private readonly nowMs: () => number
  private current: { value: SessionCredentials; fetchedMs: number; lifetimeMs: number } | undefined
  private pending: Promise<SessionCredentials> | undefined

  constructor(fetch: CredentialProvider, lifetimeMs: number | null, nowMs: () => number = Date.now) {
    this.fetch = fetch
    this.lifetimeMs = lifetimeMs
    this.nowMs = nowMs
  }

  private readonly lifetimeMs: number | null

  /** @throws `credentials`, `denied` (the role), `unreachable`. */
  async get(): Promise<SessionCredentials> {
    const current = this.current
    if (current !== undefined) {
      const leftMs = current.lifetimeMs - Math.abs(this.nowMs() - current.fetchedMs)
      if (leftMs > renewalMarginMs) return current.value
      // A token service that is down for a minute must not stop a session that still has four.
      if (leftMs > 0) return this.renewOnce(false).catch(() => current.value)
    }
    return this.renewOnce(false)
  }

  /** Fetches anew after the server said that the session has expired; true if other credentials came back. */
  async renew(): Promise<boolean> {
    const before = this.current?.value.accessKeyId
    return (await this.renewOnce(true)).accessKeyId !== before
  }

  private renewOnce(force: boolean): Promise<SessionCredentials> {
    this.pending ??= this.fetch(force ? { forceRefresh: true } : {})
      .then((value) => {
        this.current = {
          value,
          fetchedMs: this.nowMs(),
          lifetimeMs: this.lifetimeMs ?? Number.POSITIVE_INFINITY,
        }
        return value
      })
      .finally(() => {
        this.pending = undefined
      })
    return this.pending
  }
}

/** Credentials by `settings`. Nothing is asked of the network before the first `get()`. */
export function resolveCredentials(settings: CredentialSettings): RenewedCredentials {
  const { role } = settings
  const mfaCodeProvider = settings.readMfaCode
  const chain =
    settings.base ?? fromNodeProviderChain(mfaCodeProvider === undefined ? {} : { mfaCodeProvider })
  if (role === undefined) {
    // The chain keeps and renews what it found by itself: asked each time, it costs nothing.
    return new RenewedCredentials((options) => translated(chain(options), 'loading credentials'), 0)
  }
  const durationSeconds =
    role.durationSeconds ?? (role.mfaSerial === undefined ? shortestSessionSeconds : longestSessionSeconds)
  checkRole(role, durationSeconds)
  const assume = assumption(settings, role, durationSeconds, chain)
  return new RenewedCredentials(
    () => translated(assume(), `assuming ${role.roleArn}`),
    durationSeconds * 1000,
  )
}

function assumption(
  settings: CredentialSettings,
  role: RoleToAssume,
  durationSeconds: number,
  chain: CredentialProvider,
): () => Promise<SessionCredentials> {
  const clientConfig = {
    region: settings.region,
    ...(settings.stsEndpoint === undefined ? {} : { endpoint: settings.stsEndpoint }),
    requestHandler: { connectionTimeout: 10_000, requestTimeout: 30_000, throwOnRequestTimeout: true },
  }
  const RoleSessionName = role.sessionName ?? 'holdfast'
  const environment = settings.environment ?? {}
  const tokenFile = environment['AWS_WEB_IDENTITY_TOKEN_FILE']
  // The token is for this very role: assuming it a second time, from itself, is what its trust doesn't allow.
  if (tokenFile && (environment['AWS_ROLE_ARN'] ?? role.roleArn) === role.roleArn) {
    return fromTokenFile({
      webIdentityTokenFile: tokenFile,
      roleArn: role.roleArn,
      roleSessionName: RoleSessionName,
      durationSeconds,
      clientConfig,
    })
  }
  return fromTemporaryCredentials({
    masterCredentials: chain,
    params: {
      RoleArn: role.roleArn,
      RoleSessionName,
      DurationSeconds: durationSeconds,
      ...(role.externalId === undefined ? {} : { ExternalId: role.externalId }),
      ...(role.sourceIdentity === undefined ? {} : { SourceIdentity: role.sourceIdentity }),
      ...(role.mfaSerial === undefined ? {} : { SerialNumber: role.mfaSerial }),
    },
    ...(settings.readMfaCode === undefined ? {} : { mfaCodeProvider: settings.readMfaCode }),
    clientConfig,
  })
}

async function translated(
  credentials: Promise<SessionCredentials>,
  operation: string,
): Promise<SessionCredentials> {
  try {
    return await credentials
  } catch (error) {
    throw translateError(error, operation)
  }
}

function checkRole(role: RoleToAssume, durationSeconds: number): void {
  if (!/^arn:aws[a-z-]{0,20}:iam::\d{12}:role\/[\w+=,.@/-]{1,576}$/.test(role.roleArn)) {
    throw new HoldfastError('invalid-input', 'the role to assume is not the ARN of a role', {
      hint: 'pass it as arn:aws:iam::<account>:role/<name>',
    })
  }
  if (
    !Number.isInteger(durationSeconds) ||
    durationSeconds < shortestSessionSeconds ||
    durationSeconds > longestSessionSeconds
  ) {
    throw new HoldfastError('invalid-input', `a session of ${durationSeconds} seconds is not allowed`, {
      hint: `choose ${shortestSessionSeconds} to ${longestSessionSeconds} seconds`,
    })
  }
  for (const [what, value] of [
    ['session name', role.sessionName],
    ['source identity', role.sourceIdentity],
  ] as const) {
    if (value !== undefined && !/^[\w+=,.@-]{2,64}$/.test(value)) {
      throw new HoldfastError('invalid-input', `the ${what} is not one that AWS accepts`, {
        hint: 'use 2 to 64 letters, digits and characters of _+=,.@-',
      })
    }
  }
}
