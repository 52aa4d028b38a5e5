// Policies of restore tests: the roles that start a run and its tasks, and the file system between the tasks.
// Through it, the task that reads the vault hands restored data to the tasks without a role.
import {
  checkClusterArn,
  checkClusterName,
  checkQueueArn,
  checkRoleArn,
  dutyRoleArn,
  restoreTestFamily,
  restoreTestGroupArn,
  restoreTestMachineArn,
  taskExecutionRoleName,
  taskRuleName,
} from './names.ts'
import { trustSchedules } from './check-policies.ts'
import { policy } from './policy.ts'
import type { Condition, Policy } from './policy.ts'
import type { VaultLocation } from './names.ts'

/**
 * All sources share one machine role. A role for each source would protect nothing, because the drill role of
 * their tasks reads every source.
 * @see https://docs.aws.amazon.com/step-functions/latest/dg/connect-ecs.html
 */
export function restoreTestMachinePolicy(locations: readonly VaultLocation[]): Policy {
  const { accountId } = locations[0]!
  const arnsOf = (service: string, resource: string) =>
    locations.map(({ region }) => `arn:aws:${service}:${region}:${accountId}:${resource}`)
  return policy(
    {
      Sid: 'StartSteps',
      Effect: 'Allow',
      Action: ['ecs:RunTask'],
      Resource: arnsOf('ecs', `task-definition/${restoreTestFamily('*', '*')}`),
      Condition: { ArnEquals: { 'ecs:cluster': locations.map(checkClusterArn) } },
    },
    {
      Sid: 'WatchSteps',
      Effect: 'Allow',
      Action: ['ecs:DescribeTasks', 'ecs:StopTask'],
      Resource: arnsOf('ecs', `task/${checkClusterName}/*`),
    },
    {
      Sid: 'HearOfEnd',
      Effect: 'Allow',
      Action: ['events:DescribeRule', 'events:PutRule', 'events:PutTargets'],
      Resource: arnsOf('events', `rule/${taskRuleName}`),
    },
    {
      Sid: 'PassRoles',
      Effect: 'Allow',
      Action: ['iam:PassRole'],
      Resource: [checkRoleArn(accountId, taskExecutionRoleName), dutyRoleArn(accountId, 'drill')],
      Condition: { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } },
    },
  )
}

export function restoreTestMachineTrustPolicy(locations: readonly VaultLocation[]): Policy {
  return policy({
    Sid: 'TrustMachines',
    Effect: 'Allow',
    Principal: { Service: 'states.amazonaws.com' },
    Action: ['sts:AssumeRole'],
    Condition: {
      StringEquals: { 'aws:SourceAccount': locations[0]!.accountId },
      ArnLike: { 'aws:SourceArn': locations.map((location) => restoreTestMachineArn(location, '*')) },
    },
  })
}

/** The schedules of restore tests may start only these state machines. */
export function restoreTestStarterPolicy(locations: readonly VaultLocation[]): Policy {
  return policy(
    {
      Sid: 'StartExaminations',
      Effect: 'Allow',
      Action: ['states:StartExecution'],
      Resource: locations.map((location) => restoreTestMachineArn(location, '*')),
    },
    {
      Sid: 'SayWhatFailed',
      Effect: 'Allow',
      Action: ['sqs:SendMessage'],
      Resource: locations.map(checkQueueArn),
    },
  )
}

export function restoreTestStarterTrustPolicy(locations: readonly VaultLocation[]): Policy {
  return trustSchedules(locations[0]!.accountId, locations.map(restoreTestGroupArn))
}

export interface HandOverArns {
  fileSystem: string
  /** The access point of the restored files. */
  data: string
  /** The access point of the restore test's result. */
  answer: string
}

/**
 * A task without a role is anonymous, so every client that the network admits may read the restored files and
 * write a result. Only the role that restores may write the restored files. No client gets root access, and
 * every client has to use an access point.
 * @see https://docs.aws.amazon.com/efs/latest/ug/iam-access-control-nfs-efs.html
 */
export function handOverPolicy(accountId: string, { fileSystem, data, answer }: HandOverArns): Policy {
  const mount = 'elasticfilesystem:ClientMount'
  const write = 'elasticfilesystem:ClientWrite'
  const through = (accessPoint: string): Condition => ({
    Bool: { 'elasticfilesystem:AccessedViaMountTarget': 'true' },
    StringEquals: { 'elasticfilesystem:AccessPointArn': accessPoint },
  })
  const everyone = { AWS: '*' }
  return policy(
    {
      Sid: 'Restore',
      Effect: 'Allow',
      Principal: { AWS: dutyRoleArn(accountId, 'drill') },
      Action: [mount, write],
      Resource: [fileSystem],
      Condition: through(data),
    },
    {
      Sid: 'Read',
      Effect: 'Allow',
      Principal: everyone,
      Action: [mount],
      Resource: [fileSystem],
      Condition: through(data),
    },
    {
      Sid: 'Answer',
      Effect: 'Allow',
      Principal: everyone,
      Action: [mount, write],
      Resource: [fileSystem],
      Condition: through(answer),
    },
    {
      Sid: 'DenyPlain',
      Effect: 'Deny',
      Principal: everyone,
      Action: [mount, write, 'elasticfilesystem:ClientRootAccess'],
      Resource: [fileSystem],
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    },
  )
}
