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
import type { ListObjectVersionsCommandOutput } from '@aws-sdk/client-s3'
import { HoldfastError, isHoldfastError } from '../core/errors.ts'
import {
  outageRetry,
  outlastOutage,
  rereadDamaged,
  retryAfterDelay,
  truncatedReadRetry,
} from '../core/retry.ts'
import type { DelayedRetryPolicy, OutageRetryPolicy } from '../core/retry.ts'
import type {
  LockDefault,
  ObjectRef,
  ObjectState,
  ObjectStore,
  ObjectVersion,
  PutReply,
} from '../core/store/object-store.ts'
import { LinkWidth } from '../core/store/link-width.ts'
import type { LinkOutcome } from '../core/store/link-width.ts'
import type { RenewedCredentials } from './credentials.ts'
import { translateError } from './error-translation.ts'
import { readRange } from './ranged-read.ts'
import type { RequestCounts } from './request-count.ts'
import { openS3Access } from './s3-access.ts'
import type { AccessSettings } from './s3-access.ts'
import { S3Calls, withContext } from './s3-calls.ts'
import type { S3Connection } from './s3-connection.ts'
import { VersionPager } from './version-listing.ts'
import type { VersionPage } from './version-listing.ts'
import { readLockMode, readVersionState } from './version-state.ts'

export interface S3Settings extends AccessSettings {
  bucket: string
  /** How long a read waits for a store that has responded before. Default: `outageRetry`. */
  outage?: OutageRetryPolicy
  /** Requests for one large range; the callers send several ranges at once. Default: as the link shows. */
  rangeWidth?: LinkWidth
  onWait?: (wait: StoreWait) => void
}

/** A read that waits for a store that no longer responds. */
export interface StoreWait {
  /** The failure, as text. */
  reason: string
  waitedMs: number
  patienceMs: number
}

/**
 * A store on `settings.bucket`. Sends nothing before the first call.
 * @param access shared with other clients of the same role.
 */
export function openS3ObjectStore(settings: S3Settings, access = openS3Access(settings)): S3ObjectStore {
  assertBucketName(settings.bucket)
  const { connection, credentials, endpoint, readAttempts } = access
  return new S3ObjectStore(
    { bucket: settings.bucket, ...(endpoint === undefined ? {} : { endpoint }) },
    connection,
    credentials,
    {
      readAttempts,
      outage: settings.outage ?? outageRetry,
      onWait: settings.onWait ?? (() => {}),
      rangeWidth: settings.rangeWidth ?? new LinkWidth({ start: 1, max: maxParts }, () => performance.now()),
    },
  )
}

/** A smaller part would be mostly delay, and no measure of the link. */
const minPartBytes = 1024 * 1024
const maxParts = 4

interface PartRequest {
  readonly ref: ObjectRef
  readonly offset: number
  readonly bytes: number
  readonly target?: Buffer | undefined
}

interface ReadSettings {
  rangeWidth: LinkWidth
  readAttempts: number
  outage: OutageRetryPolicy
  onWait: (wait: StoreWait) => void
}

/**
 * The endpoint that the SDK would take from the shared configuration. A writer's cache belongs to one address, so the
 * writer must know the address before the first request.
 */
export async function readProfileEndpoint(): Promise<string | undefined> {
  return new S3Client({}).config.serviceConfiguredEndpoint?.()
}

/** The SDK takes ARNs too, and would then use the region and the account that they name. */
function assertBucketName(bucket: string): void {
  if (/^[\w.-]{1,255}$/.test(bucket)) return
  throw new HoldfastError(
    'invalid-input',
    `${JSON.stringify(bucket.slice(0, 100))} is not the name of a bucket`,
    {
      hint: 'pass --bucket with the name alone: no `s3://`, no path and no ARN',
    },
  )
}

/** Without user, password, query and a last slash. */
function addressOf(endpoint: string): string {
  const { origin, pathname } = new URL(endpoint)
  return origin + pathname.replace(/\/+$/, '')
}

export class S3ObjectStore implements ObjectStore {
  /** Includes the endpoint with its path, because a writer's cache must not mix up equal buckets of two stores. */
  readonly name: string
  private readonly address: string
  private readonly bucket: string
  private readonly connection: S3Connection
  private readonly calls: S3Calls
  private readonly readRetry: DelayedRetryPolicy
  private readonly reads: ReadSettings
  private readonly rangeWidth: LinkWidth

