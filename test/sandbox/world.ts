// A small cloud for tests: a vault account with a locked bucket, a production account with a plain one.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { S3Client } from '@aws-sdk/client-s3'
import { afterAll } from 'vitest'
import type { Credentials } from '../../sandbox/access.ts'
import { TurnableClock } from '../../sandbox/clock.ts'
import type { CloudDeclaration, DeclaredAccount, DeclaredBucket } from '../../sandbox/declaration.ts'
import { startSandbox } from '../../sandbox/server.ts'
import type { Sandbox, SandboxOptions } from '../../sandbox/server.ts'

export const vaultAccount = '111111111111'
export const productionAccount = '222222222222'
export const region = 'eu-central-1'
export const dayMs = 24 * 3600 * 1000

function account(id: string, name: string): DeclaredAccount {
  return { id, name, isManagement: false, scps: [], rcps: [] }
}

export function bucket(name: string, changes: Partial<DeclaredBucket> = {}): DeclaredBucket {
  return {
    accountId: vaultAccount,
    name,
    region,
    versioning: 'Enabled',
    objectLock: { enabled: false, default: null },
    encryption: null,
    publicAccessBlock: null,
    ownership: null,
    policy: null,
    lifecycleRules: [],
    tags: {},
    ...changes,
  }
}

export function declareCloud(buckets: DeclaredBucket[]): CloudDeclaration {
  return {
    accounts: [account(vaultAccount, 'vault'), account(productionAccount, 'production')],
    buckets,
    roles: [],
    oidcProviders: [],
    keys: [],
    organizationId: null,
    notEmulated: [],
  }
}

/** `locked`: 40 days of COMPLIANCE by default. `lockable`: Object Lock without a default. `versioned`, `plain`, `production`. */
export const standardCloud = declareCloud([
  bucket('locked', { objectLock: { enabled: true, default: { mode: 'COMPLIANCE', days: 40 } } }),
  bucket('governed', { objectLock: { enabled: true, default: { mode: 'GOVERNANCE', days: 40 } } }),
  bucket('lockable', { objectLock: { enabled: true, default: null } }),
  bucket('versioned'),
  bucket('plain', { versioning: null }),
  bucket('production', { accountId: productionAccount }),
])

export function makeDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-sandbox-'))
  afterAll(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** Its clock stands still but for its turns only if a test gives one; it is stopped after the file's tests. */
export async function startWorld(options: Partial<SandboxOptions> = {}): Promise<Sandbox> {
  const sandbox = await startSandbox({ directory: makeDirectory(), declaration: standardCloud, clock: new TurnableClock(), ...options })
  afterAll(() => sandbox.stop())
  return sandbox
}

/** A client that signs by the sandbox's clock, and gives up at the first error. */
export function clientOf(sandbox: Sandbox, credentials: Credentials): S3Client {
  const client = new S3Client({
    endpoint: sandbox.endpoint,
    region,
    forcePathStyle: true,
    maxAttempts: 1,
    systemClockOffset: sandbox.clock.nowMs() - Date.now(),
    credentials: {
      accessKeyId: credentials.accessKeyId,
      secretAccessKey: credentials.secretAccessKey,
      ...(credentials.sessionToken === null ? {} : { sessionToken: credentials.sessionToken }),
    },
  })
  afterAll(() => client.destroy())
  return client
}

export function rootOf(sandbox: Sandbox, accountId = vaultAccount): S3Client {
  return clientOf(sandbox, sandbox.rootCredentials(accountId))
}

/** The code that a refused call was answered with; fails if it wasn't refused. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(() => null, (reason: unknown) => reason as { name?: string; Code?: string; $metadata?: { httpStatusCode?: number } })
  if (error === null) throw new Error('the call was expected to be refused, and was not')
  return error.Code ?? error.name ?? 'unknown'
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
