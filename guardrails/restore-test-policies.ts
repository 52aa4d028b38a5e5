// What examinations stand on: who starts them, what starts their tasks, and what lies between the task that reads the vault and
// those that have no role.
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
 * One role for the machines of all sources: the role that their tasks may be given reads all sources too.
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

/** The schedules of examinations start these machines, and nothing else. */
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
  /** Access point of what was restored. */
  data: string
  /** Access point of the answer. */
  answer: string
}

/**
 * A client without a role is anybody whom the network lets near: it may read what was restored and write an answer. To write
 * among what was restored takes the role that restores. Nobody is root on it, and nothing goes around the access points.
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
