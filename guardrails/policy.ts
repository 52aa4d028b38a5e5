// The shape of an IAM policy document as Holdfast writes it: lists where IAM also takes a string, and always a Sid.

type ConditionValue = string | readonly string[]
export type Condition = Record<string, Record<string, ConditionValue>>

export type Statement = {
  /** Unique in its document; names the guard or the duty, so that a denied call can be traced to its reason. */
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
 * AWS's quotas in characters. Bucket, SCP and RCP documents are counted as sent, so they are sent without white space;
 * in IAM documents AWS doesn't count it.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
 * @see https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
 */
export const quotaChars = {
  bucketPolicy: 20_480,
  managedPolicy: 6_144,
  inlinePolicies: 10_240,
  /** The default; it can be raised to 4,096, which nobody should need to ask for before a first backup. */
  trustPolicy: 2_048,
  /** https://docs.aws.amazon.com/efs/latest/ug/create-file-system-policy.html */
  fileSystemPolicy: 20_000,
  serviceControlPolicy: 5_120,
  resourceControlPolicy: 5_120,
} as const

export function policy(...statements: Statement[]): Policy {
  return { Version: '2012-10-17', Statement: statements }
}

/** The document as it is sent: without white space, statements in the order given. */
export function renderPolicy(document: Policy): string {
  return JSON.stringify(document)
}

/**
 * A principal's tag as a policy variable, with a default that nobody carries: AWS may drop a whole statement, a deny too,
 * if one of its variables has no value.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
 */
export function principalTag(key: string): string {
  return `\${aws:PrincipalTag/${key}, '-'}`
}
