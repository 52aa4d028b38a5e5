// Decides each request as AWS would, on the policies that the Pulumi program declares: identity policies,
// boundary, session policies, the resource's own policy, SCPs and RCPs. It also applies AWS's rules between
// accounts.

import { completeContext } from '../condition-keys/context.ts'
import type {
  CloudDeclaration,
  DeclaredAccount,
  DeclaredRole,
  NamedPolicy,
  PolicyDocument,
} from '../declaration.ts'
import type { Principal } from '../identity/principal.ts'
import type { AccessDecision, AccessRequest, Authorizer } from './access.ts'
import { statementsOf } from './check-policy.ts'
import type { PolicyKind } from './check-policy.ts'
import { compilePolicies, compilePolicy } from './compile-policy.ts'
import type { CompiledPolicy } from './compile-policy.ts'
import type { CompiledStatement } from './statement.ts'
import { checkDeclaredPolicies } from './declared-policies.ts'
import type { PolicyFinding } from './declared-policies.ts'
import { evaluateQuestion } from './evaluation.ts'
import type { ApplicablePolicies, Question } from './evaluation.ts'
import { takesRcp } from './service-reference.ts'

/** The state, beside the declaration, that decisions depend on. It changes while the sandbox runs. */
export interface LiveState {
  /** The sandbox's clock. */
  nowMs(): number
  /** S3's `RestrictPublicBuckets` for a bucket now. If absent, the value in the declaration holds. */
  restrictsPublicBuckets?(bucket: string): boolean
  /** `aws:RequestedRegion` for a request without a region; `us-east-1` by default. */
  region?: string
}

/** An authorizer with the declaration that it was made from. */
export interface PolicyAuthorizer extends Authorizer {
  readonly declaration: CloudDeclaration
  /** Actions and condition keys in the declared policies that AWS doesn't have. No request will ever match them. */
  readonly findings: readonly PolicyFinding[]
  nowMs(): number
  /** Gathers everything that `authorize` evaluates. */
  gather(request: AccessRequest): Promise<Question>
}

const fullAccess: PolicyDocument = {
  Version: '2012-10-17',
  Statement: [{ Sid: 'FullAccess', Effect: 'Allow', Action: '*', Resource: '*' }],
}
const noPolicies: NamedPolicy[] = []
const rootPolicies: NamedPolicy[] = [{ name: 'root user of the account', document: fullAccess }]
const outsiderPolicies: NamedPolicy[] = [
  { name: 'AdministratorAccess of an account outside the program', document: { ...fullAccess } },
]
const fullScp: NamedPolicy = { name: 'FullAWSAccess', document: { ...fullAccess } }

// "The root principal in a bucket owner's AWS account can perform the GetBucketPolicy, PutBucketPolicy, and
// DeleteBucketPolicy API actions, even if their bucket policy explicitly denies the root principal's access. VPC
// endpoint policies and AWS Organizations policies can block these actions." (S3 API reference, PutBucketPolicy)
const rootKeepsActions = new Set(['s3:getbucketpolicy', 's3:putbucketpolicy', 's3:deletebucketpolicy'])

/** Rejects with `invalid-input`, naming the policy, if AWS would refuse a declared policy. */
export async function createAuthorizer(
  declaration: CloudDeclaration,
  live: LiveState,
): Promise<PolicyAuthorizer> {
  const findings = await checkDeclaredPolicies(declaration)
  const accounts = new Map(declaration.accounts.map((account) => [account.id, account]))
  const roles = new Map(declaration.roles.map((role) => [role.arn, role]))
  const buckets = new Map(declaration.buckets.map((bucket) => [bucket.name, bucket]))

  const restrictsPublic = ({ action, resource }: AccessRequest) => {
    if (!action.toLowerCase().startsWith('s3:')) return false
    const name = /^arn:[^:]*:s3:::([^/]+)/.exec(resource)?.[1] ?? ''
    return (
      live.restrictsPublicBuckets?.(name) ??
      buckets.get(name)?.publicAccessBlock?.restrictPublicBuckets ??
      false
    )
  }

  // The program declares every role of these accounts. The roles of any other account are unknown.
  const declaringAccounts = new Set(
    [...declaration.roles, ...declaration.buckets].map(({ accountId }) => accountId),
  )
  const gather = async (request: AccessRequest): Promise<Question> => {
    const { principal, action, resource, resourceAccountId } = request
    const role = principal.session === undefined ? null : (roles.get(principal.session.roleArn) ?? null)
    return {
      principalArn: principal.kind === 'anonymous' ? null : principal.arn,
      action,
      resource,
      resourceAccountId,
      context: completeContext({
        request,
        callerRole: role,
        targetRole: roles.get(resource),
        declaration,
        nowMs: live.nowMs(),
        region: live.region ?? 'us-east-1',
      }),
      policies: await collectPolicies(
        request,
        role,
        accounts,
        principal.accountId !== null && declaringAccounts.has(principal.accountId),
      ),
      restrictsPublic: restrictsPublic(request),
    }
  }
  const authorize = async (request: AccessRequest): Promise<AccessDecision> =>
    evaluateQuestion(await gather(request))
  return { declaration, findings, nowMs: () => live.nowMs(), gather, authorize }
}

