// Sessions of roles: issues and renders them. Compute services issue sessions to their workloads as well.

import type { DeclaredRole } from '../declaration.ts'
import type { CredentialRegistry, Credentials } from '../identity/credentials.ts'
import type { Principal } from '../identity/principal.ts'
import { sessionOfRole } from '../identity/role-principal.ts'
import type { SessionFacts } from '../identity/role-principal.ts'
import { roleIdOf } from '../identity/role-id.ts'
import type { XmlElement } from '../protocol/xml.ts'

export interface RoleSession {
  principal: Principal
  credentials: Credentials
}

export function issueSession(
  host: { credentials: CredentialRegistry },
  role: DeclaredRole,
  facts: Omit<SessionFacts, 'roleArn'>,
  seconds: number,
): RoleSession {
  const { sessionName, issuedMs } = facts
  const principal = sessionOfRole(role, { sessionName, nowMs: issuedMs }, facts)
  return { principal, credentials: host.credentials.issue(principal, issuedMs + seconds * 1000) }
}

export interface WorkloadSessionOptions extends Partial<
  Pick<SessionFacts, 'sourceIdentity' | 'tags' | 'multiFactor'>
> {
  sessionName: string
  nowMs: number
  /** 3600 by default. */
  seconds?: number
}

/** A session as an instance's metadata service or a sign-in portal issues it, without a call of STS. */
export function issueWorkloadSession(
  host: { credentials: CredentialRegistry },
  role: DeclaredRole,
  { sessionName, nowMs, seconds = 3600, ...facts }: WorkloadSessionOptions,
): RoleSession {
  return issueSession(
    host,
    role,
    {
      sessionName,
      sourceIdentity: null,
      tags: {},
      policies: [],
      issuedMs: nowMs,
      chainDepth: 1,
      multiFactor: null,
      federated: {},
      ...facts,
    },
    seconds,
  )
}

/** Elements that the replies of AssumeRole and AssumeRoleWithWebIdentity share. */
export function renderSession(
  role: DeclaredRole,
  { principal, credentials }: RoleSession,
  packedPercent: number,
): XmlElement[] {
  const { session } = principal
  return [
    [
      'AssumedRoleUser',
      [
        ['AssumedRoleId', `${roleIdOf(role.arn)}:${session?.sessionName ?? ''}`],
        ['Arn', principal.arn],
      ],
    ],
    [
      'Credentials',
      [
        ['AccessKeyId', credentials.accessKeyId],
        ['SecretAccessKey', credentials.secretAccessKey],
        ['SessionToken', credentials.sessionToken],
        ['Expiration', new Date(credentials.expiresMs ?? 0).toISOString().replace(/\.\d{3}/, '')],
      ],
    ],
    ['SourceIdentity', session?.sourceIdentity],
    ['PackedPolicySize', packedPercent === 0 ? null : packedPercent],
  ]
}
