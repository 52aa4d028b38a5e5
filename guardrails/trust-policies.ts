// Trust policies: the principals that may assume each role. A caller chooses its session tags, so every role
// denies tags it doesn't need.
import { externalIdOf, issuerName, oidcProviderArn, reasonTag, secondFactorTag } from './names.ts'
import { policy } from './policy.ts'
import type { Condition, Policy, Statement } from './policy.ts'

/** How a production workload proves its identity. */
export type WriterTrust =
  | { kind: 'aws-role'; roleArn: string }
  | { kind: 'oidc'; issuer: string; audience: string; subject: string }
  /**
   * For machines outside AWS: a certificate with this common name, issued by the trust anchor's certificate
   * authority.
   */
  | { kind: 'roles-anywhere'; trustAnchorArn: string; commonName: string }

const denySessionTags: Statement = {
  Sid: 'DenySessionTags',
  Effect: 'Deny',
  Principal: '*',
  Action: ['sts:TagSession'],
}

export function writerTrustPolicy(accountId: string, source: string, trust: WriterTrust): Policy {
  switch (trust.kind) {
    case 'aws-role': {
      const principal = { AWS: trust.roleArn }
      return policy(
        {
          Sid: 'TrustWorkload',
          Effect: 'Allow',
          Principal: principal,
          Action: ['sts:AssumeRole'],
          Condition: { StringEquals: { 'sts:ExternalId': externalIdOf(source) } },
        },
        // A separate permission, without which a caller that already has a source identity can't assume the
        // role.
        {
          Sid: 'CarrySourceIdentity',
          Effect: 'Allow',
          Principal: principal,
          Action: ['sts:SetSourceIdentity'],
        },
        denySessionTags,
      )
    }
    case 'oidc': {
      const issuer = issuerName(trust.issuer)
      return policy(
        {
          Sid: 'TrustWorkload',
          Effect: 'Allow',
          Principal: { Federated: oidcProviderArn(accountId, trust.issuer) },
          Action: ['sts:AssumeRoleWithWebIdentity'],
          Condition: {
            StringEquals: { [`${issuer}:aud`]: trust.audience, [`${issuer}:sub`]: trust.subject },
          },
        },
        denySessionTags,
      )
    }
    case 'roles-anywhere':
      return policy(
        {
          Sid: 'TrustWorkload',
          Effect: 'Allow',
          Principal: { Service: 'rolesanywhere.amazonaws.com' },
          Action: ['sts:AssumeRole', 'sts:SetSourceIdentity', 'sts:TagSession'],
          Condition: {
            StringEquals: { 'aws:PrincipalTag/x509Subject/CN': trust.commonName },
            ArnEquals: { 'aws:SourceArn': trust.trustAnchorArn },
          },
        },
        // Roles Anywhere tags every session with the certificate's fields. Any other tag would be the
        // caller's own claim.
        { ...denySessionTags, Condition: { 'ForAnyValue:StringNotLike': { 'aws:TagKeys': ['x509*'] } } },
      )
  }
}

export interface RunnerTrust {
  accountId: string
  /** The regions of the role's container tasks. */
  regions: readonly string[]
  /** ARNs of the vault account's principals that may assume the role besides scheduled tasks; `*` allowed. */
  runners: readonly string[]
}

/**
 * For notary, custodian and drill: a container task of the vault account, or a runner with a source identity.
 */
export function runnerTrustPolicy(trust: RunnerTrust): Policy {
  const statements: Statement[] = [
    {
      Sid: 'TrustTasks',
      Effect: 'Allow',
      Principal: { Service: 'ecs-tasks.amazonaws.com' },
      Action: ['sts:AssumeRole'],
      Condition: {
        StringEquals: { 'aws:SourceAccount': trust.accountId },
        ArnLike: {
          'aws:SourceArn': trust.regions.map((region) => `arn:aws:ecs:${region}:${trust.accountId}:*`),
        },
      },
    },
  ]
  if (trust.runners.length > 0)
    statements.push(...trustPrincipals('TrustRunners', trust.accountId, trust.runners, requireSourceIdentity))
  return policy(...statements, denySessionTags)
}

