// What examinations stand on: who starts them, what starts their tasks, and what lies between the task that reads the vault and
// those that have no role.
import {
  checkClusterArn,
  checkClusterName,
  checkQueueArn,
  checkRoleArn,
  dutyRoleArn,
  examinationFamily,
  examinationGroupArn,
  examinationMachineArn,
  taskExecutionRoleName,
  taskRuleName,
} from './names.ts'
import { trustSchedules } from './check-policies.ts'
import { policy } from './policy.ts'
import type { Condition, Policy } from './policy.ts'
import type { VaultPlace } from './names.ts'

/**
 * One role for the machines of all sources: the role that their tasks may be given reads all sources too.
 * @see https://docs.aws.amazon.com/step-functions/latest/dg/connect-ecs.html
 */
export function examinationMachinePolicy(places: readonly VaultPlace[]): Policy {
  const { accountId } = places[0]!
  const inEach = (service: string, rest: string) =>
    places.map(({ region }) => `arn:aws:${service}:${region}:${accountId}:${rest}`)
  return policy(
    {
      Sid: 'StartSteps',
      Effect: 'Allow',
      Action: ['ecs:RunTask'],
      Resource: inEach('ecs', `task-definition/${examinationFamily('*', '*')}`),
      Condition: { ArnEquals: { 'ecs:cluster': places.map(checkClusterArn) } },
    },
    {
      Sid: 'WatchSteps',
      Effect: 'Allow',
      Action: ['ecs:DescribeTasks', 'ecs:StopTask'],
      Resource: inEach('ecs', `task/${checkClusterName}/*`),
    },
    {
      Sid: 'HearOfEnd',
      Effect: 'Allow',
      Action: ['events:DescribeRule', 'events:PutRule', 'events:PutTargets'],
      Resource: inEach('events', `rule/${taskRuleName}`),
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

export function examinationMachineTrustPolicy(places: readonly VaultPlace[]): Policy {
  return policy({
    Sid: 'TrustMachines',
    Effect: 'Allow',
    Principal: { Service: 'states.amazonaws.com' },
    Action: ['sts:AssumeRole'],
    Condition: {
      StringEquals: { 'aws:SourceAccount': places[0]!.accountId },
      ArnLike: { 'aws:SourceArn': places.map((place) => examinationMachineArn(place, '*')) },
    },
  })
}

/** The schedules of examinations start these machines, and nothing else. */
export function examinationStarterPolicy(places: readonly VaultPlace[]): Policy {
  return policy(
    {
      Sid: 'StartExaminations',
      Effect: 'Allow',
      Action: ['states:StartExecution'],
      Resource: places.map((place) => examinationMachineArn(place, '*')),
    },
    {
      Sid: 'SayWhatFailed',
      Effect: 'Allow',
      Action: ['sqs:SendMessage'],
      Resource: places.map(checkQueueArn),
    },
  )
}

export function examinationStarterTrustPolicy(places: readonly VaultPlace[]): Policy {
  return trustSchedules(places[0]!.accountId, places.map(examinationGroupArn))
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
  const anybody = { AWS: '*' }
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
      Principal: anybody,
      Action: [mount],
      Resource: [fileSystem],
      Condition: through(data),
    },
    {
      Sid: 'Answer',
      Effect: 'Allow',
      Principal: anybody,
      Action: [mount, write],
      Resource: [fileSystem],
      Condition: through(answer),
    },
    {
      Sid: 'DenyPlain',
      Effect: 'Deny',
      Principal: anybody,
      Action: [mount, write, 'elasticfilesystem:ClientRootAccess'],
      Resource: [fileSystem],
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    },
  )
}
