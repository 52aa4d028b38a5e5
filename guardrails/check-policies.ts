// Policies of scheduled checks: the roles that start a task, pull its image and write its log, and its
// network's endpoints.
import {
  auditBucketName,
  bucketArn,
  checkClusterArn,
  checkGroupArn,
  checkLogGroupName,
  checkQueueArn,
  checkRoleArn,
  feedbackBucketName,
  restoreTestLogGroupName,
  imageRepositoryName,
  keyPrefixes,
  taskExecutionRoleName,
  taskRoleArn,
  vaultBucketName,
} from './names.ts'
import { policy } from './policy.ts'
import type { Policy, Statement } from './policy.ts'
import type { TaskRole, VaultLocation } from './names.ts'

/** For the ECS agent that prepares a task. The container itself never gets these permissions. */
export function taskExecutionPolicy(locations: readonly VaultLocation[]): Policy {
  return policy(
    // IAM has no resource for the registry's token, because the token belongs to the account.
    { Sid: 'OpenRegistry', Effect: 'Allow', Action: ['ecr:GetAuthorizationToken'], Resource: ['*'] },
    { Sid: 'PullImage', Effect: 'Allow', Action: [...pullActions], Resource: locations.map(repositoryArn) },
    {
      Sid: 'WriteLogs',
      Effect: 'Allow',
      Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      Resource: locations.flatMap(logStreamArns),
    },
  )
}

/** The schedules may start only the tasks of checks, and only with these roles. */
export function schedulerPolicy(locations: readonly VaultLocation[], roles: readonly TaskRole[]): Policy {
  const { accountId } = locations[0]!
  return policy(
    {
      Sid: 'StartChecks',
      Effect: 'Allow',
      Action: ['ecs:RunTask'],
      Resource: locations.map(
        ({ region }) => `arn:aws:ecs:${region}:${accountId}:task-definition/holdfast-check-*`,
      ),
      Condition: { ArnEquals: { 'ecs:cluster': locations.map(checkClusterArn) } },
    },
    {
      Sid: 'PassRoles',
      Effect: 'Allow',
      Action: ['iam:PassRole'],
      Resource: [
        checkRoleArn(accountId, taskExecutionRoleName),
        ...roles.map((role) => taskRoleArn(accountId, role)),
      ],
      Condition: { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } },
    },
    {
      Sid: 'SayWhatFailed',
      Effect: 'Allow',
      Action: ['sqs:SendMessage'],
      Resource: locations.map(checkQueueArn),
    },
  )
}

export function schedulerTrustPolicy(locations: readonly VaultLocation[]): Policy {
  return trustSchedules(locations[0]!.accountId, locations.map(checkGroupArn))
}

/**
 * EventBridge Scheduler may use the role only for schedules of these groups (against AWS's confused deputy
 * problem).
 */
export function trustSchedules(accountId: string, groupArns: readonly string[]): Policy {
  return policy({
    Sid: 'TrustSchedules',
    Effect: 'Allow',
    Principal: { Service: 'scheduler.amazonaws.com' },
    Action: ['sts:AssumeRole'],
    Condition: {
      StringEquals: { 'aws:SourceAccount': accountId },
      ArnEquals: { 'aws:SourceArn': groupArns },
    },
  })
}

/**
 * The endpoint to S3 lets principals of the vault's account read the vault, write reports, receipts and feedback,
 * extend locks and prune versions, each as its role may. It lets ECR's signed URLs fetch image layers. Every other
 * bucket is closed, so stolen credentials can't move data out through this endpoint.
 * @see https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html#ecr-minimum-s3-perms
 */
