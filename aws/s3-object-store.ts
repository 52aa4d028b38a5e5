// The object-store port on S3 and everything that speaks its protocol. Adds objects and reads versions; nothing else.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Readable } from 'node:stream'
import {
  GetObjectCommand, GetObjectLockConfigurationCommand, GetObjectRetentionCommand, HeadObjectCommand, ListObjectVersionsCommand,
  PutObjectCommand, S3Client,
} from '@aws-sdk/client-s3'
import { HoldfastError, isHoldfastError } from '../core/errors.ts'
import type { LockDefault, LockMode, ObjectRef, ObjectState, ObjectStore, ObjectVersion, PutReply } from '../core/object-store.ts'
import { resolveCredentials } from './credentials.ts'
import type { CredentialProvider, RenewedCredentials, RoleToAssume } from './credentials.ts'
import { translateError } from './error-translation.ts'
import { readRange } from './ranged-read.ts'
import type { RequestCounts } from './request-count.ts'
import { defaultDeadlines, S3Connection } from './s3-connection.ts'
import type { Deadlines } from './s3-connection.ts'
import { VersionPager } from './version-listing.ts'
import type { VersionPage } from './version-listing.ts'

export interface S3Settings {
  bucket: string
  /** Default: what the SDK finds (AWS_REGION, profile), else us-east-1. */
  region?: string
  /** An S3-compatible store's URL. Default: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, else AWS. */
  endpoint?: string
  role?: RoleToAssume
  readMfaCode?: (serial: string) => Promise<string>
  /** Default: the SDK's chain. */
  credentials?: CredentialProvider
  deadlines?: Partial<Deadlines>
  /** Attempts at one read by the SDK, and again at a body that came torn. Default 5. */
  readAttempts?: number
  environment?: Record<string, string | undefined>
  /** Ends every call that is under way; they reject with its reason. */
  signal?: AbortSignal
}

/** A store on `settings.bucket`. Nothing is asked of the network before the first call. */
export function openS3ObjectStore(settings: S3Settings): S3ObjectStore {
  const environment = settings.environment ?? process.env
  const endpoint = settings.endpoint ?? environment['AWS_ENDPOINT_URL_S3'] ?? environment['AWS_ENDPOINT_URL']
  if (endpoint !== undefined && !URL.canParse(endpoint)) {
    throw new HoldfastError('invalid-input', 'the endpoint is not a URL', { hint: 'pass it as https://host:port' })
  }
  // A store given by --endpoint has its token service there too; AWS's own is found by the SDK.
  const stsEndpoint = environment['AWS_ENDPOINT_URL_STS'] ?? settings.endpoint ?? environment['AWS_ENDPOINT_URL']
  const region = () => resolveRegion(settings.region)
  const credentials = resolveCredentials({
    region,
    environment,
    ...(stsEndpoint === undefined ? {} : { stsEndpoint }),
    ...(settings.role === undefined ? {} : { role: settings.role }),
    ...(settings.readMfaCode === undefined ? {} : { readMfaCode: settings.readMfaCode }),
    ...(settings.credentials === undefined ? {} : { base: settings.credentials }),
  })
  const readAttempts = settings.readAttempts ?? 5
  const connection = new S3Connection({
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    credentials,
    deadlines: { ...defaultDeadlines, ...settings.deadlines },
    readAttempts,
    ...(settings.signal === undefined ? {} : { signal: settings.signal }),
  })
  return new S3ObjectStore({ bucket: settings.bucket, ...(endpoint === undefined ? {} : { endpoint }) }, connection, credentials, readAttempts)
}

async function resolveRegion(explicit: string | undefined): Promise<string> {
  if (explicit !== undefined) return explicit
  return new S3Client({}).config.region().catch(() => 'us-east-1')
}

export class S3ObjectStore implements ObjectStore {
  /** Unlike the bucket alone, it tells stores at different endpoints apart: a writer's cache goes by it. */
  readonly name: string
  private readonly address: string
  private readonly bucket: string
  private readonly connection: S3Connection
  private readonly credentials: RenewedCredentials
  private readonly readAttempts: number

  /** Use `openS3ObjectStore`. */
  constructor(place: { bucket: string; endpoint?: string }, connection: S3Connection, credentials: RenewedCredentials, readAttempts: number) {
    this.address = `s3://${place.bucket}`
    this.name = place.endpoint === undefined ? this.address : `${this.address} at ${new URL(place.endpoint).origin}`
    this.bucket = place.bucket
    this.connection = connection
    this.credentials = credentials
    this.readAttempts = readAttempts
  }

  /** Requests sent so far, each attempt counted. */
  get requests(): RequestCounts {
    return this.connection.counter.snapshot()
  }

