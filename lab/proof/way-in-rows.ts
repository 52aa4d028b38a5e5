// Rows on trust policies: every principal tries to assume every role, with all requirements, and with one missing or
// one added.
import {
  agentEnvironmentTag,
  duties,
  externalIdOf,
  issuerName,
  oidcProviderArn,
  reasonTag,
  secondFactorTag,
} from '../../guardrails/names.ts'
import { productionAccountsOf } from '../../infra/config.ts'
import type { HoldfastConfig } from '../../infra/config.ts'
import type { AccessRequest } from '../sandbox/authorization/access.ts'
import type { CloudDeclaration, DeclaredRole } from '../sandbox/declaration.ts'
import type { Principal } from '../sandbox/identity/principal.ts'
import { listPermissions } from '../sandbox/sts/session-permissions.ts'
import type { Subject } from './principals.ts'
import type { ProofRow } from './proof-row.ts'
import { servicePrincipal } from './row-maker.ts'

type Need = 'external-id' | 'source-identity' | 'second-factor' | 'reason'

interface WayIn {
  from: readonly string[]
  to: readonly string[]
  needs: readonly Need[]
}

/** The trust of the configuration: ARNs of the callers, and names of the roles that they may assume. */
function waysIn(config: HoldfastConfig): WayIn[] {
  return [
    ...config.sources.map(({ name, trust }): WayIn => ({
      from: 'awsRoleArn' in trust ? [trust.awsRoleArn] : [],
      to: [`writer ${name}`],
      needs: ['external-id'],
    })),
    { from: config.restorers, to: ['restorer'], needs: ['second-factor'] },
    { from: config.runners, to: duties.filter((duty) => duty !== 'restorer'), needs: ['source-identity'] },
    {
      from: config.launchers,
      to: [...config.agents.map(({ name }) => `agent ${name}`), 'agent unbounded'],
      needs: ['source-identity'],
    },
    { from: config.breakGlass, to: ['break-glass'], needs: ['second-factor', 'source-identity', 'reason'] },
    { from: config.approvers, to: ['approver'], needs: ['second-factor', 'source-identity'] },
    { from: config.responders, to: ['responder'], needs: ['second-factor', 'source-identity'] },
    { from: config.administrators, to: ['administrator'], needs: ['second-factor'] },
  ]
}

interface Attempt {
  circumstance: string
  has: readonly Need[]
  /** A session tag that no trust policy requires. */
  foreignTag?: string
  byIdentityCenter?: boolean
}

const needs: Need[] = ['external-id', 'source-identity', 'second-factor', 'reason']

const attempts: Attempt[] = [
  { circumstance: 'with all requirements', has: needs },
  { circumstance: 'with all requirements, by Identity Center', has: needs, byIdentityCenter: true },
  ...needs.map((missing): Attempt => ({
    circumstance: `without ${missing.replace('-', ' ')}`,
    has: needs.filter((need) => need !== missing),
  })),
  { circumstance: 'with a tag of its own choice', has: needs, foreignTag: agentEnvironmentTag },
]

/** A role that the program declares, with the subject that stands for it in the report. */
interface Target {
  readonly subject: Subject
  readonly role: DeclaredRole
}

export function wayInRows(
  config: HoldfastConfig,
  declaration: CloudDeclaration,
  principals: readonly Subject[],
): ProofRow[] {
  const ways = waysIn(config)
  const rows: ProofRow[] = []
  for (const subject of principals) {
    const { role, kind } = subject
    if (role === null || kind === 'owner' || !role.path.startsWith('/holdfast')) continue
    const target = { subject, role }
    // Only a principal with a session can assume a role at all.
    for (const caller of principals) {
      if (caller.kind === 'anonymous' || caller.kind === 'root' || caller === subject) continue
      const way = ways.find(
        ({ from, to }) => to.includes(subject.name) && from.includes(caller.role?.arn ?? ''),
      )
      for (const attempt of attempts) rows.push(...rowsOf(caller, target, attempt, way))
    }
    rows.push(
      ...tokenRows(config, target),
      ...taskRows(config, declaration, target),
      ...certificateRows(config, target),
    )
  }
  return rows
}

