// Starts the embedded cloud: one port on loopback for all of its services, told apart by what the signature says.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Server } from 'node:http'
import type { Duplex } from 'node:stream'
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
import type { Service, ServiceFactory, ServiceHost } from './protocol/service.ts'
import { restrictsPublic } from './s3/catalog/catalog.ts'
import { createS3Service } from './s3/service.ts'
import { openDatabase, readSetting, writeSetting } from './store/database.ts'

export interface SandboxOptions {
  /** Holds all state; made if it isn't there. One sandbox at a time. */
  directory: string
  declaration: CloudDeclaration
  /** 0 or absent: a free one. */
  port?: number
  host?: '127.0.0.1'
  /** Absent: the wall clock plus the turns made so far, which the directory remembers. */
  clock?: TurnableClock
  /** Absent: an account's own principals may do everything in it, nobody else anything. A function is given what can change. */
  authorizer?: Authorizer | ((live: LiveCloud) => Promise<Authorizer>)
  /** Beside S3 and EC2: the token service, for one. */
  services?: readonly ServiceFactory[]
  faults?: FaultPlan
  onRequest?: (record: RequestRecord) => void
}

/** What decisions may depend on beside the declaration. */
interface LiveCloud {
  nowMs(): number
  /** S3's `RestrictPublicBuckets`, as the bucket has it now. */
  restrictsPublicBuckets(bucket: string): boolean
}

export interface Sandbox {
  endpoint: string
  port: number
  clock: TurnableClock
  credentials: StoredCredentials
  decisions: DecisionLog
  faults: FaultInjector | null
  /** Errors that are the sandbox's own fault: empty, or the sandbox has a bug. */
  defects: unknown[]
  rootCredentials(accountId: string): Credentials
  /** Where the data of a volume lies; null if there is no such volume. */
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
  const host: ServiceHost = { directory, database, clock, declaration, credentials, decisions, authorize }
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
  const services = [createS3Service, createEc2Service, ...factories].map((factory) => factory(host))
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

// What isn't HTTP has no request to answer: one XML error, then the connection is closed.
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
  // Requests in flight end with their sockets; their last steps may still touch the database.
  await gateway.settled()
  for (const service of services.values()) service.close?.()
  closeDatabase()
}
