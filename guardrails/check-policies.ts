// What scheduled checks stand on: who starts a task, what brings its image and takes its log, and what its network lets through.
import {
  bucketArn,
  checkClusterArn,
  checkGroupArn,
  checkLogGroupName,
  checkQueueArn,
  checkRoleArn,
  dutyRoleArn,
  restoreTestLogGroupName,
  imageRepositoryName,
  taskExecutionRoleName,
  vaultBucketName,
} from './names.ts'
import { policy } from './policy.ts'
import type { Policy, Statement } from './policy.ts'
import type { Duty, VaultLocation } from './names.ts'

/** For ECS itself, not for what runs in a task: a container is never given these. */
export function taskExecutionPolicy(locations: readonly VaultLocation[]): Policy {
  return policy(
    // The registry's token is the account's: IAM has no resource for it.
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

/** The schedules start these tasks as these roles, and nothing else. */
export function schedulerPolicy(locations: readonly VaultLocation[], duties: readonly Duty[]): Policy {
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
        ...duties.map((duty) => dutyRoleArn(accountId, duty)),
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

/** AWS's confused deputy: Scheduler acts for the schedules of these groups, or not at all. */
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
 * What goes through the way to S3: the vault's own reading and reports by the vault's own principals, and the layers of images,
 * which S3 hands out by signed URLs of ECR's. Credentials that someone brings along open no other bucket.
 * @see https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html#ecr-minimum-s3-perms
 */
export function storageEndpointPolicy(location: VaultLocation): Policy {
  const vault = bucketArn(vaultBucketName(location))
  return policy(
    {
      Sid: 'ReachVault',
      Effect: 'Allow',
      Principal: '*',
      Action: ['s3:Get*', 's3:List*', 's3:PutObject'],
      Resource: [vault, `${vault}/*`],
      Condition: { StringEquals: { 'aws:PrincipalAccount': location.accountId } },
    },
    reachLayers(location),
  )
}

/** For tasks that have no business with the vault: the layers of images, and no other bucket for anybody. */
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

/** What goes through the ways to the registry and to the logs: the vault's own principals, to the vault's own repository and log group. */
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
