// One S3 request while the sandbox serves it: the bucket and key that it names, and its permissions.

import type { AccessDecision, ConditionContext } from '../authorization/access.ts'
import { BoundedCache } from '../authorization/bounded-cache.ts'
import { denialMessage } from '../authorization/decision.ts'
import { AwsError, denyAccess } from '../protocol/aws-error.ts'
import type { ServiceHost, ServiceRequest } from '../protocol/service.ts'
import { decodePercent, parseQuery } from '../signature/query.ts'
import type { ObjectFiles } from '../store/object-files.ts'
import { keyBytes } from './catalog/catalog.ts'
import type { Catalog } from './catalog/catalog.ts'
import type { Bucket } from './model.ts'
import { readClaimedChecksum, readContentMd5, receivePayload } from './objects/checksum.ts'

export interface S3Stores {
  host: ServiceHost
  catalog: Catalog
  files: ObjectFiles
}

const maxKeyBytes = 1024
/** The limit for a document that configures a bucket. */
export const maxBucketDocumentBytes = 256 * 1024
const policyActions = new Set(['s3:PutBucketPolicy', 's3:GetBucketPolicy', 's3:DeleteBucketPolicy'])

export class S3Call {
  readonly request: ServiceRequest
  readonly stores: S3Stores
  readonly bucketName: string | null
  readonly key: string | null
  readonly query: ReadonlyMap<string, string>

  constructor(request: ServiceRequest, stores: S3Stores) {
    this.request = request
    this.stores = stores
    const { bucketName, key } = readTarget(request)
    this.bucketName = bucketName
    this.key = key
    // The first of repeated parameters counts. The signature covers all.
    const query = new Map<string, string>()
    for (const { name, value } of parseQuery(request.query)) if (!query.has(name)) query.set(name, value)
    this.query = query
  }

  get catalog(): Catalog {
    return this.stores.catalog
  }

  get files(): ObjectFiles {
    return this.stores.files
  }

  get nowMs(): number {
    return this.stores.host.clock.nowMs()
  }

  header(name: string): string | null {
    return this.request.headers[name] ?? null
  }

  flag(name: string): boolean {
    return this.header(name)?.toLowerCase() === 'true'
  }

  requireKey(): string {
    if (this.key === null) throw new AwsError(400, 'InvalidRequest', 'A key is required')
    if (keyBytes(this.key).length > maxKeyBytes)
      throw new AwsError(400, 'KeyTooLongError', 'Your key is too long', {
        fields: { Size: String(keyBytes(this.key).length), MaxSizeAllowed: String(maxKeyBytes) },
      })
    return this.key
  }

  /** The bucket that the request names. Throws NoSuchBucket, and S3's errors for a wrong region or owner. */
  requireBucket(): Bucket {
    const bucket = this.findBucket(this.bucketName ?? '')
    const { region } = this.request.signature
    if (region !== null && region !== bucket.region) {
      throw new AwsError(
        400,
        'AuthorizationHeaderMalformed',
        `The authorization header is malformed; the region '${region}' is wrong; expecting '${bucket.region}'`,
        {
          fields: { Region: bucket.region },
          headers: { 'x-amz-bucket-region': bucket.region },
        },
      )
    }
    this.expectOwner(bucket, 'x-amz-expected-bucket-owner')
    return bucket
  }

  /** The bucket of a copy's source, in any region. */
  findSourceBucket(name: string): Bucket {
    const bucket = this.findBucket(name)
    this.expectOwner(bucket, 'x-amz-source-expected-bucket-owner')
    return bucket
  }

  findBucket(name: string): Bucket {
    const bucket = this.catalog.findBucket(name)
    if (bucket === null)
      throw new AwsError(404, 'NoSuchBucket', 'The specified bucket does not exist', {
        fields: { BucketName: name },
      })
    return bucket
  }

  private expectOwner(bucket: Bucket, header: string): void {
    const expected = this.header(header)
    if (expected !== null && expected !== bucket.accountId) throw denyAccess()
  }

