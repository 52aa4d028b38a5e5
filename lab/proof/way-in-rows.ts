// Who becomes which role: everybody tries every role, with all that it asks for, and with each thing left out or added.
import {
  agentEnvironmentTag,
  duties,
  externalIdOf,
  issuerName,
  oidcProviderArn,
  reasonTag,
  secondFactorTag,
} from '../../guardrails/names.ts'
import type { HoldfastConfig } from '../../infra/config.ts'
import type { AccessRequest } from '../sandbox/authorization/access.ts'
import type { CloudDeclaration, DeclaredRole } from '../sandbox/declaration.ts'
import type { Principal } from '../sandbox/identity/principal.ts'
import { listPermissions } from '../sandbox/sts/session-permissions.ts'
import type { Subject } from './principals.ts'
import type { ProofRow } from './proof-row.ts'

type Need = 'external-id' | 'source-identity' | 'second-factor' | 'reason'

interface WayIn {
  from: readonly string[]
  to: readonly string[]
  needs: readonly Need[]
}

/** As the configuration says it: ARNs of who comes, names of what they become. */
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
  /** A session tag that nobody asked for. */
  foreignTag?: string
  byIdentityCenter?: boolean
}

const all: Need[] = ['external-id', 'source-identity', 'second-factor', 'reason']

const attempts: Attempt[] = [
  { circumstance: 'with all that it takes', has: all },
  { circumstance: 'with all that it takes, by Identity Center', has: all, byIdentityCenter: true },
  ...all.map((left): Attempt => ({
    circumstance: `without ${left.replace('-', ' ')}`,
    has: all.filter((need) => need !== left),
  })),
  { circumstance: 'with a tag of its own choice', has: all, foreignTag: agentEnvironmentTag },
]

export function wayInRows(
  config: HoldfastConfig,
  declaration: CloudDeclaration,
  cast: readonly Subject[],
): ProofRow[] {
  const ways = waysIn(config)
  const rows: ProofRow[] = []
  for (const target of cast) {
    if (target.role === null || target.kind === 'owner' || !target.role.path.startsWith('/holdfast')) continue
    // A role that nobody gives the right to assume others can't say much: those who can are asked with everything.
    for (const subject of cast) {
      if (subject.kind === 'anonymous' || subject.kind === 'root' || subject === target) continue
      const way = ways.find(
        ({ from, to }) => to.includes(target.name) && from.includes(subject.role?.arn ?? ''),
      )
      for (const attempt of attempts) rows.push(...rowOf(subject, target, target.role, attempt, way))
    }
    rows.push(
      ...tokenRows(config, target, target.role),
      ...serviceRows(config, declaration, target, target.role),
    )
  }
  return rows
}

function rowOf(
  subject: Subject,
  target: Subject,
  role: DeclaredRole,
  attempt: Attempt,
  way: WayIn | undefined,
): ProofRow[] {
  const { has } = attempt
  const takesReason = target.kind === 'break-glass'
  const source = target.kind === 'writer' ? target.name.slice('writer '.length) : null
  // What a role doesn't ask for isn't left out twice.
  const irrelevant = all.filter(
    (need) =>
      !has.includes(need) &&
      ((need === 'reason' && !takesReason) || (need === 'external-id' && source === null)),
  )
  if (irrelevant.length > 0) return []
  const tags: Record<string, string> = {
    ...(takesReason && has.includes('reason') ? { [reasonTag]: 'a reason' } : {}),
    ...(attempt.foreignTag === undefined ? {} : { [attempt.foreignTag]: 'of its choice' }),
  }
  const identity = has.includes('source-identity') ? 'someone' : null
  const context: AccessRequest['context'] = {
    'sts:RoleSessionName': 'proof',
    ...(source !== null && has.includes('external-id') ? { 'sts:ExternalId': externalIdOf(source) } : {}),
    ...(identity === null ? {} : { 'sts:SourceIdentity': identity }),
    ...Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:RequestTag/${key}`, value])),
    ...(Object.keys(tags).length === 0 ? {} : { 'aws:TagKeys': Object.keys(tags) }),
  }
  const hasFactor = has.includes('second-factor')
  const isTagged = attempt.byIdentityCenter === true
  const session = {
    ...subject.principal.session!,
    sourceIdentity: identity,
    multiFactor: hasFactor && !isTagged ? { present: true, ageSeconds: 0 } : null,
    tags: {
      ...subject.principal.session!.tags,
      ...(hasFactor && isTagged ? { [secondFactorTag]: 'true' } : {}),
    },
  }
  return [
    {
      group: 'ways-in',
      who: subject.name,
      principal: { ...subject.principal, session },
      resource: role.arn,
      resourceAccountId: role.accountId,
      context,
      actions: listPermissions('sts:AssumeRole', identity, tags),
      circumstance: attempt.circumstance,
      expected:
        way !== undefined && way.needs.every((need) => has.includes(need)) && attempt.foreignTag === undefined
          ? 'allowed'
          : 'denied',
    },
  ]
}

/** Production outside AWS: its own token, a token of another subject or audience, and one that brings tags along. */
function tokenRows(config: HoldfastConfig, target: Subject, role: DeclaredRole): ProofRow[] {
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
        ...Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:RequestTag/${key}`, value])),
        ...(Object.keys(tags).length === 0 ? {} : { 'aws:TagKeys': Object.keys(tags) }),
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

