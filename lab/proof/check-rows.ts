// What scheduled checks stand on: schedules start their own tasks as their own roles, ECS brings their image, and none of it does more.
import {
  checkClusterArn,
  checkGroupArn,
  checkLogGroupName,
  checkQueueArn,
  checkRoleArn,
  duties,
  dutyRoleArn,
  imageRepositoryName,
  schedulerRoleName,
  taskExecutionRoleName,
} from '../../guardrails/names.ts'
import type { HoldfastConfig } from '../../infra/config.ts'
import type { Principal } from '../sandbox/identity/principal.ts'
import type { Subject } from './principals.ts'
import type { ProofRow } from './proof-row.ts'

/** Of the duties, those that a check has: what the schedules may pass. */
const checkDuties: readonly string[] = ['drill']

export function checkRows(config: HoldfastConfig, cast: readonly Subject[]): ProofRow[] {
  const place = { accountId: config.vaultAccountId, region: config.region }
  const execution = cast.find(
    ({ role }) => role?.arn === checkRoleArn(place.accountId, taskExecutionRoleName),
  )
  const scheduler = cast.find(({ role }) => role?.arn === checkRoleArn(place.accountId, schedulerRoleName))
  if (execution === undefined || scheduler === undefined) return []
  const inVault = (service: string, rest: string) =>
    `arn:aws:${service}:${place.region}:${place.accountId}:${rest}`
  const row = (
    subject: { name: string; principal: Principal },
    action: string,
    resource: string,
    isRight: boolean,
    context: ProofRow['context'] = {},
    circumstance = '',
  ): ProofRow => ({
    group: isRight ? 'duty' : 'weakening',
    who: subject.name,
    principal: subject.principal,
    actions: [action],
    resource,
    resourceAccountId: place.accountId,
    context,
    circumstance,
    expected: isRight ? 'allowed' : 'denied',
  })
  const task = (family: string) => inVault('ecs', `task-definition/${family}:1`)
  const inCluster = (arn: string) => ({ 'ecs:cluster': arn })
  const passedTo = (service: string) => ({ 'iam:PassedToService': `${service}.amazonaws.com` })
  const stream = (group: string) => inVault('logs', `log-group:${group}:log-stream:x`)
  const schedules: Subject = {
    ...scheduler,
    name: 'schedule',
    principal: { kind: 'service', accountId: null, arn: 'scheduler.amazonaws.com' },
  }
  const comesFrom = (accountId: string, group: string, isRight: boolean): ProofRow => ({
    ...row(
      schedules,
      'sts:AssumeRole',
      scheduler.role!.arn,
      isRight,
      { 'aws:SourceAccount': accountId, 'aws:SourceArn': group },
      `of ${group} for ${accountId}`,
    ),
    group: isRight ? 'duty' : 'ways-in',
  })
  return [
    comesFrom(place.accountId, checkGroupArn(place), true),
    comesFrom(place.accountId, checkGroupArn(place).replace(/[^/]+$/, 'default'), false),
    comesFrom('999999999999', checkGroupArn(place), false),
    row(
      scheduler,
      'ecs:RunTask',
      task('holdfast-check-verify-some'),
      true,
      inCluster(checkClusterArn(place)),
      'in its cluster',
    ),
    row(
      scheduler,
      'ecs:RunTask',
      task('holdfast-check-verify-some'),
      false,
      inCluster(inVault('ecs', 'cluster/another')),
      'in another cluster',
    ),
    row(scheduler, 'ecs:RunTask', task('another'), false, inCluster(checkClusterArn(place)), 'another task'),
    row(scheduler, 'ecs:RegisterTaskDefinition', task('holdfast-check-verify-some'), false),
    ...[
      checkRoleArn(place.accountId, taskExecutionRoleName),
      ...duties.map((duty) => dutyRoleArn(place.accountId, duty)),
    ].flatMap((arn) => [
      row(
        scheduler,
        'iam:PassRole',
        arn,
        !duties.some((duty) => !checkDuties.includes(duty) && arn === dutyRoleArn(place.accountId, duty)),
        passedTo('ecs-tasks'),
        'to a task',
      ),
      row(scheduler, 'iam:PassRole', arn, false, passedTo('lambda'), 'to something else'),
    ]),
    row(scheduler, 'sqs:SendMessage', checkQueueArn(place), true),
    row(execution, 'ecr:GetAuthorizationToken', '*', true),
    ...['ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer', 'ecr:BatchCheckLayerAvailability'].flatMap(
      (action) => [
        row(execution, action, inVault('ecr', `repository/${imageRepositoryName}`), true),
        row(execution, action, inVault('ecr', 'repository/another'), false),
      ],
    ),
    row(execution, 'ecr:PutImage', inVault('ecr', `repository/${imageRepositoryName}`), false),
    row(execution, 'logs:PutLogEvents', stream(checkLogGroupName), true),
    row(execution, 'logs:PutLogEvents', stream('/another'), false),
  ]
}
