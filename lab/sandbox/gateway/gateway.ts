// The sandbox's front door: reads one HTTP request, finds out who sent it and for which service, and has it answered.

import { createHash, randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TurnableClock } from '../clock.ts'
import type { CredentialRegistry } from '../identity/credentials.ts'
import type { Principal } from '../identity/principal.ts'
import { AwsError } from '../protocol/aws-error.ts'
import type { Service, ServiceReply, ServiceRequest } from '../protocol/service.ts'
import { readClaim } from '../signature/claim.ts'
import type { SignatureClaim } from '../signature/claim.ts'
import { decodePercent, encodePercent, parseQuery } from '../signature/query.ts'
import type { QueryEntry } from '../signature/query.ts'
import { verifyClaim } from '../signature/verify.ts'
import { corruptRequest } from './corrupt-request.ts'
import type { FaultInjector, FaultKind } from './faults.ts'
import { sendReply } from './reply.ts'
import { IncomingBody, ReadBody, checkPayloadHash } from './request-body.ts'
import { drain, waitUnlessClosed } from './unfinished-exchange.ts'
import { hoistedHeaders, joinHeaders } from './wire-headers.ts'

/** What a request came to: one record per request, for reports and tests. */
export interface RequestRecord {
  id: string
  atMs: number
  service: string
  operation: string | null
  method: string
  path: string
  principalArn: string | null
  status: number
  errorCode: string | null
  receivedBytes: number
  sentBytes: number
  durationMs: number
  fault: FaultKind | null
}

export interface GatewayOptions {
  services: ReadonlyMap<string, Service>
  clock: TurnableClock
  credentials: CredentialRegistry
  faults: FaultInjector | null
  onRequest: (record: RequestRecord) => void
  onDefect: (error: unknown) => void
}

const anonymous: Principal = { kind: 'anonymous', accountId: null, arn: '*' }
// Services other than S3 sign the hash of their whole payload, which is a form or a small document.
const maxFormBytes = 1024 * 1024
const emptySha256 = createHash('sha256').digest('hex')

export class Gateway {
  private readonly options: GatewayOptions
  private readonly running = new Set<Promise<void>>()

  constructor(options: GatewayOptions) {
    this.options = options
  }

  /** Takes one request in; `settled` waits for it. */
  accept(message: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    const running = this.handle(message, response, expectsContinue).finally(() =>
      this.running.delete(running),
    )
    this.running.add(running)
  }

  /** Resolves once every request taken in has been dealt with. */
  async settled(): Promise<void> {
    while (this.running.size > 0) await Promise.all(this.running)
  }

  /** Answers one request. Never rejects: what goes wrong is an answer, a closed connection, or a reported defect. */
  async handle(message: IncomingMessage, response: ServerResponse, expectsContinue: boolean): Promise<void> {
    const started = performance.now()
    const exchange = new Exchange(message, response, expectsContinue, this.options)
    message.on('error', () => undefined)
    response.on('error', () => undefined)
    try {
      await exchange.run()
    } catch (error) {
      this.options.onDefect(error)
      response.destroy()
    }
    this.options.onRequest({ ...exchange.record, durationMs: performance.now() - started })
  }
}

class Exchange {
  private readonly message: IncomingMessage
  private readonly response: ServerResponse
  private readonly expectsContinue: boolean
  private readonly options: GatewayOptions
  private readonly headers: Record<string, string>
  private body: IncomingBody | null = null
  record: RequestRecord

  constructor(
    message: IncomingMessage,
    response: ServerResponse,
    expectsContinue: boolean,
    options: GatewayOptions,
  ) {
    this.message = message
    this.response = response
    this.expectsContinue = expectsContinue
    this.options = options
    this.headers = joinHeaders(message.rawHeaders)
    const [path = '/'] = (message.url ?? '/').split('?', 1)
    this.record = {
      id: randomBytes(8).toString('hex').toUpperCase(),
      atMs: options.clock.nowMs(),
      service: 's3',
      operation: null,
      method: message.method ?? 'GET',
      path,
      principalArn: null,
      status: 0,
      errorCode: null,
      receivedBytes: 0,
      sentBytes: 0,
      durationMs: 0,
      fault: null,
    }
  }

