// One HTTP request and its reply, with the faults that they meet. The overview is in gateway.ts.

import { createHash, randomBytes } from 'node:crypto'
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
import type { HttpExchange } from './request-body.ts'
import { drain, waitUnlessClosed } from './unfinished-exchange.ts'
import { hoistedHeaders, joinHeaders } from './wire-headers.ts'

/** One record per request, for reports and tests. */
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
  readonly services: ReadonlyMap<string, Service>
  readonly clock: TurnableClock
  readonly credentials: CredentialRegistry
  readonly faults: FaultInjector | null
  readonly onRequest: (record: RequestRecord) => void
  readonly onDefect: (error: unknown) => void
}

const anonymous: Principal = { kind: 'anonymous', accountId: null, arn: '*' }
// Services other than S3 sign the hash of their whole payload, so the payload is read first. It is a form or
// a small document.
const maxFormBytes = 1024 * 1024
const emptySha256 = createHash('sha256').digest('hex')

const internalError = () =>
  new AwsError(500, 'InternalError', 'We encountered an internal error. Please try again.')

export class Exchange {
  record: RequestRecord
  private readonly http: HttpExchange
  private readonly options: GatewayOptions
  private readonly headers: Record<string, string>
  private body: IncomingBody | null = null

  constructor(http: HttpExchange, options: GatewayOptions) {
    this.http = http
    this.options = options
    this.headers = joinHeaders(http.message.rawHeaders)
    const [path = '/'] = (http.message.url ?? '/').split('?', 1)
    this.record = {
      id: randomBytes(8).toString('hex').toUpperCase(),
      atMs: options.clock.nowMs(),
      service: 's3',
      operation: null,
      method: http.message.method ?? 'GET',
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
      const url = this.http.message.url ?? '/'
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
    reply = this.failAfterEffect(service, fault, reply)
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

  /**
   * An unsigned form is a call of the token service (AssumeRoleWithWebIdentity); any other unsigned request is S3's.
   */
  private anonymousService(): string {
    const { method, path } = this.record
    const isForm = (this.headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded')
    const isStsCall = method === 'POST' && path === '/' && isForm
    return isStsCall && this.options.services.has('sts') ? 'sts' : 's3'
  }

  /** Verifies the signature, and makes the request that the service gets. */
  private async admit(
    claim: SignatureClaim | null,
    query: string,
    entries: readonly QueryEntry[],
  ): Promise<ServiceRequest> {
    const { method, path } = this.record
    const nowMs = this.options.clock.nowMs()
    const isS3 = this.record.service === 's3'
    const payloadHash = claim?.payloadHash ?? this.headers['x-amz-content-sha256'] ?? null
    if (isS3) this.checkS3PayloadHash(claim, payloadHash)
    const body = new IncomingBody(this.http, this.headers, isS3 ? payloadHash : null)
    this.body = body
    const form = isS3 ? null : await body.read(maxFormBytes)
    let principal = anonymous
    if (claim !== null) {
      const wire = {
        method,
        path: isS3 ? canonicalPath(path) : path,
        query: entries,
        headers: this.headers,
        payloadHash:
          form === null ? (payloadHash ?? emptySha256) : createHash('sha256').update(form).digest('hex'),
      }
      const verified = await verifyClaim(claim, wire, this.options.credentials, nowMs)
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
        contentSha256: payloadHash,
      },
      nowMs,
      sourceIp: (this.http.message.socket.remoteAddress ?? '127.0.0.1').replace(/^::ffff:/, ''),
      // The sandbox stands for an endpoint behind TLS. A client without TLS sets `x-forwarded-proto`, as a
      // proxy would.
      secureTransport: this.headers['x-forwarded-proto'] !== 'http',
    }
  }

  private checkS3PayloadHash(claim: SignatureClaim | null, payloadHash: string | null): void {
    if (payloadHash !== null) return checkPayloadHash(payloadHash, this.headers)
    if (claim === null) return
    throw new AwsError(
      400,
      'InvalidRequest',
      'Missing required header for this request: x-amz-content-sha256',
    )
  }

  private refuse(service: Service, error: unknown): ServiceReply {
    if (error instanceof AwsError) return service.renderError(error, this.record)
    this.options.onDefect(error)
    return service.renderError(internalError(), this.record)
  }

  /** `gone` if the fault has ended the connection. Throws the error that the fault stands for. */
  private async meetFault(fault: FaultKind): Promise<'gone' | 'here'> {
    const { faults } = this.options
    if (faults === null) return 'here'
    const { response } = this.http
    switch (fault) {
      case 'internal-error':
        this.strike(fault)
        throw internalError()
      case 'slow-down':
        this.strike(fault)
        throw new AwsError(503, 'SlowDown', 'Please reduce your request rate.')
      case 'too-many-requests':
        this.strike(fault)
        throw new AwsError(429, 'TooManyRequests', 'Please reduce your request rate.')
      case 'expired-token':
        this.strike(fault)
        throw new AwsError(400, 'ExpiredToken', 'The provided token has expired.')
      case 'reset-before':
        this.strike(fault)
        this.reset()
        return 'gone'
      case 'stall':
        this.strike(fault)
        await waitUnlessClosed(response, faults.stallMs)
        this.reset()
        return 'gone'
      case 'slow-answer':
        this.strike(fault)
        await waitUnlessClosed(response, faults.slowMs)
        return 'here'
      case 'skewed-date':
        this.strike(fault)
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

  /** The service has done its work, but the client gets an error or a reset. */
  private failAfterEffect(service: Service, fault: FaultKind | null, reply: ServiceReply): ServiceReply {
    if (fault !== 'reset-after' && fault !== 'internal-error-after') return reply
    this.strike(fault)
    if (typeof reply.body === 'object' && 'destroy' in reply.body) reply.body.destroy()
    return fault === 'reset-after' ? reply : service.renderError(internalError(), this.record)
  }

  private async send(reply: ServiceReply, fault: FaultKind | null): Promise<void> {
    const { clock, faults } = this.options
    const { message, response } = this.http
    this.record.operation = reply.operation ?? null
    this.record.status = reply.status
    this.record.errorCode = reply.errorCode ?? null
    const isUnread = this.body === null ? !message.complete : this.body.isUnread
    if (fault === 'torn-body' || fault === 'flipped-byte') this.record.fault = fault
    const skewMs =
      fault === 'skewed-date' && faults !== null ? faults.skewMs * (faults.position(2) === 0 ? -1 : 1) : 0
    this.record.sentBytes = await sendReply(response, reply, {
      method: this.record.method,
      requestId: this.record.id,
      nowMs: clock.nowMs() + skewMs,
      close: isUnread,
      fault,
      faults,
    })
    this.record.receivedBytes = this.body?.receivedBytes ?? 0
    if (isUnread && this.body?.awaitsContinue !== true) drain(message, response)
  }

  private reset(): void {
    this.http.message.socket.resetAndDestroy()
  }
}

/** S3 signs each segment of the path escaped once. */
function canonicalPath(path: string): string {
  return path
    .split('/')
    .map((segment) => encodePercent(decodePercent(segment)).replaceAll('%2F', '/'))
    .join('/')
}
