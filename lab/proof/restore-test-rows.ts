// Rows on restore tests: a schedule starts a state machine, and the machine starts its own tasks with two roles. The
// tasks share a file system: the task without a role may read the restored data and write its result, and nothing else.
import {
  checkClusterArn,
  checkClusterName,
  checkGroupArn,
  checkQueueArn,
  checkRoleArn,
  duties,
  dutyRoleArn,
  restoreTestGroupArn,
  restoreTestLogGroupName,
  restoreTestMachineArn,
  restoreTestMachineRoleName,
  restoreTestStarterRoleName,
  schedulerRoleName,
  taskExecutionRoleName,
} from '../../guardrails/names.ts'
import type { HoldfastConfig } from '../../infra/config.ts'
import { stateOf } from '../../infra/recorded-state.ts'
import type { RecordedResource } from '../../infra/recording.ts'
import type { Subject } from './principals.ts'
import type { ProofRow } from './proof-row.ts'
import { resourcePoliciesOf } from './resource-policies.ts'
import type { ResourcePolicy } from './resource-policies.ts'
import { makeRowsOf, servicePrincipal } from './row-maker.ts'
import type { RowMaker } from './row-maker.ts'

type Vault = Pick<HoldfastConfig, 'vaultAccountId' | 'region'>

export function restoreTestRows(
  config: HoldfastConfig,
  resources: readonly RecordedResource[],
  principals: readonly Subject[],
): ProofRow[] {
  const accountId = config.vaultAccountId
  const withRole = (name: string) =>
    principals.find(({ role }) => role?.arn === checkRoleArn(accountId, name))
  const [machine, starter] = [withRole(restoreTestMachineRoleName), withRole(restoreTestStarterRoleName)]
  if (machine === undefined || starter === undefined) return []
  const rows = makeRowsOf(accountId)
  return [
    ...trustRows(rows, config, machine, starter),
    ...machineRows(rows, config, machine),
    ...starterRows(rows, config, starter),
    ...schedulerRows(rows, config, withRole(schedulerRoleName)!),
    ...logRows(rows, config, withRole(taskExecutionRoleName)!),
    ...handOverRows(rows, accountId, resources, principals),
  ]
}

function trustRows(
  { may, mayNot }: RowMaker,
  { vaultAccountId: accountId, region }: Vault,
  machine: Subject,
  starter: Subject,
): ProofRow[] {
  const from = (source: string, account = accountId) => ({
    context: { 'aws:SourceAccount': account, 'aws:SourceArn': source },
    circumstance: `of ${source} for ${account}`,
  })
  const place = { accountId, region }
  const states = { name: 'state machine', principal: servicePrincipal('states') }
  const schedule = { name: 'schedule', principal: servicePrincipal('scheduler') }
  const machineArn = restoreTestMachineArn(place, 'some')
  const group = restoreTestGroupArn(place)
  const [machineRole, starterRole] = [machine.role!.arn, starter.role!.arn]
  return [
    may(states, 'sts:AssumeRole', machineRole, from(machineArn)),
    mayNot(states, 'sts:AssumeRole', machineRole, from(machineArn.replace('holdfast-', 'another-'))),
    mayNot(states, 'sts:AssumeRole', machineRole, from(machineArn, '999999999999')),
    may(schedule, 'sts:AssumeRole', starterRole, from(group)),
    mayNot(schedule, 'sts:AssumeRole', starterRole, from(checkGroupArn(place))),
    mayNot(schedule, 'sts:AssumeRole', starterRole, from(group, '999999999999')),
  ]
}

function machineRows(
  { may, mayNot }: RowMaker,
  { vaultAccountId: accountId, region }: Vault,
  machine: Subject,
): ProofRow[] {
  const inVault = (service: string, name: string) => `arn:aws:${service}:${region}:${accountId}:${name}`
  const task = (family: string) => inVault('ecs', `task-definition/${family}:1`)
  const ownTask = task('holdfast-examination-examine-some')
  const context = { 'ecs:cluster': checkClusterArn({ accountId, region }) }
  const elsewhere = { 'ecs:cluster': inVault('ecs', 'cluster/another') }
  const endRule = inVault('events', 'rule/StepFunctionsGetEventsForECSTaskRule')
  const passable = [checkRoleArn(accountId, taskExecutionRoleName), dutyRoleArn(accountId, 'drill')]
  const passedTo = (service: string) => ({ 'iam:PassedToService': `${service}.amazonaws.com` })
  return [
    may(machine, 'ecs:RunTask', ownTask, { context, circumstance: 'in its cluster' }),
    mayNot(machine, 'ecs:RunTask', ownTask, { context: elsewhere, circumstance: 'in another cluster' }),
    mayNot(machine, 'ecs:RunTask', task('holdfast-check-verify-some'), {
      context,
      circumstance: 'another task',
    }),
    mayNot(machine, 'ecs:RegisterTaskDefinition', ownTask),
    ...['ecs:DescribeTasks', 'ecs:StopTask'].flatMap((action) => [
      may(machine, action, inVault('ecs', `task/${checkClusterName}/some`)),
      mayNot(machine, action, inVault('ecs', 'task/another/some')),
    ]),
    ...['events:DescribeRule', 'events:PutRule', 'events:PutTargets'].flatMap((action) => [
      may(machine, action, endRule),
      mayNot(machine, action, inVault('events', 'rule/holdfast-check-failed')),
    ]),
    mayNot(machine, 'events:DeleteRule', endRule),
    ...[passable[0]!, ...duties.map((duty) => dutyRoleArn(accountId, duty))].flatMap((arn) => [
      (passable.includes(arn) ? may : mayNot)(machine, 'iam:PassRole', arn, {
        context: passedTo('ecs-tasks'),
        circumstance: 'to a task',
      }),
      mayNot(machine, 'iam:PassRole', arn, {
        context: passedTo('lambda'),
        circumstance: 'to another service',
      }),
    ]),
  ]
}

