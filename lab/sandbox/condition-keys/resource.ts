// Keys of the resource: its account, its organization, and the tags of a role.

import type { ConditionContext } from '../authorization/access.ts'
import type { CloudDeclaration, DeclaredRole } from '../declaration.ts'
import { organizationOf } from './organization.ts'

export const ownerKeyNames = ['aws:ResourceAccount', 'aws:ResourceOrgID', 's3:ResourceAccount'] as const

export function ownerKeys(
  action: string,
  resourceAccountId: string,
  declaration: CloudDeclaration,
): ConditionContext {
  const context: ConditionContext = { 'aws:ResourceAccount': resourceAccountId }
  const organizationId = organizationOf(resourceAccountId, declaration)
  if (organizationId !== null) context['aws:ResourceOrgID'] = organizationId
  if (action.toLowerCase().startsWith('s3:')) context['s3:ResourceAccount'] = resourceAccountId
  return context
}

/** Tags of the role that an action of STS or IAM is about. */
export function roleTagKeys(action: string, role: DeclaredRole | undefined): ConditionContext {
  if (role === undefined || !/^(sts|iam):/i.test(action)) return {}
  const entries = Object.entries(role.tags)
  return Object.fromEntries(
    entries.flatMap(([key, value]) => [
      [`aws:ResourceTag/${key}`, value],
      [`iam:ResourceTag/${key}`, value],
    ]),
  )
}
