// Keys of STS. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html

import type { ConditionContext } from '../authorization/access.ts'

/** The parameters of AssumeRole and AssumeRoleWithWebIdentity that policies can test. */
export interface SessionParameters {
  sessionName: string
  externalId: string | null
  sourceIdentity: string | null
  /** Tags that this request gives to the session, without inherited ones. */
  tags: Record<string, string>
  transitiveTagKeys: readonly string[]
  hasSecondFactor: boolean
}

export function sessionKeys(parameters: SessionParameters): ConditionContext {
  const { sessionName, externalId, sourceIdentity, tags, transitiveTagKeys, hasSecondFactor } = parameters
  const tagKeys = Object.keys(tags)
  return {
    'sts:RoleSessionName': sessionName,
    ...(externalId !== null && { 'sts:ExternalId': externalId }),
    ...(sourceIdentity !== null && { 'sts:SourceIdentity': sourceIdentity }),
    ...Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:RequestTag/${key}`, value])),
    ...(tagKeys.length > 0 && { 'aws:TagKeys': tagKeys }),
    ...(transitiveTagKeys.length > 0 && { 'sts:TransitiveTagKeys': [...transitiveTagKeys] }),
    ...(hasSecondFactor && secondFactorKeys),
  }
}

/** The caller has just proved a second factor. */
export const secondFactorKeys: ConditionContext = {
  'aws:MultiFactorAuthPresent': 'true',
  'aws:MultiFactorAuthAge': '0',
}
