// Describes a running sandbox to its clients: endpoint, accounts, buckets, roles, and how a client assumes
// each role.

import type { CloudDeclaration, DeclaredRole } from './declaration.ts'
import type { Playground } from './playground.ts'
import type { Credentials } from './identity/credentials.ts'
import type { Sandbox } from './server.ts'
import { issueWorkloadSession } from './sts/role-session.ts'
import type { MfaDevice } from './sts/second-factor.ts'

export interface Description {
  endpoint: string
  directory: string
  /** The files of the playground, and commands that work when pasted. */
  playground: Playground
  accounts: {
    id: string
    name: string
    rootCredentials: Pick<Credentials, 'accessKeyId' | 'secretAccessKey'>
  }[]
  buckets: {
    name: string
    accountId: string
    region: string
    lock: string
    objectLock: { enabled: boolean }
  }[]
  roles: DescribedRole[]
  notEmulated: CloudDeclaration['notEmulated']
}

interface DescribedRole {
  arn: string
  accountId: string
  /** ARNs, services and issuers that the role's trust policy names. */
  assumedBy: string[]
  /** The external id that AssumeRole needs; null if none. */
  externalId: string | null
  /** Whether AssumeRole needs a SourceIdentity; any value will do. */
  sourceIdentity: boolean
  /** Keys of the session tags that AssumeRole needs; any values will do. */
  tags: string[]
  /**
   * A second factor that the sandbox accepts for the role: SerialNumber, and the secret (Base32) from which
   * an authenticator computes TokenCode.
   */
  secondFactor: { serialNumber: string; secret: string } | null
  /**
   * A session that is ready to use, for a role that a compute service or a sign-in portal assumes for its
   * user; otherwise null.
   */
  credentials: Credentials | null
  /** A token of a local issuer for AssumeRoleWithWebIdentity, for a role of workloads outside AWS; otherwise null. */
  webIdentityToken: string | null
}

export interface DescribedSandbox {
  sandbox: Sandbox
  declaration: CloudDeclaration
  directory: string
  playground: Playground
  devices: readonly RoleDevice[]
  /** ARN of a role to its web identity token. */
  tokens: ReadonlyMap<string, string>
}

/** The description holds secrets, but they open only the sandbox of this directory. */
export function describeSandbox({
  sandbox,
  declaration,
  directory,
  playground,
  devices,
  tokens,
}: DescribedSandbox): Description {
  return {
    endpoint: sandbox.endpoint,
    directory,
    playground,
    accounts: declaration.accounts.map(({ id, name }) => {
      const { accessKeyId, secretAccessKey } = sandbox.rootCredentials(id)
      return { id, name, rootCredentials: { accessKeyId, secretAccessKey } }
    }),
    buckets: declaration.buckets.map(({ name, accountId, region, objectLock }) => {
      const rule = objectLock.default
      const lock = !objectLock.enabled
        ? 'none'
        : rule === null
          ? 'no default'
          : `${rule.mode}, ${rule.days} days`
      return { name, accountId, region, lock, objectLock }
    }),
    roles: declaration.roles.map((role) => ({
      ...describeRole(
        sandbox,
        role,
        devices.find((device) => device.role === role.arn),
      ),
      webIdentityToken: tokens.get(role.arn) ?? null,
    })),
    notEmulated: declaration.notEmulated,
  }
}

const requestTag = 'aws:RequestTag/'

/** A second factor of a role that needs one. The principal in the role's trust policy holds it. */
export interface RoleDevice extends MfaDevice {
  /** ARN of the role that needs the factor. */
  role: string
}

/** @param secretOf the secret of a device, by its serial */
export function registerDevices(
  { roles }: CloudDeclaration,
  secretOf: (serial: string) => Buffer,
): RoleDevice[] {
  return roles.flatMap((role) => {
    const statements = listOf<Statement>(role.trust.Statement)
    if (
      !statements.some(
        ({ Effect, Condition }) =>
          Effect === 'Deny' && Condition?.BoolIfExists?.['aws:MultiFactorAuthPresent'] !== undefined,
      )
    )
      return []
    const [holder] = statements
      .filter(({ Effect }) => Effect === 'Allow')
      .flatMap(trustedNames)
      .filter((arn) => roles.some((declared) => declared.arn === arn))
    const serial = `arn:aws:iam::${role.accountId}:mfa/${role.name}`
    return holder === undefined
      ? []
      : [{ role: role.arn, serial, holderArn: holder, secret: secretOf(serial) }]
  })
}

function isRequired(isAbsent: string | string[] | undefined): boolean {
  return isAbsent !== undefined && listOf<string>(isAbsent).every((value) => value === 'false')
}

/** RFC 4648, as authenticators take it. 20 bytes become 32 letters. */
function encodeBase32(bytes: Buffer): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  return (bits.match(/.{5}/g) ?? [])
    .map((five) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[Number.parseInt(five, 2)])
    .join('')
}

