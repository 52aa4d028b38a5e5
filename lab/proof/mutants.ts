// Makes the mutants of a declaration: each lacks one statement, condition, boundary, lock or setting.
import { rolePaths } from '../../guardrails/names.ts'
import type { RecordedResource } from '../../infra/recording.ts'
import { statementsOf } from '../sandbox/authorization/check-policy.ts'
import type {
  CloudDeclaration,
  DeclaredBucket,
  DeclaredRole,
  PolicyDocument,
} from '../sandbox/declaration.ts'
import { sidOf } from '../sandbox/authorization/compile-policy.ts'
import { approvedName, principalsOf } from './principals.ts'
import { resourcePoliciesOf } from './resource-policies.ts'
import { taskMutants } from './task-settings.ts'
import { vaultAccountMutants } from './vault-account-settings.ts'

export interface Mutant {
  /**
   * Stable across configurations of the same names: `vault bucket in eu-central-1 policy: DenyBypass`, `… without its
   * condition Null s3:if-none-match`.
   */
  id: string
  declaration: CloudDeclaration
  resources: readonly RecordedResource[]
  /** The rows whose results it can change; null: it changes settings only. */
  touches: Touch | null
}

export interface Touch {
  site: Site
  sid: string
  effect: 'Allow' | 'Deny'
  removed: 'statement' | 'condition'
  /** The rest of the site's document; null if no statement remains, because AWS allows no empty document. */
  to: PolicyDocument | null
}

/** One policy document, with the principals and resources that it applies to. */
export interface Site {
  label: string
  document: PolicyDocument
  /** ARNs of roles whose policy or boundary it is. */
  roles: Set<string>
  /** ARNs of roles whose trust policy it is, and names of buckets whose policy it is. */
  resources: Set<string>
  /** Accounts whose principals it binds (SCP), and accounts whose resources it binds (RCP). */
  principalAccounts: Set<string>
  resourceAccounts: Set<string>
}

/** AWS's managed policies. AWS maintains them, and no customer can remove a statement. */
const ofAws = /^(FullAWSAccess|RCPFullAWSAccess|arn:aws:iam::aws:policy\/.*)$/

function sitesOf(
  declaration: CloudDeclaration,
  resources: readonly RecordedResource[],
  nowMs: number,
): Site[] {
  const sites = new Map<PolicyDocument, Site>()
  const site = (label: string, document: PolicyDocument): Site => {
    let siteOfDocument = sites.get(document)
    if (siteOfDocument === undefined) {
      siteOfDocument = {
        label,
        document,
        roles: new Set(),
        resources: new Set(),
        principalAccounts: new Set(),
        resourceAccounts: new Set(),
      }
      sites.set(document, siteOfDocument)
    }
    return siteOfDocument
  }
  for (const { name, policy } of declaration.buckets) {
    if (policy !== null) site(`${bucketLabel(name)} policy`, policy).resources.add(name)
  }
  for (const { role, name } of principalsOf(declaration, nowMs)) {
    const isApproved = role?.name === approvedName
    if (role === null || !(isOfProgram(role) || isApproved)) continue
    if (!isApproved) site(`trust of ${name}`, role.trust).resources.add(role.arn)
    for (const policy of role.policies)
      if (!ofAws.test(policy.name)) site(`policy of ${name}`, policy.document).roles.add(role.arn)
    if (role.boundary !== null) site(`boundary of ${name}`, role.boundary.document).roles.add(role.arn)
  }
  for (const account of declaration.accounts) {
    for (const { name, document } of account.scps.flat())
      if (!ofAws.test(name)) site(name, document).principalAccounts.add(account.id)
    for (const { name, document } of account.rcps.flat())
      if (!ofAws.test(name)) site(name, document).resourceAccounts.add(account.id)
  }
  for (const { label, document } of resourcePoliciesOf(resources)) site(label, document)
  return [...sites.values()]
}

function isOfProgram({ path, name }: DeclaredRole): boolean {
  return (
    path.startsWith('/holdfast') && !['unbounded', 'holdfast-writer-widened', approvedName].includes(name)
  )
}

function bucketLabel(name: string): string {
  const [, kind = name, region = ''] = /^holdfast-([a-z]+)-\d{12}-(.+?)(?:-an)?$/.exec(name) ?? []
  return `${kind} bucket${region === '' ? '' : ` in ${region}`}`
}

export function* mutantsOf(
  declaration: CloudDeclaration,
  resources: readonly RecordedResource[],
  nowMs: number,
): Generator<Mutant> {
  for (const site of sitesOf(declaration, resources, nowMs)) {
    for (const [index, statement] of statementsOf(site.document).entries()) {
      const sid = sidOf(statement, index)
      const effect = statement['Effect'] as 'Allow' | 'Deny'
      const mutate = (id: string, removed: Touch['removed'], document: PolicyDocument): Mutant => ({
        id,
        declaration: replaceDocument(declaration, site.document, document),
        resources,
        touches: { site, sid, effect, removed, to: statementsOf(document).length === 0 ? null : document },
      })
      const otherStatements = statementsOf(site.document).filter((_, position) => position !== index)
      yield mutate(`${site.label}: ${sid}`, 'statement', { ...site.document, Statement: otherStatements })
      for (const [operator, keys] of Object.entries(
        (statement['Condition'] ?? {}) as Record<string, Record<string, unknown>>,
      )) {
        for (const key of Object.keys(keys)) {
          const changed = withoutCondition(statement, operator, key)
          const statements = statementsOf(site.document).map((original, position) =>
            position === index ? changed : original,
          )
          yield mutate(`${site.label}: ${sid} without ${operator} ${key}`, 'condition', {
            ...site.document,
            Statement: statements,
          })
        }
      }
    }
  }
  yield* settingMutants(declaration, resources)
}

