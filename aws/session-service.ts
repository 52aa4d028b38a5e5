// The port on STS: opens sessions of roles, and reports the identity of the current credentials.
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { HoldfastError } from '../core/errors.ts'
import { askUntil, clientSettings } from './service-settings.ts'
import type { Ask, ServiceSettings } from './service-settings.ts'

export interface SessionRequest {
  roleArn: string
  sessionName: string
  /** 900 to 43,200; never more than the role's own maximum. */
  durationSeconds: number
  sourceIdentity?: string
  externalId?: string
  tags?: Readonly<Record<string, string>>
  /** The second factor, and its current code. */
  secondFactor?: { serial: string; code: string }
  /** JSON of at most 2,048 characters. The session may do only what both the role and this policy allow. */
  policy?: string
}

export interface Session {
  accessKeyId: string
  secretAccessKey: string
  sessionToken: string
  /** Milliseconds since the epoch, by AWS's clock. */
  expiresMs: number
  /** `arn:aws:sts::<account>:assumed-role/<role>/<session>`. */
  arn: string
}

export interface CallerIdentity {
  arn: string
  accountId: string
}

export class SessionService {
  private readonly client: STSClient
  private readonly ask: Ask
  private lastDate: { serverMs: number; receivedMs: number } | undefined

  constructor(settings: ServiceSettings = {}) {
    this.ask = askUntil(settings.signal)
    this.client = new STSClient(clientSettings(settings))
    this.client.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args)
        const serverMs = Date.parse(
          (result.response as { headers?: Record<string, string> }).headers?.['date'] ?? '',
        )
        if (!Number.isNaN(serverMs)) this.lastDate = { serverMs, receivedMs: performance.now() }
        return result
      },
      { step: 'deserialize', priority: 'high', name: 'holdfastReplyDate' },
    )
  }

  /** AWS's clock now: the last response's `Date` plus the time since then. Null before the first response. */
  serverTimeMs(): number | null {
    return this.lastDate === undefined
      ? null
      : this.lastDate.serverMs + (performance.now() - this.lastDate.receivedMs)
  }

  /** @throws `denied` (the trust policy, or the caller's own), `invalid-input`, `credentials`, `unreachable`. */
  async assumeRole(request: SessionRequest): Promise<Session> {
    const output = await this.ask(`assuming ${request.roleArn}`, (abort) =>
      this.client.send(
        new AssumeRoleCommand({
          RoleArn: request.roleArn,
          RoleSessionName: request.sessionName,
          DurationSeconds: request.durationSeconds,
          SourceIdentity: request.sourceIdentity,
          ExternalId: request.externalId,
          Tags:
            request.tags === undefined
              ? undefined
              : Object.entries(request.tags).map(([Key, Value]) => ({ Key, Value })),
          Policy: request.policy,
          SerialNumber: request.secondFactor?.serial,
          TokenCode: request.secondFactor?.code,
        }),
        abort,
      ),
    )
    const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = output.Credentials ?? {}
    const arn = output.AssumedRoleUser?.Arn
    if (
      AccessKeyId === undefined ||
      SecretAccessKey === undefined ||
      SessionToken === undefined ||
      Expiration === undefined ||
      arn === undefined
    ) {
      throw new HoldfastError('unreachable', `STS's response about ${request.roleArn} could not be read`, {
        hint: 'check that the endpoint belongs to STS',
      })
    }
    return {
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      sessionToken: SessionToken,
      expiresMs: Expiration.getTime(),
      arn,
    }
  }

  /** Needs no permission, and works for every credential that AWS accepts. @throws `credentials`, `unreachable`. */
  async whoAmI(): Promise<CallerIdentity> {
    const { Arn, Account } = await this.ask('identifying the credentials', (abort) =>
      this.client.send(new GetCallerIdentityCommand({}), abort),
    )
    if (Arn === undefined || Account === undefined) {
      throw new HoldfastError('unreachable', "STS's response about the credentials could not be read", {
        hint: 'check that the endpoint belongs to STS',
      })
    }
    return { arn: Arn, accountId: Account }
  }

  close(): void {
    this.client.destroy()
  }
}