function describeRole(
  sandbox: Sandbox,
  role: DeclaredRole,
  device: RoleDevice | undefined,
): Omit<DescribedRole, 'webIdentityToken'> {
  const allowed = listOf<Statement>(role.trust.Statement).filter(({ Effect }) => Effect === 'Allow')
  const principals = allowed.map(({ Principal }) => (typeof Principal === 'object' ? Principal : {}))
  const assumedBy = [...new Set(allowed.flatMap(trustedNames))]
  const [externalId] = allowed.flatMap(({ Condition }) =>
    listOf<string>(Condition?.StringEquals?.['sts:ExternalId']),
  )
  const isWorkloadRole = principals.some((principal) => principal.Service !== undefined)
  return {
    arn: role.arn,
    accountId: role.accountId,
    assumedBy,
    externalId: externalId ?? null,
    sourceIdentity: allowed.some(({ Condition }) => isRequired(Condition?.Null?.['sts:SourceIdentity'])),
    tags: allowed
      .flatMap(({ Condition }) => Object.keys(Condition?.StringLike ?? {}))
      .filter((key) => key.startsWith(requestTag))
      .map((key) => key.slice(requestTag.length)),
    secondFactor:
      device === undefined ? null : { serialNumber: device.serial, secret: encodeBase32(device.secret) },
    credentials: isWorkloadRole
      ? issueWorkloadSession(sandbox, role, {
          sessionName: 'sandbox',
          nowMs: sandbox.clock.nowMs(),
          seconds: role.maxSessionSeconds,
        }).credentials
      : null,
  }
}

// The roles that a condition names replace the account that the statement trusts.
function trustedNames({ Principal, Condition }: Statement): string[] {
  const narrowed = ['ArnLike', 'ArnEquals', 'StringEquals', 'StringLike'].flatMap((operator) =>
    listOf<string>(Condition?.[operator]?.['aws:PrincipalArn']),
  )
  if (narrowed.length > 0) return narrowed
  return typeof Principal === 'object'
    ? Object.values(Principal).flatMap((names) => listOf<string>(names))
    : listOf<string>(Principal)
}

interface Statement {
  Effect?: string
  Principal?: string | Partial<Record<string, string | string[]>>
  Condition?: Partial<Record<string, Partial<Record<string, string | string[]>>>>
}

function listOf<T>(value: unknown): T[] {
  return value === undefined ? [] : Array.isArray(value) ? (value as T[]) : [value as T]
}

export function renderDescription({
  endpoint,
  directory,
  accounts,
  buckets,
  roles,
  notEmulated,
}: Description): string {
  const lines = [
    `endpoint   ${endpoint}`,
    `directory  ${directory}`,
    '',
    'accounts, with the keys of their roots',
  ]
  for (const { id, name, rootCredentials } of accounts) {
    lines.push(
      `  ${id}  ${name.padEnd(14)} AWS_ACCESS_KEY_ID=${rootCredentials.accessKeyId} AWS_SECRET_ACCESS_KEY=${rootCredentials.secretAccessKey}`,
    )
  }
  lines.push('', 'buckets')
  for (const { name, accountId, region, lock } of buckets)
    lines.push(`  ${accountId}  ${region}  ${name}  lock: ${lock}`)
  lines.push('', 'roles, and who may assume them with AssumeRole at the same endpoint')
  for (const role of roles) lines.push(...renderRole(role))
  if (notEmulated.length > 0)
    lines.push('', 'declared, but not emulated here (--json lists each)', ...foldByType(notEmulated))
  return `${lines.join('\n')}\n`
}

/** One line for each type, with its count. */
function foldByType(resources: Description['notEmulated']): string[] {
  const counts = new Map<string, number>()
  for (const { type } of resources) counts.set(type, (counts.get(type) ?? 0) + 1)
  return [...counts].sort().map(([type, count]) => `  ${String(count).padStart(4)}  ${type}`)
}

function renderRole({
  arn,
  assumedBy,
  externalId,
  sourceIdentity,
  tags,
  secondFactor,
  credentials,
  webIdentityToken,
}: DescribedRole): string[] {
  const requirements = [
    ...(externalId === null ? [] : [`external id ${externalId}`]),
    ...(sourceIdentity ? ['a source identity'] : []),
    ...tags.map((tag) => `the tag ${tag}`),
    ...(secondFactor === null
      ? []
      : [`the second factor ${secondFactor.serialNumber}, secret ${secondFactor.secret}`]),
  ]
  const lines = [
    `  ${arn}`,
    `    by ${assumedBy.join(', ')}${requirements.length === 0 ? '' : `, with ${requirements.join(', ')}`}`,
  ]
  if (webIdentityToken !== null) lines.push(`    a web identity token: ${webIdentityToken}`)
  if (credentials === null) return lines
  const { accessKeyId, secretAccessKey, sessionToken } = credentials
  return [
    ...lines,
    `    a session: AWS_ACCESS_KEY_ID=${accessKeyId} AWS_SECRET_ACCESS_KEY=${secretAccessKey} AWS_SESSION_TOKEN=${sessionToken ?? ''}`,
  ]
}
