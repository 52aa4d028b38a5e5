// The contract between the gateway and a service: a service gets a verified request and returns a reply.

import type { Readable } from 'node:stream'
import type { AccessDecision, AccessRequest, ConditionContext } from '../authorization/access.ts'
import type { DecisionLog } from '../authorization/decision-log.ts'
import type { TurnableClock } from '../clock.ts'
import type { CloudDeclaration } from '../declaration.ts'
import type { CredentialRegistry } from '../identity/credentials.ts'
import type { Principal } from '../identity/principal.ts'
import type { Database } from '../store/database.ts'
import type { AwsError } from './aws-error.ts'

/** The payload of a request. It is decoded, and verified against the signature, while it is read. */
export interface RequestBody {
  /** Declared length of the decoded payload in bytes; null if the client declared none. */
  readonly bytes: number | null
  /**
   * To be called once. Sends `100 Continue`. Rejects with an AwsError at the end if the payload isn't what
   * was signed.
   */
  stream(): AsyncIterable<Buffer>
  /** Reads the whole payload. Rejects with an AwsError if it is longer than `limitBytes`. */
  read(limitBytes: number): Promise<Buffer>
  /**
   * Verified SHA-256 (lower-case hex), once the payload has ended; null if the signature doesn't cover the
   * payload as a whole.
   */
  sha256(): string | null
  /** Trailing headers, once the payload has ended. */
  trailers(): Readonly<Record<string, string>>
}

interface SignatureFacts {
  type: 'header' | 'query' | 'anonymous'
  accessKeyId: string | null
  /** From the credential scope; null for an unsigned request. */
  region: string | null
  /** The time in the signature; null for an unsigned request. */
  signedMs: number | null
  /** `x-amz-content-sha256` as sent. */
  contentSha256: string | null
}

export interface ServiceRequest {
  /** The id of the request, in its reply and in the decision log. */
  id: string
  method: string
  /** As on the wire, percent-encoded, from the first slash. */
  path: string
  /** As on the wire, without the question mark; empty if there is none. */
  query: string
  /**
   * Names in lower case; repeated headers joined with a comma. Includes the `x-amz-*` parameters of a
   * presigned URL.
   */
  headers: Readonly<Record<string, string>>
  body: RequestBody
  principal: Principal
  signature: SignatureFacts
  /** The sandbox's time at the arrival of the request. */
  nowMs: number
  sourceIp: string
  /** Whether the client came over TLS. The sandbox stands for an endpoint behind TLS: see gateway/exchange.ts. */
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

/** A service's question to the authorizer, with the condition keys of its operation. */
export type AccessQuestion = Pick<
  AccessRequest,
  'action' | 'resource' | 'resourceAccountId' | 'resourcePolicy'
> & {
  context?: ConditionContext
}

/** How a listing of versions differs from S3's. */
export interface ListingBehaviour {
  /** Times have milliseconds, as on MinIO and Ceph RGW; S3 lists whole seconds. */
  milliseconds?: boolean
  /** A version appears in listings after this time; S3 lists it at once. */
  lagMs?: number
}

/** The parts of the sandbox that its services use. */
export interface ServiceHost {
  directory: string
  database: Database
  clock: TurnableClock
  declaration: CloudDeclaration
  credentials: CredentialRegistry
  decisions: DecisionLog
  listing: ListingBehaviour
  /** Completes the condition keys, asks the authorizer, and logs the decision. Returns a denial; never throws it. */
  authorize(request: ServiceRequest, question: AccessQuestion): Promise<AccessDecision>
}

export interface Service {
  /** The name in a credential scope: `s3`, `ec2`, `sts`. */
  readonly name: string
  handle(request: ServiceRequest): Promise<ServiceReply>
  /**
   * Renders an error in the service's own protocol. Errors of the signature come with S3's codes
   * (`InvalidAccessKeyId`, …).
   */
  renderError(error: AwsError, request: Pick<ServiceRequest, 'id' | 'method' | 'path'>): ServiceReply
  close?(): void
}

export type ServiceFactory = (host: ServiceHost) => Service