export function storageEndpointPolicy(location: VaultLocation): Policy {
  const vault = bucketArn(vaultBucketName(location))
  const trail = bucketArn(auditBucketName(location))
  const fromVaultAccount = { StringEquals: { 'aws:PrincipalAccount': location.accountId } }
  return policy(
    {
      Sid: 'ReachVault',
      Effect: 'Allow',
      Principal: '*',
      Action: ['s3:Get*', 's3:List*', 's3:PutObject', 's3:PutObjectRetention', 's3:DeleteObjectVersion'],
      Resource: [vault, `${vault}/*`],
      Condition: fromVaultAccount,
    },
    {
      Sid: 'ReachFeedback',
      Effect: 'Allow',
      Principal: '*',
      Action: ['s3:PutObject'],
      Resource: [`${bucketArn(feedbackBucketName(location))}/${keyPrefixes.feedback}*`],
      Condition: fromVaultAccount,
    },
    {
      Sid: 'ReachTrail',
      Effect: 'Allow',
      Principal: '*',
      Action: [...readTrail],
      Resource: [trail, `${trail}/*`],
      Condition: fromVaultAccount,
    },
    reachLayers(location),
  )
}

const readTrail = ['s3:GetObject', 's3:GetObjectVersion', 's3:ListBucket', 's3:ListBucketVersions'] as const

/** Lists and reads the audit bucket, and nothing else. @param location of the audit bucket. */
export function auditReaderPolicy(location: VaultLocation): Policy {
  const trail = bucketArn(auditBucketName(location))
  return policy(
    {
      Sid: 'ReadTrail',
      Effect: 'Allow',
      Action: readTrail.slice(0, 2),
      Resource: [`${trail}/*`],
    },
    { Sid: 'ListTrail', Effect: 'Allow', Action: readTrail.slice(2), Resource: [trail] },
  )
}

/** For tasks that must not reach the vault: the endpoint serves image layers only, to every principal. */
export function layerEndpointPolicy(location: VaultLocation): Policy {
  return policy(reachLayers(location))
}

function reachLayers({ region }: VaultLocation): Statement {
  return {
    Sid: 'ReachLayers',
    Effect: 'Allow',
    Principal: '*',
    Action: ['s3:GetObject'],
    Resource: [`arn:aws:s3:::prod-${region}-starport-layer-bucket/*`],
  }
}

/**
 * Only principals of the vault's account may use the endpoint, and only to pull from the vault's own
 * repository.
 */
export function registryEndpointPolicy(location: VaultLocation): Policy {
  const fromVaultAccount = { StringEquals: { 'aws:PrincipalAccount': location.accountId } }
  return policy(
    {
      Sid: 'OpenRegistry',
      Effect: 'Allow',
      Principal: '*',
      Action: ['ecr:GetAuthorizationToken'],
      Resource: ['*'],
      Condition: fromVaultAccount,
    },
    {
      Sid: 'PullImage',
      Effect: 'Allow',
      Principal: '*',
      Action: [...pullActions],
      Resource: [repositoryArn(location)],
      Condition: fromVaultAccount,
    },
  )
}

/** The policies of the role and of the key decide which key it may use. */
export function keyEndpointPolicy({ accountId, region }: VaultLocation): Policy {
  return policy({
    Sid: 'SignReceipts',
    Effect: 'Allow',
    Principal: '*',
    Action: ['kms:Sign', 'kms:GetPublicKey'],
    Resource: [`arn:aws:kms:${region}:${accountId}:key/*`],
    Condition: { StringEquals: { 'aws:PrincipalAccount': accountId } },
  })
}

export function logEndpointPolicy(location: VaultLocation): Policy {
  return policy({
    Sid: 'WriteLogs',
    Effect: 'Allow',
    Principal: '*',
    Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
    Resource: logStreamArns(location),
    Condition: { StringEquals: { 'aws:PrincipalAccount': location.accountId } },
  })
}

const pullActions = [
  'ecr:BatchCheckLayerAvailability',
  'ecr:BatchGetImage',
  'ecr:GetDownloadUrlForLayer',
] as const

function repositoryArn({ accountId, region }: VaultLocation): string {
  return `arn:aws:ecr:${region}:${accountId}:repository/${imageRepositoryName}`
}

function logStreamArns({ accountId, region }: VaultLocation): string[] {
  return [checkLogGroupName, restoreTestLogGroupName].map(
    (group) => `arn:aws:logs:${region}:${accountId}:log-group:${group}:*`,
  )
}
