// Rows on scheduled checks: a schedule starts its own tasks with its own roles, ECS pulls their image, and neither
// can do more.
import {
  auditBucketName,
  auditReaderRoleName,
  bucketArn,
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
  vaultBucketName,
} from '../../guardrails/names.ts'
import { firstLocationOf } from '../../infra/config.ts'
import type { HoldfastConfig } from '../../infra/config.ts'
import type { Subject } from './principals.ts'
import type { ProofRow } from './proof-row.ts'
import { makeRowsOf, servicePrincipal } from './row-maker.ts'
import type { RowMaker } from './row-maker.ts'

/** The duties of scheduled checks: a schedule may pass the role of these and of no other duty. */
const checkDuties: readonly string[] = ['notary', 'custodian', 'drill']

interface Vault {
  readonly accountId: string
  readonly region: string
}

export function checkRows(config: HoldfastConfig, principals: readonly Subject[]): ProofRow[] {
  const vault: Vault = { accountId: config.vaultAccountId, region: config.region }
  const withRole = (name: string) =>
    principals.find(({ role }) => role?.arn === checkRoleArn(vault.accountId, name))
  const [execution, scheduler, reader] = [taskExecutionRoleName, schedulerRoleName, auditReaderRoleName].map(
    withRole,
  )
  if (execution === undefined || scheduler === undefined || reader === undefined) return []
  const rows = makeRowsOf(vault.accountId)
  return [
    ...trustRows(rows, vault, scheduler),
    ...taskRows(rows, vault, scheduler),
    ...passRows(rows, vault, scheduler),
    rows.may(scheduler, 'sqs:SendMessage', checkQueueArn(vault)),
    ...executionRows(rows, vault, execution),
    ...readerRows(rows, config, reader),
  ]
}

/** The reader of the audit trail sees every call of the organization, and so has no way to the backups. */
function readerRows({ may, mayNot }: RowMaker, config: HoldfastConfig, reader: Subject): ProofRow[] {
  const place = firstLocationOf(config)
  const [trail, vault] = [bucketArn(auditBucketName(place)), bucketArn(vaultBucketName(place))]
  return [
    ...['s3:ListBucket', 's3:ListBucketVersions'].map((action) => may(reader, action, trail)),
    ...['s3:GetObject', 's3:GetObjectVersion'].map((action) => may(reader, action, `${trail}/AWSLogs/x`)),
    ...['s3:PutObject', 's3:DeleteObjectVersion', 's3:PutObjectRetention'].map((action) =>
      mayNot(reader, action, `${trail}/AWSLogs/x`),
    ),
    ...['s3:GetObject', 's3:PutObject'].map((action) => mayNot(reader, action, `${vault}/sources/x`)),
    mayNot(reader, 's3:ListBucketVersions', vault),
  ]
}

function arnIn({ accountId, region }: Vault, service: string, name: string): string {
  return `arn:aws:${service}:${region}:${accountId}:${name}`
}

function trustRows({ may, mayNot }: RowMaker, vault: Vault, scheduler: Subject): ProofRow[] {
  const schedule = { name: 'schedule', principal: servicePrincipal('scheduler') }
  const from = (accountId: string, group: string) => ({
    context: { 'aws:SourceAccount': accountId, 'aws:SourceArn': group },
    circumstance: `of ${group} for ${accountId}`,
  })
  const { arn } = scheduler.role!
  const group = checkGroupArn(vault)
  return [
    may(schedule, 'sts:AssumeRole', arn, from(vault.accountId, group)),
    mayNot(schedule, 'sts:AssumeRole', arn, from(vault.accountId, group.replace(/[^/]+$/, 'default'))),
    mayNot(schedule, 'sts:AssumeRole', arn, from('999999999999', group)),
  ]
}

function taskRows({ may, mayNot }: RowMaker, vault: Vault, scheduler: Subject): ProofRow[] {
  const task = (family: string) => arnIn(vault, 'ecs', `task-definition/${family}:1`)
  const ownTask = task('holdfast-check-verify-some')
  const context = { 'ecs:cluster': checkClusterArn(vault) }
  const elsewhere = { 'ecs:cluster': arnIn(vault, 'ecs', 'cluster/another') }
  return [
    may(scheduler, 'ecs:RunTask', ownTask, { context, circumstance: 'in its cluster' }),
    mayNot(scheduler, 'ecs:RunTask', ownTask, { context: elsewhere, circumstance: 'in another cluster' }),
    mayNot(scheduler, 'ecs:RunTask', task('another'), { context, circumstance: 'another task' }),
    mayNot(scheduler, 'ecs:RegisterTaskDefinition', ownTask),
  ]
}

function passRows({ may, mayNot }: RowMaker, { accountId }: Vault, scheduler: Subject): ProofRow[] {
  const passedTo = (service: string) => ({ 'iam:PassedToService': `${service}.amazonaws.com` })
  const passed = [
    { arn: checkRoleArn(accountId, taskExecutionRoleName), make: may },
    { arn: checkRoleArn(accountId, auditReaderRoleName), make: may },
    ...duties.map((duty) => ({
      arn: dutyRoleArn(accountId, duty),
      make: checkDuties.includes(duty) ? may : mayNot,
    })),
  ]
  return passed.flatMap(({ arn, make }) => [
    make(scheduler, 'iam:PassRole', arn, { context: passedTo('ecs-tasks'), circumstance: 'to a task' }),
    mayNot(scheduler, 'iam:PassRole', arn, {
      context: passedTo('lambda'),
      circumstance: 'to another service',
    }),
  ])
}

function executionRows({ may, mayNot }: RowMaker, vault: Vault, execution: Subject): ProofRow[] {
  const repository = (name: string) => arnIn(vault, 'ecr', `repository/${name}`)
  const stream = (group: string) => arnIn(vault, 'logs', `log-group:${group}:log-stream:x`)
  return [
    may(execution, 'ecr:GetAuthorizationToken', '*'),
    ...['ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer', 'ecr:BatchCheckLayerAvailability'].flatMap(
      (action) => [
        may(execution, action, repository(imageRepositoryName)),
        mayNot(execution, action, repository('another')),
      ],
    ),
    mayNot(execution, 'ecr:PutImage', repository(imageRepositoryName)),
    may(execution, 'logs:PutLogEvents', stream(checkLogGroupName)),
    mayNot(execution, 'logs:PutLogEvents', stream('/another')),
  ]
}
