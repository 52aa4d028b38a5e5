// Break-glass: the destructive part of the catalogue, for an hour, and never the vault or the evidence; if approvers are named,
// only for whom and until when one of them has said.
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
    // Hurry is no reason to do without the way back.
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
  /** The source identity with which the glass is broken. */
  sourceIdentity: string
  /** ISO 8601 in UTC. */
  until: string
}

/**
 * The boundary of break-glass where approvers are named. A boundary is the one document that somebody may be trusted to
 * write for a role without gaining anything by it: it grants nothing, whoever writes it can't assume the role, and whoever
 * assumes the role can't write it. IAM compares the time itself, for sessions that are running too.
 * @param approval null: nobody has approved
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
    // Denied, not only not allowed: a resource's own policy that names a session goes around what a boundary leaves out.
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

/** For whoever approves: another version of that one policy, and the removal of old ones, of which IAM keeps five. */
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
