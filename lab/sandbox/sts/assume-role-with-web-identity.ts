// AssumeRoleWithWebIdentity: a session of a role for an identity that an OIDC issuer confirms. The request is
// unsigned.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html

import type { JWTPayload } from 'jose'
import { sessionKeys } from '../condition-keys/sts.ts'
import type { DeclaredRole } from '../declaration.ts'
import type { Principal } from '../identity/principal.ts'
import { checkToken } from '../oidc/token-check.ts'
import type { VerifiedToken } from '../oidc/token-check.ts'
import { AwsError } from '../protocol/aws-error.ts'
import type { ServiceHost, ServiceReply, ServiceRequest } from '../protocol/service.ts'
import { requiredText } from './form.ts'
import type { Form, TextRule } from './form.ts'
import type { StsContext } from './operation.ts'
import { denySts, renderResult } from './reply.ts'
import { issueSession, renderSession } from './role-session.ts'
import { listPermissions, requirePermissions } from './session-permissions.ts'
import {
  checkSourceIdentity,
  checkTags,
  nameRule,
  readDuration,
  readPolicies,
  readRoleArn,
  roleSeconds,
} from './session-request.ts'
import type { SessionTags } from './session-request.ts'

const denied = 'Not authorized to perform sts:AssumeRoleWithWebIdentity'

const tokenRule: TextRule = { min: 4, max: 20_000, pattern: /^[^]*$/, printed: '' }

export async function assumeRoleWithWebIdentity(
  { host, issuerKeys }: StsContext,
  request: ServiceRequest,
  form: Form,
): Promise<ServiceReply> {
  const roleArn = readRoleArn(form)
  const sessionName = requiredText(form, 'RoleSessionName', nameRule)
  const token = requiredText(form, 'WebIdentityToken', tokenRule)
  const requestedSeconds = readDuration(form)
  if (form.text('ProviderId') !== null)
    throw new AwsError(400, 'ValidationError', 'ProviderId is for OAuth 2.0 providers only')

  const accountId = roleArn.split(':')[4] ?? ''
  const role = host.declaration.roles.find(({ arn }) => arn === roleArn)
  const providers = host.declaration.oidcProviders.filter((provider) => provider.accountId === accountId)
  // The token is checked before the role, so that a caller with a token of an unknown issuer can't learn
  // whether a role exists.
  const verified = await checkToken(token, providers, issuerKeys, request.nowMs)
  if (role === undefined) throw denySts(denied)
  const { tags, sourceIdentity } = readSessionClaims(verified.payload)
  await requireTrust(host, request, { role, verified, sessionName, sourceIdentity, tags })

  const policies = readPolicies(form, role, host.declaration, tags)
  const session = issueSession(
    host,
    role,
    {
      sessionName,
      sourceIdentity,
      tags: tags.tags,
      transitiveTagKeys: tags.transitiveKeys,
      policies: policies.documents,
      issuedMs: request.nowMs,
      chainDepth: 1,
      multiFactor: null,
      federated: verified.claims,
    },
    roleSeconds(role, requestedSeconds),
  )
  return renderResult('AssumeRoleWithWebIdentity', request.id, [
    ['SubjectFromWebIdentityToken', verified.subject],
    ['Audience', verified.audience],
    ['Provider', verified.provider.arn],
    ...renderSession(role, session, policies.packedPercent),
  ])
}

interface WebIdentitySession {
  role: DeclaredRole
  verified: VerifiedToken
  sessionName: string
  sourceIdentity: string | null
  tags: SessionTags
}

/** Throws AccessDenied unless the role trusts the identity for this session. */
async function requireTrust(
  host: ServiceHost,
  request: ServiceRequest,
  { role, verified, sessionName, sourceIdentity, tags }: WebIdentitySession,
): Promise<void> {
  const principal: Principal = {
    kind: 'web-identity',
    accountId: role.accountId,
    arn: verified.provider.arn,
    federated: verified.claims,
  }
  const keys = sessionKeys({
    sessionName,
    externalId: null,
    sourceIdentity,
    tags: tags.tags,
    transitiveTagKeys: tags.transitiveKeys,
    hasSecondFactor: false,
  })
  const actions = listPermissions('sts:AssumeRoleWithWebIdentity', sourceIdentity, tags.tags)
  await requirePermissions(host, { ...request, principal }, { role, actions, keys }, () => denySts(denied))
}

// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_adding-assume-role-idp
function readSessionClaims(payload: JWTPayload): { tags: SessionTags; sourceIdentity: string | null } {
  const tagClaim = payload['https://aws.amazon.com/tags']
  const source = payload['https://aws.amazon.com/source_identity']
  if (source !== undefined && typeof source !== 'string') throw reject('source_identity')
  const sourceIdentity = checkSourceIdentity(source ?? null)
  if (tagClaim === undefined) return { tags: { tags: {}, transitiveKeys: [] }, sourceIdentity }
  if (!isRecord(tagClaim) || !isRecord(tagClaim.principal_tags)) throw reject('tags')
  const transitive = tagClaim.transitive_tag_keys ?? []
  if (!isTexts(transitive)) throw reject('tags')
  const pairs = Object.entries(tagClaim.principal_tags).map(([key, values]): [string, string] => {
    const [value, ...extraValues] = isTexts(values) ? values : []
    if (value === undefined || extraValues.length > 0) throw reject('tags')
    return [key, value]
  })
  return { tags: checkTags(pairs, transitive), sourceIdentity }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

function reject(claim: string): AwsError {
  return new AwsError(
    403,
    'IDPRejectedClaim',
    `The claim https://aws.amazon.com/${claim} of the ID Token is not valid`,
  )
}