/** For the restorer: a person with a second factor. */
export function restorerTrustPolicy(accountId: string, people: readonly string[]): Policy {
  return policy(
    ...trustPrincipals('TrustPeople', accountId, people, {}),
    denyWithoutSecondFactor,
    denySessionTags,
  )
}

/**
 * For an agent: the launcher has to set a source identity, and can't choose the environment, which is a tag
 * of the role.
 */
export function agentTrustPolicy(accountId: string, launchers: readonly string[]): Policy {
  return policy(
    ...trustPrincipals('TrustLaunchers', accountId, launchers, requireSourceIdentity),
    denySessionTags,
  )
}

/** For break-glass: a person with a second factor, a source identity and a reason. */
export function breakGlassTrustPolicy(accountId: string, people: readonly string[]): Policy {
  const onlyReason = { 'aws:TagKeys': [reasonTag] }
  return policy(
    ...trustPrincipals('TrustPeople', accountId, people, {
      ...requireSourceIdentity,
      StringLike: { [`aws:RequestTag/${reasonTag}`]: '?*' },
    }),
    {
      Sid: 'TakeReason',
      Effect: 'Allow',
      Principal: accountPrincipal(accountId),
      Action: ['sts:TagSession'],
      Condition: { 'ForAllValues:StringEquals': onlyReason },
    },
    denyWithoutSecondFactor,
    { ...denySessionTags, Condition: { 'ForAnyValue:StringNotEquals': onlyReason } },
  )
}

/** For responders and approvers: a person with a second factor and a source identity. */
export function namedHumanTrustPolicy(accountId: string, people: readonly string[]): Policy {
  return policy(
    ...trustPrincipals('TrustPeople', accountId, people, requireSourceIdentity),
    denyWithoutSecondFactor,
    denySessionTags,
  )
}

/**
 * For production's administrator: a person with a second factor. The vault's safety doesn't depend on this
 * policy.
 */
export function administratorTrustPolicy(accountId: string, people: readonly string[]): Policy {
  return policy(
    ...trustPrincipals('TrustPeople', accountId, people, {}),
    denyWithoutSecondFactor,
    denySessionTags,
  )
}

const requireSourceIdentity: Condition = { Null: { 'sts:SourceIdentity': 'false' } }

// BoolIfExists, because long-term keys and Identity Center sessions carry no MFA condition key. Identity
// Center can send a session tag instead. Only the identity provider can set it, because the roles deny
// session tags.
const denyWithoutSecondFactor: Statement = {
  Sid: 'DenyWithoutSecondFactor',
  Effect: 'Deny',
  Principal: '*',
  Action: ['sts:AssumeRole'],
  Condition: {
    BoolIfExists: { 'aws:MultiFactorAuthPresent': 'false' },
    StringNotEquals: { [`aws:PrincipalTag/${secondFactorTag}`]: 'true' },
  },
}

// The principal is the account, and a condition holds the ARNs. IAM rejects a principal that names a deleted
// role, and Identity Center's role names are known only as patterns. SetSourceIdentity has a
// statement of its own, because IAM evaluates it without the tags and the external id of the AssumeRole
// request. Only the first statement has the ARNs, because a trust policy is small, and a request needs both statements.
function trustPrincipals(
  sid: string,
  accountId: string,
  arns: readonly string[],
  condition: Condition,
): Statement[] {
  const base = { Effect: 'Allow', Principal: accountPrincipal(accountId) } as const
  return [
    {
      Sid: sid,
      ...base,
      Action: ['sts:AssumeRole'],
      Condition: { ...condition, ArnLike: { 'aws:PrincipalArn': arns } },
    },
    { Sid: 'CarrySourceIdentity', ...base, Action: ['sts:SetSourceIdentity'] },
  ]
}

function accountPrincipal(accountId: string): { AWS: string } {
  return { AWS: `arn:aws:iam::${accountId}:root` }
}