  /** The store's clock by its last reply; null before the first. Reads and writes alike carry it. */
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
    // The signature covers the same digest: given here, the SDK needn't hash the body a second time.
    command.middlewareStack.add(
      (next) => (args) => {
        const request = args.request as { headers: Record<string, string> }
        request.headers['x-amz-content-sha256'] = sha256
        return next(args)
      },
      { step: 'build', name: 'holdfastPayloadHash' },
    )
    const operation = `writing ${this.address}/${key}`
    const output = await this.attempt(operation, () => this.connection.forWrites.send(command, { abortSignal: this.connection.deadline(body.length) }))
    if (output.VersionId === undefined || output.VersionId === 'null') {
      throw new HoldfastError('vault-unsafe', `${this.name} keeps no versions: what is written there could be overwritten`, {
        hint: 'use a bucket with versioning and Object Lock, as `pulumi up` makes it',
      })
    }
    if (output.ChecksumSHA256 !== undefined && output.ChecksumSHA256 !== checksum) {
      throw new HoldfastError('unreachable', `${operation} failed: the store holds other bytes than were sent`, { retryable: true })
    }
    return { versionId: output.VersionId, serverTimeMs: this.dateOf(this.connection.headOf(output).headers) }
  }

  async getRange(ref: ObjectRef, offset: number, bytes: number, memory?: ArrayBuffer): Promise<Uint8Array> {
    if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(bytes) || offset < 0 || bytes < 0 || !Number.isSafeInteger(offset + bytes)) {
      throw new HoldfastError('damaged', `${bytes} bytes at ${offset} are no range that an object can have`)
    }
    // HTTP has no empty range.
    if (bytes === 0) return new Uint8Array(0)
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.readOnce(ref, offset, bytes, memory)
      } catch (error) {
        const again = isHoldfastError(error) && error.context['torn'] === true && attempt < this.readAttempts
        if (!again) throw error
        await sleep(Math.random() * Math.min(5_000, 50 * 2 ** attempt))
      }
    }
  }

  async headVersion(ref: ObjectRef): Promise<ObjectState> {
    const operation = `looking at ${this.address}/${ref.key}`
    const address = { Bucket: this.bucket, Key: ref.key, VersionId: ref.versionId }
    const ask = () => this.read(operation, () => this.connection.forReads.send(
      new HeadObjectCommand({ ...address, ChecksumMode: 'ENABLED' }), { abortSignal: this.connection.deadline(0) },
    ))
    const head = await ask().catch(async (error: unknown) => {
      await this.explainHead(error, ref)
      return ask()
    })
    const lastModifiedMs = head.LastModified?.getTime() ?? Number.NaN
    if (head.ContentLength === undefined || Number.isNaN(lastModifiedMs)) {
      throw new HoldfastError('unreachable', `${operation} failed: the answer lacks size or time`, { retryable: true })
    }
    const digest = Buffer.from(head.ChecksumSHA256 ?? '', 'base64')
    return {
      bytes: head.ContentLength,
      lastModifiedMs,
      // Of an object in parts it would be a digest of digests, marked by its suffix.
      sha256: digest.length === 32 && !head.ChecksumSHA256!.includes('-') ? digest.toString('hex') : null,
      lock: head.ObjectLockMode !== undefined && head.ObjectLockRetainUntilDate !== undefined
        ? { mode: readLockMode(head.ObjectLockMode), untilMs: head.ObjectLockRetainUntilDate.getTime() }
        : await this.lockOf(ref),
    }
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
    const output = await this.read(`reading the lock of ${this.name}`, async () => {
      try {
        const reply = await this.connection.forReads.send(command, { abortSignal: this.connection.deadline(0) })
        headers = this.connection.headOf(reply).headers
        return reply
      } catch (error) {
        const raw = error as { name?: unknown; $response?: { headers?: Record<string, string> } }
        if (raw.name !== 'ObjectLockConfigurationNotFoundError') throw error
        headers = raw.$response?.headers ?? {}
        return null
      }
    })
    const configuration = output?.ObjectLockConfiguration
    if (output !== null && configuration?.ObjectLockEnabled !== 'Enabled') {
      throw new HoldfastError('unreachable', `reading the lock of ${this.name} failed: the answer says nothing of a lock`, { retryable: true })
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
      const page = await this.read(`listing ${this.address}/${prefix}`, () => this.connection.forReads.send(
        new ListObjectVersionsCommand({
          Bucket: this.bucket,
          Prefix: prefix,
          EncodingType: 'url',
          ...(delimiter === undefined ? {} : { Delimiter: delimiter }),
          ...(next === undefined ? {} : { KeyMarker: next.key }),
          ...(next?.versionId === undefined ? {} : { VersionIdMarker: next.versionId }),
        }),
        { abortSignal: this.connection.deadline(0) },
      ))
      const read = pager.read(page)
      yield read
      isLast = read.isLast
    }
  }

  private async readOnce(ref: ObjectRef, offset: number, bytes: number, memory?: ArrayBuffer): Promise<Uint8Array> {
    const what = `${this.address}/${ref.key}`
    const deadline = this.connection.deadline(bytes)
    const output = await this.read(`reading ${what}`, () => this.connection.forReads.send(
      new GetObjectCommand({ Bucket: this.bucket, Key: ref.key, VersionId: ref.versionId, Range: `bytes=${offset}-${offset + bytes - 1}` }),
      { abortSignal: deadline },
    ))
    const reply = {
      versionId: output.VersionId,
      contentRange: output.ContentRange,
      contentLength: output.ContentLength,
      body: output.Body as Readable,
    }
    try {
      return await readRange(reply, { what, versionId: ref.versionId, offset, bytes, memory }, deadline)
    } catch (error) {
      this.connection.throwIfStopped()
      const failure = translateError(error, `reading ${what}`)
      // The SDK has retried what failed before the body; only what came after is ours to repeat.
      throw failure.retryable ? withContext(failure, { torn: true }) : failure
    }
  }

  /**
   * A HEAD's error has no body: an expired session or a wrong secret reads as a bare 400 or 403, and a key that VersityGW
   * doesn't know as 404. A GET of one byte, which needs the same right, tells what it was; or, where it has renewed the
   * session, that it is over.
   */
  private async explainHead(error: unknown, ref: ObjectRef): Promise<void> {
    const saysTooLittle = isHoldfastError(error) && [400, 403, 404].includes(Number(error.context['status']))
    if (!saysTooLittle) throw error
    await this.readOnce(ref, 0, 1).catch((told: unknown) => {
      throw isHoldfastError(told, 'damaged') ? error : told
    })
  }

  /** HEAD leaves the lock out when there is none, and also when the caller may not see it. */
  private async lockOf(ref: ObjectRef): Promise<{ mode: LockMode; untilMs: number } | null | undefined> {
    const command = new GetObjectRetentionCommand({ Bucket: this.bucket, Key: ref.key, VersionId: ref.versionId })
    try {
      const { Retention } = await this.read(`reading the lock of ${this.address}/${ref.key}`, () =>
        this.connection.forReads.send(command, { abortSignal: this.connection.deadline(0) }))
      if (Retention?.Mode === undefined || Retention.RetainUntilDate === undefined) return null
      return { mode: readLockMode(Retention.Mode), untilMs: Retention.RetainUntilDate.getTime() }
    } catch (error) {
      if (isHoldfastError(error, 'denied')) return undefined
      const awsError = isHoldfastError(error) ? error.context['awsError'] : undefined
      // The second is what S3 says of a bucket without Object Lock.
      if (awsError === 'NoSuchObjectLockConfiguration' || awsError === 'InvalidRequest') return null
      throw error
    }
  }

  /** A read, once more if its session had run out and a new one could be had. */
  private async read<Output>(operation: string, call: () => Promise<Output>): Promise<Output> {
    return this.attempt(operation, call).catch((error: unknown) => {
      const hasNewSession = isHoldfastError(error, 'credentials') && error.context['renewed'] === true
      if (!hasNewSession) throw error
      return this.attempt(operation, call)
    })
  }

  /** Runs one call of the SDK; what it throws is translated, and a session that ran out is renewed for the next call. */
  private async attempt<Output>(operation: string, call: () => Promise<Output>): Promise<Output> {
    try {
      return await call()
    } catch (error) {
      this.connection.throwIfStopped()
      const failure = translateError(error, operation)
      if (!/^(ExpiredToken|TokenRefreshRequired)/.test(String(failure.context['awsError']))) throw failure
      const renewed = await this.credentials.renew().catch(() => false)
      throw renewed ? withContext(failure, { renewed }, true) : failure
    }
  }

  private dateOf(headers: Record<string, string>): number {
    const timeMs = Date.parse(headers['date'] ?? '')
    if (!Number.isNaN(timeMs)) return timeMs
    throw new HoldfastError('vault-unsafe', `${this.name} doesn't say what time it is, and retention goes by the store's clock`, {
      hint: 'use a store, and no proxy that removes it, whose replies carry the Date header',
    })
  }
}

function readLockMode(mode: string): LockMode {
  if (mode === 'COMPLIANCE' || mode === 'GOVERNANCE') return mode
  throw new HoldfastError('unsupported-format', 'the store names a mode of Object Lock that is not known', { hint: 'update holdfast' })
}

function withContext(error: HoldfastError, context: HoldfastError['context'], retryable = error.retryable): HoldfastError {
  return new HoldfastError(error.code, error.message, {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    retryable,
    context: { ...error.context, ...context },
    cause: error.cause,
  })
}
