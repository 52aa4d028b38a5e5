// What the embedded cloud asks of a service: it gets a request whose signature was verified, and answers it.

import type { Readable } from 'node:stream'
import type { AccessDecision, AccessRequest, ConditionContext } from '../authorization/access.ts'
import type { DecisionLog } from '../authorization/decision-log.ts'
import type { TurnableClock } from '../clock.ts'
import type { CloudDeclaration } from '../declaration.ts'
import type { CredentialRegistry } from '../identity/credentials.ts'
import type { Principal } from '../identity/principal.ts'
import type { Database } from '../store/database.ts'
import type { AwsError } from './aws-error.ts'

/** A request's payload: decoded from its transfer framing and checked against what was signed, as it passes. */
export interface RequestBody {
  /** Length of the decoded payload in bytes, as declared; null if the client didn't say. */
  readonly bytes: number | null
  /** Once only. Rejects with an AwsError at its end if the payload isn't what was signed. Answers `100-continue`. */
  stream(): AsyncIterable<Buffer>
  /** The whole payload; rejects with an AwsError if it is longer than `limitBytes`. */
  read(limitBytes: number): Promise<Buffer>
  /** SHA-256 that was verified (lower-case hex), once the payload has ended; null if the payload was not signed whole. */
  sha256(): string | null
  /** Trailing headers, once the payload has ended. */
  trailers(): Readonly<Record<string, string>>
}

interface SignatureFacts {
  type: 'header' | 'query' | 'anonymous'
  accessKeyId: string | null
  /** From the credential scope; null for an unsigned request. */
  region: string | null
  /** When the request was signed, by its own date; null for an unsigned request. */
  signedMs: number | null
  /** `x-amz-content-sha256` as sent. */
  contentSha256: string | null
}

export interface ServiceRequest {
  /** The request id that the reply carries, and that the decision log goes by. */
  id: string
  method: string
  /** As on the wire, percent-encoded, from the first slash. */
  path: string
  /** As on the wire, without the question mark; empty if there is none. */
  query: string
  /** Names in lower case; repeated headers joined with a comma. `x-amz-*` of a presigned URL's query are among them. */
  headers: Readonly<Record<string, string>>
  body: RequestBody
  principal: Principal
  signature: SignatureFacts
  /** The sandbox's time of arrival. */
  nowMs: number
  sourceIp: string
  /** Whether the caller came over TLS: the sandbox plays the part of an endpoint behind TLS. See server.ts. */
  secureTransport: boolean
}

export interface ServiceReply {
  status: number
  headers?: Record<string, string>
  /** A Readable needs a `content-length` header. */
  body?: string | Buffer | Readable
  /** Name of the operation, for the request record. */
  operation?: string
  errorCode?: string
}

/** What a service asks to be allowed: the request's own context keys. Keys of the principal are the authorizer's to add. */
export type AccessQuestion = Pick<
  AccessRequest,
  'action' | 'resource' | 'resourceAccountId' | 'resourcePolicy'
> & {
  context?: ConditionContext
}

/** What the sandbox lends to its services. */
export interface ServiceHost {
  directory: string
  database: Database
  clock: TurnableClock
  declaration: CloudDeclaration
  credentials: CredentialRegistry
  decisions: DecisionLog
  /** Asks the authorizer with the global context keys added, and writes the answer to the decision log. Never throws a denial. */
  authorize(request: ServiceRequest, question: AccessQuestion): Promise<AccessDecision>
}

export interface Service {
  /** As in a credential scope: `s3`, `ec2`, `sts`. */
  readonly name: string
  handle(request: ServiceRequest): Promise<ServiceReply>
  /** In the service's own protocol; also for errors of the signature, whose codes are S3's (`InvalidAccessKeyId`, …). */
  renderError(error: AwsError, request: Pick<ServiceRequest, 'id' | 'method' | 'path'>): ServiceReply
  close?(): void
}

export type ServiceFactory = (host: ServiceHost) => Service