function starterRows(
  { may, mayNot }: RowMaker,
  { vaultAccountId: accountId, region }: Vault,
  starter: Subject,
): ProofRow[] {
  const machineArn = restoreTestMachineArn({ accountId, region }, 'some')
  return [
    may(starter, 'states:StartExecution', machineArn),
    mayNot(starter, 'states:StartExecution', machineArn.replace('holdfast-', 'another-'), {
      circumstance: 'another machine',
    }),
    mayNot(starter, 'states:UpdateStateMachine', machineArn),
    may(starter, 'sqs:SendMessage', checkQueueArn({ accountId, region })),
  ]
}

function schedulerRows(
  { mayNot }: RowMaker,
  { vaultAccountId: accountId, region }: Vault,
  scheduler: Subject,
): ProofRow[] {
  const place = { accountId, region }
  return [
    mayNot(scheduler, 'states:StartExecution', restoreTestMachineArn(place, 'some')),
    mayNot(
      scheduler,
      'ecs:RunTask',
      `arn:aws:ecs:${region}:${accountId}:task-definition/holdfast-examination-restore-some:1`,
      { context: { 'ecs:cluster': checkClusterArn(place) }, circumstance: 'a step of a restore test' },
    ),
  ]
}

function logRows(
  { may }: RowMaker,
  { vaultAccountId: accountId, region }: Vault,
  execution: Subject,
): ProofRow[] {
  const stream = `arn:aws:logs:${region}:${accountId}:log-group:${restoreTestLogGroupName}:log-stream:x`
  return [may(execution, 'logs:PutLogEvents', stream)]
}

const mount = 'elasticfilesystem:ClientMount'
const write = 'elasticfilesystem:ClientWrite'
const beRoot = 'elasticfilesystem:ClientRootAccess'

/**
 * The file systems between the tasks, mounted by every principal of the vault's account and by the task without a role.
 */
function handOverRows(
  rows: RowMaker,
  accountId: string,
  resources: readonly RecordedResource[],
  principals: readonly Subject[],
): ProofRow[] {
  const drill = principals.find(({ role }) => role?.arn === dutyRoleArn(accountId, 'drill'))!
  const anonymous = principals.find(({ kind }) => kind === 'anonymous')!
  // Owners of the account are left out, because they may do anything there. All others are strangers to the file
  // system.
  const strangers = principals.filter(
    ({ account, kind, name }) =>
      account === 'vault' && !['root', 'owner'].includes(kind) && name !== drill.name,
  )
  const points = resources.filter(({ type }) => type === 'aws:efs/accessPoint:AccessPoint')
  const pointArn = (name: string) =>
    points
      .filter((point) => point.name === name)
      .map((point) => String(stateOf(point.type, point.name, accountId, point.inputs).state['arn']))[0]!
  return resourcePoliciesOf(resources)
    .filter(({ label }) => label.startsWith('hand-over'))
    .flatMap((policy) =>
      fileSystemRows(
        rows,
        policy,
        { drill, anonymous, strangers },
        {
          data: pointArn(`${policy.name}-data`),
          answer: pointArn(`${policy.name}-answer`),
        },
      ),
    )
}

interface HandOverSubjects {
  /** Restores, with the role `drill`. */
  readonly drill: Subject
  /** Examines the restored data, without a role. */
  readonly anonymous: Subject
  readonly strangers: readonly Subject[]
}

/** ARNs of the access points of one file system. */
interface AccessPoints {
  readonly data: string
  readonly answer: string
}

const anotherPoint = 'arn:aws:elasticfilesystem:recorded:000000000000:access-point/fsap-another'

function fileSystemRows(
  { may, mayNot }: RowMaker,
  { resource, document }: ResourcePolicy,
  { drill, anonymous, strangers }: HandOverSubjects,
  { data, answer }: AccessPoints,
): ProofRow[] {
  const through = (point: string, context: ProofRow['context'] = {}, remark = '') => ({
    context: {
      'elasticfilesystem:AccessedViaMountTarget': 'true',
      'elasticfilesystem:AccessPointArn': point,
      'aws:SecureTransport': 'true',
      ...context,
    },
    circumstance: `through ${point.split('/').at(-1)!}${remark}`,
    resourcePolicy: document,
  })
  const unguarded = (point: string) => [
    through(point, { 'aws:SecureTransport': 'false' }, ', in plain'),
    through(point, { 'elasticfilesystem:AccessedViaMountTarget': 'false' }, ', around the network'),
  ]
  const tasks = [drill, anonymous]
  return [
    ...[mount, write].flatMap((action) => [
      may(drill, action, resource, through(data)),
      may(anonymous, action, resource, through(answer)),
      ...tasks.flatMap((subject) => [
        mayNot(subject, action, resource, through(anotherPoint)),
        ...[data, answer].flatMap((point) =>
          unguarded(point).map((details) => mayNot(subject, action, resource, details)),
        ),
      ]),
    ]),
    may(anonymous, mount, resource, through(data)),
    ...[anonymous, ...strangers].map((subject) => mayNot(subject, write, resource, through(data))),
    ...tasks.flatMap((subject) =>
      [data, answer].map((point) => mayNot(subject, beRoot, resource, through(point))),
    ),
  ]
}