  async run(): Promise<void> {
    const { faults } = this.options
    let service = this.findService('s3')
    let reply: ServiceReply
    let fault: FaultKind | null = null
    try {
      const url = this.message.url ?? '/'
      const query = url.includes('?') ? url.slice(url.indexOf('?') + 1) : ''
      if (!url.startsWith('/')) throw new AwsError(400, 'InvalidURI', "Couldn't parse the specified URI.")
      const entries = parseQuery(query)
      const claim = readClaim(this.headers, entries)
      service = this.findService(claim?.service ?? this.anonymousService())
      this.record.service = service.name
      fault =
        faults?.draw({ method: this.record.method, path: this.record.path, service: service.name }) ?? null
      if (fault !== null && (await this.meetFault(fault)) === 'gone') return
      const request = await this.admit(claim, query, entries)
      const corruptedRequest = corruptRequest(request, fault)
      if (corruptedRequest !== null) this.strike(fault)
      reply = await service.handle(corruptedRequest ?? request)
    } catch (error) {
      reply = this.refuse(service, error)
    }
    reply = this.afterEffect(service, fault, reply)
    if (this.record.fault === 'reset-after') return this.reset()
    await this.send(reply, fault)
  }

  private findService(name: string): Service {
    const service = this.options.services.get(name)
    if (service !== undefined) return service
    throw new AwsError(
      501,
      'NotImplemented',
      `A header you provided implies functionality that is not implemented: the service ${name}`,
    )
  }