  /** Throws AccessDenied unless `action` is allowed on the bucket, or on `key` in it. */
  async allow(
    bucket: Bucket,
    action: string,
    key: string | null = null,
    context: ConditionContext = {},
  ): Promise<void> {
    const decision = await this.decide(bucket, action, key, context)
    if (decision.allowed) return
    const { principal } = this.request
    // S3 tells callers of the bucket's own account which kind of policy refused, and tells other callers
    // nothing.
    // https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html
    const isOwn = principal.accountId === bucket.accountId && decision.result.includes(' in ')
    throw isOwn
      ? denyAccess(denialMessage({ principal, action, resource: arnOf(bucket, key) }, decision))
      : denyAccess()
  }

  async isAllowed(
    bucket: Bucket,
    action: string,
    key: string | null = null,
    context: ConditionContext = {},
  ): Promise<boolean> {
    return (await this.decide(bucket, action, key, context)).allowed
  }

  private decide(
    bucket: Bucket,
    action: string,
    key: string | null,
    context: ConditionContext,
  ): Promise<AccessDecision> {
    return this.stores.host.authorize(this.request, {
      action,
      resource: arnOf(bucket, key),
      resourceAccountId: bucket.accountId,
      resourcePolicy: this.policyFor(bucket, action),
      context,
    })
  }

  // The root user of the owning account can always read, replace and remove the bucket's policy, even against
  // its denies.
  // https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html
  private policyFor(bucket: Bucket, action: string): Record<string, unknown> | null {
    const { principal } = this.request
    if (policyActions.has(action) && principal.kind === 'root' && principal.accountId === bucket.accountId)
      return null
    const document = this.catalog.readConfiguration(bucket.id, 'policy')
    return document === null ? null : parseOnce(document)
  }

  recordLock(action: string, bucket: Bucket, key: string, reason: string): void {
    const subject = { request: this.request, action, resource: arnOf(bucket, key) }
    this.stores.host.decisions.recordLock(subject, reason)
  }

  /** Reads the whole payload and verifies its digests. With `needsDigest`, Content-MD5 or a checksum is required. */
  async readDocument(limitBytes: number, needsDigest = false): Promise<Buffer> {
    const { body, headers } = this.request
    if (needsDigest && readContentMd5(headers) === null && readClaimedChecksum(headers) === null) {
      throw new AwsError(
        400,
        'InvalidRequest',
        'Missing required header for this request: Content-MD5 OR x-amz-checksum-*',
      )
    }
    const tooLong = () =>
      new AwsError(400, 'MaxMessageLengthExceeded', 'Your request was too big.', {
        fields: { MaxMessageLengthBytes: String(limitBytes) },
      })
    if (body.bytes !== null && body.bytes > limitBytes) throw tooLong()
    const parts: Buffer[] = []
    let length = 0
    await receivePayload(body, headers, (part) => {
      length += part.length
      if (length > limitBytes) throw tooLong()
      parts.push(part)
    })
    return Buffer.concat(parts)
  }
}

const parsedPolicies = new BoundedCache<Record<string, unknown>>(1_000)

/** The same object for the same text, because the authorizer compiles each object once. */
function parseOnce(text: string): Record<string, unknown> {
  let document = parsedPolicies.get(text)
  if (document === undefined)
    parsedPolicies.set(text, (document = JSON.parse(text) as Record<string, unknown>))
  return document
}

function arnOf(bucket: { name: string }, key: string | null): string {
  return key === null ? `arn:aws:s3:::${bucket.name}` : `arn:aws:s3:::${bucket.name}/${key}`
}

// The host carries the bucket in `bucket.localhost`, `bucket.s3.localhost` and AWS's own names. Any other
// host means path style.
function readTarget(request: ServiceRequest): { bucketName: string | null; key: string | null } {
  const host = (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase()
  const inHost = /^(.+?)(?:\.s3(?:[.-][a-z0-9-]+)?)?\.(?:localhost|amazonaws\.com)$/.exec(host)?.[1]
  const path = request.path.slice(1)
  if (inHost !== undefined && inHost !== 's3' && !/^s3[.-]/.test(inHost))
    return { bucketName: inHost, key: path === '' ? null : decodePercent(path) }
  const slash = path.indexOf('/')
  const [name, key] = slash === -1 ? [path, ''] : [path.slice(0, slash), path.slice(slash + 1)]
  if (name === '' && key !== '')
    throw new AwsError(400, 'InvalidBucketName', 'The specified bucket is not valid.', {
      fields: { BucketName: '' },
    })
  return { bucketName: name === '' ? null : decodePercent(name), key: key === '' ? null : decodePercent(key) }
}
