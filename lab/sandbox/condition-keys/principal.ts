// Keys of the caller. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html

import type { ConditionContext } from '../authorization/access.ts'
import type { CloudDeclaration, DeclaredRole } from '../declaration.ts'
import type { Principal } from '../identity/principal.ts'
import { roleIdOf } from '../identity/role-id.ts'
import { organizationOf } from './organization.ts'

interface RememberedKeys {
  role: DeclaredRole | null
  declaration: CloudDeclaration
  nowMs: number
  keys: ConditionContext
}

const remembered = new WeakMap<Principal, RememberedKeys>()

/** A proof asks thousands of questions about one caller at one moment. The keys are not to be changed. */
export function principalKeys(
  principal: Principal,
  role: DeclaredRole | null,
  declaration: CloudDeclaration,
  nowMs: number,
): Readonly<ConditionContext> {
  const earlier = remembered.get(principal)
  if (earlier?.role === role && earlier.declaration === declaration && earlier.nowMs === nowMs)
    return earlier.keys
  const keys = listPrincipalKeys(principal, role, declaration, nowMs)
  remembered.set(principal, { role, declaration, nowMs, keys })
  return keys
}

/** `aws:MultiFactorAuth*` only for a session that was issued with them: sessions from AssumeRole don't have them. */
function listPrincipalKeys(
  principal: Principal,
  role: DeclaredRole | null,
  declaration: CloudDeclaration,
  nowMs: number,
): ConditionContext {
  if (principal.kind === 'service')
    return {
      'aws:PrincipalIsAWSService': 'true',
      'aws:PrincipalServiceName': principal.arn,
      'aws:PrincipalType': 'Service',
    }
  if (principal.kind === 'anonymous' || principal.accountId === null) {
    return { 'aws:PrincipalType': 'Anonymous', 'aws:userid': 'anonymous' }
  }
  if (principal.kind === 'web-identity')
    return { 'aws:FederatedProvider': principal.arn, ...principal.federated }
  const context: ConditionContext = {
    'aws:PrincipalAccount': principal.accountId,
    'aws:PrincipalIsAWSService': 'false',
    'aws:ViaAWSService': 'false',
  }
  const organizationId = organizationOf(principal.accountId, declaration)
  if (organizationId !== null) context['aws:PrincipalOrgID'] = organizationId
  const { session } = principal
  if (principal.kind === 'root' || session === undefined) {
    return {
      ...context,
      'aws:PrincipalArn': principal.arn,
      'aws:PrincipalType': 'Account',
      'aws:userid': principal.accountId,
    }
  }
  Object.assign(context, {
    'aws:PrincipalArn': session.roleArn,
    'aws:PrincipalType': 'AssumedRole',
    'aws:userid': `${roleIdOf(session.roleArn)}:${session.sessionName}`,
    'aws:TokenIssueTime': new Date(session.issuedMs).toISOString(),
  })
  if (session.sourceIdentity !== null) context['aws:SourceIdentity'] = session.sourceIdentity
  if (session.multiFactor !== null) {
    context['aws:MultiFactorAuthPresent'] = String(session.multiFactor.present)
    if (session.multiFactor.present) {
      const sinceIssueSeconds = Math.max(0, nowMs - session.issuedMs) / 1000
      context['aws:MultiFactorAuthAge'] = String(
        Math.floor(session.multiFactor.ageSeconds + sinceIssueSeconds),
      )
    }
  }
  for (const [key, value] of Object.entries(mergeTags(role?.tags ?? {}, session.tags)))
    context[`aws:PrincipalTag/${key}`] = value
  for (const [claim, value] of Object.entries(session.federated)) context[claim] = value
  const provider = providerOf(session.federated, principal.accountId, declaration)
  if (provider !== null) context['aws:FederatedProvider'] = provider
  return context
}

/** A session's tag replaces the role's tag of the same key. Case doesn't count in the tag keys of a session. */
function mergeTags(role: Record<string, string>, session: Record<string, string>): Record<string, string> {
  const replaced = new Set(Object.keys(session).map((key) => key.toLowerCase()))
  return {
    ...Object.fromEntries(Object.entries(role).filter(([key]) => !replaced.has(key.toLowerCase()))),
    ...session,
  }
}

function providerOf(
  federated: Record<string, string>,
  accountId: string,
  declaration: CloudDeclaration,
): string | null {
  const claim = Object.keys(federated)[0]
  if (claim === undefined) return null
  const issuer = claim.slice(0, claim.lastIndexOf(':'))
  return (
    declaration.oidcProviders.find((provider) => provider.accountId === accountId && provider.url === issuer)
      ?.arn ?? null
  )
}