  /** Use `openS3ObjectStore`. */
  constructor(
    location: { bucket: string; endpoint?: string },
    connection: S3Connection,
    credentials: RenewedCredentials,
    reads: ReadSettings,
  ) {
    this.address = `s3://${location.bucket}`
    this.name =
      location.endpoint === undefined ? this.address : `${this.address} at ${addressOf(location.endpoint)}`
    this.bucket = location.bucket
    this.connection = connection
    this.calls = new S3Calls(connection, credentials)
    this.readRetry = { ...truncatedReadRetry, maxAttempts: reads.readAttempts }
    this.reads = reads
    this.rangeWidth = reads.rangeWidth
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
    const parts = Math.min(this.rangeWidth.width, Math.floor(bytes / minPartBytes))
    const target = buffer === undefined ? undefined : Buffer.from(buffer, 0, bytes)
    if (parts <= 1 || target === undefined) return this.readPart(ref, offset, bytes, target)
    const partBytes = Math.ceil(bytes / parts)
    const outcomes = await Promise.allSettled(
      Array.from({ length: parts }, (_, part) => {
        const from = part * partBytes
        const to = Math.min(bytes, from + partBytes)
        return this.readPart(ref, offset + from, to - from, target.subarray(from, to))
      }),
    )
    // Only after all have ended, because the caller may use the buffer again.
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
    return target
  }

  /** Repeats the read, and measures what the link to the store carries. */
  private readPart(ref: ObjectRef, offset: number, bytes: number, target?: Buffer): Promise<Uint8Array> {
    return this.outlast(() =>
      retryAfterDelay(this.readRetry, { random: Math.random, sleep }, async () => {
        if (bytes < minPartBytes) return this.readOnce({ ref, offset, bytes, target })
        return this.measure(bytes, (note) => this.readOnce({ ref, offset, bytes, target }, note))
      }),
    )
  }

  private async measure(
    bytes: number,
    read: (note: (isRepeated: boolean) => void) => Promise<Uint8Array>,
  ): Promise<Uint8Array> {
    const request = this.rangeWidth.begin()
    // The caller of a range waits for it.
    this.rangeWidth.noteWaiting()
    let outcome: LinkOutcome = 'failed'
    try {
      let isSlowed = false
      const body = await read((isRepeated) => (isSlowed = isRepeated))
      outcome = isSlowed ? 'slowed' : 'arrived'
      return body
    } catch (error) {
      if (isHoldfastError(error, 'unreachable', 'throttled')) outcome = 'slowed'
      throw error
    } finally {
      this.rangeWidth.end(request, bytes, outcome)
    }
  }

  headVersion(ref: ObjectRef): Promise<ObjectState> {
    return this.outlast(() =>
      readVersionState(this.calls, this.bucket, ref, () => this.readOnce({ ref, offset: 0, bytes: 1 })),
    )
  }

  async *listVersions(prefix: string, after?: string): AsyncIterable<ObjectVersion> {
    for await (const page of this.listPages(new VersionPager(prefix, this.address, after)))
      yield* page.entries
  }

  async listFolders(prefix: string): Promise<string[]> {
    const names = new Set<string>()
    for await (const page of this.listPages(new VersionPager(prefix, this.address), '/')) {
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

  private async *listPages(pager: VersionPager, delimiter?: string): AsyncIterable<VersionPage> {
    const { prefix } = pager
    for (let isLast = false; !isLast;) {
      const next = pager.next
      const readPage = (): Promise<ListObjectVersionsCommandOutput> =>
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
        )
      // A page that can't be trusted may have been damaged on its way, as the body of an object.
      const versionPage = await rereadDamaged(async () =>
        pager.read(await this.outlast(() => this.calls.read(`listing ${this.address}/${prefix}`, readPage))),
      )
      yield versionPage
      isLast = versionPage.isLast
    }
  }

  /** Repeats a read while a store that has responded before is away. */
  private outlast<Result>(read: () => Promise<Result>): Promise<Result> {
    const { outage, onWait } = this.reads
    const policy: OutageRetryPolicy = {
      ...outage,
      isRetryable: (error) => this.calls.hasSucceeded && outage.isRetryable(error),
    }
    const timing = {
      random: Math.random,
      nowMs: () => performance.now(),
      sleep: (ms: number) => this.connection.sleep(ms),
      onWait: (error: unknown, waitedMs: number) =>
        onWait({ reason: (error as Error).message, waitedMs, patienceMs: outage.patienceMs }),
    }
    return outlastOutage(policy, timing, read)
  }

  /** @param noteRepeated called with true if the SDK repeated the request, which it does after a 503. */
  private async readOnce(
    { ref, offset, bytes, target }: PartRequest,
    noteRepeated: (isRepeated: boolean) => void = () => {},
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
    noteRepeated((output.$metadata.attempts ?? 1) > 1)
    const response = {
      versionId: output.VersionId,
      contentRange: output.ContentRange,
      contentLength: output.ContentLength,
      body: output.Body as Readable,
    }
    try {
      return await readRange(
        response,
        { objectName, versionId: ref.versionId, offset, bytes, target },
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
