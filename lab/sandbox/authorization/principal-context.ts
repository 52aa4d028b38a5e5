// The context keys that AWS adds to a request by who made it, on what, and in which organization.

import { createHash } from 'node:crypto'
import type { Principal } from '../access.ts'
import type { CloudDeclaration, DeclaredAccount, DeclaredRole } from '../declaration.ts'

export type Context = Record<string, string | string[]>

/** What stands in `aws:userid` for a role: stable for its ARN, as on AWS for its life. */
export function roleIdOf(roleArn: string): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  const digest = createHash('sha256').update(roleArn).digest()
  return `AROA${Array.from(digest.subarray(0, 17), (byte) => letters[byte % 32]).join('')}`
}

/**
 * Keys of the principal. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
 * `aws:MultiFactorAuth*` are there only if the session was given them: sessions from AssumeRole don't have them.
 */
export function principalContext(
  principal: Principal,
  role: DeclaredRole | null,
  declaration: CloudDeclaration,
  nowMs: number,
): Context {
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
  const context: Context = {
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

/** Keys of the request's surroundings, for what the service didn't say. */
export function surroundingContext(nowMs: number, region: string): Context {
  return {
    'aws:CurrentTime': new Date(nowMs).toISOString(),
    'aws:EpochTime': String(Math.floor(nowMs / 1000)),
    'aws:RequestedRegion': region,
  }
}

/** Keys of the resource that its owner decides. */
export const ownerKeys = ['aws:ResourceAccount', 'aws:ResourceOrgID', 's3:ResourceAccount']

export function ownerContext(
  action: string,
  resourceAccountId: string,
  declaration: CloudDeclaration,
): Context {
  const context: Context = { 'aws:ResourceAccount': resourceAccountId }
  const organizationId = organizationOf(resourceAccountId, declaration)
  if (organizationId !== null) context['aws:ResourceOrgID'] = organizationId
  if (action.toLowerCase().startsWith('s3:')) context['s3:ResourceAccount'] = resourceAccountId
  return context
}

/** A session's tag replaces the role's of the same key, whatever the case: tag keys of a session are told apart without it. */
function mergeTags(role: Record<string, string>, session: Record<string, string>): Record<string, string> {
  const replaced = new Set(Object.keys(session).map((key) => key.toLowerCase()))
  return {
    ...Object.fromEntries(Object.entries(role).filter(([key]) => !replaced.has(key.toLowerCase()))),
    ...session,
  }
}

function organizationOf(accountId: string, declaration: CloudDeclaration): string | null {
  const account = declaration.accounts.find(({ id }) => id === accountId)
  return account !== undefined && isMember(account) ? declaration.organizationId : null
}

/** Whether an account is in the organization: a member has at least the level of the organization's root. */
function isMember({ isManagement, scps, rcps }: DeclaredAccount): boolean {
  return isManagement || scps.length > 0 || rcps.length > 0
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
