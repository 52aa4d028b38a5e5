// The declared cloud without one guard: the drill removes a guard to see which claims fail. Besides the guard's
// statements, a removal changes settings of the bucket, or grants the rights that a program written without the guard
// would have granted.
import { HoldfastError } from '../../../core/errors.ts'
import { guards } from '../../../guardrails/guards.ts'
import type { Guard } from '../../../guardrails/guards.ts'
import { bucketArn } from '../../../guardrails/names.ts'
import type {
  CloudDeclaration,
  DeclaredBucket,
  DeclaredRole,
  NamedPolicy,
  PolicyDocument,
} from '../../sandbox/declaration.ts'

interface EditableStatement {
  Sid?: string
  Effect: string
  Principal?: unknown
  Action?: string[]
  Resource?: string[]
  Condition?: Record<string, Record<string, unknown>>
}

/** Whether the program declares a guard of this name. */
export function isGuard(name: string | null): name is string {
  return guards.some((guard) => guard.name === name)
}

/** @throws HoldfastError `invalid-input` for a guard that doesn't exist. */
export function findGuard(name: string): Guard {
  const guard = guards.find((entry) => entry.name === name)
  if (guard === undefined) {
    throw new HoldfastError('invalid-input', `there is no guard named ${JSON.stringify(name)}`, {
      hint: '`npm run drill -- --list-guards` lists them',
    })
  }
  return guard
}

/**
 * The declaration without one guard; `declaration` itself is left as it is.
 * @throws HoldfastError `invalid-input` for a guard that doesn't exist; `internal` if taking it away changes nothing.
 */
export function removeGuard(declaration: CloudDeclaration, name: string): CloudDeclaration {
  const guard = findGuard(name)
  const changed = removeStatements(declaration, guard)
  guardRemovers[guard.name]?.(changed)
  if (JSON.stringify(changed) === JSON.stringify(declaration)) {
    throw new HoldfastError(
      'internal',
      `the guard ${guard.name} isn't in what the program declares: taking it away changed nothing`,
    )
  }
  return changed
}

/** The declaration without the guard's statements, if it has any of them; `declaration` itself is left as it is. */
export function removeStatements(declaration: CloudDeclaration, guard: Guard): CloudDeclaration {
  const changed = structuredClone(declaration)
  dropStatements(changed, new Set(guard.sids))
  return changed
}

/**
 * Removes the statements from every policy of the cloud, and then the control policies and the roles' policies that
 * have no statement any more.
 */
function dropStatements(cloud: CloudDeclaration, sids: ReadonlySet<string>): void {
  const trim = (document: PolicyDocument | null | undefined) => {
    if (document === null || document === undefined) return
    document['Statement'] = (document['Statement'] as { Sid?: string }[]).filter(
      (statement) => !sids.has(statement.Sid ?? ''),
    )
  }
  for (const bucket of cloud.buckets) trim(bucket.policy)
  for (const key of cloud.keys) trim(key.policy)
  for (const role of cloud.roles) {
    for (const document of [
      role.trust,
      role.boundary?.document,
      ...role.policies.map((policy) => policy.document),
    ])
      trim(document)
    role.policies = role.policies.filter(isNotEmpty)
  }
  for (const account of cloud.accounts) {
    for (const level of [...account.scps, ...account.rcps]) for (const { document } of level) trim(document)
    account.scps = account.scps.map((level) => level.filter(isNotEmpty))
    account.rcps = account.rcps.map((level) => level.filter(isNotEmpty))
  }
}

function isNotEmpty({ document }: NamedPolicy): boolean {
  return (document['Statement'] as unknown[]).length > 0
}

