// Break-glass: the destructive part of the catalogue, for an hour, and never the vault or the evidence.
import { breakGlassActions } from './catalogue.ts'
import { delayStatements } from './delay-policies.ts'
import { bucketArn, feedbackBucketName, vaultBucketName } from './names.ts'
import { policy } from './policy.ts'
import type { Policy } from './policy.ts'
import type { VaultPlace } from './names.ts'

export function breakGlassPolicy(vault: VaultPlace): Policy {
  const buckets = [vaultBucketName(vault), feedbackBucketName(vault)].map(bucketArn)
  return policy(
    { Sid: 'BreakGlass', Effect: 'Allow', Action: breakGlassActions(), Resource: ['*'] },
    {
      Sid: 'LookFirst',
      Effect: 'Allow',
      Action: ['ec2:Describe*', 'rds:Describe*', 'dynamodb:Describe*', 'elasticfilesystem:Describe*', 's3:List*', 'backup:List*', 'backup:Describe*', 'kms:DescribeKey'],
      Resource: ['*'],
    },
    // Hurry is no reason to do without the way back.
    ...delayStatements('*'),
    { Sid: 'DenyVault', Effect: 'Deny', Action: ['s3:*'], Resource: [...buckets, ...buckets.map((arn) => `${arn}/*`)] },
  )
}