function withoutCondition(
  statement: Record<string, unknown>,
  operator: string,
  key: string,
): Record<string, unknown> {
  const condition = structuredClone(statement['Condition']) as Record<string, Record<string, unknown>>
  delete condition[operator]![key]
  if (Object.keys(condition[operator]!).length === 0) delete condition[operator]
  const { Condition: _, ...unconditional } = statement
  return Object.keys(condition).length === 0 ? unconditional : { ...unconditional, Condition: condition }
}

/** A trust policy that lets no principal assume the role. */
const denyAllTrust: PolicyDocument = {
  Version: '2012-10-17',
  Statement: [
    {
      Sid: 'Nobody',
      Effect: 'Deny',
      Principal: '*',
      Action: ['sts:AssumeRole', 'sts:AssumeRoleWithWebIdentity'],
    },
  ],
}

/** Keeps every other document as the same object, so that the evaluator parses only the new one. */
function replaceDocument(
  declaration: CloudDeclaration,
  from: PolicyDocument,
  to: PolicyDocument,
): CloudDeclaration {
  const isEmpty = statementsOf(to).length === 0
  const swap = <P extends { document: PolicyDocument }>(policies: P[]): P[] =>
    policies.flatMap((policy) =>
      policy.document !== from ? [policy] : isEmpty ? [] : [{ ...policy, document: to }],
    )
  return {
    ...declaration,
    buckets: declaration.buckets.map((bucket) =>
      bucket.policy === from ? { ...bucket, policy: isEmpty ? null : to } : bucket,
    ),
    roles: declaration.roles.map((role) => ({
      ...role,
      trust: role.trust === from ? (isEmpty ? denyAllTrust : to) : role.trust,
      policies: swap(role.policies),
      boundary: role.boundary === null ? null : (swap([role.boundary])[0] ?? null),
    })),
    accounts: declaration.accounts.map((account) => ({
      ...account,
      scps: account.scps.map(swap),
      rcps: account.rcps.map(swap),
    })),
  }
}

function* settingMutants(
  declaration: CloudDeclaration,
  resources: readonly RecordedResource[],
): Generator<Mutant> {
  const settings = (id: string, changed: CloudDeclaration, touched = resources): Mutant => ({
    id,
    declaration: changed,
    resources: touched,
    touches: null,
  })
  for (const bucket of declaration.buckets) {
    for (const [changeName, change] of Object.entries(bucketChanges(bucket))) {
      const buckets = replaceItem(declaration.buckets, bucket, { ...bucket, ...change })
      yield settings(`${bucketLabel(bucket.name)}: ${changeName}`, { ...declaration, buckets })
    }
  }
  for (const role of declaration.roles.filter(isOfProgram)) {
    const replaced = (change: Partial<DeclaredRole>) => ({
      ...declaration,
      roles: replaceItem(declaration.roles, role, { ...role, ...change }),
    })
    yield settings(`${role.arn}: sessions of twelve hours`, replaced({ maxSessionSeconds: 43_200 }))
    if (role.path === rolePaths.agents)
      yield settings(`${role.arn}: no boundary`, replaced({ boundary: null }))
  }
  for (const { id, from, to } of [...taskMutants(resources), ...vaultAccountMutants(resources)]) {
    yield settings(id, declaration, replaceItem(resources, from, to))
  }
  for (const resource of resources) {
    for (const flag of ['protect', 'retainOnDelete'] as const) {
      if (!resource[flag] || !resource.type.startsWith('aws:')) continue
      const changed = replaceItem(resources, resource, { ...resource, [flag]: false })
      yield settings(
        // With its parents' types, because two components may give one name to resources of a type.
        `${resource.urn.split('::').slice(-2).join(' ')}: without ${flag}`,
        declaration,
        changed,
      )
    }
  }
}

function replaceItem<Item>(items: readonly Item[], from: Item, to: Item): Item[] {
  return items.map((item) => (item === from ? to : item))
}

function bucketChanges(bucket: DeclaredBucket): Record<string, Partial<DeclaredBucket>> {
  const { objectLock: lock, publicAccessBlock: block } = bucket
  const flags = block === null ? [] : (Object.keys(block) as (keyof typeof block)[])
  return {
    ...(lock.enabled
      ? {
          'no Object Lock': { objectLock: { enabled: false, default: null } },
          'no versions': { versioning: 'Suspended' as const },
        }
      : {}),
    ...(lock.default === null
      ? {}
      : {
          'no default retention': { objectLock: { enabled: true, default: null } },
          'the weaker mode': {
            objectLock: {
              enabled: true,
              default: {
                ...lock.default,
                mode: lock.default.mode === 'COMPLIANCE' ? ('GOVERNANCE' as const) : ('COMPLIANCE' as const),
              },
            },
          },
          'a day less': {
            objectLock: { enabled: true, default: { ...lock.default, days: lock.default.days - 1 } },
          },
          'objects expire': {
            lifecycleRules: [{ id: 'expire', status: 'Enabled', expiration: { days: 1 } }],
          },
        }),
    'no encryption': { encryption: null },
    'ACLs again': { ownership: 'ObjectWriter' },
    'no policy': { policy: null },
    ...Object.fromEntries(
      flags.map((flag) => [`without ${flag}`, { publicAccessBlock: { ...block!, [flag]: false } }]),
    ),
  }
}