async function collectPolicies(
  request: AccessRequest,
  role: DeclaredRole | null,
  accounts: Map<string, DeclaredAccount>,
  hasResources: boolean,
): Promise<ApplicablePolicies> {
  const { principal, resourceAccountId } = request
  const action = request.action.toLowerCase()
  // SCPs don't apply to a web identity, because it is not yet a principal of the account: "SCPs affect only
  // users and roles that the organization's accounts manage".
  const caller =
    principal.accountId === null || principal.kind === 'web-identity'
      ? undefined
      : accounts.get(principal.accountId)
  const scps = binding(caller, 'scps').map(withFullAccess)
  const rcps = takesRcp(action) ? binding(accounts.get(resourceAccountId), 'rcps').map(ownRcps) : []
  const identity = identityPolicies(principal, role, hasResources)
  const boundary = role?.boundary ?? null
  return {
    identity: (findList(identity) ?? (await compileList('identity', identity))).forAction(action),
    boundary: boundary === null ? null : (await compilePolicy('boundary', boundary)).forAction(action),
    session: await sessionStatements(principal, action),
    resource: request.resourcePolicy === null ? null : await resourceStatements(request),
    scps: await levelStatements('scp', scps, action),
    rcps: await levelStatements('rcp', rcps, action),
  }
}

/** Compiled once for each list of policies, because callers and accounts share the lists of a declaration. */
const compiledLists = new WeakMap<readonly NamedPolicy[], CompiledPolicy>()

function findList(policies: readonly NamedPolicy[]): CompiledPolicy | undefined {
  return compiledLists.get(policies)
}

async function compileList(kind: PolicyKind, policies: readonly NamedPolicy[]): Promise<CompiledPolicy> {
  const compiled = await compilePolicies(kind, policies)
  compiledLists.set(policies, compiled)
  return compiled
}

async function levelStatements(
  kind: PolicyKind,
  levels: readonly (readonly NamedPolicy[])[],
  action: string,
): Promise<(readonly CompiledStatement[])[]> {
  const statements: (readonly CompiledStatement[])[] = []
  for (const level of levels)
    statements.push((findList(level) ?? (await compileList(kind, level))).forAction(action))
  return statements
}

// The program declares nothing in an outside account, so the worst case holds: its sessions have
// AdministratorAccess.
function identityPolicies(
  principal: Principal,
  role: DeclaredRole | null,
  hasResources: boolean,
): NamedPolicy[] {
  if (principal.kind === 'anonymous' || principal.kind === 'web-identity' || principal.kind === 'service')
    return noPolicies
  if (principal.kind === 'root') return rootPolicies
  if (role !== null) return role.policies
  return hasResources || principal.accountId === null ? noPolicies : outsiderPolicies
}

// "SCPs don't affect users or roles in the management account". RCPs don't affect its resources.
// https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
function binding(account: DeclaredAccount | undefined, type: 'scps' | 'rcps'): NamedPolicy[][] {
  return account === undefined || account.isManagement ? [] : account[type]
}

// Organizations itself attaches FullAWSAccess to each root, OU and account, so the program doesn't declare
// it. A level with an Allow of its own is an allow list, and gets no FullAWSAccess.
function withFullAccess(level: NamedPolicy[]): NamedPolicy[] {
  let policies = completedLevels.get(level)
  if (policies === undefined) {
    const allows = level.some(({ document }) =>
      statementsOf(document).some(({ Effect }) => Effect === 'Allow'),
    )
    policies = allows ? level : [fullScp, ...level]
    completedLevels.set(level, policies)
  }
  return policies
}

const completedLevels = new WeakMap<NamedPolicy[], NamedPolicy[]>()

// The evaluator itself adds RCPFullAWSAccess, the only RCP that allows, to every level.
function ownRcps(level: NamedPolicy[]): NamedPolicy[] {
  let policies = ownRcpLevels.get(level)
  if (policies === undefined) {
    policies = level.filter(({ name }) => name !== 'RCPFullAWSAccess')
    ownRcpLevels.set(level, policies)
  }
  return policies
}

const ownRcpLevels = new WeakMap<NamedPolicy[], NamedPolicy[]>()

// Session policies are joined, because AWS adds up their permissions and limits the session by the sum.
async function sessionStatements(
  { session }: Principal,
  action: string,
): Promise<readonly CompiledStatement[] | null> {
  if (session === undefined || session.policies.length === 0) return null
  const policies = session.policies.map((document, index) => ({ name: `session policy ${index}`, document }))
  return (await compilePolicies('session', policies)).forAction(action)
}

async function resourceStatements({
  principal,
  action,
  resource,
  resourceAccountId,
  resourcePolicy,
}: AccessRequest): Promise<readonly CompiledStatement[] | null> {
  if (resourcePolicy === null) return null
  const isOwnRoot = principal.kind === 'root' && principal.accountId === resourceAccountId
  if (isOwnRoot && rootKeepsActions.has(action.toLowerCase())) return null
  const isTrust = /^arn:[^:]*:iam::\d+:role\//.test(resource)
  const name = isTrust
    ? `trust policy of ${resource}`
    : `policy of ${resource.replace(/^(arn:[^:]*:s3:::[^/]+).*$/s, '$1')}`
  const policy = await compilePolicy(isTrust ? 'trust' : 'resource', { name, document: resourcePolicy })
  return policy.forAction(action.toLowerCase())
}
