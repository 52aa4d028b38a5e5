// The object-store port on S3, and on stores that speak its protocol. It adds objects and reads versions, and does
// nothing else.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Readable } from 'node:stream'
import {
  GetObjectCommand,
  GetObjectLockConfigurationCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { HoldfastError } from '../core/errors.ts'
import { retryAfterDelay, sdkAttempts, truncatedReadRetry } from '../core/retry.ts'
import type { DelayedRetryPolicy } from '../core/retry.ts'
import type {
  LockDefault,
  ObjectRef,
  ObjectState,
  ObjectStore,
  ObjectVersion,
  PutReply,
} from '../core/store/object-store.ts'
import { resolveCredentials } from './credentials.ts'
import type { CredentialProvider, RenewedCredentials, RoleToAssume } from './credentials.ts'
import { translateError } from './error-translation.ts'
import { readRange } from './ranged-read.ts'
import type { RequestCounts } from './request-count.ts'
import { S3Calls, withContext } from './s3-calls.ts'
import { defaultDeadlines, S3Connection } from './s3-connection.ts'
import type { Deadlines } from './s3-connection.ts'
import { VersionPager } from './version-listing.ts'
import type { VersionPage } from './version-listing.ts'
import { readLockMode, readVersionState } from './version-state.ts'

export interface S3Settings {
  bucket: string
  /** Default: the SDK's region (AWS_REGION, profile), else us-east-1. */
  region?: string
  /** An S3-compatible store's URL. Default: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, else AWS. */
  endpoint?: string
  role?: RoleToAssume
  readMfaCode?: (serial: string) => Promise<string>
  /** Default: the SDK's chain. */
  credentials?: CredentialProvider
  deadlines?: Partial<Deadlines>
  /** Maximum attempts of the SDK at one read, and of ours at a truncated body. Default 5. */
  readAttempts?: number
  environment?: Record<string, string | undefined>
  /** Ends every call in progress; they reject with its reason. */
  signal?: AbortSignal
}

/** A store on `settings.bucket`. Sends nothing before the first call. */
export function openS3ObjectStore(settings: S3Settings): S3ObjectStore {
  const environment = settings.environment ?? process.env
  const endpoint = settings.endpoint ?? environment['AWS_ENDPOINT_URL_S3'] ?? environment['AWS_ENDPOINT_URL']
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
  })
  const readAttempts = settings.readAttempts ?? sdkAttempts.read
  const connection = new S3Connection({
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    credentials,
    deadlines: { ...defaultDeadlines, ...settings.deadlines },
    readAttempts,
    ...(settings.signal === undefined ? {} : { signal: settings.signal }),
  })
  return new S3ObjectStore(
    { bucket: settings.bucket, ...(endpoint === undefined ? {} : { endpoint }) },
    connection,
    credentials,
    readAttempts,
  )
}

async function resolveRegion(explicit: string | undefined): Promise<string> {
  if (explicit !== undefined) return explicit
  return new S3Client({}).config.region().catch(() => 'us-east-1')
}

export class S3ObjectStore implements ObjectStore {
  /** Includes the endpoint, because a writer's cache must not mix up equal buckets of two stores. */
  readonly name: string
  private readonly address: string
  private readonly bucket: string
  private readonly connection: S3Connection
  private readonly calls: S3Calls
  private readonly readRetry: DelayedRetryPolicy

  /** Use `openS3ObjectStore`. */
  constructor(
    location: { bucket: string; endpoint?: string },
    connection: S3Connection,
    credentials: RenewedCredentials,
    readAttempts: number,
  ) {
    this.address = `s3://${location.bucket}`
    this.name =
      location.endpoint === undefined
        ? this.address
        : `${this.address} at ${new URL(location.endpoint).origin}`
    this.bucket = location.bucket
    this.connection = connection
    this.calls = new S3Calls(connection, credentials)
    this.readRetry = { ...truncatedReadRetry, maxAttempts: readAttempts }
  }

  /** Requests sent so far, including repeated attempts. */
  get requests(): RequestCounts {
    return this.connection.counter.snapshot()
  }

  /** The store's clock by its last response; null before the first one. */
  get serverTimeMs(): number | null {
    return this.connection.serverTimeMs()
  }

  close(): void {
    this.connection.close()
  }

  async putIfAbsent(key: string, body: Uint8Array, sha256: string): Promise<PutReply> {
    const checksum = Buffer.from(sha256, 'hex').toString('base64')
    const command = new PutObjectCommand({
      Bucket: this.bucket,
      Key: key,
      Body: body,
      ContentLength: body.length,
      IfNoneMatch: '*',
      ChecksumSHA256: checksum,
    })
    // Set the digest for the signature here, so that the SDK does not hash the body a second time.
    command.middlewareStack.add(
      (next) => (args) => {
        const request = args.request as { headers: Record<string, string> }
        request.headers['x-amz-content-sha256'] = sha256
        return next(args)
      },
      { step: 'build', name: 'holdfastPayloadHash' },
    )
    const operation = `writing ${this.address}/${key}`
    const output = await this.calls.attempt(operation, () =>
      this.connection.forWrites.send(command, { abortSignal: this.connection.deadline(body.length) }),
    )
    if (output.VersionId === undefined || output.VersionId === 'null') {
      throw new HoldfastError(
        'vault-unsafe',
        `${this.name} keeps no versions: its objects could be overwritten`,
        {
          hint: 'use a bucket with versioning and Object Lock: `pulumi up` creates one',
        },
      )
    }
    if (output.ChecksumSHA256 !== undefined && output.ChecksumSHA256 !== checksum) {
      throw new HoldfastError('unreachable', `${operation} failed: the store has other bytes than we sent`, {
        retryable: true,
      })
    }
    return { versionId: output.VersionId, serverTimeMs: this.dateOf(this.connection.headOf(output).headers) }
  }

