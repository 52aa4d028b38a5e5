// The principals of the proof: every declared role, every root, the people and workloads outside of Holdfast, and
// strangers.
import { approvalPolicy } from '../../guardrails/break-glass-policy.ts'
import { nativeBackupRoleName, nativeRestoreRoleName } from '../../guardrails/native-backups.ts'
import { breakGlassRoleName, rolePaths } from '../../guardrails/names.ts'
import { delegatedRoles } from '../sandbox/loader/delegated-roles.ts'
import type { PolicyAuthorizer } from '../sandbox/authorization/authorizer.ts'
import { principalsReachable } from '../sandbox/authorization/reachable.ts'
import type { CloudDeclaration, DeclaredRole } from '../sandbox/declaration.ts'
import type { Principal } from '../sandbox/identity/principal.ts'
import { sessionOfRole } from '../sandbox/identity/role-principal.ts'

export interface Subject {
  name: string
  principal: Principal
  /** The account of the credentials; null for a principal without an account. */
  account: 'vault' | 'production' | 'organization' | 'outsider' | null
  kind:
    | 'agent'
    | 'writer'
    | 'duty'
    | 'break-glass'
    | 'administrator'
    | 'bystander'
    | 'root'
    | 'owner'
    | 'anonymous'
    | 'web-identity'
    | 'service'
  role: DeclaredRole | null
}

/** The longest role chain that the proof follows. */
const chainDepth = 3

export function principalsOf(declaration: CloudDeclaration, nowMs: number): Subject[] {
  const accountNamed = (id: string) =>
    declaration.accounts.find((account) => account.id === id)!.name as Exclude<Subject['account'], null>
  const roles = declaration.roles.map((role): Subject => {
    const { name, kind } = describeRole(role, accountNamed(role.accountId))
    return {
      name,
      kind,
      role,
      principal: sessionOfRole(role, { sessionName: 'proof', nowMs }),
      account: accountNamed(role.accountId),
    }
  })
  const owners = declaration.accounts.map(({ id, name }): Subject => ({
    name: `${name} root`,
    kind: 'root',
    role: null,
    account: accountNamed(id),
    principal: { kind: 'root', accountId: id, arn: `arn:aws:iam::${id}:root` },
  }))
  const anonymous: Subject = {
    name: 'anonymous',
    kind: 'anonymous',
    role: null,
    account: null,
    principal: { kind: 'anonymous', accountId: null, arn: '*' },
  }
  return [...roles, ...owners, ...outsiders(declaration, nowMs), anonymous]
}

function describeRole(
  { name, path }: DeclaredRole,
  account: string,
): { name: string; kind: Subject['kind'] } {
  if (name === widenedWriterName) return { name: 'writer widened', kind: 'owner' }
  if (path === rolePaths.agents)
    return { name: `agent ${name.replace(/^holdfast-agent-/, '')}`, kind: 'agent' }
  if (path === rolePaths.vault && name.startsWith('holdfast-writer-'))
    return { name: `writer ${name.slice('holdfast-writer-'.length)}`, kind: 'writer' }
  if (path === rolePaths.vault) return { name: name.replace(/^holdfast-/, ''), kind: 'duty' }
  // Only AWS Backup can use these, and its own policy of AWS lets it replace and remove backups.
  if (name === nativeBackupRoleName || name === nativeRestoreRoleName)
    return { name: name.replace(/^holdfast-/, ''), kind: 'service' }
  if (path === rolePaths.production) {
    const kind = name.startsWith(breakGlassRoleName)
      ? 'break-glass'
      : name === 'holdfast-administrator'
        ? 'administrator'
        : 'bystander'
    return { name: name === approvedName ? approvedSubject : name.replace(/^holdfast-/, ''), kind }
  }
  if (path === rolePaths.audit)
    return { name: `${name.replace(/^holdfast-/, '')} of ${account}`, kind: 'bystander' }
  if (path === rolePaths.checks) return { name: name.replace(/^holdfast-/, ''), kind: 'bystander' }
  const delegated = Object.entries(delegatedRoles).find(([, role]) => role.name === name)
  if (delegated !== undefined)
    return { name: `${delegated[0]} of a delegated administrator`, kind: 'bystander' }
  if (path === byHandPath) return { name: `${name}, made by hand`, kind: 'owner' }
  return { name: `${path.slice(1)}${name}`, kind: 'bystander' }
}