/** Removers by the guard's name. Each changes its argument in place. */
export const guardRemovers: Readonly<Record<string, (cloud: CloudDeclaration) => void>> = {
  'object-lock': (cloud) => {
    vaultBucket(cloud).objectLock = { enabled: false, default: null }
  },
  compliance: (cloud) => {
    const lock = vaultBucket(cloud).objectLock
    if (lock.default !== null) lock.default.mode = 'GOVERNANCE'
  },
  'default-retention': (cloud) => {
    vaultBucket(cloud).objectLock.default = null
  },
  'per-source-prefix': (cloud) => {
    const everything = [`${bucketArn(vaultBucket(cloud).name)}/*`]
    for (const statement of writerStatements(cloud, 'WriteOwnSource')) statement.Resource = everything
  },
  'writer-without-read': (cloud) => {
    const arn = bucketArn(vaultBucket(cloud).name)
    for (const statement of writerStatements(cloud, 'SeeLock')) {
      statement.Action!.push('s3:GetObject', 's3:GetObjectVersion', 's3:ListBucket', 's3:ListBucketVersions')
      statement.Resource = [arn, `${arn}/*`]
    }
  },
  'feedback-separation': (cloud) => {
    const everything = [`${bucketArn(bucketNamed(cloud, 'holdfast-feedback-').name)}/*`]
    for (const statement of writerStatements(cloud, 'ReadOwnFeedback')) {
      statement.Action!.push('s3:PutObject')
      statement.Resource = everything
    }
    for (const statement of writerStatements(cloud, 'ListOwnFeedback')) delete statement.Condition
  },
  'trust-conditions': (cloud) => {
    for (const statement of trustAllows(cloud)) delete statement.Condition
  },
  'session-tag-denial': (cloud) => {
    for (const role of cloud.roles) {
      const trusted = statementsOf(role.trust).filter(isTrust)
      role.trust['Statement'] = [
        ...statementsOf(role.trust),
        ...trusted.map(({ Principal }, index) => ({
          Sid: `TakeAnyTag${index}`,
          Effect: 'Allow',
          Principal,
          Action: ['sts:TagSession'],
        })),
      ]
    }
  },
  'source-identity': (cloud) => {
    for (const statement of trustAllows(cloud)) {
      if (statement.Condition?.['Null']?.['sts:SourceIdentity'] !== undefined)
        delete statement.Condition['Null']
    }
  },
  'agent-boundary': (cloud) => {
    for (const role of cloud.roles) if (role.path === '/holdfast-agents/') role.boundary = null
  },
  'agent-services': (cloud) => {
    for (const role of cloud.roles) {
      if (role.path !== '/holdfast-agents/') continue
      for (const policy of [role.boundary, ...role.policies]) {
        for (const statement of policy === null ? [] : statementsOf(policy.document))
          if (statement.Effect === 'Allow') statement.Action = ['*']
      }
    }
  },
  'flood-alarms': (cloud) => {
    cloud.alarms = cloud.alarms.filter(({ fires }) => fires !== 'above')
  },
  'separate-account': shareProductionAccount,
}

function bucketNamed(cloud: CloudDeclaration, prefix: string): DeclaredBucket {
  return cloud.buckets.find((bucket) => bucket.name.startsWith(prefix))!
}

function vaultBucket(cloud: CloudDeclaration): DeclaredBucket {
  return bucketNamed(cloud, 'holdfast-vault-')
}

function statementsOf(document: PolicyDocument): EditableStatement[] {
  return document['Statement'] as EditableStatement[]
}

function writerStatements(cloud: CloudDeclaration, sid: string): EditableStatement[] {
  const writers = cloud.roles.filter((role: DeclaredRole) => role.name.startsWith('holdfast-writer-'))
  return writers.flatMap((role) =>
    role.policies.flatMap(({ document }) =>
      statementsOf(document).filter((statement) => statement.Sid === sid),
    ),
  )
}

function trustAllows(cloud: CloudDeclaration): EditableStatement[] {
  return cloud.roles.flatMap((role) => statementsOf(role.trust).filter(isTrust))
}

/** Whether the statement names the callers of the role. Other statements restrict the facts of a session. */
function isTrust(statement: EditableStatement): boolean {
  return statement.Effect === 'Allow' && statement.Sid?.startsWith('Trust') === true
}

/**
 * Moves all resources of the vault into production's account, under the same names. The control policies stay,
 * because they belong to the vault account.
 */
function shareProductionAccount(cloud: CloudDeclaration): void {
  const idOf = (name: string) => cloud.accounts.find((account) => account.name === name)!.id
  // Matches the account id as a whole field of an ARN or as the whole text, not the digits in a bucket's name.
  const pattern = new RegExp(`(?<=^|:)${idOf('vault')}(?=:|$)`, 'g')
  const move = (node: unknown): unknown => {
    if (typeof node === 'string') return node.replace(pattern, idOf('production'))
    if (Array.isArray(node)) return node.map(move)
    if (typeof node !== 'object' || node === null) return node
    return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, move(value)]))
  }
  for (const key of ['buckets', 'roles', 'oidcProviders', 'keys'] as const)
    Object.assign(cloud, { [key]: move(cloud[key]) })
}
