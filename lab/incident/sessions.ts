// Credentials for the drill's own people and programs: real sessions of the declared roles, from the token service.
import { randomBytes } from 'node:crypto'
import { S3Client } from '@aws-sdk/client-s3'
import { AssumeRoleCommand, AssumeRoleWithWebIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import type { AssumeRoleCommandInput, Credentials as GivenCredentials } from '@aws-sdk/client-sts'
import type { CloudDeclaration } from '../sandbox/declaration.ts'
import type { Credentials } from '../sandbox/identity/credentials.ts'
import type { LocalIssuer } from '../sandbox/oidc/issuer.ts'
import type { Sandbox } from '../sandbox/server.ts'
import { issueWorkloadSession } from '../sandbox/sts/role-session.ts'
import { oneTimeCode } from '../sandbox/sts/second-factor.ts'
import type { MfaDevice } from '../sandbox/sts/second-factor.ts'
import { drillPrincipals, platform, roleNamed } from './principals.ts'
import type { DrillPrincipal } from './principals.ts'

/** The sandbox's endpoint, and the clock by which a client signs. */
export interface CloudAccess {
  endpoint: string
  region: string
  /** The cloud's time minus the machine's; without it the client learns the offset from a refused request. */
  clockOffsetMs?: number
}

/** Devices for each role with a second factor, because a code works once and the next one comes half a minute later. */
const devicesPerRole = 8

export function registerDevices(declaration: CloudDeclaration): (MfaDevice & { role: string })[] {
  return drillPrincipals
    .filter(({ secondFactor }) => secondFactor === true)
    .flatMap(({ role, by }) => {
      const holder = roleNamed(declaration, by ?? '')
      return Array.from({ length: devicesPerRole }, (_, index) => ({
        role,
        serial: `arn:aws:iam::${holder.accountId}:mfa/${role}-${index}`,
        holderArn: holder.arn,
        secret: randomBytes(20),
      }))
    })
}

const renewalMarginMs = 10 * 60_000
const sessionName = 'drill'

export interface SessionSources {
  sandbox: Sandbox
  declaration: CloudDeclaration
  region: string
  devices: readonly (MfaDevice & { role: string })[]
  issuer: LocalIssuer
}

export class DrillSessions {
  private readonly sources: SessionSources
  private readonly sessionsByRole = new Map<string, Credentials>()
  private readonly clients = new Map<string, STSClient>()
  private codes = 0

  constructor(sources: SessionSources) {
    this.sources = sources
  }

  /** The session that a compute service or a sign-in portal gives to a workload or a person outside of Holdfast. */
  ofWorkload(roleName: string): Credentials {
    const { sandbox, declaration } = this.sources
    return issueWorkloadSession(sandbox, roleNamed(declaration, roleName), {
      sessionName,
      nowMs: sandbox.clock.nowMs(),
    }).credentials
  }

  /** A shared session of a role of the drill; a new one shortly before the old one ends. */
  async of(roleName: string): Promise<Credentials> {
    const cached = this.sessionsByRole.get(roleName)
    if (
      cached !== undefined &&
      cached.expiresMs !== null &&
      cached.expiresMs - this.sources.sandbox.clock.nowMs() > renewalMarginMs
    )
      return cached
    const part = drillPrincipals.find(({ role }) => role === roleName)
    if (part === undefined) throw new Error(`no principal of the drill assumes ${roleName}`)
    const session =
      part.by === null
        ? await this.assumeByToken(roleNamed(this.sources.declaration, roleName).arn, await this.mintToken())
        : await this.assume(this.ofWorkload(part.by), part)
    this.sessionsByRole.set(roleName, session)
    return session
  }

  /** @param part its `arn` is needed where several accounts have a role of this name. */
  async assume(
    caller: Credentials,
    part: Omit<DrillPrincipal, 'by'> & { arn?: string },
  ): Promise<Credentials> {
    const { declaration, devices, sandbox } = this.sources
    const roleDevices = part.secondFactor === true ? devices.filter(({ role }) => role === part.role) : []
    const device = roleDevices.length === 0 ? undefined : roleDevices[this.codes++ % roleDevices.length]
    return this.request(caller, {
      RoleArn: part.arn ?? roleNamed(declaration, part.role).arn,
      ...(part.externalId === undefined ? {} : { ExternalId: part.externalId }),
      ...(part.sourceIdentity === undefined ? {} : { SourceIdentity: part.sourceIdentity }),
      ...(part.tags === undefined
        ? {}
        : { Tags: Object.entries(part.tags).map(([Key, Value]) => ({ Key, Value })) }),
      ...(device === undefined
        ? {}
        : { SerialNumber: device.serial, TokenCode: oneTimeCode(device.secret, sandbox.clock.nowMs()) }),
    })
  }

  /** Sends one AssumeRole. Rejects with the token service's error. */
  async request(
    caller: Credentials,
    input: Omit<AssumeRoleCommandInput, 'RoleSessionName'>,
  ): Promise<Credentials> {
    return readSession(
      (await this.connect(caller).send(new AssumeRoleCommand({ RoleSessionName: sessionName, ...input })))
        .Credentials,
    )
  }

  async assumeByToken(roleArn: string, token: string): Promise<Credentials> {
    const input = { RoleArn: roleArn, RoleSessionName: sessionName, WebIdentityToken: token }
    return readSession(
      (await this.connect(null).send(new AssumeRoleWithWebIdentityCommand(input))).Credentials,
    )
  }

  mintToken(subject: string = platform.subject): Promise<string> {
    return this.sources.issuer.mint({ sub: subject, aud: platform.audience })
  }

  /** One client for each caller and clock, because a new client costs more than its request. */
  private connect(credentials: Credentials | null): STSClient {
    const { sandbox, region } = this.sources
    const { offsetMs } = sandbox.clock
    const key = `${credentials?.accessKeyId ?? ''} ${offsetMs}`
    let client = this.clients.get(key)
    if (client === undefined) {
      client = new STSClient({
        endpoint: sandbox.endpoint,
        region,
        maxAttempts: 1,
        systemClockOffset: offsetMs,
        credentials: credentials === null ? { accessKeyId: '', secretAccessKey: '' } : toSdk(credentials),
      })
      this.clients.set(key, client)
    }
    return client
  }
}

function readSession(response: GivenCredentials | undefined): Credentials {
  if (response?.AccessKeyId === undefined || response.SecretAccessKey === undefined)
    throw new Error('the response of the token service has no credentials')
  return {
    accessKeyId: response.AccessKeyId,
    secretAccessKey: response.SecretAccessKey,
    sessionToken: response.SessionToken ?? null,
    expiresMs: response.Expiration?.getTime() ?? null,
  }
}

export function toSdk({ accessKeyId, secretAccessKey, sessionToken }: Credentials): {
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string
} {
  return { accessKeyId, secretAccessKey, ...(sessionToken === null ? {} : { sessionToken }) }
}

/** A client of the sandbox's S3; with null credentials it doesn't sign. */
export function connectS3(
  { endpoint, region, clockOffsetMs }: CloudAccess,
  credentials: Credentials | null,
): S3Client {
  // One attempt if the clock is known, because the SDK takes a refusal for a skewed clock and repeats every request.
  const clock =
    clockOffsetMs === undefined ? { maxAttempts: 2 } : { maxAttempts: 1, systemClockOffset: clockOffsetMs }
  const common = { endpoint, region, forcePathStyle: true, ...clock }
  if (credentials !== null) return new S3Client({ ...common, credentials: toSdk(credentials) })
  return new S3Client({
    ...common,
    signer: { sign: (request) => Promise.resolve(request) },
    credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
  })
}