/** Sessions of an unknown account. They may do everything there, because the proof assumes the worst. */
function outsiders({ accounts }: CloudDeclaration, nowMs: number): Subject[] {
  return accounts
    .filter(({ name }) => name === 'outsider')
    .map(({ id }) => ({
      name: 'outsider',
      kind: 'bystander',
      role: null,
      account: 'outsider',
      principal: sessionOfRole(
        { accountId: id, arn: `arn:aws:iam::${id}:role/stranger`, name: 'stranger' },
        { sessionName: 'proof', nowMs },
        { sourceIdentity: null },
      ),
    }))
}

const byHandPath = '/by-hand/'
export const approvedName = `${breakGlassRoleName}-approved`
/** The name of its subject. */
export const approvedSubject = 'break-glass, approved'
/** How long the assumed approval lasts, from the time of the proof. */
export const approvalMs = 3_600_000
const widenedWriterName = 'holdfast-writer-widened'

/** A trust policy that no principal of the proof meets. */
const unreachableTrust = {
  Version: '2012-10-17',
  Statement: [
    {
      Sid: 'Machine',
      Effect: 'Allow',
      Principal: { Service: 'ec2.amazonaws.com' },
      Action: ['sts:AssumeRole'],
    },
  ],
}
const everything = {
  Version: '2012-10-17',
  Statement: [{ Sid: 'Everything', Effect: 'Allow', Action: '*', Resource: '*' }],
}

/**
 * Adds roles that an account's owner could make by hand: an administrator of the vault's account and of production,
 * and a writer with every permission. In an organization it also adds an agent without a boundary, and the roles that
 * a delegated administrator makes in the vault's account. A guard that holds against them doesn't depend
 * on the roles' own policies. If the configuration requires approvals, break-glass with an approval is added too.
 */
export function addByHand(declaration: CloudDeclaration, nowMs: number): CloudDeclaration {
  const make = (account: string, path: string, name: string, from?: DeclaredRole): DeclaredRole => {
    const accountId = declaration.accounts.find((candidate) => candidate.name === account)!.id
    return {
      accountId,
      name,
      path,
      arn: `arn:aws:iam::${accountId}:role${path}${name}`,
      maxSessionSeconds: 3600,
      boundary: null,
      trust: from?.trust ?? unreachableTrust,
      policies: [{ name: 'AdministratorAccess, attached by hand', document: everything }],
      tags: from?.tags ?? {},
    }
  }
  const agent = declaration.roles.find(({ path }) => path === rolePaths.agents)
  const writer = declaration.roles.find(({ name }) => name.startsWith('holdfast-writer-'))
  const added = [
    make('vault', byHandPath, 'vault-administrator'),
    ...(declaration.accounts.some(({ name }) => name === 'production')
      ? [make('production', byHandPath, 'production-owner')]
      : []),
  ]
  // Roles of writers aren't frozen, because an operator adds sources. So the bucket policy must hold without the
  // writer's own policy.
  if (writer !== undefined)
    added.push(make('vault', rolePaths.vault, widenedWriterName, { ...writer, trust: unreachableTrust }))
  if (declaration.organizationId !== null) {
    if (agent !== undefined) added.push(make('production', rolePaths.agents, 'unbounded', agent))
    for (const { path, name } of Object.values(delegatedRoles)) added.push(make('vault', path, name))
  }
  const breakGlass = declaration.roles.find(
    ({ name, path }) => path === rolePaths.production && name === breakGlassRoleName,
  )
  if (breakGlass !== undefined && breakGlass.boundary !== null)
    added.push(approve(breakGlass, breakGlass.boundary.name, nowMs))
  return { ...declaration, roles: [...declaration.roles, ...added] }
}

function approve(role: DeclaredRole, boundaryName: string, nowMs: number): DeclaredRole {
  const document = {
    ...approvalPolicy({ sourceIdentity: 'someone', until: new Date(nowMs + approvalMs).toISOString() }),
  }
  return {
    ...role,
    name: approvedName,
    arn: `${role.arn}-approved`,
    trust: unreachableTrust,
    boundary: { name: boundaryName, document },
  }
}

/** The subjects that each of `subjects` can become by a role chain, also with a second factor. */
export async function followChains(
  authorizer: PolicyAuthorizer,
  subjects: readonly Subject[],
  principals: readonly Subject[],
): Promise<Subject[]> {
  const chains = new Map<string, Subject>()
  for (const subject of subjects) {
    for (const reached of await principalsReachable(authorizer, subject.principal, chainDepth, {
      secondFactor: true,
    })) {
      const last = principals.find(({ role }) => role?.arn === reached.roleArn)!
      const path = reached.path.map((arn) => principals.find(({ role }) => role?.arn === arn)!.name)
      const name = [subject.name, ...path].join(' > ')
      chains.set(name, { ...last, name, principal: reached.principal })
    }
  }
  return [...chains.values()]
}