function rowsOf(
  caller: Subject,
  { subject: target, role }: Target,
  attempt: Attempt,
  way: WayIn | undefined,
): ProofRow[] {
  const { has } = attempt
  const takesReason = target.kind === 'break-glass'
  const source = target.kind === 'writer' ? target.name.slice('writer '.length) : null
  // A requirement that the role doesn't have can't be missing: the row would repeat another one.
  const isRepeated = needs.some(
    (need) =>
      !has.includes(need) &&
      ((need === 'reason' && !takesReason) || (need === 'external-id' && source === null)),
  )
  if (isRepeated) return []
  const tags: Record<string, string> = {
    ...(takesReason && has.includes('reason') ? { [reasonTag]: 'a reason' } : {}),
    ...(attempt.foreignTag === undefined ? {} : { [attempt.foreignTag]: 'of its choice' }),
  }
  const identity = has.includes('source-identity') ? 'someone' : null
  return [
    {
      group: 'ways-in',
      who: caller.name,
      principal: { ...caller.principal, session: sessionOf(caller, attempt, identity) },
      resource: role.arn,
      resourceAccountId: role.accountId,
      context: {
        'sts:RoleSessionName': 'proof',
        ...(source !== null && has.includes('external-id') ? { 'sts:ExternalId': externalIdOf(source) } : {}),
        ...(identity === null ? {} : { 'sts:SourceIdentity': identity }),
        ...tagContext(tags),
      },
      actions: listPermissions('sts:AssumeRole', identity, tags),
      circumstance: attempt.circumstance,
      expected:
        way !== undefined && way.needs.every((need) => has.includes(need)) && attempt.foreignTag === undefined
          ? 'allowed'
          : 'denied',
    },
  ]
}

function sessionOf(
  { principal }: Subject,
  { has, byIdentityCenter }: Attempt,
  sourceIdentity: string | null,
) {
  const hasFactor = has.includes('second-factor')
  const isTagged = byIdentityCenter === true
  const session = principal.session!
  return {
    ...session,
    sourceIdentity,
    multiFactor: hasFactor && !isTagged ? { present: true, ageSeconds: 0 } : null,
    tags: { ...session.tags, ...(hasFactor && isTagged ? { [secondFactorTag]: 'true' } : {}) },
  }
}

