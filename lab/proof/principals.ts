// Everybody who could ask: each declared role, the roots, people and workloads that were there before, and strangers.
import { approvalPolicy } from '../../guardrails/break-glass-policy.ts'
import { breakGlassRoleName, rolePaths } from '../../guardrails/names.ts'
import type { PolicyAuthorizer } from '../sandbox/authorization/authorizer.ts'
import { principalsReachable } from '../sandbox/authorization/reachable.ts'
import type { CloudDeclaration, DeclaredRole } from '../sandbox/declaration.ts'
import type { Principal } from '../sandbox/identity/principal.ts'

export interface Subject {
  name: string
  principal: Principal
  /** The account whose credentials these are; null for whoever has none. */
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

export type Session = NonNullable<Principal['session']>

/** How many roles somebody may assume one from another, to be followed. */
const chainDepth = 3

function sessionOf(role: DeclaredRole, nowMs: number, more: Partial<Session> = {}): Principal {
  return {
    kind: 'role-session',
    accountId: role.accountId,
    arn: `arn:aws:sts::${role.accountId}:assumed-role/${role.name}/proof`,
    session: {
      roleArn: role.arn,
      sessionName: 'proof',
      sourceIdentity: 'someone',
      tags: {},
      policies: [],
      issuedMs: nowMs,
      chainDepth: 1,
      multiFactor: null,
      federated: {},
      ...more,
    },
  }
}

export function castOf(declaration: CloudDeclaration, nowMs: number): Subject[] {
  const accountNamed = (id: string) =>
    declaration.accounts.find((account) => account.id === id)!.name as Exclude<Subject['account'], null>
  const roles = declaration.roles.map((role): Subject => {
    const { name, kind } = describeRole(role, accountNamed(role.accountId))
    return { name, kind, role, principal: sessionOf(role, nowMs), account: accountNamed(role.accountId) }
  })
  const owners = declaration.accounts.map(({ id, name }): Subject => ({
    name: `${name} root`,
    kind: 'root',
    role: null,
    account: accountNamed(id),
    principal: { kind: 'root', accountId: id, arn: `arn:aws:iam::${id}:root` },
  }))
  const nobody: Subject = {
    name: 'anonymous',
    kind: 'anonymous',
    role: null,
    account: null,
    principal: { kind: 'anonymous', accountId: null, arn: '*' },
  }
  return [...roles, ...owners, ...outsiders(declaration, nowMs), nobody]
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
  if (path === byHandPath) return { name: `${name}, made by hand`, kind: 'owner' }
  return { name: `${path.slice(1)}${name}`, kind: 'bystander' }
}

/** Of an account that the program knows nothing of, the worst is assumed: its sessions may do everything there. */
function outsiders({ accounts }: CloudDeclaration, nowMs: number): Subject[] {
  return accounts
    .filter(({ name }) => name === 'outsider')
    .map(({ id }) => ({
      name: 'outsider',
      kind: 'bystander',
      role: null,
      account: 'outsider',
      principal: {
        kind: 'role-session',
        accountId: id,
        arn: `arn:aws:sts::${id}:assumed-role/stranger/proof`,
        session: {
          roleArn: `arn:aws:iam::${id}:role/stranger`,
          sessionName: 'proof',
          sourceIdentity: null,
          tags: {},
          policies: [],
          issuedMs: nowMs,
          chainDepth: 1,
          multiFactor: null,
          federated: {},
        },
      },
    }))
}

const byHandPath = '/by-hand/'
export const approvedName = `${breakGlassRoleName}-approved`
/** What it is called among the subjects. */
export const approvedSubject = 'break-glass, approved'
/** So long after the proof's own time an approval that it assumes is over. */
export const approvalMs = 3_600_000
const widenedWriterName = 'holdfast-writer-widened'

const nobodysTrust = {
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
 * The declaration and roles that an account's owner could make beside the program: with every right in the vault's account
 * and in production's, a writer that was given every right, and, in an organization, an agent without a boundary. What holds
 * against them doesn't rest on the roles' own policies. And break-glass as it is once somebody has approved, if that is asked for.
 */
export function addByHand(declaration: CloudDeclaration, nowMs: number): CloudDeclaration {
  const make = (account: string, path: string, name: string, from?: DeclaredRole): DeclaredRole => {
    const accountId = declaration.accounts.find((each) => each.name === account)!.id
    return {
      accountId,
      name,
      path,
      arn: `arn:aws:iam::${accountId}:role${path}${name}`,
      maxSessionSeconds: 3600,
      boundary: null,
      trust: from?.trust ?? nobodysTrust,
      policies: [{ name: 'AdministratorAccess, attached by hand', document: everything }],
      tags: from?.tags ?? {},
    }
  }
  const agent = declaration.roles.find(({ path }) => path === rolePaths.agents)
  const writer = declaration.roles.find(({ name }) => name.startsWith('holdfast-writer-'))
  const added = [
    make('vault', byHandPath, 'vault-administrator'),
    make('production', byHandPath, 'production-owner'),
  ]
  // Writers' roles aren't frozen, so that a source can be added: what a writer may never do has to hold without its own policy.
  if (writer !== undefined)
    added.push(make('vault', rolePaths.vault, widenedWriterName, { ...writer, trust: nobodysTrust }))
  if (declaration.organizationId !== null && agent !== undefined)
    added.push(make('production', rolePaths.agents, 'unbounded', agent))
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
    trust: nobodysTrust,
    boundary: { name: boundaryName, document },
  }
}

/** Whom each of `subjects` can become, by up to three roles, with a second factor if that opens more. */
export async function followChains(
  authorizer: PolicyAuthorizer,
  subjects: readonly Subject[],
  cast: readonly Subject[],
): Promise<Subject[]> {
  const found = new Map<string, Subject>()
  for (const subject of subjects) {
    for (const reached of await principalsReachable(authorizer, subject.principal, chainDepth, {
      secondFactor: true,
    })) {
      const known = cast.find(({ role }) => role?.arn === reached.roleArn)!
      const path = reached.path.map((arn) => cast.find(({ role }) => role?.arn === arn)!.name)
      const name = [subject.name, ...path].join(' > ')
      found.set(name, { ...known, name, principal: reached.principal })
    }
  }
  return [...found.values()]
}
