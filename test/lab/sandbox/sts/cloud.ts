// A running sandbox with the token service, on the accounts and roles of a test.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { STSClient } from '@aws-sdk/client-sts'
import { createAuthorizer } from '../../../../lab/sandbox/authorization/authorizer.ts'
import { TurnableClock } from '../../../../lab/sandbox/clock.ts'
import type { CloudDeclaration } from '../../../../lab/sandbox/declaration.ts'
import type { Credentials } from '../../../../lab/sandbox/identity/credentials.ts'
import { startSandbox } from '../../../../lab/sandbox/server.ts'
import type { Sandbox } from '../../../../lab/sandbox/server.ts'
import { issueWorkloadSession } from '../../../../lab/sandbox/sts/role-session.ts'
import type { WorkloadSessionOptions } from '../../../../lab/sandbox/sts/role-session.ts'
import { createStsService } from '../../../../lab/sandbox/sts/service.ts'
import type { StsOptions } from '../../../../lab/sandbox/sts/service.ts'

export interface StsCloud {
  sandbox: Sandbox
  clock: TurnableClock
  /** A client with a session of a role, as a workload has one from its host; without credentials if null. */
  clientOf(
    roleArn: string,
    sessionName?: string,
    facts?: Omit<WorkloadSessionOptions, 'sessionName' | 'nowMs'>,
  ): STSClient
  client(credentials: Credentials | null, region?: string): STSClient
  stop(): Promise<void>
}

export async function startStsCloud(
  declaration: CloudDeclaration,
  options: StsOptions = {},
): Promise<StsCloud> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-sts-'))
  const clock = new TurnableClock()
  const authorizer = await createAuthorizer(declaration, clock)
  const sandbox = await startSandbox({
    directory,
    declaration,
    clock,
    authorizer,
    services: [createStsService(options)],
  })
  const clients: STSClient[] = []
  const client = (credentials: Credentials | null, region = 'us-east-1') => {
    const stsClient = new STSClient({
      endpoint: sandbox.endpoint,
      region,
      maxAttempts: 1,
      // Follows the sandbox's clock, because these tests aren't about clock skew.
      systemClockOffset: clock.offsetMs,
      ...(credentials === null
        ? { credentials: { accessKeyId: '', secretAccessKey: '' } }
        : { credentials: toSdk(credentials) }),
    })
    clients.push(stsClient)
    return stsClient
  }
  return {
    sandbox,
    clock,
    client,
    clientOf: (roleArn, sessionName = 'workload', facts = {}) => {
      const role = declaration.roles.find(({ arn }) => arn === roleArn)
      if (role === undefined) throw new RangeError(`no role ${roleArn}`)
      return client(
        issueWorkloadSession(sandbox, role, { sessionName, nowMs: clock.nowMs(), ...facts }).credentials,
      )
    },
    stop: async () => {
      for (const stsClient of clients) stsClient.destroy()
      await sandbox.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

export function toSdk({ accessKeyId, secretAccessKey, sessionToken }: Credentials): {
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string
} {
  return { accessKeyId, secretAccessKey, ...(sessionToken !== null && { sessionToken }) }
}

/** The code of the error that a call fails with; `none` if it succeeds. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call
    return 'none'
  } catch (error) {
    return (error as { name: string }).name
  }
}
