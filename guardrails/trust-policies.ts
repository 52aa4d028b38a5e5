// Who may become which role. Session tags are chosen by whoever assumes a role, so they are denied wherever they aren't the point.
import { externalIdOf, issuerName, oidcProviderArn, reasonTag, secondFactorTag } from './names.ts'
import { policy } from './policy.ts'
import type { Condition, Policy, Statement } from './policy.ts'

/** How one workload of production proves who it is. */
export type WriterTrust =
  | { kind: 'aws-role'; roleArn: string }
  | { kind: 'oidc'; issuer: string; audience: string; subject: string }
  /** For machines outside AWS: a certificate with this common name, from the authority behind the trust anchor. */
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
        // A caller's source identity is carried on into this role, which needs a right of its own.
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
        // Roles Anywhere always tags a session with what the certificate says; every other tag is a claim.
        { ...denySessionTags, Condition: { 'ForAnyValue:StringNotLike': { 'aws:TagKeys': ['x509*'] } } },
      )
  }
}

export interface RunnerTrust {
  accountId: string
  /** Where its tasks run. */
  regions: readonly string[]
  /** Roles of the vault account, apart from scheduled tasks, that may run this duty: ARNs, `*` allowed. */
  runners: readonly string[]
}

/** For notary, custodian and drill: a container task of the vault account, or a runner that says on whose behalf. */
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

/** For the restorer: a human with a second factor. */
export function restorerTrustPolicy(accountId: string, people: readonly string[]): Policy {
  return policy(
    ...trustPrincipals('TrustPeople', accountId, people, {}),
    denyWithoutSecondFactor,
    denySessionTags,
  )
}

/** For an agent: whoever launches it says on whose behalf; it can't choose its own environment. */
export function agentTrustPolicy(accountId: string, launchers: readonly string[]): Policy {
  return policy(
    ...trustPrincipals('TrustLaunchers', accountId, launchers, requireSourceIdentity),
    denySessionTags,
  )
}

/** For break-glass: a human with a second factor, who says who they are and why. */
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
      Condition: { ArnLike: { 'aws:PrincipalArn': people }, 'ForAllValues:StringEquals': onlyReason },
    },
    denyWithoutSecondFactor,
    { ...denySessionTags, Condition: { 'ForAnyValue:StringNotEquals': onlyReason } },
  )
}

/** For whoever answers an agent, or approves that the glass is broken: a human with a second factor, who says who they are. */
export function namedHumanTrustPolicy(accountId: string, people: readonly string[]): Policy {
  return policy(
    ...trustPrincipals('TrustPeople', accountId, people, requireSourceIdentity),
    denyWithoutSecondFactor,
    denySessionTags,
  )
}

/** For production's own administrator: a human with a second factor. Nothing in the vault relies on it. */
export function administratorTrustPolicy(accountId: string, people: readonly string[]): Policy {
  return policy(
    ...trustPrincipals('TrustPeople', accountId, people, {}),
    denyWithoutSecondFactor,
    denySessionTags,
  )
}

const requireSourceIdentity: Condition = { Null: { 'sts:SourceIdentity': 'false' } }

// Long-term keys and Identity Center sessions carry no MFA key at all, hence IfExists; the latter may show a tag instead,
// which only the identity provider can have set: roles below deny session tags.
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

// The account as principal and the ARNs as a condition: IAM refuses a document that names a role which is gone, and
// Identity Center's role names are only known by pattern. The source identity is a right of its own, with a context of its
// own: what is asked of AssumeRole (a tag, an external id) isn't there to be asked again.
function trustPrincipals(
  sid: string,
  accountId: string,
  arns: readonly string[],
  condition: Condition,
): Statement[] {
  const base = { Effect: 'Allow', Principal: accountPrincipal(accountId) } as const
  const fromArns = { ArnLike: { 'aws:PrincipalArn': arns } }
  return [
    { Sid: sid, ...base, Action: ['sts:AssumeRole'], Condition: { ...condition, ...fromArns } },
    { Sid: 'CarrySourceIdentity', ...base, Action: ['sts:SetSourceIdentity'], Condition: fromArns },
  ]
}

function accountPrincipal(accountId: string): { AWS: string } {
  return { AWS: `arn:aws:iam::${accountId}:root` }
}