  async getRange(
    ref: ObjectRef,
    offset: number,
    bytes: number,
    buffer?: SharedArrayBuffer,
  ): Promise<Uint8Array> {
    if (
      !Number.isSafeInteger(offset) ||
      !Number.isSafeInteger(bytes) ||
      offset < 0 ||
      bytes < 0 ||
      !Number.isSafeInteger(offset + bytes)
    ) {
      throw new HoldfastError('damaged', `${bytes} bytes at ${offset} are not a range of an object`)
    }
    // HTTP can't express an empty range.
    if (bytes === 0) return new Uint8Array(0)
    return retryAfterDelay(this.readRetry, { random: Math.random, sleep }, () =>
      this.readOnce(ref, offset, bytes, buffer),
    )
  }

  headVersion(ref: ObjectRef): Promise<ObjectState> {
    return readVersionState(this.calls, this.bucket, ref, () => this.readOnce(ref, 0, 1))
  }

  async *listVersions(prefix: string): AsyncIterable<ObjectVersion> {
    for await (const page of this.listPages(prefix)) yield* page.entries
  }

  async listFolders(prefix: string): Promise<string[]> {
    const names = new Set<string>()
    for await (const page of this.listPages(prefix, '/')) {
      for (const folder of page.folders) names.add(folder.slice(prefix.length, -1))
    }
    return [...names]
  }

  async lockDefault(): Promise<LockDefault> {
    const command = new GetObjectLockConfigurationCommand({ Bucket: this.bucket })
    let headers: Record<string, string> = {}
    const output = await this.calls.read(`reading the lock of ${this.name}`, async () => {
      try {
        const response = await this.connection.forReads.send(command, {
          abortSignal: this.connection.deadline(0),
        })
        headers = this.connection.headOf(response).headers
        return response
      } catch (error) {
        const raw = error as { name?: unknown; $response?: { headers?: Record<string, string> } }
        if (raw.name !== 'ObjectLockConfigurationNotFoundError') throw error
        headers = raw.$response?.headers ?? {}
        return null
      }
    })
    const configuration = output?.ObjectLockConfiguration
    if (output !== null && configuration?.ObjectLockEnabled !== 'Enabled') {
      throw new HoldfastError(
        'unreachable',
        `reading the lock of ${this.name} failed: the response reports no lock`,
        { retryable: true },
      )
    }
    const retention = configuration?.Rule?.DefaultRetention
    const days = retention?.Days ?? (retention?.Years ?? 0) * 365
    const serverTimeMs = this.dateOf(headers)
    if (retention?.Mode === undefined || days <= 0) return { retention: null, serverTimeMs }
    return { retention: { mode: readLockMode(retention.Mode), days }, serverTimeMs }
  }

  private async *listPages(prefix: string, delimiter?: string): AsyncIterable<VersionPage> {
    const pager = new VersionPager(prefix, this.address)
    for (let isLast = false; !isLast;) {
      const next = pager.next
      const page = await this.calls.read(`listing ${this.address}/${prefix}`, () =>
        this.connection.forReads.send(
          new ListObjectVersionsCommand({
            Bucket: this.bucket,
            Prefix: prefix,
            EncodingType: 'url',
            ...(delimiter === undefined ? {} : { Delimiter: delimiter }),
            ...(next === undefined ? {} : { KeyMarker: next.key }),
            ...(next?.versionId === undefined ? {} : { VersionIdMarker: next.versionId }),
          }),
          { abortSignal: this.connection.deadline(0) },
        ),
      )
      const versionPage = pager.read(page)
      yield versionPage
      isLast = versionPage.isLast
    }
  }

  private async readOnce(
    ref: ObjectRef,
    offset: number,
    bytes: number,
    buffer?: SharedArrayBuffer,
  ): Promise<Uint8Array> {
    const objectName = `${this.address}/${ref.key}`
    const deadline = this.connection.deadline(bytes)
    const output = await this.calls.read(`reading ${objectName}`, () =>
      this.connection.forReads.send(
        new GetObjectCommand({
          Bucket: this.bucket,
          Key: ref.key,
          VersionId: ref.versionId,
          Range: `bytes=${offset}-${offset + bytes - 1}`,
        }),
        { abortSignal: deadline },
      ),
    )
    const response = {
      versionId: output.VersionId,
      contentRange: output.ContentRange,
      contentLength: output.ContentLength,
      body: output.Body as Readable,
    }
    try {
      return await readRange(
        response,
        { objectName, versionId: ref.versionId, offset, bytes, buffer },
        deadline,
      )
    } catch (error) {
      this.connection.throwIfStopped()
      const failure = translateError(error, `reading ${objectName}`)
      // The SDK has already repeated failures before the body, so we mark only failures of the body for our own retry.
      throw failure.retryable ? withContext(failure, { torn: true }) : failure
    }
  }

  private dateOf(headers: Record<string, string>): number {
    const timeMs = Date.parse(headers['date'] ?? '')
    if (!Number.isNaN(timeMs)) return timeMs
    throw new HoldfastError(
      'vault-unsafe',
      `${this.name} sends no time, and retention depends on the store's clock`,
      {
        hint: 'use a store whose responses have a Date header, without a proxy that removes it',
      },
    )
  }
}
