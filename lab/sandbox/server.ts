// Starts the embedded cloud on one loopback port. The credential scope of a request's signature names its service.
//
// A sandbox is one SQLite database, object files, a clock, an authorizer, the services (S3, EC2, IAM and KMS, others as
// factories), and the gateway in front of them. gateway/gateway.ts describes the way of a request.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { alarmPathServices } from './alarm-path/service.ts'
import type { Authorizer } from './authorization/access.ts'
import { DecisionLog } from './authorization/decision-log.ts'
import { OwnerAuthorizer } from './authorization/owner-authorizer.ts'
import { TurnableClock } from './clock.ts'
import { requestContext } from './condition-keys/context.ts'
import type { CloudDeclaration } from './declaration.ts'
import { createEc2Service } from './ec2/service.ts'
import { volumeDirectory } from './ec2/volumes.ts'
import type { RequestRecord } from './gateway/exchange.ts'
import { FaultInjector } from './gateway/faults.ts'
import type { FaultPlan } from './gateway/faults.ts'
import { Gateway } from './gateway/gateway.ts'
import { StoredCredentials } from './identity/credentials.ts'
import type { Credentials } from './identity/credentials.ts'
import { createIamService } from './iam/service.ts'
import { createKmsService } from './kms/service.ts'
import type { ListingBehaviour, Service, ServiceFactory, ServiceHost } from './protocol/service.ts'
import { restrictsPublic } from './s3/catalog/catalog.ts'
import { createS3Service } from './s3/service.ts'
import { openDatabase, readSetting, writeSetting } from './store/database.ts'

export interface SandboxOptions {
  /** The directory of all state; created if absent. Only one sandbox may use it at a time. */
  directory: string
  declaration: CloudDeclaration
  /** A free port by default, or for 0. */
  port?: number
  host?: '127.0.0.1'
  /** Default: the wall clock plus all turns so far, which the directory remembers. */
  clock?: TurnableClock
  /**
   * Default: an account may do everything in itself, and no other caller anything. A function gets the
   * state that can change.
   */
  authorizer?: Authorizer | ((live: LiveCloud) => Promise<Authorizer>)
  /** Services beside S3, EC2, IAM and KMS, such as the token service. */
  services?: readonly ServiceFactory[]
  faults?: FaultPlan
  /** Default: as S3. */
  listing?: ListingBehaviour
  onRequest?: (record: RequestRecord) => void
}

/** The state, beside the declaration, that decisions depend on. */
interface LiveCloud {
  nowMs(): number
  /** S3's `RestrictPublicBuckets` of a bucket now. */
  restrictsPublicBuckets(bucket: string): boolean
}

export interface Sandbox {
  endpoint: string
  port: number
  clock: TurnableClock
  credentials: StoredCredentials
  decisions: DecisionLog
  faults: FaultInjector | null
  /** Unexpected errors of the sandbox itself: an entry means a bug. */
  defects: unknown[]
  rootCredentials(accountId: string): Credentials
  /** The directory of a volume's data; null if there is no such volume. */
  volumeDirectory(volumeId: string): string | null
  stop(): Promise<void>
}

const idleConnectionMs = 120_000

export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { declaration, directory, onRequest = () => undefined } = options
  const database = openDatabase(directory)
  const clock = options.clock ?? rememberedClock(database)
  const credentials = new StoredCredentials(database)
  const decisions = new DecisionLog()
  const authorizer = await makeAuthorizer(options, {
    nowMs: () => clock.nowMs(),
    restrictsPublicBuckets: (bucket) => restrictsPublic(database, bucket),
  })
  const authorize = authorizeWith(authorizer, declaration, decisions)
  const { listing = {} } = options
  const host: ServiceHost = {
    directory,
    database,
    clock,
    declaration,
    credentials,
    decisions,
    listing,
    authorize,
  }
  const services = createServices(host, options.services ?? [])
  const faults = options.faults === undefined ? null : new FaultInjector(options.faults)
  const defects: unknown[] = []
  const onDefect = (error: unknown) => defects.push(error)
  const gateway = new Gateway({ services, clock, credentials, faults, onRequest, onDefect })
  const server = await listen(gateway, options.host ?? '127.0.0.1', options.port ?? 0).catch(
    (error: unknown) => {
      database.close()
      throw error
    },
  )
  const { port } = server.address() as AddressInfo
  let stopped: Promise<void> | null = null
  return {
    endpoint: `http://127.0.0.1:${port}`,
    port,
    clock,
    credentials,
    decisions,
    faults,
    defects,
    rootCredentials: (accountId) => {
      if (!declaration.accounts.some((account) => account.id === accountId))
        throw new RangeError(`no account ${accountId} is declared`)
      return credentials.rootOf(accountId)
    },
    volumeDirectory: (volumeId) => volumeDirectory(host, volumeId),
    stop: () => (stopped ??= close(server, gateway, services, () => database.close())),
  }
}

function createServices(host: ServiceHost, factories: readonly ServiceFactory[]): Map<string, Service> {
  const builtIn = [
    createS3Service,
    createEc2Service,
    createIamService,
    createKmsService,
    ...alarmPathServices,
  ]
  const services = [...builtIn, ...factories].map((factory) => factory(host))
  return new Map(services.map((service) => [service.name, service]))
}

/** Completes the condition keys of a question, asks the authorizer, and logs the decision. */
function authorizeWith(
  authorizer: Authorizer,
  declaration: CloudDeclaration,
  decisions: DecisionLog,
): ServiceHost['authorize'] {
  return async (request, question) => {
    const { action, resource } = question
    const context = await requestContext(request, question, declaration)
    const decision = await authorizer.authorize({ ...question, principal: request.principal, context })
    decisions.record({ request, action, resource }, decision)
    return decision
  }
}

async function makeAuthorizer({ authorizer }: SandboxOptions, live: LiveCloud): Promise<Authorizer> {
  return typeof authorizer === 'function' ? authorizer(live) : (authorizer ?? new OwnerAuthorizer())
}

function rememberedClock(database: ReturnType<typeof openDatabase>): TurnableClock {
  const clock = new TurnableClock(Date.now, Number(readSetting(database, 'clock-offset-ms') ?? 0))
  clock.onTurn((offsetMs) => writeSetting(database, 'clock-offset-ms', String(offsetMs)))
  return clock
}

function listen(gateway: Gateway, host: string, port: number): Promise<Server> {
  const server = createServer({
    keepAlive: true,
    noDelay: true,
    requestTimeout: 0,
    keepAliveTimeout: 60_000,
    maxHeaderSize: 32 * 1024,
  })
  server.on('request', (request, response) => gateway.accept(request, response, false))
  server.on('checkContinue', (request, response) => gateway.accept(request, response, true))
  server.on('clientError', refuseGarbage)
  server.timeout = idleConnectionMs
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve(server)
    })
  })
}

// Bytes that are not HTTP get one XML error, and the connection is closed.
function refuseGarbage(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const [code, message] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? [
          'RequestHeaderSectionTooLarge',
          'Your request header and query parameter sections exceed the maximum allowed size.',
        ]
      : ['BadRequest', 'An error occurred when parsing the HTTP request.']
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nContent-Type: application/xml\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  )
}

async function close(
  server: Server,
  gateway: Gateway,
  services: ReadonlyMap<string, Service>,
  closeDatabase: () => void,
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeAllConnections()
  await closed
  // Waits for requests in flight, because their last steps may still use the database.
  await gateway.settled()
  for (const service of services.values()) service.close?.()
  closeDatabase()
}
