// The small cloud, served for the tests of one file, and clients for it.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { S3Client } from '@aws-sdk/client-s3'
import { afterAll } from 'vitest'
import { TurnableClock } from '../../../lab/sandbox/clock.ts'
import type { Credentials } from '../../../lab/sandbox/identity/credentials.ts'
import { startSandbox } from '../../../lab/sandbox/server.ts'
import type { Sandbox, SandboxOptions } from '../../../lab/sandbox/server.ts'
import { region, standardCloud, vaultAccount } from './small-cloud.ts'

export * from './small-cloud.ts'

export function makeDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-sandbox-'))
  afterAll(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/**
 * The clock stands still between turns only if a test passes such a clock. The sandbox stops after the file's
 * tests.
 */
export async function startWorld(options: Partial<SandboxOptions> = {}): Promise<Sandbox> {
  const sandbox = await startSandbox({
    directory: makeDirectory(),
    declaration: standardCloud,
    clock: new TurnableClock(),
    // CI runs some files again with times in milliseconds.
    listing: { milliseconds: process.env['HOLDFAST_LISTED_TIMES'] === 'milliseconds' },
    ...options,
  })
  afterAll(() => sandbox.stop())
  return sandbox
}

/** A client that signs by the sandbox's clock. It gives up at the first error by default. */
export function clientOf(sandbox: Sandbox, credentials: Credentials, maxAttempts = 1): S3Client {
  const client = new S3Client({
    endpoint: sandbox.endpoint,
    region,
    forcePathStyle: true,
    maxAttempts,
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

export function rootOf(sandbox: Sandbox, accountId = vaultAccount, maxAttempts = 1): S3Client {
  return clientOf(sandbox, sandbox.rootCredentials(accountId), maxAttempts)
}

/** The error code of a refused call; throws if the call succeeded. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason as { name?: string; Code?: string; $metadata?: { httpStatusCode?: number } },
  )
  if (error === null) throw new Error('the call was expected to be refused, and was not')
  return error.Code ?? error.name ?? 'unknown'
}
