// The embedded cloud of the drill: loaded from the program's declarations, with a token service and an issuer of
// tokens.
import { mkdir } from 'node:fs/promises'
import { createAuthorizer } from '../sandbox/authorization/authorizer.ts'
import type { PolicyAuthorizer } from '../sandbox/authorization/authorizer.ts'
import type { TurnableClock } from '../sandbox/clock.ts'
import type { CloudDeclaration } from '../sandbox/declaration.ts'
import { startIssuer } from '../sandbox/oidc/issuer.ts'
import { startSandbox } from '../sandbox/server.ts'
import type { Sandbox, SandboxOptions } from '../sandbox/server.ts'
import { createStsService } from '../sandbox/sts/service.ts'
import { platform } from './principals.ts'
import type { Cleanup } from './cleanup.ts'
import { DrillSessions, registerDevices } from './sessions.ts'

export interface DrillCloud {
  sandbox: Sandbox
  authorizer: PolicyAuthorizer
  sessions: DrillSessions
  stop(): Promise<void>
}

export interface CloudOptions {
  /** The cloud's disk. An earlier cloud in this directory is continued. */
  directory: string
  declaration: CloudDeclaration
  clock: TurnableClock
  region: string
  cleanup: Cleanup
  onRequest?: SandboxOptions['onRequest']
}

export async function startCloud({
  directory,
  declaration,
  clock,
  region,
  cleanup,
  onRequest,
}: CloudOptions): Promise<DrillCloud> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const issuer = await startIssuer({ issuer: platform.issuer, nowMs: () => clock.nowMs() })
  cleanup.add('issuer of tokens', () => issuer.stop())
  const devices = registerDevices(declaration)
  const authorizer = await createAuthorizer(declaration, { nowMs: () => clock.nowMs(), region })
  const sandbox = await startSandbox({
    directory,
    declaration,
    clock,
    authorizer,
    services: [
      createStsService({
        mfaDevices: devices,
        findIssuer: (url) => (platform.issuer.endsWith(`//${url}`) ? issuer.baseUrl : null),
      }),
    ],
    ...(onRequest === undefined ? {} : { onRequest }),
  })
  cleanup.add('embedded cloud', () => sandbox.stop())
  const sessions = new DrillSessions({ sandbox, declaration, region, devices, issuer })
  return { sandbox, authorizer, sessions, stop: () => sandbox.stop() }
}
