// Condition keys: each value that a policy's `Condition` can test is filled in here, in this folder and nowhere else.
//
//   aws:SourceIp, aws:CurrentTime, …           global.ts      from the request itself
//   aws:Principal…, aws:MultiFactorAuth…       principal.ts   from the caller
//   aws:Resource…                              resource.ts    from the resource's owner and tags
//   s3:…                                       s3.ts          from S3's headers, query and documents
//   sts:…, and the tags of a new session       sts.ts         from the parameters of AssumeRole
//   ec2:…, and the tags of volumes             ec2.ts         from the parameters of EC2
//
// To add a key, add it to the file of its service. A request passes three steps: the service takes the keys of its
// operation; `requestContext` adds the global keys and drops each key that AWS doesn't list for the action;
// `completeContext`, called by the authorizer, adds the keys of the caller and of the resource.

import type { AccessRequest, ConditionContext } from '../authorization/access.ts'
import type { CloudDeclaration, DeclaredRole } from '../declaration.ts'
import type { AccessQuestion, ServiceRequest } from '../protocol/service.ts'
import { globalKeys, timeAndRegionKeys } from './global.ts'
import { isListedKey } from './listed-keys.ts'
import { principalKeys } from './principal.ts'
import { ownerKeyNames, ownerKeys, roleTagKeys } from './resource.ts'
import { s3RequestKeys } from './s3.ts'

/** The keys of a service's request, without keys that AWS doesn't have for the action. */
export async function requestContext(
  request: ServiceRequest,
  question: AccessQuestion,
  declaration: CloudDeclaration,
): Promise<ConditionContext> {
  const isListed = await isListedKey(question.action)
  const context = globalKeys(request, question, declaration)
  for (const [key, value] of Object.entries({ ...s3RequestKeys(request, question), ...question.context })) {
    if (isListed(key)) context[key] = value
  }
  return context
}

export interface ContextSources {
  request: AccessRequest
  /** The caller's role; null for a caller without a role, and for a role that the program doesn't declare. */
  callerRole: DeclaredRole | null
  /** The role that the request is about; undefined for any other resource. */
  targetRole: DeclaredRole | undefined
  declaration: CloudDeclaration
  nowMs: number
  /** The value of `aws:RequestedRegion` for a request without one. */
  region: string
}

/** Every key of a request: the service's, the caller's and the resource's. */
export function completeContext(sources: ContextSources): ConditionContext {
  const { request, callerRole, targetRole, declaration, nowMs, region } = sources
  const { principal, action, resourceAccountId } = request
  const context: ConditionContext = { ...timeAndRegionKeys(nowMs, region) }
  for (const key in request.context) if (!isOwnerKey(key)) context[key] = request.context[key]!
  // Last, because a service doesn't know which account belongs to the organization.
  return Object.assign(
    context,
    ownerKeys(action, resourceAccountId, declaration),
    principalKeys(principal, callerRole, declaration, nowMs),
    roleTagKeys(action, targetRole),
  )
}

const lowerOwnerKeys = new Set<string>(ownerKeyNames.map((key) => key.toLowerCase()))

function isOwnerKey(key: string): boolean {
  return /account$|orgid$/i.test(key) && lowerOwnerKeys.has(key.toLowerCase())
}
