// Every way of taking one thing out of what the program declares: a statement, a condition, a boundary, a lock, a setting.
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
import { approvedName, castOf } from './principals.ts'
import { resourcePoliciesOf } from './resource-policies.ts'
import { taskMutants } from './task-settings.ts'

export interface Mutant {
  /** Stable across configurations of the same names: `vault bucket in eu-central-1 policy: DenyBypass`, `… without its condition Null s3:if-none-match`. */
  id: string
  declaration: CloudDeclaration
  resources: readonly RecordedResource[]
  /** Whose answers it can change; null: settings only. */
  touches: Touch | null
}

export interface Touch {
  site: Site
  sid: string
  effect: 'Allow' | 'Deny'
  what: 'statement' | 'condition'
  /** What is left of the site's document; null if nothing is: AWS has no document without a statement. */
  to: PolicyDocument | null
}

/** One document, and everybody and everything that it speaks for. */
export interface Site {
  label: string
  document: PolicyDocument
  /** ARNs of roles whose own right or limit it is. */
  roles: Set<string>
  /** ARNs of roles whose trust it is, and names of buckets whose policy it is. */
  resources: Set<string>
  /** Accounts whose principals it binds (SCP), and accounts whose resources it binds (RCP). */
  principalAccounts: Set<string>
  resourceAccounts: Set<string>
}

/** AWS keeps these, and nobody can take a statement out of them. */
const ofAws = /^(FullAWSAccess|RCPFullAWSAccess|arn:aws:iam::aws:policy\/.*)$/

function sitesOf(
  declaration: CloudDeclaration,
  resources: readonly RecordedResource[],
  nowMs: number,
): Site[] {
  const sites = new Map<PolicyDocument, Site>()
  const site = (label: string, document: PolicyDocument): Site => {
    let found = sites.get(document)
    if (found === undefined) {
      found = {
        label,
        document,
        roles: new Set(),
        resources: new Set(),
        principalAccounts: new Set(),
        resourceAccounts: new Set(),
      }
      sites.set(document, found)
    }
    return found
  }
  for (const { name, policy } of declaration.buckets) {
    if (policy !== null) site(`${bucketLabel(name)} policy`, policy).resources.add(name)
  }
  for (const { role, name } of castOf(declaration, nowMs)) {
    const isApproved = role?.name === approvedName
    if (role === null || !(isOfProgram(role) || isApproved)) continue
    if (!isApproved) site(`trust of ${name}`, role.trust).resources.add(role.arn)
    for (const policy of role.policies)
      if (!ofAws.test(policy.name)) site(`policy of ${name}`, policy.document).roles.add(role.arn)
    const boundaryOf = role.path === rolePaths.agents ? 'agents' : name
    if (role.boundary !== null) site(`boundary of ${boundaryOf}`, role.boundary.document).roles.add(role.arn)
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
  const [, kind = name, region = ''] = /^holdfast-([a-z]+)-\d{12}-(.+)$/.exec(name) ?? []
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
      const mutate = (id: string, what: Touch['what'], document: PolicyDocument): Mutant => ({
        id,
        declaration: replaceDocument(declaration, site.document, document),
        resources,
        touches: { site, sid, effect, what, to: statementsOf(document).length === 0 ? null : document },
      })
      const others = statementsOf(site.document).filter((_, other) => other !== index)
      yield mutate(`${site.label}: ${sid}`, 'statement', { ...site.document, Statement: others })
      for (const [operator, keys] of Object.entries(
        (statement['Condition'] ?? {}) as Record<string, Record<string, unknown>>,
      )) {
        for (const key of Object.keys(keys)) {
          const changed = withoutCondition(statement, operator, key)
          const statements = statementsOf(site.document).map((each, other) =>
            other === index ? changed : each,
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
  const { Condition: _, ...rest } = statement
  return Object.keys(condition).length === 0 ? rest : { ...rest, Condition: condition }
}

const nobody: PolicyDocument = {
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

/** Everything but the document stays the same object, so that the evaluator parses nothing else again. */
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
      trust: role.trust === from ? (isEmpty ? nobody : to) : role.trust,
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
    for (const [what, change] of Object.entries(bucketChanges(bucket))) {
      const buckets = declaration.buckets.map((each) => (each === bucket ? { ...each, ...change } : each))
      yield settings(`${bucketLabel(bucket.name)}: ${what}`, { ...declaration, buckets })
    }
  }
  for (const role of declaration.roles.filter(isOfProgram)) {
    const replaced = (change: Partial<DeclaredRole>) => ({
      ...declaration,
      roles: declaration.roles.map((each) => (each === role ? { ...each, ...change } : each)),
    })
    yield settings(`${role.arn}: sessions of twelve hours`, replaced({ maxSessionSeconds: 43_200 }))
    if (role.path === rolePaths.agents)
      yield settings(`${role.arn}: no boundary`, replaced({ boundary: null }))
  }
  for (const { id, from, to } of taskMutants(resources)) {
    yield settings(
      id,
      declaration,
      resources.map((each) => (each === from ? to : each)),
    )
  }
  for (const resource of resources) {
    for (const flag of ['protect', 'retainOnDelete'] as const) {
      if (!resource[flag] || !resource.type.startsWith('aws:')) continue
      const others = resources.map((each) => (each === resource ? { ...each, [flag]: false } : each))
      yield settings(
        `${resource.type.split(':').at(-1)} ${resource.name}: without ${flag}`,
        declaration,
        others,
      )
    }
  }
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