/** AWS itself: a container task of the vault account, and Roles Anywhere with a certificate; each also for somebody else. */
function serviceRows(
  config: HoldfastConfig,
  declaration: CloudDeclaration,
  target: Subject,
  role: DeclaredRole,
): ProofRow[] {
  const row = (
    service: string,
    who: string,
    circumstance: string,
    isRight: boolean,
    context: ProofRow['context'],
    actions = ['sts:AssumeRole'],
  ): ProofRow => ({
    group: 'ways-in',
    who,
    principal: { kind: 'service', accountId: null, arn: service },
    resource: role.arn,
    resourceAccountId: role.accountId,
    context,
    circumstance,
    actions,
    expected: isRight ? 'allowed' : 'denied',
  })
  const task = (accountId: string) => ({
    'aws:SourceAccount': accountId,
    'aws:SourceArn': `arn:aws:ecs:${config.region}:${accountId}:cluster/some`,
  })
  const isTask = (target.kind === 'duty' && target.name !== 'restorer') || target.name === 'task-execution'
  const outsider = declaration.accounts.find(({ name }) => name === 'outsider')!.id
  const rows = [
    row(
      'ecs-tasks.amazonaws.com',
      'container task',
      "of the vault's account",
      isTask,
      task(config.vaultAccountId),
    ),
    row(
      'ecs-tasks.amazonaws.com',
      'container task',
      'of production',
      false,
      task(config.productionAccountId),
    ),
    row(
      'ecs-tasks.amazonaws.com',
      'container task',
      "that says the vault's account and comes from elsewhere",
      false,
      { ...task(outsider), 'aws:SourceAccount': config.vaultAccountId },
    ),
    row(
      'ecs-tasks.amazonaws.com',
      'container task',
      "that says elsewhere and comes from the vault's account",
      false,
      { ...task(config.vaultAccountId), 'aws:SourceAccount': outsider },
    ),
    row(
      'ecs-tasks.amazonaws.com',
      'container task',
      'with a tag of its own choice',
      false,
      { ...task(config.vaultAccountId), 'aws:TagKeys': ['team'] },
      ['sts:AssumeRole', 'sts:TagSession'],
    ),
  ]
  for (const { name, trust } of config.sources) {
    if (!('rolesAnywhere' in trust)) continue
    const anchor = (called: string) =>
      `arn:aws:rolesanywhere:recorded:${config.vaultAccountId}:trust-anchor/recorded-writer-${called}`
    const from = (commonName: string, arn: string) => ({
      'aws:PrincipalTag/x509Subject/CN': commonName,
      'aws:SourceArn': arn,
    })
    const service = 'rolesanywhere.amazonaws.com'
    const { commonName } = trust.rolesAnywhere
    const isOwn = target.name === `writer ${name}`
    const tags = { 'aws:TagKeys': ['x509Subject/CN'] }
    rows.push(
      row(
        service,
        `certificate of ${name}`,
        'with its own name',
        isOwn,
        { ...from(commonName, anchor(name)), ...tags },
        ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'],
      ),
      row(
        service,
        `certificate of ${name}`,
        'with another name',
        false,
        from(`not-${commonName}`, anchor(name)),
      ),
      row(
        service,
        `certificate of ${name}`,
        'of another authority',
        false,
        from(commonName, anchor('elsewhere')),
      ),
      row(
        service,
        `certificate of ${name}`,
        'with a tag of its own choice',
        false,
        { ...from(commonName, anchor(name)), 'aws:TagKeys': ['x509Subject/CN', 'team'] },
        ['sts:AssumeRole', 'sts:TagSession'],
      ),
    )
  }
  return rows
}
