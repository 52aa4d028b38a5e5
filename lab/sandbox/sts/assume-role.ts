// AssumeRole. https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html

import { sessionKeys } from '../condition-keys/sts.ts'
import type { DeclaredRole } from '../declaration.ts'
import type { Principal } from '../identity/principal.ts'
import { AwsError } from '../protocol/aws-error.ts'
import type { ServiceReply, ServiceRequest } from '../protocol/service.ts'
import { optionalText, requiredText } from './form.ts'
import type { Form } from './form.ts'
import type { StsContext } from './operation.ts'
import { denySts, renderResult } from './reply.ts'
import { issueSession, renderSession } from './role-session.ts'
import { listPermissions, requirePermissions } from './session-permissions.ts'
import {
  nameRule,
  readDuration,
  readPolicies,
  readRoleArn,
  readSourceIdentity,
  readTags,
  roleSeconds,
} from './session-request.ts'
import type { SessionTags } from './session-request.ts'

const maxChainedSeconds = 3600

export async function assumeRole(
  context: StsContext,
  request: ServiceRequest,
  form: Form,
): Promise<ServiceReply> {
  const { principal: caller, nowMs } = request
  const roleArn = readRoleArn(form)
  const sessionName = requiredText(form, 'RoleSessionName', nameRule)
  const externalId = optionalText(form, 'ExternalId', {
    min: 2,
    max: 1224,
    pattern: /^[\w+=,.@:/-]*$/,
    printed: '[\\w+=,.@:\\/-]*',
  })
  const requestedSeconds = readDuration(form)
  const source = readSourceIdentity(form)
  const requested = readTags(form)
  if (caller.kind === 'root') throw denySts('Roles may not be assumed by root accounts.')

  const tags = chainTags(caller, requested)
  const hasSecondFactor = context.secondFactors.check(form, caller, nowMs)
  const role = context.host.declaration.roles.find(({ arn }) => arn === roleArn)
  // A missing role has the same error as a role that doesn't trust the caller, so that a caller can't learn
  // which roles exist.
  if (role === undefined) throw refuse(caller, 'sts:AssumeRole', roleArn)
  const sourceIdentity = caller.session?.sourceIdentity ?? source
  const keys = sessionKeys({
    sessionName,
    externalId,
    sourceIdentity,
    tags: requested.tags,
    transitiveTagKeys: requested.transitiveKeys,
    hasSecondFactor,
  })
  const actions = listPermissions('sts:AssumeRole', sourceIdentity, tags.tags)
  await requirePermissions(context.host, request, { role, actions, keys }, (action) =>
    refuse(caller, action, roleArn),
  )
  // A source identity passes on through every role-chaining step, and no step can change it.
  if (source !== null && source !== sourceIdentity)
    throw denySts('The source identity of a session cannot be changed')

  const policies = readPolicies(form, role, context.host.declaration, tags)
  const seconds = limitSeconds(caller, role, requestedSeconds)
  const session = issueSession(
    context.host,
    role,
    {
      sessionName,
      sourceIdentity,
      tags: tags.tags,
      transitiveTagKeys: tags.transitiveKeys,
      policies: policies.documents,
      issuedMs: nowMs,
      chainDepth: (caller.session?.chainDepth ?? 0) + 1,
      multiFactor: null,
      federated: {},
    },
    seconds,
  )
  return renderResult('AssumeRole', request.id, renderSession(role, session, policies.packedPercent))
}

function refuse(caller: Principal, action: string, roleArn: string): AwsError {
  return denySts(`User: ${caller.arn} is not authorized to perform: ${action} on resource: ${roleArn}`)
}

// "You cannot override a transitive tag with a session tag of the same key."
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_role-chaining
function chainTags({ session }: Principal, requested: SessionTags): SessionTags {
  const inherited = session?.transitiveTagKeys ?? []
  const lower = new Set(inherited.map((key) => key.toLowerCase()))
  if (Object.keys(requested.tags).some((key) => lower.has(key.toLowerCase()))) {
    const message =
      "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session."
    throw new AwsError(400, 'InvalidParameterValue', message)
  }
  const inheritedTags = Object.entries(session?.tags ?? {}).filter(([key]) => lower.has(key.toLowerCase()))
  return {
    tags: { ...Object.fromEntries(inheritedTags), ...requested.tags },
    transitiveKeys: [...inherited, ...requested.transitiveKeys],
  }
}

function limitSeconds(caller: Principal, role: DeclaredRole, requested: number | null): number {
  if (caller.kind === 'role-session' && requested !== null && requested > maxChainedSeconds) {
    throw new AwsError(
      400,
      'ValidationError',
      'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining',
    )
  }
  return roleSeconds(role, requested)
}
