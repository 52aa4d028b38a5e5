// Break-glass: a role that may call the destructive actions of the catalogue for one hour, but never on the
// vault or on evidence. With approvers configured, only an approved person may use it, and only until the
// approved time.
import { breakGlassActions } from './catalogue.ts'
import { delayStatements } from './delay-policies.ts'
import { approvalPolicyArn, bucketArn, everyRegion, feedbackBucketName, vaultBucketName } from './names.ts'
import { policy } from './policy.ts'
import type { Policy } from './policy.ts'
import type { VaultLocation } from './names.ts'

const readOnlyActions = [
  'ec2:Describe*',
  'rds:Describe*',
  'dynamodb:Describe*',
  'elasticfilesystem:Describe*',
  's3:List*',
  'backup:List*',
  'backup:Describe*',
  'kms:DescribeKey',
]

export function breakGlassPolicy(vault: VaultLocation): Policy {
  const buckets = [vaultBucketName, feedbackBucketName].map((nameOf) => bucketArn(nameOf(everyRegion(vault))))
  return policy(
    { Sid: 'BreakGlass', Effect: 'Allow', Action: breakGlassActions(), Resource: ['*'] },
    {
      Sid: 'LookFirst',
      Effect: 'Allow',
      Action: readOnlyActions,
      Resource: ['*'],
    },
    // An emergency is no reason to delete without a waiting time.
    ...delayStatements('*'),
    {
      Sid: 'DenyVault',
      Effect: 'Deny',
      Action: ['s3:*'],
      Resource: [...buckets, ...buckets.map((arn) => `${arn}/*`)],
    },
  )
}

export interface Approval {
  /** The source identity of the break-glass session. */
  sourceIdentity: string
  /** ISO 8601 in UTC. */
  until: string
}

/**
 * The permissions boundary of break-glass when approvers are configured. A boundary grants nothing, so an
 * approver gains nothing by writing it: the approver can't assume the role, and the role can't write its own
 * boundary. IAM compares the time at each call, so an approval also ends for open sessions.
 * @param approval null while no approver has approved
 */
export function approvalPolicy(approval: Approval | null): Policy {
  const everything = { Effect: 'Deny', Action: ['*'], Resource: ['*'] } as const
  if (approval === null) return policy({ Sid: 'NobodyApproved', ...everything })
  return policy(
    {
      Sid: 'Approved',
      Effect: 'Allow',
      Action: [...breakGlassActions(), ...readOnlyActions],
      Resource: ['*'],
    },
    // An explicit deny, because a resource policy that names a session is not limited by a boundary that only
    // omits an action.
    {
      Sid: 'DenyOthers',
      ...everything,
      Condition: { StringNotEquals: { 'aws:SourceIdentity': approval.sourceIdentity } },
    },
    {
      Sid: 'DenyAfterwards',
      ...everything,
      Condition: { DateGreaterThan: { 'aws:CurrentTime': approval.until } },
    },
  )
}

/**
 * An approver may write new versions of the approval policy, and delete old ones, because IAM keeps at most
 * five.
 */
export function approverPolicy(accountId: string): Policy {
  return policy({
    Sid: 'Approve',
    Effect: 'Allow',
    Resource: [approvalPolicyArn(accountId)],
    Action: [
      'iam:CreatePolicyVersion',
      'iam:DeletePolicyVersion',
      'iam:GetPolicy',
      'iam:GetPolicyVersion',
      'iam:ListPolicyVersions',
    ],
  })
}