  // An unsigned form is a call of the token service (AssumeRoleWithWebIdentity); any other unsigned request is S3's.
  private anonymousService(): string {
    const isForm = (this.headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded')
    return this.record.method === 'POST' &&
      this.record.path === '/' &&
      isForm &&
      this.options.services.has('sts')
      ? 'sts'
      : 's3'
  }

  private async admit(
    claim: SignatureClaim | null,
    query: string,
    entries: readonly QueryEntry[],
  ): Promise<ServiceRequest> {
    const { clock, credentials } = this.options
    const { method, path } = this.record
    const nowMs = clock.nowMs()
    const isS3 = this.record.service === 's3'
    const sentHash = claim?.payloadHash ?? this.headers['x-amz-content-sha256'] ?? null
    if (isS3 && claim !== null && sentHash === null) {
      throw new AwsError(
        400,
        'InvalidRequest',
        'Missing required header for this request: x-amz-content-sha256',
      )
    }
    if (isS3 && sentHash !== null) checkPayloadHash(sentHash, this.headers)
    const body = new IncomingBody(
      this.message,
      this.response,
      this.headers,
      isS3 ? sentHash : null,
      this.expectsContinue,
    )
    this.body = body
    const form = isS3 ? null : await body.read(maxFormBytes)
    let principal = anonymous
    if (claim !== null) {
      const canonicalPath = isS3
        ? path
            .split('/')
            .map((segment) => encodePercent(decodePercent(segment)).replaceAll('%2F', '/'))
            .join('/')
        : path
      const payloadHash =
        form === null ? (sentHash ?? emptySha256) : createHash('sha256').update(form).digest('hex')
      const wire = { method, path: canonicalPath, query: entries, headers: this.headers }
      const verified = await verifyClaim(claim, wire, payloadHash, credentials, nowMs)
      principal = verified.principal
      body.signChunksWith(verified.signer, claim)
    }
    this.record.principalArn = principal.arn
    return {
      id: this.record.id,
      method,
      path,
      query,
      headers: claim?.type === 'query' ? { ...hoistedHeaders(entries), ...this.headers } : this.headers,
      body: form === null ? body : new ReadBody(form),
      principal,
      signature: {
        type: claim?.type ?? 'anonymous',
        accessKeyId: claim?.accessKeyId ?? null,
        region: claim?.region ?? null,
        signedMs: claim?.signedMs ?? null,
        contentSha256: sentHash,
      },
      nowMs,
      sourceIp: (this.message.socket.remoteAddress ?? '127.0.0.1').replace(/^::ffff:/, ''),
      // The sandbox plays the endpoint behind TLS; whoever wants to be seen without it says so, as a proxy would.
      secureTransport: this.headers['x-forwarded-proto'] !== 'http',
    }
  }

  private refuse(service: Service, error: unknown): ServiceReply {
    const awsError =
      error instanceof AwsError
        ? error
        : new AwsError(500, 'InternalError', 'We encountered an internal error. Please try again.')
    if (!(error instanceof AwsError)) this.options.onDefect(error)
    return service.renderError(awsError, this.record)
  }

  private async meetFault(fault: FaultKind): Promise<'gone' | 'here'> {
    const { faults } = this.options
    if (faults === null) return 'here'
    const strike = () => this.strike(fault)
    switch (fault) {
      case 'internal-error':
        strike()
        throw new AwsError(500, 'InternalError', 'We encountered an internal error. Please try again.')
      case 'slow-down':
        strike()
        throw new AwsError(503, 'SlowDown', 'Please reduce your request rate.')
      case 'too-many-requests':
        strike()
        throw new AwsError(429, 'TooManyRequests', 'Please reduce your request rate.')
      case 'expired-token':
        strike()
        throw new AwsError(400, 'ExpiredToken', 'The provided token has expired.')
      case 'reset-before':
        strike()
        this.reset()
        return 'gone'
      case 'stall':
        strike()
        await waitUnlessClosed(this.response, faults.stallMs)
        this.reset()
        return 'gone'
      case 'slow-answer':
        strike()
        await waitUnlessClosed(this.response, faults.slowMs)
        return 'here'
      case 'skewed-date':
        strike()
        return 'here'
      case 'reset-after':
      case 'internal-error-after':
      case 'torn-body':
      case 'flipped-byte':
      case 'wrong-range':
      case 'whole-body':
      case 'short-page':
        return 'here'
    }
  }

  private strike(fault: FaultKind | null): void {
    if (fault === null) return
    this.options.faults?.count(fault)
    this.record.fault = fault
  }

  private afterEffect(service: Service, fault: FaultKind | null, reply: ServiceReply): ServiceReply {
    if (fault !== 'reset-after' && fault !== 'internal-error-after') return reply
    this.strike(fault)
    if (typeof reply.body === 'object' && 'destroy' in reply.body) reply.body.destroy()
    return fault === 'reset-after'
      ? reply
      : service.renderError(
          new AwsError(500, 'InternalError', 'We encountered an internal error. Please try again.'),
          this.record,
        )
  }

  private async send(reply: ServiceReply, fault: FaultKind | null): Promise<void> {
    const { clock, faults } = this.options
    this.record.operation = reply.operation ?? null
    this.record.status = reply.status
    this.record.errorCode = reply.errorCode ?? null
    const unread = this.body === null ? !this.message.complete : this.body.isUnread
    if (fault === 'torn-body' || fault === 'flipped-byte') this.record.fault = fault
    this.record.sentBytes = await sendReply(this.response, reply, {
      method: this.record.method,
      requestId: this.record.id,
      nowMs:
        clock.nowMs() +
        (fault === 'skewed-date' && faults !== null
          ? faults.skewMs * (faults.position(2) === 0 ? -1 : 1)
          : 0),
      close: unread,
      fault,
      faults,
    })
    this.record.receivedBytes = this.body?.receivedBytes ?? 0
    if (unread && this.body?.awaitsContinue !== true) drain(this.message, this.response)
  }

  private reset(): void {
    this.message.socket.resetAndDestroy()
  }
}
