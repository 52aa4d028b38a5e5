// What a client needs to know of a sandbox that serves it: where it is, what is in it, and who one can be there.

import type { Credentials } from './access.ts'
import type { CloudDeclaration, DeclaredRole } from './declaration.ts'
import type { Sandbox } from './server.ts'
import { issueWorkloadSession } from './sts/role-session.ts'

export interface Description {
  endpoint: string
  directory: string
  accounts: { id: string; name: string; rootCredentials: Pick<Credentials, 'accessKeyId' | 'secretAccessKey'> }[]
  buckets: { name: string; accountId: string; region: string; lock: string; objectLock: { enabled: boolean } }[]
  roles: DescribedRole[]
  notEmulated: CloudDeclaration['notEmulated']
}

interface DescribedRole {
  arn: string
  accountId: string
  /** ARNs, services and issuers that its trust policy names. */
  assumedBy: string[]
  /** What AssumeRole has to bring along; null if nothing. */
  externalId: string | null
  /** Of a role that a compute service or a sign-in portal takes on for somebody: a session of it, ready to use. */
  credentials: Credentials | null
}

/** The secrets in it open nothing but this directory's sandbox. */
export function describeSandbox(sandbox: Sandbox, declaration: CloudDeclaration, directory: string): Description {
  return {
    endpoint: sandbox.endpoint,
    directory,
    accounts: declaration.accounts.map(({ id, name }) => {
      const { accessKeyId, secretAccessKey } = sandbox.rootCredentials(id)
      return { id, name, rootCredentials: { accessKeyId, secretAccessKey } }
    }),
    buckets: declaration.buckets.map(({ name, accountId, region, objectLock }) => {
      const rule = objectLock.default
      const lock = !objectLock.enabled ? 'none' : rule === null ? 'no default' : `${rule.mode}, ${rule.days} days`
      return { name, accountId, region, lock, objectLock }
    }),
    roles: declaration.roles.map((role) => describeRole(sandbox, role)),
    notEmulated: declaration.notEmulated,
  }
}

function describeRole(sandbox: Sandbox, role: DeclaredRole): DescribedRole {
  const allowed = listOf<Statement>(role.trust.Statement).filter(({ Effect }) => Effect === 'Allow')
  const principals = allowed.map(({ Principal }) => (typeof Principal === 'object' ? Principal : {}))
  const assumedBy = [...new Set(allowed.flatMap(whoOf))]
  const [externalId] = allowed.flatMap(({ Condition }) => listOf<string>(Condition?.StringEquals?.['sts:ExternalId']))
  const isTakenOn = principals.some((principal) => principal.Service !== undefined)
  // Whoever comes through a sign-in portal has shown a second factor there.
  const more = role.path.startsWith('/people/') ? { multiFactor: { present: true, ageSeconds: 0 } } : {}
  return {
    arn: role.arn,
    accountId: role.accountId,
    assumedBy,
    externalId: externalId ?? null,
    credentials: isTakenOn ? issueWorkloadSession(sandbox, role, 'sandbox', sandbox.clock.nowMs(), more, role.maxSessionSeconds).credentials : null,
  }
}

// A whole account that the condition narrows to some of its roles is those roles.
function whoOf({ Principal, Condition }: Statement): string[] {
  const narrowed = ['ArnLike', 'ArnEquals', 'StringEquals', 'StringLike'].flatMap((operator) => listOf<string>(Condition?.[operator]?.['aws:PrincipalArn']))
  if (narrowed.length > 0) return narrowed
  return typeof Principal === 'object' ? Object.values(Principal).flatMap((names) => listOf<string>(names)) : listOf<string>(Principal)
}

interface Statement {
  Effect?: string
  Principal?: string | Partial<Record<string, string | string[]>>
  Condition?: Partial<Record<string, Partial<Record<string, string | string[]>>>>
}

function listOf<T>(value: unknown): T[] {
  return value === undefined ? [] : Array.isArray(value) ? (value as T[]) : [value as T]
}

export function renderDescription({ endpoint, directory, accounts, buckets, roles, notEmulated }: Description): string {
  const lines = [`endpoint   ${endpoint}`, `directory  ${directory}`, '', 'accounts, with the keys of their roots']
  for (const { id, name, rootCredentials } of accounts) {
    lines.push(`  ${id}  ${name.padEnd(14)} AWS_ACCESS_KEY_ID=${rootCredentials.accessKeyId} AWS_SECRET_ACCESS_KEY=${rootCredentials.secretAccessKey}`)
  }
  lines.push('', 'buckets')
  for (const { name, accountId, region, lock } of buckets) lines.push(`  ${accountId}  ${region}  ${name}  lock: ${lock}`)
  lines.push('', 'roles, and who may assume them with AssumeRole at the same endpoint')
  for (const role of roles) lines.push(...renderRole(role))
  if (notEmulated.length > 0) lines.push('', 'declared, but not emulated here')
  for (const { type, name, account } of notEmulated) lines.push(`  ${account}  ${type}  ${name}`)
  return `${lines.join('\n')}\n\nSIGINT or SIGTERM stops it.\n`
}

function renderRole({ arn, assumedBy, externalId, credentials }: DescribedRole): string[] {
  const lines = [`  ${arn}`, `    by ${assumedBy.join(', ')}${externalId === null ? '' : `, with external id ${externalId}`}`]
  if (credentials === null) return lines
  const { accessKeyId, secretAccessKey, sessionToken } = credentials
  return [...lines, `    a session: AWS_ACCESS_KEY_ID=${accessKeyId} AWS_SECRET_ACCESS_KEY=${secretAccessKey} AWS_SESSION_TOKEN=${sessionToken ?? ''}`]
}
