// Decides each request as AWS would, on the policies that the Pulumi program declares: identity policies, boundary, session
// policies, the resource's own policy, SCPs and RCPs, with the rules between accounts.

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
import { compilePolicy, joinPolicies } from './compile-policy.ts'
import type { ActionPolicy } from './compile-policy.ts'
import { checkDeclaredPolicies } from './declared-policies.ts'
import type { PolicyFinding } from './declared-policies.ts'
import { evaluateQuestion } from './evaluation.ts'
import type { ApplicablePolicies, Question } from './evaluation.ts'
import { takesRcp } from './service-reference.ts'

/** What the decisions depend on beside the declaration, and what can change while the sandbox runs. */
export interface LiveState {
  /** The sandbox's clock. */
  nowMs(): number
  /** S3's `RestrictPublicBuckets` for a bucket as it is now; without it, what the declaration says holds. */
  restrictsPublicBuckets?(bucket: string): boolean
  /** `aws:RequestedRegion` where a service doesn't say; `us-east-1` by default. */
  region?: string
}

/** An authorizer that knows the declaration it was made from. */
export interface PolicyAuthorizer extends Authorizer {
  readonly declaration: CloudDeclaration
  /** Names in the declared policies that AWS doesn't have: an action or a key that no request will ever match. */
  readonly findings: readonly PolicyFinding[]
  nowMs(): number
  /** Everything that decides a request, gathered: what `authorize` evaluates. */
  gather(request: AccessRequest): Promise<Question>
}

const fullAccess: PolicyDocument = {
  Version: '2012-10-17',
  Statement: [{ Sid: 'FullAccess', Effect: 'Allow', Action: '*', Resource: '*' }],
}
const rootAccess: NamedPolicy = { name: 'root user of the account', document: fullAccess }
const outsiderAccess: NamedPolicy = {
  name: 'AdministratorAccess of an account outside the program',
  document: { ...fullAccess },
}
const fullScp: NamedPolicy = { name: 'FullAWSAccess', document: { ...fullAccess } }

// "The root principal in a bucket owner's AWS account can perform the GetBucketPolicy, PutBucketPolicy, and
// DeleteBucketPolicy API actions, even if their bucket policy explicitly denies the root principal's access. VPC endpoint
// policies and AWS Organizations policies can block these actions." (S3 API reference, PutBucketPolicy)
const rootKeepsActions = new Set(['s3:getbucketpolicy', 's3:putbucketpolicy', 's3:deletebucketpolicy'])

/** Rejects with `invalid-input`, naming the policy, if AWS would refuse one of the declaration. */
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

  // Where the program declares something, it declares every role; of other accounts nothing is known.
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
  const { principal, action, resourceAccountId } = request
  const part = async (kind: PolicyKind, policy: NamedPolicy) =>
    (await compilePolicy(kind, policy)).forAction(action)
  const parts = (kind: PolicyKind, policies: NamedPolicy[]) =>
    Promise.all(policies.map((policy) => part(kind, policy)))
  // A web identity is nobody's principal yet: "SCPs affect only users and roles that the organization's accounts manage".
  const caller =
    principal.accountId === null || principal.kind === 'web-identity'
      ? undefined
      : accounts.get(principal.accountId)
  const owner = accounts.get(resourceAccountId)
  const [identity, boundary, session, resource, scps, rcps] = await Promise.all([
    parts('identity', identityPolicies(principal, role, hasResources)),
    role === null || role.boundary === null ? null : part('boundary', role.boundary),
    sessionPart(principal, action),
    resourcePart(request),
    Promise.all(binding(caller, 'scps').map((level) => parts('scp', withFullAccess(level)))),
    (await takesRcp(action))
      ? Promise.all(binding(owner, 'rcps').map((level) => parts('rcp', level.filter(isOwnRcp))))
      : [],
  ])
  return { identity, boundary, session, resource, scps, rcps }
}

// Of an account that the program doesn't fill the worst is assumed: its sessions may do all that an account can let them.
function identityPolicies(
  principal: Principal,
  role: DeclaredRole | null,
  hasResources: boolean,
): NamedPolicy[] {
  if (principal.kind === 'anonymous' || principal.kind === 'web-identity' || principal.kind === 'service')
    return []
  if (principal.kind === 'root') return [rootAccess]
  if (role !== null) return role.policies
  return hasResources || principal.accountId === null ? [] : [outsiderAccess]
}

// "SCPs don't affect users or roles in the management account", and RCPs not its resources.
// https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
function binding(account: DeclaredAccount | undefined, type: 'scps' | 'rcps'): NamedPolicy[][] {
  return account === undefined || account.isManagement ? [] : account[type]
}

// Organizations attaches FullAWSAccess to each root, OU and account by itself, so a program doesn't declare it. A level
// on which something else allows is taken for a list of what is allowed there.
function withFullAccess(level: NamedPolicy[]): NamedPolicy[] {
  const allows = level.some(({ document }) => statementsOf(document).some(({ Effect }) => Effect === 'Allow'))
  return allows ? level : [fullScp, ...level]
}

// The evaluator adds RCPFullAWSAccess, the one RCP that allows, to every level itself.
function isOwnRcp({ name }: NamedPolicy): boolean {
  return name !== 'RCPFullAWSAccess'
}

// The permissions of several session policies add up; they limit as one.
async function sessionPart({ session }: Principal, action: string): Promise<ActionPolicy | null> {
  if (session === undefined || session.policies.length === 0) return null
  const named = session.policies.map((document, index) => ({ name: `session policy ${index}`, document }))
  const parts = await Promise.all(
    named.map(async (policy) => (await compilePolicy('session', policy)).forAction(action)),
  )
  return parts.length === 1 ? parts[0]! : joinPolicies('session policies', parts)
}

async function resourcePart({
  principal,
  action,
  resource,
  resourceAccountId,
  resourcePolicy,
}: AccessRequest): Promise<ActionPolicy | null> {
  if (resourcePolicy === null) return null
  const isOwnRoot = principal.kind === 'root' && principal.accountId === resourceAccountId
  if (isOwnRoot && rootKeepsActions.has(action.toLowerCase())) return null
  const isTrust = /^arn:[^:]*:iam::\d+:role\//.test(resource)
  const name = isTrust
    ? `trust policy of ${resource}`
    : `policy of ${resource.replace(/^(arn:[^:]*:s3:::[^/]+).*$/s, '$1')}`
  return (await compilePolicy(isTrust ? 'trust' : 'resource', { name, document: resourcePolicy })).forAction(
    action,
  )
}
