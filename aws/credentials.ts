// Credentials from the SDK's default chain, plus an optional role to assume. They are renewed before they expire.
import { fromTemporaryCredentials, fromTokenFile } from '@aws-sdk/credential-providers'
import { HoldfastError } from '../core/errors.ts'
import { credentialChain, serviceRequestHandler } from './credential-chain.ts'
import type { CredentialProvider, SessionCredentials } from './credential-chain.ts'
import { translateError } from './error-translation.ts'

/** A session should end with its task: STS's minimum by default, an hour at most. */
const minSessionSeconds = 900
const maxSessionSeconds = 3600
/** Renew this long before the session ends, so that no upload outlives the session that signed it. */
const renewalMarginMs = 300_000

export interface RoleToAssume {
  roleArn: string
  /** Shown in CloudTrail; default `holdfast`. */
  sessionName?: string
  /** The person behind the session. It survives role chaining, and no session can change it. */
  sourceIdentity?: string
  /** The external id that the role's trust policy requires (against the confused-deputy problem). */
  externalId?: string
  /** 900 to 3600. Default 900; with a second factor 3600, because a code can't be used twice. */
  durationSeconds?: number
  /** ARN of the second factor, if the role requires one. */
  mfaSerial?: string
}

export interface CredentialSettings {
  role?: RoleToAssume
  /** The endpoint of STS; default: the environment's, or AWS's in the region. */
  stsEndpoint?: string
  region: () => Promise<string>
  /** Asks the user for the code of a second factor. */
  readMfaCode?: (serial: string) => Promise<string>
  /**
   * May name the identity token of a workload outside AWS: AWS_WEB_IDENTITY_TOKEN_FILE, with or without AWS_ROLE_ARN.
   */
  environment?: Record<string, string | undefined>
  /** The credentials that assume the role, or that are used without a role; default: the SDK's chain. */
  base?: CredentialProvider
  /** A session of the role that an earlier command opened. */
  opened?: OpenedSession | undefined
}

/** `openedMs` is by this machine's clock. */
export interface OpenedSession {
  value: SessionCredentials
  openedMs: number
  lifetimeMs: number
}

interface RenewalOptions {
  opened?: OpenedSession | undefined
  /** A renewal waits for a human, who may come late. */
  asksHuman?: boolean
}

/**
 * Fetches credentials once for all callers. It computes their age from the time of the fetch on this machine's clock.
 * It never compares the server's expiry with that clock, because a clock that is a day off would renew without end, or
 * too late.
 */
export class RenewedCredentials {
  private readonly fetch: CredentialProvider
  private readonly nowMs: () => number
  private readonly asksHuman: boolean
  private current: { value: SessionCredentials; fetchedMs: number; lifetimeMs: number } | undefined
  private pending: Promise<SessionCredentials> | undefined

  constructor(
    fetch: CredentialProvider,
    lifetimeMs: number | null,
    nowMs: () => number = Date.now,
    { opened, asksHuman = false }: RenewalOptions = {},
  ) {
    this.fetch = fetch
    this.lifetimeMs = lifetimeMs
    this.nowMs = nowMs
    this.asksHuman = asksHuman
    if (opened !== undefined)
      this.current = {
        value: opened.value,
        fetchedMs: opened.openedMs,
        lifetimeMs: opened.lifetimeMs,
      }
  }

  private readonly lifetimeMs: number | null

  /** @throws `credentials`, `denied` (the role), `unreachable`. */
  async get(): Promise<SessionCredentials> {
    const current = this.current
    if (current !== undefined) {
      const remainingMs = this.remainingMs ?? 0
      if (remainingMs > renewalMarginMs) return current.value
      // Keep a session that still works: an outage of the token service for a minute must not end it.
      if (remainingMs > 0) {
        const renewal = this.renewOnce(false).catch(() => current.value)
        return this.asksHuman ? current.value : renewal
      }
    }
    return this.renewOnce(false)
  }

  /** How long the session lasts; null before the first one. */
  get remainingMs(): number | null {
    const { current } = this
    return current === undefined
      ? null
      : Math.max(0, current.lifetimeMs - Math.abs(this.nowMs() - current.fetchedMs))
  }

  /** Fetches again after the server reported an expired session. True if it got other credentials. */
  async renew(): Promise<boolean> {
    const before = this.current?.value.accessKeyId
    return (await this.renewOnce(true)).accessKeyId !== before
  }

  private renewOnce(isForced: boolean): Promise<SessionCredentials> {
    this.pending ??= this.fetch(isForced ? { forceRefresh: true } : {})
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

/** Credentials by `settings`. Sends nothing before the first `get()`. */
export function resolveCredentials(settings: CredentialSettings): RenewedCredentials {
  const { role } = settings
  const chain = settings.base ?? credentialChain(settings, settings.environment ?? {})
  if (role === undefined) {
    // The chain caches and renews credentials itself, so calling it each time is cheap.
    return new RenewedCredentials((options) => translated(chain(options), 'loading credentials'), 0)
  }
  const durationSeconds =
    role.durationSeconds ?? (role.mfaSerial === undefined ? minSessionSeconds : maxSessionSeconds)
  checkRole(role, durationSeconds)
  const assume = roleProvider(settings, role, durationSeconds, chain)
  return new RenewedCredentials(
    () => translated(assume(), `assuming ${role.roleArn}`),
    durationSeconds * 1000,
    Date.now,
    { opened: settings.opened, asksHuman: role.mfaSerial !== undefined },
  )
}

function roleProvider(
  settings: CredentialSettings,
  role: RoleToAssume,
  durationSeconds: number,
  chain: CredentialProvider,
): () => Promise<SessionCredentials> {
  const clientConfig = {
    region: settings.region,
    ...(settings.stsEndpoint === undefined ? {} : { endpoint: settings.stsEndpoint }),
    requestHandler: serviceRequestHandler(settings.environment ?? {}),
  }
  const RoleSessionName = role.sessionName ?? 'holdfast'
  const environment = settings.environment ?? {}
  const tokenFile = environment['AWS_WEB_IDENTITY_TOKEN_FILE']
  // Use the token directly if it is for this role: the trust policy does not allow the role to assume itself.
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
    // Memoized: else the client of STS would keep the first credentials for ever.
    masterCredentials: Object.assign(() => readAgain(chain), { memoized: true }),
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

/**
 * Credentials without an expiry come from a file or a variable, and the chain keeps them for ever: a rotation
 * replaces them.
 */
async function readAgain(chain: CredentialProvider): Promise<SessionCredentials> {
  const credentials = await chain()
  return credentials.expiration === undefined ? chain({ forceRefresh: true }) : credentials
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
      hint: 'pass --role-arn arn:aws:iam::<account>:role/<name>',
    })
  }
  if (
    !Number.isInteger(durationSeconds) ||
    durationSeconds < minSessionSeconds ||
    durationSeconds > maxSessionSeconds
  ) {
    throw new HoldfastError('invalid-input', `a session of ${durationSeconds} seconds is not allowed`, {
      hint: `pass --session-seconds ${minSessionSeconds} to ${maxSessionSeconds}`,
    })
  }
  for (const [label, value] of [
    ['session name', role.sessionName],
    ['source identity', role.sourceIdentity],
  ] as const) {
    if (value !== undefined && !/^[\w+=,.@-]{2,64}$/.test(value)) {
      throw new HoldfastError('invalid-input', `AWS does not accept this ${label}`, {
        hint: 'use 2 to 64 letters, digits and characters of _+=,.@-',
      })
    }
  }
}
