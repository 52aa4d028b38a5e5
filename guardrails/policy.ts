// The shape of Holdfast's IAM policy documents. Unlike IAM, it requires lists instead of single strings, and
// a Sid.

type ConditionValue = string | readonly string[]
export type Condition = Record<string, Record<string, ConditionValue>>

export type Statement = {
  /**
   * Unique in its document. Names the guard or the duty, so that a denied call can be traced to its
   * statement.
   */
  Sid: string
  Effect: 'Allow' | 'Deny'
  Principal?: '*' | Record<string, string | readonly string[]>
  Action?: readonly string[]
  NotAction?: readonly string[]
  Resource?: readonly string[]
  NotResource?: readonly string[]
  Condition?: Condition
}

export type Policy = {
  Version: '2012-10-17'
  Statement: readonly Statement[]
}

/**
 * AWS's quotas in characters. AWS counts white space in bucket, SCP and RCP documents, so we send them
 * without. In IAM documents AWS doesn't count it.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
 * @see https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
 */
export const quotaChars = {
  bucketPolicy: 20_480,
  managedPolicy: 6_144,
  inlinePolicies: 10_240,
  /** The default. AWS raises it to 4,096 on request, but a first deployment must not depend on a request. */
  trustPolicy: 2_048,
  /** https://docs.aws.amazon.com/efs/latest/ug/create-file-system-policy.html */
  fileSystemPolicy: 20_000,
  /** In bytes: https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html */
  keyPolicy: 32_768,
  /** Since May 2026. Where AWS has not raised it yet: 5,120. */
  serviceControlPolicy: 10_240,
  resourceControlPolicy: 5_120,
} as const

/** The types of policies that the organization has to take: an operator enables each of them. */
export const organizationPolicyTypes = [
  'SERVICE_CONTROL_POLICY',
  'RESOURCE_CONTROL_POLICY',
  'S3_POLICY',
] as const
export type OrganizationPolicyType = (typeof organizationPolicyTypes)[number]

/** An organization's S3 policy: a declaration that no account can change, and no document of IAM. */
export type S3Policy = {
  s3_attributes: { public_access_block_configuration: { '@@assign': 'all' } }
}

export function policy(...statements: Statement[]): Policy {
  return { Version: '2012-10-17', Statement: statements }
}

/** The document as we send it: without white space, with the statements in their order. */
export function renderPolicy(document: Policy | S3Policy): string {
  return JSON.stringify(document)
}

/**
 * A principal's tag as a policy variable, with a default that matches no tag. Without the default, AWS may
 * drop a whole statement, even a deny, because one of its variables has no value.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
 */
export function principalTag(key: string): string {
  return `\${aws:PrincipalTag/${key}, '-'}`
}
