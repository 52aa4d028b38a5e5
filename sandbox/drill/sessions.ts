// Credentials for the drill's own people and programs: sessions of the declared roles, as the token service would issue them.
import { S3Client } from '@aws-sdk/client-s3'
import type { Credentials } from '../access.ts'
import type { Sandbox } from '../server.ts'

const sessionMs = 3_600_000

/** A session of a role; `secondFactor` as of a human who has just typed a code. */
export function issueSession(sandbox: Sandbox, roleArn: string, secondFactor: boolean): Credentials {
  const parts = /^arn:aws:iam::(\d{12}):role\/(?:.*\/)?([^/]+)$/.exec(roleArn)
  if (parts === null) throw new RangeError('not the ARN of a role')
  const [, accountId = '', roleName = ''] = parts
  const nowMs = sandbox.clock.nowMs()
  return sandbox.credentials.issue({
    kind: 'role-session', accountId, arn: `arn:aws:sts::${accountId}:assumed-role/${roleName}/drill`,
    session: {
      roleArn, sessionName: 'drill', sourceIdentity: 'drill', tags: {}, policies: [], issuedMs: nowMs, chainDepth: 1,
      multiFactor: secondFactor ? { present: true, ageSeconds: 0 } : null, federated: {},
    },
  }, nowMs + sessionMs)
}

/** A client of the sandbox's S3; null: one that doesn't sign. */
export function connectS3(target: { endpoint: string; region: string }, credentials: Credentials | null): S3Client {
  const { endpoint, region } = target
  const common = { endpoint, region, forcePathStyle: true, maxAttempts: 2 }
  if (credentials === null) return new S3Client({ ...common, signer: { sign: (request) => Promise.resolve(request) }, credentials: { accessKeyId: 'x', secretAccessKey: 'x' } })
  const { accessKeyId, secretAccessKey, sessionToken } = credentials
  return new S3Client({ ...common, credentials: { accessKeyId, secretAccessKey, ...(sessionToken === null ? {} : { sessionToken }) } })
}