function tagContext(tags: Readonly<Record<string, string>>): AccessRequest['context'] {
  const keys = Object.keys(tags)
  return {
    ...Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:RequestTag/${key}`, value])),
    ...(keys.length === 0 ? {} : { 'aws:TagKeys': keys }),
  }
}

/** Production outside AWS: its own token, a token of another subject or audience, and a token with tags. */
function tokenRows(config: HoldfastConfig, { subject: target, role }: Target): ProofRow[] {
  return config.sources.flatMap(({ name, trust }) => {
    if (!('oidc' in trust)) return []
    const { issuer, audience, subject } = trust.oidc
    const claim = (aud: string, sub: string): Principal => ({
      kind: 'web-identity',
      accountId: role.accountId,
      arn: oidcProviderArn(config.vaultAccountId, issuer),
      federated: { [`${issuerName(issuer)}:aud`]: aud, [`${issuerName(issuer)}:sub`]: sub },
    })
    const row = (
      principal: Principal,
      circumstance: string,
      expected: ProofRow['expected'],
      tags: Record<string, string> = {},
    ): ProofRow => ({
      group: 'ways-in',
      who: `token of ${name}`,
      principal,
      resource: role.arn,
      resourceAccountId: role.accountId,
      circumstance,
      expected,
      actions: listPermissions('sts:AssumeRoleWithWebIdentity', undefined, tags),
      context: {
        'sts:RoleSessionName': 'proof',
        ...tagContext(tags),
      },
    })
    const isOwn = target.name === `writer ${name}`
    return [
      row(claim(audience, subject), 'with its own claims', isOwn ? 'allowed' : 'denied'),
      row(claim(audience, `not-${subject}`), 'of another subject', 'denied'),
      row(claim(`not-${audience}`, subject), 'for another audience', 'denied'),
      row(claim(audience, subject), 'with a tag of its own choice', 'denied', {
        [agentEnvironmentTag]: 'production',
      }),
    ]
  })
}

/** A service request on the role: the caller's name in the report, and the request. */
interface ServiceRequest {
  readonly who: string
  readonly service: string
  readonly circumstance: string
  readonly isAllowed?: boolean
  readonly context: ProofRow['context']
  readonly actions?: readonly string[]
}

function serviceRow({ role }: Target, request: ServiceRequest): ProofRow {
  const { service, circumstance, isAllowed = false, context, actions = ['sts:AssumeRole'] } = request
  return {
    group: 'ways-in',
    who: request.who,
    principal: servicePrincipal(service),
    resource: role.arn,
    resourceAccountId: role.accountId,
    context,
    circumstance,
    actions,
    expected: isAllowed ? 'allowed' : 'denied',
  }
}

/** A container task of the vault's account, and tasks that pretend to be one. */
function taskRows(config: HoldfastConfig, { accounts }: CloudDeclaration, target: Target): ProofRow[] {
  const { subject } = target
  const { vaultAccountId, region } = config
  const outsider = accounts.find(({ name }) => name === 'outsider')!.id
  const from = (accountId: string) => ({
    'aws:SourceAccount': accountId,
    'aws:SourceArn': `arn:aws:ecs:${region}:${accountId}:cluster/some`,
  })
  const row = (request: Omit<ServiceRequest, 'who' | 'service'>) =>
    serviceRow(target, { who: 'container task', service: 'ecs-tasks', ...request })
  return [
    row({
      circumstance: "of the vault's account",
      isAllowed:
        (subject.kind === 'duty' && subject.name !== 'restorer') ||
        ['task-execution', 'audit-reader'].includes(subject.name),
      context: from(vaultAccountId),
    }),
    ...productionAccountsOf(config).map((id) => row({ circumstance: 'of production', context: from(id) })),
    row({
      circumstance: "that names the vault's account and comes from another one",
      context: { ...from(outsider), 'aws:SourceAccount': vaultAccountId },
    }),
    row({
      circumstance: "that names another account and comes from the vault's",
      context: { ...from(vaultAccountId), 'aws:SourceAccount': outsider },
    }),
    row({
      circumstance: 'with a tag of its own choice',
      context: { ...from(vaultAccountId), 'aws:TagKeys': ['team'] },
      actions: ['sts:AssumeRole', 'sts:TagSession'],
    }),
  ]
}

/** IAM Roles Anywhere with the certificate of a source, and with certificates of other names and authorities. */
function certificateRows(config: HoldfastConfig, target: Target): ProofRow[] {
  return config.sources.flatMap(({ name, trust }) => {
    if (!('rolesAnywhere' in trust)) return []
    const { commonName } = trust.rolesAnywhere
    const from = (subjectName: string, authority = name) => ({
      'aws:PrincipalTag/x509Subject/CN': subjectName,
      'aws:SourceArn': `arn:aws:rolesanywhere:recorded:${config.vaultAccountId}:trust-anchor/recorded-writer-${authority}`,
    })
    const row = (request: Omit<ServiceRequest, 'who' | 'service'>) =>
      serviceRow(target, { who: `certificate of ${name}`, service: 'rolesanywhere', ...request })
    return [
      row({
        circumstance: 'with its own name',
        isAllowed: target.subject.name === `writer ${name}`,
        context: { ...from(commonName), 'aws:TagKeys': ['x509Subject/CN'] },
        actions: ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'],
      }),
      row({ circumstance: 'with another name', context: from(`not-${commonName}`) }),
      row({ circumstance: 'of another authority', context: from(commonName, 'elsewhere') }),
      row({
        circumstance: 'with a tag of its own choice',
        context: { ...from(commonName), 'aws:TagKeys': ['x509Subject/CN', 'team'] },
        actions: ['sts:AssumeRole', 'sts:TagSession'],
      }),
    ]
  })
}
